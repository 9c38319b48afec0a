"""Polymarket US under examination: its clock, the key, cash, and live answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from kairos.adapters.polymarket_us.auth import Credentials
from kairos.adapters.polymarket_us.client import account_client, public_client
from kairos.adapters.polymarket_us.config import Settings
from kairos.adapters.polymarket_us.errors import readable
from kairos.adapters.polymarket_us.reads import AccountReads
from kairos.adapters.polymarket_us.schemas import ListedMarket, MarketData, Markets
from kairos.adapters.probing import sample, server_time
from kairos.messages.diagnosis import KeyFacts, Location, RateFacts, Sample, ServerTime
from kairos.ports import Clock, HttpTransport

_ROWS = "20"
# What only some markets have.
_SELDOM = frozenset(
    {"gameId", "sportsMarketType", "startDate", "gameStartTime", "eventSlug", "category", "title"}
)


class _Book(msgspec.Struct, rename="camel"):
    market_data: msgspec.Raw


_decode_markets = msgspec.json.Decoder(Markets).decode
_decode_book = msgspec.json.Decoder(_Book).decode


class PolymarketUsProbe:
    """Implements `kairos.services.doctor.VenueProbe`; only reads."""

    venue = "polymarket-us"  # as it is called on the command line

    def __init__(
        self,
        account: HttpTransport,
        public: HttpTransport,
        credentials: Credentials,
        clock: Clock,
        jitter: Callable[[], float],
        settings: Settings,
    ) -> None:
        self._clock = clock
        self._settings = settings
        self._transport = account
        self._public = public_client(public, clock, jitter, settings)
        rest = account_client(account, credentials, clock, jitter, settings)
        self._reads = AccountReads(rest, clock, settings)

    async def server_time(self) -> ServerTime:
        """An answer to anything has a date; this path needs no right to see what is behind it."""
        return await server_time(self._transport, "/v1/account/balances", self._clock)

    async def key(self) -> KeyFacts:
        """The venue's keys have no scopes that it tells; a read that it answers proves the key."""
        await self._reads.open_orders()
        return KeyFacts(None, None)

    async def balance(self) -> int:
        return (await self._reads.balance()).cash

    async def location(self) -> Location | None:
        return None

    async def rate(self) -> RateFacts:
        limits = self._settings.limits
        detail = (
            f"{limits.read.per_second:g} reads and {limits.write.per_second:g} writes a second, "
            f"bursts of {limits.read.burst:g} and {limits.write.burst:g}"
        )
        return RateFacts("20 requests/s per key", detail, is_told=False)

    async def samples(self) -> Sequence[Sample]:
        query = [("limit", _ROWS), ("closed", "false"), ("active", "true")]
        body = await self._public.read("/v1/markets", query, "markets")
        rows = [bytes(row) for row in readable(_decode_markets, body, "markets").markets]
        found = [sample("markets", ListedMarket, rows, _SELDOM)]
        if rows and not found[0].broken:
            slug = msgspec.json.decode(rows[0], type=ListedMarket).slug
            book = await self._public.read(f"/v1/markets/{slug}/book", (), "book")
            data = bytes(readable(_decode_book, book, "book").market_data)
            found.append(sample("books", MarketData, [data]))
        return found
