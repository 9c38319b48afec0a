"""Whether a message costs more when many came before it, or when many markets lie idle.

The same messages are fed to an engine that has just started and to one that has seen everything
else; and to engines with 5,000 further markets that are subscribed and silent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from benchmarks.assembling import CountingSink, feed, session_work
from benchmarks.rows import Goal, Row, growth_row
from benchmarks.timing import Timed, Work, measure
from benchmarks.workload import Slices, load, sliced
from hotpath.assembly import RunSettings, assemble
from hotpath.feeds.capture_files import line_time
from kairos.messages.events import (
    BookSnapshot,
    ChannelSubscribed,
    ConnectionOpened,
    Event,
    MarketDefined,
)

IDLE_MARKETS: Final = 5_000
IDLE_SLICES: Final = 1
AFTER: Final = Goal("≤", 1.10)
_CONTRACT: Final = 1_000_000
_DAY_NS: Final = 24 * 3600 * 1_000_000_000
_LEVELS: Final = ((200, 25 * _CONTRACT), (100, 100 * _CONTRACT))  # nobody quotes them in earnest


def run(*, quick: bool) -> list[Row]:
    workload = load(quick=quick)
    rows = []
    if len(workload.sessions) > 1:
        before = [line for session in workload.sessions[:-1] for line in session]
        rows.append(_seen(sliced(before), sliced(workload.sessions[-1]), len(before)))
    return [*rows, *_idle(workload.slices()[:IDLE_SLICES])]


def _seen(before: Slices, last: Slices, count: int) -> Row:
    def seasoned() -> Work:
        session = assemble(RunSettings(), CountingSink(), {}).session
        for chunks in before:
            feed(session, chunks)
        return lambda index: partial(feed, session, last[index])

    subjects = {"fresh": lambda: session_work(last, CountingSink()), "seasoned": seasoned}
    timed = measure(subjects, len(last))
    per_message = _micros(timed, last)
    return growth_row(
        f"a message after {count:,} others", per_message["seasoned"], "us",
        "the same message in a fresh engine", per_message["fresh"], AFTER,
    )  # fmt: skip


def _idle(slices: Slices) -> list[Row]:
    """Idle markets that the strategy knows nothing of, and ones that it must keep an eye on."""
    start_ns = next(
        time for chunk in slices[0] for line in chunk.lines if (time := line_time(line)) is not None
    )
    subjects: dict[str, Callable[[], Work]] = {
        "none": lambda: session_work(slices, CountingSink()),
        "unknown": lambda: _crowded(slices, start_ns, defined=False),
        "tomorrow": lambda: _crowded(slices, start_ns, defined=True),
    }
    per_message = _micros(measure(subjects, len(slices)), slices)
    none = per_message["none"]
    return [
        growth_row(
            f"a message beside {IDLE_MARKETS:,} idle markets", per_message["unknown"], "us",
            "without them", none, AFTER,
        ),
        growth_row(
            "… that are contracts closing in a day", per_message["tomorrow"], "us",
            "without them", none, AFTER,
        ),
    ]  # fmt: skip


def _micros(timed: dict[str, Timed], slices: Slices) -> dict[str, float]:
    messages = sum(len(chunk.lines) for chunks in slices for chunk in chunks)
    return {name: each.cpu / messages * 1e6 for name, each in timed.items()}


def _crowded(slices: Slices, start_ns: int, *, defined: bool) -> Work:
    run = assemble(RunSettings(), CountingSink(), {})
    for event in idle_markets(start_ns, defined=defined):
        run.engine.handle(event)
    return lambda index: partial(feed, run.session, slices[index])


def idle_markets(start_ns: int, *, defined: bool) -> Iterator[Event]:
    """A connection with a subscription to markets of which nothing is heard after the snapshot."""
    conn, sid = "idle", 1
    yield ConnectionOpened(start_ns, conn)
    yield ChannelSubscribed(start_ns, conn, sid, "orderbook_delta")
    for number in range(IDLE_MARKETS):
        market = f"KXBTCD-IDLE-T{number}"
        if defined:
            strike, close_ns = str(70_000 + 10 * number), start_ns + _DAY_NS
            yield MarketDefined(start_ns, market, "greater", strike, None, close_ns, None)
        yield BookSnapshot(start_ns, conn, sid, number + 1, market, _LEVELS, _LEVELS, None)
