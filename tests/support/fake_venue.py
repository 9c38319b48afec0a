"""A venue's trading side in memory, which can lose, delay, repeat and refuse what it answers.

It is honest about its own books: `truth` is what really happened, whatever the answers said.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

from kairos.domain.instruments import Action, Liquidity, Outcome, Venue
from kairos.domain.refusals import REMEDIES, Refusal
from kairos.errors import OutcomeUnknown, VenueRefused, VenueUnreachable
from kairos.messages.commands import SubmitOrder, TimeInForce
from kairos.messages.trading import (
    FillState,
    OrderStatus,
    Placement,
    VenueBalance,
    VenueFill,
    VenueOrder,
    VenuePosition,
)
from kairos.ports import Clock


class Fault(StrEnum):
    """What happens to one request."""

    LOSE_REPLY = "lose_reply"  # done, and the answer never comes: a dropped connection
    LOSE_REQUEST = "lose_request"  # sent, never done, and no answer
    UNREACHABLE = "unreachable"  # not a byte left
    HANG_THEN_DO = "hang_then_do"  # done at once; the answer comes after a minute
    REFUSE = "refuse"
    REFUSE_THOUGH_DONE = "refuse_though_done"  # it lies: says no, and has done it


Listener = Callable[[VenueOrder | VenueFill], None]


@dataclass(slots=True)
class _Rest:
    order: VenueOrder
    sent: SubmitOrder


@dataclass
class FakeVenue:
    """`kairos.ports.VenueTrading`. Orders rest until the test fills, cancels or expires them.

    `faults[call]` are consumed one per call. `stream` hears order and fill messages unless muted.
    """

    clock: Clock
    cash: int = 1_000_000_000
    venue: Venue = Venue.KALSHI
    has_client_order_ids: bool = True
    can_amend: bool = True
    finds_by_intent: bool = False
    buys_spend_cash: bool = False
    stream: Listener | None = None
    faults: dict[str, deque[Fault]] = field(default_factory=dict)
    refusal: Refusal = Refusal.POST_ONLY_CROSSED
    calls: Counter[str] = field(default_factory=Counter)
    placed: list[SubmitOrder] = field(default_factory=list)
    muted: bool = False
    fee: int | None = 10_000
    forgets_ended: bool = False
    taken_at_once: int = 0  # micro-contracts that the next order finds
    offered_at: int | None = None  # what they cost, where that is not the order's own price
    hidden: int = 0  # times that `find` cannot tell yet whether the order is there
    _orders: dict[str, _Rest] = field(default_factory=dict)
    _fills: list[VenueFill] = field(default_factory=list)
    _settled: Counter[tuple[str, Outcome]] = field(default_factory=Counter)

    # VenueTrading

    async def place(self, order: SubmitOrder) -> Placement:
        fault = await self._fault("place")
        if fault is Fault.LOSE_REQUEST:
            raise self._lost("place")
        if fault is Fault.REFUSE:
            raise self._refused(self.refusal)
        if self.has_client_order_ids and self._by_client_id(order.client_order_id):
            raise self._refused(Refusal.ALREADY_PLACED, status=409)
        placement = self._accept(order)
        await self._after(fault, "place")
        return placement

    async def cancel(self, venue_order_id: str, market: str) -> None:
        fault = await self._fault("cancel")
        if fault is Fault.LOSE_REQUEST:
            raise self._lost("cancel")
        rest = self._orders.get(venue_order_id)
        if fault is Fault.REFUSE:
            raise self._refused(self.refusal)
        if rest is None or rest.order.status.is_final:
            raise self._refused(Refusal.NOT_FOUND, status=404)
        self.end(venue_order_id, OrderStatus.CANCELED)
        await self._after(fault, "cancel")

    async def amend(self, order: VenueOrder, price: int, quantity: int) -> Placement:
        fault = await self._fault("amend")
        if fault is Fault.LOSE_REQUEST:
            raise self._lost("amend")
        current = self._orders[order.venue_order_id].order
        if current.status.is_final:
            raise self._refused(Refusal.NOT_FOUND, status=404)
        if fault is Fault.REFUSE:
            raise self._refused(self.refusal)
        changed = self._change(order.venue_order_id, price=price, quantity=quantity)
        if changed.filled >= quantity:
            changed = self._change(order.venue_order_id, status=OrderStatus.FILLED)
        self._say(changed)
        await self._after(fault, "amend")
        return _placement(changed)

    async def cancel_all(self, market: str | None = None) -> None:
        self.calls["cancel_all"] += 1
        for rest in list(self._orders.values()):
            if not rest.order.status.is_final and market in (None, rest.order.market):
                self.end(rest.order.venue_order_id, OrderStatus.CANCELED)

    async def order(self, venue_order_id: str, market: str) -> VenueOrder | None:
        await self._read("order")
        rest = self._orders.get(venue_order_id)
        return None if rest is None or self._forgot(rest) else rest.order

    async def find(self, client_order_id: str, market: str) -> VenueOrder | None:
        assert self.has_client_order_ids or self.finds_by_intent, "it knows no client order ids"
        await self._read("find")
        if self.hidden:
            self.hidden -= 1
            raise self._lost("find")
        rest = self._by_client_id(client_order_id)
        return None if rest is None or self._forgot(rest) else rest.order

    async def open_orders(self) -> Sequence[VenueOrder]:
        await self._read("open_orders")
        return [r.order for r in self._orders.values() if not r.order.status.is_final]

    async def fills(self, since_ns: int) -> Sequence[VenueFill]:
        await self._read("fills")
        return [fill for fill in self._fills if fill.venue_ns >= since_ns]

    async def positions(self) -> Sequence[VenuePosition]:
        await self._read("positions")
        return [
            VenuePosition(self.venue, market, outcome, quantity)
            for (market, outcome), quantity in self.held().items()
        ]

    async def balance(self) -> VenueBalance:
        await self._read("balance")
        return VenueBalance(self.venue, self.cash)

    async def keep_alive(self) -> None:
        await self._read("keep_alive")

    # What happens at the venue

    def fill(self, venue_order_id: str, quantity: int, *, times: int = 1) -> VenueFill:
        """Somebody takes part of a resting order; the stream hears of it `times` times."""
        order = self._orders[venue_order_id].order
        assert order.filled + quantity <= order.quantity
        filled = order.filled + quantity
        done = OrderStatus.FILLED if filled == order.quantity else OrderStatus.RESTING
        order = self._change(venue_order_id, filled=filled, status=done)
        fill = self._execute(order, quantity, Liquidity.MAKER)
        for _ in range(times):
            self._say(fill)
        self._say(order)
        return fill

    def end(self, venue_order_id: str, status: OrderStatus) -> None:
        self._say(self._change(venue_order_id, status=status, reason=status.value))

    def void(self, fill: VenueFill) -> None:
        """The fill never settles."""
        number = next(n for n, one in enumerate(self._fills) if one.fill_id == fill.fill_id)
        self._fills[number] = msgspec.structs.replace(fill, state=FillState.VOID)
        self._move(fill, -1)
        self._say(self._fills[number])

    def charge(self, fill: VenueFill, fee: int) -> None:
        """The fee is said after the fill."""
        number = next(n for n, one in enumerate(self._fills) if one.fill_id == fill.fill_id)
        self._fills[number] = msgspec.structs.replace(fill, fee=fee)
        self.cash -= fee
        self._say(self._fills[number])

    def foreign(self, order: SubmitOrder, client_order_id: str | None = None) -> VenueOrder:
        """Somebody else places an order on this account."""
        placement = self._accept(order, client_order_id)
        return self._orders[placement.venue_order_id].order

    # What is true

    def held(self) -> Counter[tuple[str, Outcome]]:
        """Positions as they are; a netting venue would show the difference."""
        return Counter({key: number for key, number in self._settled.items() if number})

    def at(self, client_order_id: str) -> VenueOrder:
        rest = self._by_client_id(client_order_id)
        assert rest is not None, f"{client_order_id} never arrived"
        return rest.order

    def executions(self, client_order_id: str) -> list[VenueFill]:
        name = self.at(client_order_id).venue_order_id
        return [fill for fill in self._fills if fill.venue_order_id == name]

    # How

    def _accept(self, sent: SubmitOrder, client_order_id: str | None = "") -> Placement:
        self.placed.append(sent)
        name = f"v{len(self.placed)}"
        known = sent.client_order_id if client_order_id == "" else client_order_id
        order = VenueOrder(
            self.venue, name, known if self.has_client_order_ids else None, sent.market,
            sent.outcome, sent.action, sent.price, sent.quantity, 0, OrderStatus.RESTING, "",
            self.clock.now_ns(), sent.expires_ns, self.clock.now_ns(),
        )  # fmt: skip
        self._orders[name] = _Rest(order, sent)
        taken, self.taken_at_once = min(self.taken_at_once, self._most(sent)), 0
        if sent.action is Action.SELL:  # there is no margin
            taken = min(taken, self._settled[sent.market, sent.outcome])
        if taken:
            order = self._change(name, filled=taken)
            self._say(self._execute(order, taken, Liquidity.TAKER))
        if taken >= sent.quantity:
            order = self._change(name, status=OrderStatus.FILLED)
        elif sent.time_in_force in (TimeInForce.IOC, TimeInForce.FOK):
            order = self._change(name, status=OrderStatus.CANCELED, reason="remainder")
        self._say(order)
        return _placement(order)

    def _most(self, sent: SubmitOrder) -> int:
        at_once = sent.time_in_force in (TimeInForce.IOC, TimeInForce.FOK)
        if not self.buys_spend_cash or not at_once or self.offered_at is None:
            return sent.quantity
        return sent.price * sent.quantity // self.offered_at

    def _execute(self, order: VenueOrder, quantity: int, liquidity: Liquidity) -> VenueFill:
        price = order.price if self.offered_at is None else self.offered_at
        notional = price * quantity // 10_000
        fill = VenueFill(
            self.venue, f"t{len(self._fills) + 1}", order.venue_order_id, order.client_order_id,
            order.market, order.outcome, order.action, price, quantity, notional, self.fee,
            liquidity, FillState.PENDING, self.clock.now_ns(),
        )  # fmt: skip
        self._fills.append(fill)
        self._move(fill, 1)
        return fill

    def _move(self, fill: VenueFill, sign: int) -> None:
        buys = fill.action is Action.BUY
        self._settled[fill.market, fill.outcome] += sign * (
            fill.quantity if buys else -fill.quantity
        )
        self.cash += sign * ((-fill.notional if buys else fill.notional) - (fill.fee or 0))

    def _change(self, venue_order_id: str, **changes: object) -> VenueOrder:
        rest = self._orders[venue_order_id]
        rest.order = msgspec.structs.replace(rest.order, updated_ns=self.clock.now_ns(), **changes)
        return rest.order

    def _by_client_id(self, client_order_id: str) -> _Rest | None:
        return next(
            (r for r in self._orders.values() if r.sent.client_order_id == client_order_id), None
        )

    def _forgot(self, rest: _Rest) -> bool:
        return self.forgets_ended and rest.order.status.is_final

    def _say(self, message: VenueOrder | VenueFill) -> None:
        if self.stream is not None and not self.muted:
            self.stream(message)

    async def _fault(self, call: str) -> Fault | None:
        self.calls[call] += 1
        waiting = self.faults.get(call)
        fault = waiting.popleft() if waiting else None
        if fault is Fault.UNREACHABLE:
            raise VenueUnreachable(self.venue, "unreachable", call, "Wait")
        return fault

    async def _after(self, fault: Fault | None, call: str) -> None:
        if fault is Fault.LOSE_REPLY:
            raise self._lost(call)
        if fault is Fault.HANG_THEN_DO:
            await self.clock.sleep(60)
        if fault is Fault.REFUSE_THOUGH_DONE:
            raise self._refused(self.refusal)

    async def _read(self, call: str) -> None:
        if await self._fault(call) is not None:
            raise self._lost(call)

    def _lost(self, call: str) -> OutcomeUnknown:
        return OutcomeUnknown(self.venue, "no_answer", call, "Look it up")

    def _refused(self, reason: Refusal, status: int = 400) -> VenueRefused:
        return VenueRefused(self.venue, reason, "fake", REMEDIES[reason], status=status)


def _placement(order: VenueOrder) -> Placement:
    rests = 0 if order.status.is_final else order.quantity - order.filled
    return Placement(order.venue_order_id, order.status, order.filled, rests, order.updated_ns)
