"""Builds capture lines by hand: small, readable, one message each."""

from __future__ import annotations

import json
from typing import Any

MARKET = "KXBTC15M-26NOV181000-00"
OTHER = "KXBTC15M-26NOV181015-15"
CONN = "conn-a"
SID = 2
SECOND = 1_000_000_000
MS = 1_000_000
START_NS = 1_795_013_165 * SECOND

Levels = list[tuple[str, str]]


def line(
    raw: dict[str, Any], at_ms: float = 0, *, src: str = "kalshi_ws", conn: str | None = CONN
) -> bytes:
    """A venue's message in a capture's envelope, received `at_ms` after the start."""
    body: dict[str, Any] = {"recv_ns": START_NS + int(at_ms * MS), "src": src}
    if conn is not None:
        body["conn"] = conn
    return json.dumps(body | {"type": raw.get("type"), "raw": raw}).encode()


def delta(
    seq: int,
    price: str,
    change: str,
    side: str = "yes",
    *,
    market: str = MARKET,
    sid: int = SID,
    **more: object,
) -> dict[str, Any]:
    msg = {"market_ticker": market, "price_dollars": price, "delta_fp": change, "side": side}
    return {"type": "orderbook_delta", "sid": sid, "seq": seq, "msg": msg | more}


def snapshot(
    seq: int,
    yes: Levels | None = None,
    no: Levels | None = None,
    *,
    market: str = MARKET,
    sid: int = SID,
    **more: object,
) -> dict[str, Any]:
    """The whole book; a side given as None is left out, as the venue does with an empty one."""
    msg: dict[str, Any] = {"market_ticker": market}
    if yes is not None:
        msg["yes_dollars_fp"] = [list(level) for level in yes]
    if no is not None:
        msg["no_dollars_fp"] = [list(level) for level in no]
    return {"type": "orderbook_snapshot", "sid": sid, "seq": seq, "msg": msg | more}


def subscribed(channel: str = "orderbook_delta", sid: int = SID) -> dict[str, Any]:
    return {"type": "subscribed", "id": 1, "msg": {"channel": channel, "sid": sid}}


def ok(seq: int, markets: list[str], sid: int = SID) -> dict[str, Any]:
    return {"type": "ok", "id": 9, "sid": sid, "seq": seq, "msg": {"market_tickers": markets}}


def ticker(bid: str, ask: str, *, market: str = MARKET) -> dict[str, Any]:
    msg = {
        "market_ticker": market, "price_dollars": ask, "yes_bid_dollars": bid,
        "yes_ask_dollars": ask, "last_trade_size_fp": "1.00", "ts_ms": START_NS // MS,
    }  # fmt: skip
    return {"type": "ticker", "sid": 1, "msg": msg}


def trade(seq: int, price: str, count: str, taker: str = "yes") -> dict[str, Any]:
    msg = {
        "trade_id": f"t{seq}", "market_ticker": MARKET, "yes_price_dollars": price,
        "count_fp": count, "taker_outcome_side": taker, "ts_ms": START_NS // MS,
    }  # fmt: skip
    return {"type": "trade", "sid": 3, "seq": seq, "msg": msg}


def lifecycle(
    event_type: str, seq: int = 1, market: str = MARKET, **more: object
) -> dict[str, Any]:
    msg = {"market_ticker": market, "event_type": event_type} | more
    return {"type": "market_lifecycle_v2", "sid": 4, "seq": seq, "msg": msg}


def index(value: str, seq: int = 1, name: str = "BRTI", inner: str | None = None) -> dict[str, Any]:
    data = {"type": "value", "id": inner or name, "time": START_NS // MS, "value": value}
    msg = {"index_id": name, "received_at": START_NS // MS, "data": json.dumps(data)}
    return {"type": "cfbenchmarks_value", "sid": 5, "seq": seq, "msg": msg}


def match(
    price: str, trade_id: int, *, kind: str = "match", product: str = "BTC-USD"
) -> dict[str, Any]:
    return {
        "type": kind, "product_id": product, "price": price, "trade_id": trade_id,
        "time": "2026-11-18T14:46:05.763416Z", "size": "0.01", "side": "buy",
    }  # fmt: skip


def heartbeat(last_trade_id: int, product: str = "BTC-USD") -> dict[str, Any]:
    return {
        "type": "heartbeat", "sequence": 1, "last_trade_id": last_trade_id,
        "product_id": product, "time": "2026-11-18T14:46:06.000000Z",
    }  # fmt: skip


def recorder(kind: object, data: dict[str, Any] | None = None, at_ms: float = 0) -> bytes:
    body = {
        "recv_ns": START_NS + int(at_ms * MS), "src": "recorder", "conn": CONN, "type": kind,
        "data": data if data is not None else {},
    }  # fmt: skip
    return json.dumps(body).encode()


def watch(
    strike: float | None, close_time: str, *, market: str = MARKET, at_ms: float = 0
) -> bytes:
    return recorder(
        "watch_market",
        {"market_ticker": market, "strike": strike, "close_time": close_time, "status": "active"},
        at_ms,
    )
