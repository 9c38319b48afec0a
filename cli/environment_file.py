"""Settings from the environment and from an `.env` file beside it; the environment wins."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from kairos.errors import InputError

FILE_BYTES_MAX: Final = 64 * 1024
DEFAULT: Final = Path(".env")
_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)", re.ASCII)


def settings(path: Path | None, environment: Mapping[str, str]) -> dict[str, str]:
    """`path` None means `.env` if it is there. Raises InputError for a file that cannot be used;
    nothing of a line is shown, because it may be a secret."""
    if path is None and not DEFAULT.is_file():
        return dict(environment)
    return _read(path or DEFAULT) | dict(environment)


def _read(path: Path) -> dict[str, str]:
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})", "Name another file") from error
    if len(content) > FILE_BYTES_MAX:
        raise InputError(path, f"is over {FILE_BYTES_MAX} bytes", "Is it an .env file?")
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(path, "is not UTF-8", "Is it an .env file?") from error
    pairs = (_pair(path, number, line) for number, line in enumerate(lines, 1))
    return dict(pair for pair in pairs if pair is not None)


def _pair(path: Path, number: int, line: str) -> tuple[str, str] | None:
    text = line.strip()
    if not text or text.startswith("#"):
        return None
    found = _LINE.fullmatch(text)
    if found is None:
        raise InputError(path, "is not NAME=VALUE", "Write one setting on each line", number)
    name, value = found[1], found[2]
    if value[:1] in ("'", '"'):
        if len(value) < 2 or value[-1] != value[0]:
            raise InputError(path, f"the value of {name} has an open quote", "Close it", number)
        return name, value[1:-1]
    return name, value.split(" #", 1)[0].rstrip()
