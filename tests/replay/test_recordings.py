"""Real recordings: nothing quarantined, no gap, and books equal to an independent builder's."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from hotpath.feeds.capture_files import Damage, read_chunks
from kairos.domain.book import BookState
from kairos.domain.instruments import NO_LEG, YES_LEG
from tests.support.engine import Replay
from tests.support.naive_book import NaiveBooks
from tests.support.repository import SHARED, shared

DATA = SHARED / "market-data"
L2 = sorted(path.name for path in (DATA / "btc").glob("kxbtc15m_l2_*.jsonl.gz"))
TOP5 = sorted(path.name for path in (DATA / "btc").glob("kxbtc15m_ticker_top5_*.jsonl.gz"))
INDEX = sorted(path.name for path in (DATA / "btc_spot").glob("brti_1hz_*.jsonl.gz"))
ABSENT = ["(absent)"]


def replayed(path: Path, *books: NaiveBooks) -> Replay:
    replay, damages = Replay(), list[Damage]()
    for chunk in read_chunks(path, damages.append):
        replay.session.feed(chunk)
        for line in chunk.lines:
            for each in books:
                each.take(line)
    replay.session.finish()
    assert damages == []
    return replay


@pytest.mark.parametrize("name", L2 or ABSENT)
def test_books_of_a_recording_are_those_of_an_independent_builder(name: str) -> None:
    path = shared(f"market-data/btc/{name}")
    naive = NaiveBooks(last_known=True)
    replay = replayed(path, naive)
    assert replay.quarantined == {}
    assert sum(replay.engine.books.gaps.values()) == 0
    assert replay.engine.markets.keys() == naive.books.keys()
    for market, book in naive.books.items():
        ours = replay.book(market)
        assert book is not None
        assert (ours.yes_bid, ours.yes_ask) == (book.best("yes"), book.yes_ask)
        assert ours.bids(YES_LEG) == book.levels("yes")
        assert ours.bids(NO_LEG) == book.levels("no")
    check_connections(replay)


def check_connections(replay: Replay) -> None:
    """The recorder connected anew for every market: the last is live, the others are not."""
    states = [market.book.state for market in replay.engine.markets.values()]
    assert states == [BookState.RESYNCING] * (len(states) - 1) + [BookState.LIVE]
    assert replay.session.clock_jumps == 0
    (epochs,) = replay.engine.books.epochs.values()
    assert epochs == len(states)


@pytest.mark.parametrize("name", TOP5 or ABSENT)
def test_recordings_of_quotes_are_read_but_for_snapshots_without_a_sid(name: str) -> None:
    """Whoever made them dropped the sid; a sequence of no subscription cannot be followed."""
    replay = replayed(shared(f"market-data/btc/{name}"))
    assert replay.quarantined.keys() == {"missing_field"}
    samples = replay.session.quarantine.samples["missing_field"]
    assert {sample.field for sample in samples} == {"sid"}
    counts = replay.decoder.counts
    assert replay.quarantined["missing_field"] == counts["kalshi_ws", "quarantined"]
    assert counts["kalshi_ws", "ticker"] > 100
    assert counts["recorder", "book_top5"] > 100


@pytest.mark.parametrize("name", INDEX or ABSENT)
def test_recordings_of_the_index_are_read_whole(name: str) -> None:
    replay = replayed(shared(f"market-data/btc_spot/{name}"))
    assert replay.quarantined == {}


def test_verbatim_frames_of_many_markets_on_one_sid_are_read_whole() -> None:
    path = shared("market-data/btc/kalshi_ws_verbatim_frames_kxbtc_20260418.jsonl.gz")
    naive = NaiveBooks()
    replay = replayed(path, naive)
    assert replay.quarantined == {}
    live = {m: x for m, x in replay.engine.markets.items() if x.book.state is BookState.LIVE}
    assert len(live) == 8
    for name, market in live.items():
        book = naive.books[name]
        assert book is not None
        assert market.book.bids(YES_LEG) == book.levels("yes")
        assert market.book.bids(NO_LEG) == book.levels("no")


def first_lines(path: Path, count: int) -> Iterator[bytes]:
    with gzip.open(path) as stream:
        for _, line in zip(range(count), stream, strict=False):
            yield line.rstrip(b"\n")


def test_a_tape_of_trades_is_read_whole() -> None:
    path = shared("market-data/btc/kxbtc15m_trades_20260427T1830-20260428T0700Z.jsonl.gz")
    replay = Replay().feed(*first_lines(path, 20_000))
    assert replay.quarantined == {}
    assert replay.session.messages == 20_000


@pytest.mark.parametrize(
    "name",
    [
        "btc/kxbtc_hourly_ladder_2026-07-04_2026-07-08.jsonl.gz",
        "btc/kxeth15m_quotes_spot_ccby_202608.jsonl.gz",
    ],
)
def test_recordings_of_other_feeds_are_counted_line_by_line(name: str) -> None:
    """Nothing here reads them; every line says so, and none makes a book or a price."""
    lines = list(first_lines(shared(f"market-data/{name}"), 500))
    replay = Replay().feed(*lines)
    assert sum(replay.quarantined.values()) == len(lines)
    assert replay.engine.spot.price is None
    assert not any(m.book.state is BookState.LIVE for m in replay.engine.markets.values())
