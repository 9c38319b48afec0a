"""Asks the venue whether it lets this location trade; no clear answer means no.

The check is the website's; the order endpoint's own 403 decides in the end. There is no way around
either in this project.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kairos.adapters.polymarket.errors import refused
from kairos.adapters.polymarket.rest_schemas import GeoblockReply, decoded
from kairos.domain.refusals import Refusal
from kairos.domain.units import NANOSECONDS_PER_SECOND
from kairos.errors import Malformed, VenueError
from kairos.ports import Clock, HttpRequest, HttpTransport

ALLOWED_SECONDS: Final = 300
BLOCKED_SECONDS: Final = 30
_TIMEOUT_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class GeoVerdict:
    """Whether trading is blocked, and what says so; `asked_ns` is when it was learnt."""

    blocked: bool
    evidence: str
    asked_ns: int


class Geoblock:
    """Keeps the last verdict for five minutes, a blocking one for half a minute."""

    def __init__(self, transport: HttpTransport, clock: Clock) -> None:
        self._transport = transport
        self._clock = clock
        self._verdict: GeoVerdict | None = None

    async def require(self) -> None:
        """Raises VenueRefused (`region_blocked`) unless the venue lately said we may trade."""
        verdict = await self.verdict()
        if verdict.blocked:
            raise refused(Refusal.REGION_BLOCKED, verdict.evidence)

    async def verdict(self) -> GeoVerdict:
        """The verdict of the last minutes, or a new one. Never raises: an error blocks."""
        held = self._verdict
        if held is None or self._is_old(held):
            held = self._verdict = await self._ask()
        return held

    async def refresh(self) -> None:
        """Ask again in the second half of a verdict's life, so that no order has to wait for it."""
        held = self._verdict
        if held is None or self._is_old(held, share=2):
            self._verdict = await self._ask()

    def _is_old(self, verdict: GeoVerdict, share: int = 1) -> bool:
        age_ns = self._clock.now_ns() - verdict.asked_ns
        seconds = BLOCKED_SECONDS if verdict.blocked else ALLOWED_SECONDS
        return not 0 <= age_ns * share < seconds * NANOSECONDS_PER_SECOND

    async def _ask(self) -> GeoVerdict:
        request = HttpRequest("GET", "/api/geoblock", headers={"Accept": "application/json"})
        try:
            response = await self._transport.send(request, _TIMEOUT_SECONDS)
            if response.status != 200:
                return self._said(blocked=True, evidence=f"no answer: status {response.status}")
            reply = decoded(response.body, GeoblockReply)
        except (VenueError, Malformed) as problem:
            return self._said(blocked=True, evidence=f"no answer: {problem.reason}")
        where = "/".join(each for each in (reply.country, reply.region) if each) or "unnamed"
        return self._said(blocked=reply.blocked, evidence=f"the venue's check says {where}")

    def _said(self, *, blocked: bool, evidence: str) -> GeoVerdict:
        return GeoVerdict(blocked, evidence, self._clock.now_ns())
