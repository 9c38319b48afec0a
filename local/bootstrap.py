"""Create `.venv` with everything in uv.lock, from nothing but python3 and a package index.

Debian's python3 has neither pip nor ensurepip, so uv (one self-contained binary in a wheel) is
unpacked by hand when pip is absent. Run by `make`; needs no third-party import.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import stat
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path

UV_VERSION = "0.13.8"
OLDEST = (3, 11)
ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools"
VENV = ROOT / ".venv"
STAMP = VENV / ".kairos-synced"


def say(message: str) -> None:
    print(f"[setup] {message}", flush=True)


def fingerprint(groups: list[str]) -> str:
    """What the environment depends on; when it has not changed there is nothing to do."""
    digest = hashlib.sha256(" ".join([sys.version, *groups]).encode())
    for name in ("pyproject.toml", "uv.lock"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def uv_from_pip() -> Path | None:
    """Let pip unpack uv, so that the user's own index settings apply."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--disable-pip-version-check",
        "--target",
        str(TOOLS),
        f"uv=={UV_VERSION}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = TOOLS / "bin" / "uv"
    return found if done.returncode == 0 and found.exists() else None


def wheel_tag() -> str:
    machine = platform.machine()
    if sys.platform == "darwin":
        return "macosx" + ("_11_0_arm64" if machine == "arm64" else "_10_12_x86_64")
    return f"manylinux_2_17_{machine}"


def uv_from_index() -> Path:
    """Fetch the wheel from PyPI's JSON API, check its hash, unpack the binary."""
    with urllib.request.urlopen(f"https://pypi.org/pypi/uv/{UV_VERSION}/json", timeout=60) as page:
        files = json.load(page)["urls"]
    wheel = next(file for file in files if wheel_tag() in file["filename"])
    with urllib.request.urlopen(wheel["url"], timeout=300) as body:
        content = body.read()
    if hashlib.sha256(content).hexdigest() != wheel["digests"]["sha256"]:
        raise SystemExit("[setup] the uv wheel does not match its published SHA-256; try again")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        member = next(name for name in archive.namelist() if name.endswith("/scripts/uv"))
        binary = TOOLS / "bin" / "uv"
        binary.parent.mkdir(parents=True, exist_ok=True)
        binary.write_bytes(archive.read(member))
    binary.chmod(binary.stat().st_mode | stat.S_IXUSR)
    return binary


def find_uv() -> Path:
    binary = TOOLS / "bin" / "uv"
    if binary.exists():
        version = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False)
        if UV_VERSION in version.stdout:
            return binary
    say(f"fetching uv {UV_VERSION}")
    return uv_from_pip() or uv_from_index()


def main(groups: list[str]) -> None:
    if sys.version_info[:2] < OLDEST:
        raise SystemExit(f"[setup] Kairos needs Python 3.11 or newer; this is {sys.version}")
    wanted = fingerprint(groups)
    if STAMP.exists() and STAMP.read_text() == wanted:
        return
    uv = find_uv()
    say(f"installing the packages of uv.lock into {VENV}")
    environment = os.environ | {"UV_PROJECT_ENVIRONMENT": str(VENV), "UV_PYTHON_DOWNLOADS": "never"}
    command = [str(uv), "sync", "--frozen", "--quiet", "--python", sys.executable]
    for group in groups:
        command += ["--group", group]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    STAMP.write_text(wanted)
    say("ready")


if __name__ == "__main__":
    main(sys.argv[1:])
