"""The markets websocket: whole books, trades, signs of life; nothing is made up."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hotpath.books import Books
from kairos.adapters.polymarket_us.parsing import (
    SID,
    LiteQuote,
    MarketStream,
    StreamRefused,
    is_trading,
)
from kairos.domain.book import BookState
from kairos.domain.instruments import NO_LEG, YES_LEG, Outcome
from kairos.errors import Malformed
from kairos.messages.events import (
    BookSnapshot,
    ChannelReply,
    ChannelSubscribed,
    ConnectionOpened,
    InputQuarantined,
    MarketTrading,
    VenueTrade,
)
from tests.support.polymarket_us import (
    HEARTBEAT,
    MARKET,
    NOW,
    NOW_NS,
    book,
    encoded,
    lite,
    trade,
    usd,
)

OTHER = "aec-nfl-det-buf-2026-11-23"


def with_data(**fields: object) -> dict[str, Any]:
    """A book frame with some of its data replaced as it is."""
    frame = book()
    frame["marketData"] |= fields
    return frame


def opened() -> MarketStream:
    stream = MarketStream("c")
    assert stream.opened(1) == (
        ConnectionOpened(1, "c"),
        ChannelSubscribed(1, "c", SID, "market_data"),
    )
    return stream


def test_offers_become_bids_for_no() -> None:
    events = opened().events(9, encoded(book()))
    assert events == (
        BookSnapshot(
            9, "c", SID, 1, MARKET, ((5_550, 500_000), (5_500, 2_500_000)), ((4_400, 800_000),),
            None,
        ),
        MarketTrading(9, MARKET, True),
    )  # fmt: skip


def test_an_empty_side_must_be_there_to_be_empty() -> None:
    (snapshot, _) = opened().events(9, encoded(book(offers=())))
    assert isinstance(snapshot, BookSnapshot)
    assert snapshot.no == ()
    for side in ("bids", "offers"):
        absent = book()
        del absent["marketData"][side]
        for frame in (absent, with_data(**{side: None})):
            with pytest.raises(Malformed):
                opened().events(9, encoded(frame))


def test_a_connection_numbers_its_own_messages() -> None:
    stream = opened()
    frames = (book(), HEARTBEAT, trade(), lite(), book(marketSlug=OTHER))
    taken = [each for frame in frames for each in stream.events(9, encoded(frame))]
    numbers = [each.seq for each in taken if isinstance(each, BookSnapshot | ChannelReply)]
    assert numbers == [1, 2, 3]
    stream.opened(10)
    (heartbeat,) = stream.events(11, encoded(HEARTBEAT))
    assert heartbeat == ChannelReply(11, "c", SID, 1)


def test_a_change_of_state_is_told_once() -> None:
    stream = opened()
    told = []
    for state in ("OPEN", "OPEN", "SUSPENDED", "HALTED", "OPEN"):
        events = stream.events(9, encoded(book(state=f"MARKET_STATE_{state}")))
        told.append([each.active for each in events if isinstance(each, MarketTrading)])
    assert told == [[True], [], [False], [], [True]]
    assert stream.events(9, encoded(book(state=None)))[1:] == ()


def test_a_state_nobody_knows_is_refused() -> None:
    with pytest.raises(Malformed, match="bad_state"):
        is_trading("MARKET_STATE_HAUNTED")


def test_a_trade_is_named_by_what_it_says() -> None:
    (event,) = opened().events(9, encoded(trade()))
    assert event == VenueTrade(
        9, "c", MARKET, f"{NOW}/5600/800000/YES", 5_600, 800_000, Outcome.YES, NOW_NS
    )
    again = MarketStream("redundant").events(10, encoded(trade()))[0]
    assert isinstance(again, VenueTrade)
    assert again.trade_id == event.trade_id


@pytest.mark.parametrize(
    ("taker", "bought"),
    [
        ({"side": "ORDER_SIDE_SELL"}, Outcome.NO),
        ({"side": "ORDER_SIDE_SELL", "intent": "ORDER_INTENT_UNDEFINED"}, Outcome.NO),
        ({"intent": "ORDER_INTENT_SELL_SHORT"}, Outcome.YES),
        ({"side": "ORDER_SIDE_SELL", "intent": "ORDER_INTENT_BUY_SHORT"}, Outcome.NO),
        ({"side": "ORDER_SIDE_SELL", "intent": "ORDER_INTENT_SELL_LONG"}, Outcome.NO),
    ],
)
def test_what_the_taker_bought(taker: dict[str, str], bought: Outcome) -> None:
    (event,) = opened().events(9, encoded(trade(taker=taker)))
    assert isinstance(event, VenueTrade)
    assert event.taker is bought


@pytest.mark.parametrize(
    ("taker", "reason"),
    [
        ({}, "bad_side"),
        ({"intent": "ORDER_INTENT_UNDEFINED"}, "bad_side"),
        ({"side": "ORDER_SIDE_BUY", "intent": "ORDER_INTENT_BUY_SHORT"}, "conflicting_fields"),
    ],
)
def test_a_taker_that_cannot_be_told_is_refused(taker: dict[str, str], reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        opened().events(9, encoded(trade(taker=taker)))


def test_lite_quotes_keep_empty_sides_empty() -> None:
    (event,) = opened().events(9, encoded(lite(bestBid=None)))
    assert event == LiteQuote(9, "c", MARKET, None, 5_600, 5_550)


def test_an_error_is_no_data() -> None:
    frame = {"requestId": "book-1-3", "error": "unknown market"}
    assert opened().events(9, encoded(frame)) == (
        StreamRefused(9, "c", "book-1-3", "unknown market"),
    )


def level(price: object = "0.55", size: object = "1.00", currency: object = "USD") -> list[Any]:
    return [{"px": {"value": price, "currency": currency}, "qty": size}]


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (with_data(bids=level(price="0.00001")), "bad_number"),
        (with_data(bids=level(price="0")), "price_out_of_range"),
        (with_data(bids=level(price="1.00")), "price_out_of_range"),
        (with_data(bids=level(price=0.55)), "wrong_type"),
        (with_data(bids=level(size="0.00")), "bad_size"),
        (with_data(bids=level(size="-1")), "bad_size"),
        (with_data(bids=level(size="1e3")), "bad_number"),
        (with_data(bids=level(currency="EUR")), "bad_currency"),
        (book(marketSlug=""), "missing_field"),
        (book(transactTime="noon"), "bad_time"),
        (book() | {"subscriptionType": "SUBSCRIPTION_TYPE_TRADE"}, "conflicting_fields"),
        (book() | trade(), "conflicting_fields"),
        (book() | {"error": "late"}, "conflicting_fields"),
        (trade(price=usd("0")), "price_out_of_range"),
        (trade(quantity=usd("0")), "bad_size"),
        (trade(tradeTime="2026-02-30T00:00:00Z"), "bad_time"),
        ({"news": {}}, "unknown_type"),
        ({}, "unknown_type"),
        ([], "wrong_type"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_exactly_is_refused(frame: object, reason: str) -> None:
    with pytest.raises(Malformed) as refused:
        opened().events(9, encoded(frame))
    assert refused.value.reason == reason


class Engine:
    """The hot path's books behind the stream."""

    def __init__(self) -> None:
        self.stream = MarketStream("c")
        self.books = Books(lambda _market: None, [])
        opening, subscribed = self.stream.opened(1)
        self.books.connection_opened(opening)
        self.books.subscribed(subscribed)

    def take(self, raw: bytes) -> None:
        for event in self.stream.take(9, raw):
            match event:
                case BookSnapshot():
                    self.books.snapshot(event)
                case ChannelReply():
                    self.books.reply(event)
                case InputQuarantined():
                    self.books.quarantined(event)

    def states(self) -> dict[str, BookState]:
        return {name: each.book.state for name, each in self.books.markets.items()}


