"""Lines of Polymarket and Polymarket US become the books that an independent reader builds."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from typing import Any

import pytest

from hotpath.feeds.live.lines import LineWriter
from kairos.bootstrap import LineDecoder, polymarket_listing_frame
from kairos.domain.book import BookState
from kairos.domain.instruments import NO_LEG, YES_LEG
from kairos.messages.events import ChannelSubscribed, ConnectionOpened, InputQuarantined
from tests.support import polymarket as poly
from tests.support import polymarket_us as us
from tests.support import tape
from tests.support.engine import Replay

CLOB, US = "polymarket_clob_ws", "polymarket_us_ws"
Side = dict[str, Decimal]


def at(milliseconds: int) -> int:
    return tape.START_NS + milliseconds * tape.MS


class Writer:
    """What a live session of one connection writes."""

    def __init__(self, source: str, conn: str = "") -> None:
        self.lines = LineWriter(source, conn or source)
        self.now = 0

    def said(self, frame: object) -> bytes:
        self.now += 1
        data = frame if isinstance(frame, bytes) else poly.encoded(frame)
        return self.lines.messages(at(self.now), [data])[0]

    def note(self, kind: str) -> bytes:
        self.now += 1
        return self.lines.note(at(self.now), kind, {})


def units(side: Side, *, turned: bool) -> list[tuple[int, int]]:
    """A side read with Decimals, as the engine counts: prices from one dollar down for NO."""
    levels = (
        (1 - Decimal(price) if turned else Decimal(price), size) for price, size in side.items()
    )
    return sorted((int(price * 10_000), int(size * 1_000_000)) for price, size in levels)


def check(replay: Replay, market: str, bids: Side, asks: Side) -> None:
    book = replay.book(market)
    assert book.state is BookState.LIVE
    assert sorted(book.bids(YES_LEG)) == units(bids, turned=False)
    assert sorted(book.bids(NO_LEG)) == units(asks, turned=True)


def top(bids: Side, asks: Side) -> tuple[str, str]:
    return max(bids, key=Decimal, default="0"), min(asks, key=Decimal, default="1")


def random_change(chance: random.Random, bids: Side, asks: Side) -> tuple[str, str, str]:
    side, levels, low = chance.choice([("BUY", bids, 1), ("SELL", asks, 51)])
    price = f"0.{low + chance.randrange(49):02d}"
    size = chance.choice(["0", "5", f"{chance.randrange(1, 900)}.25"])
    levels.pop(price, None)
    if size != "0":
        levels[price] = Decimal(size)
    return price, size, side


def test_polymarket_lines_become_the_books_that_were_told() -> None:
    chance, writer, replay = random.Random("books"), Writer(CLOB), Replay()
    bids: Side = {"0.40": Decimal(10), "0.35": Decimal(7)}
    asks: Side = {"0.60": Decimal(3)}
    whole = poly.book(
        [(price, str(size)) for price, size in bids.items()],
        [(price, str(size)) for price, size in asks.items()],
    )
    replay.feed(
        writer.said(polymarket_listing_frame(poly.listing())),
        writer.note("ws_connected"),
        writer.said([whole]),
    )
    check(replay, poly.MARKET, bids, asks)
    for step in range(1, 300):
        price, size, side = random_change(chance, bids, asks)
        entry = poly.change(price, size, side, top(bids, asks))
        replay.feed(writer.said(poly.price_change(entry, at=step)))
    check(replay, poly.MARKET, bids, asks)
    assert replay.quarantined == {}
    assert replay.decoder.counts[CLOB, "price_change"] == 299
    assert replay.decoder.counts[CLOB, "book"] == 1


def test_a_lost_polymarket_connection_voids_its_books_until_a_whole_one_comes() -> None:
    writer, replay = Writer(CLOB, f"{CLOB}#a"), Replay()
    whole = poly.book([("0.40", "10")], [("0.60", "3")])
    replay.feed(writer.said(polymarket_listing_frame(poly.listing())), writer.said(whole))
    replay.feed(writer.note("ws_lost"))
    assert replay.book(poly.MARKET).state is BookState.RESYNCING
    replay.feed(writer.note("ws_connected"))
    replay.feed(writer.said(poly.price_change(poly.change("0.41", "1", "BUY", None), at=1)))
    assert replay.book(poly.MARKET).state is BookState.RESYNCING
    replay.feed(writer.said(whole | {"timestamp": str(poly.T0 + 2), "hash": None}))
    check(replay, poly.MARKET, {"0.40": Decimal(10)}, {"0.60": Decimal(3)})


def test_a_damaged_polymarket_frame_doubts_the_books_of_its_connection() -> None:
    writer, replay = Writer(CLOB), Replay()
    replay.feed(
        writer.said(polymarket_listing_frame(poly.listing())),
        writer.said(poly.book([("0.40", "10")], [("0.60", "3")])),
        writer.said(b'{"event_type":"price_change","market":'),
        writer.said(b"\xff\xfe"),
    )
    assert replay.book(poly.MARKET).state is BookState.GAPPED
    assert replay.quarantined == {"not_json": 2}
    assert replay.decoder.counts[CLOB, "quarantined"] == 2


def test_the_venues_words_are_heard_and_change_nothing() -> None:
    writer, replay = Writer(CLOB), Replay()
    replay.feed(writer.said(b"PONG"))
    assert replay.quarantined == {}
    assert replay.decoder.counts == {(CLOB, "words"): 1}


def test_tokens_of_a_recording_without_listings_are_markets_of_their_own() -> None:
    """As frames were in 2025: `changes` of one token, and books without their terms."""
    writer, replay = Writer(CLOB), Replay()
    yes = poly.book([("0.40", "10")], [("0.60", "3")], hashed=False)
    no = poly.book([("0.40", "3")], [("0.60", "10")], hashed=False, token=poly.NO)
    change: dict[str, Any] = {
        "event_type": "price_change", "market": poly.MARKET, "asset_id": poly.YES,
        "changes": [{"price": "0.45", "size": "2", "side": "BUY"}],
        "timestamp": str(poly.T0 + 1), "hash": "00",
    }  # fmt: skip
    replay.feed(writer.said([yes, no]), writer.said([change]))
    check(replay, poly.YES, {"0.40": Decimal(10), "0.45": Decimal(2)}, {"0.60": Decimal(3)})
    check(replay, poly.NO, {"0.40": Decimal(3)}, {"0.60": Decimal(10)})
    assert poly.MARKET not in replay.engine.markets
    assert replay.quarantined == {}


def test_present_day_changes_of_two_tokens_are_told_apart_without_listings() -> None:
    writer, replay = Writer(CLOB), Replay()
    books = [
        poly.book([("0.40", "10")], [("0.60", "3")]),
        poly.book([("0.40", "3")], [("0.60", "10")], token=poly.NO),
    ]
    both = poly.price_change(
        poly.change("0.45", "2", "BUY", ("0.45", "0.60")),
        poly.change("0.55", "2", "SELL", ("0.40", "0.55"), token=poly.NO),
        at=1,
    )
    replay.feed(writer.said(books), writer.said(both))
    check(replay, poly.YES, {"0.40": Decimal(10), "0.45": Decimal(2)}, {"0.60": Decimal(3)})
    check(replay, poly.NO, {"0.40": Decimal(3)}, {"0.60": Decimal(10), "0.55": Decimal(2)})


def test_polymarket_us_lines_become_the_books_that_were_told() -> None:
    chance, writer, replay = random.Random("us"), Writer(US, f"{US}-2"), Replay()
    replay.feed(writer.note("ws_connected"))
    bids: Side = {}
    asks: Side = {}
    for _ in range(60):
        bids = {f"0.{chance.randrange(10, 50)}5": Decimal(chance.randrange(1, 9)) for _ in range(5)}
        asks = {f"0.{chance.randrange(50, 90)}5": Decimal(chance.randrange(1, 9)) for _ in range(5)}
        frame = us.book(
            [(price, f"{size}") for price, size in bids.items()],
            [(price, f"{size}") for price, size in asks.items()],
        )
        replay.feed(writer.said(frame), writer.said(us.HEARTBEAT), writer.said(us.lite()))
    check(replay, us.MARKET, bids, asks)
    replay.feed(writer.said(us.trade()))
    assert replay.quarantined == {}
    assert replay.decoder.counts == {
        ("recorder", "ws_connected"): 1, (US, "marketData"): 60, (US, "heartbeat"): 60,
        (US, "marketDataLite"): 60, (US, "trade"): 1,
    }  # fmt: skip


def test_a_polymarket_us_connection_that_nobody_noted_opens_with_its_first_frame() -> None:
    events = LineDecoder().decode(Writer(US).said(us.HEARTBEAT))
    assert isinstance(events, tuple)
    assert [type(event) for event in events][:2] == [ConnectionOpened, ChannelSubscribed]


def test_a_damaged_polymarket_us_frame_doubts_its_book() -> None:
    writer, replay = Writer(US), Replay()
    replay.feed(writer.said(us.book()), writer.said(us.book(bids=[("1.50", "1")])))
    assert replay.book(us.MARKET).state is BookState.GAPPED
    assert sum(replay.quarantined.values()) == 1
    replay.feed(writer.said(us.book()))
    assert replay.book(us.MARKET).state is BookState.LIVE


def test_a_kalshi_message_under_another_source_leaves_kalshis_books_alone() -> None:
    replay = Replay()
    replay.feed(
        tape.line(tape.subscribed()),
        tape.line(tape.snapshot(1, [("0.4400", "13.00")])),
        tape.line(tape.delta(2, "0.4500", "1.00"), src=CLOB),
        tape.line(tape.delta(2, "0.4500", "1.00"), src=US),
    )
    assert replay.book(tape.MARKET).state is BookState.LIVE
    assert replay.engine.books.epochs == {f"{CLOB}:{tape.CONN}": 1, f"{US}:{tape.CONN}": 1}
    assert sum(replay.quarantined.values()) == 2


PRIVATE = {
    "kalshi_private": {"type": "fill", "sid": 3, "msg": {"trade_id": "t"}},
    "polymarket_user_ws": {"event_type": "trade", "id": "t"},
    "polymarket_us_private_ws": {"orderSubscriptionUpdate": {}},
}


@pytest.mark.parametrize("source", sorted(PRIVATE))
def test_what_a_venue_says_of_our_account_is_counted_and_passed_over(source: str) -> None:
    decoder = LineDecoder()
    assert decoder.decode(Writer(source).said(PRIVATE[source])) == ()
    assert decoder.decode(Writer(source).said(b"\xff not text")) == ()
    assert sum(decoder.counts.values()) == 2
    assert {source for source, _ in decoder.counts} == {source}


def test_the_number_of_connections_is_bounded() -> None:
    decoder = LineDecoder()
    for number in range(64):
        decoder.decode(Writer(US, f"{US}#{number}").said(us.HEARTBEAT))
    events = decoder.decode(Writer(US, f"{US}#one-more").said(us.HEARTBEAT))
    assert isinstance(events, tuple)
    (event,) = events
    assert isinstance(event, InputQuarantined)
    assert event.reason == "too_many_connections"


@pytest.mark.parametrize("source", [CLOB, US])
@pytest.mark.parametrize("fields", [{"raw": None}, {"raw": []}, {"raw_base64": "%"}, {"raw": 5}])
def test_a_line_without_a_frame_is_refused_or_holds_nothing(
    source: str, fields: dict[str, object]
) -> None:
    line = json.dumps({"recv_ns": tape.START_NS, "src": source} | fields).encode()
    events = LineDecoder().decode(line)
    assert isinstance(events, tuple)
    assert not any("Book" in type(event).__name__ for event in events)
