"""Times as the venues write them, and the US/Eastern clock that Kalshi's tickers use."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from kairos.domain.units import NANOSECONDS_PER_MILLISECOND, NANOSECONDS_PER_SECOND

# Spelt out: the C library's month names follow the user's locale.
_MONTHS: Final = (
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
)  # fmt: skip
# Kalshi drops trailing zeros: .870 is written .87 and a whole second has no fraction.
_MILLISECONDS: Final = tuple(f".{ms:03d}".rstrip("0").rstrip(".") + "Z" for ms in range(1000))


def second_text(second: int) -> str:
    """`2026-11-18T14:16:05` of seconds since the epoch, UTC."""
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}"


class SecondText:
    """Writes times; keeps the text of the last second, since thousands of lines share it."""

    def __init__(self) -> None:
        self._begin_ns = 0
        self._end_ns = 0
        self._second = ""

    def to_millisecond(self, ns: int) -> str:
        """`2026-11-18T14:16:05.12Z`"""
        if not self._begin_ns <= ns < self._end_ns:
            self._turn_to(ns)
        return self._second + _MILLISECONDS[(ns - self._begin_ns) // NANOSECONDS_PER_MILLISECOND]

    def to_microsecond(self, ns: int) -> str:
        """`2026-11-18T14:16:05.120304`, for the caller to add its zone."""
        if not self._begin_ns <= ns < self._end_ns:
            self._turn_to(ns)
        return f"{self._second}.{(ns - self._begin_ns) // 1000:06d}"

    def _turn_to(self, ns: int) -> None:
        second = ns // NANOSECONDS_PER_SECOND
        self._begin_ns = second * NANOSECONDS_PER_SECOND
        self._end_ns = self._begin_ns + NANOSECONDS_PER_SECOND
        self._second = second_text(second)


def eastern(ns: int) -> datetime:
    """The same moment on New York's clock; computed, because machines differ in zone data.

    Summer time runs from the second Sunday of March to the first of November, 02:00 local.
    """
    moment = datetime.fromtimestamp(ns // NANOSECONDS_PER_SECOND, UTC)
    summer_from = _sunday(moment.year, 3, 2) + timedelta(hours=7)
    summer_until = _sunday(moment.year, 11, 1) + timedelta(hours=6)
    hours, name = (-4, "EDT") if summer_from <= moment < summer_until else (-5, "EST")
    return moment.astimezone(timezone(timedelta(hours=hours), name))


def ticker_date(moment: datetime) -> str:
    """`26NOV18`, the way Kalshi's tickers begin."""
    return f"{moment.year % 100:02d}{_MONTHS[moment.month - 1]}{moment.day:02d}"


def _sunday(year: int, month: int, which: int) -> datetime:
    first = datetime(year, month, 1, tzinfo=UTC)
    return first + timedelta(days=(6 - first.weekday()) % 7 + 7 * (which - 1))