def test_a_book_that_cannot_be_read_takes_down_its_own_market_only() -> None:
    engine = Engine()
    for market in (MARKET, OTHER):
        engine.take(encoded(book(marketSlug=market)))
    engine.take(encoded(with_data(bids=level(size="-1"))))
    assert engine.states() == {MARKET: BookState.GAPPED, OTHER: BookState.LIVE}
    engine.take(encoded(book(offers=())))
    assert engine.states() == {MARKET: BookState.LIVE, OTHER: BookState.LIVE}
    shown = engine.books.markets[MARKET].book
    assert shown.bids(NO_LEG) == []
    assert shown.bids(YES_LEG) == [(5_550, 500_000), (5_500, 2_500_000)]


def test_a_frame_that_may_have_been_any_book_takes_down_all() -> None:
    engine = Engine()
    for market in (MARKET, OTHER):
        engine.take(encoded(book(marketSlug=market)))
    engine.take(b'{"marketDat')
    assert set(engine.states().values()) == {BookState.GAPPED}


def test_a_bad_trade_leaves_the_books_alone() -> None:
    engine = Engine()
    engine.take(encoded(book()))
    engine.take(encoded(trade(price=usd("7"))))
    assert engine.states() == {MARKET: BookState.LIVE}
    assert engine.stream.quarantined == 1


def test_fields_that_the_venue_adds_do_no_harm() -> None:
    frame = book(feeCoefficient=0.0695, depth={"levels": 5})
    frame["marketData"]["bids"][0]["orders"] = 3
    assert len(opened().events(9, json.dumps(frame, indent=1).encode())) == 2
