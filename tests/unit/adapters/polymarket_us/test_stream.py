"""What is sent on the websockets, and which messages are not data."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kairos.adapters.polymarket_us.auth import Credentials
from kairos.adapters.polymarket_us.parsing import BOOKS, TRADES
from kairos.adapters.polymarket_us.stream import MarketsStream, PrivateStreamOfAccount
from kairos.adapters.polymarket_us.subscriptions import Subscriptions, subscribe_frame
from kairos.errors import Malformed
from kairos.messages.streams import Said, SaidKind
from kairos.ports import VenueStream
from tests.support.polymarket_us import (
    HEARTBEAT,
    NOW_NS,
    SECRET,
    book,
    encoded,
    execution,
    order_update,
    trade,
)

SLUGS = [f"m{number}" for number in range(250)]


def asked(frames: list[bytes]) -> list[Any]:
    """(request id, number of markets) of a subscription, the id alone of an end."""
    told: list[Any] = []
    for frame in frames:
        body = json.loads(frame)
        if "unsubscribe" in body:
            told.append(body["unsubscribe"]["requestId"])
        else:
            inner = body["subscribe"]
            told.append((inner["requestId"], len(inner["marketSlugs"])))
    return told


def test_at_most_a_hundred_markets_share_a_request() -> None:
    subscriptions = Subscriptions(BOOKS, "b")
    assert asked(subscriptions.subscribe(SLUGS)) == [("b-1", 100), ("b-2", 100), ("b-3", 50)]
    assert subscriptions.markets == frozenset(SLUGS)
    with pytest.raises(Malformed, match="101 in one request"):
        subscribe_frame("x", BOOKS, SLUGS[:101])


def test_no_market_is_asked_for_twice() -> None:
    """The venue refuses the whole request otherwise."""
    subscriptions = Subscriptions(BOOKS, "b")
    subscriptions.subscribe(["a", "b", "a"])
    assert asked(subscriptions.subscribe(["b", "c"])) == [("b-2", 1)]
    assert subscriptions.subscribe(["a", "b", "c"]) == []


def test_a_fresh_book_takes_an_end_and_a_beginning() -> None:
    subscriptions = Subscriptions(BOOKS, "b")
    subscriptions.subscribe(SLUGS)
    assert asked(subscriptions.renew(["m5", "m6", "unheard"])) == ["b-1", ("b-4", 100)]
    assert subscriptions.markets == frozenset(SLUGS)


def test_what_shared_a_request_with_a_dropped_market_stays() -> None:
    subscriptions = Subscriptions(BOOKS, "b")
    subscriptions.subscribe(["a", "b", "c"])
    assert asked(subscriptions.unsubscribe(["b", "unheard"])) == ["b-1", ("b-2", 2)]
    assert asked(subscriptions.unsubscribe(["a", "c"])) == ["b-2"]
    assert subscriptions.markets == frozenset()


def test_a_new_connection_asks_for_everything_again() -> None:
    subscriptions = Subscriptions(BOOKS, "b")
    subscriptions.subscribe(["a", "b"])
    assert asked(subscriptions.resubscribe()) == [("b-2", 2)]


def stream() -> MarketsStream:
    made = MarketsStream(Credentials("key-id", SECRET), "wss://sim")
    made.opened()
    return made


def test_streams_are_what_the_shell_wants() -> None:
    credentials = Credentials("key-id", SECRET)
    streams: list[VenueStream] = [MarketsStream(credentials), PrivateStreamOfAccount(credentials)]
    paths = ["/v1/ws/markets", "/v1/ws/private"]
    for each, path in zip(streams, paths, strict=True):
        address = each.address(NOW_NS)
        assert address.url == f"wss://api.polymarket.us{path}"
        assert address.headers["X-PM-Timestamp"] == str(NOW_NS // 1_000_000)
        assert SECRET not in repr(address)
        assert address.headers["X-PM-Signature"] not in repr(address)


def test_books_and_trades_are_asked_for_with_ids_of_their_own() -> None:
    markets = stream()
    frames = [each.message for each in markets.first_frames(SLUGS)]
    kinds = [json.loads(each)["subscribe"]["subscriptionType"] for each in frames]
    assert kinds == [BOOKS] * 3 + [TRADES] * 3
    first = {json.loads(each)["subscribe"]["requestId"] for each in frames}
    markets.opened()
    second = {
        json.loads(each.message)["subscribe"]["requestId"] for each in markets.first_frames(SLUGS)
    }
    assert len(first | second) == 12


def test_a_resync_renews_books_and_not_trades() -> None:
    markets = stream()
    list(markets.first_frames(["a", "b"]))
    frames = [each.message for each in markets.resync_frames(["a"])]
    assert [next(iter(json.loads(each))) for each in frames] == ["unsubscribe", "subscribe"]
    assert BOOKS.encode() in frames[1]
    assert [len(list(markets.add_frames(["a", "c"]))), len(list(markets.drop_frames(["c"])))] == [
        2,
        2,
    ]


def test_data_is_let_through_and_the_rest_is_named() -> None:
    markets = stream()
    list(markets.first_frames(["a", "b"]))
    assert markets.classify(encoded(book())) is None
    assert markets.classify(encoded(trade())) is None
    assert markets.classify(encoded(HEARTBEAT)) == Said(SaidKind.HEARTBEAT)
    assert markets.classify(b"nonsense") is None
    refused = markets.classify(b'{"requestId":"book-2-1","error":"no such market"}')
    assert refused == Said(SaidKind.REFUSED, "no such market (2 markets: a, b)")
    # They are not subscribed any more, so they can be asked for again.
    assert len(list(markets.add_frames(["a", "b"]))) == 1


def test_the_account_s_changes_are_asked_for_before_its_state() -> None:
    private = PrivateStreamOfAccount(Credentials("key-id", SECRET))
    private.opened()
    kinds = [
        json.loads(each.message)["subscribe"]["subscriptionType"].removeprefix("SUBSCRIPTION_TYPE_")
        for each in private.first_frames([])
    ]
    assert kinds == ["ORDER", "ORDER_SNAPSHOT", "POSITION", "ACCOUNT_BALANCE"]
    assert [b"ORDER_SNAPSHOT" in each.message for each in private.resync_frames([])] == [True]
    assert private.classify(encoded(order_update(execution()))) is None
    assert private.classify(encoded(HEARTBEAT)) == Said(SaidKind.HEARTBEAT)
    assert private.classify(b'{"error":"denied"}') == Said(SaidKind.REFUSED, "denied")
    assert [*private.add_frames(["a"]), *private.drop_frames(["a"])] == []
