"""Kalshi's websocket frames of October 2026, field by field (AsyncAPI of 2026-10-26)."""

from __future__ import annotations

import json
from typing import Any, Final

from kairos.domain.units import (
    NANOSECONDS_PER_MILLISECOND,
    NANOSECONDS_PER_SECOND,
    PRICE_PER_DOLLAR,
    dollars,
)
from local.market_generator.book import LEGS, Book, contracts_text
from local.market_generator.clock_text import eastern
from local.market_generator.contracts import QUARTER_NS, Contract
from local.market_generator.settings import MINUTE_NS
from local.market_generator.spot_path import AVERAGED_SECONDS, SpotPath

Frame = dict[str, Any]

EXCHANGE_INDEX: Final = 2
INDEX: Final = "BRTI"


def snapshot(book: Book) -> Frame:
    """A whole book; an empty leg's key is absent."""
    body: Frame = {
        "market_ticker": book.contract.ticker,
        "market_id": book.contract.market_id,
        "clock": book.clock,
    }
    for leg, name in enumerate(LEGS):
        levels = book.ladder(leg)
        if levels:
            body[f"{name}_dollars_fp"] = levels
    return body


def ticker(book: Book, at_ns: int, at_text: str) -> Frame:
    """Top of book and totals. The venue counts half a dollar per contract as notional."""
    return {
        "market_id": book.contract.market_id,
        "market_ticker": book.contract.ticker,
        "price_dollars": dollars(book.last_price),
        **book.quote(),
        "volume_fp": contracts_text(book.traded),
        "open_interest_fp": contracts_text(book.open_interest),
        "dollar_volume": book.traded // 200,
        "dollar_open_interest": book.open_interest // 200,
        "last_trade_size_fp": contracts_text(book.last_count),
        "ts": at_ns // NANOSECONDS_PER_SECOND,
        "ts_ms": at_ns // NANOSECONDS_PER_MILLISECOND,
        "time": at_text,
    }


def trade(ticker: str, trade_id: str, yes_price: int, count: int, taker: int, at_ns: int) -> Frame:
    """A public trade; `taker` is the leg that the aggressor bought."""
    return {
        "trade_id": trade_id,
        "market_ticker": ticker,
        "yes_price_dollars": dollars(yes_price),
        "no_price_dollars": dollars(PRICE_PER_DOLLAR - yes_price),
        "count_fp": contracts_text(count),
        "taker_side": LEGS[taker],
        "taker_outcome_side": LEGS[taker],
        "taker_book_side": ("bid", "ask")[taker],
        "is_block_trade": False,
        "ts": at_ns // NANOSECONDS_PER_SECOND,
        "ts_ms": at_ns // NANOSECONDS_PER_MILLISECOND,
    }


def created(contract: Contract) -> Frame:
    """The listing. A quarter-hour strike is not known yet and therefore not written."""
    series = contract.series
    return {
        "market_ticker": contract.ticker,
        "event_type": "created",
        "exchange_index": EXCHANGE_INDEX,
        "open_ts": contract.open_ns // NANOSECONDS_PER_SECOND,
        "close_ts": contract.close_ns // NANOSECONDS_PER_SECOND,
        "additional_metadata": _metadata(contract),
        "price_level_structure": series.grid.name,
        "price_ranges": series.grid.ranges(),
    }


def _metadata(contract: Contract) -> Frame:
    local = eastern(contract.close_ns)
    when = f"{local:%H:%M} {local.tzname()}"
    known = contract.series.strike_known_at_listing
    metadata: Frame = {
        "name": f"Bitcoin at {when}",
        "title": f"Bitcoin price at {when}?",
        "yes_sub_title": _target(contract) if known else "Target price: TBD",
        "no_sub_title": _target(contract) if known else "Target price: TBD",
        "rules_primary": f"Yes if the mean of the sixty BRTI values before {when} is on target.",
        "rules_secondary": "",
        "can_close_early": True,
        "event_ticker": contract.event_ticker,
        "expected_expiration_ts": (contract.close_ns + 5 * MINUTE_NS) // NANOSECONDS_PER_SECOND,
        "strike_type": contract.series.strike_type,
    }
    if known:
        metadata["floor_strike"] = strike_number(contract)
    else:
        metadata["custom_strike"] = {"round_digits": "2"}
    return metadata


def strike_number(contract: Contract) -> float:
    """The strike the way the venue's JSON has it: a number with two decimals."""
    return contract.strike_cents / 100


def _target(contract: Contract) -> str:
    sign = ">" if contract.series.strict else "≥"
    return f"{sign} ${contract.strike_cents // 100:,}.{contract.strike_cents % 100:02d}"


def activated(contract: Contract) -> Frame:
    return {"market_ticker": contract.ticker, "event_type": "activated"}


def strike_announced(contract: Contract) -> Frame:
    return {
        "market_ticker": contract.ticker,
        "event_type": "metadata_updated",
        "strike_type": contract.series.strike_type,
        "floor_strike": strike_number(contract),
        "yes_sub_title": _target(contract),
    }


def deactivated(contract: Contract) -> Frame:
    return {"market_ticker": contract.ticker, "event_type": "deactivated", "is_deactivated": True}


def determined(contract: Contract, settles_yes: bool, at_ns: int) -> Frame:
    return {
        "market_ticker": contract.ticker,
        "event_type": "determined",
        "determination_ts": at_ns // NANOSECONDS_PER_SECOND,
        "result": "yes" if settles_yes else "no",
        "settlement_value": dollars(PRICE_PER_DOLLAR if settles_yes else 0),
    }


def settled(contract: Contract, at_ns: int) -> Frame:
    return {
        "market_ticker": contract.ticker,
        "event_type": "settled",
        "settled_ts": at_ns // NANOSECONDS_PER_SECOND,
    }


def index_value(path: SpotPath, source_ns: int, received_ns: int) -> Frame:
    """One print of the settlement index, with the averages the venue computes."""
    source_ms = source_ns // NANOSECONDS_PER_MILLISECOND
    cents = path.index_at(source_ns)
    upstream = {
        "type": "value",
        "id": INDEX,
        "time": source_ms,
        "value": f"{cents // 100}.{cents % 100:02d}",
    }
    trailing = path.sum_until(source_ns - NANOSECONDS_PER_SECOND, AVERAGED_SECONDS)
    body: Frame = {
        "index_id": INDEX,
        "received_at": received_ns // NANOSECONDS_PER_MILLISECOND,
        "data": json.dumps(upstream, separators=(",", ":")),
        "avg_60s_data": _average(trailing, AVERAGED_SECONDS, source_ms - 60_000, source_ms),
    }
    close_ns = -(-source_ns // QUARTER_NS) * QUARTER_NS
    count = AVERAGED_SECONDS - (close_ns - source_ns) // NANOSECONDS_PER_SECOND
    if count > 0:
        total = path.sum_until(source_ns, count)
        begin_ms = (close_ns - MINUTE_NS) // NANOSECONDS_PER_MILLISECOND
        body["last_60s_windowed_average_15min"] = _average(total, count, begin_ms, source_ms)
    return body


def _average(total_cents: int, count: int, begin_ms: int, end_ms: int) -> Frame:
    """The mean to eight decimals, from the exact sum."""
    scaled = (total_cents * 1_000_000 + count // 2) // count
    return {
        "value": f"{scaled // 100_000_000}.{scaled % 100_000_000:08d}",
        "window_size": count,
        "window_start_ts_ms": begin_ms,
        "window_end_ts_exclusive": end_ms,
    }
