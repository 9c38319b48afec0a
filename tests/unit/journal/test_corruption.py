"""A closed segment that was altered anywhere is found out, with the place and the remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from hotpath.journal import read_records, verify
from kairos.errors import JournalCorrupt
from tests.support.journal import open_journal, record, segments, write_blocks


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """Two closed segments; the first has two blocks."""
    with open_journal(tmp_path) as journal:
        write_blocks(journal, [2, 1])
    with open_journal(tmp_path) as journal:
        write_blocks(journal, [1], first=3)
    return tmp_path


def test_every_flipped_byte_of_a_closed_segment_is_found(closed: Path) -> None:
    path = segments(closed)[0]
    text = path.read_bytes()
    for offset in range(len(text)):
        for flip in (0x01, 0xFF):
            damaged = bytearray(text)
            damaged[offset] ^= flip
            path.write_bytes(damaged)
            report = verify(closed)
            assert not report.ok, (offset, flip)
            assert [check.status for check in report.segments] == ["corrupt", "closed"]
            with pytest.raises(JournalCorrupt, match=path.name):
                list(read_records(closed))


def test_every_flipped_byte_of_the_last_closed_segment_is_noticed(closed: Path) -> None:
    path = segments(closed)[1]
    text = path.read_bytes()
    for offset in range(len(text)):
        damaged = bytearray(text)
        damaged[offset] ^= 0x01
        path.write_bytes(damaged)
        assert verify(closed).segments[1].status in {"corrupt", "torn"}, offset


def test_every_flipped_byte_of_a_compressed_segment_is_found_or_harmless(closed: Path) -> None:
    original = list(read_records(closed))
    with open_journal(closed) as journal:
        journal.maintain(now_ns=0)
    path = segments(closed)[0]
    assert path.suffix == ".zst"
    packed = path.read_bytes()
    found = 0
    for offset in range(len(packed)):
        damaged = bytearray(packed)
        damaged[offset] ^= 0x01
        path.write_bytes(damaged)
        if verify(closed).ok:
            assert list(read_records(closed)) == original, offset
        else:
            found += 1
    assert found > len(packed) * 0.9


@pytest.mark.parametrize("keep", [0, 1, 10, 50, -30, -1])
def test_shortened_compressed_segment_is_found(closed: Path, keep: int) -> None:
    with open_journal(closed) as journal:
        journal.maintain(now_ns=0)
    path = segments(closed)[0]
    path.write_bytes(path.read_bytes()[:keep])
    assert [check.status for check in verify(closed).segments] == ["corrupt", "closed"]


def test_error_names_file_line_checksums_and_remedy(closed: Path) -> None:
    path = segments(closed)[0]
    text = path.read_bytes()
    path.write_bytes(text.replace(record(1), record(7)))
    line = text.splitlines()
    trailer = next(n for n, each in enumerate(line, 1) if b'"type":"block"' in each)
    expected = line[trailer - 1][-10:-2].decode()
    with pytest.raises(JournalCorrupt) as raised:
        list(read_records(closed))
    message = str(raised.value)
    assert f"{path}:{trailer}:" in message
    assert "block of records 0 to 1: checksum differs" in message
    assert f"expected {expected}, actual " in message
    assert "Restore the file from a copy" in message


def test_records_before_the_damage_are_still_yielded(closed: Path) -> None:
    path = segments(closed)[0]
    path.write_bytes(path.read_bytes().replace(record(2), record(7)))
    seen: list[bytes] = []
    with pytest.raises(JournalCorrupt):
        seen.extend(read_records(closed))
    assert seen == [record(0), record(1)]


def test_missing_segment_is_found_by_the_next_one(closed: Path) -> None:
    with open_journal(closed) as journal:
        write_blocks(journal, [1], first=4)
    segments(closed)[1].unlink()
    report = verify(closed)
    assert [check.status for check in report.segments] == ["closed", "corrupt"]
    assert "first record number differs (expected 3, actual 4)" in str(report.segments[1].damage)


def test_segment_of_another_journal_is_found_by_the_chain(closed: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    with open_journal(other) as journal:
        write_blocks(journal, [3], first=50)
    with open_journal(other) as journal:
        write_blocks(journal, [1], first=3)
    path = segments(closed)[1]
    path.write_bytes(segments(other)[1].read_bytes())
    with pytest.raises(JournalCorrupt, match="checksum of the segment before differs"):
        list(read_records(closed))


def test_oldest_segments_may_be_missing(closed: Path) -> None:
    segments(closed)[0].unlink()
    assert verify(closed).ok
    assert list(read_records(closed)) == [record(3)]


def test_reopening_a_journal_whose_last_segment_is_damaged_touches_nothing(closed: Path) -> None:
    path = segments(closed)[1]
    path.write_bytes(path.read_bytes().replace(record(3), record(8)))
    before = {p.name: p.read_bytes() for p in segments(closed)}
    with pytest.raises(JournalCorrupt, match=path.name):
        open_journal(closed)
    assert {p.name: p.read_bytes() for p in segments(closed)} == before
    path.write_bytes(path.read_bytes().replace(record(8), record(3)))
    open_journal(closed).close()
