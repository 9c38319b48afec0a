"""P(YES) under a driftless lognormal, exactly as profile v1 computes it.

Reproduces although it is wrong: no settlement averaging, no basis to the settlement index (D5);
strict and inclusive strikes are the same, and at the horizon `greater` is >= and `between` is
half open (D6); any sigma however small is believed (D4).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erf, log, sqrt
from typing import Any, Final

from kairos.domain.profile_v1.coercion import to_float

SECONDS_PER_YEAR: Final = 365 * 24 * 3600
CLAMP: Final = 1e-12
STRIKE_TYPES: Final = ("between", "less", "greater")


@dataclass(frozen=True, slots=True)
class Probability:
    """P(YES) as used for EVs, and its unclamped twin kept as evidence."""

    clamped: float
    raw: float


@dataclass(frozen=True, slots=True)
class Terminal:
    """Where the underlying is and how far it may still travel."""

    spot: float
    sigma: float
    horizon_seconds: float

    def below(self, strike: float) -> float | None:
        """P(S <= strike), unclamped. Needs a horizon > 0; None where a logarithm is undefined."""
        if self.spot <= 0 or strike <= 0 or self.sigma <= 0:
            return None
        deviation = self.sigma * sqrt(self.horizon_seconds / SECONDS_PER_YEAR)
        if deviation <= 0:
            return None
        z = (log(strike / self.spot) + 0.5 * deviation**2) / deviation
        return 0.5 * (1.0 + erf(z / sqrt(2.0)))


def clamp(probability: float) -> float:
    """Keep a probability away from 0 and 1 by 1e-12."""
    return max(CLAMP, min(1.0 - CLAMP, probability))


def probability_yes(
    strike_type: Any,  # noqa: ANN401
    lower: Any,  # noqa: ANN401
    upper: Any,  # noqa: ANN401
    terminal: Terminal,
) -> Probability | None:
    """P(YES) of a contract; None when the contract or the inputs cannot be priced.

    Bounds may be anything `float()` accepts. At a horizon of 0 or less the contract pays on spot.
    """
    bounds = valid_bounds(strike_type, lower, upper)
    if bounds is None:
        return None
    if terminal.horizon_seconds <= 0:
        return _at_expiry(strike_type, bounds, terminal.spot)
    low, high = bounds
    if strike_type == "less":
        return _less(terminal.below(high))
    if strike_type == "greater":
        return _greater(terminal.below(low))
    return _between(terminal.below(low), terminal.below(high))


def valid_bounds(strike_type: Any, lower: Any, upper: Any) -> tuple[float, float] | None:  # noqa: ANN401
    """(lower, upper) in dollars, 0.0 for the one a type does not use; None when it is no contract.

    Written as `not x > 0` so that NaN is refused with the rest.
    """
    if strike_type not in STRIKE_TYPES:
        return None
    low = to_float(lower) if strike_type != "less" else 0.0
    high = to_float(upper) if strike_type != "greater" else 0.0
    if low is None or high is None:
        return None
    if strike_type != "less" and not low > 0:
        return None
    if strike_type != "greater" and not high > low:
        return None
    return low, high


def _at_expiry(strike_type: str, bounds: tuple[float, float], spot: float) -> Probability | None:
    if not spot > 0:
        return None
    low, high = bounds
    if strike_type == "less":
        pays = spot <= high
    elif strike_type == "greater":
        pays = spot >= low
    else:
        pays = low <= spot < high
    raw = 1.0 if pays else 0.0
    return Probability(clamp(raw), raw)


def _less(below_upper: float | None) -> Probability | None:
    if below_upper is None:
        return None
    return Probability(clamp(below_upper), below_upper)


def _greater(below_lower: float | None) -> Probability | None:
    if below_lower is None:
        return None
    raw = 1.0 - below_lower
    return Probability(clamp(raw), raw)


def _between(below_lower: float | None, below_upper: float | None) -> Probability | None:
    if below_lower is None or below_upper is None:
        return None
    clamped = clamp(clamp(below_upper) - clamp(below_lower))
    return Probability(clamped, below_upper - below_lower)
