"""What a Kalshi series fixes for all its markets, for captures that carry no market object.

Source: the venue's own market objects (2026-09) and contract rules. Where a market object or a
lifecycle message is present, its `price_ranges` and `strike_type` win; nothing keys on names then.
"""

from __future__ import annotations

from dataclasses import dataclass

from kairos.domain.grid import LINEAR_CENT, TAPERED_DECI_CENT, Ranges


@dataclass(frozen=True, slots=True)
class Series:
    """The contract form of a series. `strike_type` is None where markets differ inside it."""

    ranges: Ranges
    strike_type: str | None
    # The strike is the settlement value of the window before: so the next strike is our result.
    strike_is_previous_settlement: bool = False


_FIFTEEN_MINUTES = Series(TAPERED_DECI_CENT, "greater_or_equal", strike_is_previous_settlement=True)
_THRESHOLD = Series(LINEAR_CENT, "greater")
_RANGE = Series(LINEAR_CENT, None)

SERIES: dict[str, Series] = {
    "KXBTC15M": _FIFTEEN_MINUTES,
    "KXETH15M": _FIFTEEN_MINUTES,
    "KXSOL15M": _FIFTEEN_MINUTES,
    "KXBTCD": _THRESHOLD,
    "KXETHD": _THRESHOLD,
    "KXBTC": _RANGE,
    "KXETH": _RANGE,
}


def series_of(ticker: str) -> Series | None:
    """The series a market ticker belongs to (`KXBTC15M-26MAY130900-00` → KXBTC15M), if known."""
    return SERIES.get(ticker.partition("-")[0])


def ranges_of(ticker: str) -> Ranges | None:
    """The tick structure a ticker's series implies, or None when the series is unknown."""
    series = series_of(ticker)
    return series.ranges if series else None
