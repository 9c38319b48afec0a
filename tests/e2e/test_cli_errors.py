"""How `kairos` ends when it cannot do what it was asked: in words, never with a traceback."""

from __future__ import annotations

import gzip
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.cli import KAIROS, TIMEOUT_S, Teller, kairos


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
        ["demo", "--minutes", "0", "--out", "{scratch}/demo"],
        ["demo", "--minutes", "ten", "--out", "{scratch}/demo"],
        ["demo", "--out", "{session}"],
        ["demo", "--speed", "0"],
        ["paper", "--seconds", "0"],
        ["paper", "--state", "MAYBE"],
        ["live"],
        ["live", "--real-orders"],
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
        ["replay", "{session}", "--outcomes", "{missing}", "--out", "{scratch}/run"],
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
    told = tell("replay", tmp_path / "missing.jsonl", "--out", tmp_path / "run", "--json")
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
