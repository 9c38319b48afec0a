"""Kalshi behind the trading port: one account, one order group, everything proved or unknown."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from kairos.adapters.http.client import RestClient
from kairos.adapters.kalshi.calls import Calls
from kairos.adapters.kalshi.exchange import Exchange
from kairos.adapters.kalshi.groups import OrderGroups
from kairos.adapters.kalshi.orders import BATCH_CANCEL_MAX, OrderEntry
from kairos.adapters.kalshi.portfolio import Portfolio, Settlement
from kairos.domain.instruments import Venue
from kairos.domain.refusals import Refusal
from kairos.errors import VenueError, VenueRefused
from kairos.messages.commands import SubmitOrder
from kairos.messages.trading import (
    Placement,
    VenueBalance,
    VenueFill,
    VenueOrder,
    VenuePosition,
)
from kairos.ports import Clock


class KalshiTrading:
    """Implements `kairos.ports.VenueTrading`.

    Kalshi keeps one YES book and does not remember whether a bid bought YES or sold NO, so orders
    and fills come back as purchases of the outcome they are positioned for, at that outcome's
    price: a sale of YES at 0.60 is reported as a purchase of NO at 0.40.

    `order_group_id` must be a group on the shard of the markets that are traded. Nothing has to be
    kept alive: every resting order ends by itself, unless `renew` moves its end.
    """

    venue = Venue.KALSHI
    has_client_order_ids = True
    can_amend = True
    finds_by_intent = False
    buys_spend_cash = False

    def __init__(
        self,
        client: RestClient,
        balance_client: RestClient,
        clock: Clock,
        *,
        order_group_id: str,
        lifetime_seconds: int,
        exchange_index: int = 0,
        subaccount: int | None = None,
        stay_ready: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        calls = Calls(client)
        self._budget = client.budget
        self._group_id = order_group_id
        self._stay_ready = stay_ready
        self.exchange = Exchange(calls, clock)
        self.groups = OrderGroups(calls, exchange_index=exchange_index, subaccount=subaccount)
        self.orders = OrderEntry(
            calls, clock, order_group_id=order_group_id, lifetime_seconds=lifetime_seconds,
            subaccount=subaccount,
        )  # fmt: skip
        self.portfolio = Portfolio(
            calls, Calls(balance_client), self.exchange, clock, subaccount=subaccount
        )

    async def place(self, order: SubmitOrder) -> Placement:
        return await self.orders.place(order)

    def place_now(self, order: SubmitOrder) -> Awaitable[Placement] | None:
        return self.orders.place_now(order)

    async def stay_ready(self) -> None:
        """A job, until canceled: prepare what orders need before there are any."""
        if self._stay_ready is not None:
            await self._stay_ready()

    async def place_batch(self, orders: Sequence[SubmitOrder]) -> list[Placement | VenueError]:
        return await self.orders.place_batch(orders)

    async def cancel(self, venue_order_id: str, market: str) -> None:
        """A cancel that finds nothing proves nothing by itself: the order is looked up."""
        try:
            await self.orders.cancel(venue_order_id, market)
        except VenueRefused as error:
            if error.reason != Refusal.NOT_FOUND:
                raise
            order = await self.portfolio.order(venue_order_id, market)
            if order is None or not order.status.is_final:
                raise

    async def amend(self, order: VenueOrder, price: int, quantity: int) -> Placement:
        return await self.orders.amend(order, price, quantity)

    async def renew(self, order: VenueOrder, expires_ns: int) -> Placement:
        return await self.orders.renew(order, expires_ns)

    async def cancel_all(self, market: str | None = None) -> None:
        """Without a market: everything of the account, other programs' orders included."""
        if market is None:
            await self.orders.cancel_everything()
            return
        resting = [each.venue_order_id for each in await self.portfolio.open_orders(market)]
        for start in range(0, len(resting), BATCH_CANCEL_MAX):
            batch = [(each, market) for each in resting[start : start + BATCH_CANCEL_MAX]]
            for venue_order_id, error in await self.orders.cancel_batch(batch):
                if error is not None:
                    await self.cancel(venue_order_id, market)

    async def order(self, venue_order_id: str, market: str) -> VenueOrder | None:
        return await self.portfolio.order(venue_order_id, market)

    async def find(self, client_order_id: str, market: str) -> VenueOrder | None:
        return await self.portfolio.find(client_order_id, market)

    async def open_orders(self) -> Sequence[VenueOrder]:
        return await self.portfolio.open_orders()

    async def fills(self, since_ns: int) -> Sequence[VenueFill]:
        return await self.portfolio.fills(since_ns)

    async def settlements(self, since_ns: int) -> Sequence[Settlement]:
        return await self.portfolio.settlements(since_ns)

    async def positions(self) -> Sequence[VenuePosition]:
        return await self.portfolio.positions()

    async def balance(self) -> VenueBalance:
        return await self.portfolio.balance()

    @property
    def has_budget(self) -> bool:
        """Whether an order could be sent now without touching what is kept for cancels."""
        return self._budget.has_room

    async def close_group(self) -> None:
        """Cancel all that rests in our order group, and forget the group."""
        if self._group_id:
            await self.groups.delete(self._group_id)

    async def keep_alive(self) -> None:
        """Nothing to do: the expiry of every resting order is the dead-man's switch."""
