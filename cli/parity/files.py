"""Reading golden files: JSON lines, plain or gzipped, one object per line."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from kairos.errors import InputError


def read_rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """(line number, row) for every line that is not blank. Raises InputError."""
    if path.is_dir():
        raise InputError(path, "it is a directory", "Name the files in it")
    line = 0
    try:
        with _open(path) as lines:
            for line, text in enumerate(lines, start=1):
                if text.strip():
                    yield line, _decode(path, line, text)
    except FileNotFoundError as error:
        raise InputError(path, "there is no such file", "Check the path") from error
    except UnicodeDecodeError as error:
        remedy = "Golden files are text; name a .jsonl or .jsonl.gz file"
        raise InputError(path, "it is not UTF-8 text", remedy, line + 1) from error
    except (EOFError, OSError, zlib.error) as error:
        remedy = "Check that the file is readable and complete"
        raise InputError(path, f"it cannot be read ({error})", remedy, line + 1) from error


def _open(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig")
    return path.open(encoding="utf-8-sig")


def _decode(path: Path, line: int, text: str) -> Mapping[str, Any]:
    remedy = "Each line of a golden file is one JSON object with a `kind`"
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(path, f"it is not JSON ({error})", remedy, line) from error
    if not isinstance(row, dict):
        raise InputError(path, f"it is a JSON {type(row).__name__}, not an object", remedy, line)
    return row
