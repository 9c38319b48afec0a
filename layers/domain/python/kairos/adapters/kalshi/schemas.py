"""Kalshi's websocket frames as they are on the wire (AsyncAPI 2026-10-26), typed.

Every known field is named and unknown ones are refused: a frame with a field we have never seen
takes the tolerant path in `parsing`, which uses what it knows and counts the rest.
"""

from __future__ import annotations

from typing import Any

import msgspec

Levels = list[tuple[str, str]]


class Frame(msgspec.Struct, gc=False, forbid_unknown_fields=True, tag_field="type"):
    """What every frame may carry; `sending_ts_ms` is the venue's queue time."""


class DeltaMsg(msgspec.Struct, gc=False, forbid_unknown_fields=True, kw_only=True):
    """In the order of the recordings: a field that comes when expected is found at once."""

    delta_fp: str
    market_id: str | None = None
    market_ticker: str
    price_dollars: str
    side: str
    ts: str | int | None = None
    ts_ms: int | None = None
    clock: int | None = None
    client_order_id: str | None = None
    subaccount: int | None = None


class OrderbookDelta(Frame, tag="orderbook_delta"):
    sid: int
    seq: int
    msg: DeltaMsg
    sending_ts_ms: int | None = None


class SnapshotMsg(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    market_ticker: str
    market_id: str | None = None
    clock: int | None = None
    yes_dollars_fp: Levels | None = None
    no_dollars_fp: Levels | None = None


class OrderbookSnapshot(Frame, tag="orderbook_snapshot"):
    sid: int
    seq: int
    msg: SnapshotMsg
    id: int | None = None  # of the get_snapshot command it answers
    sending_ts_ms: int | None = None


class TickerMsg(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    market_ticker: str
    price_dollars: str
    yes_bid_dollars: str
    yes_ask_dollars: str
    last_trade_size_fp: str
    ts_ms: int
    yes_bid_size_fp: str | None = None
    yes_ask_size_fp: str | None = None
    market_id: str | None = None
    volume_fp: str | None = None
    open_interest_fp: str | None = None
    dollar_volume: int | None = None
    dollar_open_interest: int | None = None
    ts: int | None = None
    time: str | None = None


class Ticker(Frame, tag="ticker"):
    msg: TickerMsg
    sid: int | None = None
    seq: int | None = None
    sending_ts_ms: int | None = None


class TradeMsg(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    trade_id: str
    market_ticker: str
    yes_price_dollars: str
    count_fp: str
    ts_ms: int
    taker_outcome_side: str | None = None
    taker_side: str | None = None
    taker_book_side: str | None = None
    no_price_dollars: str | None = None
    is_block_trade: bool | None = None
    ts: int | None = None


class Trade(Frame, tag="trade"):
    sid: int
    seq: int
    msg: TradeMsg
    sending_ts_ms: int | None = None


class SubscribedMsg(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    channel: str
    sid: int


class Subscribed(Frame, tag="subscribed"):
    msg: SubscribedMsg
    id: int | None = None
    sending_ts_ms: int | None = None


class Ok(Frame, tag="ok"):
    """Reply to update_subscription, which consumes a `seq` of its sid, or to list_subscriptions."""

    sid: int | None = None
    seq: int | None = None
    id: int | None = None
    msg: dict[str, Any] | list[Any] | None = None
    sending_ts_ms: int | None = None


class Unsubscribed(Frame, tag="unsubscribed"):
    sid: int | None = None
    seq: int | None = None
    id: int | None = None
    sending_ts_ms: int | None = None


class Error(Frame, tag="error"):
    id: int | None = None
    sid: int | None = None
    seq: int | None = None
    msg: dict[str, Any] | None = None
    sending_ts_ms: int | None = None


class PriceRange(msgspec.Struct, gc=False):
    start: str
    end: str
    step: str


class LifecycleMetadata(msgspec.Struct, gc=False):
    """The part of `additional_metadata` that defines the contract; the rest is prose."""

    strike_type: str | None = None
    floor_strike: float | None = None
    cap_strike: float | None = None


class LifecycleMsg(msgspec.Struct, gc=False):
    market_ticker: str
    event_type: str
    close_ts: int | None = None
    result: str | None = None
    strike_type: str | None = None
    floor_strike: float | None = None
    cap_strike: float | None = None
    price_ranges: list[PriceRange] | None = None
    additional_metadata: LifecycleMetadata | None = None


class MarketLifecycle(Frame, tag="market_lifecycle_v2"):
    msg: LifecycleMsg
    sid: int | None = None
    seq: int | None = None
    sending_ts_ms: int | None = None


class IndexAverage(msgspec.Struct, gc=False):
    value: str
    window_size: int


class IndexMsg(msgspec.Struct, gc=False):
    index_id: str
    received_at: int
    data: str
    avg_60s_data: IndexAverage | None = None
    last_60s_windowed_average_15min: IndexAverage | None = None


class CfBenchmarksValue(Frame, tag="cfbenchmarks_value"):
    msg: IndexMsg
    sid: int | None = None
    seq: int | None = None
    sending_ts_ms: int | None = None


class IndexData(msgspec.Struct, gc=False):
    """The JSON text inside `cfbenchmarks_value.msg.data`."""

    id: str
    time: int
    value: str


KalshiFrame = (
    OrderbookDelta
    | OrderbookSnapshot
    | Ticker
    | Trade
    | Subscribed
    | Ok
    | Unsubscribed
    | Error
    | MarketLifecycle
    | CfBenchmarksValue
)


class CentsDeltaMsg(msgspec.Struct, gc=False):
    """Old tapes (before 2026): whole cents and contracts; an interim format had both."""

    market_ticker: str
    side: str
    price: int | None = None
    delta: int | None = None
    price_dollars: str | None = None
    delta_fp: str | None = None
    ts: str | int | None = None
    ts_ms: int | None = None
    clock: int | None = None


class CentsDelta(msgspec.Struct, gc=False):
    sid: int
    seq: int
    msg: CentsDeltaMsg


class CentsSnapshotMsg(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """Any name not listed here may be a side of the book, so it is refused."""

    market_ticker: str
    market_id: str | None = None
    yes_dollars: list[tuple[str, int | str]] | None = None  # interim: whole contracts
    no_dollars: list[tuple[str, int | str]] | None = None
    yes: list[tuple[int, int]] | None = None
    no: list[tuple[int, int]] | None = None
    yes_dollars_fp: Levels | None = None
    no_dollars_fp: Levels | None = None
    clock: int | None = None


class CentsSnapshot(msgspec.Struct, gc=False):
    sid: int
    seq: int
    msg: CentsSnapshotMsg
