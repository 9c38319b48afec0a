"""What every venue's access needs: origins that keys may be sent to, and key files."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from kairos.errors import UsageError

KEY_FILE_BYTES_MAX: Final = 64 * 1024
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def check_origin(url: str) -> None:
    """Keys go there: anything but this machine has to be reached over TLS. Raises UsageError."""
    parts = urlsplit(url)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    if not is_safe or not parts.hostname or parts.path not in ("", "/") or parts.query:
        raise UsageError(f"{url!r} must be https://HOST[:PORT], or http:// on this machine")


def read_key(path: Path, name: str) -> bytes:
    try:
        with path.expanduser().open("rb") as file:
            content = file.read(KEY_FILE_BYTES_MAX + 1)
    except OSError as error:
        raise UsageError(f"{name}: {path} cannot be read ({error.strerror})") from error
    if len(content) > KEY_FILE_BYTES_MAX:
        raise UsageError(f"{name}: {path} is no key file, it is too long")
    return content
