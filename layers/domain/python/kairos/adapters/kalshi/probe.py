"""Kalshi under examination: its clock, the key and its scopes, cash, tier, and live answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from kairos.adapters.http.client import RestClient
from kairos.adapters.http.limits import Budget, TokenBucket
from kairos.adapters.http.retry import Backoff
from kairos.adapters.kalshi.auth import KalshiKey
from kairos.adapters.kalshi.build import kalshi_trading
from kairos.adapters.kalshi.calls import Calls
from kairos.adapters.kalshi.catalogue_schemas import Market, MarketsPage
from kairos.adapters.kalshi.config import TIERS, KalshiConfig
from kairos.adapters.kalshi.endpoints import MARKETS, STATUS, Endpoint
from kairos.adapters.kalshi.errors import explain, readable
from kairos.adapters.kalshi.rest_schemas import ExchangeStatus
from kairos.adapters.probing import sample, server_time
from kairos.domain.instruments import Venue
from kairos.domain.refusals import Refusal
from kairos.domain.units import NANOSECONDS_PER_MILLISECOND, NANOSECONDS_PER_SECOND
from kairos.errors import VenueRefused
from kairos.messages.diagnosis import KeyFacts, Location, RateFacts, Sample, ServerTime
from kairos.ports import Clock, HttpTransport

API_KEYS: Final = Endpoint("GET", "/api_keys")
_CALLS_PER_SECOND: Final = 5.0
_TRADES: Final = frozenset({"write", "write::trade"})
# What only some markets have.
_SELDOM: Final = frozenset(
    {"strike_type", "floor_strike", "cap_strike", "fee_waiver_expiration_time", "exchange_index",
     "exchange_estimated_resume_time", "exchange_index_statuses"}
)  # fmt: skip


class ApiKey(msgspec.Struct):
    api_key_id: str
    scopes: list[str]


class ApiKeys(msgspec.Struct):
    api_keys: list[ApiKey]
    api_key_region_expiration_ts: int | None = None


class KalshiProbe:
    """Implements `kairos.services.doctor.VenueProbe`; only reads."""

    venue = Venue.KALSHI.value

    def __init__(
        self,
        transport: HttpTransport,
        config: KalshiConfig,
        key: KalshiKey,
        clock: Clock,
        jitter: Callable[[], float],
    ) -> None:
        self._transport, self._config, self._key, self._clock = transport, config, key, clock
        self._trading = kalshi_trading(
            config, key, clock, transport, order_group_id="", jitter=jitter
        )
        self._calls = Calls(_client(transport, config, key, clock, jitter))
        self._keys: ApiKeys | None = None

    async def server_time(self) -> ServerTime:
        return await server_time(self._transport, STATUS.at(), self._clock)

    async def key(self) -> KeyFacts:
        """Where the key may not list keys, an answer about the account proves it all the same."""
        keys = await self._listed_keys()
        if keys is None:
            await self._trading.portfolio.balance()
            return KeyFacts(None, None)
        ours = next((k for k in keys.api_keys if k.api_key_id == self._key.key_id), None)
        if ours is None:
            return KeyFacts(None, None)
        return KeyFacts(tuple(ours.scopes), not _TRADES.isdisjoint(ours.scopes))

    async def balance(self) -> int:
        return (await self._trading.portfolio.balance()).cash

    async def location(self) -> Location | None:
        """The account's attestation of where it is, where it has ever made one."""
        keys = await self._listed_keys()
        until = None if keys is None else keys.api_key_region_expiration_ts
        if until is None:
            return None
        lapsed = until * NANOSECONDS_PER_SECOND <= self._clock.now_ns()
        state = "has lapsed" if lapsed else "is valid"
        return Location(lapsed, f"the account's location attestation {state} (until {until})")

    async def rate(self) -> RateFacts:
        limits = await self._trading.exchange.learn_limits()
        read, write, assumed = limits.read, limits.write, TIERS[self._config.tier]
        detail = (
            f"{read.refill_rate:g} read and {write.refill_rate:g} write tokens a second, "
            f"bursts of {read.bucket_capacity:g} and {write.bucket_capacity:g}"
        )
        is_less = read.refill_rate < assumed.read_rate or write.refill_rate < assumed.write_rate
        return RateFacts(limits.usage_tier, detail, is_told=True, is_less_than_assumed=is_less)

    async def samples(self) -> Sequence[Sample]:
        read = self._calls.client.read
        page = await read(MARKETS.at(), (("limit", "20"), ("status", "open")), MARKETS.name)
        status = await read(STATUS.at(), (), STATUS.name)
        with readable(MARKETS.name):
            rows = [bytes(row) for row in msgspec.json.decode(page, type=MarketsPage).markets]
        return [
            sample("markets", Market, rows, _SELDOM),
            sample("status", ExchangeStatus, [status], _SELDOM),
        ]

    async def _listed_keys(self) -> ApiKeys | None:
        if self._keys is None:
            try:
                self._keys = await self._calls.get(API_KEYS, ApiKeys)
            except VenueRefused as refused:
                if refused.reason not in (Refusal.NOT_FOUND, Refusal.MISSING_SCOPE):
                    raise
        return self._keys


def _client(
    transport: HttpTransport,
    config: KalshiConfig,
    key: KalshiKey,
    clock: Clock,
    jitter: Callable[[], float],
) -> RestClient:
    """For what trading never asks; with a budget of its own, a few calls a second."""

    def sign(method: str, path: str, _body: bytes) -> Mapping[str, str]:
        return key.headers(method, path, clock.now_ns() // NANOSECONDS_PER_MILLISECOND)

    bucket = TokenBucket(_CALLS_PER_SECOND, _CALLS_PER_SECOND, clock)
    backoff = Backoff(
        config.backoff_base_seconds, config.backoff_cap_seconds, config.attempts_max, jitter
    )
    return RestClient(
        Venue.KALSHI, transport, Budget(bucket, bucket, {}, 1, 0), clock, sign, explain, backoff,
        config.timeout_seconds,
    )  # fmt: skip
