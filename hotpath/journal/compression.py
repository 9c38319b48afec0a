"""Closed segments become `.zst` without a moment in which neither form is complete.

Temporary file, sync, read back and compare, rename, sync, and only then remove the original.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import zstandard

from hotpath.journal.disk import Disk, sync_directory
from hotpath.journal.format import TEMPORARY_SUFFIX
from hotpath.journal.segments import Segment, list_segments, open_compressed

_CHUNK_BYTES: Final = 1024 * 1024
_LEVEL: Final = 3


@dataclass(frozen=True, slots=True)
class Compressed:
    """A segment that now takes `bytes_after` on the disk."""

    name: str
    bytes_before: int
    bytes_after: int


def finish_compressions(directory: Path, disk: Disk) -> None:
    """Settle what a crash interrupted: temporary files, and segments in both forms."""
    for leftover in directory.glob(f"journal-*{TEMPORARY_SUFFIX}"):
        leftover.unlink()
    for segment in list_segments(directory):
        if segment.plain and segment.compressed:
            keep_one_form(segment, disk)


def keep_one_form(segment: Segment, disk: Disk) -> None:
    """Drop the original if the compressed file holds the same bytes, else the compressed file."""
    if _same_content(segment.plain_path, segment.compressed_path):
        segment.plain_path.unlink()
    else:
        segment.compressed_path.unlink()
    sync_directory(disk, segment.directory)


def compress(segment: Segment, disk: Disk) -> Compressed:
    """Replace a closed segment by its `.zst`. OSError leaves the original untouched."""
    before = segment.stored_bytes
    temporary = segment.compressed_path.with_name(segment.compressed_path.name + TEMPORARY_SUFFIX)
    try:
        _write_compressed(segment.plain_path, temporary, disk)
        _require_same_content(segment.plain_path, temporary)
        temporary.rename(segment.compressed_path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(disk, segment.directory)
    segment.plain_path.unlink()
    sync_directory(disk, segment.directory)
    after = segment.compressed_path.stat().st_size
    return Compressed(segment.compressed_path.name, before, after)


def _write_compressed(source: Path, target: Path, disk: Disk) -> None:
    compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
    with source.open("rb") as plain, target.open("wb") as file:
        compressor.copy_stream(plain, file, size=source.stat().st_size)
        file.flush()
        disk.sync(file.fileno())


def _require_same_content(plain: Path, compressed: Path) -> None:
    if not _same_content(plain, compressed):
        raise OSError(f"{compressed} does not read back as it was written")


def _same_content(plain: Path, compressed: Path) -> bool:
    with plain.open("rb") as original, closing(open_compressed(compressed)) as copy:
        try:
            while part := copy.read(_CHUNK_BYTES):
                if original.read(len(part)) != part:
                    return False
        except zstandard.ZstdError:
            return False
        return not original.read(1)
