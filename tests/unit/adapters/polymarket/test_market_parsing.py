"""Books of YES tokens reach the engine exactly, or the engine is told not to believe them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kairos.adapters.polymarket.listings import LISTINGS_MAX
from kairos.adapters.polymarket.mirror import book_hash
from kairos.adapters.polymarket.parsing import (
    CONNECTIONS_MAX,
    MarketParser,
    listing_frame,
)
from kairos.adapters.polymarket.rest_schemas import BookLevel, ClobBook
from kairos.domain.book import BookState
from kairos.domain.instruments import NO_LEG, YES_LEG, Outcome
from kairos.errors import Malformed
from kairos.messages.events import (
    BookDelta,
    BookSnapshot,
    ChannelReply,
    InputQuarantined,
    MarketDefined,
    MarketDetermined,
    VenueTrade,
)
from tests.support.polymarket import (
    CONN,
    MARKET,
    NO,
    OTHER,
    OTHER_YES,
    T0,
    YES,
    Fed,
    Frame,
    book,
    change,
    encoded,
    listing,
    other,
    price_change,
)
from tests.support.repository import shared

BIDS = [("0.40", "100"), ("0.44", "13.5")]
ASKS = [("0.60", "7"), ("0.47", "20")]
LIVE = BookState.LIVE
STRANGER = "999"
TIMELESS = price_change(change("0.44", "1", "BUY", None)) | {"timestamp": "6"}


def opened(*more: Frame) -> Fed:
    fed = Fed(listing(), other())
    fed.feed(book(BIDS, ASKS), *more)
    return fed


def problem(fed: Fed) -> str:
    return fed.quarantined[-1].reason


def test_asks_for_yes_are_bids_for_no() -> None:
    fed = opened()
    assert fed.state() is LIVE
    assert fed.shown() == (
        {4400: 13_500_000, 4000: 100_000_000},
        {5300: 20_000_000, 4000: 7_000_000},
    )


def test_a_change_is_the_difference_to_what_rested_there() -> None:
    fed = opened()
    events = fed.feed(
        price_change(
            change("0.44", "10", "BUY", ("0.44", "0.47")),
            change("0.47", "0", "SELL", ("0.44", "0.6")),
            at=1,
        )
    )
    assert [(type(e), e.leg, e.price, e.change) for e in events if isinstance(e, BookDelta)] == [
        (BookDelta, YES_LEG, 4400, -3_500_000),
        (BookDelta, NO_LEG, 5300, -20_000_000),
    ]
    assert events[0].venue_ns == (T0 + 1) * 1_000_000  # type: ignore[union-attr]
    assert fed.shown() == ({4400: 10_000_000, 4000: 100_000_000}, {4000: 7_000_000})


def test_what_the_venue_repeats_changes_nothing_but_proves_life() -> None:
    events = opened().feed(price_change(change("0.44", "13.50", "BUY", ("0.44", "0.47")), at=1))
    assert [type(each) for each in events] == [ChannelReply]


def test_every_event_of_a_connection_has_the_next_number() -> None:
    fed = opened()
    fed.feed(
        b"PONG",
        price_change(change("0.45", "1", "BUY", ("0.45", "0.47")), at=1),
        price_change(change("0.45", "1", "SELL", None, token=NO), at=2),
        {"event_type": "mystery", "price": "1"},
        [book(BIDS, ASKS, 3), book(BIDS, ASKS, 4, market=OTHER, token=OTHER_YES)],
    )
    numbers = [seq for each in fed.events if (seq := getattr(each, "seq", None)) is not None]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= 6


def test_an_empty_side_is_an_empty_side() -> None:
    fed = Fed()
    fed.feed(book([], [("0.99", "5")]))
    assert fed.shown() == ({}, {100: 5_000_000})
    fed.feed(price_change(change("0.99", "0", "SELL", ("0", "1")), at=1))
    assert fed.state() is LIVE
    assert fed.shown() == ({}, {})


def test_another_top_than_the_mirror_s_is_a_gap_and_asks_for_the_book() -> None:
    fed = opened()
    events = fed.feed(price_change(change("0.10", "5", "BUY", ("0.45", "0.47")), at=1))
    assert [type(each) for each in events] == [InputQuarantined]  # the change is not passed on
    assert fed.state() is BookState.GAPPED
    assert problem(fed) == "top_disagrees"
    [request] = fed.parser.take_requests()
    assert (request.conn, request.market, request.token) == (CONN, MARKET, YES)
    assert fed.parser.take_requests() == ()
    fed.feed(price_change(change("0.11", "5", "BUY", ("0.45", "0.47")), at=2))
    assert fed.parser.counts["change_before_book"] == 1
    fed.feed(book(BIDS, ASKS, 3))
    assert fed.state() is LIVE


def test_a_gap_in_one_market_leaves_the_others_alone() -> None:
    fed = opened(book(BIDS, ASKS, market=OTHER, token=OTHER_YES))
    fed.feed(price_change(change("0.10", "5", "BUY", ("0.45", "0.47")), at=1))
    assert fed.state() is BookState.GAPPED
    assert fed.state(OTHER) is LIVE


def test_a_wrong_hash_is_a_gap() -> None:
    fed = opened()
    fed.feed(book(BIDS, ASKS, 1) | {"hash": "0" * 40})
    assert fed.state() is BookState.GAPPED
    assert problem(fed) == "hash_disagrees"
    fed.parser.take_requests()
    fed.feed(book(BIDS, ASKS, 2) | {"hash": "0" * 40})
    assert len(fed.parser.take_requests()) == 1, "a refused book is asked for again"


def test_a_book_without_what_the_hash_covers_is_taken_and_counted() -> None:
    fed = Fed()
    fed.feed(book(BIDS, ASKS, hashed=False))
    assert fed.state() is LIVE
    assert fed.parser.counts["hash_not_checked"] == 1


def test_hashes_can_be_left_unchecked() -> None:
    fed = Fed(check_hashes=False)
    fed.feed(book(BIDS, ASKS) | {"hash": "0" * 40})
    assert fed.state() is LIVE


def test_the_hash_of_a_book_by_hand() -> None:
    """The value that py-clob-client-v2 1.2.1 computes for this book."""
    made = ClobBook(
        "0xaabbcc", "100", "123456789", [BookLevel("0.3", "100"), BookLevel("0.4", "100")],
        [BookLevel("0.6", "100"), BookLevel("0.7", "100")], "", "5", "0.01", False, "0.5",
    )  # fmt: skip
    assert book_hash(made) == BY_CLIENT


BY_CLIENT = "8bc325ee05bbed26dc8d4c42339e02263246153d"


@pytest.mark.parametrize(
    ("late", "reason"),
    [
        (price_change(change("0.44", "1", "BUY", ("0.44", "0.47")), at=4), "time_went_back"),
        (book(BIDS, ASKS, 4), "time_went_back"),
        (price_change(at=6), "empty"),
        (price_change(change("0.44", "-1", "BUY", None), at=6), "bad_size"),
        (price_change(change("1", "1", "BUY", None), at=6), "price_out_of_range"),
        (price_change(change("0.00005", "1", "BUY", None), at=6), "bad_number"),
        (price_change(change("0.44", "1", "buy", None), at=6), "bad_side"),
        (price_change(change("0.44", "1", "BUY", None, token=STRANGER), at=6), "unknown_token"),
        (TIMELESS, "time_out_of_range"),
        (book([("0.5", "1")], [("0.5", "1")], 6), "crossed_book"),
        (book([("0.5", "1"), ("0.50", "1")], [], 6), "duplicate_level"),
        (book([("0.5", "0")], [], 6), "bad_size"),
        ({"event_type": "price_change", "market": MARKET, "price": "0.5"}, "bad_frame"),
        ({"event_type": "book", "market": MARKET}, "bad_frame"),
        ({"event_type": "trades", "market": MARKET, "size": "4"}, "bad_frame"),
        ({"market": MARKET, "bids": []}, "bad_frame"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_quarantined_and_the_market_doubted(late: Frame, reason: str) -> None:
    fed = opened(
        price_change(change("0.44", "1", "BUY", ("0.44", "0.47")), at=5),
        book(BIDS, ASKS, market=OTHER, token=OTHER_YES),
    )
    fed.feed(late)
    assert problem(fed) == reason
    assert fed.state() is BookState.GAPPED
    assert fed.state(OTHER) is LIVE
    assert [each.market for each in fed.parser.take_requests()] == [MARKET]


@pytest.mark.parametrize("frame", [b"{", b"", b"\xff\xfe", b'{"event_type":"book"}', b"[1]", b"7"])
def test_a_message_that_names_no_market_puts_all_of_the_connection_in_doubt(frame: bytes) -> None:
    fed = opened(book(BIDS, ASKS, market=OTHER, token=OTHER_YES))
    fed.feed(frame)
    assert fed.state() is BookState.GAPPED
    assert fed.state(OTHER) is BookState.GAPPED
    assert len(fed.parser.take_requests()) == 2


def test_the_good_elements_of_an_array_count() -> None:
    fed = opened()
    fed.feed([{"event_type": "book", "market": OTHER}, book([("0.2", "1")], [], 2)])
    assert fed.shown() == ({2000: 1_000_000}, {})
    assert len(fed.quarantined) == 1


@pytest.mark.parametrize(
    "frame",
    [
        {"event_type": "new_market", "market": "0x9", "question": "?", "assets_ids": ["1", "2"]},
        {"event_type": "comment", "market": MARKET, "text": "hello"},
        {"event_type": "last_trade_price", "market": MARKET, "price": "0.5"},
        {"event_type": "tick_size_change", "market": MARKET},
        {"event_type": "best_bid_ask", "market": MARKET, "best_bid": 0.4},
    ],
)
def test_what_changes_no_book_puts_no_book_in_doubt(frame: Frame) -> None:
    fed = opened()
    fed.feed(frame)
    assert fed.state() is LIVE
    assert fed.parser.take_requests() == ()


def test_markets_nobody_listed_are_left_out_and_counted() -> None:
    fed = opened(book(BIDS, ASKS, market="0x9", token=STRANGER))
    fed.feed(price_change(change("0.5", "1", "BUY", None, token=STRANGER), market="0x9"))
    assert fed.parser.counts["unlisted"] == 2
    assert fed.state() is LIVE
    assert "0x9" not in fed.books.markets


def test_the_no_token_is_compared_but_never_applied() -> None:
    fed = opened()
    fed.feed(
        price_change(change("0.56", "1", "SELL", ("0.53", "0.56"), token=NO), at=1),
        price_change(change("0.50", "1", "SELL", ("0.50", "0.51"), token=NO), at=2),
        book([("0.1", "1")], [("0.9", "1")], 3, token=NO),
    )
    assert fed.parser.counts["no_token_change"] == 2
    assert fed.parser.counts["no_token_disagrees"] == 1
    assert fed.parser.counts["no_token_book"] == 1
    assert fed.shown()[0] == {4400: 13_500_000, 4000: 100_000_000}


def test_a_stated_top_may_come_before_its_change_but_not_twice() -> None:
    def best(bid: str, ask: str, token: str = YES) -> Frame:
        return {
            "event_type": "best_bid_ask", "market": MARKET, "asset_id": token, "best_bid": bid,
            "best_ask": ask, "spread": "0.1", "timestamp": str(T0 + 5),
        }  # fmt: skip

    fed = opened()
    fed.feed(best("0.44", "0.47"), best("0.53", "0.56", NO), best("0.45", "0.47"))
    assert fed.state() is LIVE
    fed.feed(price_change(change("0.45", "1", "BUY", None), at=6), best("0.45", "0.47"))
    assert fed.state() is LIVE
    fed.feed(best("0.46", "0.47"), best("0.46", "0.47"))
    assert fed.state() is BookState.GAPPED


def test_a_new_tick_is_a_new_grid_and_keeps_the_book() -> None:
    fed = opened()
    events = fed.feed(
        {
            "event_type": "tick_size_change", "market": MARKET, "asset_id": YES,
            "old_tick_size": "0.01", "new_tick_size": "0.001", "timestamp": str(T0),
        }
    )  # fmt: skip
    assert events[0] == MarketDefined(fed.ns, MARKET, None, None, None, None, ((0, 10_000, 10),))
    assert fed.state() is LIVE
    fed.feed(price_change(change("0.441", "3", "BUY", ("0.441", "0.47")), at=1))
    assert fed.shown()[0][4410] == 3_000_000


@pytest.mark.parametrize(
    ("token", "side", "price", "taker", "yes_price"),
    [
        (YES, "BUY", "0.47", Outcome.YES, 4700),
        (YES, "SELL", "0.44", Outcome.NO, 4400),
        (NO, "BUY", "0.56", Outcome.NO, 4400),
        (NO, "SELL", "0.53", Outcome.YES, 4700),
    ],
)
def test_a_trade_names_what_the_aggressor_bought(
    token: str, side: str, price: str, taker: Outcome, yes_price: int
) -> None:
    trade: dict[str, Any] = {
        "event_type": "last_trade_price", "market": MARKET, "asset_id": token, "price": price,
        "side": side, "size": "2.5", "fee_rate_bps": "0", "timestamp": str(T0 + 9),
    }  # fmt: skip
    events = opened().feed(trade)
    [made] = [each for each in events if isinstance(each, VenueTrade)]
    assert (made.yes_price, made.quantity, made.taker) == (yes_price, 2_500_000, taker)
    assert made.venue_ns == (T0 + 9) * 1_000_000


def test_the_winning_token_decides() -> None:
    frame = {
        "event_type": "market_resolved", "id": "1", "market": MARKET, "assets_ids": [YES, NO],
        "winning_asset_id": NO, "winning_outcome": "No", "timestamp": str(T0),
    }  # fmt: skip
    fed = opened()
    assert fed.feed(frame) == [MarketDetermined(fed.ns, MARKET, Outcome.NO, "market_resolved")]
    fed = opened()
    fed.feed(frame | {"winning_asset_id": "77"})
    assert problem(fed) == "unknown_token"
    assert not any(isinstance(each, MarketDetermined) for each in fed.events)


def test_a_reconnect_forgets_every_book() -> None:
    fed = opened()
    fed.reconnect()
    assert fed.state() is BookState.RESYNCING
    fed.feed(price_change(change("0.44", "1", "BUY", ("0.44", "0.47")), at=1))
    assert fed.state() is BookState.RESYNCING
    fed.feed(book(BIDS, ASKS))
    assert fed.state() is LIVE


def test_a_journal_of_its_own_listings_replays() -> None:
    parser = MarketParser()
    parser.parse(1, CONN, listing_frame(listing(tick=10)))
    events = parser.parse(2, CONN, encoded(book(BIDS, ASKS)))
    assert isinstance(events[-1], BookSnapshot)


def test_a_market_can_be_dropped() -> None:
    fed = opened()
    fed.parser.unlist_market(MARKET)
    fed.feed(price_change(change("0.44", "1", "BUY", None), at=1))
    assert fed.parser.counts["unlisted"] == 1


def test_connections_and_markets_are_bounded() -> None:
    parser = MarketParser()
    for number in range(CONNECTIONS_MAX):
        parser.opened(0, str(number))
    with pytest.raises(Malformed, match="too_many_connections"):
        parser.opened(0, "one more")
    for number in range(LISTINGS_MAX):
        parser.list_market(listing(f"0x{number:x}", str(2 * number + 1), str(2 * number + 2)))
    with pytest.raises(Malformed, match="too_many_markets"):
        parser.list_market(listing("0xffffffff", "0", "00"))


def test_words_of_the_venue_are_no_damage() -> None:
    fed = opened()
    fed.feed(b"PONG", b"INVALID OPERATION")
    assert fed.state() is LIVE
    assert fed.parser.counts["words"] == 2


@pytest.mark.parametrize(
    "name",
    [
        "ws_market_book_msg", "ws_market_price_change_msg", "ws_market_last_trade_msg",
        "ws_market_best_bid_ask_msg", "ws_market_tick_size_msg", "ws_market_new_market_msg",
        "ws_market_resolved_msg",
    ],
)  # fmt: skip
def test_recorded_samples_are_read(name: str) -> None:
    frame = json.loads(shared(f"samples/nautilus_polymarket/{name}.json").read_bytes())
    tokens = frame.get("assets_ids") or [frame.get("asset_id") or _first_asset(frame), "2"]
    fed = Fed(listing(frame["market"], *tokens))
    fed.feed(frame)
    assert fed.quarantined == []
    assert fed.parser.counts[frame["event_type"]] == 1


def _first_asset(frame: Frame) -> str:
    return str(frame["price_changes"][0]["asset_id"])


def test_the_recorded_large_book_is_read_level_by_level() -> None:
    frame = json.loads(shared("samples/nautilus_polymarket_py/book.json").read_bytes())
    fed = Fed()
    fed.feed(listing_frame(listing(frame["market"], frame["asset_id"], "2", tick=10)), frame)
    yes, no = fed.shown(frame["market"])
    assert len(yes) == len(frame["bids"]) == 76
    assert len(no) == len(frame["asks"]) == 86
    assert no[10] == 10_500_100_000_000
