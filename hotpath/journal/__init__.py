"""The journal: session recording, write-ahead log and replay input in one (docs/journal.md)."""

from hotpath.journal.disk import Disk, OsDisk
from hotpath.journal.export import ExportReport, export
from hotpath.journal.journal import Journal, Maintenance
from hotpath.journal.reader import Damage, Torn, read_records
from hotpath.journal.recovery import Recovery
from hotpath.journal.report import (
    Count,
    JournalInfo,
    SegmentCheck,
    SegmentInfo,
    VerifyReport,
    inspect,
    verify,
)
from hotpath.journal.segments import is_journal
from hotpath.journal.settings import FsyncPolicy, JournalSettings

__all__ = [
    "Count",
    "Damage",
    "Disk",
    "ExportReport",
    "FsyncPolicy",
    "Journal",
    "JournalInfo",
    "JournalSettings",
    "Maintenance",
    "OsDisk",
    "Recovery",
    "SegmentCheck",
    "SegmentInfo",
    "Torn",
    "VerifyReport",
    "export",
    "inspect",
    "is_journal",
    "read_records",
    "verify",
]
