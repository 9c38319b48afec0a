"""Segments on disk: blocks go to the newest one, and a full one is closed behind its back.

Closing a segment means forcing it to the disk, which can take long. The next segment is therefore
begun at once, and the full one waits in `_full` until the writer thread has time for it.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from isal.isal_zlib import crc32

from hotpath.journal.disk import Disk, sync_directory, write_fully
from hotpath.journal.format import (
    FORMAT,
    SegmentClosed,
    SegmentHeader,
    closed_line,
    header_line,
    hexadecimal,
    segment_name,
    trailer_line,
)
from hotpath.journal.reader import Chain
from hotpath.journal.settings import FsyncPolicy, JournalSettings

_FULL_SEGMENTS_MAX: Final = 4


@dataclass(slots=True)
class OpenSegment:
    """A segment that still has a file descriptor of ours."""

    fd: int
    path: Path
    first: int
    crc: int
    size: int = 0
    records: int = 0
    blocks: int = 0
    unsynced: bool = True
    entry_synced: bool = False


class SegmentWriter:
    """For one thread at a time, except that `settle` may run beside `write_block`."""

    def __init__(
        self,
        settings: JournalSettings,
        chain: Chain,
        disk: Disk,
        clock: Callable[[], int],
        code_version: str,
        settings_sha256: str,
    ) -> None:
        self._settings = settings
        self._disk = disk
        self._clock = clock
        self._code_version = code_version
        self._settings_sha256 = settings_sha256
        self._chain = chain
        self._active: OpenSegment | None = None
        self._full: deque[OpenSegment] = deque()
        self._settling = threading.Lock()  # whoever holds it may close file descriptors
        self._synced_ns = clock()

    @property
    def next_record(self) -> int:
        return self._chain.next_record

    @property
    def sync_every_s(self) -> float | None:
        interval_ms = self._settings.fsync_interval_ms
        return None if interval_ms is None else interval_ms / 1000

    def write_block(self, body: bytes | memoryview, records: int) -> None:
        """Append one block and its trailer. OSError leaves a torn block that nothing follows."""
        segment = self._active
        header = b""
        if segment is None:
            segment, header = self._begin()
        crc = crc32(body, segment.crc)
        trailer = trailer_line(self._chain.next_record, records, len(body), crc)
        write_fully(self._disk, segment.fd, [header, body, trailer])
        segment.unsynced = True
        segment.crc = crc
        segment.size += len(header) + len(body) + len(trailer)
        segment.records += records
        segment.blocks += 1
        self._chain = Chain(self._chain.next_record + records, crc)
        if self._settings.fsync == FsyncPolicy.BLOCK:
            self._sync(segment)
        if segment.size >= self._settings.segment_bytes_max:
            self._rotate(segment)

    def _begin(self) -> tuple[OpenSegment, bytes]:
        """A segment file exists from its first block on, so that none is ever empty."""
        path = self._settings.directory / segment_name(self._chain.next_record)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        header, crc = header_line(
            SegmentHeader(
                src="journal",
                type="segment",
                format=FORMAT,
                first=self._chain.next_record,
                previous_crc32=hexadecimal(self._chain.crc),
                code_version=self._code_version,
                settings_sha256=self._settings_sha256,
                created_ns=self._clock(),
            )
        )
        segment = OpenSegment(os.open(path, flags, 0o644), path, self._chain.next_record, crc)
        self._active = segment
        return segment, header

    def _rotate(self, segment: OpenSegment) -> None:
        self._full.append(segment)
        self._active = None
        if len(self._full) >= _FULL_SEGMENTS_MAX:
            self.settle()

    def settle(self) -> None:
        """Close what is full; under fsync=interval also sync what is due. May take long."""
        with self._settling:
            while self._full:
                self._close(self._full[0], "rotated")
                self._full.popleft()
            segment = self._active
            if segment is not None and segment.unsynced and self._sync_is_due():
                self._sync(segment)
                self._synced_ns = self._clock()

    def _sync_is_due(self) -> bool:
        interval_ms = self._settings.fsync_interval_ms
        if interval_ms is None:
            return False
        # A clock that was set back must not stop the syncing: it counts as due.
        return not 0 <= self._clock() - self._synced_ns < interval_ms * 1_000_000

    def _sync(self, segment: OpenSegment) -> None:
        segment.unsynced = False  # first, because a block may be written while the disk syncs
        self._disk.sync(segment.fd)
        if not segment.entry_synced:
            sync_directory(self._disk, self._settings.directory)
            segment.entry_synced = True

    def _close(self, segment: OpenSegment, reason: str) -> None:
        """The closing line promises that all before it is on the disk, so the sync comes first."""
        self._sync(segment)
        line = closed_line(
            SegmentClosed(
                src="journal",
                type="closed",
                reason=reason,
                records=segment.records,
                blocks=segment.blocks,
                closed_ns=self._clock(),
            ),
            segment.crc,
        )
        write_fully(self._disk, segment.fd, [line])
        self._disk.sync(segment.fd)
        os.close(segment.fd)

    @property
    def has_full(self) -> bool:
        return bool(self._full)

    def keep_from(self) -> int:
        """First record of the oldest segment that is not closed yet (same thread as blocks)."""
        full = tuple(self._full)
        if full:
            return full[0].first
        return self._chain.next_record if self._active is None else self._active.first

    def close(self) -> None:
        """Close every segment. OSError leaves the rest for the next opening to recover."""
        self.settle()
        if self._active is not None:
            self._close(self._active, "closed")
            self._active = None

    def abandon(self) -> None:
        """Give up the file descriptors as they are, after a failure."""
        for segment in (*self._full, *filter(None, [self._active])):
            os.close(segment.fd)
        self._full.clear()
        self._active = None
