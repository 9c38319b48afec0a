"""How a snapshot did once its outcome is known.

Reproduces although it is wrong: one contract whatever was traded (D38), and the binary-float fee
(D8).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan, log
from typing import Any

from kairos.domain.profile_v1.coercion import Fields, to_float
from kairos.domain.profile_v1.fees import fee
from kairos.domain.profile_v1.probability import clamp


@dataclass(frozen=True, slots=True)
class Score:
    """Brier, log loss, and dollars per contract for taking each side; None where not computable.

    `error` lists what was missing, sorted and joined by commas; None when nothing was.
    """

    brier: float | None
    logloss: float | None
    pnl_take_yes: float | None
    pnl_take_no: float | None
    error: str | None


def score_snapshot(snapshot: Fields, outcome: Any) -> Score:  # noqa: ANN401
    """Score one snapshot against the outcome (1 is YES); any other outcome scores nothing."""
    if outcome not in (0, 1):
        return Score(None, None, None, None, "invalid_outcome")
    result = int(outcome)
    errors: list[str] = []
    brier, logloss = _calibration(snapshot.get("prob_yes"), result, errors)
    pnl_yes = _pnl("yes", snapshot.get("yes_ask"), result, errors)
    pnl_no = _pnl("no", snapshot.get("no_ask"), 1 - result, errors)
    return Score(brier, logloss, pnl_yes, pnl_no, ",".join(sorted(errors)) or None)


def _calibration(
    prob_yes: object, result: int, errors: list[str]
) -> tuple[float | None, float | None]:
    stated = to_float(prob_yes)
    if stated is None or isnan(stated):
        errors.append("missing_prob_yes")
        return None, None
    p = clamp(stated)
    return (p - result) ** 2, -(result * log(p) + (1 - result) * log(1.0 - p))


def _pnl(side: str, ask_cents: object, pays: int, errors: list[str]) -> float | None:
    ask = to_float(ask_cents)
    if ask is None:
        errors.append(f"missing_{side}_ask")
        return None
    fees = fee(ask, 1)
    if fees is None:
        errors.append(f"invalid_{side}_fee")
        return None
    return pays - ask / 100.0 - fees
