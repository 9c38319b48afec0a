"""Orders in flight, positions and cash, moved only by what the venue proved."""

from __future__ import annotations

from hotpath.market import Market
from kairos.domain.instruments import Action, Outcome
from kairos.domain.ledger import Fill, Ledger, LedgerRules
from kairos.domain.units import PRICE_PER_DOLLAR
from kairos.errors import Corrupt
from kairos.messages.commands import SubmitOrder
from kairos.messages.events import OrderAccepted, OrderClosed, OrderFilled, OrderRejected


class OpenOrder:
    """An order whose outcome is not yet proved to its end."""

    __slots__ = ("filled", "market", "order", "reserved")

    def __init__(self, order: SubmitOrder, market: Market) -> None:
        self.order = order
        self.market = market
        self.filled = 0
        self.reserved = (
            -(-order.price * order.quantity // PRICE_PER_DOLLAR)
            if order.action is Action.BUY
            else 0
        )


class Account:
    """The one position book. `exposure` is the cost of positions plus what open buys may cost."""

    def __init__(self, rules: LedgerRules, opening_cash: int) -> None:
        self.ledger = Ledger(rules, opening_cash)
        self.orders: dict[str, OpenOrder] = {}
        self.reserved = 0
        self.cost = 0
        self.busy: set[str] = set()  # markets with a position or an order in flight

    @property
    def exposure(self) -> int:
        return self.cost + self.reserved

    def submitted(self, order: SubmitOrder, market: Market) -> None:
        """Reserve before the send: from here on the order may exist at the venue."""
        if order.client_order_id in self.orders:
            raise Corrupt(f"client order id {order.client_order_id} was used twice")
        opened = OpenOrder(order, market)
        self.orders[order.client_order_id] = opened
        self.reserved += opened.reserved
        market.reserved += opened.reserved
        market.in_flight += 1
        self.busy.add(market.market_id)

    def accepted(self, event: OrderAccepted) -> None:
        self._find(event.client_order_id)

    def rejected(self, event: OrderRejected) -> None:
        self._close(event.client_order_id)

    def closed(self, event: OrderClosed) -> None:
        self._close(event.client_order_id)

    def filled(self, event: OrderFilled) -> None:
        opened = self._find(event.client_order_id)
        order, market = opened.order, opened.market
        fill = Fill.priced(
            event.fill_id, order.market, order.outcome, order.action,
            event.price, event.quantity, event.fee,
        )  # fmt: skip
        if not self.ledger.apply(fill):
            return
        opened.filled += event.quantity
        if opened.filled > order.quantity:
            raise Corrupt(f"order {order.client_order_id} filled more than was ordered")
        if order.action is Action.BUY:
            still = -(-order.price * (order.quantity - opened.filled) // PRICE_PER_DOLLAR)
            self._release(opened, opened.reserved - still)
        self._refresh(market)

    def settled(self, market: Market, outcome: Outcome) -> int:
        """Pay out a market; the cash received in micro-dollars."""
        paid = self.ledger.settle(
            market.market_id, PRICE_PER_DOLLAR if outcome is Outcome.YES else 0
        )
        self._refresh(market)
        return paid

    def _refresh(self, market: Market) -> None:
        market.yes_held = self.ledger.held(market.market_id, Outcome.YES)
        market.no_held = self.ledger.held(market.market_id, Outcome.NO)
        cost = self.ledger.cost(market.market_id)
        self.cost += cost - market.cost
        market.cost = cost
        self._note_busy(market)

    def _note_busy(self, market: Market) -> None:
        if market.in_flight or market.yes_held or market.no_held:
            self.busy.add(market.market_id)
        else:
            self.busy.discard(market.market_id)

    def _release(self, opened: OpenOrder, amount: int) -> None:
        amount = min(amount, opened.reserved)
        opened.reserved -= amount
        opened.market.reserved -= amount
        self.reserved -= amount

    def _close(self, client_order_id: str) -> None:
        opened = self._find(client_order_id)
        self._release(opened, opened.reserved)
        opened.market.in_flight -= 1
        del self.orders[client_order_id]
        self._note_busy(opened.market)

    def _find(self, client_order_id: str) -> OpenOrder:
        opened = self.orders.get(client_order_id)
        if opened is None:
            raise Corrupt(f"a report came for order {client_order_id}, which is not open here")
        return opened
