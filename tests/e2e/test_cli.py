"""The `kairos` command as a user runs it: outputs, exit codes, and the same result every time."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from cli.main import main
from tests.support.documents import ROOT

KAIROS = Path(sys.executable).with_name("kairos")
COMMANDS = ("demo", "replay", "report", "parity", "journal")
ACTIONS = ("inspect", "verify", "export")
FILL_MODELS = ("pessimistic", "realistic", "optimistic")
MINUTES = 5
TIMEOUT_S = 120


def kairos(*arguments: object, hash_seed: int = 0) -> subprocess.CompletedProcess[str]:
    """Run the installed command in a process of its own."""
    command = [str(KAIROS), *map(str, arguments)]
    environment = os.environ | {"PYTHONHASHSEED": str(hash_seed)}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=TIMEOUT_S, env=environment, check=False
    )


class Told:
    """What one call in this process printed and returned."""

    def __init__(self, code: int | str | None, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    def json(self) -> Any:  # noqa: ANN401
        return json.loads(self.out)


class Teller:
    """Calls the command in this process, which saves its start."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: object) -> Told:
        self._capsys.readouterr()
        try:
            code: int | str | None = main([str(each) for each in arguments])
        except SystemExit as ended:
            code = ended.code
        printed = self._capsys.readouterr()
        return Told(code, printed.out, printed.err)


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Teller:
    return Teller(capsys)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a finished demo."""
    out = tmp_path_factory.mktemp("demo")
    done = kairos("demo", "--minutes", MINUTES, "--out", out, "--json", hash_seed=1)
    assert done.returncode == 0, done.stderr
    (out / "printed.json").write_text(done.stdout, encoding="utf-8")
    return out


@pytest.fixture(scope="module")
def summary(run: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((run / "summary.json").read_text("utf-8"))
    return read


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


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


# The demo, and what it leaves


def test_demo_prints_its_summary_as_json_and_nothing_else(
    run: Path, summary: dict[str, Any]
) -> None:
    printed = json.loads((run / "printed.json").read_text("utf-8"))
    assert printed == summary
    schema = json.loads((ROOT / "docs" / "summary.schema.json").read_text("utf-8"))
    Draft202012Validator(schema).validate(summary)
    assert summary["messages"] > 10_000
    assert summary["decisions"]["total"] > 1_000
    assert summary["journal_replay"]["identical"] is True
    assert set(summary["fill_range"]) == set(FILL_MODELS)


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
    submitted = [(line["ts_ns"], line["market"]) for line in lines if line["event"] == "submitted"]
    assert len(submitted) == summary["orders"]["submitted"]
    assert set(submitted) == acting


def test_another_process_makes_the_same_session_and_the_same_decisions(
    run: Path, summary: dict[str, Any], tmp_path: Path
) -> None:
    done = kairos("demo", "--minutes", MINUTES, "--out", tmp_path, "--json", hash_seed=2)
    assert done.returncode == 0, done.stderr
    again = json.loads(done.stdout)
    for name in ("session.jsonl.gz", "decisions.jsonl", "orders.jsonl"):
        assert sha256(tmp_path / name) == sha256(run / name), name
    for key in ("decisions_sha256", "pnl", "books", "fill_range", "quarantined", "scores"):
        assert again[key] == summary[key], key


def test_demo_starts_afresh_in_the_same_directory(tell: Teller, tmp_path: Path) -> None:
    demo = ("demo", "--minutes", 4, "--out", tmp_path, "--json")
    first, second = tell(*demo), tell(*demo)
    assert first.code == second.code == 0
    assert first.json()["decisions_sha256"] == second.json()["decisions_sha256"]
    assert first.json()["journal_replay"] == second.json()["journal_replay"]


# Replay


@pytest.mark.parametrize("source", ["session.jsonl.gz", "journal"])
def test_replaying_capture_or_journal_gives_the_demos_decisions(
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
    assert checked.json()["records"] == summary["journal_replay"]["records"]
    held = tell("journal", "inspect", run / "journal", "--json").json()
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


# What goes wrong


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["trade"],
        ["replay"],
        ["replay", "{session}", "--fills", "hopeful"],
        ["replay", "{session}", "--profile", "v3"],
        ["replay", "{session}", "--latency-ms", "soon"],
        ["replay", "{session}", "--speed", "fast"],
        ["replay", "{session}", "--speed", "0"],
        ["replay", "{session}", "--set", "strategy.min_ev"],
        ["replay", "{session}", "--set", "strategy.min_eV=0.1"],
        ["replay", "{session}", "--set", "strategy=1"],
        ["replay", "{session}", "--set", "strategy.min_ev=much"],
        ["replay", "{session}", "--set", "strategy.min_ev=nan"],
        ["replay", "{session}", "--set", "strategy.spot_stale_seconds=inf"],
        ["replay", "{session}", "--set", "strategy.loss_max_dollars=0"],
        ["replay", "{session}", "--set", "strategy.volatility.half_life_seconds=0"],
        ["replay", "{session}", "--set", "latency_ms=-1"],
        ["replay", "{session}", "--set", "engine.opening_cash=-1"],
        ["replay", "{session}", "--config", "{missing}"],
        ["replay", "{session}", "--config", "{session}"],
        ["replay", "{session}", "--out", "{session}"],
        ["demo", "--minutes", "1"],
        ["demo", "--minutes", "ten"],
        ["demo", "--out", "{session}"],
        ["parity"],
        ["parity", "{session}", "--show", "-1"],
        ["journal"],
        ["journal", "mend", "{journal}"],
        ["journal", "export", "{journal}", "{scratch}/out.txt"],
        ["journal", "export", "{journal}", "{scratch}/out.jsonl", "--since", "yesterday"],
    ],
    ids=lambda arguments: " ".join(arguments) or "nothing",
)
def test_bad_usage_is_told_in_words_and_ends_with_2(
    tell: Teller, run: Path, tmp_path: Path, arguments: Sequence[str]
) -> None:
    told = tell(*filled_in(arguments, run, tmp_path))
    assert told.code == 2
    assert "kairos" in told.err
    assert "Traceback" not in told.err


def filled_in(arguments: Sequence[str], run: Path, scratch: Path) -> list[str]:
    places = {
        "session": run / "session.jsonl.gz",
        "journal": run / "journal",
        "missing": scratch / "missing",
        "scratch": scratch,
    }
    return [argument.format(**places) for argument in arguments]


UNUSABLE = {
    "empty.jsonl": b"",
    "prose.jsonl": b"this is not a capture\nnor is this\n",
    "binary.jsonl": b"\x00\x01\x02\x03" * 64,
    "cut.jsonl.gz": gzip.compress(b"{}\n" * 1000, mtime=0)[:12],
    "array.jsonl": b"[1, 2, 3]\n",
}


@pytest.mark.parametrize("name", ["missing.jsonl", "folder", *UNUSABLE])
def test_an_unusable_capture_ends_with_3_and_names_the_file(
    tell: Teller, tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    if name == "folder":
        path.mkdir()
    elif name in UNUSABLE:
        path.write_bytes(UNUSABLE[name])
    told = tell("replay", path, "--out", tmp_path / "run", "--json")
    assert told.code == 3
    assert name in told.err
    assert name in told.json()["error"]["message"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["report", "{scratch}"],
        ["report", "{missing}"],
        ["journal", "verify", "{scratch}"],
        ["journal", "inspect", "{missing}"],
        ["journal", "export", "{missing}", "{scratch}/out.jsonl"],
        ["parity", "{missing}"],
        ["parity", "{scratch}"],
        ["replay", "{session}", "--outcomes", "{missing}"],
    ],
    ids=" ".join,
)
def test_an_unusable_input_ends_with_3(
    tell: Teller, run: Path, tmp_path: Path, arguments: Sequence[str]
) -> None:
    told = tell(*filled_in(arguments, run, tmp_path))
    assert told.code == 3
    assert str(tmp_path) in told.err
    assert "Traceback" not in told.err


def test_errors_are_one_json_object_with_json(tell: Teller, tmp_path: Path) -> None:
    told = tell("replay", tmp_path / "missing.jsonl", "--json")
    assert told.json() == {
        "error": {"kind": "InputError", "message": f"{tmp_path}/missing.jsonl: no such file. "
                  "Check the path."}
    }  # fmt: skip


def test_a_process_with_bad_usage_shows_no_traceback() -> None:
    done = kairos("replay", "nowhere.jsonl", "--set", "nothing=1")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_interrupting_ends_with_130(run: Path, tmp_path: Path) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        pytest.skip("needs SIGINT, which was ignored when these tests were started")
    out = tmp_path / "run"
    command = [str(KAIROS), "replay", str(run / "session.jsonl.gz"), "--speed", "1", "--quiet"]
    child = subprocess.Popen([*command, "--out", str(out)], stderr=subprocess.PIPE, text=True)
    give_up = time.monotonic() + TIMEOUT_S
    while not (out / "decisions.jsonl").exists() and time.monotonic() < give_up:
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    _, errors = child.communicate(timeout=TIMEOUT_S)
    assert child.returncode == 130
    assert errors == "kairos: interrupted\n"


def test_a_reader_that_leaves_early_is_no_error(run: Path) -> None:
    child = subprocess.Popen(
        [str(KAIROS), "report", str(run), "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert child.stdout is not None
    child.stdout.close()
    assert child.stderr is not None
    errors = child.stderr.read().decode()
    child.stderr.close()
    assert child.wait(TIMEOUT_S) == 0
    assert errors == ""
