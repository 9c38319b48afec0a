"""Numbers and times the way Polymarket US writes them; prices are always those of LONG."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from kairos.domain.units import (
    CASH_PER_DOLLAR,
    NANOSECONDS_PER_SECOND,
    PRICE_PER_DOLLAR,
    QUANTITY_PER_CONTRACT,
    cash_dollars,
    contracts,
    dollars,
)

CENT: Final = CASH_PER_DOLLAR // 100


def price(value: int) -> dict[str, str]:
    """`{"value": "0.5550", "currency": "USD"}`"""
    return {"value": dollars(value), "currency": "USD"}


def cash(value: int) -> dict[str, str]:
    return {"value": cash_dollars(value), "currency": "USD"}


def size(quantity: int) -> str:
    return contracts(quantity)


def number(quantity: int) -> int | float:
    """A JSON number: whole where it is whole."""
    whole, rest = divmod(quantity, QUANTITY_PER_CONTRACT)
    return quantity / QUANTITY_PER_CONTRACT if rest else whole


def dollar_number(value: int) -> float:
    return value / CASH_PER_DOLLAR


def long_price(own: int, *, is_yes: bool) -> int:
    """The LONG price of a price in an outcome's own units, and back."""
    return own if is_yes else PRICE_PER_DOLLAR - own


def moment(ns: int) -> str:
    """RFC 3339 in UTC with nanoseconds."""
    seconds, rest = divmod(ns, NANOSECONDS_PER_SECOND)
    whole = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{rest:09d}Z"


def moment_ns(text: str) -> int:
    """Nanoseconds of an RFC 3339 time. Raises ValueError."""
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is None:
        raise ValueError("a time without a zone")
    since = parsed - datetime(1970, 1, 1, tzinfo=UTC)
    micros = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    return micros * 1_000


def metadata(slug: str, title: str, outcome: str) -> dict[str, Any]:
    return {"slug": slug, "title": title, "outcome": outcome, "eventSlug": slug, "icon": ""}
