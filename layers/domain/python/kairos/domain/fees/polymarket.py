"""Polymarket's taker fee, by the rate that each market publishes.

Fee = contracts × rate × (price × (1 − price))^exponent, in USDC with five decimals. Makers pay
nothing. Rates belong to markets (Gamma `feeSchedule`, CLOB `fd`); the table by category is only
what the documentation showed on a day, for recordings that kept no rate.
Source: docs.polymarket.com/trading/fees.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kairos.domain.fees.rounding import Rounding, divide
from kairos.domain.fees.schedule import (
    PARTS,
    Dated,
    IndependentFills,
    bad_fill,
    effective_ns,
    in_force,
    parts,
)
from kairos.domain.instruments import Liquidity
from kairos.domain.units import PRICE_PER_DOLLAR
from kairos.errors import Malformed

# The pages say "rounded"; what was charged has been observed to be the floor.
OBSERVED_ROUNDING: Final = Rounding.FLOOR
EXPONENT_MAX: Final = 4  # 1 is published, 2 was; far more than that is a misread field

_SMALLEST_FEE: Final = 10  # micro-dollars in $0.00001
_CATEGORY_EXPONENT: Final = 1

_JUNE_2026: Final = {
    "crypto": 70_000,
    "sports": 30_000,
    "finance": 40_000,
    "politics": 40_000,
    "mentions": 40_000,
    "tech": 40_000,
    "economics": 50_000,
    "culture": 50_000,
    "weather": 50_000,
    "other": 50_000,
    "geopolitics": 0,
}
# Dates are when the page was first seen to say so, not when the venue decided it.
CATEGORY_HISTORY: Final = (
    Dated(effective_ns(2026, 6, 10), ("polymarket-2026-06-10", _JUNE_2026)),
    Dated(effective_ns(2026, 9, 17), ("polymarket-2026-09-17", {**_JUNE_2026, "sports": 50_000})),
)


@dataclass(frozen=True, slots=True)
class PolymarketFees:
    """The fees of one market; rate in parts per million."""

    version: str
    rate: int
    exponent: int
    rounding: Rounding
    assumed: bool

    def fill_fee(self, price: int, quantity: int, liquidity: Liquidity) -> int:
        """Micro-dollars: exact, then rounded to $0.00001; anything below that is not charged."""
        if not 0 <= price <= PRICE_PER_DOLLAR or quantity <= 0:
            raise bad_fill(price, quantity)
        if liquidity is Liquidity.MAKER:
            return 0
        curve = (price * (PRICE_PER_DOLLAR - price)) ** self.exponent
        exact = self.rate * quantity * curve
        # rate (1e-6) × quantity (1e-6) × curve (1e-8 to the exponent), per 1e-5 dollar
        divisor = 10 ** (7 + 8 * self.exponent)
        if exact < divisor:
            return 0
        return divide(exact, divisor, self.rounding) * _SMALLEST_FEE

    def order_fees(self) -> IndependentFills:
        return IndependentFills(self)


def market_schedule(
    rate: str, exponent: int, *, taker_only: bool, rounding: Rounding
) -> PolymarketFees:
    """The fees a market publishes (`feeSchedule` or `fd`); `rate` is its decimal text.

    Raises Malformed when a field is impossible or the market charges makers, which has no formula.
    """
    if not taker_only:
        raise Malformed("unknown_fee_type", "taker_only", "no formula is published for makers")
    if not 0 <= exponent <= EXPONENT_MAX:
        raise Malformed("rate_out_of_range", "exponent", f"{exponent} is outside 0..{EXPONENT_MAX}")
    value = parts(rate, "rate")
    if value > PARTS:
        raise Malformed("rate_out_of_range", "rate", f"{rate!r} is above 1")
    version = f"polymarket-market:{value}:{exponent}"
    return PolymarketFees(version, value, exponent, rounding, assumed=False)


def category_schedule(category: str, ts_ns: int, rounding: Rounding) -> PolymarketFees:
    """What the documentation showed for a category (`crypto`); always `assumed`.

    Raises Malformed for a category it does not list, UsageError before the first page we know.
    """
    version, rates = in_force(CATEGORY_HISTORY, ts_ns, "Polymarket fee rates by category")
    rate = rates.get(category)
    if rate is None:
        raise Malformed("unknown_category", "category", f"{category!r} has no published rate")
    return PolymarketFees(f"{version}:{category}", rate, _CATEGORY_EXPONENT, rounding, assumed=True)
