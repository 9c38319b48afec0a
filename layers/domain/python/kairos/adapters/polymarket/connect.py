"""Puts Polymarket's adapter together for one account: hosts, budgets, keys, one close."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from kairos.adapters.http.client import RestClient
from kairos.adapters.http.limits import Budget
from kairos.adapters.http.retry import Backoff
from kairos.adapters.http.transport import AiohttpTransport
from kairos.adapters.polymarket.auth import ApiCredentials, Level2
from kairos.adapters.polymarket.catalogue import ClobMarkets, PolymarketCatalogue
from kairos.adapters.polymarket.config import VENUE, Hosts, Limits, clob_budget, public_budget
from kairos.adapters.polymarket.eip712 import OrderSigner, SignatureType, SigningKey
from kairos.adapters.polymarket.errors import explainer
from kairos.adapters.polymarket.geoblock import Geoblock
from kairos.adapters.polymarket.listings import Listings
from kairos.adapters.polymarket.rest import Clients, PolymarketTrading
from kairos.adapters.polymarket.user import FeeAsset
from kairos.ports import Clock


@dataclass(frozen=True, slots=True)
class PolymarketSettings:
    """`wallet` holds the funds; for signature type 0 it is the key's own address.

    `fee_asset` says what the taker fee of a buy is taken in: see `FeeAsset` for what is known.
    """

    wallet: str
    signature_type: SignatureType
    fee_asset: FeeAsset
    hosts: Hosts = field(default_factory=Hosts)
    limits: Limits = field(default_factory=Limits)
    timeout_seconds: float = 5.0
    retry_base_seconds: float = 0.25
    retry_cap_seconds: float = 4.0
    attempts_max: int = 4


class PolymarketConnection:
    """Everything of one account that talks REST; `close` ends all of its connections."""

    def __init__(
        self,
        settings: PolymarketSettings,
        key: SigningKey,
        credentials: ApiCredentials,
        clock: Clock,
        jitter: Callable[[], float],
    ) -> None:
        self._settings, self._clock, self._jitter = settings, clock, jitter
        hosts = settings.hosts
        self._clob = AiohttpTransport(hosts.clob)
        self._data = AiohttpTransport(hosts.data)
        self._gamma = AiohttpTransport(hosts.gamma)
        self._website = AiohttpTransport(hosts.geoblock)
        level2 = Level2(credentials, key.address, clock)
        clob = self._client(self._clob, clob_budget(settings.limits, clock), level2)
        self.geoblock = Geoblock(self._website, clock)
        self.catalogue = PolymarketCatalogue(self._client(self._gamma, public_budget(clock), None))
        self.trading = PolymarketTrading(
            Clients(clob, self._client(self._data, public_budget(clock), None)),
            ClobMarkets(clob, Listings()),
            OrderSigner(key, settings.signature_type, settings.wallet),
            credentials,
            self.geoblock,
            settings.fee_asset,
            clock,
        )

    def _client(
        self, transport: AiohttpTransport, budget: Budget, level2: Level2 | None
    ) -> RestClient:
        settings = self._settings
        backoff = Backoff(
            settings.retry_base_seconds,
            settings.retry_cap_seconds,
            settings.attempts_max,
            self._jitter,
        )
        return RestClient(
            VENUE,
            transport,
            budget,
            self._clock,
            None if level2 is None else level2.headers,
            explainer(self._clock),
            backoff,
            settings.timeout_seconds,
        )

    async def close(self) -> None:
        for transport in (self._clob, self._data, self._gamma, self._website):
            await transport.close()


def public_catalogue(
    hosts: Hosts, clock: Clock, backoff: Backoff, timeout_seconds: float
) -> tuple[PolymarketCatalogue, AiohttpTransport]:
    """The catalogue alone, without keys, and the transport to close."""
    transport = AiohttpTransport(hosts.gamma)
    client = RestClient(
        VENUE, transport, public_budget(clock), clock, None, explainer(clock), backoff,
        timeout_seconds,
    )  # fmt: skip
    return PolymarketCatalogue(client), transport
