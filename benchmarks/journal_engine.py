"""What the journal takes from the engine: every input line appended, orders held until flushed."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, Self

from benchmarks import journal_append
from benchmarks.assembling import CountingSink, session_work
from benchmarks.rows import Goal, Row, absolute_row, rate_row, speedup_row
from benchmarks.timing import Prepare, measure
from benchmarks.workload import load, sliced
from hotpath.journal import Journal, JournalSettings

SESSIONS: Final = 6  # half a gigabyte of journal would only test the disk
KEPT: Final = Goal("≥", 0.8)


def run(*, quick: bool) -> list[Row]:
    """The goal is judged on processor time of all threads; wall time needs an idle machine."""
    slices = sliced([line for each in load(quick=quick).sessions[:SESSIONS] for line in each])
    messages = sum(len(chunk.lines) for chunks in slices for chunk in chunks)
    with _Journals() as journals:
        subjects: dict[str, Prepare] = {
            "without": lambda: session_work(slices, CountingSink()),
            "with": lambda: session_work(slices, CountingSink(), journals.fresh()),
        }
        cpu = measure(subjects, len(slices))
        with _all_cpus():
            wall = measure(subjects, len(slices))
    rows = [
        rate_row(
            "engine with journal, CPU of all threads", messages / cpu["with"].cpu,
            "without", messages / cpu["without"].cpu, KEPT,
        ),
        rate_row(
            "engine with journal, wall", messages / wall["with"].wall,
            "without", messages / wall["without"].wall,
        ),
    ]  # fmt: skip
    return rows + _append(quick=quick)


def _append(*, quick: bool) -> list[Row]:
    """What one append costs the thread that appends, against a plain buffered file."""
    ways = {way.name: way for way in journal_append.run(rounds=3 if quick else 15)}
    floor, mine = ways["floor: buffered file.write"], ways["journal.append"]
    flush = ways["append and flush of one record"]
    return [
        speedup_row(
            "journal append, CPU of the caller", mine.caller_ns, "ns",
            "buffered file write", floor.caller_ns,
        ),
        absolute_row("journal append and flush of one record, p50", flush.wall_ns, "ns"),
    ]  # fmt: skip


class _Journals:
    """One open journal at a time; the one before is closed and deleted."""

    def __enter__(self) -> Self:
        self._open = ExitStack()
        return self

    def fresh(self) -> Journal:
        self._open.close()
        directory = Path(self._open.enter_context(tempfile.TemporaryDirectory()))
        return self._open.enter_context(
            Journal.open(
                JournalSettings(directory),
                clock=time.time_ns,
                code_version="benchmark",
                settings_sha256="",
            )
        )

    def __exit__(self, *exc: object) -> None:
        self._open.close()


@contextmanager
def _all_cpus() -> Iterator[None]:
    """As in production: the journal's writer thread may run on another CPU."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
