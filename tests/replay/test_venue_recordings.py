"""Recordings of Polymarket and of several venues: books as recorded, every refusal explained."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from hotpath.feeds.capture_files import Damage, read_chunks
from kairos.domain.book import BookState
from kairos.domain.instruments import NO_LEG, YES_LEG
from tests.support.cli import kairos
from tests.support.engine import Replay
from tests.support.repository import shared

RAW = "market-data/polymarket/poly_market_channel_raw_20250528.jsonl.gz"
TOPS = [f"market-data/crossvenue/xv_nba_{day}_tob.jsonl.gz" for day in ("20260221", "20260227")]
ROWS = [
    f"market-data/crossvenue/xv_nbamvp_{name}.jsonl.gz"
    for name in ("20260103T20", "20260104T15-17")
]
PASSED = [
    "market-data/crossvenue/xv_mlb_20260710_pitch_kalshi_polyus.jsonl.gz",
    "market-data/crossvenue/xv_nearmatch_traps_btc_2026-07-01.jsonl.gz",
    "market-data/crossvenue/xv_polymarket_macro_pairs_2026-07-06_2026-07-10.jsonl.gz",
    "market-data/crossvenue/xv_polymarket_pairs_2026-07-05_2026-07-08.jsonl.gz",
]
FIVE = "market-data/polymarket/poly_btc15m_top5_1771633800-1771636500.jsonl.gz"


def replayed(path: Path) -> Replay:
    replay, damages = Replay(), list[Damage]()
    for chunk in read_chunks(path, damages.append):
        replay.session.feed(chunk)
    replay.session.finish()
    assert damages == []
    return replay


def rows(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path) as lines:
        return [json.loads(line) for line in lines]


def price(text: object) -> int:
    return round(Decimal(str(text)) * 10_000)


class Tokens:
    """Frames of 2025 with Decimals and a dictionary; a token is unsure after time went back."""

    def __init__(self) -> None:
        self.sides: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)
        self.times: dict[str, int] = {}

    def take(self, frame: dict[str, Any]) -> None:
        token, time = frame["asset_id"], int(frame.get("timestamp", 0))
        if frame["event_type"] == "last_trade_price":
            return
        if token in self.sides and time < self.times[token]:
            del self.sides[token]
        elif frame["event_type"] == "book":
            self.times[token] = time
            self.sides[token] = {
                side: {level["price"]: level["size"] for level in frame[side]}
                for side in ("bids", "asks")
            }
        elif token in self.sides:
            self.times[token] = time
            for change in frame["changes"]:
                side = self.sides[token]["bids" if change["side"] == "BUY" else "asks"]
                side.pop(change["price"], None)
                if Decimal(change["size"]):
                    side[change["price"]] = change["size"]


def test_raw_frames_of_2025_make_the_books_of_an_independent_reader() -> None:
    path = shared(RAW)
    replay, tokens = replayed(path), Tokens()
    for line in rows(path):
        for frame in line["raw"] if isinstance(line.get("raw"), list) else []:
            tokens.take(frame)
    live = {
        market for market, state in replay.engine.markets.items()
        if state.book.state in (BookState.LIVE, BookState.STALE)
    }  # fmt: skip
    assert live == set(tokens.sides)
    assert live
    for token in live:
        book, sides = replay.book(token), tokens.sides[token]
        assert {p for p, _ in book.bids(YES_LEG)} == {price(p) for p in sides["bids"]}
        assert {p for p, _ in book.bids(NO_LEG)} == {10_000 - price(p) for p in sides["asks"]}
    assert set(replay.quarantined) == {"time_went_back"}
    assert replay.quarantined["time_went_back"] == 26


@pytest.mark.parametrize("name", TOPS)
def test_tops_of_two_venues_are_books_of_one_level(name: str) -> None:
    path = shared(name)
    replay, last = replayed(path), dict[str, dict[str, Any]]()
    for row in rows(path):
        if not row["market"].endswith("-inverse"):
            last[row["market"]] = row
    assert replay.quarantined == {}
    for market, row in last.items():
        book = replay.book(market)
        empty = 0, 10_000
        stated = tuple(
            price(row[side]) if row[side] else none
            for side, none in zip(("bid", "ask"), empty, strict=True)
        )
        assert (book.yes_bid or 0, book.yes_ask or 10_000) == stated


@pytest.mark.parametrize("name", ROWS)
def test_rows_with_one_level_make_books_where_the_sizes_are_known(name: str) -> None:
    path = shared(name)
    replay = replayed(path)
    assert set(replay.quarantined) == {"incomplete_row"}
    assert sum(replay.decoder.counts.values()) == len(rows(path))
    last = {(row["src"], row["market"]): row for row in rows(path) if row["best_bid"]}
    live = 0
    for (source, market), row in last.items():
        book = replay.book(f"{source}/{market}")
        if book.state is BookState.LIVE:
            live += 1
            assert (book.yes_bid, book.yes_ask) == (price(row["best_bid"]), price(row["best_ask"]))
    assert live >= len(last) // 2


def test_five_levels_of_a_token_are_the_books_that_were_recorded() -> None:
    path = shared(FIVE)
    replay = replayed(path)
    assert replay.quarantined == {}
    last = {row["condition_id"]: row for row in rows(path)}
    for market, row in last.items():
        yes = sorted((price(p), int(Decimal(str(q)) * 1_000_000)) for p, q in row["up_bids"])
        assert sorted(replay.book(market).bids(YES_LEG)) == yes


@pytest.mark.parametrize("name", PASSED)
def test_polls_without_books_are_counted_and_nothing_else(name: str) -> None:
    path = shared(name)
    replay = replayed(path)
    assert replay.quarantined == {}
    assert replay.engine.markets == {}
    assert sum(replay.decoder.counts.values()) == len(rows(path))


def test_the_command_replays_a_recording_of_two_venues(tmp_path: Path) -> None:
    done = kairos(
        "replay", shared(TOPS[0]), "--json", "--out", tmp_path, "--fills", "optimistic"
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["messages"] == 5_888
    assert summary["quarantined"] == {}
    assert {book["state"] for book in summary["books"].values()} <= {"live", "stale"}
