"""Facts about orders we do not know: wait for the order they are about, or take the order over.

A fill may be heard before the answer that tells us our order's id, so a fact that nobody claims is
kept for as long as an order of ours in that market has no id yet. Only then is it somebody else's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from hotpath.gateway.registry import Fact, Registry, Tracked
from hotpath.gateway.settings import ForeignOrders, GatewaySettings
from hotpath.gateway.tasks import Tasks, within
from hotpath.gateway.translate import adoption, as_submitted
from hotpath.strategies.order_ids import token_of
from kairos.errors import KairosError
from kairos.messages.events import BreakFound, BreakResolved, Event
from kairos.messages.trading import VenueFill, VenueOrder
from kairos.ports import Clock, VenueTrading


class Taker(Protocol):
    """Whom a fact is handed to once its order is known."""

    def on_venue_order(self, order: VenueOrder) -> None: ...

    def on_venue_fill(self, fill: VenueFill) -> None: ...


class Foreign:
    """Finds whose a fact is, and adopts the orders of others."""

    def __init__(
        self,
        trading: VenueTrading,
        clock: Clock,
        inbox: Callable[[Event], None],
        settings: GatewaySettings,
        registry: Registry,
        tasks: Tasks,
        taker: Taker,
    ) -> None:
        self._trading = trading
        self._clock = clock
        self._inbox = inbox
        self._settings = settings
        self._registry = registry
        self._tasks = tasks
        self._taker = taker
        self._orphans: dict[str, list[Fact]] = {}
        self._kept = 0
        self._overflowed = False
        self._asking: set[str] = set()
        self._booked_before: frozenset[str] = frozenset()

    @property
    def booked(self) -> frozenset[str]:
        return self._booked_before

    def booked_before(self, fill_ids: Iterable[str]) -> None:
        """Fills that the opening positions and cash contain already; they are never booked."""
        self._booked_before |= frozenset(fill_ids)

    def owner(self, fact: Fact) -> Tracked | None:
        """The order a fact is about; None when it is kept until that is known, or not wanted."""
        if isinstance(fact, VenueFill) and fact.fill_id in self._booked_before:
            return None
        tracked = self._registry.find_venue(fact.venue_order_id)
        if tracked is None and fact.client_order_id is not None:
            tracked = self._registry.find(fact.client_order_id)
        if tracked is None:
            self._keep(fact)
        return tracked

    def claim(self, venue_order_id: str) -> None:
        """An order turned out to have this id: hand over what was heard of it before."""
        self._hand_over(self._take_kept(venue_order_id))

    def _take_kept(self, venue_order_id: str) -> Sequence[Fact]:
        facts = self._orphans.pop(venue_order_id, ())
        self._kept -= len(facts)
        return facts

    def _hand_over(self, facts: Iterable[Fact]) -> None:
        for fact in facts:
            if isinstance(fact, VenueOrder):
                self._taker.on_venue_order(fact)
            else:
                self._taker.on_venue_fill(fact)

    def kept_orders(self, market: str) -> list[VenueOrder]:
        """Orders in a market that were heard of and that nobody owns yet, each at its latest."""
        latest = (_latest(facts) for facts in self._orphans.values())
        return [order for order in latest if order is not None and order.market == market]

    def settled(self, market: str) -> None:
        """An order of ours in this market is identified or ended: look again at what was kept."""
        for venue_order_id in list(self._orphans):
            facts = self._orphans.get(venue_order_id)
            if facts and facts[0].market == market:
                self._examine(venue_order_id)

    def adopt(self, order: VenueOrder, before: int = 0) -> None:
        """Take over an order, of which `before` was filled and is booked already."""
        name = order.client_order_id or f"ext-{order.venue_order_id}"
        now_ns = self._clock.now_ns()
        sent_ns = now_ns if before or order.created_ns is None else order.created_ns
        tracked = Tracked(as_submitted(order, name, now_ns), sent_ns, before)
        # An id of our making is ours whatever the setting: an earlier session placed it.
        tracked.managed = (
            self._settings.foreign is ForeignOrders.ADOPT or token_of(name) is not None
        )
        tracked.order.sent()
        kept = self._take_kept(order.venue_order_id)
        self._registry.add(tracked)
        self._registry.named(tracked, order.venue_order_id)
        command, venue_order_id = tracked.command, order.venue_order_id
        self._inbox(adoption(command, now_ns, venue_order_id, before, managed=tracked.managed))
        self._say_adopted(tracked, order, now_ns)
        self._taker.on_venue_order(order)
        self._hand_over(kept)

    def _say_adopted(self, tracked: Tracked, order: VenueOrder, now_ns: int) -> None:
        break_id = f"order:{tracked.client_order_id}"
        detail = f"{order.action} {order.quantity} {order.outcome} at {order.price}, {order.status}"
        found = BreakFound(now_ns, break_id, "foreign_order", order.market, "no order", detail)
        resolution = "adopted" if tracked.managed else "left_alone"
        self._inbox(found)
        self._inbox(BreakResolved(now_ns, break_id, resolution, order.venue_order_id))

    def _keep(self, fact: Fact) -> None:
        if self._kept >= self._settings.orphans_max:
            self._overflow()
            return
        facts = self._orphans.setdefault(fact.venue_order_id, [])
        if fact not in facts:
            facts.append(fact)
            self._kept += 1
        self._examine(fact.venue_order_id)

    def _overflow(self) -> None:
        """Nothing is dropped in silence: from here on reconciliation has to find the rest."""
        if not self._overflowed:
            self._overflowed = True
            detail = f"{self._kept} facts about unknown orders"
            now_ns = self._clock.now_ns()
            self._inbox(BreakFound(now_ns, "orphans", "too_many_orphans", None, detail, ""))

    def _examine(self, venue_order_id: str) -> None:
        facts = self._orphans[venue_order_id]
        may_be_ours = any(fact.client_order_id is None for fact in facts)
        if may_be_ours and self._registry.unidentified(facts[0].market):
            return
        order = _latest(facts)
        if order is None:
            self._ask(venue_order_id, facts[0].market)
        elif order.status.is_final and not _has_filled(facts):
            self._take_kept(venue_order_id)  # somebody's order came and went; nothing follows
        else:
            self.adopt(order)

    def _ask(self, venue_order_id: str, market: str) -> None:
        if venue_order_id in self._asking:
            return
        self._asking.add(venue_order_id)

        def failed(error: BaseException) -> None:
            self._cannot_find(venue_order_id, market, str(error))

        self._tasks.spawn(self._find(venue_order_id, market), failed)

    async def _find(self, venue_order_id: str, market: str) -> None:
        """A fill of an order that nobody here placed: the order says how large it may become."""
        try:
            for attempt in range(self._settings.looks_max):
                request = self._trading.order(venue_order_id, market)
                try:
                    order = await within(self._clock, self._settings.answer_seconds, request)
                except (KairosError, TimeoutError):
                    order = None
                if venue_order_id not in self._orphans:
                    return  # it was claimed meanwhile
                if order is not None:
                    self.adopt(order)
                    return
                await self._clock.sleep(self._settings.pause(attempt))
        finally:
            self._asking.discard(venue_order_id)
        self._cannot_find(venue_order_id, market, "the venue does not show the order")

    def _cannot_find(self, venue_order_id: str, market: str, detail: str) -> None:
        fills = f"filled under {venue_order_id}"
        found = BreakFound(
            self._clock.now_ns(), f"order:ext-{venue_order_id}", "foreign_fill", market, detail,
            fills,
        )  # fmt: skip
        self._inbox(found)


def _latest(facts: Sequence[Fact]) -> VenueOrder | None:
    """What is furthest along: messages may come in any order, an order goes only one way."""
    orders = [fact for fact in facts if isinstance(fact, VenueOrder)]
    return max(orders, key=lambda each: (each.status.is_final, each.filled), default=None)


def _has_filled(facts: Sequence[Fact]) -> bool:
    return any(isinstance(fact, VenueFill) or fact.filled for fact in facts)
