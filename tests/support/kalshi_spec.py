"""Holds our structs, requests and replies against Kalshi's published specification (its digest)."""

from __future__ import annotations

import json
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl

import msgspec

from kairos.adapters.kalshi.config import API
from kairos.adapters.kalshi.endpoints import USED, Endpoint
from kairos.ports import HttpRequest, HttpResponse
from tests.support.repository import ROOT

DIGEST = ROOT / "tests" / "contract" / "data" / "kalshi_spec_digest.json"
_BASES: dict[type, set[str]] = {
    str: {"string"},
    int: {"integer"},
    float: {"number", "integer"},
    bool: {"boolean"},
}
_TEXTS = {
    "FixedPointDollars": "0.5600", "FixedPointCount": "10.00", "price_dollars": "0.5600",
    "delta_fp": "-54.00",
}  # fmt: skip

Digest = dict[str, Any]


def load(path: Path = DIGEST) -> Digest:
    digest: Digest = json.loads(path.read_text())
    return digest


def differences(
    struct: type[msgspec.Struct], schema: str, schemas: Digest, *, sent: bool = False
) -> Iterator[str]:
    """Every way in which what we read (or send) is not what the specification says."""
    fields = schemas.get(schema)
    if fields is None:
        yield f"{schema}: is gone"
        return
    hints = get_type_hints(struct)
    ours = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    if sent:
        left_out = {name for name, field in fields.items() if field[1]} - ours.keys()
        yield from (f"{schema}.{name}: must be sent" for name in sorted(left_out))
    for name, field in ours.items():
        place = f"{schema}.{name}"
        if name not in fields:
            yield f"{place}: is gone"
            continue
        kind, required = fields[name][:2]
        members = _members(hints[field.name])
        yield from _mismatch(place, members, kind, schemas, sent=sent)
        if not sent and field.required and not required:
            yield f"{place}: may be absent"
        if sent and required and not field.required:
            yield f"{place}: must be sent"
        if not sent and kind.endswith("?") and type(None) not in members:
            yield f"{place}: may be null"


def _mismatch(
    place: str, members: list[Any], kind: str, schemas: Digest, *, sent: bool
) -> Iterator[str]:
    bare = kind.removesuffix("?")
    for member in members:
        if member is Any or member is type(None) or member is msgspec.Raw:
            continue
        origin = get_origin(member)
        if origin is list and bare.startswith("["):
            inner = _members(get_args(member)[0])
            yield from _mismatch(f"{place}[]", inner, bare[1:-1], schemas, sent=sent)
        elif origin is tuple and bare.startswith("["):
            yield from _mismatch(
                f"{place}[]", list(get_args(member)), bare[1:-1], schemas, sent=sent
            )
        elif isinstance(member, type) and issubclass(member, msgspec.Struct):
            if not bare.startswith("@"):
                yield f"{place}: is {kind}, not an object"
            else:
                yield from differences(member, bare[1:], schemas, sent=sent)
        elif origin in (list, tuple) or bare.startswith(("[", "@")):
            if not any(get_origin(each) is dict for each in members):
                yield f"{place}: is {kind}, not {member}"
        elif not _BASES.get(member, set()) & {_base(bare)} and not _also(members, bare):
            yield f"{place}: is {kind}, not {getattr(member, '__name__', member)}"


def _also(members: list[Any], bare: str) -> bool:
    """One of several spellings that we accept is the specified one."""
    return any(_base(bare) in _BASES.get(member, set()) for member in members)


def _members(hint: Any) -> list[Any]:  # noqa: ANN401
    return list(get_args(hint)) if get_origin(hint) in (Union, types.UnionType) else [hint]


def _base(kind: str) -> str:
    return kind.partition("<")[0].partition(":")[0]


def example(kind: str, schemas: Digest, *, whole: bool, enum: Any = None) -> Any:  # noqa: ANN401
    """A value of a digest type: with every field, or with only what is required."""
    bare = kind.removesuffix("?")
    if bare.startswith("["):
        inner = example(bare[1:-1], schemas, whole=whole, enum=enum)
        return [inner, inner] if bare.startswith("[string") else [inner]
    if bare.startswith("@"):
        return {
            name: example(field[0], schemas, whole=whole, enum=field[2] if field[2:] else None)
            for name, field in schemas[bare[1:]].items()
            if name != "error" and (field[1] or whole)
        }
    if enum:
        return enum[0]
    if ":date-time" in bare:
        return "2026-11-21T02:30:00.123456Z"
    base, name = _base(bare), bare.partition("<")[2].removesuffix(">")
    if base == "object":
        return {}
    return {"string": _TEXTS.get(name, "text"), "integer": 1, "boolean": True}.get(base, 1.5)


