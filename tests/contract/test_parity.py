"""Profile v1 against golden rows of the reference system, and the command that compares them."""

from __future__ import annotations

import argparse
import gzip
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from cli.parity import add_parser, check_files
from cli.parity.rows import CHECKS
from kairos.errors import InputError

GOLDEN = Path(__file__).parent / "golden"
SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "golden"
FILES = sorted(GOLDEN.glob("*.jsonl.gz"))
ROWS = {
    "edge": 53,
    "sigma": 15,
    "pipeline": 17,
    "build": 29,
    "loop": 31,
    "fee": 218,
    "idempotency": 12,
    "score": 8,
    "outcome": 8,
    "bounds_payload": 6,
    "bounds_ticker": 3,
    "quote_validate": 4,
    "max_contracts": 4,
    "exec_gate": 8,
}
PROB_YES = 0.8948886066264958

Row = dict[str, Any]
Run = Callable[..., tuple[int, str, str]]


@cache
def lines(kind: str) -> tuple[str, ...]:
    """The committed golden rows of a kind, not decoded yet."""
    text = "".join(gzip.decompress(path.read_bytes()).decode() for path in FILES)
    return tuple(line for line in text.splitlines() if f'"kind":"{kind}"' in line)


def read(kind: str, at: int = 0) -> Row:
    """The `at`-th committed golden row of a kind."""
    row: Row = json.loads(lines(kind)[at])
    return row


def write(tmp_path: Path, *rows: object) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


@pytest.fixture
def kairos(capsys: pytest.CaptureFixture[str]) -> Run:
    """The command line with nothing but `parity` on it: (exit code, stdout, stderr)."""
    parser = argparse.ArgumentParser(prog="kairos")
    add_parser(parser.add_subparsers(required=True))

    def invoke(*argv: str | Path) -> tuple[int, str, str]:
        try:
            args = parser.parse_args(["parity", *map(str, argv)])
            code = args.run(args)
        except SystemExit as leave:
            code = leave.code if isinstance(leave.code, int) else -1
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return invoke


def test_every_golden_row_passes_and_every_kind_is_there() -> None:
    report = check_files(FILES)
    assert [failure.sentence() for failure in report.failures] == []
    assert {kind: count.passed for kind, count in report.kinds.items()} == ROWS
    assert set(ROWS) == set(CHECKS)


def test_committed_rows_stay_small() -> None:
    assert sum(path.stat().st_size for path in FILES) < 400_000


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/golden")
def test_full_golden_files_pass() -> None:
    report = check_files(sorted(SHARED.glob("*.jsonl")))
    assert [failure.sentence() for failure in report.failures] == []
    assert report.passed >= sum(ROWS.values())


def change(row: Row, path: list[str | int], value: object) -> Row:
    *above, last = path
    target: Any = row
    for name in above:
        target = target[name]
    target[last] = value
    return row


@pytest.mark.parametrize(
    ("kind", "path", "value", "field"),
    [
        ("edge", ["expected", "prob_yes"], PROB_YES + 2e-12, "expected.prob_yes"),
        ("edge", ["expected", "prob_yes"], PROB_YES + 0.9e-12, None),
        ("edge", ["expected", "raw_json", "crossed_market"], 0, "expected.raw_json.crossed_market"),
        ("edge", ["expected"], None, "expected"),
        ("sigma", ["expected_event_engine", "sigma"], 0.5, "expected_event_engine.sigma"),
        ("sigma", ["expected_event_engine", "raw_points"], 7, "expected_event_engine.raw_points"),
        ("pipeline", ["expected_summary", "skipped"], 9, "expected_summary.skipped"),
        (
            "pipeline",
            ["expected_summary", "selection", "method"],
            "x",
            "expected_summary.selection.method",
        ),
        (
            "pipeline",
            ["expected_snapshots", 1, "quote_age_seconds"],
            2,
            "expected_snapshots[1].quote_age_seconds",
        ),
        ("pipeline", ["expected_snapshots"], [], "expected_snapshots.length"),
        ("build", ["expected", "counters", "passes"], 0, "expected.counters.passes"),
        ("build", ["expected", "rows", 0, "side"], "NO", "expected.rows[0].side"),
        ("loop", ["expected", "take_rows", 0, "ev_net"], 0.07, None),
        ("loop", ["expected", "take_rows", 0, "ev_net"], 0.071, "expected.take_rows[0].ev_net"),
        ("loop", ["expected", "open_positions"], 0, "expected.open_positions"),
        ("loop", ["expected_rows_to_insert"], 0, "expected_rows_to_insert"),
        ("fee", ["expected"], 0.5, "expected"),
        ("fee", ["exact_decimal_ceil"], "0.5", "exact_decimal_ceil"),
        ("idempotency", ["expected_key"], "spot_tick:v1:0", "expected_key"),
        ("idempotency", ["event_json", "payload", "price"], 1.0, "event_json.payload.price"),
        ("score", ["expected", "error"], "x", "expected.error"),
        ("outcome", ["expected"], [1, []], "expected[0]"),
        ("bounds_payload", ["expected"], [1.0, None, None], "expected[0]"),
        ("bounds_ticker", ["expected"], [1.0, None, None], "expected[0]"),
        ("quote_validate", ["expected"], [True, None], "expected[0]"),
        ("max_contracts", ["expected"], 19, "expected"),
        ("exec_gate", ["expected"], "missing_side", "expected"),
    ],
)
def test_a_corrupted_expectation_fails_and_is_named(
    kind: str,
    path: list[str | int],
    value: object,
    field: str | None,
    tmp_path: Path,
    kairos: Run,
) -> None:
    code, out, _ = kairos(write(tmp_path, change(read(kind), path, value)))
    assert code == (0 if field is None else 1)
    if field is not None:
        assert f"rows.jsonl:1 {kind} " in out
        assert f": {field} expected " in out


