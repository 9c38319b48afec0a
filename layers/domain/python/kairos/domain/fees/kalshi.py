"""Kalshi's fees to the last digit, because a paper result is only worth its fees.

Fee of a fill: multiplier × rate × contracts × price × (1 − price), raised to $0.0001. On top,
each fill's balance change is lowered to the precision of the account; the difference is charged
as a rounding fee and given back a cent at a time (`RoundingAccumulator`). All of it is integer
arithmetic; digits are lost in exactly three places, each named where it happens: `fill_fee`,
`order_total`, `RoundingAccumulator.charge`.
Source: fee schedule effective 2026-07-07; docs.kalshi.com/getting_started/fee_rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

from kairos.domain.fees.schedule import bad_fill
from kairos.domain.instruments import Action, Liquidity
from kairos.domain.units import PRICE_PER_DOLLAR
from kairos.errors import Malformed

CENTICENT: Final = 100  # micro-dollars in $0.0001
CENT: Final = 10_000  # micro-dollars in $0.01

# rate (1e-12) × quantity (1e-6) × price (1e-4) × price (1e-4) is in units of 1e-26 dollar.
_PER_CENTICENT: Final = 10**22
# price (1e-4) × quantity (1e-6) is in units of 1e-10 dollar.
_PER_MICRO_DOLLAR: Final = 10**4

# An enum member looked up on its class costs 0.1 µs, a sixth of a fee.
_MAKER: Final = Liquidity.MAKER
_SELL: Final = Action.SELL


class BalancePrecision(IntEnum):
    """What a balance is a multiple of, in micro-dollars; it depends on how the account is held."""

    DIRECT_MEMBER = CENTICENT
    FCM = CENT


class FillCharge(NamedTuple):
    """Everything Kalshi does to one fill, in micro-dollars. `net_fee` is what is charged."""

    trade_fee: int
    rounding_fee: int
    rebate: int
    net_fee: int
    accumulator_before_rebate: int
    accumulator_after: int


@dataclass(frozen=True, slots=True)
class KalshiFees:
    """The fees of one Kalshi market. Rates are multiplier × published rate, in 1e-12.

    Build one with `kairos.domain.fees.kalshi_series`.
    """

    version: str
    taker_rate: int
    maker_rate: int
    precision: BalancePrecision
    assumed: bool

    def fill_fee(self, price: int, quantity: int, liquidity: Liquidity) -> int:
        """The trade fee of one fill, micro-dollars: exact, then raised to the next $0.0001."""
        if not 0 <= price <= PRICE_PER_DOLLAR or quantity <= 0:
            raise bad_fill(price, quantity)
        rate = self.maker_rate if liquidity is _MAKER else self.taker_rate
        exact = rate * quantity * price * (PRICE_PER_DOLLAR - price)
        return -(-exact // _PER_CENTICENT) * CENTICENT

    def order_total(self, price: int, quantity: int, liquidity: Liquidity) -> int:
        """The published fee table, micro-dollars: the trade fee, raised to the next cent.

        A cent is a multiple of $0.0001, so raising twice is raising once.
        """
        return -(-self.fill_fee(price, quantity, liquidity) // CENT) * CENT

    def order_fees(self) -> KalshiOrderFees:
        return KalshiOrderFees(self)


class RoundingAccumulator:
    """Balance rounding over the fills of one order, whether they take or make."""

    __slots__ = ("_accumulated", "_precision")

    def __init__(self, precision: BalancePrecision) -> None:
        self._precision = int(precision)  # arithmetic on the enum itself costs a microsecond
        self._accumulated = 0

    def charge(self, revenue: int, trade_fee: int) -> FillCharge:
        """Account for one fill; all micro-dollars, `revenue` negative for a buy.

        The balance change is lowered to the account's precision, towards minus infinity. A cent
        comes back on the fill that takes the accumulator *above* a cent, so the net fee of a tiny
        fill can be below zero; over the order it cannot.
        """
        rounding_fee = (revenue - trade_fee) % self._precision
        before = self._accumulated + rounding_fee
        # One fill adds less than a cent, so one cent back is always enough.
        rebate = CENT if before > CENT else 0
        self._accumulated = before - rebate
        net_fee = trade_fee + rounding_fee - rebate
        return FillCharge(trade_fee, rounding_fee, rebate, net_fee, before, self._accumulated)


class KalshiOrderFees:
    """The fees of one order: the formula of `KalshiFees` and the rounding of its account."""

    __slots__ = ("_rounding", "_schedule")

    def __init__(self, schedule: KalshiFees) -> None:
        self._schedule = schedule
        self._rounding = RoundingAccumulator(schedule.precision)

    def fill(self, price: int, quantity: int, liquidity: Liquidity, action: Action) -> int:
        """Net fee, micro-dollars. Raises Malformed (`bad_fill`, `bad_quantity`)."""
        return self.charge(price, quantity, liquidity, action).net_fee

    def charge(self, price: int, quantity: int, liquidity: Liquidity, action: Action) -> FillCharge:
        """As `fill`, with every part of the fee."""
        trade_fee = self._schedule.fill_fee(price, quantity, liquidity)
        notional = _notional(price, quantity)
        revenue = notional if action is _SELL else -notional
        return self._rounding.charge(revenue, trade_fee)


def _notional(price: int, quantity: int) -> int:
    """Exact micro-dollars: Kalshi trades 0.01 contract at least, which cannot leave a remainder."""
    notional, rest = divmod(price * quantity, _PER_MICRO_DOLLAR)
    if rest:
        raise Malformed(
            "bad_quantity", "quantity", f"{quantity} micro-contracts is finer than Kalshi trades"
        )
    return notional
