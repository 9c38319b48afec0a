"""The probability that a contract pays YES, from spot, volatility and what is already settled.

The settlement mean is taken as normal around (realised prints + remaining prints at spot) / 60:
over hours at crypto volatility the lognormal's skew is far below one tick. Volatility is not known
exactly, so the probability is averaged over three values of it (Gauss-Hermite nodes of a lognormal)
and their spread is reported as the uncertainty that costs expected value.
"""

from __future__ import annotations

from math import erfc, inf, sqrt
from typing import Final

from kairos.domain.settlement_average import PRINTS, prints_remaining, variance_seconds
from kairos.domain.volatility import SECONDS_PER_YEAR

# Weights of the nodes at log sigma - sqrt(3) sd, log sigma, log sigma + sqrt(3) sd; the halves of
# 0.5 * erfc are folded in.
OUTER: Final = 1.0 / 6.0
INNER: Final = 2.0 / 3.0
# A model is never certain: what it cannot imagine happens more often than this.
PROBABILITY_MIN: Final = 1e-6

_LAST_PRINT_SECONDS: Final = PRINTS - 1
_AVERAGED_SECONDS: Final = _LAST_PRINT_SECONDS - variance_seconds(_LAST_PRINT_SECONDS, PRINTS)

Moments = tuple[float, float]
"""(mean in dollars, variance in dollars squared) of a settlement value."""


def settlement_moments(
    spot: float,
    seconds_to_close: float,
    realised_total: float,
    realised_count: int,
    sigma: float,
) -> Moments:
    """Mean and variance of the settlement average given `realised_count` prints summing to
    `realised_total`. `sigma` is annualised. Prints that should be realised but were not seen are
    filled with the spot.
    """
    rate = sigma * sigma * spot * spot / SECONDS_PER_YEAR
    if seconds_to_close >= _LAST_PRINT_SECONDS:
        return spot, rate * (seconds_to_close - _AVERAGED_SECONDS)
    remaining = prints_remaining(seconds_to_close)
    unseen = PRINTS - remaining - realised_count
    mean = (realised_total + (remaining + unseen) * spot) / PRINTS
    weight = remaining / PRINTS
    return mean, rate * weight * weight * variance_seconds(seconds_to_close, remaining)


def probability(
    lower: float, upper: float, mean: float, variance: float, spread: float, fixed: float
) -> tuple[float, float]:
    """P(lower <= settlement < upper) and its standard deviation over what volatility might be.

    `spread` is exp(2 sqrt(3) sd of log sigma): the ratio of the outer nodes' variances to the
    inner one's. `fixed` is variance that does not scale with volatility (the proxy's basis).
    """
    doubled = variance + variance
    fixed += fixed
    low_sd = sqrt(doubled / spread + fixed)
    mid_sd = sqrt(doubled + fixed)
    high_sd = sqrt(doubled * spread + fixed)
    if low_sd <= 0.0:
        low = mid = high = 1.0 if lower <= mean < upper else 0.0
    elif upper == inf:
        distance = lower - mean
        low = 0.5 * erfc(distance / low_sd)
        mid = 0.5 * erfc(distance / mid_sd)
        high = 0.5 * erfc(distance / high_sd)
    else:
        low = _between(lower - mean, upper - mean, low_sd)
        mid = _between(lower - mean, upper - mean, mid_sd)
        high = _between(lower - mean, upper - mean, high_sd)
    p = OUTER * (low + high) + INNER * mid
    low -= p
    mid -= p
    high -= p
    doubt = sqrt(OUTER * (low * low + high * high) + INNER * mid * mid)
    if p < PROBABILITY_MIN:
        return PROBABILITY_MIN, doubt
    return min(p, 1.0 - PROBABILITY_MIN), doubt


def _between(lower: float, upper: float, scale: float) -> float:
    """Mass of a centred normal; `scale` is its standard deviation times the square root of 2."""
    above = 0.5 * erfc(lower / scale) if lower > -inf else 1.0
    return above - 0.5 * erfc(upper / scale) if upper < inf else above
