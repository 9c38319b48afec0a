"""Whether memory grows with the number of messages, in a process that holds nothing else.

A child streams the files through a whole run and notes its resident size after the first 100,000
messages and at the end. Nothing is collected on the way: cycles would show as growth.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.rows import Goal, Row
from benchmarks.workload import QUICK_SESSIONS, ROOT, generated_sessions, recorded_sessions
from hotpath.assembly import RunSettings, assemble
from hotpath.feeds.capture_files import Damage, read_chunks
from hotpath.heap import no_collector
from hotpath.run_record import RunRecord
from local.market_generator import write_session

GROWTH: Final = Goal("≤", 10, "MB")
FIRST_MESSAGES: Final = 100_000
_STATM: Final = Path("/proc/self/statm")
_TIMEOUT_SECONDS: Final = 600


class Growth(NamedTuple):
    """Megabytes resident, and how many messages had been seen by then."""

    first_mb: float
    first_messages: int
    last_mb: float
    last_messages: int


def run(*, quick: bool) -> list[Row]:
    if not _STATM.exists():
        return []  # no way to ask on this system
    with _files(quick=quick) as files:
        growth = _in_child(files)
    grown = growth.last_mb - growth.first_mb
    name = f"memory grown over {growth.last_messages:,} messages"
    against = f"{growth.first_mb:.1f} MB after the first {growth.first_messages:,}"
    ratio = growth.last_mb / growth.first_mb
    return [Row(name, grown, "MB", against, ratio, str(GROWTH), GROWTH.met(grown))]


@contextmanager
def _files(*, quick: bool) -> Iterator[list[Path]]:
    """The recordings, or generated sessions written out so that reading them costs no more."""
    recorded = recorded_sessions()
    if recorded:
        yield recorded[: QUICK_SESSIONS if quick else None]
        return
    with tempfile.TemporaryDirectory() as directory:
        files = []
        for settings in generated_sessions(quick=quick):
            files.append(Path(directory) / f"{settings.seed}.jsonl.gz")
            write_session(settings, files[-1])
        yield files


def _in_child(files: list[Path]) -> Growth:
    command = [sys.executable, "-m", "benchmarks.memory_growth", *map(str, files)]
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, timeout=_TIMEOUT_SECONDS
    )
    return Growth(*json.loads(done.stdout))


def grow(files: list[Path]) -> Growth:
    """Run the files through an engine and watch."""
    run = assemble(RunSettings(), RunRecord(None), {})
    session = run.session
    first: tuple[float, int] | None = None
    with no_collector():
        for path in files:
            for chunk in read_chunks(path, _refuse):
                session.feed(chunk)
                if first is None and session.messages >= FIRST_MESSAGES:
                    first = _resident_mb(), session.messages
        first = first or (_resident_mb(), session.messages)
        return Growth(*first, _resident_mb(), session.messages)


def _resident_mb() -> float:
    pages = int(_STATM.read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _refuse(damage: Damage) -> None:
    raise SystemExit(f"{damage.path}: {damage.problem}")


if __name__ == "__main__":
    print(json.dumps(grow([Path(name) for name in sys.argv[1:]])))
