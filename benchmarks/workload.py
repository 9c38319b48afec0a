"""The messages that everything is measured on: the recorded sessions, or a generated one.

The recordings may not be shipped, so a checkout without `../shared` measures a seeded session in
the same formats; the table says which it was. Lines are in memory before any clock starts.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from hotpath.feeds.capture_files import Chunk, Damage, chunked, merge_chunks, read_chunks
from local.market_generator import SessionSettings, generate

ROOT: Final = Path(__file__).resolve().parents[1]
RECORDINGS: Final = ROOT.parent / "shared" / "market-data" / "btc"
CHUNK_LINES: Final = 4096
SLICE_CHUNKS: Final = 6  # about 25,000 messages: long against the clock, short against the noise
QUICK_LINES: Final = 150_000
_SEED: Final = 7


class Workload(NamedTuple):
    """Raw capture lines in time order, and where they came from."""

    lines: list[bytes]
    source: str

    def slices(self) -> list[list[Chunk]]:
        """The lines in chunks as the session takes them, some of them at a time."""
        path, lines = Path("workload"), self.lines
        chunks = [
            Chunk(path, start + 1, lines[start : start + CHUNK_LINES], 0)
            for start in range(0, len(lines), CHUNK_LINES)
        ]
        return [chunks[at : at + SLICE_CHUNKS] for at in range(0, len(chunks), SLICE_CHUNKS)]


def recorded_sessions() -> list[Path]:
    return sorted(RECORDINGS.glob("kxbtc15m_l2_*.jsonl.gz"))


def load(*, quick: bool) -> Workload:
    """All lines, or the first `QUICK_LINES` of them."""
    limit = QUICK_LINES if quick else None
    paths = recorded_sessions()
    if paths:
        chunks = merge_chunks([read_chunks(path, _refuse_damage) for path in paths])
        name = f"{len(paths)} recorded KXBTC15M sessions"
    else:
        chunks = chunked(Path("generated"), generate(SessionSettings(seed=_SEED)))
        name = f"a generated session, seed {_SEED} (no recordings in ../shared)"
    lines = list(islice(_lines(chunks), limit))
    return Workload(lines, f"{name}, {len(lines):,} messages")


def _lines(chunks: Iterator[Chunk]) -> Iterator[bytes]:
    for chunk in chunks:
        yield from chunk.lines


def _refuse_damage(damage: Damage) -> None:
    raise SystemExit(f"{damage.path}:{damage.line}: {damage.problem}")
