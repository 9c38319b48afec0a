"""Candlesticks, live and archived: the same facts under different names."""

from __future__ import annotations

from dataclasses import dataclass

from kairos.adapters.kalshi.catalogue_schemas import (
    ArchivedCandlesticksReply,
    ArchivedQuotePrices,
    CandlesticksReply,
    QuotePrices,
)
from kairos.adapters.kalshi.wire import size
from kairos.domain.units import NANOSECONDS_PER_SECOND, price_from_dollars

Prices = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Candle:
    """Open, low, high and close YES prices in 1/10 000 dollar; `traded` is None in a period without
    trades, prices of an empty side are 0 and 10 000. `end_ns` belongs to the period."""

    end_ns: int
    bid: Prices
    ask: Prices
    traded: Prices | None
    volume: int
    open_interest: int


def candles(reply: CandlesticksReply) -> list[Candle]:
    """Raises Malformed."""
    return [
        Candle(
            each.end_period_ts * NANOSECONDS_PER_SECOND,
            _quotes(each.yes_bid),
            _quotes(each.yes_ask),
            _traded(
                each.price.open_dollars, each.price.low_dollars,
                each.price.high_dollars, each.price.close_dollars,
            ),
            size(each.volume_fp, "volume_fp"),
            size(each.open_interest_fp, "open_interest_fp"),
        )
        for each in reply.candlesticks
    ]  # fmt: skip


def candles_archived(reply: ArchivedCandlesticksReply) -> list[Candle]:
    """Raises Malformed."""
    return [
        Candle(
            each.end_period_ts * NANOSECONDS_PER_SECOND,
            _archived_quotes(each.yes_bid),
            _archived_quotes(each.yes_ask),
            _traded(each.price.open, each.price.low, each.price.high, each.price.close),
            size(each.volume, "volume"),
            size(each.open_interest, "open_interest"),
        )
        for each in reply.candlesticks
    ]


def _quotes(prices: QuotePrices) -> Prices:
    return _four(prices.open_dollars, prices.low_dollars, prices.high_dollars, prices.close_dollars)


def _archived_quotes(prices: ArchivedQuotePrices) -> Prices:
    return _four(prices.open, prices.low, prices.high, prices.close)


def _traded(
    first: str | None, low: str | None, high: str | None, last: str | None
) -> Prices | None:
    if first is None or low is None or high is None or last is None:
        return None
    return _four(first, low, high, last)


def _four(first: str, low: str, high: str, last: str) -> Prices:
    return (
        price_from_dollars(first, "open"),
        price_from_dollars(low, "low"),
        price_from_dollars(high, "high"),
        price_from_dollars(last, "close"),
    )
