"""Runs the `kairos` command: as a process of its own, or in this one, which saves its start."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from cli.main import main

KAIROS: Final = Path(sys.executable).with_name("kairos")
TIMEOUT_S: Final = 120


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


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
