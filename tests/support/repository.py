"""Where tests find files: the repository itself, and recordings that live beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT / ".." / "shared"
EVENTS = ROOT / "events" / "venues"


def shared(relative: str) -> Path:
    """A file or folder beside the repository; skips the test, saying so, where it is absent."""
    path = SHARED / relative
    if not path.exists():
        pytest.skip(f"needs ../shared/{relative}")
    return path
