"""Journals for tests: a clock that steps, disks that fail on request, records that are numbered."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path

from hotpath.journal import FsyncPolicy, Journal, JournalSettings

SECOND_NS = 1_000_000_000
START_NS = 1_780_000_000 * SECOND_NS


class SteppingClock:
    """Every look moves it on by a second."""

    def __init__(self, now_ns: int = START_NS) -> None:
        self.now_ns = now_ns

    def __call__(self) -> int:
        self.now_ns += SECOND_NS
        return self.now_ns


class FakeDisk:
    """Writes for real and only counts syncs; fails, dawdles or writes short on request."""

    def __init__(self) -> None:
        self.syncs = 0
        self.fail_after_bytes: int | None = None
        self.fail_syncs = False
        self.bytes_per_write: int | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.waiting = threading.Event()
        self.synced = threading.Event()

    def write(self, fd: int, parts: Sequence[bytes | memoryview]) -> int:
        self.waiting.set()
        self.gate.wait(timeout=30)
        text = b"".join(parts)
        if self.bytes_per_write is not None:
            text = text[: self.bytes_per_write]
        if self.fail_after_bytes is not None:
            text = text[: self.fail_after_bytes]
            self.fail_after_bytes -= len(text)
            if not text:
                raise OSError(28, "No space left on device")
        return os.write(fd, text)

    def sync(self, fd: int) -> None:
        if self.fail_syncs:
            raise OSError(5, "Input/output error")
        self.syncs += 1
        self.synced.set()


def open_journal(
    directory: Path,
    disk: FakeDisk | None = None,
    *,
    clock: SteppingClock | None = None,
    segment_bytes_max: int = 1024 * 1024,
    block_bytes: int = 1024,
    retention_days: int | None = None,
    retention_bytes_max: int | None = None,
    compress: bool = True,
    fsync: FsyncPolicy = FsyncPolicy.ROTATE,
    fsync_interval_ms: int | None = None,
) -> Journal:
    """A small journal whose syncs cost nothing."""
    settings = JournalSettings(
        directory,
        segment_bytes_max=segment_bytes_max,
        block_bytes=block_bytes,
        retention_days=retention_days,
        retention_bytes_max=retention_bytes_max,
        compress=compress,
        fsync=fsync,
        fsync_interval_ms=fsync_interval_ms,
    )
    return Journal.open(
        settings,
        clock=clock or SteppingClock(),
        code_version="test",
        settings_sha256="0" * 64,
        disk=disk or FakeDisk(),
    )


def record(number: int) -> bytes:
    return b'{"recv_ns":%d,"src":"kalshi_ws","type":"orderbook_delta","n":%d}' % (
        START_NS + number,
        number,
    )


def write_blocks(journal: Journal, sizes: Sequence[int], first: int = 0) -> list[bytes]:
    """Append and flush one block of each size; returns the records."""
    written: list[bytes] = []
    for size in sizes:
        for _ in range(size):
            written.append(record(first + len(written)))
            journal.append(written[-1])
        journal.flush()
    return written


def killed_copy(directory: Path, target: Path) -> Path:
    """What `kill -9` would leave at this moment: the files as they are, without the lock."""
    target.mkdir()
    for path in segments(directory):
        shutil.copy(path, target)
    return target


def segments(directory: Path) -> list[Path]:
    return sorted(p for p in directory.iterdir() if p.name.startswith("journal-"))
