"""The dead-man's net: while we live we keep telling the venue so; when we die it cancels for us.

Two ways, and a venue has one of them. Either it wants a heartbeat and cancels all orders when one
is missing (`VenueTrading.keep_alive`), or every resting order has a short expiration which somebody
must keep moving (`renew`). When neither can be kept up, the venue is about to take our orders away
without a word: nothing new is sent until it works again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields

from hotpath.gateway.live import NOT_NOW, LiveGateway
from hotpath.gateway.registry import Tracked
from hotpath.gateway.tasks import within
from kairos.domain.units import NANOSECONDS_PER_SECOND
from kairos.errors import KairosError, UsageError, VenueRefused
from kairos.messages.commands import TimeInForce
from kairos.messages.events import BreakFound, BreakResolved, Event
from kairos.messages.trading import VenueOrder
from kairos.ports import Clock, VenueTrading

# Gives a resting order a new end, nanoseconds since the epoch; it keeps its place in the queue.
Renew = Callable[[VenueOrder, int], Awaitable[object]]
_BREAK = "dead_man"


@dataclass(frozen=True, slots=True)
class DeadManSettings:
    """Seconds. `lifetime_seconds` is how long a resting order outlives us, as the adapter sets it.

    A sign of life goes out every `interval_seconds`; after `failures_max` in a row that failed,
    sending stops. Both together must fit into the lifetime, or orders would die while we live.
    """

    lifetime_seconds: float = 15.0
    interval_seconds: float = 4.0
    answer_seconds: float = 2.0
    failures_max: int = 2
    renewals_at_once: int = 20

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value <= 0:
                raise UsageError(f"dead_man.{field.name} is {value}: use more than 0")
        if (self.interval_seconds + self.answer_seconds) * 2 > self.lifetime_seconds:
            raise UsageError(
                f"dead_man.interval_seconds {self.interval_seconds} and answer_seconds "
                f"{self.answer_seconds} leave no second try in {self.lifetime_seconds} seconds"
            )


class DeadMan:
    """Run `run` beside the gateway for as long as orders may rest.

    Without `renew` nothing is sent before the first sign of life was taken: a venue that has never
    heard a heartbeat misses none, and an order sent before would outlive us for good.
    """

    def __init__(
        self,
        trading: VenueTrading,
        clock: Clock,
        gateway: LiveGateway,
        inbox: Callable[[Event], None],
        settings: DeadManSettings,
        renew: Renew | None = None,
    ) -> None:
        self._trading = trading
        self._clock = clock
        self._gateway = gateway
        self._inbox = inbox
        self._settings = settings
        self._renew = renew
        self._ends_ns: dict[str, int] = {}  # of the resting orders that were renewed
        self.failures = 0
        self._waits = renew is None
        if self._waits:
            gateway.stop_sending(_BREAK)

    async def run(self) -> None:
        """Until canceled."""
        while True:
            await self.beat()
            await self._clock.sleep(self._settings.interval_seconds)

    async def beat(self) -> None:
        """One sign of life; stops or resumes sending by what came of it."""
        alive = await self._said_alive()
        renewed = await self._renew_all()
        if alive and renewed:
            self._recovered()
            return
        self.failures += 1
        if self.failures == self._settings.failures_max:
            self._gateway.stop_sending(_BREAK)
            detail = f"{self.failures} signs of life in a row were not taken"
            self._inbox(BreakFound(self._clock.now_ns(), _BREAK, _BREAK, None, detail, ""))

    async def _said_alive(self) -> bool:
        try:
            return await self._kept(self._trading.keep_alive())
        except VenueRefused:
            return False

    def _recovered(self) -> None:
        if self._waits:
            self._waits = False
            self._gateway.resume_sending()
        if self.failures >= self._settings.failures_max:
            self._gateway.resume_sending()
            for tracked in self._gateway.registry:
                self._gateway.look_up(tracked.client_order_id)  # the venue may have canceled it
            self._inbox(BreakResolved(self._clock.now_ns(), _BREAK, "recovered", ""))
        self.failures = 0

    async def _renew_all(self) -> bool:
        """Move the end of every resting order that has used up part of its life."""
        if self._renew is None:
            return True
        due = [tracked for tracked in self._gateway.registry if self._is_due(tracked)]
        self._forget_ended()
        kept = True
        for start in range(0, len(due), self._settings.renewals_at_once):
            batch = due[start : start + self._settings.renewals_at_once]
            kept &= all(await asyncio.gather(*(self._renew_one(each) for each in batch)))
        return kept

    async def _renew_one(self, tracked: Tracked) -> bool:
        name, renew = tracked.order.venue_order_id, self._renew
        if name is None or renew is None:
            return True
        end_ns = self._clock.now_ns() + self._life_ns
        order = tracked.at_venue(self._trading.venue, name)
        try:
            kept = await self._kept(renew(order, end_ns))
        except VenueRefused as error:
            kept = error.reason not in NOT_NOW  # about this order: it may have ended meanwhile
            self._gateway.look_up(tracked.client_order_id)
            return kept
        if kept:
            self._ends_ns[tracked.client_order_id] = end_ns
        return kept

    def _is_due(self, tracked: Tracked) -> bool:
        """Ours, resting until canceled, and two intervals from its end or nearer."""
        order, command = tracked.order, tracked.command
        if not (tracked.managed and order.may_rest and order.venue_order_id is not None):
            return False
        if command.time_in_force is not TimeInForce.GTC or order.cancel_wanted:
            return False
        first_end_ns = command.expires_ns or tracked.sent_ns + self._life_ns
        end_ns = self._ends_ns.get(tracked.client_order_id, first_end_ns)
        spare = self._settings.interval_seconds * 2 + self._settings.answer_seconds
        return end_ns - self._clock.now_ns() <= spare * NANOSECONDS_PER_SECOND

    def _forget_ended(self) -> None:
        for name in [name for name in self._ends_ns if name not in self._gateway.registry.open]:
            del self._ends_ns[name]

    @property
    def _life_ns(self) -> int:
        return round(self._settings.lifetime_seconds * NANOSECONDS_PER_SECOND)

    async def _kept(self, request: Awaitable[object]) -> bool:
        """Raises VenueRefused: the venue is there, and has something against it."""
        try:
            await within(self._clock, self._settings.answer_seconds, request)
        except VenueRefused:
            raise
        except (KairosError, TimeoutError):
            return False
        return True