@pytest.mark.parametrize("kind", sorted(CHECKS))
def test_each_missing_field_fails_the_row_and_is_named(kind: str, tmp_path: Path) -> None:
    informational = {"name", "note", "exact_decimal_ceil"}
    row = read(kind)
    for name in sorted(row.keys() - informational - {"kind"}):
        rest = {key: value for key, value in row.items() if key != name}
        report = check_files([write(tmp_path, rest)])
        assert report.failed == 1
        assert any(name in failure.mismatch.field for failure in report.failures), name


@pytest.mark.parametrize(
    ("kind", "path", "value", "field"),
    [
        ("sigma", ["params", "sigma_max"], "high", "params.sigma_max"),
        ("sigma", ["spot_history", 3], [1], "spot_history[3]"),
        ("pipeline", ["params"], [], "params"),
        ("pipeline", ["params", "top_n"], True, "params.top_n"),
        ("pipeline", ["params", "status"], 5, "params.status"),
        ("pipeline", ["events", 0], 5, "events[0]"),
        ("pipeline", ["events", 0, "payload", "price"], None, "price"),
        ("build", ["config", "best_side_only"], 1, "config.best_side_only"),
        ("build", ["snapshots"], {}, "snapshots"),
        ("loop", ["open_take_keys"], [["A", {}]], "open_take_keys[0]"),
        ("idempotency", ["payload_in", "surprise"], 1, "surprise"),
        ("exec_gate", ["open_positions"], [["A", "YES"]], "open_positions[0]"),
        ("loop", ["snapshots", 0, "asof_ts"], {"when": "now"}, "expected"),
        ("build", ["snapshots", 0, "market_id"], 5, "expected.rows"),
        ("loop", ["snapshots", 0, "market_id"], 5, "(row)"),
    ],
)
def test_inputs_of_the_wrong_shape_fail_the_row(
    kind: str, path: list[str | int], value: object, field: str, tmp_path: Path
) -> None:
    report = check_files([write(tmp_path, change(read(kind), path, value))])
    assert report.failed == 1
    assert any(failure.mismatch.field.startswith(field) for failure in report.failures)


@pytest.mark.parametrize("row", [{"kind": "mystery"}, {"kind": 7}, {"expected": 1}])
def test_an_unknown_kind_is_a_failure(row: Row, tmp_path: Path, kairos: Run) -> None:
    code, out, _ = kairos(write(tmp_path, read("fee"), row))
    assert code == 1
    assert "rows.jsonl:2" in out
    assert ": kind expected " in out


@pytest.mark.parametrize("text", ["", "\n  \n"])
def test_a_file_without_rows_is_a_failure(text: str, tmp_path: Path, kairos: Run) -> None:
    path = tmp_path / "empty.jsonl"
    path.write_text(text)
    code, out, _ = kairos(path, FILES[-1])
    assert code == 1
    assert "empty.jsonl (no rows) -: rows expected" in out


def test_order_of_takes_is_checked(tmp_path: Path) -> None:
    row = next(
        one for at in range(31) if len((one := read("loop", at))["expected"]["take_rows"]) > 1
    )
    row["expected"]["take_rows"].reverse()
    report = check_files([write(tmp_path, row)])
    assert [failure.mismatch.field for failure in report.failures] == ["expected.take_rows.order"]


def test_passes_of_different_reasons_may_mix_but_not_those_of_one(tmp_path: Path) -> None:
    """The reference says how takes are sorted, not how the passes of filters interleave."""
    row = _loop("loop-037")
    passes = row["expected"]["pass_rows"]
    row["expected"]["pass_rows"] = passes[3:] + passes[:3]
    assert check_files([write(tmp_path, row)]).failed == 0
    row["expected"]["pass_rows"] = passes[::-1]
    assert check_files([write(tmp_path, row)]).failed == 1


def _loop(identity: str) -> Row:
    return next(one for at in range(31) if (one := read("loop", at))["id"] == identity)


