"""Bodies of the websocket's public messages and of catalogue replies."""

from __future__ import annotations

from typing import Any, Final

from kairos.domain.instruments import NO_LEG, YES_LEG, Outcome
from kairos.domain.units import (
    NANOSECONDS_PER_SECOND,
    PRICE_PER_DOLLAR,
    QUANTITY_PER_CONTRACT,
    dollars,
)
from local.venues.core.orders import LevelChanged
from local.venues.kalshi.markets import Market, MarketSpec, SeriesSpec, Status, Trade
from local.venues.kalshi.text import fp, ms, opposite, seconds, strike_number, when

Body = dict[str, Any]

LEG_NAMES: Final = ("yes", "no")
_WEEK_NS: Final = 7 * 86_400 * NANOSECONDS_PER_SECOND
# A book that crosses itself, for the fault of that name.
_CROSSING_BID: Final = 9_900


def levels(market: Market, leg: int, *, yes_price: bool = False) -> list[list[str]]:
    """A leg as the venue writes it, ascending in the leg's own price."""
    turned = yes_price and leg == NO_LEG
    return [
        [opposite(price) if turned else dollars(price), fp(quantity)]
        for price, quantity in market.book.levels(leg)
    ]


def snapshot(market: Market, *, yes_price: bool, crossed: bool) -> Body:
    """A whole book; an empty leg's key is absent."""
    body: Body = {
        "market_ticker": market.ticker,
        "market_id": market.spec.market_id,
        "clock": market.clock,
    }
    for leg, name in enumerate(LEG_NAMES):
        sides = levels(market, leg, yes_price=yes_price)
        if crossed:
            price = _CROSSING_BID if leg == YES_LEG or not yes_price else 100
            sides = [*sides, [dollars(price), fp(QUANTITY_PER_CONTRACT)]]
        if sides:
            body[f"{name}_dollars_fp"] = sides
    return body


def delta(market: Market, change: LevelChanged, *, yes_price: bool) -> Body:
    turned = yes_price and change.leg == NO_LEG
    return {
        "market_ticker": market.ticker,
        "market_id": market.spec.market_id,
        "clock": market.clock,
        "price_dollars": opposite(change.price) if turned else dollars(change.price),
        "delta_fp": fp(change.change),
        "side": LEG_NAMES[change.leg],
        "ts": when(change.ts_ns)[:23] + "Z",
        "ts_ms": ms(change.ts_ns),
    }


def ticker(market: Market, now_ns: int, *, crossed: bool) -> Body:
    bid, bid_size, ask, ask_size = market.top()
    if crossed:
        bid, ask = ask, bid
    return {
        "market_id": market.spec.market_id,
        "market_ticker": market.ticker,
        "price_dollars": dollars(market.last_price),
        "yes_bid_dollars": dollars(bid),
        "yes_ask_dollars": dollars(ask),
        "yes_bid_size_fp": fp(bid_size),
        "yes_ask_size_fp": fp(ask_size),
        "volume_fp": fp(market.volume),
        "open_interest_fp": fp(market.open_interest),
        # The venue counts half a dollar per contract as notional.
        "dollar_volume": market.volume // (2 * QUANTITY_PER_CONTRACT),
        "dollar_open_interest": market.open_interest // (2 * QUANTITY_PER_CONTRACT),
        "last_trade_size_fp": fp(market.last_quantity),
        "ts": seconds(now_ns),
        "ts_ms": ms(now_ns),
        "time": when(now_ns)[:23] + "Z",
    }


def trade(trade: Trade) -> Body:
    return {
        "trade_id": trade.trade_id,
        "market_ticker": trade.ticker,
        "yes_price_dollars": dollars(trade.yes_price),
        "no_price_dollars": opposite(trade.yes_price),
        "count_fp": fp(trade.quantity),
        "taker_side": trade.taker.value.lower(),
        "taker_outcome_side": trade.taker.value.lower(),
        "taker_book_side": "bid" if trade.taker is Outcome.YES else "ask",
        "is_block_trade": False,
        "ts": seconds(trade.ts_ns),
        "ts_ms": ms(trade.ts_ns),
    }


def rest_trade(trade: Trade) -> Body:
    side = trade.taker.value.lower()
    return {
        "trade_id": trade.trade_id,
        "ticker": trade.ticker,
        "count_fp": fp(trade.quantity),
        "yes_price_dollars": dollars(trade.yes_price),
        "no_price_dollars": opposite(trade.yes_price),
        "taker_side": side,
        "taker_outcome_side": side,
        "taker_book_side": "bid" if trade.taker is Outcome.YES else "ask",
        "created_time": when(trade.ts_ns),
        "is_block_trade": False,
    }


def price_ranges(spec: MarketSpec) -> list[dict[str, str]]:
    return [
        {"start": dollars(start), "end": dollars(end), "step": dollars(step)}
        for start, end, step in spec.ranges
    ]


def lifecycle(market: Market, event: str, ts_ns: int) -> Body:
    """One `market_lifecycle_v2` message; each event type brings its own fields."""
    body: Body = {"market_ticker": market.ticker, "event_type": event}
    spec = market.spec
    match event:
        case "created":
            body |= _created(market)
        case "deactivated" | "activated":
            body["is_deactivated"] = event == "deactivated"
        case "metadata_updated":
            body |= _strikes(spec) | {"yes_sub_title": spec.yes_sub_title}
        case "close_date_updated":
            body["close_ts"] = seconds(market.close_ns)
        case "price_level_structure_updated":
            body |= {"price_level_structure": spec.structure, "price_ranges": price_ranges(spec)}
        case "determined":
            body |= _determined(market, ts_ns)
        case "settled":
            body["settled_ts"] = seconds(ts_ns)
    return body


