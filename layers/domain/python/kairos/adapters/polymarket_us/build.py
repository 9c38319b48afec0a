"""Puts the Polymarket US adapter together for one key: two hosts, their pace, one close."""

from __future__ import annotations

from collections.abc import Callable

from kairos.adapters.http.transport import AiohttpTransport
from kairos.adapters.polymarket_us.auth import Credentials
from kairos.adapters.polymarket_us.catalogue import PolymarketUsCatalogue
from kairos.adapters.polymarket_us.client import account_client, public_client
from kairos.adapters.polymarket_us.config import Settings
from kairos.adapters.polymarket_us.lookup import IntentLog
from kairos.adapters.polymarket_us.trading import PolymarketUsTrading
from kairos.ports import Clock


class PolymarketUsConnection:
    """`trading` checks orders against the grids that `catalogue` has read, where it has."""

    def __init__(
        self,
        settings: Settings,
        credentials: Credentials,
        intents: IntentLog,
        clock: Clock,
        jitter: Callable[[], float],
    ) -> None:
        self._account = AiohttpTransport(settings.api_url)
        self._public = AiohttpTransport(settings.gateway_url)
        public = public_client(self._public, clock, jitter, settings)
        account = account_client(self._account, credentials, clock, jitter, settings)
        self.catalogue = PolymarketUsCatalogue(public)
        self.trading = PolymarketUsTrading(account, intents, clock, settings, self.catalogue.known)

    async def close(self) -> None:
        await self._account.close()
        await self._public.close()
