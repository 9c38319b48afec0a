"""`kairos paper`, `shadow` and `live` as a user runs them: at a simulated venue, and refused."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import KAIROS, Teller

START = "2026-11-18T14:40:05Z"


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[Path]:
    """The file that `kairos sim --json` wrote, while it runs."""
    served = tmp_path / "sim.json"
    command = [
        str(KAIROS), "sim", "--json", "--speed", "30", "--start", START, "--minutes", "20",
        "--seconds", "60", "--out", str(tmp_path / "venues"),
    ]  # fmt: skip
    with served.open("wb") as output, subprocess.Popen(command, stdout=output) as process:
        try:
            deadline = time.monotonic() + 20
            while not served.read_bytes().endswith(b"}\n") and time.monotonic() < deadline:
                time.sleep(0.05)
            yield served
        finally:
            process.terminate()
            process.wait(10)


@pytest.mark.parametrize("mode", ["paper", "shadow"])
def test_a_session_at_a_simulated_venue_and_its_replay(
    tell: Teller, sim: Path, tmp_path: Path, mode: str
) -> None:
    out = tmp_path / "run"
    told = tell(mode, "--sim", sim, "--seconds", 4, "--out", out, "--json", "--quiet")
    assert told.code == 0, told.err
    summary = told.json()
    assert summary["live"]["mode"] == mode
    assert summary["decisions"]["total"] > 100
    assert (out / "report.html").exists()
    again = tell("replay", out / "journal", "--out", tmp_path / "again", "--json", "--quiet")
    assert again.json()["decisions_sha256"] == summary["decisions_sha256"]
    assert json.loads((out / "summary.json").read_text("utf-8")) == summary
    twice = tell(mode, "--sim", sim, "--seconds", 1, "--out", out, "--quiet")
    assert twice.code == 2
    assert "journal of another session" in twice.err


def test_without_keys_paper_names_what_is_missing(
    tell: Teller, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("KALSHI_API_KEY_ID", "KALSHI_PRIVATE_KEY_PATH"):
        monkeypatch.delenv(name, raising=False)
    told = tell("paper", "--quiet")
    assert told.code == 2
    assert "KALSHI_API_KEY_ID" in told.err


def test_live_is_refused_until_everything_says_yes(
    tell: Teller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One reason after the other; with all of them gone, the doctor is asked, and has no key."""
    config, control = tmp_path / "risk.toml", tmp_path / "control.json"
    control.write_text('{"state": "ACTIVE", "who": "ada", "why": "test"}', "utf-8")
    for name in ("KALSHI_API_KEY_ID", "KALSHI_PRIVATE_KEY_PATH", "KAIROS_ALLOW_REAL_ORDERS"):
        monkeypatch.delenv(name, raising=False)
    arguments: list[object] = ["live", "--quiet"]
    for code, word, more in (
        (2, "--real-orders", ["--real-orders"]),
        (2, "KAIROS_ALLOW_REAL_ORDERS", []),
        (2, "--config", ["--config", config]),
        (2, "--control", ["--control", tmp_path / "none"]),
        (3, "trading state", ["--control", control]),
        (1, "doctor", []),
    ):
        told = tell(*arguments)
        assert told.code == code, told.err
        assert word in told.err
        arguments += more
        if word == "KAIROS_ALLOW_REAL_ORDERS":
            monkeypatch.setenv(word, "yes")


def test_the_session_generator_runs_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl.gz"
    command = [sys.executable, "-m", "local.market_generator", str(path), "--minutes", "4"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert path.exists()
    assert "lines in" in done.stdout