def _created(market: Market) -> Body:
    spec = market.spec
    return {
        "exchange_index": spec.exchange_index,
        "open_ts": seconds(spec.open_ns),
        "close_ts": seconds(market.close_ns),
        "price_level_structure": spec.structure,
        "price_ranges": price_ranges(spec),
        "additional_metadata": {
            "name": spec.title,
            "title": spec.title,
            "yes_sub_title": _sub_title(market),
            "no_sub_title": _sub_title(market),
            "rules_primary": spec.title,
            "rules_secondary": "",
            "can_close_early": True,
            "event_ticker": spec.event_ticker,
            "expected_expiration_ts": seconds(market.close_ns + spec.settle_after_ns),
            **_known_strikes(market),
        },
    }


def _determined(market: Market, ts_ns: int) -> Body:
    yes = market.result is Outcome.YES
    return {
        "determination_ts": seconds(ts_ns),
        "result": "yes" if yes else "no",
        "settlement_value": dollars(PRICE_PER_DOLLAR if yes else 0),
    }


def _strikes(spec: MarketSpec) -> Body:
    strikes: Body = {}
    if spec.strike_type is not None:
        strikes["strike_type"] = spec.strike_type
    if spec.floor_strike is not None:
        strikes["floor_strike"] = strike_number(spec.floor_strike)
    if spec.cap_strike is not None:
        strikes["cap_strike"] = strike_number(spec.cap_strike)
    return strikes


def _is_strike_known(market: Market) -> bool:
    return not market.spec.strike_at_open or market.status is not Status.INITIALIZED


def _known_strikes(market: Market) -> Body:
    strikes = _strikes(market.spec)
    if not _is_strike_known(market):
        strikes = {key: value for key, value in strikes.items() if key == "strike_type"}
    if market.spec.custom_strike is not None:
        strikes["custom_strike"] = market.spec.custom_strike
    return strikes


def _sub_title(market: Market) -> str:
    return market.spec.yes_sub_title if _is_strike_known(market) else "Target price: TBD"


def market_body(market: Market) -> Body:
    """A market as the catalogue shows it."""
    spec = market.spec
    created = spec.open_ns - spec.list_before_ns
    body: Body = {
        "ticker": spec.ticker,
        "event_ticker": spec.event_ticker,
        "market_type": "binary",
        "title": spec.title,
        "yes_sub_title": _sub_title(market),
        "no_sub_title": _sub_title(market),
        "created_time": when(created),
        "updated_time": when(market.updated_ns),
        "open_time": when(spec.open_ns),
        "close_time": when(market.close_ns),
        "expected_expiration_time": when(market.close_ns + spec.settle_after_ns),
        "expiration_time": when(market.close_ns + _WEEK_NS),
        "latest_expiration_time": when(market.close_ns + _WEEK_NS),
        "settlement_timer_seconds": max(1, seconds(spec.settle_after_ns)),
        "status": market.status.value,
        "result": "" if market.result is None else market.result.value.lower(),
        "can_close_early": True,
        "expiration_value": market.expiration_value,
        "rules_primary": spec.title,
        "rules_secondary": "",
        "price_level_structure": spec.structure,
        "price_ranges": price_ranges(spec),
        "settlement_bounds_type": "default",
        "exchange_index": spec.exchange_index,
        **_prices(market),
        **_known_strikes(market),
    }
    if market.status is Status.FINALIZED:
        value = PRICE_PER_DOLLAR if market.result is Outcome.YES else 0
        body |= {"settlement_value_dollars": dollars(value)}
        body |= {"settlement_ts": when(market.settled_ns)}
    return body


def _prices(market: Market) -> Body:
    bid, bid_size, ask, ask_size = market.top()
    return {
        "yes_bid_dollars": dollars(bid),
        "yes_bid_size_fp": fp(bid_size),
        "yes_ask_dollars": dollars(ask),
        "yes_ask_size_fp": fp(ask_size),
        "no_bid_dollars": opposite(ask),
        "no_ask_dollars": opposite(bid),
        "last_price_dollars": dollars(market.last_price),
        "volume_fp": fp(market.volume),
        "volume_24h_fp": fp(market.volume),
        "open_interest_fp": fp(market.open_interest),
        "notional_value_dollars": "1.0000",
        "previous_yes_bid_dollars": "0.0000",
        "previous_yes_ask_dollars": "0.0000",
        "previous_price_dollars": "0.0000",
    }


def event_body(markets: list[Market], *, with_markets: bool) -> Body:
    """An event, described by the markets it has."""
    first = markets[0].spec
    body: Body = {
        "event_ticker": first.event_ticker,
        "series_ticker": first.series_ticker,
        "sub_title": first.yes_sub_title,
        "title": first.title,
        "collateral_return_type": "",
        "mutually_exclusive": False,
        "settlement_sources": [{"name": "Simulation", "url": "http://127.0.0.1/"}],
        "last_updated_ts": when(max(market.updated_ns for market in markets)),
        "exchange_index": first.exchange_index,
    }
    if with_markets:
        body["markets"] = [market_body(market) for market in markets]
    return body


def series_body(series: SeriesSpec, now_ns: int) -> Body:
    return {
        "ticker": series.ticker,
        "frequency": series.frequency,
        "title": series.title,
        "category": series.category,
        "categories": [series.category],
        "tags": list(series.tags),
        "settlement_sources": [{"name": "Simulation", "url": "http://127.0.0.1/"}],
        "contract_url": "http://127.0.0.1/contract.pdf",
        "contract_terms_url": "http://127.0.0.1/terms.pdf",
        "fee_type": series.fee_type,
        "fee_multiplier": float(series.fee_multiplier),
        "additional_prohibitions": [],
        "last_updated_ts": when(now_ns),
        "exchange_index": series.exchange_index,
    }
