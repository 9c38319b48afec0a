"""Order entry and account of Polymarket behind `kairos.ports.VenueTrading`.

The venue has no client order id. Ours is the salt of the order, and its digest is the venue's id,
known before the send: an order whose outcome is unknown is looked up by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kairos.adapters.http.client import RestClient
from kairos.adapters.polymarket.account import Account, readable
from kairos.adapters.polymarket.auth import ApiCredentials
from kairos.adapters.polymarket.cancels import Cancels
from kairos.adapters.polymarket.catalogue import ClobMarkets
from kairos.adapters.polymarket.config import BATCH_ORDERS_MAX, VENUE
from kairos.adapters.polymarket.eip712 import OrderSigner
from kairos.adapters.polymarket.errors import LOOK_UP, refused, unknown
from kairos.adapters.polymarket.geoblock import Geoblock
from kairos.adapters.polymarket.listings import Listing
from kairos.adapters.polymarket.orders import (
    OrderBuilder,
    OrderIds,
    Prepared,
    batch_body,
    placement,
)
from kairos.adapters.polymarket.rest_schemas import OrderReply, WireOrder, WireTrade
from kairos.adapters.polymarket.user import FeeAsset, Owner, Reporter
from kairos.domain.instruments import Venue
from kairos.domain.refusals import Refusal
from kairos.domain.units import NANOSECONDS_PER_SECOND
from kairos.errors import Malformed, OutcomeUnknown, VenueError, VenueRefused, VenueUnreachable
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

# A trade can carry an earlier second than the order's own clock.
_CLOCK_SLACK_NS: Final = 60 * NANOSECONDS_PER_SECOND
_IMMEDIATE: Final = frozenset({TimeInForce.IOC, TimeInForce.FOK})


@dataclass(frozen=True, slots=True)
class Clients:
    """One REST client per host of the venue; `clob` signs, the others are public."""

    clob: RestClient
    data: RestClient


class PolymarketTrading:
    """Implements `kairos.ports.VenueTrading`. `reporter` turns the user channel's messages into
    the same facts. Nothing here sends an order twice."""

    venue = Venue.POLYMARKET
    has_client_order_ids = False
    can_amend = False
    finds_by_intent = True
    buys_spend_cash = True

    def __init__(
        self,
        clients: Clients,
        markets: ClobMarkets,
        signer: OrderSigner,
        credentials: ApiCredentials,
        geoblock: Geoblock,
        fee_asset: FeeAsset,
        clock: Clock,
    ) -> None:
        self._clob = clients.clob
        self._clock = clock
        self._geoblock = geoblock
        self._builder = OrderBuilder(signer, credentials.key)
        self.markets = markets
        self.ids = OrderIds()
        self.account = Account(clients.clob, clients.data, signer.maker, signer.signature_type)
        self.cancels = Cancels(clients.clob)
        self.reporter = Reporter(
            markets.listings, Owner(credentials.key, signer.maker), self.ids.client_id, fee_asset
        )

    # Orders

    async def place(self, order: SubmitOrder) -> Placement:
        """Refuses before sending what the venue would refuse; sends exactly once."""
        await self._geoblock.require()
        prepared = await self._prepared(order)
        try:
            body = await self._clob.write("POST", "/order", prepared.body, "/order")
        except VenueRefused as problem:
            raise self._noted(prepared, problem) from problem
        return self._placed(prepared, readable(body, OrderReply))

    async def place_many(self, orders: Sequence[SubmitOrder]) -> list[Placement | VenueError]:
        """Up to 15 in one request; each has an outcome of its own.

        Raises like `place` when none of them was sent or the whole answer proves nothing.
        """
        if not 0 < len(orders) <= BATCH_ORDERS_MAX:
            raise refused(Refusal.INVALID_REQUEST, f"{len(orders)} of 1..{BATCH_ORDERS_MAX} orders")
        await self._geoblock.require()
        prepared = [await self._prepared(each) for each in orders]
        body = await self._clob.write(
            "POST", "/orders", batch_body(prepared), "/orders", count=len(prepared)
        )
        replies = readable(body, list[OrderReply])
        if len(replies) != len(prepared):
            raise unknown("unreadable_answer", f"/orders: {len(replies)} of {len(prepared)}")
        return [self._outcome(*pair) for pair in zip(prepared, replies, strict=True)]

    def _outcome(self, prepared: Prepared, reply: OrderReply) -> Placement | VenueError:
        try:
            return self._placed(prepared, reply)
        except VenueError as problem:
            return problem

    async def _prepared(self, order: SubmitOrder) -> Prepared:
        listing = await self._listing(order.market)
        prepared = self._prepare(order, listing)
        if isinstance(prepared, VenueRefused):
            # The tick narrows when a price nears 0 or 1: ask again before believing the grid.
            fresh = await self._listing(order.market, refresh=True)
            prepared = self._prepare(order, fresh)
        if isinstance(prepared, VenueRefused):
            raise prepared
        self.ids.add(order, prepared.order_id)
        return prepared

    def _prepare(self, order: SubmitOrder, listing: Listing) -> Prepared | VenueRefused:
        try:
            return self._builder.prepare(order, listing, self._clock.now_ns())
        except VenueRefused as problem:
            if problem.reason == Refusal.PRICE_OFF_GRID:
                return problem
            raise

    def _placed(self, prepared: Prepared, reply: OrderReply) -> Placement:
        try:
            placed = placement(prepared, reply)
        except VenueRefused as problem:
            raise self._noted(prepared, problem) from problem
        # Were the venue's id another than our digest, look-ups must use the venue's.
        self.ids.add(prepared.order, placed.venue_order_id)
        return placed

    def _noted(self, prepared: Prepared, problem: VenueRefused) -> VenueRefused:
        """What the venue contradicts is looked up again before the next order."""
        if problem.reason == Refusal.PRICE_OFF_GRID:
            self.markets.listings.forget(prepared.order.market)
        return problem

    async def amend(self, order: VenueOrder, price: int, quantity: int) -> Placement:
        raise refused(Refusal.UNSUPPORTED, "orders cannot be changed; cancel and place anew")

    async def cancel(self, venue_order_id: str, market: str) -> None:
        await self.cancels.one(venue_order_id)

    async def cancel_all(self, market: str | None = None) -> None:
        if market is None:
            await self.cancels.everything()
        else:
            await self.cancels.market(market)

    # Look-ups

    async def order_id(self, order: SubmitOrder) -> str:
        """The venue's id of an order, sent or not; a journaled order keeps its id for ever, as
        long as the market keeps its tick and exchange."""
        return self._builder.order_id(order, await self._listing(order.market))

    async def remember(self, order: SubmitOrder) -> str:
        """After a restart: make an order of the journal known, so that `find` can look it up."""
        order_id = await self.order_id(order)
        self.ids.add(order, order_id)
        return order_id

    async def order(self, venue_order_id: str, market: str) -> VenueOrder | None:
        """None when the venue shows neither the order nor, where it is ours, a trade of it."""
        wire = await self.account.order(venue_order_id)
        if wire is not None:
            return await self._order(wire)
        sent = self.ids.sent(venue_order_id)
        return None if sent is None else await self._by_its_trades(venue_order_id, sent)

    async def find(self, client_order_id: str, market: str) -> VenueOrder | None:
        order_id = self.ids.venue_id(client_order_id)
        if order_id is None:
            detail = f"{client_order_id}: its id at the venue cannot be computed from ours alone"
            remedy = f"Give `remember` the order from the journal. {LOOK_UP}"
            raise OutcomeUnknown(VENUE, "order_not_remembered", detail, remedy)
        return await self.order(order_id, market)

    async def _by_its_trades(self, order_id: str, sent: SubmitOrder) -> VenueOrder | None:
        """The venue forgets ended orders sooner than their trades: those are proof as well."""
        since_ns = sent.ts_ns - _CLOCK_SLACK_NS
        fills = [
            fill
            for trade in await self.account.trades(since_ns, sent.market)
            for fill in await self._fills(trade)
            if fill.venue_order_id.lower() == order_id.lower() and fill.state is not FillState.VOID
        ]
        if not fills:
            return None
        filled = sum(fill.quantity for fill in fills)
        at_once = sent.time_in_force in _IMMEDIATE
        status = OrderStatus.CANCELED if at_once else OrderStatus.PENDING
        return VenueOrder(
            Venue.POLYMARKET, order_id, sent.client_order_id, sent.market, sent.outcome,
            sent.action, sent.price, sent.quantity, filled,
            OrderStatus.FILLED if filled >= sent.quantity else status, "known_by_its_trades",
            None, sent.expires_ns, max(fill.venue_ns for fill in fills),
        )  # fmt: skip

    async def open_orders(self) -> Sequence[VenueOrder]:
        return [await self._order(wire) for wire in await self.account.open_orders()]

    async def fills(self, since_ns: int) -> Sequence[VenueFill]:
        trades = await self.account.trades(since_ns)
        return [fill for trade in trades for fill in await self._fills(trade)]

    async def _order(self, wire: WireOrder) -> VenueOrder:
        await self._listing(wire.market)
        try:
            return self.reporter.order(wire)
        except Malformed as problem:
            raise unknown(problem.reason, f"order {wire.id[:80]}: {problem.detail}") from problem

    async def _fills(self, trade: WireTrade) -> tuple[VenueFill, ...]:
        await self._listing(trade.market)
        try:
            return self.reporter.fills(trade)
        except Malformed as problem:
            raise unknown(problem.reason, f"trade {trade.id[:80]}: {problem.detail}") from problem

    async def _listing(self, market: str, *, refresh: bool = False) -> Listing:
        markets = self.markets
        try:
            return await (markets.refresh(market) if refresh else markets.listing(market))
        except Malformed as problem:
            raise refused(Refusal.UNSUPPORTED, f"{market[:80]}: {problem}") from problem
        except OutcomeUnknown as problem:
            # Only this look-up failed: of an order that waits for it nothing was sent.
            raise VenueUnreachable(
                problem.venue, problem.reason, problem.detail, "Try again; nothing was sent"
            ) from problem

    # Account

    async def positions(self) -> Sequence[VenuePosition]:
        return await self.account.positions()

    async def balance(self) -> VenueBalance:
        return await self.account.balance()

    async def keep_alive(self) -> None:
        """Once sent, the venue cancels everything about ten seconds after the last of these. Also
        keeps the verdict about our location fresh, off the way of orders."""
        await self.account.heartbeat()
        await self._geoblock.refresh()
