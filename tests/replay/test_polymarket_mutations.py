"""Polymarket frames damaged in one place never make a wrong book that says it is live.

The venue numbers nothing, so what is lost whole, or damaged into another possible message, nobody
can tell. After the damage a live book must therefore be the true one, of the frames as they were
sent, or the one that a careful reader of the damaged frames gets; that reader shares nothing with
the product. What cannot be read is counted, and nothing raises.
"""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Any

import pytest

from kairos.domain.book import BookState
from kairos.errors import Malformed
from tests.support.mutations import Piece, whole
from tests.support.polymarket import (
    MARKET,
    NO,
    OTHER,
    OTHER_NO,
    OTHER_YES,
    YES,
    Fed,
    Frame,
    book,
    change,
    encoded,
    listing,
    other,
    price_change,
    sha1_of_book,
)
from tests.support.polymarket_mutations import KINDS

PER_KIND = 265
FRAMES = 12
SEEDS = 8
TOKENS = {MARKET: (YES, NO), OTHER: (OTHER_YES, OTHER_NO)}
NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?", re.ASCII)
Sides = dict[str, dict[Decimal, Decimal]]


class Reader:
    """Books by hand: text and Decimal, no mirror of ours. Unsure after what it cannot read."""

    def __init__(self) -> None:
        self.books: dict[str, Sides] = {}
        self.sure: dict[str, bool] = {}

    def take(self, line: bytes) -> bool:
        """Whether the frame could be read from end to end."""
        try:
            raw = json.loads(line)
            for frame in raw if isinstance(raw, list) else [raw]:
                self._frame(frame)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            self.sure = dict.fromkeys(self.sure, False)
            return False
        return True

    def _frame(self, frame: Frame) -> None:
        if frame["event_type"] == "book":
            self._book(frame)
        elif frame["event_type"] == "price_change":
            self._changes(frame)
        elif set(frame) & {"bids", "asks", "price_changes"}:
            raise ValueError("a book under another name")

    def _book(self, frame: Frame) -> None:
        if frame["asset_id"] != TOKENS[frame["market"]][0]:
            raise ValueError("another token")
        sides = {"BUY": self._side(frame["bids"]), "SELL": self._side(frame["asks"])}
        self.books[frame["market"]] = sides
        self.sure[frame["market"]] = True

    def _side(self, levels: list[dict[str, str]]) -> dict[Decimal, Decimal]:
        return {number(level["price"]): number(level["size"]) for level in levels}

    def _changes(self, frame: Frame) -> None:
        market = frame["market"]
        for entry in frame["price_changes"]:
            price, size, side = number(entry["price"]), number(entry["size"]), entry["side"]
            if entry["asset_id"] not in TOKENS[market] or side not in ("BUY", "SELL"):
                raise ValueError("not one of ours")
            if entry["asset_id"] == TOKENS[market][0] and market in self.books:
                levels = self.books[market][side]
                levels.pop(price, None)
                levels |= {price: size} if size else {}

    def shown(self, market: str) -> tuple[dict[int, int], dict[int, int]] | None:
        sides = self.books.get(market)
        if sides is None:
            return None
        yes = {int(p * 10_000): int(s * 1_000_000) for p, s in sides["BUY"].items()}
        no = {10_000 - int(p * 10_000): int(s * 1_000_000) for p, s in sides["SELL"].items()}
        return yes, no


def number(text: Any) -> Decimal:  # noqa: ANN401
    if not isinstance(text, str) or NUMBER.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no number")
    return Decimal(text)


