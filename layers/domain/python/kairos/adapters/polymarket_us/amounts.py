"""Polymarket US numbers and times as exact integers; anything else is refused."""

from __future__ import annotations

import calendar
import re
from decimal import Decimal
from typing import Final

from kairos.adapters.polymarket_us.schemas import Amount
from kairos.domain.units import (
    CASH_PER_DOLLAR,
    NANOSECONDS_PER_SECOND,
    PRICE_PER_DOLLAR,
    price_from_dollars,
    quantity_from_contracts,
    scaled,
)
from kairos.errors import Malformed

_CURRENCY: Final = "USD"
# Far above any real amount, far below what would fill memory as text.
_DIGITS_MAX: Final = 12
_MOMENT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})"
    r"(?:\.([0-9]{1,9}))?(?:Z|\+00:00)",
    re.ASCII,
)


def price(amount: Amount, field: str) -> int:
    """A LONG price in 1/10 000 dollar, 0..10 000."""
    return price_from_dollars(plain(_dollars(amount, field), field), field)


def long_price(amount: Amount, field: str) -> int:
    """A LONG price somebody can trade at: strictly between 0 and 1 dollar."""
    value = price(amount, field)
    if not 0 < value < PRICE_PER_DOLLAR:
        raise Malformed("price_out_of_range", field, f"{amount.value} leaves one side nothing")
    return value


def cash(amount: Amount, field: str) -> int:
    """Micro-dollars, rounded down where the venue states less than one."""
    return micro_dollars(_dollars(amount, field), field)


def micro_dollars(value: Decimal, field: str) -> int:
    """Rounded towards minus infinity: never more cash than the venue says."""
    over, under = checked(value, field).as_integer_ratio()
    return over * CASH_PER_DOLLAR // under


def quantity(value: Decimal | str, field: str) -> int:
    """Micro-contracts, 0 or more. The venue writes JSON numbers and decimal text."""
    text = value if isinstance(value, str) else plain(value, field)
    result = quantity_from_contracts(text, field)
    if result < 0:
        raise Malformed("bad_size", field, f"{text} is less than nothing")
    return result


def plain(value: Decimal, field: str) -> str:
    """Digits with at most one point, no exponent, no needless zeros at the end."""
    text = f"{checked(value, field):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def checked(value: Decimal, field: str) -> Decimal:
    """The number itself when it is one and of a sensible size."""
    if not value.is_finite() or (value and not -18 <= value.adjusted() < _DIGITS_MAX):
        raise Malformed("bad_number", field, "is no number of a sensible size")
    return value


def nanoseconds(text: str, field: str) -> int:
    """RFC 3339 in UTC, up to nine decimals, as nanoseconds since the epoch."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise Malformed("bad_time", field, f"{text[:40]!r} is no UTC time")
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    sane = 2000 <= year < 2200 and 1 <= month <= 12 and hour < 24 and minute < 60 and second < 60
    if not sane or not 1 <= day <= calendar.monthrange(year, month)[1]:
        raise Malformed("bad_time", field, f"{text[:40]!r} is no UTC time")
    whole = calendar.timegm((year, month, day, hour, minute, second))
    return whole * NANOSECONDS_PER_SECOND + scaled_fraction(found[7] or "0")


def scaled_fraction(digits: str) -> int:
    """`"123"` → 123 000 000 nanoseconds."""
    return int(digits.ljust(9, "0"))


def optional_nanoseconds(text: str | None, field: str) -> int | None:
    """None for a time that the venue leaves out or leaves empty."""
    return nanoseconds(text, field) if text else None


def price_step(value: Decimal, field: str) -> int:
    """A tick size in price units; one that is finer than ours is refused."""
    return scaled(plain(value, field), 4, field)


def _dollars(amount: Amount, field: str) -> Decimal:
    if amount.currency not in (_CURRENCY, None):
        raise Malformed("bad_currency", field, f"{amount.currency[:8]!r} is not {_CURRENCY}")
    return amount.value
