"""What an operator may choose about the journal, checked before a byte is written."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from kairos.errors import UsageError

KIBIBYTE: Final = 1024
MEBIBYTE: Final = 1024 * KIBIBYTE
GIBIBYTE: Final = 1024 * MEBIBYTE


class FsyncPolicy(StrEnum):
    """When written bytes are forced to the disk. None of them matters for a killed process."""

    BLOCK = "block"  # every block: a flush that returned survives a power cut
    INTERVAL = "interval"  # every `fsync_interval_ms`, from the writer thread
    ROTATE = "rotate"  # when a segment is closed, and nothing in between


@dataclass(frozen=True, slots=True)
class JournalSettings:
    """Bytes are counted before compression, except `retention_bytes_max` (bytes on disk).

    `block_bytes` is the size of each of the two buffers: one fills while the other is written.
    None for a retention limit means that this limit never deletes anything.
    """

    directory: Path
    segment_bytes_max: int = 64 * MEBIBYTE
    block_bytes: int = 2 * MEBIBYTE
    retention_days: int | None = None
    retention_bytes_max: int | None = None
    compress: bool = True
    fsync: FsyncPolicy = FsyncPolicy.ROTATE
    fsync_interval_ms: int | None = None

    def __post_init__(self) -> None:
        _require("segment_bytes_max", self.segment_bytes_max, KIBIBYTE, 16 * GIBIBYTE)
        _require("block_bytes", self.block_bytes, KIBIBYTE, 64 * MEBIBYTE)
        if self.retention_days is not None:
            _require("retention_days", self.retention_days, 1, 36_500)
        if self.retention_bytes_max is not None:
            _require("retention_bytes_max", self.retention_bytes_max, KIBIBYTE, 2**62)
        self._require_known_fsync()

    def _require_known_fsync(self) -> None:
        if self.fsync not in frozenset(FsyncPolicy):
            known = ", ".join(FsyncPolicy)
            raise UsageError(f"journal setting fsync: {self.fsync!r} is none of {known}")
        if self.fsync == FsyncPolicy.INTERVAL:
            if self.fsync_interval_ms is None:
                raise UsageError("journal setting fsync_interval_ms: required by fsync=interval")
            _require("fsync_interval_ms", self.fsync_interval_ms, 1, 3_600_000)
        elif self.fsync_interval_ms is not None:
            raise UsageError("journal setting fsync_interval_ms: only fsync=interval uses it")


def _require(field: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise UsageError(f"journal setting {field}: {value} is outside {least} to {most}")
