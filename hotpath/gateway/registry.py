"""Which orders a gateway has at its venue, under our ids and under the venue's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from kairos.domain.instruments import Action, Venue
from kairos.domain.order_effects import Terms
from kairos.domain.orders import Order, OrderState
from kairos.domain.units import PRICE_PER_DOLLAR
from kairos.messages.commands import AmendOrder, SubmitOrder, TimeInForce
from kairos.messages.trading import OrderStatus, VenueFill, VenueOrder

Fact = VenueOrder | VenueFill
_IMMEDIATE: Final = frozenset({TimeInForce.IOC, TimeInForce.FOK})


class Tracked:
    """One order, what was asked of it, and which requests about it are under way."""

    __slots__ = (
        "absences", "amend_wanted", "busy_amending", "busy_canceling", "busy_looking", "command",
        "managed", "old_terms_seen", "order", "sent_ns", "venue_ids",
    )  # fmt: skip

    def __init__(
        self, command: SubmitOrder, sent_ns: int, before: int = 0, *, spends_cash: bool = False
    ) -> None:
        """`spends_cash`: the venue takes the cash of an immediate buy, not its contracts."""
        self.command = command
        budget = _budget(command) if spends_cash else None
        self.order = Order(command.client_order_id, command.price, command.quantity, before, budget)
        self.sent_ns = sent_ns
        self.managed = True
        self.venue_ids: list[str] = []
        self.amend_wanted: AmendOrder | None = None
        self.busy_amending = False
        self.busy_canceling = False
        self.busy_looking = False
        self.absences = 0  # times in a row that the venue said it has no such order
        self.old_terms_seen = 0  # looks that found an amend not done

    @property
    def client_order_id(self) -> str:
        return self.command.client_order_id

    @property
    def may_be_any(self) -> bool:
        """Whether it may be at the venue under an id we have not heard."""
        known = self.order.venue_order_id is not None
        return not known and self.order.state in (OrderState.SENT, OrderState.UNKNOWN)

    def fits(self, order: VenueOrder, since_ns: int) -> bool:
        """Whether an order at the venue could be this one; for venues without client ids."""
        mine = self.command
        young = order.created_ns is None or order.created_ns >= since_ns
        return young and (mine.market, mine.outcome, mine.action, mine.price, mine.quantity) == (
            order.market, order.outcome, order.action, order.price, order.quantity,
        )  # fmt: skip

    def at_venue(self, venue: Venue, venue_order_id: str) -> VenueOrder:
        """The order as the venue would state it, for requests that name it."""
        command, order = self.command, self.order
        terms: Terms = order.terms
        return VenueOrder(
            venue, venue_order_id, command.client_order_id, command.market, command.outcome,
            command.action, terms.price, terms.quantity, order.matched, OrderStatus.RESTING, "",
            None, command.expires_ns, None,
        )  # fmt: skip


def _budget(command: SubmitOrder) -> int | None:
    """Micro-dollars that a buy which ends at once may spend; None for any other order."""
    if command.action is not Action.BUY or command.time_in_force not in _IMMEDIATE:
        return None
    return -(-command.price * command.quantity // PRICE_PER_DOLLAR)


class Registry:
    """Orders by our id and by the venue's. Ended ones are kept, the oldest forgotten first."""

    def __init__(self, ended_max: int) -> None:
        self.open: dict[str, Tracked] = {}
        self._ended: dict[str, Tracked] = {}
        self._by_venue_id: dict[str, Tracked] = {}
        self._ended_max = ended_max

    def __iter__(self) -> Iterator[Tracked]:
        return iter(tuple(self.open.values()))

    def __len__(self) -> int:
        return len(self.open)

    def since(self, since_ns: int) -> Iterator[Tracked]:
        """Every order we know, open or ended, whose executions a list from `since_ns` would have:
        those sent since then."""
        everything = (*self.open.values(), *self._ended.values())
        return (tracked for tracked in everything if tracked.sent_ns >= since_ns)

    def add(self, tracked: Tracked) -> None:
        self.open[tracked.client_order_id] = tracked

    def find(self, client_order_id: str) -> Tracked | None:
        return self.open.get(client_order_id) or self._ended.get(client_order_id)

    def find_venue(self, venue_order_id: str) -> Tracked | None:
        return self._by_venue_id.get(venue_order_id)

    def named(self, tracked: Tracked, venue_order_id: str) -> bool:
        """Remember the venue's id of an order; whether it is news."""
        if venue_order_id in tracked.venue_ids:
            return False
        tracked.venue_ids.append(venue_order_id)
        self._by_venue_id[venue_order_id] = tracked
        return True

    def file(self, tracked: Tracked) -> None:
        """Put an order where its state says: among the open or among the ended."""
        name = tracked.client_order_id
        if not tracked.order.state.is_final:
            self._ended.pop(name, None)
            self.open[name] = tracked
        elif name in self.open:
            del self.open[name]
            self._ended[name] = tracked
            if len(self._ended) > self._ended_max:
                self._forget(next(iter(self._ended)))

    def unidentified(self, market: str) -> list[Tracked]:
        """Orders in a market that may be there under an id we have not heard."""
        return [each for each in self if each.command.market == market and each.may_be_any]

    def _forget(self, name: str) -> None:
        gone = self._ended.pop(name)
        for venue_order_id in gone.venue_ids:
            self._by_venue_id.pop(venue_order_id, None)
