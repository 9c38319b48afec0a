"""Polymarket US fees: takers pay, makers are paid, both rounded to the cent per order.

Fee = coefficient × contracts × price × (1 − price), to the cent, a half cent to the even side.
Source: docs.polymarket.us trading fees; the worked examples are in the tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from kairos.domain.fees.rounding import Rounding, divide
from kairos.domain.fees.schedule import Dated, bad_fill, effective_ns, in_force, parts
from kairos.domain.instruments import Action, Liquidity
from kairos.domain.units import PRICE_PER_DOLLAR

_CENT: Final = 10_000  # micro-dollars
# coefficient (1e-6) × quantity (1e-6) × price (1e-4) × price (1e-4), per 1e-2 dollar
_PER_CENT: Final = 10**18


class Coefficients(NamedTuple):
    """One published schedule in parts per million; negative pays."""

    version: str
    taker: int
    maker: int


HISTORY: Final = (
    Dated(effective_ns(2026, 7, 1), Coefficients("polymarket-us-2026-07-01", 60_000, -12_500)),
    Dated(effective_ns(2026, 10, 1), Coefficients("polymarket-us-2026-10-01", 69_500, -12_500)),
)


@dataclass(frozen=True, slots=True)
class PolymarketUsFees:
    """The fees of one market; coefficients in parts per million."""

    version: str
    taker: int
    maker: int
    assumed: bool

    def fill_fee(self, price: int, quantity: int, liquidity: Liquidity) -> int:
        """Micro-dollars of an order that is this one fill: exact, then half-even to the cent."""
        return _cents(self.exact(price, quantity, liquidity)) * _CENT

    def order_fees(self) -> PolymarketUsOrderFees:
        return PolymarketUsOrderFees(self)

    def exact(self, price: int, quantity: int, liquidity: Liquidity) -> int:
        """The fee before rounding, in 1e-20 dollar."""
        if not 0 <= price <= PRICE_PER_DOLLAR or quantity <= 0:
            raise bad_fill(price, quantity)
        coefficient = self.maker if liquidity is Liquidity.MAKER else self.taker
        return coefficient * quantity * price * (PRICE_PER_DOLLAR - price)


class PolymarketUsOrderFees:
    """The fees of one order: what it took and what it made are rounded each as one sum."""

    __slots__ = ("_exact", "_schedule")

    def __init__(self, schedule: PolymarketUsFees) -> None:
        self._schedule = schedule
        self._exact = {Liquidity.TAKER: 0, Liquidity.MAKER: 0}

    def fill(self, price: int, quantity: int, liquidity: Liquidity, action: Action) -> int:
        """Micro-dollars this fill adds to the order's rounded fee; it may be nothing."""
        before = self._exact[liquidity]
        after = before + self._schedule.exact(price, quantity, liquidity)
        self._exact[liquidity] = after
        return (_cents(after) - _cents(before)) * _CENT


def schedule_at(ts_ns: int) -> PolymarketUsFees:
    """The venue's own schedule on a date. Raises UsageError before the first one."""
    published = in_force(HISTORY, ts_ns, "Polymarket US fees")
    return PolymarketUsFees(published.version, published.taker, published.maker, assumed=True)


def market_schedule(fee_coefficient: str, ts_ns: int) -> PolymarketUsFees:
    """The fees of a market that states its `feeCoefficient` (takers), as decimal text."""
    published = in_force(HISTORY, ts_ns, "Polymarket US fees")
    taker = parts(fee_coefficient, "feeCoefficient")
    version = f"{published.version}:{taker}"
    return PolymarketUsFees(version, taker, published.maker, assumed=False)


def _cents(exact: int) -> int:
    return divide(exact, _PER_CENT, Rounding.HALF_EVEN)
