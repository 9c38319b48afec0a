"""Settings in a file: the environment wins, and no value is shown in an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.environment_file import FILE_BYTES_MAX, settings
from kairos.errors import InputError


def read(tmp_path: Path, text: str, **environment: str) -> dict[str, str]:
    path = tmp_path / "settings"
    path.write_text(text)
    return settings(path, environment)


def test_names_values_quotes_and_comments(tmp_path: Path) -> None:
    text = "# keys\n\nA=1\nexport B = two words \nC='x # y'\nD=\"q=\"\nE=v # why\nF=\nG=a#b\n"
    assert read(tmp_path, text) == {
        "A": "1", "B": "two words", "C": "x # y", "D": "q=", "E": "v", "F": "", "G": "a#b",
    }  # fmt: skip


def test_the_environment_wins(tmp_path: Path) -> None:
    assert read(tmp_path, "A=1\nB=2\n", A="mine") == {"A": "mine", "B": "2"}


@pytest.mark.parametrize("line", ["secret", "1A=secret", "A B=secret", "A='secret"])
def test_a_line_that_is_no_setting_is_named_without_its_value(tmp_path: Path, line: str) -> None:
    with pytest.raises(InputError) as refused:
        read(tmp_path, f"X=1\n{line}\n")
    assert refused.value.line == 2
    assert "secret" not in str(refused.value)


def test_files_that_cannot_be_settings(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        settings(tmp_path / "absent", {})
    with pytest.raises(InputError, match="bytes"):
        read(tmp_path, "#" * (FILE_BYTES_MAX + 1))
    (tmp_path / "binary").write_bytes(b"A=\xff\xfe")
    with pytest.raises(InputError, match="UTF-8"):
        settings(tmp_path / "binary", {})


def test_without_a_file_there_is_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert settings(None, {"A": "1"}) == {"A": "1"}
    (tmp_path / ".env").write_text("B=2\n")
    assert settings(None, {"A": "1"}) == {"A": "1", "B": "2"}
