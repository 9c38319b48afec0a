"""Wherever a write breaks off, reopening keeps exactly the whole blocks and tells the rest."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hotpath.journal import Torn, inspect, read_records, verify
from kairos.errors import JournalCorrupt
from tests.support.journal import (
    FakeDisk,
    killed_copy,
    open_journal,
    record,
    segments,
    write_blocks,
)

BLOCKS = [2, 1, 3]


@pytest.fixture
def unclosed(tmp_path: Path) -> Path:
    """A directory as a killed process leaves it: one segment of three blocks, no closing line."""
    with open_journal(tmp_path / "live") as journal:
        write_blocks(journal, BLOCKS)
        return killed_copy(tmp_path / "live", tmp_path / "killed")


def block_ends(text: bytes) -> list[int]:
    """Offsets after each block trailer."""
    ends, offset = [], 0
    for line in text.splitlines(keepends=True):
        offset += len(line)
        if b'"src":"journal","type":"block"' in line:
            ends.append(offset)
    return ends


def test_every_cut_keeps_exactly_the_whole_blocks(unclosed: Path, tmp_path: Path) -> None:
    path = segments(unclosed)[0]
    text = path.read_bytes()
    ends = block_ends(text)
    assert len(ends) == len(BLOCKS)
    for cut in range(len(text) + 1):
        whole = sum(BLOCKS[: sum(end <= cut for end in ends)])
        directory = tmp_path / "cut"
        directory.mkdir()
        (directory / path.name).write_bytes(text[:cut])
        assert_goes_on_after(directory, whole)
        shutil.rmtree(directory)


def assert_goes_on_after(directory: Path, whole: int) -> None:
    """Reopen, append, close: the whole blocks and the new records are there, and it verifies."""
    with open_journal(directory) as journal:
        assert journal.recovery is not None
        assert journal.records == whole
        journal.append_effect(record(whole))
        journal.append(record(whole + 1))
    assert list(read_records(directory)) == [record(n) for n in range(whole + 2)]
    assert verify(directory).ok
    with open_journal(directory) as journal:
        assert journal.recovery is None


def test_recovery_says_what_was_dropped_and_keeps_it(unclosed: Path) -> None:
    path = segments(unclosed)[0]
    text = path.read_bytes()
    end = block_ends(text)[1]
    path.write_bytes(text[:-5])
    with open_journal(unclosed) as journal:
        recovery = journal.recovery
    assert recovery is not None
    assert (recovery.path, recovery.offset) == (path, end)
    assert (recovery.records_dropped, recovery.bytes_dropped) == (3, len(text) - 5 - end)
    assert recovery.set_aside[0].read_bytes() == text[end:-5]
    message = str(recovery)
    assert str(path) in message
    assert f"byte {end}" in message
    assert "3 records" in message
    assert recovery.set_aside[0].name in message


def test_killed_between_blocks_drops_nothing(unclosed: Path) -> None:
    with open_journal(unclosed) as journal:
        assert journal.recovery is not None
        assert journal.recovery.bytes_dropped == 0
        assert "nothing was dropped" in str(journal.recovery)
    assert len(list(read_records(unclosed))) == sum(BLOCKS)


def test_reader_yields_the_whole_blocks_of_a_torn_journal_and_reports(unclosed: Path) -> None:
    path = segments(unclosed)[0]
    path.write_bytes(path.read_bytes() + b'{"half a rec')
    torn: list[Torn] = []
    assert list(read_records(unclosed, torn.append)) == [record(n) for n in range(sum(BLOCKS))]
    assert [(t.path, t.damage.detail) for t in torn] == [(path, "the last block is unfinished")]
    assert list(read_records(unclosed)) == [record(n) for n in range(sum(BLOCKS))]
    report = verify(unclosed)
    assert report.ok
    assert [check.status for check in report.segments] == ["torn"]
    assert inspect(unclosed).segments[0].problem == "line 11: the last block is unfinished"


def test_damage_inside_an_unclosed_segment_ends_the_journal_there(unclosed: Path) -> None:
    path = segments(unclosed)[0]
    text = bytearray(path.read_bytes())
    text[block_ends(bytes(text))[0] + 3] ^= 1
    path.write_bytes(text)
    with open_journal(unclosed) as journal:
        assert journal.recovery is not None
        assert journal.recovery.records_dropped == 4
        assert "checksum differs" in journal.recovery.reason
        assert journal.records == 2


def test_garbage_after_a_closing_line_is_cut_off(unclosed: Path) -> None:
    open_journal(unclosed).close()
    path = segments(unclosed)[0]
    closed = path.read_bytes()
    path.write_bytes(closed + b"\0" * 100)
    with open_journal(unclosed) as journal:
        assert journal.recovery is not None
        assert journal.recovery.bytes_dropped == 100
    assert path.read_bytes() == closed
    assert verify(unclosed).ok


def unclosed_segments(tmp_path: Path) -> Path:
    """Three segments of two blocks, the last two not closed: rotated, but never settled."""
    with open_journal(tmp_path / "live", segment_bytes_max=1024) as journal:
        write_blocks(journal, [6] * 6)
    directory = killed_copy(tmp_path / "live", tmp_path / "killed")
    paths = segments(directory)
    assert len(paths) == 3
    for path in paths[1:]:
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(lines[:-1]))
    return directory


def test_rotated_segments_that_were_never_closed_are_all_kept(tmp_path: Path) -> None:
    directory = unclosed_segments(tmp_path)
    assert [check.status for check in verify(directory).segments] == ["closed", "open", "open"]
    assert len(list(read_records(directory))) == 36
    with open_journal(directory) as journal:
        assert journal.records == 36
    assert [check.status for check in verify(directory).segments] == ["closed"] * 3


def test_torn_closing_line_loses_nothing_of_the_segments_after_it(tmp_path: Path) -> None:
    directory = unclosed_segments(tmp_path)
    second = segments(directory)[1]
    text = second.read_bytes()
    closing = segments(directory)[0].read_bytes().splitlines()[-1]
    for cut in range(1, len(closing) + 1):
        killed = killed_copy(directory, tmp_path / f"cut{cut}")
        (killed / second.name).write_bytes(text + closing[:cut])
        torn: list[Torn] = []
        assert len(list(read_records(killed, torn.append))) == 36
        assert torn == []
        assert verify(killed).ok
        with open_journal(killed) as journal:
            assert journal.records == 36
            assert journal.recovery is not None
            assert (journal.recovery.records_dropped, journal.recovery.bytes_dropped) == (0, cut)
        assert list(read_records(killed)) == [record(n) for n in range(36)]


def test_hole_before_an_unclosed_segment_sets_that_segment_aside(tmp_path: Path) -> None:
    directory = unclosed_segments(tmp_path)
    first, second, third = segments(directory)
    second.write_bytes(second.read_bytes()[:-20])
    torn: list[Torn] = []
    assert len(list(read_records(directory, torn.append))) == 18
    assert [each.path for each in torn] == [second]
    with open_journal(directory) as journal:
        recovery = journal.recovery
        assert journal.records == 18
    assert recovery is not None
    assert recovery.path == second
    assert recovery.records_dropped == 6 + 12
    assert [p.name.partition(".")[2] for p in recovery.set_aside] == [
        f"dropped-{recovery.offset}",
        "dropped-0",
    ]
    assert not third.exists()
    assert list(read_records(directory)) == [record(n) for n in range(18)]
    assert verify(directory).ok
    assert first.exists()


def test_unclosed_segment_before_a_closed_one_is_corruption(tmp_path: Path) -> None:
    directory = unclosed_segments(tmp_path)
    with open_journal(directory) as journal:
        write_blocks(journal, [1], first=36)
    path = segments(directory)[1]
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    report = verify(directory)
    assert not report.ok
    assert [check.status for check in report.segments] == ["closed", "corrupt", "closed", "closed"]
    with pytest.raises(JournalCorrupt, match="the closing line is missing"):
        list(read_records(directory))


def test_interrupted_recovery_can_be_repeated(unclosed: Path) -> None:
    path = segments(unclosed)[0]
    path.write_bytes(path.read_bytes()[:-5])
    disk = FakeDisk()
    disk.fail_after_bytes = 10  # the closing line does not fit any more
    with pytest.raises(Exception, match="No space left"):
        open_journal(unclosed, disk)
    assert_goes_on_after(unclosed, 3)
