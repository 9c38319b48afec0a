"""Where an SDK cannot be had, its tests are skipped and say why."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import sdk_environments
from tests.support.sdk_environments import Sdk, Unavailable, environment, require


def test_a_python_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sdk_environments.SDKS, "future", Sdk("future", ("future==1",), (9, 9)))
    with pytest.raises(pytest.skip.Exception) as skipped:
        require("future")
    assert str(skipped.value) == "needs future==1: no Python 9.9 or newer is installed"


def test_an_index_that_cannot_be_reached_is_a_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sdk_environments, "BASE", tmp_path)
    nowhere = "http://127.0.0.1:9/simple"
    monkeypatch.setenv("UV_DEFAULT_INDEX", nowhere)
    monkeypatch.setenv("UV_FIND_LINKS", "")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    package = "kairos-no-such-client==1"
    monkeypatch.setitem(sdk_environments.SDKS, "nowhere", Sdk("nowhere", (package,)))
    with pytest.raises(Unavailable) as reason:
        environment("nowhere")
    assert "pip failed" in str(reason.value)
    assert not (tmp_path / "nowhere" / ".kairos-pins").exists()
