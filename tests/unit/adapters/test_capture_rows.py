"""Rows of other people's recorders: books where the sizes are there, doubt where they are not."""

from __future__ import annotations

import json

import pytest

from kairos.bootstrap import LineDecoder
from kairos.domain.book import BookState
from kairos.domain.instruments import NO_LEG, YES_LEG
from kairos.messages.events import IndexValue
from tests.support import tape
from tests.support.engine import Replay


def row(source: str, kind: str, at_ms: int = 0, **fields: object) -> bytes:
    body = {"recv_ns": tape.START_NS + at_ms * tape.MS, "src": source, "type": kind}
    return json.dumps(body | fields).encode()


def tob(market: str, bid: str | None, ask: str | None) -> bytes:
    bid_size, ask_size = ("5.0" if price else None for price in (bid, ask))
    return row(
        "polymarket_us_ws", "tob", market=market, bid=bid, bid_sz=bid_size, ask=ask, ask_sz=ask_size
    )


def levels(replay: Replay, market: str) -> tuple[object, object]:
    book = replay.book(market)
    return book.bids(YES_LEG), book.bids(NO_LEG)


def test_a_top_of_book_with_sizes_is_a_book_of_one_level() -> None:
    replay = Replay().feed(tob("aec-a", "0.429", "0.433"))
    assert levels(replay, "aec-a") == ([(4_290, 5_000_000)], [(5_670, 5_000_000)])
    assert replay.book("aec-a").state is BookState.LIVE


def test_the_inverse_of_a_market_is_the_same_book_seen_from_the_other_outcome() -> None:
    replay = Replay().feed(tob("aec-a", "0.429", "0.433"), tob("aec-a-inverse", "0.567", "0.571"))
    assert levels(replay, "aec-a") == ([(4_290, 5_000_000)], [(5_670, 5_000_000)])
    assert list(replay.engine.markets) == ["aec-a"]


def test_an_empty_side_has_no_level() -> None:
    replay = Replay().feed(tob("aec-a", None, "0.020"))
    assert levels(replay, "aec-a") == ([], [(9_800, 5_000_000)])


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"bid": "cheap"}, "bad_number"),
        ({"bid_sz": None}, "missing_field"),
        ({"bid_sz": "-1"}, "bad_size"),
        ({"bid": "1.0"}, "price_out_of_range"),
        ({"bid": 0.4}, "wrong_type"),
    ],
)
def test_a_row_that_cannot_be_used_doubts_its_book(fields: dict[str, object], reason: str) -> None:
    replay = Replay().feed(tob("aec-a", "0.4", "0.5"), tob("aec-b", "0.4", "0.5"))
    broken = json.loads(tob("aec-a", "0.4", "0.5")) | fields
    replay.feed(json.dumps(broken).encode())
    assert replay.quarantined == {reason: 1}
    assert replay.book("aec-a").state is BookState.GAPPED
    assert replay.book("aec-b").state is BookState.LIVE


def level(
    kind: str, price: str, side: str, size: str, top: tuple[str, str], src: str = "kalshi_ws"
) -> bytes:
    return row(
        src, kind, market="M", price=price, side=side, size=size, best_bid=top[0], best_ask=top[1]
    )


def test_a_level_beside_the_best_prices_makes_a_book_once_both_sizes_are_known() -> None:
    replay = Replay()
    replay.feed(level("book", "0.40", "BUY", "7", ("0.40", "0.42")))
    assert replay.quarantined == {"incomplete_row": 1}
    replay.feed(level("book", "0.42", "SELL", "9", ("0.40", "0.42")))
    assert levels(replay, "kalshi_ws/M") == ([(4_000, 7_000_000)], [(5_800, 9_000_000)])


def test_kalshi_rows_tell_changes_and_polymarket_rows_tell_what_rests() -> None:
    for source, rests in (("kalshi_ws", 9_000_000), ("polymarket_clob_ws", 2_000_000)):
        replay = Replay().feed(
            level("book", "0.40", "BUY", "7", ("0.40", "0.42"), source),
            level("book", "0.42", "SELL", "9", ("0.40", "0.42"), source),
            level("price_change", "0.40", "BUY", "2", ("0.40", "0.42"), source),
        )
        assert levels(replay, f"{source}/M")[0] == [(4_000, rests)]


def test_a_best_price_whose_size_was_never_told_puts_the_book_in_doubt() -> None:
    replay = Replay().feed(
        level("book", "0.40", "BUY", "7", ("0.40", "0.42")),
        level("book", "0.42", "SELL", "9", ("0.40", "0.42")),
        level("price_change", "0.41", "BUY", "3", ("0.41", "0.42")),
    )
    assert replay.book("kalshi_ws/M").state is BookState.GAPPED
    replay.feed(level("price_change", "0.42", "SELL", "1", ("0.40", "0.42")))
    assert replay.book("kalshi_ws/M").state is BookState.LIVE


def test_a_price_that_was_computed_in_floats_is_the_price_it_was() -> None:
    replay = Replay().feed(
        level("book", "0.16000000000000003", "SELL", "7", ("0.15", "0.16")),
        level("book", "0.15", "BUY", "7", ("0.15", "0.16")),
    )
    assert levels(replay, "kalshi_ws/M") == ([(1_500, 7_000_000)], [(8_400, 7_000_000)])
    replay.feed(level("price_change", "0.1600100000000000", "SELL", "1", ("0.15", "0.16")))
    assert replay.quarantined["bad_number"] == 1


def test_a_row_whose_time_is_missing_counts_as_received_with_the_one_before() -> None:
    first = level("book", "0.40", "BUY", "7", ("0.40", "0.42"))
    second = json.loads(level("book", "0.42", "SELL", "9", ("0.40", "0.42")))
    second |= {"recv_ns": None, "venue_ts": None, "venue_ts_missing": True}
    replay = Replay().feed(first, json.dumps(second).encode())
    assert replay.book("kalshi_ws/M").state is BookState.LIVE


def test_five_levels_of_a_token_are_a_book() -> None:
    line = json.dumps(
        {
            "recv_ts_ms": tape.START_NS // tape.MS, "src": "polymarket_clob_ws+chainlink_rtds",
            "type": "top5_snapshot", "condition_id": "0xa0", "chainlink_btc": 67_892.17,
            "up_bids": [[0.28, 5.0], [0.27, 135.04]], "up_asks": [[0.29, 86.0]],
        }
    ).encode()  # fmt: skip
    replay = Replay().feed(line)
    assert levels(replay, "0xa0") == (
        [(2_800, 5_000_000), (2_700, 135_040_000)], [(7_100, 86_000_000)]
    )  # fmt: skip


def test_chainlinks_price_is_an_index_of_its_own_name() -> None:
    line = row(
        "polymarket_rtds_chainlink", "price", symbol="BTC/USD", feed_ts_ms=1_795_013_165_000,
        price="65048.078902260626",
    )  # fmt: skip
    (event,) = LineDecoder().decode(line)  # type: ignore[misc]
    assert isinstance(event, IndexValue)
    assert (event.index, event.value) == ("CHAINLINK BTC/USD", 65_048.078902260626)


@pytest.mark.parametrize(
    "source",
    ["kalshi_rest_candles", "mlb_statsapi", "polymarket_us_rest", "kalshi_rest+polymarket_rest"],
)
def test_polls_and_game_clocks_are_counted_and_passed_over(source: str) -> None:
    decoder = LineDecoder()
    line = json.dumps({"src": source, "type": "tob", "slug": "aec-a", "bid": 0.1}).encode()
    assert decoder.decode(line) == ()
    assert decoder.counts == {(source, "tob"): 1}
