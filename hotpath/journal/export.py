"""Turning a journal, or a part of it, into a capture file that replay and others read."""

from __future__ import annotations

import gzip
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Protocol

import msgspec
import zstandard

from hotpath.journal.format import TEMPORARY_SUFFIX
from hotpath.journal.reader import Torn, read_records
from hotpath.journal.report import Envelope
from kairos.errors import InputError, UsageError

SUFFIXES: Final = (".jsonl", ".jsonl.gz", ".jsonl.zst")
_BATCH_RECORDS: Final = 4096


class _Sink(Protocol):
    def write(self, data: bytes, /) -> object: ...


@dataclass(frozen=True, slots=True)
class ExportReport:
    """`untimed`: records left out because a time was asked for and they carry no recv_ns."""

    out: Path
    records: int
    untimed: int
    torn: Torn | None


@dataclass(slots=True)
class _Selection:
    """Which records to keep; times are nanoseconds, `since_ns` inclusive, `until_ns` exclusive."""

    sources: Collection[str] | None
    types: Collection[str] | None
    since_ns: int | None
    until_ns: int | None
    untimed: int = 0
    torn: Torn | None = None

    def records(self, directory: Path) -> Iterator[bytes]:
        records = read_records(directory, on_torn=self._note_torn)
        if self == _Selection(None, None, None, None):
            yield from records
            return
        decode = msgspec.json.Decoder(Envelope).decode
        for number, record in enumerate(records):
            try:
                wanted = self._wants(decode(record))
            except msgspec.DecodeError as error:
                raise InputError(
                    directory,
                    f"record {number} of those present cannot be selected by its content: {error}",
                    "Export without filters and select with jq",
                ) from error
            if wanted:
                yield record

    def _note_torn(self, torn: Torn) -> None:
        self.torn = torn

    def _wants(self, envelope: Envelope) -> bool:
        if self.sources is not None and envelope.src not in self.sources:
            return False
        if self.types is not None and envelope.type not in self.types:
            return False
        if self.since_ns is None and self.until_ns is None:
            return True
        if envelope.recv_ns is None:
            self.untimed += 1
            return False
        late_enough = self.since_ns is None or envelope.recv_ns >= self.since_ns
        return late_enough and (self.until_ns is None or envelope.recv_ns < self.until_ns)


def export(
    directory: Path,
    out: Path,
    *,
    sources: Collection[str] | None = None,
    types: Collection[str] | None = None,
    since_ns: int | None = None,
    until_ns: int | None = None,
    overwrite: bool = False,
) -> ExportReport:
    """Write the chosen records, one per line, compressed as the name of `out` says.

    None chooses all. `out` appears whole or not at all. The journal's control lines stay out.
    UsageError: `out` has another suffix, or exists. JournalCorrupt, InputError: as read_records.
    """
    if not out.name.endswith(SUFFIXES):
        raise UsageError(f"{out}: name it *{', *'.join(SUFFIXES)}")
    if out.exists() and not overwrite:
        raise UsageError(f"{out} exists: choose another name, or ask for it to be replaced")
    selection = _Selection(sources, types, since_ns, until_ns)
    try:
        with _appearing(out) as sink:
            written = _write_lines(selection.records(directory), sink)
    except OSError as error:
        raise InputError(
            out,
            f"cannot be written: {error.strerror or error}",
            "Free space, or choose another place",
        ) from error
    return ExportReport(out, written, selection.untimed, selection.torn)


def _write_lines(records: Iterator[bytes], sink: _Sink) -> int:
    written = 0
    batch: list[bytes] = []
    for record in records:
        batch.append(record)
        if len(batch) == _BATCH_RECORDS:
            sink.write(b"\n".join(batch) + b"\n")
            written += len(batch)
            batch.clear()
    if batch:
        sink.write(b"\n".join(batch) + b"\n")
    return written + len(batch)


@contextmanager
def _appearing(out: Path) -> Iterator[_Sink]:
    """A file that gets its name only once it is complete and on the disk."""
    temporary = out.with_name(out.name + TEMPORARY_SUFFIX)
    try:
        with temporary.open("wb") as file:
            with _compressing(file, out.name) as sink:
                yield sink
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(out)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def _compressing(file: BinaryIO, name: str) -> Iterator[_Sink]:
    if name.endswith(".gz"):
        with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
            yield packed
    elif name.endswith(".zst"):
        compressor = zstandard.ZstdCompressor(level=3, write_checksum=True)
        with compressor.stream_writer(file, closefd=False) as stream:
            yield stream
    else:
        yield file
