"""What Kalshi lists, and what its public REST pages say about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from kairos.adapters.http.client import Query, RestClient
from kairos.adapters.kalshi import endpoints
from kairos.adapters.kalshi.calls import Calls
from kairos.adapters.kalshi.candles import Candle, candles, candles_archived
from kairos.adapters.kalshi.catalogue_schemas import (
    ArchivedCandlesticksReply,
    CandlesticksReply,
    EventData,
    EventReply,
    EventsPage,
    Levels,
    Market,
    MarketReply,
    MarketsPage,
    OrderbookReply,
    OrderbookSides,
    OrderbooksReply,
    PublicTrade,
    Series,
    SeriesReply,
    TradesPage,
)
from kairos.adapters.kalshi.endpoints import Endpoint
from kairos.adapters.kalshi.errors import readable, refused
from kairos.adapters.kalshi.parsing import OUTCOMES, price_ranges, strike_text
from kairos.adapters.kalshi.wire import QUANTITY_STEP, size, time_ns
from kairos.domain.instruments import Outcome, Venue
from kairos.domain.refusals import Refusal
from kairos.domain.units import price_from_dollars
from kairos.errors import Malformed, VenueRefused
from kairos.messages.events import VenueTrade
from kairos.messages.trading import VenueMarket
from kairos.ports import Clock

ORDERBOOKS_MAX: Final = 100
PERIOD_MINUTES: Final = frozenset({1, 60, 1440})
_CONN: Final = "kalshi_rest"
_QUARANTINE_NAMES_MAX: Final = 64
_ATTRIBUTES: Final = (
    "event_ticker", "market_type", "exchange_index", "price_level_structure", "result",
    "expiration_value", "settlement_timer_seconds", "fee_waiver_expiration_time", "yes_sub_title",
)  # fmt: skip

BookLevels = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class RestBook:
    """Bids of both legs as (price, micro-contracts), ascending, each in its leg's own units.

    It has no sequence number: it can be compared with a streamed book, never replace one.
    """

    market: str
    yes: BookLevels
    no: BookLevels


class KalshiCatalogue:
    """Implements `kairos.ports.MarketCatalogue`. Needs no key.

    A market that cannot be read is left out and counted in `quarantined` by reason; the rest of its
    page stays usable.
    """

    venue = Venue.KALSHI

    def __init__(self, client: RestClient, clock: Clock) -> None:
        self._calls = Calls(client)
        self._clock = clock
        self.quarantined: Counter[str] = Counter()

    async def markets(self, query: Mapping[str, str]) -> list[VenueMarket]:
        """`query` is the venue's own: series_ticker, event_ticker, status, min_close_ts, …"""
        return await self._markets(endpoints.MARKETS, query)

    async def archived_markets(self, query: Mapping[str, str]) -> list[VenueMarket]:
        """Markets settled before the archive's cutoff (about three months ago)."""
        return await self._markets(endpoints.HISTORICAL_MARKETS, query)

    async def market(self, market: str) -> VenueMarket | None:
        """Live or archived; None when the venue has neither."""
        for endpoint in (endpoints.MARKET, endpoints.HISTORICAL_MARKET):
            try:
                reply = await self._calls.get(endpoint, MarketReply, market)
            except VenueRefused as error:
                if error.reason != Refusal.NOT_FOUND:
                    raise
                continue
            with readable(endpoint.name):
                return venue_market(reply.market)
        return None

    async def series(self, series: str) -> Series:
        return (await self._calls.get(endpoints.SERIES, SeriesReply, series)).series

    async def event(self, event: str) -> EventData:
        query = (("exclude_markets", "true"),)
        return (await self._calls.get(endpoints.EVENT, EventReply, event, query=query)).event

    async def events(self, query: Mapping[str, str]) -> list[EventData]:
        return await self._calls.pages(
            endpoints.EVENTS, EventsPage, lambda page: page.events, tuple(query.items()),
            page_items=200,
        )  # fmt: skip

    async def orderbook(self, market: str, depth: int = 0) -> RestBook:
        """`depth` 0 is the whole book."""
        query = (("depth", str(depth)),)
        reply = await self._calls.get(endpoints.ORDERBOOK, OrderbookReply, market, query=query)
        with readable(endpoints.ORDERBOOK.name):
            return _book(market, reply.orderbook_fp)

    async def orderbooks(self, markets: Sequence[str]) -> list[RestBook]:
        if not 1 <= len(markets) <= ORDERBOOKS_MAX:
            raise refused(Refusal.INVALID_REQUEST, f"1..{ORDERBOOKS_MAX} markets at a time")
        query = tuple(("tickers", market) for market in markets)
        reply = await self._calls.get(endpoints.ORDERBOOKS, OrderbooksReply, query=query)
        with readable(endpoints.ORDERBOOKS.name):
            return [_book(each.ticker, each.orderbook_fp) for each in reply.orderbooks]

    async def trades(self, query: Mapping[str, str]) -> list[VenueTrade]:
        """`query`: ticker, min_ts, max_ts (Unix seconds), is_block_trade."""
        return await self._trades(endpoints.TRADES, query)

    async def archived_trades(self, query: Mapping[str, str]) -> list[VenueTrade]:
        return await self._trades(endpoints.HISTORICAL_TRADES, query)

    async def candlesticks(
        self, series: str, market: str, start_s: int, end_s: int, period_minutes: int
    ) -> list[Candle]:
        """Candles that end in `start_s`..`end_s` (Unix seconds); 1, 60 or 1440 minutes."""
        reply = await self._calls.get(
            endpoints.CANDLESTICKS, CandlesticksReply, series, market,
            query=_period(start_s, end_s, period_minutes),
        )  # fmt: skip
        with readable(endpoints.CANDLESTICKS.name):
            return candles(reply)

    async def archived_candlesticks(
        self, market: str, start_s: int, end_s: int, period_minutes: int
    ) -> list[Candle]:
        reply = await self._calls.get(
            endpoints.HISTORICAL_CANDLESTICKS, ArchivedCandlesticksReply, market,
            query=_period(start_s, end_s, period_minutes),
        )  # fmt: skip
        with readable(endpoints.HISTORICAL_CANDLESTICKS.name):
            return candles_archived(reply)

    async def _markets(self, endpoint: Endpoint, query: Mapping[str, str]) -> list[VenueMarket]:
        rows = await self._calls.pages(
            endpoint, MarketsPage, lambda page: page.markets, tuple(query.items())
        )
        read = (self._readable_market(row) for row in rows)
        return [market for market in read if market is not None]

    def _readable_market(self, row: msgspec.Raw) -> VenueMarket | None:
        try:
            return venue_market(msgspec.json.decode(row, type=Market))
        except (msgspec.DecodeError, RecursionError):
            self._quarantine("unreadable")
        except Malformed as error:
            self._quarantine(error.reason)
        return None

    def _quarantine(self, reason: str) -> None:
        if reason in self.quarantined or len(self.quarantined) < _QUARANTINE_NAMES_MAX:
            self.quarantined[reason] += 1

    async def _trades(self, endpoint: Endpoint, query: Mapping[str, str]) -> list[VenueTrade]:
        rows = await self._calls.pages(
            endpoint, TradesPage, lambda page: page.trades, tuple(query.items())
        )
        recv_ns = self._clock.now_ns()
        with readable(endpoint.name):
            return [_trade(recv_ns, row) for row in rows]


