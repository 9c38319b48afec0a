"""Reads recordings: plain, gzip or zstd, several at once in time order, damage named not hidden.

Memory is bounded by a chunk per open file. What cannot be used at all raises InputError; damage in
the middle (a truncated archive) ends the file early and is reported through `on_damage`.
"""

from __future__ import annotations

import heapq
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

import zstandard

from kairos.errors import InputError

CHUNK_BYTES: Final = 1 << 20
LINE_BYTES_MAX: Final = 16 << 20
_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_RECV_NS = re.compile(rb'"recv_ns"\s*:\s*([0-9]{1,19})\b')
_VENUE_MS = re.compile(rb'"venue_ts_ms"\s*:\s*([0-9]{1,16})\b')
_VENUE_TS = re.compile(rb'"venue_ts"\s*:\s*"([^"]{10,40})"')
_FIRST_LINES: Final = 200
# When a call finds damage, nothing of what it unpacked comes out: so little goes in at once.
_GZIP_BYTES: Final = 4 << 10
# Four compressed bytes may stand for 128 KiB: little goes in at once, so that little comes out.
_ZSTD_BYTES: Final = 1 << 10
# A line farther ahead than this is not in its place unless the lines after it are there, too.
_JUMP_NS: Final = 120_000_000_000
_CONFIRM_LINES: Final = 5


class Chunk(NamedTuple):
    """Consecutive lines of one file, counted from 1. `bytes_read` is of the raw file."""

    path: Path
    first_line: int
    lines: list[bytes]
    bytes_read: int


class Damage(NamedTuple):
    """A file that ended badly; what came before it was used."""

    path: Path
    line: int
    problem: str
    remedy: str


OnDamage = Callable[[Damage], None]


def read_chunks(path: Path, on_damage: OnDamage) -> Iterator[Chunk]:
    """Lines of one file in chunks. Raises InputError when there is nothing to use in it."""
    line, tail, size = 1, b"", 0
    damages: list[Damage] = []

    def reached() -> int:
        return line

    for block, size in _decompressed(path, damages.append, reached):
        if line == 1 and not tail:
            _refuse_binary(path, block)
        parts = (tail + block).split(b"\n")
        tail = parts.pop()
        if len(tail) > LINE_BYTES_MAX:
            raise InputError(
                path, f"a line is longer than {LINE_BYTES_MAX} bytes", "Is it a capture?", line
            )
        if parts:
            yield Chunk(path, line, parts, size)
            line += len(parts)
    if tail.strip():
        yield Chunk(path, line, [tail], size)
    elif line == 1:
        problem = damages[0].problem if damages else "the file is empty"
        raise InputError(path, problem, "Fetch or record it again, or leave it out.")
    for damage in damages:
        on_damage(damage)


def _refuse_binary(path: Path, block: bytes) -> None:
    if b"\x00" in block[:4096]:
        raise InputError(
            path,
            "this is binary data, not lines of JSON",
            "Give a capture (.jsonl, .jsonl.gz, .jsonl.zst) or a journal directory.",
        )


