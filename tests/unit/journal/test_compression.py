"""Closed segments are compressed without a moment at which a crash could lose one."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import zstandard

from hotpath.journal import inspect, read_records, verify
from kairos.errors import InputError
from tests.support.journal import (
    FakeDisk,
    killed_copy,
    open_journal,
    record,
    segments,
    write_blocks,
)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """Three closed segments of six records each."""
    directory = tmp_path / "journal"
    for session in range(3):
        with open_journal(directory) as journal:
            write_blocks(journal, [6], first=6 * session)
    return directory


ALL = [record(n) for n in range(18)]


def names(directory: Path) -> list[str]:
    return [path.name.removeprefix("journal-000000000000000000") for path in segments(directory)]


def test_only_closed_segments_are_compressed(written: Path) -> None:
    with open_journal(written) as journal:
        write_blocks(journal, [1], first=18)
        done = journal.maintain(now_ns=0)
        assert names(written) == ["00.jsonl.zst", "06.jsonl.zst", "12.jsonl.zst", "18.jsonl"]
        assert [c.name for c in done.compressed] == [p.name for p in segments(written)[:3]]
        assert all(c.bytes_after < c.bytes_before for c in done.compressed)
        assert journal.maintain(now_ns=0).compressed == ()
        assert list(read_records(written)) == [*ALL, record(18)]
    assert verify(written).ok
    assert [s.compressed for s in inspect(written).segments] == [True, True, True, False]


def test_compression_can_be_switched_off(written: Path) -> None:
    with open_journal(written, compress=False) as journal:
        assert journal.maintain(now_ns=0).compressed == ()
    assert names(written) == ["00.jsonl", "06.jsonl", "12.jsonl"]


def test_compressed_segments_are_what_zstd_itself_reads(written: Path) -> None:
    original = segments(written)[0].read_bytes()
    with open_journal(written) as journal:
        journal.maintain(now_ns=0)
    assert zstandard.ZstdDecompressor().decompress(segments(written)[0].read_bytes()) == original
    tool = subprocess.run(
        ["sh", "-c", 'command -v zstdcat >/dev/null || exit 77; zstdcat "$1"', "-",
         segments(written)[0]],
        capture_output=True,
        check=False,
    )  # fmt: skip
    if tool.returncode == 77:
        pytest.skip("needs zstdcat")
    assert tool.stdout == original


def test_journal_goes_on_after_a_compressed_segment(written: Path) -> None:
    with open_journal(written) as journal:
        journal.maintain(now_ns=0)
    with open_journal(written) as journal:
        assert journal.records == 18
        write_blocks(journal, [1], first=18)
    assert list(read_records(written)) == [*ALL, record(18)]


def compressed_form(path: Path) -> Path:
    target = path.with_name(path.name + ".zst")
    target.write_bytes(zstandard.compress(path.read_bytes()))
    return target


def test_killed_while_compressing_leaves_a_temporary_file_that_opening_removes(
    written: Path,
) -> None:
    temporary = segments(written)[1].with_name(segments(written)[1].name + ".zst.tmp")
    temporary.write_bytes(b"half a fra")
    assert list(read_records(written)) == ALL
    open_journal(written).close()
    assert not temporary.exists()
    assert names(written) == ["00.jsonl", "06.jsonl", "12.jsonl"]


def test_killed_before_removing_the_original_leaves_two_forms_that_read_as_one(
    written: Path,
) -> None:
    compressed_form(segments(written)[1])
    assert list(read_records(written)) == ALL
    assert verify(written).ok
    open_journal(written).close()
    assert names(written) == ["00.jsonl", "06.jsonl.zst", "12.jsonl"]
    assert list(read_records(written)) == ALL


@pytest.mark.parametrize("content", [b"", b"no frame", zstandard.compress(b"something else\n")])
def test_compressed_form_that_differs_never_replaces_the_original(
    written: Path, content: bytes
) -> None:
    original = segments(written)[1]
    original.with_name(original.name + ".zst").write_bytes(content)
    assert list(read_records(written)) == ALL
    open_journal(written).close()
    assert names(written) == ["00.jsonl", "06.jsonl", "12.jsonl"]
    assert list(read_records(written)) == ALL


def test_failing_disk_while_compressing_keeps_the_original(written: Path) -> None:
    disk = FakeDisk()
    with open_journal(written, disk) as journal:
        disk.fail_syncs = True
        with pytest.raises(InputError, match="Input/output error"):
            journal.maintain(now_ns=0)
        disk.fail_syncs = False
    assert names(written) == ["00.jsonl", "06.jsonl", "12.jsonl"]


def test_reader_finds_a_segment_that_is_compressed_under_its_hands(written: Path) -> None:
    records = read_records(written)
    begun = [next(records)]
    with open_journal(written) as journal:
        journal.maintain(now_ns=0)
    assert begun + list(records) == ALL


def test_copy_taken_at_any_moment_of_compression_reads_whole(written: Path, tmp_path: Path) -> None:
    class CopyingDisk(FakeDisk):
        """Each sync is a boundary at which the power could fail: keep a copy of that moment."""

        def sync(self, fd: int) -> None:
            super().sync(fd)
            copies.append(killed_copy(written, tmp_path / f"copy{len(copies)}"))

    copies: list[Path] = []
    with open_journal(written, CopyingDisk()) as journal:
        journal.maintain(now_ns=0)
    assert len(copies) >= 9
    for copy in copies:
        assert list(read_records(copy)) == ALL
        open_journal(copy).close()
        assert list(read_records(copy)) == ALL
        assert verify(copy).ok
