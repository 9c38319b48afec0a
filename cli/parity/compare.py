"""What counts as equal: floats to 1e-12, everything else exactly, in both directions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any, Final

TOLERANCE: Final = 1e-12
ABSENT: Final = "(absent)"

# The reference quotes these explanations word for word; of others it only says that there is one.
_QUOTED_EXPLANATIONS: Final = frozenset(
    {
        "insufficient_points",
        "insufficient_history_span",
        "missing_step",
        "nonpositive_sigma",
    }
)
# The reference names these errors but not the fields beside them, so what a row does not state
# is not checked.
_BARE_ERRORS: Final = frozenset(
    {
        "spot_missing",
        "no_edge_snapshots",
        "stale_edge_snapshots",
        "live_trading_not_supported",
    }
)


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One field that is not what the row says it was."""

    field: str
    expected: object
    was: object


def compare(expected: object, was: object, path: str) -> Iterator[Mismatch]:
    """Every difference between two JSON values, each under its dotted path."""
    if isinstance(expected, Mapping) and isinstance(was, Mapping):
        yield from _compare_objects(expected, was, path)
    elif _is_list(expected) and _is_list(was):
        yield from _compare_lists(expected, was, path)
    elif not _same(expected, was):
        yield Mismatch(path, expected, was)


def compare_summary(
    expected: Mapping[str, Any], was: Mapping[str, Any], path: str
) -> Iterator[Mismatch]:
    """Like `compare`, but of a failed tick only the fields that the row states."""
    if expected.get("error") in _BARE_ERRORS:
        was = {name: value for name, value in was.items() if name in expected}
    yield from compare(expected, was, path)


def compare_decisions(
    expected: Sequence[Mapping[str, Any]], was: Sequence[Mapping[str, Any]], path: str
) -> Iterator[Mismatch]:
    """Compare opportunity rows market by market, and their order among equals in reason.

    The reference fixes how takes are sorted and the order in which filters run, not how the
    passes of different filters mix.
    """
    found = {_identity(row): row for row in was}
    pairable = len(found) == len(expected) == len(was)
    if not pairable or found.keys() != {_identity(row) for row in expected}:
        yield from compare(expected, was, path)
        return
    for index, row in enumerate(expected):
        yield from compare(row, found[_identity(row)], f"{path}[{index}]")
    if _order(expected) != _order(was):
        yield Mismatch(f"{path}.order", _order(expected), _order(was))


def _identity(row: Mapping[str, Any]) -> tuple[str, str, str]:
    market, side, moment = row.get("market_id"), row.get("side"), row.get("ts_eval")
    return str(market), str(side), str(moment)


def _order(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    order: dict[str, list[str]] = {}
    for row in rows:
        reason = str(row.get("reason_not_eligible"))
        order.setdefault(reason, []).append(" ".join(_identity(row)[:2]))
    return order


def _compare_objects(
    expected: Mapping[str, Any], was: Mapping[str, Any], path: str
) -> Iterator[Mismatch]:
    for name in sorted(expected.keys() | was.keys()):
        if name == "sigma_reason_context" and _both_explain(expected, was):
            continue
        below = f"{path}.{name}" if path else name
        yield from compare(expected.get(name, ABSENT), was.get(name, ABSENT), below)


def _both_explain(expected: Mapping[str, Any], was: Mapping[str, Any]) -> bool:
    texts = (expected.get("sigma_reason_context"), was.get("sigma_reason_context"))
    if expected.get("sigma_reason") in _QUOTED_EXPLANATIONS:
        return False
    return all(isinstance(text, str) and text for text in texts)


def _compare_lists(expected: Any, was: Any, path: str) -> Iterator[Mismatch]:  # noqa: ANN401
    if len(expected) != len(was):
        yield Mismatch(f"{path}.length", len(expected), len(was))
    for index, (one, other) in enumerate(zip(expected, was, strict=False)):
        yield from compare(one, other, f"{path}[{index}]")


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple)


def _same(expected: object, was: object) -> bool:
    """Booleans are not numbers here, and whole numbers are not approximate."""
    if isinstance(expected, bool) or isinstance(was, bool):
        return expected is was
    if isinstance(expected, float) and isinstance(was, float | int):
        return _close(expected, float(was))
    return expected == was


def _close(expected: float, was: float) -> bool:
    if isnan(expected) or isnan(was):
        return isnan(expected) and isnan(was)
    return expected == was or abs(expected - was) <= TOLERANCE
