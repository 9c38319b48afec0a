"""Every sample message of a venue parses to what it says, field by field."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from kairos.bootstrap import LineDecoder
from kairos.domain.book import BookState
from kairos.domain.instruments import NO_LEG, YES_LEG
from kairos.messages.events import (
    BookDelta,
    BookSnapshot,
    ChannelReply,
    ChannelSubscribed,
    IndexValue,
    InputQuarantined,
    MarketDefined,
    MarketDetermined,
    MarketTrading,
    SpotHeartbeat,
    SpotTrade,
    VenueQuote,
    VenueTrade,
)
from tests.support import tape
from tests.support.engine import Replay
from tests.support.naive_book import NaiveBooks
from tests.support.repository import EVENTS, ROOT, shared

Message = dict[str, Any]
# What documentation shows and nothing here reads: refused by name, never half understood.
UNREAD = frozenset(
    {
        "fill", "user_order", "market_position", "order_group_updates", "event_lifecycle",
        "event_fee_update", "multivariate_market_lifecycle", "pyth_value",
        "pyth_value_underlying_list", "cfbenchmarks_value_5hz", "cfbenchmarks_value_indexlist",
        "cfbenchmarks_value_5hz_indexlist", "rfq_created", "rfq_deleted", "quote_created",
        "quote_accepted", "quote_executed", "rfq_batch_created", "rfq_batch_deleted",
        "batch_quote_created", "rfq_batch_best_quotes", "batch_quote_accepted",
        "rfq_batch_executed", "batch_quote_executed",
    }
)  # fmt: skip


def units(text: str, scale: int) -> int:
    value = Decimal(text) * scale
    assert value == int(value)
    return int(value)


def decoded(raw: Message, src: str) -> tuple[Any, ...]:
    parsed = LineDecoder().decode(tape.line(raw, src=src))
    return parsed if isinstance(parsed, tuple) else (parsed,)


def check_kalshi(raw: Message) -> None:
    """The events of a frame say what its text says."""
    events = decoded(raw, "kalshi_ws")
    assert not any(isinstance(event, InputQuarantined) for event in events), events
    msg: Any = raw.get("msg")
    kind = raw["type"]
    if "seq" in raw and kind not in ("orderbook_delta", "orderbook_snapshot"):
        assert isinstance(events[0], ChannelReply)
        assert (events[0].sid, events[0].seq) == (raw["sid"], raw["seq"])
        events = events[1:]
    match kind:
        case "orderbook_delta":
            _check_delta(msg, raw, events[0])
        case "orderbook_snapshot":
            _check_snapshot(msg, raw, events[0])
        case "ticker":
            _check_ticker(msg, events[0])
        case "trade":
            _check_trade(msg, events[0])
        case "cfbenchmarks_value":
            assert isinstance(events[0], IndexValue)
            assert events[0].value == float(json.loads(msg["data"])["value"])
            assert events[0].index == msg["index_id"]
        case "subscribed":
            (event,) = events
            assert isinstance(event, ChannelSubscribed)
            assert (event.sid, event.channel) == (msg["sid"], msg["channel"])
        case "market_lifecycle_v2":
            _check_lifecycle(msg, events)
        case "ok" | "unsubscribed" | "error":
            assert events == ()
        case _:
            pytest.fail(f"nobody has said what a {kind} must become")


def _check_delta(msg: Message, raw: Message, event: object) -> None:
    assert isinstance(event, BookDelta)
    assert (event.sid, event.seq, event.market) == (raw["sid"], raw["seq"], msg["market_ticker"])
    assert event.price == units(msg["price_dollars"], 10_000)
    assert event.change == units(msg["delta_fp"], 1_000_000)
    assert event.leg == {"yes": YES_LEG, "no": NO_LEG}[msg["side"]]
    sent_ms = msg.get("ts_ms")  # older frames have only the text `ts`
    assert event.venue_ns == (None if sent_ms is None else sent_ms * 1_000_000)
    assert event.clock == msg.get("clock")


def _check_snapshot(msg: Message, raw: Message, event: object) -> None:
    assert isinstance(event, BookSnapshot)
    assert (event.sid, event.seq, event.market) == (raw["sid"], raw["seq"], msg["market_ticker"])
    for side, levels in (("yes", event.yes), ("no", event.no)):
        assert list(levels) == [
            (units(price, 10_000), units(size, 1_000_000))
            for price, size in msg.get(f"{side}_dollars_fp", [])
        ]
    assert event.clock == msg.get("clock")


def _check_ticker(msg: Message, event: object) -> None:
    assert isinstance(event, VenueQuote)
    assert event.market == msg["market_ticker"]
    assert event.yes_bid == units(msg["yes_bid_dollars"], 10_000)
    assert event.yes_ask == units(msg["yes_ask_dollars"], 10_000)
    assert event.last_price == units(msg["price_dollars"], 10_000)
    assert event.last_quantity == units(msg["last_trade_size_fp"], 1_000_000)


def _check_trade(msg: Message, event: object) -> None:
    assert isinstance(event, VenueTrade)
    assert (event.market, event.trade_id) == (msg["market_ticker"], msg["trade_id"])
    assert event.yes_price == units(msg["yes_price_dollars"], 10_000)
    assert event.quantity == units(msg["count_fp"], 1_000_000)
    assert event.taker.value.lower() == msg["taker_outcome_side"]


def _check_lifecycle(msg: Message, events: tuple[Any, ...]) -> None:
    meta = msg.get("additional_metadata", {})
    told = {type(event): event for event in events}
    if "result" in msg:
        assert told[MarketDetermined].outcome.value.lower() == msg["result"]
    if msg["event_type"] in ("activated", "deactivated"):
        assert told[MarketTrading].active is (msg["event_type"] == "activated")
    strike = msg.get("floor_strike", meta.get("floor_strike"))
    if "close_ts" in msg or strike is not None or "price_ranges" in msg:
        defined = told[MarketDefined]
        assert defined.market == msg["market_ticker"]
        assert defined.strike_type == msg.get("strike_type", meta.get("strike_type"))
        if strike is None:
            assert defined.floor_strike is None
        else:
            assert Decimal(defined.floor_strike) == Decimal(str(strike))
        if "close_ts" in msg:
            assert defined.close_ns == msg["close_ts"] * 10**9
        if "price_ranges" in msg:
            assert [list(band) for band in defined.grid] == [
                [units(band[name], 10_000) for name in ("start", "end", "step")]
                for band in msg["price_ranges"]
            ]


def check_coinbase(raw: Message) -> None:
    events = decoded(raw, "coinbase_ws")
    if raw["type"] == "subscriptions":
        assert events == ()
        return
    (event,) = events
    assert isinstance(event, SpotTrade | SpotHeartbeat)
    assert event.product == raw["product_id"]
    if isinstance(event, SpotTrade):
        assert (event.price, event.trade_id) == (float(raw["price"]), raw["trade_id"])
    else:
        assert event.last_trade_id == raw["last_trade_id"]


CHECKS = {"kalshi": check_kalshi, "coinbase": check_coinbase}
SAMPLES = sorted(path for venue in CHECKS for path in (EVENTS / venue).glob("*.json"))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: str(path.relative_to(EVENTS)))
def test_committed_samples_parse_to_what_they_say(path: Path) -> None:
    messages: list[Message] = json.loads(path.read_bytes())
    assert messages
    for raw in messages:
        assert raw["type"] == path.stem
        CHECKS[path.parent.name](raw)


def test_there_is_a_sample_of_everything_that_is_read() -> None:
    """Kalshi sends `unsubscribed` and `error` rarely; the documentation's examples cover them."""
    if not SAMPLES:
        pytest.skip(f"needs {EVENTS.relative_to(ROOT)}")
    have = {(path.parent.name, path.stem) for path in SAMPLES}
    kalshi = {
        "orderbook_delta", "orderbook_snapshot", "ticker", "trade", "subscribed", "ok",
        "market_lifecycle_v2", "cfbenchmarks_value",
    }  # fmt: skip
    coinbase = {"ticker", "match", "last_match", "heartbeat", "subscriptions"}
    assert {("kalshi", kind) for kind in kalshi} | {("coinbase", kind) for kind in coinbase} <= have


