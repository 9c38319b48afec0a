"""Puts orders into Kalshi's book, changes them and takes them out; each sent once and proved."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Final

import msgspec

from kairos.adapters.http.client import Query
from kairos.adapters.kalshi import endpoints
from kairos.adapters.kalshi.calls import Calls, decoded
from kairos.adapters.kalshi.errors import explain_item, readable, refused, unreadable
from kairos.adapters.kalshi.rest_schemas import (
    Amended,
    AmendOrderBody,
    Canceled,
    CanceledItems,
    CancelItem,
    CancelItems,
    Created,
    CreatedItem,
    CreatedItems,
    CreateOrder,
    CreateOrders,
    Decreased,
    DecreaseOrder,
    ItemError,
)
from kairos.adapters.kalshi.wire import book_side, count_text, price_text, size
from kairos.domain.refusals import Refusal
from kairos.domain.units import (
    NANOSECONDS_PER_MILLISECOND,
    NANOSECONDS_PER_SECOND,
    contracts,
)
from kairos.errors import VenueError
from kairos.messages.commands import SubmitOrder, TimeInForce
from kairos.messages.trading import OrderStatus, Placement, VenueOrder
from kairos.ports import Clock

# Basic's bucket holds 100 tokens, 20 of them for cancels: eight orders are the most that fit.
BATCH_CREATE_MAX: Final = 8
BATCH_CANCEL_MAX: Final = 40

SELF_TRADE_PREVENTION: Final = "taker_at_cross"
_TIMES: Final = {
    TimeInForce.GTC: "good_till_canceled",
    TimeInForce.GTD: "good_till_canceled",
    TimeInForce.IOC: "immediate_or_cancel",
    TimeInForce.FOK: "fill_or_kill",
}
_RESTING: Final = frozenset({TimeInForce.GTC, TimeInForce.GTD})


class OrderEntry:
    """Every resting order is in `order_group_id`, is cancelled when the exchange pauses, and ends
    by itself: at its own end, or `lifetime_seconds` after it was sent."""

    def __init__(
        self,
        calls: Calls,
        clock: Clock,
        *,
        order_group_id: str,
        lifetime_seconds: int,
        subaccount: int | None,
    ) -> None:
        self._calls = calls
        self._clock = clock
        self._group = order_group_id
        self._lifetime_seconds = lifetime_seconds
        self._subaccount = subaccount

    async def place(self, order: SubmitOrder) -> Placement:
        body = self.body(order)
        created = await self._calls.write(endpoints.CREATE, Created, body=body)
        with readable(endpoints.CREATE.name):
            return _placement(order, created)

    def place_now(self, order: SubmitOrder) -> Awaitable[Placement] | None:
        """`kairos.ports.PromptTrading`"""
        answer = self._calls.create_now(self.body(order))
        return None if answer is None else self._placed(order, answer)

    async def _placed(self, order: SubmitOrder, answer: Awaitable[bytes]) -> Placement:
        created = decoded(endpoints.CREATE, Created, await answer)
        with readable(endpoints.CREATE.name):
            return _placement(order, created)

    async def place_batch(self, orders: Sequence[SubmitOrder]) -> list[Placement | VenueError]:
        """One answer per order, in order. At most `BATCH_CREATE_MAX`."""
        _bounded(len(orders), BATCH_CREATE_MAX)
        bodies = CreateOrders([self.body(order) for order in orders])
        reply = await self._calls.write(
            endpoints.CREATE_BATCH, CreatedItems, body=bodies, count=len(orders)
        )
        if len(reply.orders) != len(orders):
            said = f"{len(reply.orders)} answers for {len(orders)} orders"
            raise unreadable(endpoints.CREATE_BATCH.name, said)
        return [
            _batch_answer(order, item) for order, item in zip(orders, reply.orders, strict=True)
        ]

    async def amend(self, order: VenueOrder, price: int, quantity: int) -> Placement:
        """`quantity` is filled plus what shall rest. The order's end stays as it is."""
        return await self._amend(order, price, quantity, None)

    async def renew(self, order: VenueOrder, expires_ns: int) -> Placement:
        """Let a resting order live on until `expires_ns`; it keeps its place in the queue."""
        return await self._amend(order, order.price, order.quantity, self._end(expires_ns))

    async def decrease(self, venue_order_id: str, market: str, reduce_to: int) -> int:
        """Leave `reduce_to` micro-contracts resting; returns what rests. Keeps the queue place."""
        body = DecreaseOrder(reduce_to=count_text(reduce_to), market_ticker=market)
        done = await self._calls.write(
            endpoints.DECREASE, Decreased, venue_order_id, body=body, query=self._account()
        )
        with readable(endpoints.DECREASE.name):
            return size(done.remaining_count, "remaining_count")

    async def cancel(self, venue_order_id: str, market: str) -> None:
        """Return when the matching engine said that it took the rest away.

        The market names the shard: without it the venue looks on shard 0 and finds nothing.
        """
        query = (*self._account(), ("market_ticker", market))
        reply = await self._calls.cancel(endpoints.CANCEL, venue_order_id, query=query)
        canceled = decoded(endpoints.CANCEL, Canceled, reply)
        if canceled.order_id != venue_order_id:
            raise unreadable(endpoints.CANCEL.name, f"the answer is about {canceled.order_id}")

    async def cancel_everything(self) -> None:
        """Every resting order of the account, whoever placed it. Orders placed in the minute after
        may be cancelled too."""
        await self._calls.cancel(endpoints.CANCEL_ALL, query=self._account())

    async def cancel_batch(
        self, orders: Sequence[tuple[str, str]]
    ) -> list[tuple[str, VenueError | None]]:
        """Cancel (venue order id, market) pairs; at most `BATCH_CANCEL_MAX`."""
        _bounded(len(orders), BATCH_CANCEL_MAX)
        items = CancelItems([CancelItem(each, at, self._subaccount) for each, at in orders])
        reply = await self._calls.cancel(
            endpoints.CANCEL_BATCH, body=msgspec.json.encode(items), count=len(orders)
        )
        done = decoded(endpoints.CANCEL_BATCH, CanceledItems, reply)
        answers = {item.order_id: item.error for item in done.orders}
        if answers.keys() != {each for each, _ in orders}:
            raise unreadable(endpoints.CANCEL_BATCH.name, "the answers are not about these orders")
        name = endpoints.CANCEL_BATCH.name
        return [(each, _item_error(name, answers[each])) for each, _ in orders]

    def body(self, order: SubmitOrder) -> CreateOrder:
        """The order as it goes on the wire. Raises VenueRefused for what the venue cannot do."""
        rests = order.time_in_force in _RESTING
        if order.reduce_only and order.time_in_force is not TimeInForce.IOC:
            raise refused(Refusal.UNSUPPORTED, "reduce_only needs immediate_or_cancel here")
        if order.post_only and not rests:
            raise refused(Refusal.UNSUPPORTED, "an order that never rests cannot be post-only")
        if rests and not self._group:
            raise refused(Refusal.INVALID_REQUEST, "an order that rests must be in an order group")
        if order.time_in_force is TimeInForce.GTD and order.expires_ns is None:
            raise refused(Refusal.INVALID_REQUEST, "good_till_date needs a date")
        return CreateOrder(
            ticker=order.market,
            side=book_side(order.outcome, order.action),
            count=count_text(order.quantity),
            price=price_text(order.outcome, order.price),
            time_in_force=_TIMES[order.time_in_force],
            self_trade_prevention_type=SELF_TRADE_PREVENTION,
            client_order_id=order.client_order_id,
            expiration_time=self._end(order.expires_ns) if rests else None,
            post_only=order.post_only or None,
            reduce_only=order.reduce_only or None,
            cancel_order_on_pause=True if rests else None,
            order_group_id=self._group if rests else None,
            subaccount=self._subaccount,
        )

    async def _amend(
        self, order: VenueOrder, price: int, quantity: int, expiration_time: int | None
    ) -> Placement:
        body = AmendOrderBody(
            ticker=order.market,
            side=book_side(order.outcome, order.action),
            price=price_text(order.outcome, price),
            count=count_text(quantity),
            expiration_time=expiration_time,
        )
        amended = await self._calls.write(
            endpoints.AMEND, Amended, order.venue_order_id, body=body, query=self._account()
        )
        with readable(endpoints.AMEND.name):
            return _amended(amended)

    def _end(self, expires_ns: int | None) -> int:
        """Whole seconds, rounded down: never longer than asked."""
        now_ns = self._clock.now_ns()
        if expires_ns is None:
            return now_ns // NANOSECONDS_PER_SECOND + self._lifetime_seconds
        end = expires_ns // NANOSECONDS_PER_SECOND
        if end * NANOSECONDS_PER_SECOND <= now_ns:
            raise refused(Refusal.INVALID_REQUEST, "the order would end before it began")
        return end

    def _account(self) -> Query:
        return () if self._subaccount is None else (("subaccount", str(self._subaccount)),)


