"""`kairos sim` as a user runs it: serves, tells where, keeps its key to itself, and stops."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from cli.main import main
from tests.support.repository import ROOT

WAIT_S = 20


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "cli.main", "sim", "--json", "--minutes", "20", *arguments]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def read_report(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The JSON object that is printed before anything else happens."""
    assert process.stdout is not None
    text = ""
    while True:
        line = process.stdout.readline()
        assert line, "the command ended before it said what it serves"
        text += line
        if line == "}\n":
            report: dict[str, Any] = json.loads(text)
            return report


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, errors = process.communicate(timeout=WAIT_S)
    return process.returncode, errors


def test_it_serves_until_interrupted_and_leaves_quietly(tmp_path: Path) -> None:
    process = start("--out", str(tmp_path / "sim"))
    try:
        report = read_report(process)
        venues = {venue["venue"]: venue for venue in report["venues"]}
        assert set(venues) == {"kalshi", "coinbase"}
        key = Path(venues["kalshi"]["credentials"]["private_key"])
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        assert "PRIVATE" not in json.dumps(report)
        markets = venues["kalshi"]["urls"]["rest"] + "/markets"
        with urllib.request.urlopen(markets) as reply:  # noqa: S310 - loopback
            assert json.load(reply)["markets"]
        control = venues["kalshi"]["control_url"] + "/_sim/state"
        with urllib.request.urlopen(control) as reply:  # noqa: S310 - loopback
            assert json.load(reply)["venue"] == "kalshi"
    finally:
        process.send_signal(signal.SIGINT)
    code, errors = finish(process)
    assert (code, errors) == (130, "kairos: interrupted\n")


def test_it_stops_by_itself_when_told_how_long(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--out", str(tmp_path), "--venues", "coinbase", "--seconds", "0.2"]
    assert main(["sim", "--json", "--minutes", "20", *arguments]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [venue["venue"] for venue in report["venues"]] == ["coinbase"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--venues", "nyse"],
        ["--venues", "kalshi,kalshi"],
        ["--speed", "0"],
        ["--minutes", "1"],
        ["--seconds", "-1"],
        ["--port-base", "70000"],
        ["--activity", "0"],
    ],
)
def test_what_cannot_be_served_is_a_usage_error(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sim", *arguments]) == 2
    assert capsys.readouterr().err.startswith("kairos: ")


def test_all_four_venues_are_served_with_what_reaches_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = "kalshi,coinbase,polymarket,polymarket-us"
    arguments = ["--out", str(tmp_path), "--venues", names, "--seconds", "0.3"]
    assert main(["sim", "--json", "--minutes", "20", *arguments]) == 0
    printed = capsys.readouterr().out
    venues = {venue["venue"]: venue for venue in json.loads(printed)["venues"]}
    assert list(venues) == names.split(",")
    assert set(venues["polymarket"]["urls"]) >= {"clob", "gamma", "data", "market_ws", "user_ws"}
    for venue, name in (("polymarket", "private_key"), ("polymarket-us", "secret_key")):
        secret = Path(venues[venue]["credentials"][name])
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
        assert secret.read_text() not in printed
