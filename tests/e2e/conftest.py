"""One run that all end-to-end tests look at, one demo, and a way to call the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from local.market_generator import SessionSettings, write_session
from local.market_generator.__main__ import START_NS
from tests.support.cli import Teller, kairos

MINUTES: Final = 5
DEMO_MINUTES: Final = 4


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a command writes below the current directory must not land in the checkout."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Teller:
    return Teller(capsys)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a finished replay of a generated session, both journal and session in it."""
    out = tmp_path_factory.mktemp("run")
    session = out / "session.jsonl.gz"
    write_session(SessionSettings(seed=7, start_ns=START_NS, minutes=MINUTES), session)
    done = kairos("replay", session, "--out", out, "--journal", out / "journal", "--json")
    assert done.returncode == 0, done.stderr
    (out / "printed.json").write_text(done.stdout, encoding="utf-8")
    return out


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a finished demo."""
    out = tmp_path_factory.mktemp("demo")
    done = kairos("demo", "--minutes", DEMO_MINUTES, "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    (out / "printed.json").write_text(done.stdout, encoding="utf-8")
    return out


@pytest.fixture(scope="session")
def summary(run: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((run / "summary.json").read_text("utf-8"))
    return read