class SpecTransport:
    """Answers like the specification, and notes in `wrong` whatever a request has no right to.

    `replies` has answers for endpoints whose example would contradict itself.
    """

    def __init__(self, digest: Digest, *, whole: bool, replies: Digest | None = None) -> None:
        self._paths = digest["openapi"]["paths"]
        self._schemas = digest["openapi"]["schemas"]
        self._whole = whole
        self._replies = replies or {}
        self.wrong: list[str] = []
        self.seen: set[str] = set()
        self.requests: list[HttpRequest] = []

    async def send(self, request: HttpRequest, timeout_seconds: float) -> HttpResponse:
        self.requests.append(request)
        endpoint = endpoint_of(request)
        self.seen.add(endpoint.name)
        told = self._paths.get(endpoint.name)
        if told is None:
            self.wrong.append(f"{endpoint.name}: is gone")
            return HttpResponse(404, {}, b"{}")
        self.wrong.extend(self._query(endpoint.name, request.query, told["query"]))
        self.wrong.extend(self._body(endpoint.name, request.body, told["request"]))
        ((status, kind),) = told["responses"].items()
        return HttpResponse(int(status), {}, self._reply(endpoint.name, kind))

    def _reply(self, name: str, kind: str | None) -> bytes:
        if kind is None:
            return b""
        filled = example(kind, self._schemas, whole=self._whole)
        if "cursor" in filled:
            filled["cursor"] = ""
        changes = self._replies.get(name, {})
        known = {key: value for key, value in changes.items() if not isinstance(value, dict)}
        for key, value in changes.items():
            if isinstance(value, dict):
                part = filled[key][0] if isinstance(filled[key], list) else filled[key]
                part |= {name: each for name, each in value.items() if name in part or each}
        return json.dumps(filled | known).encode()

    def _query(self, name: str, query: str, allowed: Digest) -> Iterator[str]:
        for key, value in parse_qsl(query):
            if key not in allowed:
                yield f"{name}: has no parameter {key}"
            elif _base(allowed[key][0]) == "integer" and not value.lstrip("-").isdigit():
                yield f"{name}: {key}={value} is no integer"
            elif allowed[key][2:] and value not in map(str, allowed[key][2]):
                yield f"{name}: {key}={value} is none of {allowed[key][2]}"
        asked = dict(parse_qsl(query))
        for key, field in allowed.items():
            if field[1] and key not in asked:
                yield f"{name}: needs the parameter {key}"

    def _body(self, name: str, body: bytes, kind: str | None) -> Iterator[str]:
        if kind is None or not body:
            if body or kind not in (None, "object"):
                yield f"{name}: body {body!r} for {kind}"
            return
        yield from wrongs(json.loads(body), kind, self._schemas, name)


def wrongs(
    value: Any, kind: str, schemas: Digest, place: str, enum: Any = None  # noqa: ANN401
) -> Iterator[str]:  # fmt: skip
    """What of a JSON value the digest type does not allow."""
    bare = kind.removesuffix("?")
    if bare.startswith("@"):
        fields = schemas[bare[1:]]
        yield from (f"{place}: has no {each}" for each in value.keys() - fields.keys())
        for name, field in fields.items():
            if name in value:
                inner = field[2] if field[2:] else None
                yield from wrongs(value[name], field[0], schemas, f"{place}.{name}", inner)
            elif field[1]:
                yield f"{place}: needs {name}"
        return
    if bare.startswith("["):
        for each in value:
            yield from wrongs(each, bare[1:-1], schemas, f"{place}[]", enum)
        return
    expected = {"string": str, "integer": int, "boolean": bool, "object": dict}.get(_base(bare))
    if expected is not None and type(value) is not expected:
        yield f"{place}: {value!r} is no {kind}"
    elif enum and value not in enum:
        yield f"{place}: {value!r} is none of {enum}"


def endpoint_of(request: HttpRequest) -> Endpoint:
    """The most literal endpoint whose path the request has."""
    parts = request.path.removeprefix(API).split("/")
    fitting = [
        each
        for each in USED
        if each.method == request.method and _fits(each.path.split("/"), parts)
    ]
    assert fitting, f"no endpoint for {request.method} {request.path}"
    return min(fitting, key=lambda each: each.path.count("{}"))


def _fits(pattern: list[str], parts: list[str]) -> bool:
    return len(pattern) == len(parts) and all(
        mine in ("{}", theirs) for mine, theirs in zip(pattern, parts, strict=True)
    )
