"""A wrong journal setting is refused by name before anything is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hotpath.journal import FsyncPolicy, JournalSettings
from kairos.errors import UsageError


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("segment_bytes_max", 0),
        ("block_bytes", 0),
        ("block_bytes", 2**30),
        ("retention_days", 0),
        ("retention_days", -1),
        ("retention_bytes_max", 10),
        ("fsync", "sometimes"),
        ("fsync_interval_ms", 100),
    ],
)
def test_wrong_value_is_refused_by_the_name_of_its_field(field: str, value: Any) -> None:  # noqa: ANN401
    with pytest.raises(UsageError, match=rf"\b{field}\b"):
        JournalSettings(Path("j"), **{field: value})


def test_interval_fsync_needs_its_interval() -> None:
    with pytest.raises(UsageError, match="fsync_interval_ms: required"):
        JournalSettings(Path("j"), fsync=FsyncPolicy.INTERVAL)
    with pytest.raises(UsageError, match="fsync_interval_ms: 0"):
        JournalSettings(Path("j"), fsync=FsyncPolicy.INTERVAL, fsync_interval_ms=0)
    JournalSettings(Path("j"), fsync=FsyncPolicy.INTERVAL, fsync_interval_ms=200)
