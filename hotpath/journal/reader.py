"""Reading: a segment is trusted block by block, and only as far as its checksums hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import zstandard
from isal.isal_zlib import crc32

from hotpath.journal.format import (
    BLOCK_BYTES_MAX,
    CLOSED,
    CONTROL,
    FORMAT,
    SegmentHeader,
    Trailer,
    hexadecimal,
    parse_closed,
    parse_header,
    parse_trailer,
    trailer_line,
)
from hotpath.journal.segments import ByteStream, Segment, claims_closed, list_segments
from kairos.errors import InputError, JournalCorrupt

_READ_BYTES: Final = 1024 * 1024
_MARK: Final = b"\n" + CONTROL
_REMEDY: Final = (
    "Restore the file from a copy, or move it and every older segment out of the directory "
    "to go on with the rest"
)


@dataclass(frozen=True, slots=True)
class Damage:
    """Where a segment stops being trustworthy. `line` counts from 1, `offset` is in its text."""

    line: int
    offset: int
    detail: str
    expected: str | None = None
    actual: str | None = None

    def __str__(self) -> str:
        if self.expected is None:
            return self.detail
        return f"{self.detail} (expected {self.expected}, actual {self.actual})"


@dataclass(frozen=True, slots=True)
class Torn:
    """The journal ends in something unfinished: a write in progress, or what a crash left."""

    path: Path
    damage: Damage


@dataclass(frozen=True, slots=True)
class Chain:
    """What the next segment must connect to: its first record number, the checksum so far."""

    next_record: int
    crc: int


class SegmentWalk:
    """Reads one segment: exhaust `blocks`, then look at `status`, `damage`, `offset`.

    `must_be_closed`: the segment, or a later one, has a closing line, so this one must be whole.
    `offset` is where the trustworthy part of the text ends.
    """

    def __init__(self, segment: Segment, *, must_be_closed: bool) -> None:
        self.segment = segment
        self.must_be_closed = must_be_closed
        self.header: SegmentHeader | None = None
        self.damage: Damage | None = None
        self.closed = False
        self.offset = 0
        self.records = 0
        self.blocks_read = 0
        self._line = 1
        self._misfit: Damage | None = None  # the first control line that did not fit
        self.crc = 0

    @property
    def chain(self) -> Chain | None:
        """What the next segment connects to; None when this one is corrupt or has no header.

        A torn one has a chain too: the process may have died while it wrote a closing line, when
        the next segment was already in use.
        """
        if self.status == "corrupt" or self.header is None:
            return None
        return Chain(self.header.first + self.records, self.crc)

    @property
    def status(self) -> str:
        """`closed`, `open` (whole so far), `torn` (ends unfinished) or `corrupt`."""
        if self.damage is not None:
            return "corrupt" if self.must_be_closed else "torn"
        return "closed" if self.closed else "open"

    def blocks(self, previous: Chain | None) -> Iterator[list[bytes]]:
        """The records of each block whose checksum holds; `previous` None accepts any start."""
        with closing(self.segment.open()) as stream:
            yield from self._sections(stream, previous)
        if self.damage is not None:
            return
        if self.header is None:
            self._fail("the segment header is missing")
        elif self.must_be_closed and not self.closed:
            self._fail("the closing line is missing")

    def _sections(self, stream: ByteStream, previous: Chain | None) -> Iterator[list[bytes]]:
        """Look for the control line that ends what is not yet trusted.

        A record may look like a control line too, as when a journal is recorded into a journal.
        Only the real one fits the place where it stands, so what does not fit is read over.
        """
        buffer, start, searched = b"\n", 0, 0  # `start`: the newline before what is not trusted
        while chunk := self._read(stream):
            buffer, start, searched = buffer[start:] + chunk, 0, searched - start
            while (mark := buffer.find(_MARK, searched)) >= 0:
                end = searched = buffer.find(b"\n", mark + 1)
                if end < 0:
                    break
                records = self._take(buffer, start + 1, mark + 1, end, previous)
                if self.damage is not None:
                    return
                if records is not None:
                    yield records
                    start = end
            searched = mark if mark >= 0 else max(start, len(buffer) - len(_MARK))
            if len(buffer) - start > BLOCK_BYTES_MAX + _READ_BYTES:
                break
        if len(buffer) - start > 1 and self.damage is None:
            self._fail_unfinished()

    def _read(self, stream: ByteStream) -> bytes:
        try:
            return stream.read(_READ_BYTES)
        except zstandard.ZstdError as error:
            self._fail(f"cannot be decompressed: {error}")
            return b""

    def _take(
        self, text: bytes, start: int, mark: int, end: int, previous: Chain | None
    ) -> list[bytes] | None:
        """Trust text[start:end] if its last line, from `mark`, is the control line due here."""
        line = text[mark:end]
        if self.header is None:
            return self._take_header(line, previous) if mark == start else None
        if self.closed:
            return None
        if line.startswith(CLOSED):
            return self._take_closed(line) if mark == start else None
        said = parse_trailer(line)
        if said is not None and (said.first, said.bytes) == (self._next, mark - start):
            return self._take_block(text[start:mark], line, said)
        if self._misfit is None:
            detail = "does not fit the block it follows: " + line[:160].decode("utf-8", "replace")
            self._misfit = Damage(self._line + text.count(b"\n", start, mark), self.offset, detail)
        return None

    def _take_header(self, line: bytes, previous: Chain | None) -> list[bytes] | None:
        try:
            header, crc = parse_header(line)
        except ValueError as error:
            self._fail(f"the segment header is unreadable: {error}")
            return None
        if header.format != FORMAT:
            raise InputError(
                self.segment.path,
                f"has journal format {header.format}; this version reads format {FORMAT}",
                "Read it with the version that wrote it",
            )
        if header.first != self.segment.first:
            self._differs("record number in the name", self.segment.first, header.first)
        elif previous is not None and header.first != previous.next_record:
            self._differs("first record number", previous.next_record, header.first)
        elif previous is not None and header.previous_crc32 != hexadecimal(previous.crc):
            before = hexadecimal(previous.crc)
            self._differs("checksum of the segment before", before, header.previous_crc32)
        else:
            self.header, self.crc = header, crc
            return self._trust(0, line, [])
        return None

    def _take_block(self, body: bytes, line: bytes, said: Trailer) -> list[bytes] | None:
        records = body.split(b"\n")
        records.pop()
        crc = crc32(body, self.crc)
        if line + b"\n" == trailer_line(self._next, len(records), len(body), crc):
            self.crc = crc
            self.records += len(records)
            self.blocks_read += 1
            return self._trust(len(body), line, records)
        if self._misfit is None:
            where = f"block of records {said.first} to {said.first + said.records - 1}"
            place = self._line + len(records)
            self._misfit = Damage(
                place, self.offset, f"{where}: checksum differs", said.crc32, hexadecimal(crc)
            )
        return None

    def _take_closed(self, line: bytes) -> list[bytes] | None:
        try:
            closed = parse_closed(line, self.crc)
        except ValueError as error:
            self._misfit = self._misfit or Damage(self._line, self.offset, str(error))
            return None
        if (closed.records, closed.blocks) != (self.records, self.blocks_read):
            self._differs("number of records", closed.records, self.records)
            return None
        self.closed = True
        return self._trust(0, line, [])

    @property
    def _next(self) -> int:
        return self.segment.first + self.records

    def _trust(self, body_bytes: int, line: bytes, records: list[bytes]) -> list[bytes]:
        self._misfit = None
        self.offset += body_bytes + len(line) + 1
        self._line += len(records) + 1
        return records

    def _fail_unfinished(self) -> None:
        if self.header is None:
            self._fail("the segment header is missing or damaged")
        elif self.closed:
            self._fail("there is more after the closing line")
        elif self._misfit is not None:
            self.damage = self._misfit
        else:
            self._fail("the last block is unfinished")

    def _fail(self, detail: str) -> None:
        self.damage = Damage(self._line, self.offset, detail)

    def _differs(self, what: str, expected: object, actual: object) -> None:
        self.damage = Damage(self._line, self.offset, f"{what} differs", str(expected), str(actual))


def walks(segments: Sequence[Segment]) -> Iterator[SegmentWalk]:
    """One walk per segment, knowing whether a closing line obliges it to be whole."""
    obliged = max((i for i, s in enumerate(segments) if claims_closed(s)), default=-1)
    for index, segment in enumerate(segments):
        yield SegmentWalk(segment, must_be_closed=index <= obliged)


def corrupt(walk: SegmentWalk) -> JournalCorrupt:
    """The error for a segment that had to be whole and is not."""
    place = f"{walk.segment.path}:{walk.damage.line if walk.damage else 1}"
    return JournalCorrupt(f"{place}: closed journal segment is damaged: {walk.damage}. {_REMEDY}")


def read_records(directory: Path, on_torn: Callable[[Torn], None] | None = None) -> Iterator[bytes]:
    """Every record in order, a block at a time, from all segments whatever their form.

    An unfinished end yields what is whole and tells `on_torn`. Raises JournalCorrupt (file, line,
    checksums, remedy) when a closed segment does not hold, InputError when there is no journal.
    """
    chain: Chain | None = None
    torn: Torn | None = None
    for walk in walks(list_segments(directory)):
        for records in walk.blocks(chain):
            yield from records
        if walk.status == "corrupt":
            raise corrupt(walk)
        if walk.header is not None:
            torn = None  # it connects to what was torn before it, so nothing is missing there
        if walk.damage is not None:
            torn = torn or Torn(walk.segment.path, walk.damage)
        if walk.header is None:
            break
        chain = walk.chain
    if torn is not None and on_torn is not None:
        on_torn(torn)
