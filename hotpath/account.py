"""Orders in flight, positions and cash, moved only by what the venue proved."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from hotpath.market import Market
from kairos.domain.fill import Fill
from kairos.domain.instruments import Action, Outcome
from kairos.domain.ledger import Ledger, LedgerRules
from kairos.domain.units import PRICE_PER_DOLLAR
from kairos.errors import Corrupt
from kairos.messages.commands import AmendOrder, SubmitOrder, TimeInForce
from kairos.messages.events import (
    AmendRejected,
    CashAdjusted,
    FeeCharged,
    FillVoided,
    OrderAccepted,
    OrderAdopted,
    OrderAmended,
    OrderClosed,
    OrderFilled,
    OrderRejected,
    OrderUnknown,
    PositionAdopted,
)

# Ended orders that late reports may still concern; the oldest are forgotten first. A report about
# one that was forgotten comes with an adoption, because the gateway remembers no more than we do.
ENDED_MAX: Final = 10_000


class OpenOrder:
    """An order whose outcome is not yet proved to its end.

    `filled` is what can no longer rest, `reserved` the cash its rest may still take. `managed` is
    False for an order that somebody else placed and keeps: only its fills concern us.
    """

    __slots__ = (
        "amending", "ceiling", "filled", "managed", "market", "order", "price", "quantity",
        "reserved",
    )  # fmt: skip

    def __init__(self, order: SubmitOrder, market: Market, filled: int = 0) -> None:
        self.order = order
        self.market = market
        self.price = order.price
        self.quantity = order.quantity
        self.ceiling = order.quantity
        self.amending: tuple[int, int] | None = None
        self.filled = filled
        self.reserved = 0
        self.managed = True

    @property
    def may_cost(self) -> int:
        """Cash that what still rests may take, at the terms that would take most."""
        if self.order.action is not Action.BUY or not self.managed:
            return 0
        terms = [(self.price, self.quantity), *([self.amending] if self.amending else [])]
        return max(
            -(-price * max(quantity - self.filled, 0) // PRICE_PER_DOLLAR)
            for price, quantity in terms
        )


class Account:
    """The one position book. `exposure` is the cost of positions plus what open buys may cost."""

    def __init__(self, rules: LedgerRules, opening_cash: int) -> None:
        self.ledger = Ledger(rules, opening_cash)
        self.orders: dict[str, OpenOrder] = {}
        self.unknown: set[str] = set()  # open orders of which nothing proves what became of them
        self.reserved = 0
        self.cost = 0
        self.busy: set[str] = set()  # markets with a position or an order in flight
        self._ended: dict[str, OpenOrder] = {}

    @property
    def exposure(self) -> int:
        return self.cost + self.reserved

    # What we do

    def submitted(self, order: SubmitOrder, market: Market) -> None:
        """Reserve before the send: from here on the order may exist at the venue."""
        if order.client_order_id in self.orders or order.client_order_id in self._ended:
            raise Corrupt(f"client order id {order.client_order_id} was used twice")
        self._open(OpenOrder(order, market))

    def amending(self, command: AmendOrder) -> None:
        """Reserve for the new terms, too: until it is proved, either may be in force."""
        opened = self.orders.get(command.client_order_id)
        if opened is not None:
            opened.amending = (command.price, command.quantity)
            opened.ceiling = max(opened.ceiling, command.quantity)
            self._reserve(opened, opened.may_cost)

    # What the venue proved

    def accepted(self, event: OrderAccepted) -> None:
        self._find(event.client_order_id)
        self.unknown.discard(event.client_order_id)

    def rejected(self, event: OrderRejected) -> None:
        self._close(event.client_order_id)

    def closed(self, event: OrderClosed) -> None:
        self._close(event.client_order_id)

    def in_doubt(self, event: OrderUnknown) -> None:
        """Nothing is given back; an end that proved to be none is taken back."""
        opened = self._ended.pop(event.client_order_id, None)
        if opened is not None:
            self._open(opened)
        self._find(event.client_order_id)
        self.unknown.add(event.client_order_id)

    def amended(self, event: OrderAmended) -> None:
        opened = self._find(event.client_order_id)
        opened.amending = None
        opened.price, opened.quantity = event.price, event.quantity
        opened.ceiling = max(opened.ceiling, event.quantity)
        self._reserve_if_open(opened)

    def amend_rejected(self, event: AmendRejected) -> None:
        opened = self._find(event.client_order_id)
        opened.amending = None
        self._reserve_if_open(opened)

    def filled(self, event: OrderFilled) -> None:
        """Book a fill, also one that is heard of after its order ended."""
        opened = self._find(event.client_order_id)
        if not self.ledger.knows(event.fill_id) and opened.filled + event.quantity > opened.ceiling:
            raise Corrupt(f"order {event.client_order_id} filled more than was ordered")
        if not self.ledger.apply(_fill(event, opened.order)):
            return
        opened.filled += event.quantity
        self._reserve_if_open(opened)
        self._refresh(opened.market)

    def fee_charged(self, event: FeeCharged) -> None:
        self.ledger.charge(event.fill_id, event.fee)

    def fill_voided(self, event: FillVoided) -> None:
        """The position goes back; what was matched cannot rest again."""
        if self.ledger.void(event.fill_id):
            self._refresh(self._find(event.client_order_id).market)

    def settled(self, market: Market, outcome: Outcome) -> int:
        """Pay out a market; the cash received in micro-dollars."""
        paid = self._pay(market, outcome)
        self._refresh(market)
        return paid

    # What was there before us, or came from elsewhere

    def adopted(self, event: OrderAdopted, market: Market) -> None:
        if event.client_order_id in self.orders or event.client_order_id in self._ended:
            return
        opened = OpenOrder(_as_submitted(event), market, event.filled)
        opened.managed = event.managed
        self._open(opened)

    def position_adopted(self, event: PositionAdopted, market: Market) -> None:
        self.ledger.adopt(event.market, event.outcome, event.quantity, event.cost)
        self._refresh(market)

    def cash_adjusted(self, event: CashAdjusted) -> None:
        self.ledger.adjust(event.amount, event.reason)

    # How

    def _open(self, opened: OpenOrder) -> None:
        self.orders[opened.order.client_order_id] = opened
        self._reserve(opened, opened.may_cost)
        if opened.managed:
            opened.market.in_flight += 1
        self._note_busy(opened.market)

    def _close(self, client_order_id: str) -> None:
        opened = self.orders.pop(client_order_id, None)
        if opened is None:
            self._find(client_order_id)  # it ended before; that it did is heard again
            return
        self.unknown.discard(client_order_id)
        self._reserve(opened, 0)
        if opened.managed:
            opened.market.in_flight -= 1
        if len(self._ended) >= ENDED_MAX:
            del self._ended[next(iter(self._ended))]
        self._ended[client_order_id] = opened
        self._note_busy(opened.market)

    def _reserve_if_open(self, opened: OpenOrder) -> None:
        if opened.order.client_order_id in self.orders:
            self._reserve(opened, opened.may_cost)

    def _reserve(self, opened: OpenOrder, amount: int) -> None:
        more = amount - opened.reserved
        if more:
            opened.reserved = amount
            opened.market.reserved += more
            self.reserved += more
            self.ledger.reserve(opened.order.client_order_id, more)

    def _refresh(self, market: Market) -> None:
        if market.outcome is not None:
            self._pay(market, market.outcome)
        market.yes_held = self.ledger.held(market.market_id, Outcome.YES)
        market.no_held = self.ledger.held(market.market_id, Outcome.NO)
        cost = self.ledger.cost(market.market_id)
        self.cost += cost - market.cost
        market.cost = cost
        self._note_busy(market)

    def _pay(self, market: Market, outcome: Outcome) -> int:
        payout = PRICE_PER_DOLLAR if outcome is Outcome.YES else 0
        return self.ledger.settle(market.market_id, payout)

    def _note_busy(self, market: Market) -> None:
        if market.in_flight or market.yes_held or market.no_held:
            self.busy.add(market.market_id)
        else:
            self.busy.discard(market.market_id)

    def _find(self, client_order_id: str) -> OpenOrder:
        opened = self.orders.get(client_order_id) or self._ended.get(client_order_id)
        if opened is None:
            raise Corrupt(f"a report came for order {client_order_id}, which is not open here")
        return opened


def _fill(event: OrderFilled, order: SubmitOrder) -> Fill:
    fill = Fill.priced(
        event.fill_id, order.market, order.outcome, order.action,
        event.price, event.quantity, event.fee,
    )  # fmt: skip
    return fill if event.notional is None else replace(fill, notional=event.notional)


def _as_submitted(event: OrderAdopted) -> SubmitOrder:
    return SubmitOrder(
        event.recv_ns, event.client_order_id, event.market, event.outcome, event.action,
        event.price, event.quantity, TimeInForce.GTC, post_only=False, reduce_only=False,
    )  # fmt: skip
