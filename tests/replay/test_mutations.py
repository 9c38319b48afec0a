"""A tape damaged in one place never makes a wrong book that says it is live.

The oracles share nothing with the product. After the damage a live book must be the true one, of
the tape as it was sent, or the one that a careful reader of the damaged tape gets: a message that
is damaged into another possible message nobody can tell, but a hole in the numbers everybody can
see as soon as the next message of the sid is there; until then the untouched part is all one can
know. Nothing raises, and what cannot be read is counted.
"""

from __future__ import annotations

import gzip
import json
import random
import re
from functools import lru_cache
from pathlib import Path

import pytest

from kairos.domain.book import BookState
from kairos.domain.instruments import NO_LEG, YES_LEG
from local.market_generator import SessionSettings, generate
from tests.support import tape as by_hand
from tests.support.engine import Replay
from tests.support.mutations import KINDS, Piece, whole
from tests.support.naive_book import NaiveBook, NaiveBooks, NumberedBooks
from tests.support.repository import EVENTS, shared

PER_KIND = 60
KALSHI, ANY = "kalshi_ws", "any"
RECEIVED = re.compile(rb'(?<="recv_ns":)[0-9]{19}')
LOOK_AFTER = 8  # lines after the damage at which every book is compared
CI_TAPES = ("by_hand", "samples", "generated_start", "generated_reconnect")
RECORDED = "btc/kxbtc15m_l2_20260513T1541Z.jsonl.gz"


@lru_cache(maxsize=8)
def tape_of(name: str) -> tuple[bytes, ...]:
    match name:
        case "by_hand":
            return _by_hand()
        case "samples":
            return _samples()
        case "generated_start":
            return tuple(_generated()[:60])
        case "generated_reconnect":
            return _around_reconnect(_generated())
        case _:
            path = shared(f"market-data/{RECORDED}")
            return _recorded(path)


def _by_hand() -> tuple[bytes, ...]:
    """Two markets on one sid, a reply between them, a refreshed book, a reconnect."""
    a, b = by_hand.MARKET, by_hand.OTHER
    deltas = [
        (a, "0.4500", "5.00", "yes"), (b, "0.2000", "3.00", "no"), (a, "0.4500", "-5.00", "yes"),
        (a, "0.5300", "-20.00", "no"), (b, "0.2100", "1.25", "no"), (a, "0.0010", "7.00", "yes"),
    ]  # fmt: skip
    frames = [by_hand.subscribed("ticker", 1), by_hand.subscribed()]
    for opening in (1, 2):
        frames.append(by_hand.snapshot(1, [("0.4400", "13.00")], [("0.5300", "20.00")], market=a))
        frames.append(by_hand.ok(2, [a, b]))
        frames.append(by_hand.snapshot(3, None, [("0.1900", "4.00")], market=b))
        for number, (market, price, change, side) in enumerate(deltas, 4):
            frames.append(by_hand.delta(number, price, change, side, market=market))
        frames.append(by_hand.snapshot(10, [("0.0010", "7.00"), ("0.4400", "13.00")], market=a))
        frames.append(by_hand.delta(11, "0.4600", "2.00", market=a))
        if opening == 1:
            frames.append({"type": "reconnect"})
            frames += [by_hand.subscribed("ticker", 1), by_hand.subscribed()]
    lines = [
        by_hand.recorder("ws_connected", at_ms=10 * number)
        if frame["type"] == "reconnect"
        else by_hand.line(frame, 10 * number)
        for number, frame in enumerate(frames)
    ]
    return (by_hand.recorder("ws_connected"), *lines)


def _samples() -> tuple[bytes, ...]:
    """The committed sample messages in a row, renumbered; changes that would not fit left out."""
    folder = EVENTS / "kalshi"
    if not folder.is_dir():
        pytest.skip("needs events/venues/kalshi")
    frames = [
        frame
        for kind in ("orderbook_snapshot", "orderbook_delta")
        for frame in json.loads((folder / f"{kind}.json").read_bytes())
    ]
    naive, kept = NaiveBooks(), [by_hand.subscribed()]
    for frame in frames[:60]:
        numbered = frame | {"sid": by_hand.SID, "seq": len(kept)}
        line = by_hand.line(numbered)
        book = naive.books.get(frame["msg"]["market_ticker"])
        if frame["type"] == "orderbook_delta" and (book is None or _would_sink(book, frame)):
            continue
        naive.take(line)
        kept.append(numbered)
    return tuple(by_hand.line(frame, number) for number, frame in enumerate(kept))


def _would_sink(book: NaiveBook, frame: dict[str, dict[str, str]]) -> bool:
    msg = frame["msg"]
    levels = book.yes if msg["side"] == "yes" else book.no
    price = round(float(msg["price_dollars"]) * 10_000)
    return levels.get(price, 0) + round(float(msg["delta_fp"]) * 100) < 0


