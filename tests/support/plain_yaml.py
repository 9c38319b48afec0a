"""Reads the plain YAML that API specifications are written in, without another dependency.

Block mappings and sequences, quoted and plain scalars over several lines, block scalars, one-line
flow collections. No anchors, tags or merge keys: whatever else it meets, it raises.
"""

from __future__ import annotations

import json
import re
from typing import Any

_KEY = re.compile(
    r"""(?P<key>"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s#&*!|>'"\[{][^#]*?)\s*:(?:\s+|$)"""
)
_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None, "~": None, "": None}


class NotPlain(ValueError):
    """YAML beyond what this reads."""


class _Lines:
    """Lines with their indents; blank ones only matter inside block scalars."""

    def __init__(self, text: str) -> None:
        self.lines = text.split("\n")
        self.at = 0

    def peek(self) -> tuple[int, str] | None:
        while self.at < len(self.lines):
            line = self.lines[self.at]
            stripped = line.strip()
            if stripped and not stripped.startswith("#"):
                return len(line) - len(line.lstrip()), stripped
            self.at += 1
        return None

    def take(self) -> str:
        self.at += 1
        return self.lines[self.at - 1]


def load(text: str) -> Any:  # noqa: ANN401
    """The one document of a text."""
    lines = _Lines(text)
    return _block(lines, 0)


def _block(lines: _Lines, indent: int) -> Any:  # noqa: ANN401
    first = lines.peek()
    if first is None or first[0] < indent:
        return None
    if first[1].startswith("- ") or first[1] == "-":
        return _sequence(lines, first[0])
    return _mapping(lines, first[0])


def _sequence(lines: _Lines, indent: int) -> list[Any]:
    items = []
    while (head := lines.peek()) is not None and head[0] == indent and head[1].startswith("-"):
        rest = head[1][1:].lstrip()
        if not rest:
            lines.take()
            items.append(_block(lines, indent + 1))
        elif _key(rest) is None:
            lines.take()
            items.append(_value(lines, rest, indent))
        else:
            # The item is a mapping that begins beside its dash.
            line = lines.lines[lines.at]
            lines.lines[lines.at] = line.replace("-", " ", 1)
            items.append(_block(lines, indent + 1))
    return items


def _mapping(lines: _Lines, indent: int) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    while (head := lines.peek()) is not None and head[0] == indent:
        match = _key(head[1])
        if match is None:
            raise NotPlain(f"line {lines.at + 1}: {head[1]!r}")
        lines.take()
        key = _scalar(match["key"])
        rest = head[1][match.end() :].strip()
        if rest and not rest.startswith("#"):
            found[key] = _value(lines, rest, indent)
            continue
        below = lines.peek()
        is_list = below is not None and below[0] == indent and below[1].startswith("- ")
        found[key] = _block(lines, indent if is_list else indent + 1)
    return found


def _key(text: str) -> re.Match[str] | None:
    return _KEY.match(text)


def _value(lines: _Lines, text: str, indent: int) -> Any:  # noqa: ANN401
    if text[0] in "|>":
        return _block_scalar(lines, text, indent)
    if text[0] in "\"'":
        return _scalar(_until_quote_ends(lines, text))
    if text[0] in "[{":
        while text.count("[") != text.count("]") or text.count("{") != text.count("}"):
            text += " " + lines.take().strip()
        return _flow(text)
    words = [_uncommented(text)]
    while (head := lines.peek()) is not None and head[0] > indent:
        words.append(_uncommented(lines.take().strip()))
    return _scalar(" ".join(words)) if len(words) == 1 else " ".join(words)


def _uncommented(text: str) -> str:
    return re.split(r"\s#", text, maxsplit=1)[0].rstrip()


def _until_quote_ends(lines: _Lines, text: str) -> str:
    quote = text[0]
    pattern = re.compile(r'"(?:[^"\\]|\\.)*"' if quote == '"' else r"'(?:[^']|'')*'")
    while (match := pattern.match(text)) is None:
        line = lines.take().strip()
        text += f" {line}" if line else "\n"
    return match[0]


def _block_scalar(lines: _Lines, head: str, indent: int) -> str:
    taken: list[str] = []
    while lines.at < len(lines.lines):
        line = lines.lines[lines.at]
        if line.strip() and len(line) - len(line.lstrip()) <= indent:
            break
        taken.append(lines.take())
    depth = min((len(x) - len(x.lstrip()) for x in taken if x.strip()), default=0)
    body = [line[depth:] for line in taken]
    if head[0] == ">":
        # Only prose is folded here, and nobody validates prose.
        return " ".join(part for part in (line.strip() for line in body) if part)
    return "\n".join(body).rstrip("\n") + ("" if "-" in head else "\n")


def _flow(text: str) -> Any:  # noqa: ANN401
    """A one-line collection; its plain words become JSON strings first."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        pass
    tokens = re.findall(
        r"\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'|[\[\]{},]|:(?=\s)|[^\[\]{},:\s][^\[\]{},]*?(?=\s*(?:[,\]}]|:\s))",
        text,
    )
    return json.loads("".join(t if t in "[]{},:" else json.dumps(_scalar(t)) for t in tokens))


def _scalar(text: str) -> Any:  # noqa: ANN401
    if text[:1] == '"':
        return json.loads(text)
    if text[:1] == "'":
        return text[1:-1].replace("''", "'")
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _NUMBER.fullmatch(text):
        return int(text) if text.lstrip("+-").isdigit() else float(text)
    return text
