"""Exact units: price, quantity and cash are integers, and text becomes one or is refused.

| thing    | unit                                  | `0.56` dollars, `12` contracts |
|----------|---------------------------------------|--------------------------------|
| price    | 1/10 000 dollar per contract          | 5600                           |
| quantity | 1/1 000 000 contract                  | 12 000 000                     |
| cash     | 1/1 000 000 dollar                    | 560 000                        |
"""

from __future__ import annotations

import re
from typing import Final

from kairos.errors import Malformed

PRICE_PER_DOLLAR: Final = 10_000
QUANTITY_PER_CONTRACT: Final = 1_000_000
CASH_PER_DOLLAR: Final = 1_000_000
NANOSECONDS_PER_SECOND: Final = 1_000_000_000
NANOSECONDS_PER_MILLISECOND: Final = 1_000_000

# Kalshi sends at most 6 decimals; 12 integer digits is far above any real size.
_DECIMAL = re.compile(r"(-?)([0-9]{1,12})(?:\.([0-9]{1,6}))?", re.ASCII)


def hundredths(text: str) -> int | None:
    """`"-54.00"` → -5400, or None when the text has any other shape than digits.dd; fast."""
    whole, dot, fraction = text.partition(".")
    if dot and len(fraction) == 2 and len(whole) <= 13 and text.isascii() and fraction.isdigit():
        digits = whole[1:] if whole[:1] == "-" else whole
        if digits.isdigit():
            return int(whole + fraction)
    return None


def scaled(text: str, places: int, field: str) -> int:
    """Turn decimal text into an integer of 10**-`places` units, exactly.

    Raises Malformed (`bad_number`) when the text is no plain decimal or needs more places.
    """
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise Malformed("bad_number", field, f"{text!r} is not a plain decimal")
    sign, whole, fraction = match[1], match[2], match[3] or ""
    if fraction[places:].strip("0"):
        raise Malformed("bad_number", field, f"{text!r} is finer than {places} decimals")
    magnitude: int = int(whole) * 10**places + int(fraction[:places].ljust(places, "0") or "0")
    return -magnitude if sign else magnitude


def price_from_dollars(text: str, field: str = "price") -> int:
    """`"0.5600"` → 5600. Refuses anything outside 0..1 dollar."""
    price = scaled(text, 4, field)
    if not 0 <= price <= PRICE_PER_DOLLAR:
        raise Malformed("price_out_of_range", field, f"{text!r} is outside 0..1 dollar")
    return price


def quantity_from_contracts(text: str, field: str = "quantity") -> int:
    """`"-54.00"` → -54 000 000; the sign stays, because deltas are signed."""
    exact = hundredths(text)
    return exact * 10_000 if exact is not None else scaled(text, 6, field)


def dollars(price: int) -> str:
    """5600 → `"0.5600"`, the way venues write a price."""
    return f"{price // PRICE_PER_DOLLAR}.{price % PRICE_PER_DOLLAR:04d}"


def contracts(quantity: int) -> str:
    """12_500_000 → `"12.50"`; more decimals only when they are needed."""
    sign, magnitude = ("-", -quantity) if quantity < 0 else ("", quantity)
    whole, fraction = divmod(magnitude, QUANTITY_PER_CONTRACT)
    digits = f"{fraction:06d}".rstrip("0").ljust(2, "0")
    return f"{sign}{whole}.{digits}"


def cash_dollars(cash: int) -> str:
    """-1_750_000 → `"-1.750000"`."""
    sign, magnitude = ("-", -cash) if cash < 0 else ("", cash)
    return f"{sign}{magnitude // CASH_PER_DOLLAR}.{magnitude % CASH_PER_DOLLAR:06d}"


def notional(price: int, quantity: int) -> int:
    """Cash for `quantity` at `price`: exact on grids of 0.01 contract, else rounded down."""
    return price * quantity // 10_000
