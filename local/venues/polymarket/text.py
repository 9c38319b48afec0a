"""Numbers and times the way Polymarket writes them."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import Final

from kairos.domain.units import (
    NANOSECONDS_PER_MILLISECOND,
    NANOSECONDS_PER_SECOND,
    PRICE_PER_DOLLAR,
    QUANTITY_PER_CONTRACT,
)

FIRST_CURSOR: Final = "MA=="
LAST_CURSOR: Final = "LTE="


def price(value: int) -> str:
    """5600 → `0.56`."""
    return _trimmed(value, PRICE_PER_DOLLAR, 4)


def size(value: int) -> str:
    """12_500_000 → `12.5`; base units of cash are written alike."""
    return _trimmed(value, QUANTITY_PER_CONTRACT, 6)


def half(total: int) -> str:
    """Half of a sum of two prices: it may have one decimal more than prices do."""
    return _trimmed(total * 5, 10 * PRICE_PER_DOLLAR, 5)


def seconds(ns: int) -> str:
    return str(ns // NANOSECONDS_PER_SECOND)


def ms(ns: int) -> str:
    return str(ns // NANOSECONDS_PER_MILLISECOND)


def iso(ns: int) -> str:
    moment = datetime.fromtimestamp(ns // NANOSECONDS_PER_SECOND, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def cursor(offset: int | None) -> str:
    """Where the next page begins; None when there is none."""
    return LAST_CURSOR if offset is None else base64.b64encode(str(offset).encode()).decode()


def offset(text: str) -> int | None:
    """The offset a cursor stands for; None for a text that is no cursor."""
    if not text:
        return 0
    try:
        digits = base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 9 else None


def _trimmed(value: int, scale: int, places: int) -> str:
    sign, magnitude = ("-", -value) if value < 0 else ("", value)
    whole, fraction = divmod(magnitude, scale)
    digits = f"{fraction:0{places}d}".rstrip("0")
    return f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}"
