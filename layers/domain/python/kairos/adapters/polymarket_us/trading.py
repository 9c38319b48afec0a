"""Order entry and account of Polymarket US, as `kairos.ports.VenueTrading`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import msgspec

from kairos.adapters.http.client import RestClient
from kairos.adapters.polymarket_us import amounts
from kairos.adapters.polymarket_us.account import fill_of_trade, own_order_id
from kairos.adapters.polymarket_us.config import BATCH_MAX, VENUE, Settings
from kairos.adapters.polymarket_us.errors import readable, refuse, unknown
from kairos.adapters.polymarket_us.lookup import IntentLog, OrderLookup, Owners
from kairos.adapters.polymarket_us.orders import (
    amount,
    long_price,
    mortal,
    number,
    order_body,
    order_fields,
    placement,
    refuse_off_grid,
    status_of,
    venue_order,
)
from kairos.adapters.polymarket_us.reads import AccountReads, order_path
from kairos.adapters.polymarket_us.schemas import (
    CanceledMany,
    Created,
    CreatedMany,
    ModifiedMany,
    Order,
    OwnTrade,
    Preview,
)
from kairos.domain.instruments import Venue
from kairos.domain.refusals import Refusal
from kairos.domain.units import NANOSECONDS_PER_SECOND
from kairos.errors import Malformed, VenueRefused, VenueUnreachable
from kairos.messages.commands import SubmitOrder
from kairos.messages.trading import (
    OrderStatus,
    Placement,
    VenueBalance,
    VenueFill,
    VenueMarket,
    VenueOrder,
    VenuePosition,
)
from kairos.ports import Clock

_T = TypeVar("_T")

_decode_created = msgspec.json.Decoder(Created).decode
_decode_created_many = msgspec.json.Decoder(CreatedMany).decode
_decode_canceled_many = msgspec.json.Decoder(CanceledMany).decode
_decode_modified_many = msgspec.json.Decoder(ModifiedMany).decode
_decode_preview = msgspec.json.Decoder(Preview).decode

_REPLACED: Final = "ORDER_STATE_REPLACED"


class PreviewedOrder(msgspec.Struct, gc=False, frozen=True):
    """What the venue would make of an order: LONG price, micro-contracts, micro-dollars; None
    where it does not say. What differs from what was asked was shortened."""

    long_price: int | None
    quantity: int | None
    cost: int | None


class PolymarketUsTrading:
    """Every call raises VenueRefused, VenueUnreachable or OutcomeUnknown.

    `listed` gives a market's price grid and least quantity where they are known; the venue
    silently shortens what is finer than them.
    """

    venue = Venue.POLYMARKET_US
    has_client_order_ids = False
    # The venue's modify is a cancel-replace: it loses the place in the queue, and whether the new
    # order keeps the id is not proved. `amend` works, but nothing is gained by preferring it.
    can_amend = False
    finds_by_intent = True
    buys_spend_cash = False

    def __init__(
        self,
        rest: RestClient,
        intents: IntentLog,
        clock: Clock,
        settings: Settings,
        listed: Callable[[str], VenueMarket | None] = lambda _market: None,
    ) -> None:
        self._rest = rest
        self._clock = clock
        self._settings = settings
        self._listed = listed
        self._reads = AccountReads(rest, clock, settings)
        self._owners = Owners(intents)
        self._lookup = OrderLookup(self._reads, self._owners, intents, clock, settings)

    def client_order_id(self, venue_order_id: str) -> str | None:
        """Our id of an order of the venue's, for the private stream."""
        return self._owners.client_order_id(venue_order_id)

    # Orders

    async def place(self, order: SubmitOrder) -> Placement:
        """PENDING for a resting order: the answer proves that it arrived, not that it rests. It
        ends by itself after `lifetime_seconds`, or at an earlier end of its own."""
        self._refuse_to_send(order)
        body = order_body(self._mortal(order), self._settings.synchronous_seconds)
        self._lookup.remember(order)
        reply = await self._rest.write("POST", "/v1/orders", body, "create_order")
        created = readable(_decode_created, reply, "new order")
        self._owners.note(_id(created.id), order.client_order_id)
        return _understood(lambda: placement(created), "new order")

    async def place_many(self, orders: Sequence[SubmitOrder]) -> list[Placement]:
        """Up to 20 at once. The venue checks the shape of all or refuses all; beyond that the
        answer holds ids only, so every placement is PENDING and the private stream tells the rest.
        """
        _refuse_crowd(len(orders))
        for each in orders:
            self._refuse_to_send(each)
        seconds = self._settings.synchronous_seconds
        items = [order_fields(self._mortal(each), seconds) for each in orders]
        for each in orders:
            self._lookup.remember(each)
        body = msgspec.json.encode({"orders": items})
        reply = await self._rest.write("POST", "/v1/orders/batched", body, "create_orders")
        ids = readable(_decode_created_many, reply, "new orders").created_order_ids
        if len(ids) != len(orders) or len(set(ids)) != len(ids) or not all(ids):
            raise unknown("unreadable_reply", f"{len(ids)} ids for {len(orders)} new orders")
        for venue_order_id, order in zip(ids, orders, strict=True):
            self._owners.note(venue_order_id, order.client_order_id)
        return [Placement(each, OrderStatus.PENDING, None, None, None) for each in ids]

    async def preview(self, order: SubmitOrder) -> PreviewedOrder:
        """What the venue would make of it; nothing is placed."""
        fields = order_fields(order, self._settings.synchronous_seconds)
        body = msgspec.json.encode({"request": fields})
        reply = await self._rest.write("POST", "/v1/order/preview", body, "preview_order")
        return readable(_previewed, reply, "preview")

    async def close_position(
        self, market: str, long_price_now: int, ticks: int
    ) -> tuple[str, Placement]:
        """Sell all that is held of a market, at most `ticks` from the LONG price now: its default
        is any price at all. Returns the venue's order id and what is proved of it."""
        if ticks < 0:
            raise refuse(Refusal.INVALID_REQUEST, f"{ticks} ticks of slippage")
        fields = {
            "marketSlug": market,
            "manualOrderIndicator": "MANUAL_ORDER_INDICATOR_AUTOMATIC",
            "synchronousExecution": True,
            "maxBlockTime": str(self._settings.synchronous_seconds),
            "slippageTolerance": {"currentPrice": amount(long_price_now), "ticks": ticks},
        }
        body = msgspec.json.encode(fields)
        reply = await self._rest.write("POST", "/v1/order/close-position", body, "close_position")
        created = readable(_decode_created, reply, "closing order")
        return _id(created.id), _understood(lambda: placement(created), "closing order")

    async def cancel(self, venue_order_id: str, market: str) -> None:
        """The venue's yes means that it will try; the order is looked at until it has ended."""
        body = msgspec.json.encode({"marketSlug": market})
        refused = await self._ask_to_cancel(venue_order_id, body)
        if await self._is_seen_to_end(venue_order_id):
            return
        is_unknown = refused is not None and refused.reason == Refusal.NOT_FOUND
        if is_unknown and await self._reads.order_now(venue_order_id) is not None:
            # It rests: when the cancel came, the order was too new for the venue to know it.
            refused = await self._ask_to_cancel(venue_order_id, body)
            if await self._is_seen_to_end(venue_order_id):
                return
        if refused is not None:
            raise refused
        raise unknown("cancel_not_proved", f"{venue_order_id} is not seen to have ended")

    async def _ask_to_cancel(self, venue_order_id: str, body: bytes) -> VenueRefused | None:
        """The venue's refusal, which it also gives for an order that has ended by itself."""
        try:
            await self._rest.cancel(
                "POST", order_path(venue_order_id, "cancel"), body, "cancel_order"
            )
        except VenueRefused as error:
            if error.reason == Refusal.RATE_LIMITED:
                raise
            return error
        return None

    async def _is_seen_to_end(self, venue_order_id: str) -> bool:
        return await self._seen(venue_order_id, lambda each: status_of(each).is_final) is not None

    async def cancel_many(self, orders: Sequence[tuple[str, str]]) -> None:
        """(venue order id, market), up to 20 at once. The answer only echoes: an id that the venue
        does not know is passed over in silence, so look at the orders themselves afterwards."""
        _refuse_crowd(len(orders))
        items = [{"orderId": each, "marketSlug": market} for each, market in orders]
        body = msgspec.json.encode({"orders": items})
        reply = await self._rest.cancel("POST", "/v1/orders/batched/cancel", body, "cancel_orders")
        readable(_decode_canceled_many, reply, "canceled orders")

    async def cancel_all(self, market: str | None = None) -> None:
        """Returns once nothing rests any more (in `market`); raises OutcomeUnknown if it does."""
        body = msgspec.json.encode({"slugs": [] if market is None else [market]})
        reply = await self._rest.cancel("POST", "/v1/orders/open/cancel", body, "cancel_all")
        readable(_decode_canceled_many, reply, "canceled orders")
        left: list[Order] = []
        for attempt in range(self._settings.settle_attempts):
            if attempt:
                await self._clock.sleep(self._settings.settle_seconds)
            left = await self._reads.open_orders(market)
            if not left:
                return
        raise unknown("cancel_not_proved", f"{len(left)} orders still rest after a cancel of all")

    async def amend(self, order: VenueOrder, price: int, quantity: int) -> Placement:
        """Cancel and replace. Proved once the venue shows the same order with the new terms."""
        fields = _changed(order, price, quantity)
        body = msgspec.json.encode(fields)
        path = order_path(order.venue_order_id, "modify")
        await self._rest.write("POST", path, body, "modify_order")
        found = await self._seen(
            order.venue_order_id, lambda each: self._has(each, price, quantity)
        )
        if found is None:
            raise unknown("amend_not_proved", f"{order.venue_order_id} does not show its new terms")
        now = self._as_ours(found)
        left = now.quantity - now.filled
        return Placement(now.venue_order_id, now.status, now.filled, left, now.updated_ns)

    async def modify_many(self, changes: Sequence[tuple[VenueOrder, int, int]]) -> None:
        """(order, price, quantity), up to 20 at once; the answer only echoes, like a batch of
        cancels."""
        _refuse_crowd(len(changes))
        items = [
            {"orderId": order.venue_order_id, **_changed(order, price, quantity)}
            for order, price, quantity in changes
        ]
        body = msgspec.json.encode({"orders": items})
        reply = await self._rest.write("POST", "/v1/orders/batched/modify", body, "modify_orders")
        readable(_decode_modified_many, reply, "modified orders")

    # Account

    async def order(self, venue_order_id: str, market: str) -> VenueOrder | None:
        found = await self._reads.order(venue_order_id)
        return None if found is None else self._as_ours(found)

    async def find(self, client_order_id: str, market: str) -> VenueOrder | None:
        """See `OrderLookup.find`: by the journaled intent, and never by a guess."""
        return await self._lookup.find(client_order_id, market)

    async def remember(self, order: SubmitOrder) -> None:
        """After a restart: make an order of the journal known, so that `find` can look it up."""
        self._lookup.remember(order)

    async def open_orders(self) -> Sequence[VenueOrder]:
        return [self._as_ours(each) for each in await self._reads.open_orders()]

    async def fills(self, since_ns: int) -> Sequence[VenueFill]:
        """Oldest first. A trade that the exchange busts later comes again as VOID."""
        trades = await self._reads.trades(since_ns)
        fills = _understood(lambda: [self._fill(each) for each in trades], "trades")
        return sorted(fills, key=lambda fill: fill.venue_ns)

    async def positions(self) -> Sequence[VenuePosition]:
        return await self._reads.positions()

    async def balance(self) -> VenueBalance:
        return await self._reads.balance()

    async def keep_alive(self) -> None:
        """The venue has no dead man's switch: every resting order carries an end instead."""

    def _mortal(self, order: SubmitOrder) -> SubmitOrder:
        life_ns = round(self._settings.lifetime_seconds * NANOSECONDS_PER_SECOND)
        return mortal(order, self._clock.now_ns() + life_ns)

    def _refuse_to_send(self, order: SubmitOrder) -> None:
        """Whatever the venue would shorten, and what has waited too long to be looked up safely."""
        late_ns = self._clock.now_ns() - order.ts_ns
        if late_ns > self._settings.send_within_seconds * NANOSECONDS_PER_SECOND:
            raise VenueUnreachable(
                VENUE, "too_late", f"{order.client_order_id} was meant {late_ns // 10**6} ms ago",
                "Nothing was sent; decide anew",
            )  # fmt: skip
        market = self._listed(order.market)
        if market is not None:
            refuse_off_grid(order, market)

    async def _seen(self, venue_order_id: str, is_so: Callable[[Order], bool]) -> Order | None:
        """The order as soon as `is_so`; None when it was not seen to be in the time it may take."""
        for attempt in range(self._settings.settle_attempts):
            if attempt:
                await self._clock.sleep(self._settings.settle_seconds)
            order = await self._reads.order_now(venue_order_id)
            if order is not None and _understood(lambda: is_so(order), "order"):  # noqa: B023
                return order
        return None

    def _has(self, order: Order, price: int, quantity: int) -> bool:
        now = self._as_ours(order)
        return (now.price, now.quantity) == (price, quantity) and order.state != _REPLACED

    def _fill(self, trade: OwnTrade) -> VenueFill:
        return fill_of_trade(trade, self._owners.client_order_id(own_order_id(trade)))

    def _as_ours(self, order: Order) -> VenueOrder:
        ours = self._owners.client_order_id(order.id)
        return _understood(lambda: venue_order(order, ours), f"order {order.id}")