class Venue:
    """Two markets whose books move at random; it says each time what a venue would say."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._at = 0
        self._sides: dict[str, Sides] = {
            market: {
                "BUY": {Decimal(p) / 100: Decimal(self._size()) for p in range(30, 45, 4)},
                "SELL": {Decimal(p) / 100: Decimal(self._size()) for p in range(50, 65, 4)},
            }
            for market in TOKENS
        }

    def frames(self, count: int) -> Iterator[Any]:
        yield [self._book(MARKET), self._book(OTHER)]
        for index in range(1, count):
            self._at += self._chance.randrange(1, 9)
            market = self._chance.choice(list(TOKENS))
            yield self._book(market) if index % 9 == 8 else self._moved(market)

    def _size(self) -> str:
        return f"{self._chance.randrange(1, 40_000) / 100:.2f}"

    def _book(self, market: str) -> Frame:
        sides = self._sides[market]
        bids = [(str(p), str(s)) for p, s in sorted(sides["BUY"].items())]
        asks = [(str(p), str(s)) for p, s in sorted(sides["SELL"].items(), reverse=True)]
        frame = book(bids, asks, self._at, market=market, token=TOKENS[market][0])
        frame["hash"] = sha1_of_book(frame)
        return frame

    def _moved(self, market: str) -> Frame:
        moves = [self._move(market) for _ in range(self._chance.randrange(1, 4))]
        sides, (yes, no) = self._sides[market], TOKENS[market]
        bid, ask = max(sides["BUY"], default=Decimal(0)), min(sides["SELL"], default=Decimal(1))
        entries = []
        for side, price, size in moves:
            mirrored = {"BUY": "SELL", "SELL": "BUY"}[side]
            entries.append(change(str(price), size, side, (str(bid), str(ask)), token=yes))
            entries.append(
                change(str(1 - price), size, mirrored, (str(1 - ask), str(1 - bid)), token=no)
            )
        return price_change(*entries, at=self._at, market=market)

    def _move(self, market: str) -> tuple[str, Decimal, str]:
        side = self._chance.choice(["BUY", "SELL"])
        low, high = (20, 46) if side == "BUY" else (48, 75)
        price = Decimal(self._chance.randrange(low, high)) / 100
        levels = self._sides[market][side]
        if self._chance.random() < 0.3 and len(levels) > 1:
            price = self._chance.choice(sorted(levels))
            del levels[price]
            return side, price, "0"
        levels[price] = Decimal(self._size())
        return side, price, str(levels[price])


@lru_cache(maxsize=16)
def tape(seed: int) -> tuple[bytes, ...]:
    return tuple(encoded(frame) for frame in Venue(seed).frames(FRAMES))


@lru_cache(maxsize=128)
def truth_after(seed: int, count: int) -> Reader:
    """A reader of the first frames as they were sent; never to be changed."""
    reader = Reader() if count == 0 else copy.deepcopy(truth_after(seed, count - 1))
    if count:
        reader.take(tape(seed)[count - 1])
    return reader


def play(seed: int, pieces: list[Piece]) -> Fed:
    """Feed a damaged tape and compare after every frame from the damage on."""
    fed, told = Fed(listing(), other()), 0
    reader: Reader | None = None
    for piece in pieces:
        fed.feed(piece.line)
        if reader is None and (piece.touched or piece.origin != told):
            reader = copy.deepcopy(truth_after(seed, told))
        if piece.origin is not None:
            told = max(told, piece.origin + 1)
        if reader is not None:
            readable = reader.take(piece.line)
            if piece.touched and not readable:
                assert was_counted(fed), "damage was not counted"
            check(fed, truth_after(seed, told), reader)
    return fed


def was_counted(fed: Fed) -> bool:
    """Quarantined, or left out for a reason that is counted."""
    counts = fed.parser.counts
    left_out = ("words", "unlisted", "no_token_book", "change_before_book")
    return bool(fed.quarantined) or any(counts[name] for name in left_out)


def check(fed: Fed, truth: Reader, reader: Reader) -> None:
    for market in TOKENS:
        if fed.state(market) is BookState.LIVE:
            allowed = [truth.shown(market)]
            if reader.sure.get(market):
                allowed.append(reader.shown(market))
            assert fed.shown(market) in allowed, f"{market[:6]} is live and wrong"


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_damage_never_makes_a_wrong_live_book(kind: str) -> None:
    for index in range(PER_KIND):
        chance = random.Random(f"{kind} {index}")
        seed = index % SEEDS
        lines = list(tape(seed))
        at = chance.randrange(len(lines))
        pieces = KINDS[kind](chance, whole(lines), at)
        try:
            play(seed, pieces)
        except AssertionError as wrong:
            wrong.add_note(f"{kind} number {index} at frame {at}")
            raise


@pytest.mark.parametrize("seed", range(SEEDS))
def test_the_undamaged_tape_gives_live_and_equal_books(seed: int) -> None:
    lines = list(tape(seed))
    fed = play(seed, whole(lines))
    assert [fed.state(market) for market in TOKENS] == [BookState.LIVE] * 2
    assert fed.quarantined == []
    assert fed.parser.counts["no_token_disagrees"] == 0
    truth = Reader()
    for line in lines:
        assert truth.take(line)
    assert [fed.shown(market) for market in TOKENS] == [truth.shown(m) for m in TOKENS]


def test_a_book_in_doubt_is_good_again_after_a_whole_book() -> None:
    lines = list(tape(0))
    fed = Fed(listing(), other())
    fed.feed(lines[0], b"{damaged")
    wanted = {each.market for each in fed.parser.take_requests()}
    assert wanted == set(TOKENS)
    fed.feed(lines[0])
    assert [fed.state(market) for market in TOKENS] == [BookState.LIVE] * 2


def test_enough_damage_is_done() -> None:
    assert len(KINDS) * PER_KIND >= 5_000


def test_nothing_that_bytes_can_be_raises() -> None:
    chance = random.Random(5)
    fed = Fed(listing(), other())
    for _ in range(500):
        try:
            fed.feed(chance.randbytes(chance.randrange(60)))
        except Malformed as problem:
            pytest.fail(f"raised {problem}")
    assert fed.quarantined
