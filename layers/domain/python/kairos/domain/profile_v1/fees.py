"""Taker fees and expected values in binary floats, as profile v1 computes them.

Reproduces although it is wrong: float noise adds a cent in some cells, e.g. 100 contracts at 50c
cost 1.76 instead of 1.75 (D8; `exact_fee` is there to measure it); an EV for n contracts is a
total that is later compared with a per-contract threshold (D9).
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import ceil, floor, isfinite
from typing import Any, Final

from kairos.domain.profile_v1.coercion import to_float

TAKER_RATE: Final = 0.07


def valid_price(price_cents: Any) -> float | None:  # noqa: ANN401
    """A price in 0..100 cents; None when it is null, not a number, not finite or outside."""
    price = to_float(price_cents)
    if price is None or not isfinite(price) or not 0.0 <= price <= 100.0:
        return None
    return price


def fee(price_cents: Any, contracts: Any) -> float | None:  # noqa: ANN401
    """Dollars for the whole order, up to the next cent; None for an impossible order.

    The order of the multiplications decides the last bit, and with it sometimes a whole cent.
    """
    price, count = valid_price(price_cents), to_float(contracts)
    if price is None or count is None or not count > 0:
        return None
    if price in (0.0, 100.0):
        return 0.0
    fraction = price / 100.0
    raw = TAKER_RATE * count * fraction * (1.0 - fraction)
    return ceil(raw * 100.0) / 100.0


def exact_fee(price_cents: int | float | str, contracts: int) -> Decimal:
    """The same rule without float noise. Profile v1 never used it; it shows what D8 costs."""
    price = Fraction(str(price_cents)) / 100
    cents = ceil(Fraction(7, 100) * contracts * price * (1 - price) * 100)
    return Decimal(cents) / 100


def take_ev(
    side_probability: float | None,
    ask_cents: Any,  # noqa: ANN401
    contracts: Any,  # noqa: ANN401
) -> float | None:
    """Dollars expected from taking the ask: payout − cost − fee, in that order of evaluation."""
    price, fees = to_float(ask_cents), fee(ask_cents, contracts)
    count = to_float(contracts)
    if side_probability is None or price is None or fees is None or count is None:
        return None
    payout = side_probability * count
    cost = (price / 100.0) * count
    return payout - cost - fees


def max_contracts(budget_dollars: Any, price_cents: Any) -> int:  # noqa: ANN401
    """Whole contracts a budget buys at a price, fees ignored; 0 when there is no usable price."""
    budget, price = to_float(budget_dollars), valid_price(price_cents)
    if budget is None or not isfinite(budget) or not budget > 0 or price is None or price == 0.0:
        return 0
    return floor(budget / (price / 100.0))
