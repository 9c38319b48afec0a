"""What is taken out of a journal is a capture: the chosen records, whole or not at all."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
import zstandard

from hotpath.journal import export
from kairos.errors import InputError, JournalCorrupt, UsageError
from tests.support.journal import START_NS, open_journal, record, segments

ENGINE = b'{"src":"engine","type":"Decision","data":{"ts_ns":1}}'
SPOT = b'{"recv_ns":%d,"src":"coinbase_ws","type":"match"}' % (START_NS + 2)
ALL = [record(0), record(1), SPOT, ENGINE, record(3)]


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    directory = tmp_path / "journal"
    for part in (ALL[:2], ALL[2:]):
        with open_journal(directory) as opened:
            for each in part:
                opened.append(each)
    return directory


def lines(records: list[bytes]) -> bytes:
    return b"".join(each + b"\n" for each in records)


def test_everything_but_the_control_lines_is_exported(journal: Path, tmp_path: Path) -> None:
    out = tmp_path / "all.jsonl"
    report = export(journal, out)
    assert out.read_bytes() == lines(ALL)
    assert (report.records, report.untimed, report.torn) == (5, 0, None)


def test_suffix_decides_the_compression(journal: Path, tmp_path: Path) -> None:
    export(journal, tmp_path / "a.jsonl.gz")
    export(journal, tmp_path / "a.jsonl.zst")
    assert gzip.decompress((tmp_path / "a.jsonl.gz").read_bytes()) == lines(ALL)
    with (tmp_path / "a.jsonl.zst").open("rb") as packed:
        unpacked = zstandard.ZstdDecompressor().stream_reader(packed).read()
    assert unpacked == lines(ALL)


def test_sources_types_and_times_select(journal: Path, tmp_path: Path) -> None:
    def chosen(**filters: object) -> list[bytes]:
        out = tmp_path / "some.jsonl"
        export(journal, out, overwrite=True, **filters)  # type: ignore[arg-type]
        return out.read_bytes().splitlines()

    assert chosen(sources={"kalshi_ws"}) == [record(0), record(1), record(3)]
    assert chosen(sources={"kalshi_ws", "engine"}, types={"Decision"}) == [ENGINE]
    assert chosen(since_ns=START_NS + 1, until_ns=START_NS + 3) == [record(1), SPOT]
    assert chosen(until_ns=START_NS + 1) == [record(0)]


def test_records_without_a_time_are_counted_when_a_time_is_asked_for(
    journal: Path, tmp_path: Path
) -> None:
    assert export(journal, tmp_path / "a.jsonl", since_ns=0).untimed == 1


def test_same_journal_gives_the_same_bytes(journal: Path, tmp_path: Path) -> None:
    for suffix in (".jsonl.gz", ".jsonl.zst"):
        first, second = tmp_path / f"1{suffix}", tmp_path / f"2{suffix}"
        export(journal, first)
        export(journal, second)
        assert first.read_bytes() == second.read_bytes()


def test_existing_file_is_replaced_only_on_request(journal: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.jsonl"
    out.write_bytes(b"precious")
    with pytest.raises(UsageError, match="exists"):
        export(journal, out)
    assert out.read_bytes() == b"precious"
    export(journal, out, overwrite=True)
    assert out.read_bytes() == lines(ALL)


def test_unknown_suffix_is_refused(journal: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.jsonl\.zst"):
        export(journal, tmp_path / "a.csv")


def test_damage_leaves_no_file_behind(journal: Path, tmp_path: Path) -> None:
    path = segments(journal)[1]
    path.write_bytes(path.read_bytes().replace(b"coinbase", b"coinbose"))
    out = tmp_path / "out" / "a.jsonl"
    out.parent.mkdir()
    with pytest.raises(JournalCorrupt):
        export(journal, out)
    assert list(out.parent.iterdir()) == []


def test_torn_end_is_left_out_and_reported(journal: Path, tmp_path: Path) -> None:
    path = segments(journal)[1]
    path.write_bytes(path.read_bytes()[:-1])
    report = export(journal, tmp_path / "a.jsonl")
    assert report.torn is not None
    assert report.records == 5


def test_place_that_cannot_be_written_is_named(journal: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="absent"):
        export(journal, tmp_path / "absent" / "a.jsonl")


def test_records_that_are_no_json_are_exported_unless_selected_by_content(tmp_path: Path) -> None:
    with open_journal(tmp_path / "j") as opened:
        opened.append(b"no json")
    assert export(tmp_path / "j", tmp_path / "a.jsonl").records == 1
    with pytest.raises(InputError, match=r"record 0 .* cannot be selected by its content"):
        export(tmp_path / "j", tmp_path / "b.jsonl", sources={"kalshi_ws"})
