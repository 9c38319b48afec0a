"""What a market settled on, read the way the reference system read it.

Reproduces although it is wrong: without a usable `result` it compares `settlement_value` with the
strikes, although that field is the payout of the YES side: a market settled YES at 100 becomes
outcome 0 (D7). The right sources are `result` and the underlying's own settlement value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from kairos.domain.profile_v1.coercion import Fields, parse_timestamp, to_float

_SETTLED_FIELDS: Final = (
    "settlement_ts",
    "settled_ts",
    "settled_time",
    "settlement_time",
    "resolved_time",
    "result_time",
    "close_time",
    "expected_expiration_time",
    "expiration_time",
)


@dataclass(frozen=True, slots=True)
class Resolution:
    """What is stored after a poll: never another outcome than the one held, unless forced."""

    outcome: int | None
    errors: tuple[str, ...]


def outcome_of(market: Fields) -> tuple[int | None, list[str]]:
    """(1 for YES, 0 for NO or None, why not). Errors are dropped when an outcome was found."""
    outcome, problem = _read_result(market.get("result"))
    if outcome is not None:
        return outcome, []
    derived, obstacle = _derive(market)
    if derived is not None:
        return derived, []
    return None, [problem, obstacle]


def settled_at(market: Fields, now_ts: int) -> tuple[int, str | None]:
    """(UNIX seconds of the first readable time, None), else (`now_ts`, `settled_ts_missing`)."""
    for name in _SETTLED_FIELDS:
        moment = parse_timestamp(market.get(name))
        if moment is not None:
            return moment, None
    return now_ts, "settled_ts_missing"


def resolve(held: int | None, market: Fields, *, force: bool) -> Resolution:
    """Settle a market that may have an outcome already; a different one is a conflict."""
    found, errors = outcome_of(market)
    if held is None or found is None or found == held:
        return Resolution(found if held is None else held, tuple(errors))
    return Resolution(found if force else held, (*errors, "outcome_conflict"))


def _read_result(result: Any) -> tuple[int | None, str]:  # noqa: ANN401
    if result is None:
        return None, "missing_result"
    if isinstance(result, int | float):
        return (int(result), "") if result in (0, 1) else (None, "invalid_result")
    text = str(result).strip().lower()
    if text in ("yes", "true"):
        return 1, ""
    return (0, "") if text in ("no", "false") else (None, "invalid_result")


def _derive(market: Fields) -> tuple[int | None, str]:
    value = to_float(market.get("settlement_value"))
    if value is None:
        return None, "missing_settlement_value"
    floor, cap = to_float(market.get("floor_strike")), to_float(market.get("cap_strike"))
    outcome = _compare(market.get("strike_type"), floor, cap, value)
    return outcome, "" if outcome is not None else "unable_to_derive_outcome"


def _compare(
    strike_type: object, floor: float | None, cap: float | None, value: float
) -> int | None:
    """Only the stated type counts here; nothing is inferred from the bounds."""
    if strike_type == "greater" and floor is not None:
        return int(value >= floor)
    if strike_type == "less" and cap is not None:
        return int(value <= cap)
    if strike_type == "between" and floor is not None and cap is not None:
        return int(floor <= value < cap)
    return None
