"""What is appended is read back: same records, same order, across segments and reopenings."""

from __future__ import annotations

import json
import subprocess
import tempfile
import threading
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotpath.journal import is_journal, read_records, verify
from kairos.errors import Corrupt, InputError, UsageError
from tests.support.journal import (
    FakeDisk,
    SteppingClock,
    open_journal,
    record,
    segments,
    write_blocks,
)

# Anything but a newline; some records look like the journal's own control lines.
RECORDS = st.lists(
    st.one_of(
        st.binary(max_size=600).filter(lambda r: b"\n" not in r),
        st.sampled_from(
            [
                b'{"src":"journal","type":"closed","crc32":"00000000"}',
                b'{"src":"journal","type":"block","first":0,"records":1,"bytes":1,"crc32":"00000000"}',
                b'{"src":"journal",',
            ]
        ),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(
    sessions=st.lists(RECORDS, min_size=1, max_size=4),
    segment_bytes_max=st.sampled_from([1024, 3000, 1024 * 1024]),
    flush_every=st.integers(1, 20),
    maintained=st.booleans(),
)
def test_records_come_back_in_order(
    sessions: list[list[bytes]], segment_bytes_max: int, flush_every: int, maintained: bool
) -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        for records in sessions:
            with open_journal(directory, segment_bytes_max=segment_bytes_max) as journal:
                for number, each in enumerate(records):
                    journal.append(each)
                    if number % flush_every == 0:
                        journal.flush()
                if maintained:
                    journal.maintain(now_ns=0)
        assert list(read_records(directory)) == [each for one in sessions for each in one]
        assert verify(directory).ok


def test_flush_makes_records_readable_while_the_journal_is_open(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        written = write_blocks(journal, [3, 1])
        journal.append(record(4))
        assert list(read_records(tmp_path)) == written
        assert journal.records == 5


def test_a_journal_recorded_into_a_journal_comes_back_whole(tmp_path: Path) -> None:
    inner, outer = tmp_path / "inner", tmp_path / "outer"
    with open_journal(inner) as journal:
        write_blocks(journal, [2, 3])
    lines = b"".join(path.read_bytes() for path in segments(inner)).splitlines()
    with open_journal(outer) as journal:
        for line in lines * 2:
            journal.append_effect(line)
        for line in lines * 2:
            journal.append(line)
    assert list(read_records(outer)) == lines * 4
    assert verify(outer).ok


def test_numbering_and_checksums_continue_over_reopening(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        write_blocks(journal, [5])
    with open_journal(tmp_path) as journal:
        assert journal.recovery is None
        assert journal.records == 5
        write_blocks(journal, [2], first=5)
    closing = json.loads(segments(tmp_path)[0].read_bytes().splitlines()[-2])
    opening = json.loads(segments(tmp_path)[1].read_bytes().splitlines()[0])
    assert segments(tmp_path)[1].name == "journal-00000000000000000005.jsonl"
    assert (opening["first"], opening["previous_crc32"]) == (5, closing["crc32"])
    assert opening["code_version"] == "test"


def test_every_line_is_json_that_jq_and_grep_can_take_apart(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        written = write_blocks(journal, [2, 2])
    lines = segments(tmp_path)[0].read_bytes().splitlines()
    own = [json.loads(line)["type"] for line in lines if b'"src":"journal"' in line]
    assert own == ["segment", "block", "block", "closed"]
    found = subprocess.run(
        ["grep", "-v", '^{"src":"journal",', segments(tmp_path)[0]],
        capture_output=True,
        check=True,
    )
    assert found.stdout.splitlines() == written


def test_record_with_a_newline_is_refused_and_the_rest_is_kept(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        journal.append(record(0))
        with pytest.raises(Corrupt, match="line break"):
            journal.append(b'{"a":\n1}')
        with pytest.raises(Corrupt, match="line break"):
            journal.append(record(1) + b"\n")
        journal.append(record(1))
    assert list(read_records(tmp_path)) == [record(0), record(1)]


def test_record_longer_than_a_block_gets_a_block_of_its_own(tmp_path: Path) -> None:
    giant = b'{"raw":"' + b"x" * 10_000 + b'"}'
    with open_journal(tmp_path, block_bytes=1024) as journal:
        for each in (record(0), giant, record(1)):
            journal.append(each)
    assert list(read_records(tmp_path)) == [record(0), giant, record(1)]


def test_blocks_are_written_without_flush_once_buffers_fill(tmp_path: Path) -> None:
    with open_journal(tmp_path, block_bytes=16_384) as journal:
        for number in range(2_000):
            journal.append(record(number))
        assert journal.records == 2_000
        assert len(list(read_records(tmp_path))) >= 1_000
    assert list(read_records(tmp_path)) == [record(n) for n in range(2_000)]


def test_full_buffers_make_the_caller_wait_and_nothing_is_lost(tmp_path: Path) -> None:
    total, block_bytes = 5_000, 16_384
    disk = FakeDisk()
    disk.gate.clear()
    with open_journal(tmp_path, disk, block_bytes=block_bytes) as journal:
        appended = 0

        def append_all() -> None:
            nonlocal appended
            for number in range(total):
                journal.append(record(number))
                appended = number + 1

        caller = threading.Thread(target=append_all)
        caller.start()
        assert disk.waiting.wait(timeout=30)
        caller.join(timeout=0.5)
        assert caller.is_alive()
        assert appended * len(record(0)) < 2 * block_bytes + 2 * 128 * len(record(total))
        disk.gate.set()
        caller.join(timeout=30)
    assert list(read_records(tmp_path)) == [record(n) for n in range(total)]


def test_short_writes_are_continued(tmp_path: Path) -> None:
    disk = FakeDisk()
    disk.bytes_per_write = 7
    with open_journal(tmp_path, disk) as journal:
        written = write_blocks(journal, [3, 3])
    assert list(read_records(tmp_path)) == written
    assert verify(tmp_path).ok


def test_second_writer_is_refused_and_told_who_has_the_directory(tmp_path: Path) -> None:
    with (
        open_journal(tmp_path),
        pytest.raises(UsageError, match=r"is being written by process \d+"),
    ):
        open_journal(tmp_path)
    open_journal(tmp_path).close()


def test_closed_journal_refuses_to_append(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    journal.close()
    journal.close()
    with pytest.raises(UsageError, match="closed"):
        journal.append(record(0))


def test_journal_without_records_leaves_no_segment(tmp_path: Path) -> None:
    open_journal(tmp_path).close()
    assert segments(tmp_path) == []
    assert list(read_records(tmp_path)) == []
    assert is_journal(tmp_path)


def test_directory_without_a_journal_is_refused_with_a_remedy(tmp_path: Path) -> None:
    assert not is_journal(tmp_path)
    assert not is_journal(tmp_path / "absent")
    with pytest.raises(InputError, match=r"not a journal directory.*Name the directory"):
        list(read_records(tmp_path))
    with pytest.raises(InputError, match="cannot be read"):
        list(read_records(tmp_path / "absent"))


def test_reader_of_a_segment_deleted_under_its_hands_is_told_to_read_again(tmp_path: Path) -> None:
    for first in (0, 1):
        with open_journal(tmp_path) as journal:
            write_blocks(journal, [1], first=first)
    records = read_records(tmp_path)
    assert next(records) == record(0)
    segments(tmp_path)[1].unlink()
    with pytest.raises(InputError, match=r"was deleted since .* read again"):
        next(records)


def test_segment_of_a_later_format_is_left_alone(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        write_blocks(journal, [1])
    path = segments(tmp_path)[0]
    line, _, rest = path.read_bytes().partition(b"\n")
    text = line.replace(b'"format":1', b'"format":2').rpartition(b',"crc32"')[0]
    signed = b'%b,"crc32":"%08x"}' % (text, zlib.crc32(text))
    path.write_bytes(signed + b"\n" + rest)
    with pytest.raises(InputError, match="journal format 2"):
        open_journal(tmp_path, clock=SteppingClock())
    assert path.read_bytes() == signed + b"\n" + rest
