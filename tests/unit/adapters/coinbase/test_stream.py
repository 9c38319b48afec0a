"""The Coinbase feed: what is asked for, which messages are not data, and how a loss is noticed."""

from __future__ import annotations

import json

import msgspec
import pytest

from hotpath.spot import Spot
from kairos.adapters.coinbase import stream as module
from kairos.adapters.coinbase.parsing import event
from kairos.adapters.coinbase.schemas import CoinbaseMessage
from kairos.adapters.coinbase.stream import CoinbaseStream, subscribe_frame, unsubscribe_frame
from kairos.messages.events import SpotHeartbeat, SpotTrade
from kairos.messages.streams import Said, SaidKind
from kairos.ports import VenueStream


def message(kind: str, trade_id: int) -> bytes:
    body = {"type": kind, "product_id": "BTC-USD", "time": "2026-11-18T11:06:40.5Z"}
    if kind == "heartbeat":
        return json.dumps(body | {"last_trade_id": trade_id, "sequence": 9}).encode()
    more = {"price": "65000.01", "trade_id": trade_id, "sequence": 9, "size": "0.1", "side": "sell"}
    return json.dumps(body | more).encode()


def test_one_message_asks_for_trades_and_their_pulse() -> None:
    assert json.loads(subscribe_frame(["BTC-USD", "ETH-USD"])) == {
        "type": "subscribe",
        "product_ids": ["BTC-USD", "ETH-USD"],
        "channels": ["ticker", "matches", "heartbeat"],
    }
    assert json.loads(unsubscribe_frame(["BTC-USD"]))["type"] == "unsubscribe"
    for products in ([], ["x"] * 101):
        with pytest.raises(ValueError, match="products"):
            subscribe_frame(products)


def test_it_is_a_stream_without_a_key() -> None:
    stream: VenueStream = CoinbaseStream()
    assert stream.address(0).url == "wss://ws-feed.exchange.coinbase.com"
    assert stream.address(0).headers == {}
    assert stream.heartbeat.server_every_s == 1.0
    assert module.SUBSCRIBE_WITHIN_SECONDS == 5.0
    stream.opened()
    frames = list(stream.first_frames([f"P{number}-USD" for number in range(101)]))
    assert [len(json.loads(each.message)["product_ids"]) for each in frames] == [100, 1]
    assert [each.replies for each in frames] == [1, 1]
    assert len(list(stream.add_frames(["A-USD"]))) == len(list(stream.drop_frames(["A-USD"]))) == 1
    assert stream.resync_frames(["BTC-USD"]) == []


def test_data_is_let_through_and_the_rest_is_named() -> None:
    stream = CoinbaseStream()
    for kind in ("match", "ticker", "last_match"):
        assert stream.classify(message(kind, 7)) is None
    assert stream.classify(message("heartbeat", 7)) == Said(SaidKind.HEARTBEAT)
    assert stream.classify(b'{"type":"subscriptions","channels":[]}') == Said(SaidKind.REPLY)
    refused = b'{"type":"error","message":"Failed to subscribe","reason":"X-USD is not a product"}'
    assert stream.classify(refused) == Said(
        SaidKind.REFUSED, "Failed to subscribe: X-USD is not a product"
    )
    assert stream.classify(b"\xff") is stream.classify(b"[]") is None


def test_a_lost_trade_is_noticed_by_its_number_or_by_the_pulse() -> None:
    spot = Spot()
    decode = msgspec.json.Decoder(CoinbaseMessage).decode

    def take(raw: bytes) -> None:
        match event(5, "c", decode(raw)):
            case SpotTrade() as trade:
                spot.take(trade, 5)
            case SpotHeartbeat() as pulse:
                spot.heartbeat(pulse, 6)

    for raw in (message("last_match", 6), message("match", 7), message("ticker", 7)):
        take(raw)
    take(message("heartbeat", 7))
    assert (spot.missed, spot.heard_ns) == (0, 6)
    take(message("match", 10))
    assert spot.missed == 2
    take(message("heartbeat", 13))
    assert spot.missed == 5
