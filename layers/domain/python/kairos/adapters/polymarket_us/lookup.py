"""Finds an order by our id at a venue that knows no ids of ours: by what was journaled before it
was sent.

An order is ours when everything about it is what the intent says, it was made when the intent
could have made it, it belongs to no other intent, and no second order is like that. Everything
short of that is unknown; an absence counts once no request of the intent can be accepted any more.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final, Protocol

from kairos.adapters.polymarket_us.account import own_order_id
from kairos.adapters.polymarket_us.config import SIGNATURE_WINDOW_SECONDS, Settings
from kairos.adapters.polymarket_us.errors import unknown
from kairos.adapters.polymarket_us.orders import venue_order
from kairos.adapters.polymarket_us.reads import AccountReads
from kairos.adapters.polymarket_us.schemas import Order, OwnTrade
from kairos.domain.units import NANOSECONDS_PER_SECOND
from kairos.errors import Malformed
from kairos.messages.commands import SubmitOrder
from kairos.messages.trading import VenueOrder
from kairos.ports import Clock

OWNERS_MAX: Final = 50_000
INTENTS_MAX: Final = 50_000
# More orders than this of one market in a minute are not looked at one by one.
CANDIDATES_MAX: Final = 20
_PERSON: Final = "A person must compare the venue's orders with the journal"


class IntentLog(Protocol):
    """What the journal knows of orders that were meant to be sent."""

    def intent(self, client_order_id: str) -> SubmitOrder | None:
        """The intent as it was journaled before it was sent; None when there is none."""
        ...

    def owner(self, venue_order_id: str) -> str | None:
        """Our id of an order that the venue is proved to have; None when nobody has proved it."""
        ...


class Owners:
    """Which order of the venue's is which of ours: what was learnt here, then what is journaled."""

    def __init__(self, log: IntentLog) -> None:
        self._log = log
        self._ours: OrderedDict[str, str] = OrderedDict()
        self._theirs: dict[str, str] = {}

    def note(self, venue_order_id: str, client_order_id: str) -> None:
        self._ours[venue_order_id] = client_order_id
        self._theirs[client_order_id] = venue_order_id
        if len(self._ours) > OWNERS_MAX:
            _, forgotten = self._ours.popitem(last=False)
            self._theirs.pop(forgotten, None)

    def client_order_id(self, venue_order_id: str) -> str | None:
        return self._ours.get(venue_order_id) or self._log.owner(venue_order_id)

    def venue_order_id(self, client_order_id: str) -> str | None:
        """What this process has learnt; the journal is asked the other way round."""
        return self._theirs.get(client_order_id)


