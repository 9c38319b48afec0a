"""Writes numbers and times the way the whole page writes them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from kairos.domain.units import (
    CASH_PER_DOLLAR,
    NANOSECONDS_PER_MILLISECOND,
    NANOSECONDS_PER_SECOND,
)

MINUS: Final = "−"
EMPTY: Final = "–"
_CASH_PER_CENT: Final = CASH_PER_DOLLAR // 100


def count(number: int) -> str:
    return f"{number:,}"


def counted(number: int, singular: str, plural: str | None = None) -> str:
    """`1 order`, `2 orders`."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def share(part: int, whole: int) -> str:
    """`12.3 %`; never `0.0 %` for something that did happen, nor `100 %` for almost all."""
    if whole == 0:
        return EMPTY
    if part == whole:
        return "100 %"
    percent = 100 * part / whole
    if part and percent < 0.1:
        return "< 0.1 %"
    return "> 99.9 %" if percent >= 99.95 else f"{percent:.1f} %"


def cash(micro_dollars: int) -> str:
    """Exact, with a sign: 1_750_000 is `+$1.75`, -1 is `−$0.000001`."""
    whole, fraction = divmod(abs(micro_dollars), CASH_PER_DOLLAR)
    digits = f"{fraction:06d}".rstrip("0").ljust(2, "0")
    return f"{_sign(micro_dollars)}${whole:,}.{digits}"


def cents(micro_dollars: int) -> str:
    """Rounded to cents, half away from zero; what is less than half a cent is written exactly."""
    rounded = (abs(micro_dollars) + _CASH_PER_CENT // 2) // _CASH_PER_CENT
    if rounded == 0:
        return cash(micro_dollars)
    return f"{_sign(micro_dollars)}${rounded // 100:,}.{rounded % 100:02d}"


def unsigned(amount: str) -> str:
    """The amount alone, for sentences that say in words which way it went."""
    return amount.lstrip("+" + MINUS)


def utc(ts_ns: int) -> str:
    """`2026-05-13 15:22:01.250`, cut to milliseconds."""
    seconds, rest = divmod(ts_ns, NANOSECONDS_PER_SECOND)
    moment = datetime.fromtimestamp(seconds, tz=UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{rest // NANOSECONDS_PER_MILLISECOND:03d}"


def span(start_ns: int, end_ns: int) -> str:
    """`2026-05-13 15:22:01 to 15:39:40 UTC`; the day is repeated only when it changes."""
    start, end = utc(start_ns)[:19], utc(end_ns)[:19]
    shown = end[11:] if end[:10] == start[:10] else end
    return f"{start} to {shown} UTC"


def duration(ns: int) -> str:
    """`17 min 39 s`: two units at most, tenths below a minute."""
    seconds, rest = divmod(ns, NANOSECONDS_PER_SECOND)
    if seconds < 60:
        return f"{seconds}.{rest // 100_000_000} s"
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {seconds:02d} s"


def number(value: float | None, digits: int) -> str:
    if value is None:
        return EMPTY
    return f"{value:,.{digits}f}".replace("-", MINUS)


def _sign(amount: int) -> str:
    return MINUS if amount < 0 else "+" if amount > 0 else ""
