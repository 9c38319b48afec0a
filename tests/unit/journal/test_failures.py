"""What the disk refuses reaches the caller, and nothing is written after it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hotpath.journal import FsyncPolicy, read_records, verify
from hotpath.journal.format import BLOCK_BYTES_MAX
from kairos.errors import Corrupt, InputError
from tests.support.journal import FakeDisk, open_journal, record, segments, write_blocks


def test_full_disk_fails_the_flush_and_every_step_after_it(tmp_path: Path) -> None:
    disk = FakeDisk()
    journal = open_journal(tmp_path, disk)
    write_blocks(journal, [3])
    disk.fail_after_bytes = 40
    journal.append(record(3))
    with pytest.raises(InputError, match=r"No space left on device.*from number 3 on"):
        journal.flush()
    disk.fail_after_bytes = None
    journal.append(record(4))
    for step in (journal.flush, journal.close):
        with pytest.raises(InputError, match="No space left on device"):
            step()
    assert list(read_records(tmp_path)) == [record(n) for n in range(3)]
    with open_journal(tmp_path) as reopened:
        assert reopened.recovery is not None
        assert reopened.recovery.bytes_dropped == 40
        assert reopened.records == 3


def test_failure_on_the_writer_thread_reaches_the_caller(tmp_path: Path) -> None:
    disk = FakeDisk()
    disk.fail_after_bytes = 0
    journal = open_journal(tmp_path, disk, block_bytes=8192)
    with pytest.raises(InputError, match="from number 0 on are not in it"):
        for number in range(100_000):
            journal.append(record(number))
    with pytest.raises(InputError, match="No space left"):
        journal.close()
    open_journal(tmp_path).close()


def test_failure_nobody_asked_about_is_raised_by_close(tmp_path: Path) -> None:
    disk = FakeDisk()
    journal = open_journal(tmp_path, disk)
    disk.fail_after_bytes = 0
    journal.append(record(0))
    with pytest.raises(InputError, match="No space left"):
        journal.close()
    open_journal(tmp_path).close()


def test_failure_of_the_journal_does_not_hide_what_went_wrong_first(tmp_path: Path) -> None:
    disk = FakeDisk()
    with pytest.raises(ZeroDivisionError) as raised, open_journal(tmp_path, disk) as journal:
        disk.fail_after_bytes = 0
        journal.append(record(0))
        raise ZeroDivisionError
    assert "No space left" in raised.value.__notes__[0]
    open_journal(tmp_path).close()


def test_failed_sync_is_not_tried_again(tmp_path: Path) -> None:
    disk = FakeDisk()
    journal = open_journal(tmp_path, disk, fsync=FsyncPolicy.BLOCK)
    write_blocks(journal, [1])
    disk.fail_syncs = True
    journal.append(record(1))
    with pytest.raises(InputError, match="Input/output error"):
        journal.flush()
    disk.fail_syncs = False
    with pytest.raises(InputError, match="Input/output error"):
        journal.flush()
    with pytest.raises(InputError, match="Input/output error"):
        journal.close()


def test_sync_that_fails_at_rotation_reaches_the_caller(tmp_path: Path) -> None:
    disk = FakeDisk()
    journal = open_journal(tmp_path, disk, segment_bytes_max=1024)
    disk.fail_syncs = True
    with pytest.raises(InputError, match="Input/output error"):
        for number in range(100_000):
            journal.append_effect(record(number))
    with pytest.raises(InputError, match="Input/output error"):
        journal.close()


def test_interrupted_write_is_not_repeated(tmp_path: Path) -> None:
    class InterruptedDisk(FakeDisk):
        interrupt = False

        def sync(self, fd: int) -> None:
            if self.interrupt:
                self.interrupt = False
                raise KeyboardInterrupt
            super().sync(fd)

    disk = InterruptedDisk()
    journal = open_journal(tmp_path, disk, fsync=FsyncPolicy.BLOCK)
    write_blocks(journal, [2])
    disk.interrupt = True
    journal.append(record(2))
    with pytest.raises(KeyboardInterrupt):
        journal.flush()
    with pytest.raises(InputError, match="KeyboardInterrupt"):
        journal.close()
    with open_journal(tmp_path) as reopened:
        assert reopened.records == 3
    assert list(read_records(tmp_path)) == [record(n) for n in range(3)]
    assert verify(tmp_path).ok


def test_records_that_could_not_be_read_back_are_refused(tmp_path: Path) -> None:
    giant = b'{"raw":"' + b"x" * BLOCK_BYTES_MAX + b'"}'
    journal = open_journal(tmp_path)
    journal.append(giant)
    with pytest.raises(Corrupt, match="would never be read again"):
        journal.flush()
    with pytest.raises(InputError, match="cannot be written"):
        journal.close()


def test_directory_that_cannot_be_made_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="cannot be kept"):
        open_journal(tmp_path / "file" / "journal")


@pytest.mark.parametrize(
    ("fsync", "syncs"),
    [(FsyncPolicy.BLOCK, 4), (FsyncPolicy.ROTATE, 0)],
    ids=["block", "rotate"],
)
def test_fsync_policy_decides_how_often_a_flush_syncs(
    tmp_path: Path, fsync: FsyncPolicy, syncs: int
) -> None:
    disk = FakeDisk()
    with open_journal(tmp_path, disk, fsync=fsync) as journal:
        write_blocks(journal, [1, 1, 1])
        assert disk.syncs == syncs  # one of the four is the directory's
    assert disk.syncs > syncs


def test_interval_policy_syncs_from_the_writer_thread(tmp_path: Path) -> None:
    disk = FakeDisk()
    synced = disk.synced
    with open_journal(tmp_path, disk, fsync=FsyncPolicy.INTERVAL, fsync_interval_ms=1) as journal:
        write_blocks(journal, [1])
        assert synced.wait(timeout=30)
    assert segments(tmp_path)
