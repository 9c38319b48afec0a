"""The session's memory: every input before its effects, in order, surviving the process.

    append(input) → engine.handle(input) → append(each effect) → flush() → release the effects

What `flush` has returned for is in the file and survives `kill -9`; whether it survives a power
cut is the fsync policy's matter. One thread appends and flushes; `maintain` may run on another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import repeat
from operator import contains
from pathlib import Path
from typing import Final, NoReturn, Self

from hotpath.journal.blocks import BlockWriter
from hotpath.journal.compression import Compressed, compress
from hotpath.journal.disk import Disk, OsDisk
from hotpath.journal.format import BLOCK_BYTES_MAX
from hotpath.journal.lock import DirectoryLock
from hotpath.journal.recovery import Recovery, recover
from hotpath.journal.retention import Deleted, created_ns, delete, expired
from hotpath.journal.segments import Segment, list_segments
from hotpath.journal.settings import JournalSettings
from hotpath.journal.writer import SegmentWriter
from kairos.errors import Corrupt, InputError, UsageError

# Joined while they are still in the processor's cache; 64 to 512 cost the same.
_CHUNK_RECORDS: Final = 128
_NEWLINE: Final = 0x0A  # searching bytes for an int is ten times quicker than for b"\n"


@dataclass(frozen=True, slots=True)
class Maintenance:
    """What one round of housekeeping did."""

    compressed: tuple[Compressed, ...]
    deleted: tuple[Deleted, ...]


class _ClosedPending(list[bytes]):
    """Stands in for the pending records of a closed journal, so that `append` need not ask."""

    def append(self, record: bytes) -> NoReturn:
        raise UsageError("the journal is closed: open it again to append")

    def extend(self, records: object) -> NoReturn:
        raise UsageError("the journal is closed: open it again to append")


class Journal:
    """An open journal. Record numbers count from 0 over the journal's whole life."""

    __slots__ = ("_blocks", "_disk", "_lock", "_pending", "_segments", "_settings", "recovery")

    def __init__(
        self,
        settings: JournalSettings,
        lock: DirectoryLock,
        segments: SegmentWriter,
        disk: Disk,
        recovery: Recovery | None,
    ) -> None:
        self.recovery = recovery
        self._settings = settings
        self._lock = lock
        self._segments = segments
        self._disk = disk
        self._pending: list[bytes] = []
        self._blocks = BlockWriter(segments, settings.directory, settings.block_bytes)

    @classmethod
    def open(
        cls,
        settings: JournalSettings,
        *,
        clock: Callable[[], int],
        code_version: str,
        settings_sha256: str,
        disk: Disk | None = None,
    ) -> Self:
        """Lock the directory, recover what a crash left, and go on after the last record.

        `clock` gives nanoseconds since the epoch for segment headers. UsageError: another writer.
        JournalCorrupt: the last closed segment does not hold. InputError: the disk refuses.
        """
        disk = disk or OsDisk()
        directory = settings.directory
        lock = None
        try:
            directory.mkdir(parents=True, exist_ok=True)
            lock = DirectoryLock.acquire(directory)
            chain, recovery = recover(directory, disk, clock)
            segments = SegmentWriter(settings, chain, disk, clock, code_version, settings_sha256)
            return cls(settings, lock, segments, disk, recovery)
        except BaseException as error:
            if lock is not None:
                lock.release()
            if isinstance(error, OSError):
                raise _unusable(directory, error) from error
            raise

    def append(self, record: bytes) -> None:
        """Add one JSON object, on one line, without a newline. Held in memory until `flush`.

        Corrupt: the record would break the format. InputError: the disk has refused a write.
        """
        if _NEWLINE in record:
            raise Corrupt(f"a journal record contains a line break: {record[:80]!r}")
        pending = self._pending
        pending.append(record)
        if len(pending) >= _CHUNK_RECORDS:
            self._pass_on()

    def append_many(self, records: list[bytes]) -> None:
        """`append` of each of at most a few hundred records, for less than their calls."""
        if True in map(contains, records, repeat(_NEWLINE)):
            broken = next(record for record in records if _NEWLINE in record)
            raise Corrupt(f"a journal record contains a line break: {broken[:80]!r}")
        self._pending.extend(records)
        if len(self._pending) >= _CHUNK_RECORDS:
            self._pass_on()

    def append_effect(self, record: bytes) -> None:
        """Append an effect and flush: when this returns the effect may be released."""
        self.append(record)
        self.flush()

    def flush(self) -> None:
        """When this returns, every record appended so far is in the file, in order.

        InputError when the disk refuses; then nothing more is written and effects must not leave.
        """
        if self._pending:
            self._pass_on()
        self._blocks.flush()

    def _pass_on(self) -> None:
        try:
            records, self._pending = self._pending, []
            count = len(records)
            records.append(b"")
            self._blocks.add(_within_bounds(b"\n".join(records), count), count)
        except BaseException as error:
            self._blocks.fail(error)  # an interrupted hand-over must not become a hole
            raise

    @property
    def records(self) -> int:
        """How many records the journal has had in its life; also the next record's number."""
        return self._blocks.records + len(self._pending)

    def maintain(self, now_ns: int) -> Maintenance:
        """Compress closed segments, then delete what retention no longer allows.

        Takes as long as compressing the closed segments takes (about 0.3 s per 64 MiB): call it
        from a thread of its own. InputError when the disk refuses; nothing is lost then.
        """
        try:
            compressed = self._compress() if self._settings.compress else ()
            return Maintenance(compressed, self._delete_expired(now_ns))
        except OSError as error:
            raise _unusable(self._settings.directory, error) from error

    def _closed_segments(self) -> list[Segment]:
        keep_from = self._blocks.keep_from()
        return [s for s in list_segments(self._settings.directory) if s.first < keep_from]

    def _compress(self) -> tuple[Compressed, ...]:
        return tuple(compress(s, self._disk) for s in self._closed_segments() if s.plain)

    def _delete_expired(self, now_ns: int) -> tuple[Deleted, ...]:
        total = sum(s.stored_bytes for s in list_segments(self._settings.directory))
        closed = self._closed_segments()
        found = expired(closed, total, self._settings, now_ns, created_ns)
        return tuple(delete(segment, reason, self._disk) for segment, reason in found)

    def close(self) -> None:
        """Flush, close the segment and release the directory, the last even when the disk refuses.

        InputError when something appended is not in the file.
        """
        if isinstance(self._pending, _ClosedPending):
            return
        try:
            if not self._blocks.failed:
                self.flush()
            self._blocks.stop()
            self._blocks.close()
        finally:
            self._pending = _ClosedPending()
            self._blocks.stop()
            self._segments.abandon()
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        try:
            self.close()
        except InputError as failure:
            if error is None:
                raise
            error.add_note(str(failure))  # what went wrong first is what should be seen first


def _within_bounds(chunk: bytes, records: int) -> bytes:
    if len(chunk) > BLOCK_BYTES_MAX:
        raise Corrupt(
            f"{records} journal records take {len(chunk)} bytes together, more than "
            f"{BLOCK_BYTES_MAX}: they would never be read again"
        )
    return chunk


def _unusable(directory: Path, error: OSError) -> InputError:
    return InputError(
        error.filename or directory,
        f"the journal cannot be kept: {error.strerror or error}",
        "Free space or mend permissions, then try again",
    )
