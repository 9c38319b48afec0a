"""What a gateway asks its venue until an order's outcome is proved."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from hotpath.gateway.registry import Registry, Tracked
from hotpath.gateway.settings import GatewaySettings
from hotpath.gateway.tasks import within
from kairos.domain.orders import Need
from kairos.domain.units import NANOSECONDS_PER_SECOND
from kairos.errors import OutcomeUnknown
from kairos.messages.trading import VenueFill, VenueOrder
from kairos.ports import Clock, VenueTrading

T = TypeVar("T")
TakeOrder = Callable[[Tracked, VenueOrder], None]
TakeFill = Callable[[Tracked, VenueFill], None]
TakeAbsence = Callable[[Tracked], None]


class Questions:
    """Asks about one order at a time. Raises what the venue raises, and TimeoutError."""

    def __init__(
        self,
        trading: VenueTrading,
        clock: Clock,
        registry: Registry,
        settings: GatewaySettings,
        take_order: TakeOrder,
        take_fill: TakeFill,
        take_absence: TakeAbsence,
        kept_orders: Callable[[str], Sequence[VenueOrder]],
    ) -> None:
        self._trading = trading
        self._clock = clock
        self._registry = registry
        self._settings = settings
        self._take_order = take_order
        self._take_fill = take_fill
        self._take_absence = take_absence
        self._kept_orders = kept_orders

    async def ask(self, tracked: Tracked) -> None:
        """Ask what the order needs to know, and hand over the answer."""
        if tracked.order.needs is Need.FILLS:
            await self.fills(tracked)
        else:
            await self.order(tracked)

    async def order(self, tracked: Tracked) -> None:
        """Look the order up; "there is none" counts when it has been said often and late enough."""
        found = await self._within(self._find(tracked))
        if found is not None:
            tracked.absences = 0
            self._take_order(tracked, found)
            return
        tracked.absences += 1
        settled_ns = tracked.sent_ns + round(self._settings.settle_seconds * NANOSECONDS_PER_SECOND)
        if tracked.absences < self._settings.absences or self._clock.now_ns() < settled_ns:
            return
        await self.fills(tracked)
        self._take_absence(tracked)

    async def fills(self, tracked: Tracked) -> None:
        """Fetch the executions since the order was sent; those that are its own are handed over."""
        for fill in await self._within(self._trading.fills(self._since_ns(tracked))):
            if self._is_of(fill, tracked):
                self._take_fill(tracked, fill)

    async def _find(self, tracked: Tracked) -> VenueOrder | None:
        market = tracked.command.market
        if tracked.order.venue_order_id is not None and not tracked.order.amend_doubt:
            return await self._trading.order(tracked.order.venue_order_id, market)
        if self._trading.has_client_order_ids or self._trading.finds_by_intent:
            return await self._trading.find(tracked.client_order_id, market)
        if tracked.order.venue_order_id is not None:
            return await self._trading.order(tracked.order.venue_order_id, market)
        return await self._search(tracked)

    async def _search(self, tracked: Tracked) -> VenueOrder | None:
        """By the journaled intent, among what rests, what filled and what the stream told of.

        More than one that fits proves nothing, so it stays unknown.
        """
        since_ns = self._since_ns(tracked)
        resting = await self._trading.open_orders()
        heard = self._kept_orders(tracked.command.market)
        candidates = [
            order for order in (*resting, *heard)
            if self._is_free(order.venue_order_id) and tracked.fits(order, since_ns)
        ]  # fmt: skip
        for venue_order_id in self._filled_ids(tracked, await self._trading.fills(since_ns)):
            order = await self._trading.order(venue_order_id, tracked.command.market)
            if order is not None and tracked.fits(order, since_ns):
                candidates.append(order)
        unique = {order.venue_order_id: order for order in candidates}
        if len(unique) > 1:
            raise OutcomeUnknown(
                self._trading.venue, "ambiguous", f"{len(unique)} orders fit the intent",
                "Look at the venue which of them is ours, and cancel the others",
            )  # fmt: skip
        return next(iter(unique.values()), None)

    def _filled_ids(self, tracked: Tracked, fills: Sequence[VenueFill]) -> list[str]:
        mine = tracked.command
        ids = (
            fill.venue_order_id for fill in fills
            if (fill.market, fill.outcome, fill.action) == (mine.market, mine.outcome, mine.action)
            and self._is_free(fill.venue_order_id)
        )  # fmt: skip
        return list(dict.fromkeys(ids))

    def _is_free(self, venue_order_id: str) -> bool:
        return self._registry.find_venue(venue_order_id) is None

    def _is_of(self, fill: VenueFill, tracked: Tracked) -> bool:
        owner = self._registry.find_venue(fill.venue_order_id)
        return owner is tracked or (
            owner is None and fill.client_order_id == tracked.client_order_id
        )

    def _since_ns(self, tracked: Tracked) -> int:
        skew_ns = round(self._settings.clock_skew_seconds * NANOSECONDS_PER_SECOND)
        return max(tracked.sent_ns - skew_ns, 0)

    async def _within(self, work: Awaitable[T]) -> T:
        return await within(self._clock, self._settings.answer_seconds, work)
