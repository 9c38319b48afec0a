"""What a journal holds and whether it holds together, for people and for the command line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from hotpath.journal.reader import Chain, Damage, SegmentWalk, walks
from hotpath.journal.segments import list_segments


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """The part of a record that the journal itself looks at."""

    src: str | None = None
    type: str | None = None
    recv_ns: int | None = None


@dataclass(frozen=True, slots=True)
class SegmentCheck:
    """`status`: closed, open (whole, not closed yet), torn (ends unfinished), corrupt."""

    name: str
    status: str
    first_record: int
    records: int
    damage: Damage | None


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """Every segment with what its checksums prove."""

    directory: Path
    segments: tuple[SegmentCheck, ...]

    @property
    def ok(self) -> bool:
        """False when a closed segment does not hold; an unfinished end is no damage."""
        return all(check.status != "corrupt" for check in self.segments)

    @property
    def records(self) -> int:
        return sum(check.records for check in self.segments)


@dataclass(frozen=True, slots=True)
class SegmentInfo:
    """`bytes` of trustworthy text, `stored_bytes` on the disk; recv_ns in file order, or None."""

    name: str
    status: str
    first_record: int
    records: int
    blocks: int
    bytes: int
    stored_bytes: int
    compressed: bool
    first_recv_ns: int | None
    last_recv_ns: int | None
    created_ns: int | None
    code_version: str | None
    settings_sha256: str | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class Count:
    """How many records share a source and a type; None where the record has none."""

    src: str | None
    type: str | None
    records: int


@dataclass(frozen=True, slots=True)
class JournalInfo:
    """All segments, their sums, and what kinds of records they hold, most frequent first.

    `unreadable` records hold by their checksum, and yet are no JSON object of the expected shape.
    """

    directory: Path
    segments: tuple[SegmentInfo, ...]
    records: int
    bytes: int
    stored_bytes: int
    first_recv_ns: int | None
    last_recv_ns: int | None
    counts: tuple[Count, ...]
    unreadable: int


def verify(directory: Path) -> VerifyReport:
    """Check every segment, also those after a damaged one. InputError: not a journal."""
    checks = []
    for walk, blocks in _segments(directory):
        for _ in blocks:
            pass
        name = walk.segment.path.name
        # A whole block that does not match its checksum is no unfinished write, closed or not.
        broken = walk.damage is not None and walk.damage.expected is not None
        status = "corrupt" if broken else walk.status
        checks.append(SegmentCheck(name, status, walk.segment.first, walk.records, walk.damage))
    return VerifyReport(directory, tuple(checks))


def _segments(directory: Path) -> Iterator[tuple[SegmentWalk, Iterator[list[bytes]]]]:
    """Each segment and its blocks, to be read up; one after a damaged one may begin anywhere."""
    chain: Chain | None = None
    for walk in walks(list_segments(directory)):
        yield walk, walk.blocks(chain)
        chain = walk.chain


class _Tally:
    """Counts records by source and type and notes the receive times at both ends."""

    def __init__(self) -> None:
        self._decode = msgspec.json.Decoder(Envelope).decode
        self.counts: Counter[tuple[str | None, str | None]] = Counter()
        self.unreadable = 0
        self.first_recv_ns: int | None = None
        self.last_recv_ns: int | None = None

    def add(self, records: list[bytes]) -> None:
        for record in records:
            try:
                envelope = self._decode(record)
            except msgspec.DecodeError:
                self.unreadable += 1
                continue
            self.counts[envelope.src, envelope.type] += 1
            if envelope.recv_ns is not None:
                if self.first_recv_ns is None:
                    self.first_recv_ns = envelope.recv_ns
                self.last_recv_ns = envelope.recv_ns


def inspect(directory: Path) -> JournalInfo:
    """Read the whole journal and describe it, damaged segments too. InputError: not a journal."""
    segments: list[SegmentInfo] = []
    counts: Counter[tuple[str | None, str | None]] = Counter()
    unreadable = 0
    for walk, blocks in _segments(directory):
        tally = _Tally()
        for records in blocks:
            tally.add(records)
        counts += tally.counts
        unreadable += tally.unreadable
        segments.append(_segment_info(walk, tally))
    timed = [s for s in segments if s.first_recv_ns is not None]
    return JournalInfo(
        directory=directory,
        segments=tuple(segments),
        records=sum(s.records for s in segments),
        bytes=sum(s.bytes for s in segments),
        stored_bytes=sum(s.stored_bytes for s in segments),
        first_recv_ns=timed[0].first_recv_ns if timed else None,
        last_recv_ns=timed[-1].last_recv_ns if timed else None,
        counts=tuple(Count(src, kind, n) for (src, kind), n in counts.most_common()),
        unreadable=unreadable,
    )


def _segment_info(walk: SegmentWalk, tally: _Tally) -> SegmentInfo:
    header = walk.header
    return SegmentInfo(
        name=walk.segment.path.name,
        status=walk.status,
        first_record=walk.segment.first,
        records=walk.records,
        blocks=walk.blocks_read,
        bytes=walk.offset,
        stored_bytes=walk.segment.stored_bytes,
        compressed=not walk.segment.plain,
        first_recv_ns=tally.first_recv_ns,
        last_recv_ns=tally.last_recv_ns,
        created_ns=None if header is None else header.created_ns,
        code_version=None if header is None else header.code_version,
        settings_sha256=None if header is None else header.settings_sha256,
        problem=None if walk.damage is None else f"line {walk.damage.line}: {walk.damage}",
    )
