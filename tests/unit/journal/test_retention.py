"""Old segments go whole and oldest first, and the newest never goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from hotpath.journal import read_records, verify
from hotpath.journal.retention import NANOSECONDS_PER_DAY as DAY_NS
from tests.support.journal import (
    START_NS,
    SteppingClock,
    open_journal,
    record,
    segments,
    write_blocks,
)


@pytest.fixture
def five_days(tmp_path: Path) -> Path:
    """One closed segment of ten records a day, on days 0 to 4."""
    for day in range(5):
        clock = SteppingClock(START_NS + day * DAY_NS)
        with open_journal(tmp_path, clock=clock) as journal:
            write_blocks(journal, [10], first=10 * day)
    return tmp_path


def kept(directory: Path) -> list[int]:
    return [int(path.name.split("-")[1].split(".")[0]) for path in segments(directory)]


def test_segments_older_than_the_limit_are_deleted(five_days: Path) -> None:
    with open_journal(five_days, retention_days=2) as journal:
        gone = journal.maintain(START_NS + 5 * DAY_NS).deleted
    # The segment of day 2 ends when that of day 3 begins, which is not yet two days ago.
    assert kept(five_days) == [20, 30, 40]
    assert [d.reason for d in gone] == ["retention_days"] * 2
    assert [d.name[-10:] for d in gone] == [".jsonl.zst"] * 2
    assert list(read_records(five_days)) == [record(n) for n in range(20, 50)]
    assert verify(five_days).ok


def test_oldest_segments_are_deleted_until_the_rest_fits(five_days: Path) -> None:
    sizes = [path.stat().st_size for path in segments(five_days)]
    limit = sum(sizes[-2:])
    with open_journal(five_days, retention_bytes_max=limit, compress=False) as journal:
        gone = journal.maintain(now_ns=START_NS).deleted
        assert kept(five_days) == [30, 40]
        assert [(d.bytes, d.reason) for d in gone] == [
            (size, "retention_bytes_max") for size in sizes[:3]
        ]
        assert journal.maintain(now_ns=START_NS).deleted == ()


def test_size_is_counted_after_compression(five_days: Path) -> None:
    plain = sum(path.stat().st_size for path in segments(five_days))
    with open_journal(five_days, retention_bytes_max=plain // 2) as journal:
        assert journal.maintain(now_ns=START_NS).deleted == ()


def test_newest_closed_segment_stays_whatever_the_limits(five_days: Path) -> None:
    with open_journal(five_days, retention_days=1, retention_bytes_max=1024) as journal:
        journal.maintain(START_NS + 5_000 * DAY_NS)
        assert kept(five_days) == [40]
        write_blocks(journal, [10], first=50)
        journal.maintain(START_NS + 5_000 * DAY_NS)
        assert kept(five_days) == [40, 50]
        assert journal.records == 60
    with open_journal(five_days) as journal:
        assert journal.records == 60


def test_no_limit_deletes_nothing(five_days: Path) -> None:
    with open_journal(five_days) as journal:
        assert journal.maintain(START_NS + 5_000 * DAY_NS).deleted == ()


def test_what_a_recovery_set_aside_goes_with_its_segment(five_days: Path) -> None:
    path = segments(five_days)[4]
    path.write_bytes(path.read_bytes() + b"torn")
    with open_journal(five_days, retention_bytes_max=1024, compress=False) as journal:
        assert journal.recovery is not None
        aside = journal.recovery.set_aside[0]
        assert aside.exists()
        write_blocks(journal, [10], first=50)
        journal.maintain(START_NS)
        assert aside.exists()
    with open_journal(five_days, retention_bytes_max=1024, compress=False) as journal:
        journal.maintain(START_NS)
        assert not aside.exists()
        assert kept(five_days) == [50]
