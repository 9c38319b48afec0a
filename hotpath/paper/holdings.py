"""What the venue knows of our account: positions and, when it is to check it, cash.

A venue nets: a position is signed micro-contracts, + YES, − NO, and buying one outcome while
holding the other redeems the pair for a dollar. Cash is micro-dollars.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hotpath.paper.orders import Match, PaperOrder
from kairos.domain.instruments import Action
from kairos.domain.units import PRICE_PER_DOLLAR, notional

# Positions of closed markets no longer matter here; they are swept when this many have gathered.
POSITIONS_SWEPT_AT: Final = 1_000


class Holdings:
    """Positions from our own fills; cash and what open orders may still cost of it."""

    def __init__(self, cash: int | None) -> None:
        self.positions: dict[str, int] = {}
        self.cash = cash
        self.reserved = 0

    def reducible(self, order: PaperOrder) -> int:
        """How much of the position this order would reduce, at most."""
        position = self.positions.get(order.command.market)
        if position is None:
            return 0
        return max(-position if order.adds_yes else position, 0)

    def affordable(self, order: PaperOrder, reducing: int, fee: int) -> bool:
        """Whether the account could pay for all of it at its limit.

        `reducing` is what resting orders of the same direction already count on redeeming.
        """
        if self.cash is None:
            return True
        return self.cost(order, reducing) + fee <= self.cash - self.reserved

    def cost(self, order: PaperOrder, reducing: int) -> int:
        redeemable = max(self.reducible(order) - reducing, 0)
        return notional(order.rest_price, max(order.remaining - redeemable, 0))

    def reserve(self, order: PaperOrder, reducing: int) -> None:
        """Set aside what an order that is about to rest may cost; see `affordable`."""
        order.reserved = self.cost(order, reducing)
        self.reserved += order.reserved

    def release(self, order: PaperOrder) -> None:
        self.reserved -= order.reserved
        order.reserved = 0

    def fill(self, match: Match, fee: int) -> None:
        """Book a fill that `order.filled` does not contain yet."""
        order, quantity = match.order, match.quantity
        freed = order.reserved * quantity // (order.command.quantity - order.filled)
        order.reserved -= freed
        self.reserved -= freed
        redeemed = min(self.reducible(order), quantity)
        if self.cash is not None:
            buys = order.command.action is Action.BUY
            paid = match.price if buys else PRICE_PER_DOLLAR - match.price
            earned = notional(PRICE_PER_DOLLAR - paid, redeemed)
            self.cash += earned - notional(paid, quantity - redeemed) - fee
        self._move(order.command.market, quantity if order.adds_yes else -quantity)

    def _move(self, market: str, change: int) -> None:
        position = self.positions.pop(market, None)
        moved = change if position is None else position + change
        if moved:
            self.positions[market] = moved

    def sweep(self, is_over: Callable[[str], bool]) -> None:
        """Forget positions of markets that are over, once there are many."""
        if len(self.positions) >= POSITIONS_SWEPT_AT:
            for market in [market for market in self.positions if is_over(market)]:
                del self.positions[market]
