"""The text format of a segment: names, control lines, and the checksum chain through them.

A segment is records, one per line, in blocks; control lines (`"src":"journal"`) open the segment,
end each block and close the segment. Every checksum is a CRC-32 that starts from the one before
it, so a block that is missing, moved or altered breaks all that follows. See docs/journal.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import msgspec
from isal.isal_zlib import crc32

FORMAT: Final = 1
CONTROL: Final = b'{"src":"journal",'
CLOSED: Final = b'{"src":"journal","type":"closed",'
BLOCK: Final = b'{"src":"journal","type":"block",'
# A block is held in memory until its checksum is known; beyond this a file is not ours.
BLOCK_BYTES_MAX: Final = 128 * 1024 * 1024

SEGMENT_NAME: Final = re.compile(r"journal-([0-9]{20})\.jsonl(\.zst)?")
LOCK_NAME: Final = "journal.lock"
COMPRESSED_SUFFIX: Final = ".zst"
TEMPORARY_SUFFIX: Final = ".tmp"

_CHECKSUM_FIELD: Final = b',"crc32":"'
_TRAILER: Final = re.compile(
    rb'\{"src":"journal","type":"block","first":([0-9]{1,20}),"records":([0-9]{1,20}),'
    rb'"bytes":([0-9]{1,20}),"crc32":"([0-9a-f]{8})"\}'
)


class SegmentHeader(msgspec.Struct, frozen=True):
    """First line of a segment. `first` numbers its first record; the journal's first is 0."""

    src: str
    type: str
    format: int
    first: int
    previous_crc32: str
    code_version: str
    settings_sha256: str
    created_ns: int


class SegmentClosed(msgspec.Struct, frozen=True):
    """Last line of a closed segment: everything before it is on the disk for good."""

    src: str
    type: str
    reason: str
    records: int
    blocks: int
    closed_ns: int


@dataclass(frozen=True, slots=True)
class Trailer:
    """What the line at the end of a block says about the block."""

    first: int
    records: int
    bytes: int
    crc32: str


def segment_name(first: int) -> str:
    return f"journal-{first:020d}.jsonl"


def hexadecimal(crc: int) -> str:
    return f"{crc:08x}"


def header_line(header: SegmentHeader) -> tuple[bytes, int]:
    """The line, and the checksum that the first block chains from."""
    return _signed(msgspec.json.encode(header), int(header.previous_crc32, 16))


def closed_line(closed: SegmentClosed, chain: int) -> bytes:
    return _signed(msgspec.json.encode(closed), chain)[0]


def trailer_line(first: int, records: int, size: int, crc: int) -> bytes:
    """The line after a block; it is fully determined by the block, hence compared as bytes."""
    return (
        b'{"src":"journal","type":"block","first":%d,"records":%d,"bytes":%d,"crc32":"%08x"}\n'
        % (
            first,
            records,
            size,
            crc,
        )
    )


def _signed(encoded: bytes, chain: int) -> tuple[bytes, int]:
    """End a control line with the checksum of its own text, chained to what precedes it."""
    text = encoded[:-1]
    crc = crc32(text, chain)
    return b'%b%b%08x"}\n' % (text, _CHECKSUM_FIELD, crc), crc


def parse_header(line: bytes) -> tuple[SegmentHeader, int]:
    """A header line without its newline → header and checksum. ValueError when it does not hold."""
    header = msgspec.json.decode(line, type=SegmentHeader)
    expected, crc = _signed(_unsigned(line), int(header.previous_crc32, 16))
    if expected != line + b"\n":
        raise ValueError(f"the header's checksum should be {hexadecimal(crc)}")
    return header, crc


def parse_closed(line: bytes, chain: int) -> SegmentClosed:
    """A closing line without its newline. ValueError when it does not hold."""
    closed = msgspec.json.decode(line, type=SegmentClosed)
    expected, crc = _signed(_unsigned(line), chain)
    if expected != line + b"\n":
        raise ValueError(f"the closing line's checksum should be {hexadecimal(crc)}")
    return closed


def _unsigned(line: bytes) -> bytes:
    return line.rpartition(_CHECKSUM_FIELD)[0] + b"}"


def parse_trailer(line: bytes) -> Trailer | None:
    match = _TRAILER.fullmatch(line)
    if match is None:
        return None
    return Trailer(int(match[1]), int(match[2]), int(match[3]), match[4].decode())
