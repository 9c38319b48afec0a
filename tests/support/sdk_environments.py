"""Virtual environments of the venues' own clients: their pins conflict with ours and each other's.

Each is made once in `.sdk/<name>` (not in git) by the project's uv, within a bounded time, and used
again while its pins are these. Run as a script it makes all of them: `python -m
tests.support.sdk_environments`. Tests ask for one by `require`, which skips, saying why, where the
package index cannot be reached or the interpreter is missing.
"""

from __future__ import annotations

import fcntl
import json
import os
import selectors
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.repository import ROOT

BASE: Final = ROOT / ".sdk"
_STAMP: Final = ".kairos-pins"
_CREATE_SECONDS: Final = 60
_INSTALL_SECONDS: Final = 240
_ASK_SECONDS: Final = 15


@dataclass(frozen=True, slots=True)
class Sdk:
    """A client, its pinned packages, and the oldest Python it runs on."""

    name: str
    packages: tuple[str, ...]
    python: tuple[int, int] = (3, 11)


SDKS: Final[dict[str, Sdk]] = {
    sdk.name: sdk
    for sdk in (
        Sdk("py-clob-client-v2", ("py-clob-client-v2==1.2.1",)),
        Sdk("polymarket-client", ("polymarket-client==0.14.0",)),
        Sdk("polymarket-us", ("polymarket-us==2.4.1",)),
        Sdk("kalshi-sdk", ("kalshi-sdk==22.4.0",), (3, 12)),
        Sdk("kalshi-python-async", ("kalshi_python_async==3.34.0",), (3, 13)),
    )
}


class Unavailable(Exception):
    """Why an environment cannot be had here."""


@cache
def environment(name: str) -> Path:
    """The environment's Python, made when it is not there. Raises Unavailable."""
    sdk = SDKS[name]
    python = BASE / name / "bin" / "python"
    interpreter = _interpreter(sdk.python)
    pins = "\n".join([*sdk.packages, _version(interpreter)])
    stamp = BASE / name / _STAMP
    BASE.mkdir(exist_ok=True)
    # Test workers ask for the same one at the same time: the first makes it.
    with (BASE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (python.exists() and stamp.exists() and stamp.read_text() == pins):
            _make(sdk, interpreter, python)
            stamp.write_text(pins)
    return python


def require(name: str) -> Path:
    """For a test: the environment's Python, or a skip that says what is missing."""
    try:
        return environment(name)
    except Unavailable as reason:
        pytest.skip(f"needs {' '.join(SDKS[name].packages)}: {reason}")


def _make(sdk: Sdk, interpreter: Path, python: Path) -> None:
    """An environment that is not whole has no stamp, and is made anew."""
    home = python.parent.parent
    shutil.rmtree(home, ignore_errors=True)
    _uv("venv", "--python", str(interpreter), str(home), seconds=_CREATE_SECONDS)
    _uv("pip", "install", "--python", str(python), *sdk.packages, seconds=_INSTALL_SECONDS)


def _uv(*arguments: str, seconds: float) -> None:
    uv = _find_uv()
    command = [str(uv), "--quiet", *arguments]
    quiet = os.environ | {"UV_PYTHON_DOWNLOADS": "never", "VIRTUAL_ENV": ""}
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=quiet, capture_output=True, text=True, timeout=seconds,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"uv {arguments[0]} took more than {seconds:.0f} s") from error
    if done.returncode:
        words = " ".join(done.stderr.split())
        raise Unavailable(f"uv {arguments[0]} failed: {words[-300:]}")


def _find_uv() -> Path:
    for candidate in (ROOT / ".venv" / "bin" / "uv", ROOT / ".tools" / "bin" / "uv"):
        if candidate.exists():
            return candidate
    raise Unavailable("no uv in .venv; run `make setup`")


@cache
def _interpreter(oldest: tuple[int, int]) -> Path:
    """A Python of at least that version. Raises Unavailable."""
    if sys.version_info[:2] >= oldest:
        return Path(sys.executable).resolve()
    for candidate in _candidates(oldest):
        if _asked(candidate) >= oldest:
            return candidate
    raise Unavailable(f"no Python {oldest[0]}.{oldest[1]} or newer is installed")


def _candidates(oldest: tuple[int, int]) -> Iterator[Path]:
    """What `uv python find` would look at, and what pyenv keeps off the path."""
    major, minor = oldest
    names = [f"python{major}.{n}" for n in range(minor, minor + 4)]
    for name in names:
        found = shutil.which(name)
        if found is not None:
            yield Path(found)
    versions = Path(os.environ.get("PYENV_ROOT", str(Path.home() / ".pyenv"))) / "versions"
    for name in names:
        yield from sorted(versions.glob(f"*/bin/{name}"))


def _asked(python: Path) -> tuple[int, int]:
    """A Python's own version; (0, 0) for what does not run (a shim without a version behind it)."""
    try:
        done = subprocess.run(
            [str(python), "-c", "import sys; print(*sys.version_info[:2])"],
            capture_output=True, text=True, timeout=_ASK_SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return 0, 0
    words = done.stdout.split()
    return (int(words[0]), int(words[1])) if len(words) == 2 else (0, 0)


def _version(python: Path) -> str:
    return ".".join(map(str, _asked(python)))


# --- running a driver in one ------------------------------------------------------------------

DRIVERS: Final = ROOT / "tests" / "integration" / "sdk" / "drivers"
_ANSWER_SECONDS: Final = 30


class Driver:
    """A driver script in an SDK's environment: one JSON line in, one JSON line out."""

    def __init__(self, python: Path, script: str) -> None:
        self._process = subprocess.Popen(
            [str(python), "-W", "ignore", str(DRIVERS / script)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            cwd=DRIVERS, env=_plain_environment(),
        )  # fmt: skip

    def ask(self, what: str, **arguments: Any) -> Any:  # noqa: ANN401
        """What the SDK answered; `{"error": …, "kind": …}` where it raised. Bounded in time."""
        if self._process.stdin is None or self._process.stdout is None:
            raise AssertionError("the driver has no pipes")
        self._process.stdin.write(json.dumps({"do": what, **arguments}) + "\n")
        self._process.stdin.flush()
        line = _read_line(self._process)
        if not line:
            raise AssertionError(f"the driver ended at {what}: {self._rest()}")
        return json.loads(line)

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        try:
            self._process.communicate(timeout=_ASK_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    def _rest(self) -> str:
        try:
            return self._process.communicate(timeout=_ASK_SECONDS)[1][-2_000:]
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.communicate()[1][-2_000:]


def _read_line(process: subprocess.Popen[str]) -> str:
    """A line, or nothing when the driver takes too long; it is stopped then."""
    if process.stdout is None:
        return ""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        if not selector.select(_ANSWER_SECONDS):
            process.kill()
            return ""
    return process.stdout.readline()


def _plain_environment() -> dict[str, str]:
    """Without proxies and without our own paths: the SDK runs as a user would run it."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR")
    return {name: os.environ[name] for name in kept if name in os.environ}


def main() -> int:
    """Make every environment that can be made here; the exit code is 0 in any case."""
    for name in SDKS:
        try:
            print(f"[sdk] {name}: {environment(name)}")  # noqa: T201 - a script
        except Unavailable as reason:
            print(f"[sdk] {name}: skipped ({reason})")  # noqa: T201
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