@lru_cache(maxsize=1)
def _generated() -> tuple[bytes, ...]:
    settings = SessionSettings(seed=11, minutes=4, deltas_per_second=12.0, matches_per_second=1.0)
    return tuple(generate(settings))


def _around_reconnect(lines: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """The opening up to the last first snapshot, and what surrounds the reconnect."""
    opened = [number for number, line in enumerate(lines) if b'"ws_connected"' in line]
    return _at_a_steady_pace(
        [*lines[opened[0] : opened[0] + 30], *lines[opened[1] : opened[1] + 32]]
    )


def _recorded(path: Path) -> tuple[bytes, ...]:
    with gzip.open(path) as stream:
        lines = [line.rstrip(b"\n") for line in stream]
    opened = [number for number, line in enumerate(lines) if b'"ws_connected"' in line]
    parts = [*lines[opened[0] : opened[0] + 30], *lines[opened[1] - 5 : opened[1] + 22]]
    return _at_a_steady_pace(parts)


def _at_a_steady_pace(lines: list[bytes]) -> tuple[bytes, ...]:
    """Parts of a tape put together, so that no silence lies between them."""
    first = int(RECEIVED.findall(lines[0])[0])
    return tuple(
        RECEIVED.sub(str(first + number * by_hand.MS).encode(), line, count=1)
        for number, line in enumerate(lines)
    )


@lru_cache(maxsize=4_096)
def numbered_by(line: bytes) -> str | None:
    """Which connection and sid a message takes its number from."""
    body = json.loads(line)
    raw = body.get("raw", {})
    return f"{body.get('conn')} {raw['sid']}" if "seq" in raw and body["src"] == KALSHI else None


class Trial:
    """One damaged tape, fed to the product and to the oracles in step."""

    def __init__(self, sent: list[bytes], pieces: list[Piece]) -> None:
        self.replay = Replay()
        self.pieces = pieces
        self.truth, self.reader, self.untouched = NaiveBooks(), NumberedBooks(), NaiveBooks()
        self._damaged: str | None = None  # the sid whose next message will tell, or any line
        self._sent = sent
        self._told = 0
        self._unreadable = False

    def step_by_step(self) -> None:
        since = LOOK_AFTER
        for piece in self.pieces:
            self.replay.feed(piece.line)
            self._tell(piece)
            since = 0 if piece.touched else since + 1
            if since < LOOK_AFTER:
                self.check()
        self.check()

    def at_once(self) -> None:
        self.replay.feed(*(piece.line for piece in self.pieces))
        for piece in self.pieces:
            self._tell(piece)
        self.check()

    def _tell(self, piece: Piece) -> None:
        if piece.origin is not None:
            for line in self._sent[self._told : piece.origin + 1]:
                self.truth.take(line)
            self._told = max(self._told, piece.origin + 1)
        readable = self.reader.take(piece.line)
        if piece.touched:
            at = piece.origin
            self._damaged = None if at is None else numbered_by(self._sent[at]) or ANY
        else:
            self.untouched.take(piece.line)
            if self._damaged in (ANY, numbered_by(piece.line)):
                self._damaged = None
        self._unreadable |= piece.touched and not readable and bool(piece.line.strip())

    def check(self) -> None:
        if self.replay.session.in_doubt:
            return  # a line waits for the next one, and nothing is priced
        for name, market in self.replay.engine.markets.items():
            if market.book.state is not BookState.LIVE:
                continue
            allowed = [self.truth.books.get(name)]
            if self.reader.sure.get(name):
                allowed.append(self.reader.books.get(name))
            if self._damaged is not None:
                allowed.append(self.untouched.books.get(name))
            shown = market.book.bids(YES_LEG), market.book.bids(NO_LEG)
            assert any(
                book is not None and shown == (book.levels("yes"), book.levels("no"))
                for book in allowed
            ), f"{name} is live and wrong"
        if self._unreadable:
            assert self.replay.quarantined, "a message was lost without a count"


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("name", [*CI_TAPES, "recorded"])
def test_damage_never_makes_a_wrong_live_book(name: str, kind: str) -> None:
    lines = list(tape_of(name))
    for number in range(PER_KIND):
        chance = random.Random(f"{name} {kind} {number}")
        at = chance.randrange(len(lines))
        trial = Trial(lines, KINDS[kind](chance, whole(lines), at))
        try:
            trial.step_by_step() if number % 2 else trial.at_once()
        except AssertionError as wrong:
            wrong.add_note(f"{name} {kind} number {number} at line {at}: {lines[at][:200]!r}")
            raise


@pytest.mark.parametrize("name", [*CI_TAPES, "recorded"])
def test_the_undamaged_tape_gives_live_and_equal_books(name: str) -> None:
    lines = list(tape_of(name))
    trial = Trial(lines, whole(lines))
    trial.step_by_step()
    live = [m for m in trial.replay.engine.markets.values() if m.book.state is BookState.LIVE]
    assert live


def test_enough_damage_is_done() -> None:
    assert len(CI_TAPES) * len(KINDS) * PER_KIND >= 5_000