def venue_market(market: Market) -> VenueMarket:
    """Raises Malformed. `result` is only what is final: before, the venue may still amend it."""
    final = market.status == "finalized"
    fields = ((name, getattr(market, name)) for name in _ATTRIBUTES)
    return VenueMarket(
        venue=Venue.KALSHI,
        market=market.ticker,
        title=market.title or market.yes_sub_title,
        status=market.status,
        is_trading=market.status == "active",
        instruments=None,
        ranges=price_ranges(market.price_ranges) if market.price_ranges else None,
        quantity_min=QUANTITY_STEP,
        open_ns=time_ns(market.open_time, "open_time"),
        close_ns=time_ns(market.close_time, "close_time"),
        strike_type=market.strike_type,
        floor_strike=strike_text(market.floor_strike),
        cap_strike=strike_text(market.cap_strike),
        result=OUTCOMES.get(market.result) if final else None,
        attributes={name: str(value) for name, value in fields if value not in (None, "")},
    )


def _book(market: str, sides: OrderbookSides) -> RestBook:
    return RestBook(market, _levels(sides.yes_dollars), _levels(sides.no_dollars))


def _levels(levels: Levels) -> BookLevels:
    return tuple(
        (price_from_dollars(price, "price_dollars"), size(count, "count_fp"))
        for price, count in levels
    )


def _trade(recv_ns: int, trade: PublicTrade) -> VenueTrade:
    taker: Outcome | None = OUTCOMES.get(trade.taker_outcome_side)
    if taker is None:
        raise Malformed("bad_side", "taker_outcome_side", f"{trade.taker_outcome_side!r}")
    return VenueTrade(
        recv_ns, _CONN, trade.ticker, trade.trade_id,
        price_from_dollars(trade.yes_price_dollars, "yes_price_dollars"),
        size(trade.count_fp, "count_fp"), taker, time_ns(trade.created_time, "created_time"),
    )  # fmt: skip


def _period(start_s: int, end_s: int, period_minutes: int) -> Query:
    if period_minutes not in PERIOD_MINUTES:
        raise refused(
            Refusal.INVALID_REQUEST, f"a candle has 1, 60 or 1440 minutes, not {period_minutes}"
        )
    return (
        ("start_ts", str(start_s)), ("end_ts", str(end_s)), ("period_interval", str(period_minutes))
    )  # fmt: skip
