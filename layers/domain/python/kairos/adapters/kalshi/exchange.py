"""Whether Kalshi trades, what it allows us, and how fresh what it tells about us is."""

from __future__ import annotations

from typing import Final

from kairos.adapters.kalshi import endpoints
from kairos.adapters.kalshi.calls import Calls
from kairos.adapters.kalshi.endpoints import named_as_ours
from kairos.adapters.kalshi.errors import readable
from kairos.adapters.kalshi.rest_schemas import (
    AccountLimits,
    EndpointCosts,
    ExchangeStatus,
    Schedule,
    ScheduleReply,
    UserDataTimestamp,
)
from kairos.adapters.kalshi.wire import time_ns
from kairos.domain.instruments import Venue
from kairos.errors import OutcomeUnknown
from kairos.ports import Clock

FRESH_TRIES_MAX: Final = 12
FRESH_WAIT_SECONDS: Final = 0.5


class Exchange:
    """Reads only."""

    def __init__(self, calls: Calls, clock: Clock) -> None:
        self._calls = calls
        self._clock = clock

    async def status(self) -> ExchangeStatus:
        return await self._calls.get(endpoints.STATUS, ExchangeStatus)

    async def schedule(self) -> Schedule:
        return (await self._calls.get(endpoints.SCHEDULE, ScheduleReply)).schedule

    async def learn_limits(self) -> AccountLimits:
        """Take the account's rates and the endpoints' costs into the budget."""
        limits = await self._calls.get(endpoints.LIMITS, AccountLimits)
        costs = await self._calls.get(endpoints.COSTS, EndpointCosts)
        with readable(endpoints.LIMITS.name):
            self._calls.client.budget.update(
                read=(limits.read.refill_rate, limits.read.bucket_capacity),
                write=(limits.write.refill_rate, limits.write.bucket_capacity),
                default_cost=costs.default_cost,
                costs={named_as_ours(c.method, c.path): c.cost for c in costs.endpoint_costs},
            )
        return limits

    async def user_data_ns(self) -> int:
        """Up to when orders, fills, positions and balance were current when last checked."""
        told = await self._calls.get(endpoints.USER_DATA_TIMESTAMP, UserDataTimestamp)
        with readable(endpoints.USER_DATA_TIMESTAMP.name):
            return time_ns(told.as_of_time, "as_of_time")

    async def wait_until_fresh(self, since_ns: int) -> None:
        """Return when what the venue shows of our orders includes everything up to `since_ns`.

        What the matching engine did appears in replies a while later, so that an order's absence
        proves nothing before. Raises OutcomeUnknown (`stale_data`) after a few seconds.
        """
        for _ in range(FRESH_TRIES_MAX):
            if await self.user_data_ns() >= since_ns:
                return
            await self._clock.sleep(FRESH_WAIT_SECONDS)
        raise OutcomeUnknown(
            Venue.KALSHI, "stale_data", "what it shows of our orders is from before we asked",
            "Ask again later; until then the order may exist",
        )  # fmt: skip
