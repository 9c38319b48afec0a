"""The result of a parity run: what passed and failed by kind, and every mismatch found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Final

from cli.parity.compare import Mismatch

SHOWN_CHARACTERS: Final = 160


@dataclass(frozen=True, slots=True)
class Failure:
    """One mismatch and where it is. `line` is None for a file as a whole."""

    file: str
    line: int | None
    kind: str
    id: str
    mismatch: Mismatch

    def sentence(self) -> str:
        """`file:line kind id: path.to.field expected … was …`."""
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        expected, was = _shown(self.mismatch.expected), _shown(self.mismatch.was)
        head = f"{where} {self.kind} {self.id}: {self.mismatch.field}"
        return f"{head} expected {expected} was {was}"

    def json(self) -> dict[str, Any]:
        return {
            "file": self.file,
            "line": self.line,
            "kind": self.kind,
            "id": self.id,
            "field": self.mismatch.field,
            "expected": _strict_json(self.mismatch.expected),
            "was": _strict_json(self.mismatch.was),
        }


@dataclass(slots=True)
class KindCount:
    """Rows of one kind."""

    passed: int = 0
    failed: int = 0


@dataclass(slots=True)
class ParityReport:
    """Rows by kind, and the mismatches of those that failed in the order they were found."""

    kinds: dict[str, KindCount] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)

    @property
    def passed(self) -> int:
        return sum(count.passed for count in self.kinds.values())

    @property
    def failed(self) -> int:
        return sum(count.failed for count in self.kinds.values())

    def add(self, kind: str, failures: list[Failure]) -> None:
        """Count one row; it passed exactly when it has no failures."""
        count = self.kinds.setdefault(kind, KindCount())
        if failures:
            count.failed += 1
            self.failures.extend(failures)
        else:
            count.passed += 1

    def json(self) -> dict[str, Any]:
        return {
            "passed": self.passed,
            "failed": self.failed,
            "kinds": {
                kind: {"passed": count.passed, "failed": count.failed}
                for kind, count in self.kinds.items()
            },
            "failures": [failure.json() for failure in self.failures],
        }

    def lines(self, show: int) -> Iterator[str]:
        """A table by kind, then the first `show` mismatches."""
        width = max(len(kind) for kind in (*self.kinds, "total"))
        yield f"{'kind':<{width}}  passed  failed"
        for kind, count in sorted(self.kinds.items()):
            yield f"{kind:<{width}}  {count.passed:>6}  {count.failed:>6}"
        yield f"{'total':<{width}}  {self.passed:>6}  {self.failed:>6}"
        if self.failures:
            yield ""
            yield f"first {min(show, len(self.failures))} of {len(self.failures)} mismatches:"
            yield from (failure.sentence() for failure in self.failures[:show])


def _shown(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"


def _strict_json(value: object) -> object:
    """NaN and infinities are written as text, so that any JSON reader can read the report."""
    if isinstance(value, float) and not isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {str(name): _strict_json(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_strict_json(one) for one in value]
    return value