class OrderLookup:
    def __init__(
        self, reads: AccountReads, owners: Owners, log: IntentLog, clock: Clock, settings: Settings
    ) -> None:
        self._reads = reads
        self._owners = owners
        self._log = log
        self._clock = clock
        self._settings = settings
        self._meant: OrderedDict[str, SubmitOrder] = OrderedDict()

    def remember(self, intent: SubmitOrder) -> None:
        """An intent that is journaled by now, and that the log may not show yet."""
        self._meant[intent.client_order_id] = intent
        if len(self._meant) > INTENTS_MAX:
            self._meant.popitem(last=False)

    async def find(self, client_order_id: str, market: str) -> VenueOrder | None:
        """The order of an intent. None: it does not rest, has not traded, and never will.

        An order that came and went without a trade leaves no trace here, and is absent as well.
        Raises OutcomeUnknown for everything that is not proved.
        """
        intent = self._intent(client_order_id, market)
        known = self._owners.venue_order_id(client_order_id)
        if known is not None:
            return await self._known(known, client_order_id)
        asked_ns = self._clock.now_ns()
        found = await self._candidates(client_order_id, intent)
        if len(found) > 1:
            ids = ", ".join(sorted(each.venue_order_id for each in found))
            raise unknown("ambiguous", f"{client_order_id} may be any of {ids}", _PERSON)
        if found:
            self._owners.note(found[0].venue_order_id, client_order_id)
            return found[0]
        left_ns = intent.ts_ns + self._acceptance_ns - asked_ns
        if left_ns > 0:
            seconds = left_ns / NANOSECONDS_PER_SECOND
            raise unknown(
                "not_found_yet", f"{client_order_id} is not there, but may still be accepted",
                f"Ask again in {seconds:.0f} s",
            )  # fmt: skip
        return None

    @property
    def _acceptance_ns(self) -> int:
        return round(self._settings.acceptance_seconds * NANOSECONDS_PER_SECOND)

    def _intent(self, client_order_id: str, market: str) -> SubmitOrder:
        intent = self._meant.get(client_order_id) or self._log.intent(client_order_id)
        if intent is None:
            raise unknown("no_intent", f"the journal has no intent {client_order_id}", _PERSON)
        if intent.market != market:
            raise unknown("no_intent", f"{client_order_id} is of {intent.market}", _PERSON)
        return intent

    async def _known(self, venue_order_id: str, client_order_id: str) -> VenueOrder:
        order = await self._reads.order(venue_order_id)
        if order is None:
            raise unknown("unreadable_reply", f"the venue has forgotten its order {venue_order_id}")
        return _read(order, client_order_id)

    async def _candidates(self, client_order_id: str, intent: SubmitOrder) -> list[VenueOrder]:
        """Resting orders first, trades after: what fills in between is seen as a trade."""
        resting = await self._reads.open_orders(intent.market)
        since_ns = intent.ts_ns - round(SIGNATURE_WINDOW_SECONDS * NANOSECONDS_PER_SECOND)
        trades = await self._reads.trades(since_ns, intent.market)
        orders = {each.id: each for each in resting}
        for order_id in self._unclaimed(_ids(trades), client_order_id):
            if order_id not in orders:
                orders[order_id] = await self._certain(order_id)
        free = self._unclaimed(orders, client_order_id)
        read = [_read(orders[each], client_order_id) for each in free]
        return [each for each in read if self._is_of(each, intent)]

    def _unclaimed(self, ids: Iterable[str], client_order_id: str) -> list[str]:
        free = [
            each
            for each in dict.fromkeys(ids)
            if self._owners.client_order_id(each) in (None, client_order_id)
        ]
        if len(free) > CANDIDATES_MAX:
            raise unknown("ambiguous", f"{len(free)} orders nobody knows", _PERSON)
        return free

    async def _certain(self, venue_order_id: str) -> Order:
        order = await self._reads.order(venue_order_id)
        if order is None:
            raise unknown("unreadable_reply", f"{venue_order_id} has traded and is not known")
        return order

    def _is_of(self, order: VenueOrder, intent: SubmitOrder) -> bool:
        """Raises OutcomeUnknown for an order that is like the intent and may be from before it."""
        same = (
            order.market == intent.market
            and order.outcome is intent.outcome
            and order.action is intent.action
            and order.price == intent.price
            and order.quantity == intent.quantity
        )
        if not same:
            return False
        if order.created_ns is None:
            raise unknown(
                "ambiguous", f"{order.venue_order_id} does not say when it was made", _PERSON
            )
        after_ns = order.created_ns - intent.ts_ns
        tolerance_ns = round(self._settings.clock_tolerance_seconds * NANOSECONDS_PER_SECOND)
        window_ns = round(SIGNATURE_WINDOW_SECONDS * NANOSECONDS_PER_SECOND)
        if -window_ns <= after_ns < -tolerance_ns:
            raise unknown(
                "ambiguous", f"{order.venue_order_id} is like it and seems to be from before it",
                "Set this machine's clock (NTP), or " + _PERSON[0].lower() + _PERSON[1:],
            )  # fmt: skip
        return -tolerance_ns <= after_ns <= self._acceptance_ns


def _ids(trades: list[OwnTrade]) -> list[str]:
    try:
        return [own_order_id(each) for each in trades]
    except Malformed as error:
        raise unknown("unreadable_reply", f"activities: {error}") from error


def _read(order: Order, client_order_id: str) -> VenueOrder:
    try:
        return venue_order(order, client_order_id)
    except Malformed as error:
        raise unknown("unreadable_reply", f"order {order.id}: {error}") from error
