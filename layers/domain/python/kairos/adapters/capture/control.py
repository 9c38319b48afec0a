"""Lines that no venue sent: what a recorder says about its session, and REST polls on tape."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from kairos.adapters.coinbase.parsing import nanoseconds, spot_price
from kairos.adapters.kalshi.parsing import (
    OUTCOMES,
    KalshiParser,
    Parsed,
    price_ranges,
    strike_text,
)
from kairos.adapters.kalshi.schemas import PriceRange
from kairos.adapters.kalshi.series import series_of
from kairos.domain.instruments import Outcome
from kairos.domain.units import (
    NANOSECONDS_PER_MILLISECOND,
    price_from_dollars,
    quantity_from_contracts,
)
from kairos.errors import Malformed
from kairos.messages.events import (
    ConnectionOpened,
    IndexValue,
    MarketDefined,
    OutcomesKnown,
    TimerFired,
    VenueTrade,
)

# Our own output inside a journal: read by people, never fed back.
SILENT_SOURCES: Final = frozenset({"journal", "engine", "kairos"})
KNOWN_OUTCOMES: Final = "known_outcomes"
_NOTES: Final = frozenset({"market_rotated", "book_top5", "fault", "session"})
_YEARS: Final = range(2015, 2100)


class KnownData(msgspec.Struct, gc=False):
    outcomes: tuple[tuple[str, Outcome, str], ...]


class WatchData(msgspec.Struct, gc=False):
    market_ticker: str
    strike: float | None = None
    close_time: str | None = None
    price_ranges: list[PriceRange] | None = None


class OnlySeriesData(msgspec.Struct, gc=False):
    series: tuple[str, ...]


class RestTrade(msgspec.Struct, gc=False):
    """A trade of REST /markets/trades, as on a trade tape."""

    trade_id: str
    ticker: str
    yes_price_dollars: str
    count_fp: str
    taker_side: str
    created_time: str


class PerpSnapshot(msgspec.Struct, gc=False):
    """A poll of the perpetual's page, which shows the settlement index."""

    brti_usd: str
    brti_ts_ms: int


def recorder(recv_ns: int, conn: str, fields: dict[str, Any], kalshi: KalshiParser) -> Parsed:
    """A note of the recorder's. Always a tuple: only plain market data may take the short way."""
    kind = fields.get("type")
    if not isinstance(kind, str):
        raise Malformed("wrong_type", "type", f"is {type(kind).__name__}, not text")
    if kind in ("ws_connected", "ws_lost"):
        # A lost connection voids what was learnt on it at once, not only when there is a new one.
        return (ConnectionOpened(recv_ns, "kalshi_ws" if conn == "recorder" else conn),)
    if kind == "clock":
        return (TimerFired(recv_ns),)
    if kind == "watch_market":
        return _watched(recv_ns, msgspec.convert(fields.get("data"), WatchData))
    if kind == "only_series":
        data = msgspec.convert(fields.get("data"), OnlySeriesData)
        kalshi.only_series = frozenset(data.series)
        return ()
    if kind == "subscribe" and isinstance(fields.get("data"), dict):
        return command(conn, fields["data"], kalshi)
    if kind in _NOTES:
        return ()
    raise Malformed("unknown_type", "type", f"a recorder line of type {kind!r}")


def outcomes_line(outcomes: Mapping[str, tuple[Outcome, str]]) -> bytes:
    """The line that keeps known outcomes in a journal, so that its replay settles alike."""
    rows = tuple((market, outcome, source) for market, (outcome, source) in outcomes.items())
    body = {"src": "recorder", "type": KNOWN_OUTCOMES, "data": KnownData(rows)}
    return msgspec.json.encode(body)


def known_outcomes(fields: dict[str, Any]) -> tuple[OutcomesKnown]:
    return (OutcomesKnown(None, msgspec.convert(fields.get("data"), KnownData).outcomes),)


def _watched(recv_ns: int, data: WatchData) -> Parsed:
    series = series_of(data.market_ticker)
    close_ns = None if data.close_time is None else _time_ns(data.close_time, "close_time")
    return (
        MarketDefined(
            recv_ns,
            data.market_ticker,
            series.strike_type if series else None,
            strike_text(data.strike),
            None,
            close_ns,
            price_ranges(data.price_ranges) if data.price_ranges else None,
        ),
    )


def command(conn: str, raw: dict[str, Any], kalshi: KalshiParser) -> Parsed:
    """A command we sent. Only `use_yes_price` changes what later frames mean."""
    params = raw.get("params")
    flag = params.get("use_yes_price") if isinstance(params, dict) else None
    if isinstance(flag, bool):
        kalshi.subscribe_command("kalshi_ws" if conn == "recorder" else conn, use_yes_price=flag)
    return ()


def rest_trade(recv_ns: int, conn: str, raw: dict[str, Any]) -> VenueTrade:
    trade = msgspec.convert(raw, RestTrade)
    if trade.taker_side not in OUTCOMES:
        raise Malformed("bad_side", "taker_side", f"{trade.taker_side!r} is neither yes nor no")
    quantity = quantity_from_contracts(trade.count_fp, "count_fp")
    if quantity <= 0:
        raise Malformed("bad_size", "count_fp", f"a trade of {trade.count_fp}")
    return VenueTrade(
        recv_ns,
        conn,
        trade.ticker,
        trade.trade_id,
        price_from_dollars(trade.yes_price_dollars, "yes_price_dollars"),
        quantity,
        OUTCOMES[trade.taker_side],
        _time_ns(trade.created_time, "created_time"),
    )


def perp_index(recv_ns: int, conn: str, fields: dict[str, Any]) -> Parsed:
    if fields.get("type") != "snapshot":
        return ()
    snapshot = msgspec.convert(fields, PerpSnapshot)
    venue_ns = snapshot.brti_ts_ms * NANOSECONDS_PER_MILLISECOND
    return IndexValue(recv_ns, conn, "BRTI", spot_price(snapshot.brti_usd), venue_ns)


def _time_ns(text: str, field: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Malformed("bad_time", field, str(error)) from error
    if moment.tzinfo is None:
        raise Malformed("bad_time", field, f"{text!r} does not say its zone")
    if moment.year not in _YEARS:
        raise Malformed("time_out_of_range", field, f"{text!r} is not a time of any market")
    return nanoseconds(moment)