def test_documented_examples_parse_to_what_they_say_or_are_refused_by_name() -> None:
    path = shared("samples/kalshi/asyncapi_examples_2026-10-26.json")
    read: Counter[str] = Counter()
    for examples in json.loads(path.read_bytes()).values():
        for example in examples:
            raw = example["payload"]
            if not isinstance(raw, dict) or "type" not in raw:
                continue  # pings, and commands that a client sends
            read[raw["type"]] += 1
            if raw["type"] in UNREAD:
                (event,) = decoded(raw, "kalshi_ws")
                assert event.reason == "unknown_type"
            else:
                check_kalshi(raw)
    assert {
        "orderbook_snapshot", "orderbook_delta", "ticker", "trade", "unsubscribed", "ok", "error",
        "subscribed", "cfbenchmarks_value", "market_lifecycle_v2",
    } <= read.keys()  # fmt: skip


def test_commands_in_a_recording_are_no_messages() -> None:
    path = shared("samples/kalshi/asyncapi_examples_2026-10-26.json")
    commands = [
        example["payload"]
        for examples in json.loads(path.read_bytes()).values()
        for example in examples
        if isinstance(example["payload"], dict) and "cmd" in example["payload"]
    ]
    assert len(commands) > 10
    assert all(decoded(raw, "kalshi_ws") == () for raw in commands)


def replayed_frames(frames: list[Message]) -> tuple[Replay, NaiveBooks]:
    lines = [tape.line(raw, number) for number, raw in enumerate(frames)]
    naive = NaiveBooks()
    for line in lines:
        naive.take(line)
    return Replay().feed(*lines), naive


def check_books(replay: Replay, naive: NaiveBooks, live: int) -> None:
    assert replay.quarantined == {}
    assert sum(replay.engine.books.gaps.values()) == 0
    books = [m for m in replay.engine.markets.values() if m.book.state is BookState.LIVE]
    assert len(books) == live
    for market in books:
        book = naive.books[market.market_id]
        assert book is not None
        assert market.book.bids(YES_LEG) == book.levels("yes")
        assert market.book.bids(NO_LEG) == book.levels("no")


def test_a_stream_of_twelve_markets_added_one_by_one_has_live_and_equal_books() -> None:
    """One sid, a reply before every further snapshot, all of them numbered in one row."""
    path = shared("samples/kalshi/cockpit_ws_orderbook_stream.json")
    frames = [each["frame"] for each in json.loads(path.read_bytes())["frames"]]
    for raw in frames:
        check_kalshi(raw)
    check_books(*replayed_frames(frames), live=12)


def test_frames_recorded_verbatim_have_live_and_equal_books() -> None:
    path = shared("samples/kalshi/btc1hr_ws_frames.jsonl")
    frames = [json.loads(json.loads(line)["raw"]) for line in path.read_bytes().splitlines()]
    for raw in frames:
        check_kalshi(raw)
    check_books(*replayed_frames(frames), live=8)
