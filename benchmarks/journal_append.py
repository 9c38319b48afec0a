"""What the journal costs the thread that appends, against a plain buffered file.

Each record is first decoded, which takes about as long as the engine does per message, and then
written in one of several ways, run in turn; the best slice of each counts, and decoding alone is
subtracted. `wall` runs until the last record is in the file; `caller` is processor time of the
appending thread. `speed kept` is the throughput of decoding and writing over decoding alone.
Wall time needs a second processor that is idle, since the journal's writer is a thread.
"""

from __future__ import annotations

import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from hotpath.journal import Journal, JournalSettings

RECORDS: Final = 50_000
ROUNDS: Final = 15
_BUFFER_BYTES: Final = 256 * 1024
_BLOCK_RECORDS: Final = 640
_FLUSHES: Final = 2_000
_SEGMENT_BYTES_MAX: Final = 1024 * 1024 * 1024

Append = Callable[[bytes], object]
Flush = Callable[[], object]
Way = Callable[[Path], Iterator[tuple[Append, Flush]]]


class Row(NamedTuple):
    """One way of writing: nanoseconds per record on top of decoding it."""

    name: str
    wall_ns: float
    caller_ns: float
    speed_kept: float


class Slice(NamedTuple):
    """Nanoseconds per record, decoding included."""

    wall_ns: float
    caller_ns: float


def run(records: int = RECORDS, rounds: int = ROUNDS) -> list[Row]:
    """Measure all ways; the first row is the floor, the last is for another unit: one flush."""
    lines = _lines(records)
    ways: dict[str, Way] = {
        "decode alone": _nothing,
        "floor: buffered file.write": _plain_file,
        "join, crc32, write on one thread": _one_thread,
        "journal.append": _journal,
    }
    slices: dict[str, list[Slice]] = {name: [] for name in ways}
    turns = list(ways.items())
    for turn in range(rounds):
        for name, way in turns[turn % len(turns) :] + turns[: turn % len(turns)]:
            with tempfile.TemporaryDirectory() as directory:
                slices[name].append(_slice(way, Path(directory), lines))
    best = {
        name: Slice(min(s.wall_ns for s in taken), min(s.caller_ns for s in taken))
        for name, taken in slices.items()
    }
    alone = best.pop("decode alone")
    rows = [
        Row(
            name,
            each.wall_ns - alone.wall_ns,
            each.caller_ns - alone.caller_ns,
            alone.wall_ns / each.wall_ns,
        )
        for name, each in best.items()
    ]
    with tempfile.TemporaryDirectory() as directory:
        flush_ns = _flush_ns(Path(directory), lines)
    return [*rows, Row("append and flush of one record", flush_ns, flush_ns, float("nan"))]


def _lines(count: int) -> list[bytes]:
    """Made-up deltas in the capture format, each its own object as if just received."""
    return [
        b'{"recv_ns":%d,"recv_ts":"2026-05-13T15:22:31.152554+00:00","src":"kalshi_ws",'
        b'"conn":"benchmark-20260513T152231Z","type":"orderbook_delta","raw":{"type":'
        b'"orderbook_delta","sid":2,"seq":%d,"msg":{"market_ticker":"KXBTC15M-26MAY131130-30",'
        b'"market_id":"9c1f0ab8-6f0e-4d57-9d2a-0f6c3e1b7a55","price_dollars":"0.%04d",'
        b'"delta_fp":"%d.00","side":"yes","ts":"2026-05-13T15:22:31.012345Z","ts_ms":%d}}}'
        % (1_778_685_751_152_553_984 + i * 9_000_000, i, i * 37 % 10_000, i % 977 - 488, i)
        for i in range(count)
    ]


def _slice(way: Way, directory: Path, lines: list[bytes]) -> Slice:
    decode = msgspec.json.Decoder().decode
    seen: dict[str, object] = {}
    with contextmanager(way)(directory) as (append, flush):
        caller, wall = time.thread_time_ns(), time.perf_counter_ns()
        for line in lines:
            message = decode(line)
            seen[message["src"]] = message["recv_ns"]
            append(line)
        flush()
        wall, caller = time.perf_counter_ns() - wall, time.thread_time_ns() - caller
    return Slice(wall / len(lines), caller / len(lines))


def _nothing(_directory: Path) -> Iterator[tuple[Append, Flush]]:
    def append(_record: bytes) -> None:
        pass

    yield append, lambda: None


def _plain_file(directory: Path) -> Iterator[tuple[Append, Flush]]:
    with (directory / "plain").open("wb", buffering=_BUFFER_BYTES) as file:
        write = file.write

        def append(record: bytes) -> None:
            write(record)
            write(b"\n")

        yield append, file.flush


def _one_thread(directory: Path) -> Iterator[tuple[Append, Flush]]:
    """The alternative that was not taken: the appending thread does everything itself."""
    pending: list[bytes] = []
    crc = 0
    with (directory / "blocks").open("wb", buffering=0) as file:

        def append(record: bytes) -> None:
            if 0x0A in record:
                raise ValueError
            pending.append(record)
            if len(pending) >= _BLOCK_RECORDS:
                flush()

        def flush() -> None:
            nonlocal crc
            pending.append(b"")
            block = b"\n".join(pending)
            pending.clear()
            crc = zlib.crc32(block, crc)
            file.write(block)

        yield append, flush


def _journal(directory: Path) -> Iterator[tuple[Append, Flush]]:
    with _opened(directory) as journal:
        yield journal.append, journal.flush


def _opened(directory: Path) -> Journal:
    settings = JournalSettings(directory, segment_bytes_max=_SEGMENT_BYTES_MAX, compress=False)
    return Journal.open(settings, clock=time.time_ns, code_version="benchmark", settings_sha256="")


def _flush_ns(directory: Path, lines: list[bytes]) -> float:
    """Median time of one append and flush: what releasing an order waits for."""
    taken = []
    with _opened(directory) as journal:
        for line in lines[:_FLUSHES]:
            started = time.perf_counter_ns()
            journal.append_effect(line)
            taken.append(time.perf_counter_ns() - started)
    return float(sorted(taken)[len(taken) // 2])


def main() -> int:
    print(f"{'nanoseconds per record':36}{'wall':>9}{'caller':>9}{'speed kept':>13}")
    for row in run():
        print(f"{row.name:36}{row.wall_ns:9.0f}{row.caller_ns:9.0f}{row.speed_kept:13.0%}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
