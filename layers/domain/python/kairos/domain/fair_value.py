"""The probability that a contract pays YES, from spot, volatility and what is already settled.

The settlement mean is taken as normal around (realised prints + remaining prints at spot) / 60:
over hours at crypto volatility the lognormal's skew is far below one tick. Volatility is not known
exactly, so the probability is averaged over three values of it (Gauss-Hermite nodes of a lognormal)
and their spread is reported as the uncertainty that costs expected value.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from kairos.domain.settlement_average import PRINTS, prints_remaining, variance_seconds
from kairos.domain.volatility import SECONDS_PER_YEAR

_SQRT_HALF: Final = math.sqrt(0.5)
_SQRT_3: Final = math.sqrt(3.0)
_OUTER: Final = 1.0 / 6.0
_INNER: Final = 2.0 / 3.0
# A model is never certain: what it cannot imagine happens more often than this.
PROBABILITY_MIN: Final = 1e-6


class FairValue(NamedTuple):
    """`probability` of YES and its standard deviation over what volatility might be."""

    probability: float
    uncertainty: float


def settlement_moments(
    spot: float, seconds_to_close: float, realised_total: float, realised_count: int
) -> tuple[float, float]:
    """Mean of the settlement value in dollars, and dollars of sd per unit of sigma * basis.

    The second is `weight * spot * sqrt(seconds / year)`: multiply by the annualised sigma. Prints
    that should be realised but were not seen are filled with the spot.
    """
    remaining = prints_remaining(seconds_to_close)
    unseen = PRINTS - remaining - realised_count
    mean = (realised_total + (remaining + unseen) * spot) / PRINTS
    seconds = variance_seconds(seconds_to_close, remaining)
    return mean, remaining / PRINTS * spot * math.sqrt(seconds / SECONDS_PER_YEAR)


def fair_value(
    lower: float,
    upper: float,
    mean: float,
    deviation: float,
    sigma: float,
    sigma_log_sd: float,
    basis_deviation: float,
) -> FairValue:
    """P(lower <= settlement < upper), dollars; `deviation` and `mean` as `settlement_moments`.

    `basis_deviation` is the dollars by which the spot proxy may differ from the index.
    """
    spread = math.exp(_SQRT_3 * sigma_log_sd)
    base = deviation * sigma
    fixed = basis_deviation * basis_deviation
    low = _between(lower, upper, mean, math.sqrt(base * base / (spread * spread) + fixed))
    mid = _between(lower, upper, mean, math.sqrt(base * base + fixed))
    high = _between(lower, upper, mean, math.sqrt(base * base * spread * spread + fixed))
    probability = _OUTER * (low + high) + _INNER * mid
    variance = (
        _OUTER * ((low - probability) ** 2 + (high - probability) ** 2)
        + _INNER * (mid - probability) ** 2
    )
    probability = min(max(probability, PROBABILITY_MIN), 1.0 - PROBABILITY_MIN)
    return FairValue(probability, math.sqrt(variance))


def _between(lower: float, upper: float, mean: float, deviation: float) -> float:
    if deviation <= 0.0:
        return 1.0 if lower <= mean < upper else 0.0
    scale = _SQRT_HALF / deviation
    above = 0.5 * math.erfc((lower - mean) * scale) if lower > -math.inf else 1.0
    return above - 0.5 * math.erfc((upper - mean) * scale) if upper < math.inf else above
