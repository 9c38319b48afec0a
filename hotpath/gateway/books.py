"""Our side of a reconciliation: what gateway and account believe, and where the venue is heard."""

from __future__ import annotations

from hotpath.account import Account
from hotpath.gateway.live import LiveGateway
from hotpath.gateway.registry import Tracked
from kairos.domain.instruments import Action
from kairos.domain.orders import OrderState
from kairos.domain.units import PRICE_PER_DOLLAR
from kairos.messages.trading import VenueFill, VenueOrder
from kairos.services.breaks import OurOrder, Ours

_CERTAIN = frozenset({OrderState.WORKING, OrderState.PARTIALLY_FILLED})


class EngineBooks:
    """`kairos.services.reconcile.Books` over a live gateway and the engine's account.

    Reads only; what is mended goes through the gateway and reaches the account as events.
    """

    def __init__(self, gateway: LiveGateway, account: Account) -> None:
        self._gateway = gateway
        self._account = account

    def ours(self, since_ns: int) -> Ours:
        ledger = self._account.ledger
        recent = list(self._gateway.registry.since(since_ns))
        return Ours(
            tuple(_order(tracked) for tracked in self._gateway.registry),
            ledger.booked,
            {name: each.command.market for each in recent for name in each.order.booked_fills},
            self._gateway.foreign.booked,
            {(each.market, each.outcome): each.quantity for each in ledger.positions()},
            ledger.cash,
            ledger.reserved + self._held_by_others(),
        )

    def _held_by_others(self) -> int:
        """Orders that are left alone are no exposure of ours, but the cash they hold is."""
        return sum(_cost(each) for each in self._gateway.registry if not each.managed)

    def take_order(self, order: VenueOrder) -> None:
        self._gateway.on_venue_order(order)

    def take_fill(self, fill: VenueFill) -> None:
        self._gateway.on_venue_fill(fill)

    def look_up(self, client_order_id: str) -> None:
        self._gateway.look_up(client_order_id)


def _cost(tracked: Tracked) -> int:
    price, quantity = tracked.order.terms
    if tracked.command.action is not Action.BUY:
        return 0
    return -(-price * max(quantity - tracked.order.matched, 0) // PRICE_PER_DOLLAR)


def _order(tracked: Tracked) -> OurOrder:
    command, order = tracked.command, tracked.order
    return OurOrder(
        tracked.client_order_id, order.venue_order_id, command.market, command.outcome,
        command.action, order.terms.price, order.terms.quantity, order.matched,
        order.state in _CERTAIN,
    )  # fmt: skip