def _changed(order: VenueOrder, price: int, quantity: int) -> dict[str, object]:
    """The new terms of an order; `quantity` is the whole, filled part included."""
    return {
        "marketSlug": order.market,
        "price": amount(long_price(order.outcome, price)),
        "quantity": number(quantity),
    }


def _previewed(raw: bytes) -> PreviewedOrder:
    order = _decode_preview(raw).order
    price, quantity, cost = order.price, order.quantity, order.cash_order_qty
    return PreviewedOrder(
        None if price is None else amounts.price(price, "price"),
        None if quantity is None else amounts.quantity(quantity, "quantity"),
        None if cost is None else amounts.cash(cost, "cashOrderQty"),
    )


def _id(venue_order_id: str) -> str:
    if not venue_order_id:
        raise unknown("unreadable_reply", "the venue took the order and named no id")
    return venue_order_id


def _understood(parse: Callable[[], _T], what: str) -> _T:
    """Raises OutcomeUnknown for what a reply says that cannot be."""
    try:
        return parse()
    except Malformed as error:
        raise unknown("unreadable_reply", f"{what}: {error}"[:300]) from error


def _refuse_crowd(count: int) -> None:
    if not 1 <= count <= BATCH_MAX:
        raise refuse(Refusal.INVALID_REQUEST, f"a batch of {count}; at most {BATCH_MAX}")