def _decompressed(
    path: Path, on_damage: OnDamage, line: Callable[[], int]
) -> Iterator[tuple[bytes, int]]:
    """Blocks of plain bytes and how much of the raw file was read for them."""
    try:
        stream = path.open("rb")
    except FileNotFoundError:
        raise InputError(path, "no such file", "Check the path.") from None
    except IsADirectoryError:
        raise InputError(
            path, "this is a directory and not a journal", "Name the files in it."
        ) from None
    except OSError as error:
        raise InputError(
            path, f"cannot be read ({error.strerror})", "Check its permissions."
        ) from error
    with stream:
        try:
            head = stream.read(4)
            stream.seek(0)
            unpack = _unpacker(head)
            while block := stream.read(CHUNK_BYTES // 4 if unpack.packed else CHUNK_BYTES):
                for piece in _gathered(unpack.feed(block)):
                    yield piece, stream.tell()
            problem = unpack.unfinished()
        except (zlib.error, zstandard.ZstdError) as error:
            problem = f"the archive is corrupt ({error})"
        except OSError as error:
            problem = f"reading failed ({error.strerror})"
        if problem is not None:
            remedy = "What came before was used; fetch the file again for the rest."
            on_damage(Damage(path, line(), problem, remedy))


def _gathered(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Small pieces together, up to a chunk. What came before damage is handed out before it."""
    waiting: list[bytes] = []
    size = 0
    try:
        for piece in pieces:
            waiting.append(piece)
            size += len(piece)
            if size >= CHUNK_BYTES:
                yield b"".join(waiting)
                waiting, size = [], 0
    except (zlib.error, zstandard.ZstdError):
        if waiting:
            yield b"".join(waiting)
        raise
    if waiting:
        yield b"".join(waiting)


class _Plain:
    packed = False

    def feed(self, block: bytes) -> Iterator[bytes]:
        yield block

    def unfinished(self) -> str | None:
        return None


class _Gzip:
    """Concatenated gzip members, as `cat a.gz b.gz` makes them."""

    packed = True

    def __init__(self) -> None:
        self._member = zlib.decompressobj(zlib.MAX_WBITS | 16)

    def feed(self, block: bytes) -> Iterator[bytes]:
        for start in range(0, len(block), _GZIP_BYTES):
            yield from self._feed(block[start : start + _GZIP_BYTES])

    def _feed(self, block: bytes) -> Iterator[bytes]:
        while block:
            data = self._member.decompress(block, CHUNK_BYTES)
            if data:
                yield data
            if self._member.eof:
                block = self._member.unused_data
                if block:
                    self._member = zlib.decompressobj(zlib.MAX_WBITS | 16)
            else:
                block = self._member.unconsumed_tail

    def unfinished(self) -> str | None:
        return None if self._member.eof else "the gzip data ends in the middle"


class _Zstd:
    packed = True

    def __init__(self) -> None:
        self._frame = zstandard.ZstdDecompressor().decompressobj()

    def feed(self, block: bytes) -> Iterator[bytes]:
        for start in range(0, len(block), _ZSTD_BYTES):
            yield from self._feed(block[start : start + _ZSTD_BYTES])

    def _feed(self, block: bytes) -> Iterator[bytes]:
        while block:
            if self._frame.eof:
                self._frame = zstandard.ZstdDecompressor().decompressobj()
            data = self._frame.decompress(block)
            for start in range(0, len(data), CHUNK_BYTES):
                yield data[start : start + CHUNK_BYTES]
            block = self._frame.unused_data if self._frame.eof else b""

    def unfinished(self) -> str | None:
        return None if self._frame.eof else "the zstd data ends in the middle"


def _unpacker(head: bytes) -> _Plain | _Gzip | _Zstd:
    if head.startswith(_GZIP):
        return _Gzip()
    if head.startswith(_ZSTD):
        return _Zstd()
    return _Plain()


def line_time(line: bytes) -> int | None:
    """The time a line sorts by, or None when it shows none."""
    if match := _RECV_NS.search(line):
        return int(match[1])
    if match := _VENUE_MS.search(line):
        return int(match[1]) * 1_000_000
    if match := _VENUE_TS.search(line):
        try:
            moment = datetime.fromisoformat(match[1].decode())
        except (ValueError, UnicodeDecodeError):
            return None
        if moment.tzinfo is None:
            return None
        return int(moment.timestamp() * 1_000_000) * 1_000
    return None


class _Source:
    """One file being read, with its next chunk at hand."""

    def __init__(self, chunks: Iterator[Chunk]) -> None:
        self._chunks = chunks
        self.chunk: Chunk | None = next(chunks, None)

    def first_time(self) -> int:
        if self.chunk is not None:
            lines = self.chunk.lines
            for offset, line in enumerate(lines[:_FIRST_LINES]):
                time = line_time(line)
                if time is not None and not _alone(lines, offset, time):
                    return time
        return 0

    def last_time(self) -> int:
        if self.chunk is not None:
            for line in reversed(self.chunk.lines[-_FIRST_LINES:]):
                if (time := line_time(line)) is not None:
                    return time
        return 0

    def advance(self) -> None:
        self.chunk = next(self._chunks, None)


def merge_chunks(sources: Sequence[Iterator[Chunk]]) -> Iterator[Chunk]:
    """All files in time order. Files that do not overlap pass through whole chunks."""
    waiting = sorted((_Source(chunks) for chunks in sources), key=_Source.first_time)
    waiting = [source for source in waiting if source.chunk is not None]
    while waiting:
        source = waiting.pop(0)
        while source.chunk is not None:
            if waiting and waiting[0].first_time() <= source.last_time():
                yield from _interleave([source, *waiting])
                return
            yield source.chunk
            source.advance()


def _interleave(sources: list[_Source]) -> Iterator[Chunk]:
    """Line by line, for files that overlap in time; a line without a time keeps its place."""
    yield from (
        chunk for _, _, chunk in heapq.merge(*(_timed(i, s) for i, s in enumerate(sources)))
    )


def _timed(index: int, source: _Source) -> Iterator[tuple[int, int, Chunk]]:
    time = 0
    while (chunk := source.chunk) is not None:
        for offset, line in enumerate(chunk.lines):
            here = line_time(line) or 0
            if here - time <= _JUMP_NS or not _alone(chunk.lines, offset, here):
                time = max(time, here)
            yield (
                time,
                index,
                Chunk(chunk.path, chunk.first_line + offset, [line], chunk.bytes_read),
            )
        source.advance()


def _alone(lines: Sequence[bytes], offset: int, time: int) -> bool:
    """Whether a line's time is far ahead of the times right after it: then it is not the time."""
    following = map(line_time, lines[offset + 1 : offset + 1 + _CONFIRM_LINES])
    return any(other is not None and other < time - _JUMP_NS for other in following)


def chunked(path: Path, records: Iterator[bytes], size: int = 4096) -> Iterator[Chunk]:
    """Records of a journal in the shape of a file's chunks."""
    line = 1
    while batch := list(islice(records, size)):
        yield Chunk(path, line, batch, 0)
        line += len(batch)
