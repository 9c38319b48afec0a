"""One demo that all end-to-end tests look at, and a way to call the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.cli import Teller, kairos

MINUTES: Final = 5


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a command writes below the current directory must not land in the checkout."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Teller:
    return Teller(capsys)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a finished demo."""
    out = tmp_path_factory.mktemp("demo")
    done = kairos("demo", "--minutes", MINUTES, "--out", out, "--json", hash_seed=1)
    assert done.returncode == 0, done.stderr
    (out / "printed.json").write_text(done.stdout, encoding="utf-8")
    return out


@pytest.fixture(scope="session")
def summary(run: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((run / "summary.json").read_text("utf-8"))
    return read
