"""What the generated market makers believe a contract is worth."""

from __future__ import annotations

import math
from typing import Final

from local.market_generator.chance import normal_cdf
from local.market_generator.spot_path import AVERAGED_SECONDS, SECONDS_PER_YEAR

_FLOOR: Final = 0.0002
# The mean of the last minute keeps a third of that minute's variance: 60 s become 20.
_AVERAGING_SAVES_S: Final = 40.0


def probability(
    reference: float,
    strike: float,
    remaining_s: float,
    seen: tuple[int, float],
    annual_volatility: float,
) -> float:
    """Chance that the last minute's average index ends above the strike.

    `reference` and `strike` are dollars; `seen` is how many values of the last minute are known
    and their sum in dollars.
    """
    count, known = seen
    if count == 0:
        mean = reference
        seconds = max(remaining_s, float(AVERAGED_SECONDS)) - _AVERAGING_SAVES_S
    else:
        left = AVERAGED_SECONDS - count
        mean = (known + left * reference) / AVERAGED_SECONDS
        seconds = left * left * left / (3.0 * AVERAGED_SECONDS * AVERAGED_SECONDS)
    deviation = annual_volatility * reference * math.sqrt(seconds / SECONDS_PER_YEAR) + 0.01
    return clipped(normal_cdf((mean - strike) / deviation))


def clipped(value: float) -> float:
    """Inside the open interval that prices can express."""
    return min(1 - _FLOOR, max(_FLOOR, value))