def test_of_a_failed_tick_only_what_is_stated_is_compared(tmp_path: Path) -> None:
    row = read("pipeline")
    row["events"] = [one for one in row["events"] if one["event_type"] != "spot_tick"]
    row |= {"expected_summary": {"error": "spot_missing"}, "expected_snapshots": []}
    assert check_files([write(tmp_path, row)]).failed == 0
    row["expected_summary"]["edges_inserted"] = 5
    assert check_files([write(tmp_path, row)]).failed == 1


def test_a_refused_runner_is_compared_by_its_error(tmp_path: Path) -> None:
    row = read("loop")
    row["args"]["live"] = True
    row |= {"expected": {"error": "live_trading_not_supported"}, "expected_rows_to_insert": None}
    assert check_files([write(tmp_path, row)]).failed == 0
    row["expected"]["error"] = "no_edge_snapshots"
    assert check_files([write(tmp_path, row)]).failed == 1


def test_explanations_nobody_quoted_need_only_be_there(tmp_path: Path) -> None:
    row = read("sigma")
    row["params"]["sigma_max"] = 0.1
    summary = row["expected_event_engine"]
    summary |= {
        "sigma": 0.6,
        "sigma_ok": False,
        "sigma_source": "default",
        "sigma_quality": "fallback_default",
        "sigma_reason": "out_of_bounds",
        "sigma_reason_context": "in other words",
    }
    assert check_files([write(tmp_path, row)]).failed == 0
    summary["sigma_reason_context"] = None
    assert check_files([write(tmp_path, row)]).failed == 1


def test_json_report(tmp_path: Path, kairos: Run) -> None:
    bad = change(read("fee"), ["expected"], float("nan"))
    code, out, _ = kairos("--json", write(tmp_path, bad, read("edge")))
    report = json.loads(out, parse_constant=lambda text: pytest.fail(f"{text} is no JSON"))
    assert code == 1
    assert (report["passed"], report["failed"]) == (1, 1)
    assert report["kinds"] == {
        "fee": {"passed": 0, "failed": 1},
        "edge": {"passed": 1, "failed": 0},
    }
    failure = report["failures"][0]
    assert (failure["kind"], failure["line"], failure["field"]) == ("fee", 1, "expected")
    assert failure["expected"] == "nan"


def test_the_number_of_mismatches_shown_is_limited(tmp_path: Path, kairos: Run) -> None:
    path = write(tmp_path, *({"kind": "mystery"} for _ in range(12)))
    assert kairos(path)[1].count("mystery -: kind") == 10
    assert kairos("--show", "2", path)[1].count("mystery -: kind") == 2
    assert "of 12 mismatches" in kairos("--show", "0", path)[1]


def test_a_table_by_kind_when_all_is_well(kairos: Run) -> None:
    code, out, err = kairos(*FILES)
    assert (code, err) == (0, "")
    assert out.splitlines()[-1].split() == ["total", str(sum(ROWS.values())), "0"]


@pytest.mark.parametrize(
    ("name", "content", "where"),
    [
        ("rows.jsonl", b'{"kind": "fee"}\nnot json\n', "rows.jsonl:2: it is not JSON"),
        ("rows.jsonl", b"[1, 2]\n", "rows.jsonl:1: it is a JSON list, not an object"),
        ("rows.jsonl", b"\xff\xfe\n", "rows.jsonl:1: it is not UTF-8 text"),
        ("rows.jsonl", b"[" * 200_000, "rows.jsonl:1: it is not JSON"),
        ("rows.jsonl.gz", b"plain text", "rows.jsonl.gz:1: it cannot be read"),
        ("rows.jsonl.gz", gzip.compress(b"{}\n" * 9, mtime=0)[:-9], "it cannot be read"),
    ],
)
def test_a_file_that_cannot_be_used_is_exit_3_with_a_remedy(
    name: str, content: bytes, where: str, tmp_path: Path, kairos: Run
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    code, out, err = kairos(path)
    assert (code, out) == (3, "")
    assert where in err
    assert err.rstrip()[-1] != ":"


def test_missing_files_and_directories_are_exit_3(tmp_path: Path, kairos: Run) -> None:
    code, _, err = kairos(tmp_path / "nowhere.jsonl")
    assert (code, "there is no such file" in err) == (3, True)
    code, _, err = kairos(tmp_path)
    assert (code, "it is a directory" in err) == (3, True)
    with pytest.raises(InputError):
        check_files([tmp_path])


@pytest.mark.parametrize("argv", [(), ("--show", "-1", "x"), ("--show", "few", "x"), ("--no", "x")])
def test_a_wrong_command_line_is_exit_2(argv: tuple[str, ...], kairos: Run) -> None:
    assert kairos(*argv)[0] == 2


def test_help_has_an_example_and_the_exit_codes(kairos: Run) -> None:
    code, out, _ = kairos("--help")
    assert code == 0
    assert "kairos parity tests/contract/golden" in out
    assert "3  a file cannot be used" in out


def test_plain_files_are_read_too(tmp_path: Path, kairos: Run) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(read("fee")).encode())
    assert kairos(path)[0] == 0