def _placement(order: SubmitOrder, created: Created) -> Placement:
    filled = size(created.fill_count, "fill_count")
    remaining = size(created.remaining_count, "remaining_count")
    if created.client_order_id not in (None, "", order.client_order_id):
        raise unreadable(endpoints.CREATE.name, f"the answer is about {created.client_order_id}")
    if not created.order_id or filled + remaining > order.quantity:
        said = f"{contracts(filled)} filled and {contracts(remaining)} left"
        raise unreadable(endpoints.CREATE.name, f"{said} of {contracts(order.quantity)}")
    ended = OrderStatus.FILLED if filled >= order.quantity else OrderStatus.CANCELED
    rests = OrderStatus.RESTING if order.time_in_force in _RESTING else OrderStatus.PENDING
    return Placement(
        created.order_id,
        rests if remaining else ended,
        filled,
        remaining,
        created.ts_ms * NANOSECONDS_PER_MILLISECOND,
    )


def _batch_answer(order: SubmitOrder, item: CreatedItem) -> Placement | VenueError:
    error = _item_error(endpoints.CREATE_BATCH.name, item.error)
    if error is not None:
        return error
    try:
        with readable(endpoints.CREATE_BATCH.name):
            return _placement(order, msgspec.convert(msgspec.to_builtins(item), Created))
    except VenueError as unknown:
        return unknown


def _item_error(endpoint: str, error: ItemError | None) -> VenueError | None:
    return None if error is None else explain_item(endpoint, msgspec.structs.asdict(error))


def _amended(amended: Amended) -> Placement:
    """Absent counts were not stated: the venue only tells what the amendment changed."""
    remaining = (
        None
        if amended.remaining_count is None
        else size(amended.remaining_count, "remaining_count")
    )
    filled_now = 0 if amended.fill_count is None else size(amended.fill_count, "fill_count")
    status = OrderStatus.RESTING
    if remaining == 0:
        status = OrderStatus.FILLED if filled_now else OrderStatus.CANCELED
    ts_ns = amended.ts_ms * NANOSECONDS_PER_MILLISECOND
    return Placement(amended.order_id, status, None, remaining, ts_ns)


def _bounded(count: int, most: int) -> None:
    if not 1 <= count <= most:
        raise refused(Refusal.INVALID_REQUEST, f"a batch holds 1..{most} orders, not {count}")
