"""The whole engine from raw capture bytes to decisions, against decode + book and a peer.

Decode, sequence and staleness checks, books, volatility, edges and gates of every live market on
every relevant change, paper venue; no journal. The floor starts from the same capture lines. A
second one starts from the venue's frames already taken out of them, for comparison only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from benchmarks import nautilus_peer
from benchmarks.assembling import CountingSink, bare_engine, session_work
from benchmarks.floors import Floor, venue_frame
from benchmarks.rows import Goal, Row, absolute_row, rate_row
from benchmarks.timing import Prepare, Timed, Work, measure, noise
from benchmarks.workload import Slices, Workload, load
from kairos.bootstrap import LineDecoder
from kairos.domain.book import BinaryBook
from kairos.messages.events import BookDelta

FLOOR_SHARE: Final = Goal("≥", 1 / 3)
PEER_RATIO: Final = Goal("≥", 1.5)
RATE: Final = Goal("≥", 350_000, "msgs/s")
_PRICE_PER_TICK: Final = 10


def run(*, quick: bool) -> list[Row]:
    workload = load(quick=quick)
    slices = workload.slices()
    timed = measure(_subjects(slices), len(slices))
    disturbed = absolute_row(
        "noise of the machine", noise(timed), "x", note="mean pass / best pass"
    )
    return [*_rows(timed, workload.messages), agreement(workload), disturbed]


def _subjects(slices: Slices) -> dict[str, Prepare]:
    lines = [[line for chunk in chunks for line in chunk.lines] for chunks in slices]
    frames = [_frames(each) for each in lines]
    subjects: dict[str, Prepare] = {
        "frames": lambda: _floor_work(frames, Floor().frames),
        "lines": lambda: _floor_work(lines, Floor().lines),
        "engine": lambda: session_work(slices, CountingSink()),
    }
    if nautilus_peer.available():
        data, instruments = nautilus_peer.convert(slices)
        subjects["nautilus"] = lambda: nautilus_peer.work(data, instruments)
    return subjects


def _frames(lines: Sequence[bytes]) -> list[bytes]:
    return [frame for line in lines if (frame := venue_frame(line)) is not None]


def _floor_work(slices: Sequence[list[bytes]], take: Callable[[list[bytes]], None]) -> Work:
    return lambda index: partial(take, slices[index])


def _rows(timed: dict[str, Timed], messages: int) -> list[Row]:
    rates = {name: messages / each.cpu for name, each in timed.items()}
    engine = rates["engine"]
    rows = [
        rate_row("full engine", engine, "decode + book, frames already bare", rates["frames"]),
        rate_row(
            "full engine", engine, "decode + book, capture lines", rates["lines"], FLOOR_SHARE
        ),
        absolute_row("full engine", engine, "msgs/s", RATE, "this machine, as it is"),
    ]
    if "nautilus" in rates:
        peer = nautilus_peer.NAME
        rows.append(rate_row("full engine", engine, peer, rates["nautilus"], PEER_RATIO))
    return rows


def agreement(workload: Workload) -> Row:
    """Whether floor and engine keep the same books: a floor that is wrong would be no floor."""
    decoder, engine, floor = LineDecoder(), bare_engine(silent=True), Floor()
    wrong = compared = 0
    for line in workload.lines:
        parsed = decoder.decode(line)
        for event in parsed if isinstance(parsed, tuple) else (parsed,):
            engine.handle(event)
        frame = venue_frame(line)
        if frame is not None:
            floor.frames((frame,))
        if isinstance(parsed, BookDelta):
            compared += 1
            wrong += not _same(floor, parsed.market, engine.markets[parsed.market].book)
    note = f"best bids of both legs after each of {compared:,} deltas"
    return absolute_row("floor and engine disagree", wrong, "times", Goal("≤", 0), note)


def _same(floor: Floor, market: str, book: BinaryBook) -> bool:
    legs = floor.books[market]
    bests = ((legs.best_yes, book.yes_bid), (legs.best_no, book.no_bid))
    return all(tick * _PRICE_PER_TICK == (-10 if bid is None else bid) for tick, bid in bests)
