"""Polymarket under examination: its clock, the API key, cash, geography, and live answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from kairos.adapters.http.client import RestClient
from kairos.adapters.http.retry import Backoff
from kairos.adapters.polymarket.config import VENUE, public_budget
from kairos.adapters.polymarket.connect import PolymarketConnection, PolymarketSettings
from kairos.adapters.polymarket.errors import explainer
from kairos.adapters.polymarket.rest_schemas import GammaMarket, GammaPage, decoded
from kairos.adapters.probing import sample, server_time
from kairos.messages.diagnosis import KeyFacts, Location, RateFacts, Sample, ServerTime
from kairos.ports import Clock, HttpTransport

# What only some markets have.
_SELDOM: Final = frozenset(
    {
        "version", "positionIds", "eventStartTime", "gameStartTime", "feesEnabled", "feeSchedule",
        "feeType", "secondsDelay", "resolutionSource", "sportsMarketType", "line", "events",
        "negRisk", "startDate",
    }
)  # fmt: skip


class PolymarketProbe:
    """Implements `kairos.services.doctor.VenueProbe`; only reads."""

    venue = VENUE

    def __init__(
        self,
        connection: PolymarketConnection,
        clob: HttpTransport,
        gamma: HttpTransport,
        settings: PolymarketSettings,
        clock: Clock,
        jitter: Callable[[], float],
    ) -> None:
        self._connection, self._clob, self._clock = connection, clob, clock
        self._limits = settings.limits
        backoff = Backoff(
            settings.retry_base_seconds, settings.retry_cap_seconds, settings.attempts_max, jitter
        )
        self._gamma = RestClient(
            VENUE, gamma, public_budget(clock), clock, None, explainer(clock), backoff,
            settings.timeout_seconds,
        )  # fmt: skip

    async def server_time(self) -> ServerTime:
        return await server_time(self._clob, "/time", self._clock)

    async def key(self) -> KeyFacts:
        """The venue's API keys have no scopes, but an account may be held to closing."""
        is_closed_only = await self._connection.trading.account.is_closed_only()
        words = "the account is held to closing positions" if is_closed_only else ""
        return KeyFacts(None, not is_closed_only, words)

    async def balance(self) -> int:
        return (await self._connection.trading.balance()).cash

    async def location(self) -> Location | None:
        """No clear answer means blocked."""
        verdict = await self._connection.geoblock.verdict()
        return Location(verdict.blocked, verdict.evidence)

    async def rate(self) -> RateFacts:
        """The venue names the tier in its answers to orders only."""
        limits = self._limits
        detail = (
            f"{limits.orders_per_second:g} orders a second, bursts of {limits.orders_burst:g}, "
            f"{limits.reads_per_second:g} reads a second"
        )
        return RateFacts("standard", detail, is_told=False)

    async def samples(self) -> Sequence[Sample]:
        query = (("limit", "20"), ("closed", "false"))
        body = await self._gamma.read("/markets/keyset", query, "markets")
        rows = [bytes(row) for row in decoded(body, GammaPage).markets]
        return [sample("markets", GammaMarket, rows, _SELDOM)]
