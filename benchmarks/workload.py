"""The messages that everything is measured on: the recorded sessions, or generated ones.

The recordings may not be shipped, so a checkout without `../shared` measures seeded sessions in
the same formats; the table says which it was. Lines are in memory before any clock starts.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from hotpath.feeds.capture_files import Chunk, Damage, read_chunks
from local.market_generator import SessionSettings, generate

ROOT: Final = Path(__file__).resolve().parents[1]
RECORDINGS: Final = ROOT.parent / "shared" / "market-data" / "btc"
CHUNK_LINES: Final = 4096
SLICE_CHUNKS: Final = 6  # about 25,000 messages: long against the clock, short against the noise
QUICK_SESSIONS: Final = 2
_SEEDS: Final = (7, 8, 9)
_MINUTES: Final = 45
_QUICK_MINUTES: Final = 8

Slices = Sequence[Sequence[Chunk]]


class Workload(NamedTuple):
    """Raw capture lines, a list per session in time order, and where they came from."""

    sessions: list[list[bytes]]
    source: str

    @property
    def lines(self) -> list[bytes]:
        return [line for session in self.sessions for line in session]

    @property
    def messages(self) -> int:
        return sum(len(session) for session in self.sessions)

    def slices(self) -> list[list[Chunk]]:
        """The lines in chunks as the session takes them, some of them at a time."""
        return sliced(self.lines)


def sliced(lines: Sequence[bytes]) -> list[list[Chunk]]:
    path = Path("workload")
    chunks = [
        Chunk(path, start + 1, list(lines[start : start + CHUNK_LINES]), 0)
        for start in range(0, len(lines), CHUNK_LINES)
    ]
    return [chunks[at : at + SLICE_CHUNKS] for at in range(0, len(chunks), SLICE_CHUNKS)]


def recorded_sessions() -> list[Path]:
    return sorted(RECORDINGS.glob("kxbtc15m_l2_*.jsonl.gz"))


def generated_sessions(*, quick: bool) -> list[SessionSettings]:
    """Sessions one after another, without faults: a floor that cannot resync must keep up."""
    minutes, seeds = (_QUICK_MINUTES, _SEEDS[:2]) if quick else (_MINUTES, _SEEDS)
    first = SessionSettings(seed=seeds[0]).start_ns
    step_ns = (minutes + 15) * 60 * 1_000_000_000
    return [
        SessionSettings(seed=seed, start_ns=first + number * step_ns, minutes=minutes, faults=False)
        for number, seed in enumerate(seeds)
    ]


@lru_cache(maxsize=1)
def load(*, quick: bool) -> Workload:
    """All sessions, or the first `QUICK_SESSIONS`."""
    paths = recorded_sessions()
    if paths:
        sessions = [_read(path) for path in paths[: QUICK_SESSIONS if quick else None]]
        name = f"{len(sessions)} recorded KXBTC15M sessions"
    else:
        settings = generated_sessions(quick=quick)
        sessions = [list(generate(each)) for each in settings]
        seeds = ", ".join(str(each.seed) for each in settings)
        name = f"generated sessions, seeds {seeds} (no recordings in ../shared)"
    count = sum(len(session) for session in sessions)
    return Workload(sessions, f"{name}, {count:,} messages")


def _read(path: Path) -> list[bytes]:
    return [line for chunk in read_chunks(path, _refuse_damage) for line in chunk.lines]


def _refuse_damage(damage: Damage) -> None:
    raise SystemExit(f"{damage.path}:{damage.line}: {damage.problem}")
