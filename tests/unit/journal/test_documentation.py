"""docs/journal.md is exact: its example verifies, its script checks, it names every setting."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

from hotpath.journal import JournalSettings, read_records, verify
from tests.support.journal import open_journal, segments, write_blocks

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "journal.md").read_text()


def fenced(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def test_example_segment_holds(tmp_path: Path) -> None:
    (tmp_path / "journal-00000000000000000000.jsonl").write_text(fenced("json"))
    report = verify(tmp_path)
    assert [(check.status, check.records) for check in report.segments] == [("closed", 3)]
    assert len(list(read_records(tmp_path))) == 3


def test_script_for_checking_by_hand_agrees(tmp_path: Path) -> None:
    for first in (0, 5):
        with open_journal(tmp_path) as journal:
            write_blocks(journal, [2, 3], first=first)
    text = b"".join(path.read_bytes() for path in segments(tmp_path))

    def verdicts(text: bytes) -> list[str]:
        command = [sys.executable, "-c", fenced("python")]
        done = subprocess.run(command, input=text, capture_output=True, check=True)
        return [line[:3] for line in done.stdout.decode().splitlines()]

    assert verdicts(text) == ["ok "] * 8
    assert verdicts(text.replace(b'"n":1}', b'"n":2}')) == ["ok ", *["BAD"] * 7]


def test_every_setting_is_in_the_table() -> None:
    for field in dataclasses.fields(JournalSettings):
        assert f"`{field.name}`" in PAGE
