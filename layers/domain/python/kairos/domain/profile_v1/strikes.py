"""Which series a ticker belongs to, and what its strikes and times are.

Reproduces although it is wrong: tickers are read as if `-A` meant a floor and `-B` a cap, while
Kalshi writes B for the centre of a bucket and T for a threshold; a strike type the profile does
not know is replaced by a guess from the bounds that are there (D6).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from kairos.domain.profile_v1.coercion import Fields, parse_timestamp, to_float
from kairos.domain.profile_v1.probability import STRIKE_TYPES

Bounds = tuple[float | None, float | None, str | None]
"""(lower, upper, strike type), strikes in dollars."""

_TICKER_BOUND: Final = re.compile(r"-([AB])([0-9]+(?:\.[0-9]+)?)$")


def in_series(ticker: str, series: Iterable[str]) -> bool:
    """Whether the ticker is one of the series or a market under it."""
    return any(ticker == name or ticker.startswith(f"{name}-") for name in series)


def bounds_payload(market: Fields) -> Bounds:
    """Strikes as the venue's market object states them; a known type wins over the bounds."""
    lower, upper = to_float(market.get("floor_strike")), to_float(market.get("cap_strike"))
    stated = market.get("strike_type")
    if stated in STRIKE_TYPES:
        return lower, upper, stated
    return lower, upper, _inferred_type(lower, upper, stated)


def _inferred_type(lower: float | None, upper: float | None, stated: Any) -> str | None:  # noqa: ANN401
    if lower is not None and upper is not None:
        return "between"
    if lower is not None:
        return "greater"
    if upper is not None:
        return "less"
    return stated if isinstance(stated, str) else None


def bounds_ticker(ticker: str) -> Bounds:
    """Strikes guessed from the last segment of a ticker, wrongly for Kalshi's own tickers."""
    match = _TICKER_BOUND.search(ticker)
    if match is None:
        return None, None, None
    strike = float(match[2])
    return (strike, None, "greater") if match[1] == "A" else (None, strike, "less")


def market_times(market: Fields) -> tuple[int | None, int | None, int | None]:
    """(close, expected expiration, expiration) in UNIX seconds from the venue's market object."""
    expected = parse_timestamp(market.get("expected_expiration_time"))
    close = parse_timestamp(market.get("close_time"))
    return (
        close if close is not None else expected,
        expected,
        parse_timestamp(market.get("expiration_time")),
    )
