"""What lies in a journal directory: segments in order, in either of their two stored forms."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Protocol

import zstandard

from hotpath.journal.format import (
    CLOSED,
    COMPRESSED_SUFFIX,
    LOCK_NAME,
    SEGMENT_NAME,
    segment_name,
)
from kairos.errors import InputError

_LAST_LINE_BYTES_MAX: Final = 4096
_PACKED_BYTES: Final = 16 * 1024


class ByteStream(Protocol):
    """What reading a segment needs; a file and a decompressor both have it."""

    def read(self, size: int = -1, /) -> bytes: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment. While both stored forms exist, the uncompressed one is the original."""

    directory: Path
    first: int
    plain: bool
    compressed: bool

    @property
    def path(self) -> Path:
        return self.plain_path if self.plain else self.compressed_path

    @property
    def plain_path(self) -> Path:
        return self.directory / segment_name(self.first)

    @property
    def compressed_path(self) -> Path:
        return self.directory / (segment_name(self.first) + COMPRESSED_SUFFIX)

    @property
    def stored_bytes(self) -> int:
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return self.compressed_path.stat().st_size  # compressed since it was listed

    def open(self) -> ByteStream:
        """Open for reading, also when compression replaces the file in this very moment."""
        if self.plain:
            try:
                return self.plain_path.open("rb", buffering=0)
            except FileNotFoundError:
                pass  # it was compressed since the directory was listed
        try:
            return open_compressed(self.compressed_path)
        except FileNotFoundError as error:
            raise InputError(
                self.path,
                "was deleted since the directory was listed",
                "Retention removes the oldest segments; read again to get the rest",
            ) from error


def open_compressed(path: Path) -> ByteStream:
    return _Decompressed(path.open("rb"))


class _Decompressed:
    """Reads one zstd frame and, unlike the library's reader, objects when the frame is cut short.

    `read` may return more than it was asked for. Raises zstandard.ZstdError.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._frame = zstandard.ZstdDecompressor().decompressobj()

    def read(self, size: int = -1, /) -> bytes:
        pieces: list[bytes] = []
        wanted = size if size >= 0 else sys.maxsize
        while wanted > 0 and (packed := self._file.read(_PACKED_BYTES)):
            if self._frame.eof:
                raise zstandard.ZstdError("there is more after the end of the frame")
            pieces.append(self._frame.decompress(packed))
            wanted -= len(pieces[-1])
        if wanted > 0 and (not self._frame.eof or self._frame.unused_data):
            raise zstandard.ZstdError("the file does not end where its frame ends")
        return b"".join(pieces)

    def close(self) -> None:
        self._file.close()


def list_segments(directory: Path) -> list[Segment]:
    """Segments in record order. InputError when `directory` is no journal."""
    try:
        names = [path.name for path in directory.iterdir()]
    except OSError as error:
        raise InputError(
            directory,
            f"cannot be read: {error.strerror}",
            "Name the directory that the journal was written to",
        ) from error
    stored: dict[int, set[bool]] = {}
    for name in names:
        if match := SEGMENT_NAME.fullmatch(name):
            stored.setdefault(int(match[1]), set()).add(match[2] is not None)
    if not stored and LOCK_NAME not in names:
        raise InputError(
            directory,
            "is not a journal directory: it has no journal-*.jsonl or journal-*.jsonl.zst",
            "Name the directory that the journal was written to",
        )
    return [
        Segment(directory, first, plain=False in forms, compressed=True in forms)
        for first, forms in sorted(stored.items())
    ]


def is_journal(directory: Path) -> bool:
    """Whether a journal was kept in `directory`."""
    try:
        list_segments(directory)
    except InputError:
        return False
    return True


def claims_closed(segment: Segment) -> bool:
    """Whether the segment ends with a closing line; what that line says is checked elsewhere."""
    if not segment.plain:
        return True
    try:
        end = _end_of(segment.plain_path)
    except FileNotFoundError:
        return True  # compressed or deleted since it was listed: only closed ones are
    last = end[end.rfind(b"\n", 0, -1) + 1 :]
    return last.startswith(CLOSED) and last.endswith(b"}\n")


def _end_of(path: Path) -> bytes:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _LAST_LINE_BYTES_MAX))
        return file.read()
