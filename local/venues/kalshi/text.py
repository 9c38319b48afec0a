"""Numbers and times the way Kalshi writes them."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Final

from kairos.domain.units import (
    CASH_PER_DOLLAR,
    NANOSECONDS_PER_MILLISECOND,
    NANOSECONDS_PER_SECOND,
    PRICE_PER_DOLLAR,
    cash_dollars,
    dollars,
    price_from_dollars,
    quantity_from_contracts,
)
from kairos.errors import Malformed

CONTRACT_STEP: Final = 10_000  # micro-contracts: Kalshi's least quantity is 0.01 contract
CENT: Final = CASH_PER_DOLLAR // 100


def fp(quantity: int) -> str:
    """Micro-contracts as contracts with exactly two decimals."""
    sign, hundredths = ("-", -quantity) if quantity < 0 else ("", quantity)
    hundredths //= CONTRACT_STEP
    return f"{sign}{hundredths // 100}.{hundredths % 100:02d}"


def money(cash: int) -> str:
    """Micro-dollars as dollars with six decimals."""
    return cash_dollars(cash)


def cents(cash: int) -> int:
    return cash // CENT


def opposite(price: int) -> str:
    return dollars(PRICE_PER_DOLLAR - price)


def average(total_cash: int, quantity: int) -> str:
    """Dollars per contract with four decimals, rounded to the nearest."""
    return dollars((total_cash * PRICE_PER_DOLLAR + quantity // 2) // quantity)


def ms(ns: int) -> int:
    return ns // NANOSECONDS_PER_MILLISECOND


def seconds(ns: int) -> int:
    return ns // NANOSECONDS_PER_SECOND


def when(ns: int) -> str:
    """`2026-11-18T14:16:05.120304Z`"""
    second, rest = divmod(ns, NANOSECONDS_PER_SECOND)
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 1000:06d}Z"


def price_in(text: str, field: str) -> int:
    """A request's price. Raises Malformed."""
    return price_from_dollars(text, field)


def count_in(text: str, field: str) -> int:
    """A request's contracts, on the grid of 0.01. Raises Malformed."""
    quantity = quantity_from_contracts(text, field)
    if quantity % CONTRACT_STEP:
        raise Malformed("bad_number", field, f"{text!r} is finer than 0.01 contract")
    return quantity


def strike_number(text: str | None) -> float | None:
    """A strike as the JSON number the venue sends; the text of it stays the truth."""
    value = None if text is None else float(text)
    return value if value is None or math.isfinite(value) else None
