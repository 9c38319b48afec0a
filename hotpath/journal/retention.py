"""Which segments are too old or too many: whole ones, oldest first, never the newest closed one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from hotpath.journal.disk import Disk, sync_directory
from hotpath.journal.format import segment_name
from hotpath.journal.reader import SegmentWalk, corrupt
from hotpath.journal.segments import Segment
from hotpath.journal.settings import JournalSettings

NANOSECONDS_PER_DAY: Final = 86_400_000_000_000


@dataclass(frozen=True, slots=True)
class Deleted:
    """A segment that is gone, the bytes that it took, and the limit that it exceeded."""

    name: str
    bytes: int
    reason: str


def expired(
    closed: Sequence[Segment],
    total: int,
    settings: JournalSettings,
    now_ns: int,
    created_ns: Callable[[Segment], int],
) -> list[tuple[Segment, str]]:
    """The oldest segments that a limit no longer allows. The last of `closed` always stays.

    `total` counts the bytes of all segments. A segment is as old as its last record can be: as the
    beginning of the one after it.
    """
    found = []
    for segment, successor in pairwise(closed):
        if _too_many(total, settings):
            reason = "retention_bytes_max"
        elif settings.retention_days is not None and (
            created_ns(successor) < now_ns - settings.retention_days * NANOSECONDS_PER_DAY
        ):
            reason = "retention_days"
        else:
            break
        found.append((segment, reason))
        total -= segment.stored_bytes
    return found


def _too_many(total: int, settings: JournalSettings) -> bool:
    return settings.retention_bytes_max is not None and total > settings.retention_bytes_max


def created_ns(segment: Segment) -> int:
    """When the segment was begun, from its header. JournalCorrupt when that does not hold."""
    walk = SegmentWalk(segment, must_be_closed=True)
    next(walk.blocks(previous=None), None)
    if walk.header is None:
        raise corrupt(walk)
    return walk.header.created_ns


def delete(segment: Segment, reason: str, disk: Disk) -> Deleted:
    """Remove both forms, and what recoveries had set aside from it."""
    size = segment.stored_bytes
    name = segment.path.name
    for path in (segment.plain_path, segment.compressed_path, *_set_aside(segment)):
        path.unlink(missing_ok=True)
    sync_directory(disk, segment.directory)
    return Deleted(name, size, reason)


def _set_aside(segment: Segment) -> list[Path]:
    stem = segment_name(segment.first).removesuffix(".jsonl")
    return list(segment.directory.glob(f"{stem}.dropped-*"))
