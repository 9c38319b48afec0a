"""Polymarket writes times as seconds, milliseconds or ISO text, sometimes in the same message."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from kairos.domain.units import NANOSECONDS_PER_MILLISECOND, NANOSECONDS_PER_SECOND
from kairos.errors import Malformed

# Seconds reach this in the year 33658; milliseconds passed it in 2001.
_MILLISECONDS_FROM: Final = 10**12
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_YEAR_2015_NS: Final = 1_420_070_400 * NANOSECONDS_PER_SECOND
_YEAR_2100_NS: Final = 4_102_444_800 * NANOSECONDS_PER_SECOND


def milliseconds(text: str, field: str) -> int:
    """Milliseconds as text → ns. Raises Malformed outside 2015..2100."""
    if not (text.isascii() and text.isdigit() and len(text) <= 16):
        raise Malformed("bad_time", field, f"{text[:40]!r} is no time in milliseconds")
    return _plausible(int(text) * NANOSECONDS_PER_MILLISECOND, field)


def time_ns(value: str | int, field: str) -> int:
    """Seconds, milliseconds or ISO 8601 → ns. Raises Malformed outside 2015..2100."""
    text = str(value)
    if text.isascii() and text.isdigit() and len(text) <= 16:
        number = int(text)
        scale = (
            NANOSECONDS_PER_SECOND if number < _MILLISECONDS_FROM else NANOSECONDS_PER_MILLISECOND
        )
        return _plausible(number * scale, field)
    return _plausible(_iso_ns(text, field), field)


def optional_ns(value: str | int | None, field: str) -> int | None:
    """Like `time_ns`; absent, empty and 0 mean that there is none."""
    return None if value in (None, "", "0", 0) or value is None else time_ns(value, field)


def _iso_ns(text: str, field: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Malformed("bad_time", field, f"{text[:40]!r} is no time") from error
    if moment.tzinfo is None:
        raise Malformed("bad_time", field, f"{text[:40]!r} has no time zone")
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1_000


def _plausible(ns: int, field: str) -> int:
    if not _YEAR_2015_NS <= ns <= _YEAR_2100_NS:
        raise Malformed("time_out_of_range", field, f"{ns} ns is outside 2015..2100")
    return ns
