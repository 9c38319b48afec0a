"""Kalshi's public market data over REST (OpenAPI 3.34.0): the fields we read."""

from __future__ import annotations

import msgspec

from kairos.adapters.kalshi.schemas import PriceRange


class Series(msgspec.Struct):
    ticker: str
    title: str
    category: str
    frequency: str
    fee_type: str
    fee_multiplier: float
    exchange_index: int | None = None


class SeriesReply(msgspec.Struct):
    series: Series


class Market(msgspec.Struct):
    ticker: str
    event_ticker: str
    market_type: str
    yes_sub_title: str
    open_time: str
    close_time: str
    status: str
    result: str
    price_level_structure: str
    price_ranges: list[PriceRange]
    settlement_timer_seconds: int
    expiration_value: str
    title: str | None = None
    strike_type: str | None = None
    floor_strike: float | None = None
    cap_strike: float | None = None
    exchange_index: int | None = None
    fee_waiver_expiration_time: str | None = None


class MarketReply(msgspec.Struct):
    market: Market


class MarketsPage(msgspec.Struct):
    """Markets one by one, so that one that cannot be read costs no other."""

    markets: list[msgspec.Raw]
    cursor: str


class EventData(msgspec.Struct):
    event_ticker: str
    series_ticker: str
    title: str
    sub_title: str
    mutually_exclusive: bool
    collateral_return_type: str
    fee_type_override: str | None = None
    fee_multiplier_override: float | None = None
    exchange_index: int | None = None


class EventReply(msgspec.Struct):
    event: EventData


class EventsPage(msgspec.Struct):
    events: list[EventData]
    cursor: str


Levels = list[tuple[str, str]]


class OrderbookSides(msgspec.Struct):
    """Bids only, ascending."""

    yes_dollars: Levels
    no_dollars: Levels


class OrderbookReply(msgspec.Struct):
    orderbook_fp: OrderbookSides


class NamedOrderbook(msgspec.Struct):
    ticker: str
    orderbook_fp: OrderbookSides


class OrderbooksReply(msgspec.Struct):
    orderbooks: list[NamedOrderbook]


class PublicTrade(msgspec.Struct):
    trade_id: str
    ticker: str
    count_fp: str
    yes_price_dollars: str
    taker_outcome_side: str
    created_time: str


class TradesPage(msgspec.Struct):
    trades: list[PublicTrade]
    cursor: str


class TradePrices(msgspec.Struct):
    """None where nothing traded in the period."""

    open_dollars: str | None = None
    low_dollars: str | None = None
    high_dollars: str | None = None
    close_dollars: str | None = None


class QuotePrices(msgspec.Struct):
    open_dollars: str
    low_dollars: str
    high_dollars: str
    close_dollars: str


class Candlestick(msgspec.Struct):
    end_period_ts: int
    yes_bid: QuotePrices
    yes_ask: QuotePrices
    price: TradePrices
    volume_fp: str
    open_interest_fp: str


class CandlesticksReply(msgspec.Struct):
    ticker: str
    candlesticks: list[Candlestick]


class ArchivedTradePrices(msgspec.Struct):
    """The archive names the same four prices differently."""

    open: str | None
    low: str | None
    high: str | None
    close: str | None


class ArchivedQuotePrices(msgspec.Struct):
    open: str
    low: str
    high: str
    close: str


class ArchivedCandlestick(msgspec.Struct):
    end_period_ts: int
    yes_bid: ArchivedQuotePrices
    yes_ask: ArchivedQuotePrices
    price: ArchivedTradePrices
    volume: str
    open_interest: str


class ArchivedCandlesticksReply(msgspec.Struct):
    ticker: str
    candlesticks: list[ArchivedCandlestick]
