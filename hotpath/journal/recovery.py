"""Reopening after a crash: keep every whole block, set the rest aside, and say so.

Closed segments are only read. Those without a closing line were being written when the process
died; they are kept up to their last block that holds, and get the closing line they lack.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from hotpath.journal.compression import finish_compressions
from hotpath.journal.disk import Disk, sync_directory, write_fully
from hotpath.journal.format import CONTROL, SegmentClosed, closed_line
from hotpath.journal.reader import Chain, SegmentWalk, corrupt, walks
from hotpath.journal.segments import list_segments


@dataclass(frozen=True, slots=True)
class Recovery:
    """What opening found and did. `offset` is where the file was cut; records are whole lines."""

    path: Path
    offset: int
    records_dropped: int
    bytes_dropped: int
    reason: str
    set_aside: tuple[Path, ...]

    def __str__(self) -> str:
        if not self.bytes_dropped:
            return f"{self.path} was not closed; it is whole, nothing was dropped"
        kept = ", ".join(path.name for path in self.set_aside)
        return (
            f"{self.path} was not closed and is cut at byte {self.offset}: {self.reason}. "
            f"Dropped {self.records_dropped} records ({self.bytes_dropped} bytes) that no flush "
            f"had confirmed, unless the power failed; they are kept in {kept}"
        )


@dataclass(frozen=True, slots=True)
class Dropped:
    """Bytes that are no longer part of the journal, and the file that keeps them."""

    records: int
    size: int
    path: Path


def recover(directory: Path, disk: Disk, clock: Callable[[], int]) -> tuple[Chain, Recovery | None]:
    """Make the directory end in closed segments. Safe to interrupt and to repeat.

    Raises JournalCorrupt when the last closed segment does not hold.
    """
    finish_compressions(directory, disk)
    found = list(walks(list_segments(directory)))
    closed = [walk for walk in found if walk.must_be_closed]
    chain = _verified(closed[-1]) if closed else None
    unclosed = found[len(closed) :]
    chain, recovery = _recover_unclosed(unclosed, chain, disk, clock)
    return chain or Chain(0, 0), recovery


def _verified(walk: SegmentWalk) -> Chain:
    for _ in walk.blocks(previous=None):
        pass
    chain = walk.chain
    if chain is None:
        raise corrupt(walk)
    return chain


def _recover_unclosed(
    unclosed: Sequence[SegmentWalk], chain: Chain | None, disk: Disk, clock: Callable[[], int]
) -> tuple[Chain | None, Recovery | None]:
    """Each segment keeps what holds; one that does not connect to its predecessor keeps nothing."""
    dropped: list[Dropped] = []
    worst: SegmentWalk | None = None
    for walk in unclosed:
        for _ in walk.blocks(chain):
            pass
        if walk.damage is not None:
            dropped += _cut(walk, disk)
        if worst is None or worst.damage is None:
            worst = walk
        chain = _close(walk, chain, disk, clock)
    return chain, None if worst is None else _recovery(worst, dropped)


def _recovery(walk: SegmentWalk, dropped: Sequence[Dropped]) -> Recovery:
    return Recovery(
        path=walk.segment.path,
        offset=walk.offset,
        records_dropped=sum(part.records for part in dropped),
        bytes_dropped=sum(part.size for part in dropped),
        reason="it was not closed" if walk.damage is None else str(walk.damage),
        set_aside=tuple(part.path for part in dropped),
    )


def _cut(walk: SegmentWalk, disk: Disk) -> list[Dropped]:
    """Copy the torn tail to a file of its own, then cut it off; a repetition does the same."""
    path = walk.segment.plain_path
    aside = path.with_name(f"{path.stem}.dropped-{walk.offset}")
    with path.open("r+b") as file:
        file.seek(walk.offset)
        with aside.open("wb") as copy:
            dropped = Dropped(_copy_lines(file, copy), copy.tell(), aside)
            copy.flush()
            disk.sync(copy.fileno())
        sync_directory(disk, path.parent)
        file.truncate(walk.offset)
        disk.sync(file.fileno())
    if dropped.size:
        return [dropped]
    aside.unlink()
    return []


def _copy_lines(source: BinaryIO, target: BinaryIO) -> int:
    """Copy to the end and count the records among the whole lines."""
    records = 0
    for line in source:
        target.write(line)
        records += line.endswith(b"\n") and not line.startswith(CONTROL)
    return records


def _close(
    walk: SegmentWalk, chain: Chain | None, disk: Disk, clock: Callable[[], int]
) -> Chain | None:
    """Give the segment its closing line; one that holds no record is removed instead."""
    path = walk.segment.plain_path
    if walk.header is None or not walk.records:
        path.unlink()
        sync_directory(disk, path.parent)
        return chain or _start_of(walk)
    end = Chain(walk.header.first + walk.records, walk.crc)
    if not walk.closed:
        closed = SegmentClosed(
            src="journal",
            type="closed",
            reason="recovered",
            records=walk.records,
            blocks=walk.blocks_read,
            closed_ns=clock(),
        )
        with path.open("ab", buffering=0) as file:
            disk.sync(file.fileno())
            write_fully(disk, file.fileno(), [closed_line(closed, walk.crc)])
            disk.sync(file.fileno())
    return end


def _start_of(walk: SegmentWalk) -> Chain:
    """Where a journal goes on whose only segment held nothing."""
    if walk.header is None:
        return Chain(walk.segment.first, 0)
    return Chain(walk.header.first, int(walk.header.previous_crc32, 16))
