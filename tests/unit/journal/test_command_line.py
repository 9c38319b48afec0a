"""`kairos journal` tells a person and a script the same, and its exit code is the truth."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from cli import exits, journal
from cli.journal import _time_ns
from hotpath.journal import inspect
from kairos.errors import InputError, UsageError
from tests.support.journal import START_NS, open_journal, record, segments, write_blocks


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    place = tmp_path / "journal"
    with open_journal(place) as opened:
        write_blocks(opened, [3, 2])
    with open_journal(place) as opened:
        opened.maintain(now_ns=0)
        opened.append(b'{"src":"engine","type":"Decision"}')
    return place


def run(*arguments: str | Path) -> int:
    parser = argparse.ArgumentParser()
    journal.add_parser(parser.add_subparsers())
    args = parser.parse_args(["journal", *map(str, arguments)])
    code: int = args.run(args)
    return code


def test_inspect_counts_by_source_and_type(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("inspect", directory, "--json") == exits.OK
    shown = json.loads(capsys.readouterr().out)
    assert shown["records"] == 6
    assert shown["counts"] == [
        {"src": "kalshi_ws", "type": "orderbook_delta", "records": 5},
        {"src": "engine", "type": "Decision", "records": 1},
    ]
    first, second = shown["segments"]
    assert (first["first_recv_ns"], first["last_recv_ns"]) == (START_NS, START_NS + 4)
    assert (first["compressed"], first["status"], first["blocks"]) == (True, "closed", 2)
    assert (second["first_record"], second["records"], second["first_recv_ns"]) == (5, 1, None)
    assert first["stored_bytes"] == segments(directory)[0].stat().st_size


def test_inspect_shows_tables_to_people(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("inspect", directory) == exits.OK
    shown = capsys.readouterr().out
    assert "kalshi_ws" in shown
    assert "6 records" in shown


def test_inspect_survives_a_receive_time_beyond_any_calendar(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_journal(tmp_path) as opened:
        opened.append(b'{"recv_ns":999999999999999999999,"src":"kalshi_ws"}')
    assert run("inspect", tmp_path) == exits.OK
    assert "999999999999999999999 ns" in capsys.readouterr().out


def test_inspect_counts_records_that_are_no_json(tmp_path: Path) -> None:
    with open_journal(tmp_path) as opened:
        opened.append(b"no json")
        opened.append(record(0))
    info = inspect(tmp_path)
    assert (info.records, info.unreadable) == (2, 1)


def test_verify_is_zero_for_a_whole_journal(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("verify", directory) == exits.OK
    assert "segments: 2, records: 6, every checksum holds" in capsys.readouterr().out


def test_verify_is_one_for_a_damaged_segment_and_names_the_line(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = segments(directory)[1]
    path.write_bytes(path.read_bytes().replace(b"Decision", b"decision"))
    assert run("verify", directory) == exits.FAILED
    shown = capsys.readouterr()
    assert f"{path}:3: corrupt" in shown.err
    assert "checksum differs" in shown.err
    assert "Restore" in shown.out
    assert run("verify", directory, "--json") == exits.FAILED
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is False
    assert report["segments"][1]["damage"]["line"] == 3


def test_verify_of_a_torn_end_says_so_and_is_zero(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = segments(directory)[1]
    path.write_bytes(path.read_bytes()[:-1])
    assert run("verify", directory) == exits.OK
    assert "The end is unfinished" in capsys.readouterr().out


def test_export_writes_the_chosen_records(
    directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.jsonl"
    assert run("export", directory, out, "--src", "kalshi_ws", "--until", str(START_NS + 2)) == 0
    assert out.read_bytes().splitlines() == [record(0), record(1)]
    assert "2 records" in capsys.readouterr().out
    with pytest.raises(UsageError, match="exists"):
        run("export", directory, out)
    assert run("export", directory, out, "--force", "--json") == exits.OK
    assert json.loads(capsys.readouterr().out)["records"] == 6


def test_wrong_use_is_a_usage_error(directory: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="before --until"):
        run("export", directory, tmp_path / "a.jsonl", "--since", "5", "--until", "5")
    with pytest.raises(SystemExit, match="2"):
        run("export", directory, tmp_path / "a.jsonl", "--since", "yesterday")
    with pytest.raises(InputError, match="not a journal directory"):
        run("verify", tmp_path)


def test_times_are_exact_and_need_a_zone() -> None:
    assert _time_ns("1780000000123456789") == 1780000000123456789
    assert _time_ns("2026-05-13T15:00:00.000001Z") == 1778684400000001000
    assert _time_ns("2026-05-13T17:00:00+02:00") == 1778684400000000000
    with pytest.raises(argparse.ArgumentTypeError, match="no time zone"):
        _time_ns("2026-05-13T15:00:00")
