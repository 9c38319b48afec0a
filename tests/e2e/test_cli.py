"""The `kairos` command as a user runs it: what it prints, writes, and does the same every time."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.support.cli import Teller, kairos, sha256
from tests.support.documents import ROOT

COMMANDS = (
    "demo", "replay", "report", "parity", "journal", "lots", "sim", "doctor", "paper", "shadow",
    "live",
)  # fmt: skip
ACTIONS = ("inspect", "verify", "export")
FILL_MODELS = ("pessimistic", "realistic", "optimistic")


# Help and versions


@pytest.mark.parametrize(
    "arguments",
    [[], *([command] for command in COMMANDS), *(["journal", action] for action in ACTIONS)],
    ids=" ".join,
)
def test_help_says_what_it_does_and_which_codes_it_ends_with(
    tell: Teller, arguments: Sequence[str]
) -> None:
    told = tell(*arguments, "--help")
    assert told.code == 0
    assert told.err == ""
    assert told.out.startswith("usage: kairos")
    assert "exit codes" in told.out.lower()


def test_help_lists_every_command(tell: Teller) -> None:
    listed = re.findall(r"^    ([a-z]+) ", tell("--help").out, re.MULTILINE)
    assert sorted(listed) == sorted(COMMANDS)


def test_installed_command_starts_and_states_its_version() -> None:
    done = kairos("--version")
    assert done.returncode == 0
    assert re.fullmatch(r"kairos [0-9]+\.[0-9]+\.[0-9]+\n", done.stdout)


# A run, and what it leaves


def test_replay_prints_its_summary_as_json_and_nothing_else(
    run: Path, summary: dict[str, Any]
) -> None:
    assert printed(run) == summary
    Draft202012Validator(schema()).validate(summary)
    assert summary["messages"] > 10_000
    assert summary["decisions"]["total"] > 1_000
    assert set(summary["fill_range"]) == set(FILL_MODELS)


def printed(directory: Path) -> dict[str, Any]:
    said: dict[str, Any] = json.loads((directory / "printed.json").read_text("utf-8"))
    return said


def schema() -> dict[str, Any]:
    read: dict[str, Any] = json.loads((ROOT / "docs" / "summary.schema.json").read_text("utf-8"))
    return read


def test_decisions_hash_is_that_of_the_file(run: Path, summary: dict[str, Any]) -> None:
    assert summary["decisions_sha256"] == sha256(run / "decisions.jsonl")


def test_decisions_are_counted_as_they_were_written(run: Path, summary: dict[str, Any]) -> None:
    verdicts: dict[str, int] = {}
    reasons: dict[str, int] = {}
    for line in (run / "decisions.jsonl").read_text("utf-8").splitlines():
        decision = json.loads(line)
        assert (decision["verdict"] == "PASS") == bool(decision["reasons"])
        verdicts[decision["verdict"]] = verdicts.get(decision["verdict"], 0) + 1
        for reason in decision["reasons"]:
            reasons[reason] = reasons.get(reason, 0) + 1
    assert verdicts == summary["decisions"]["by_outcome"]
    assert reasons == summary["decisions"]["by_reason"]
    assert sum(verdicts.values()) == summary["decisions"]["total"]


def test_every_order_in_the_file_follows_from_a_decision(
    run: Path, summary: dict[str, Any]
) -> None:
    acting = {
        (decision["ts_ns"], decision["market"])
        for decision in map(json.loads, (run / "decisions.jsonl").read_text("utf-8").splitlines())
        if decision["verdict"] != "PASS"
    }
    lines = [json.loads(line) for line in (run / "orders.jsonl").read_text("utf-8").splitlines()]
    submitted, denied = (
        [(line["ts_ns"], line["market"]) for line in lines if line["event"] == event]
        for event in ("submitted", "denied")
    )
    assert len(submitted) == summary["orders"]["submitted"]
    assert len(denied) == summary["risk"]["denied"]
    assert {*submitted, *denied} == acting


def test_another_process_makes_the_same_decisions(
    run: Path, summary: dict[str, Any], tmp_path: Path
) -> None:
    session = run / "session.jsonl.gz"
    done = kairos("replay", session, "--out", tmp_path, "--json", hash_seed=2)
    assert done.returncode == 0, done.stderr
    again = json.loads(done.stdout)
    for name in ("decisions.jsonl", "orders.jsonl"):
        assert sha256(tmp_path / name) == sha256(run / name), name
    for key in ("decisions_sha256", "pnl", "books", "fill_range", "quarantined", "scores"):
        assert again[key] == summary[key], key


# The demo


def test_demo_trades_over_sockets_and_its_journal_gives_its_decisions(demo: Path) -> None:
    summary = printed(demo)
    Draft202012Validator(schema()).validate(summary)
    assert summary["journal_replay"]["identical"] is True
    assert summary["live"]["mode"] == "paper"
    assert summary["messages"] > 1_000
    assert summary["decisions"]["total"] > 100
    assert summary["decisions_sha256"] == sha256(demo / "decisions.jsonl")


def test_replaying_the_demos_journal_gives_its_decisions(
    tell: Teller, demo: Path, tmp_path: Path
) -> None:
    told = tell("replay", demo / "journal", "--out", tmp_path, "--json")
    assert told.code == 0
    summary = printed(demo)
    for key in ("decisions_sha256", "messages", "pnl", "books", "orders", "fills"):
        assert told.json()[key] == summary[key], key


# Replay


@pytest.mark.parametrize("source", ["session.jsonl.gz", "journal"])
def test_replaying_capture_or_journal_gives_the_same_decisions(
    tell: Teller, run: Path, summary: dict[str, Any], tmp_path: Path, source: str
) -> None:
    told = tell("replay", run / source, "--fills", "realistic", "--out", tmp_path, "--json")
    assert told.code == 0
    for key in ("decisions_sha256", "messages", "pnl", "books", "orders", "fills", "scores"):
        assert told.json()[key] == summary[key], key
    assert sha256(tmp_path / "decisions.jsonl") == summary["decisions_sha256"]


@pytest.mark.parametrize("model", FILL_MODELS)
def test_one_fill_model_alone_gives_its_part_of_the_range(
    tell: Teller, run: Path, summary: dict[str, Any], tmp_path: Path, model: str
) -> None:
    told = tell("replay", run / "session.jsonl.gz", "--fills", model, "--out", tmp_path, "--json")
    assert told.code == 0
    assert told.json()["fill_model"] == model
    assert told.json()["fill_range"] == {model: summary["fill_range"][model]}


def test_a_capture_unpacked_gives_the_same_decisions(
    tell: Teller, run: Path, summary: dict[str, Any], tmp_path: Path
) -> None:
    plain = tmp_path / "plain.jsonl"
    plain.write_bytes(gzip.decompress((run / "session.jsonl.gz").read_bytes()))
    told = tell("replay", plain, "--fills", "realistic", "--out", tmp_path / "run", "--json")
    assert told.json()["decisions_sha256"] == summary["decisions_sha256"]


def test_v1_can_be_replayed_and_decides_otherwise(
    tell: Teller, run: Path, summary: dict[str, Any], tmp_path: Path
) -> None:
    told = tell(
        "replay", run / "session.jsonl.gz", "--profile", "v1", "--fills", "realistic",
        "--out", tmp_path, "--json",
    )  # fmt: skip
    assert told.code == 0
    assert told.json()["profile"] == "v1"
    assert told.json()["decisions_sha256"] != summary["decisions_sha256"]


def test_a_setting_reaches_the_strategy_and_the_summary(
    tell: Teller, run: Path, tmp_path: Path
) -> None:
    config = tmp_path / "settings.toml"
    config.write_text("latency_ms = 80\n[strategy]\nmin_ev = 0.5\n", encoding="utf-8")
    told = tell(
        "replay", run / "session.jsonl.gz", "--fills", "realistic", "--out", tmp_path / "run",
        "--config", config, "--set", "strategy.min_ev=0.9", "--json",
    )  # fmt: skip
    settings = told.json()["settings"]
    assert settings["strategy.min_ev"] == "0.9"
    assert settings["paper.latency_ns"] == "80000000"
    assert told.json()["orders"]["submitted"] == 0


@pytest.mark.parametrize("speed", [1000, 100])
def test_speed_holds_the_pace_and_changes_no_decision(
    tell: Teller, run: Path, summary: dict[str, Any], tmp_path: Path, speed: int
) -> None:
    session = run / "session.jsonl.gz"
    told = tell("replay", session, "--speed", speed, "--out", tmp_path, "--json")
    assert told.code == 0
    due = told.json()["span_seconds"] / speed
    assert due <= told.json()["wall_seconds"] + 0.01
    # Processing may be slower than the pace asked for; then it takes what it takes.
    assert told.json()["wall_seconds"] < due + 30
    assert told.json()["decisions_sha256"] == summary["decisions_sha256"]


def test_tables_name_the_result_and_where_it_is(tell: Teller, run: Path, tmp_path: Path) -> None:
    told = tell("replay", run / "session.jsonl.gz", "--fills", "realistic", "--out", tmp_path)
    assert told.code == 0
    for text in ("PnL gross - fees = net", "ev_below_threshold", "report.html", "sha256"):
        assert text in told.out


# Report, journal, parity


def test_report_is_drawn_again_byte_for_byte(tell: Teller, run: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.html"
    told = tell("report", run, "--out", again, "--json")
    assert told.code == 0
    assert told.json()["report"] == str(again)
    assert again.read_bytes() == (run / "report.html").read_bytes()


def test_journal_holds_the_inputs_and_is_whole(
    tell: Teller, run: Path, summary: dict[str, Any], tmp_path: Path
) -> None:
    checked = tell("journal", "verify", run / "journal", "--json")
    assert checked.code == 0
    assert checked.json()["ok"] is True
    held = tell("journal", "inspect", run / "journal", "--json").json()
    assert checked.json()["records"] >= summary["messages"] + summary["decisions"]["total"]
    inputs = sum(each["records"] for each in held["counts"] if each["src"] != "engine")
    assert inputs == summary["messages"]
    out = tmp_path / "inputs.jsonl"
    told = tell(
        "journal", "export", run / "journal", out, "--json",
        "--src", "kalshi_ws", "--src", "coinbase_ws", "--src", "recorder",
    )  # fmt: skip
    assert told.code == 0
    assert out.read_bytes() == gzip.decompress((run / "session.jsonl.gz").read_bytes())


def test_a_changed_byte_in_a_journal_is_found(tell: Teller, run: Path, tmp_path: Path) -> None:
    segment = next(iter(sorted((run / "journal").glob("journal-*.jsonl"))))
    content = bytearray(segment.read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / segment.name).write_bytes(content)
    told = tell("journal", "verify", tmp_path, "--json")
    assert told.code == 1
    assert told.json()["ok"] is False
    assert tell("replay", tmp_path, "--out", tmp_path / "run", "--quiet").code == 1


def test_parity_holds_and_says_so(tell: Teller) -> None:
    golden = sorted((ROOT / "tests" / "contract" / "golden").glob("*.jsonl.gz"))
    told = tell("parity", "--json", *golden)
    assert told.code == 0
    assert told.json()["failed"] == 0
    assert told.json()["passed"] > 100


def test_parity_fails_on_a_row_that_differs(tell: Teller, tmp_path: Path) -> None:
    row = {"kind": "fee", "price_cents": 50, "contracts": 1, "expected": 0.03}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    told = tell("parity", "--json", tmp_path / "rows.jsonl")
    assert told.code == 1
    assert told.json()["failed"] == 1
