"""docs/streams.md lists every setting with its default, and every change of state."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from hotpath.feeds.live.settings import StreamSettings
from tests.support.documents import ROOT, names, rows

STREAMS = ROOT / "docs" / "streams.md"
LIVE = ROOT / "hotpath" / "feeds" / "live"
CALLS = {"_change": 0, "note_change": 0, "_give_up": 1}


def settable(settings: Any, prefix: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401
    for each in fields(settings):
        value = getattr(settings, each.name)
        if is_dataclass(value):
            yield from settable(value, f"{prefix}{each.name}.")
        else:
            yield f"{prefix}{each.name}", str(value)


def changes_in_code() -> Iterator[str]:
    """Every name that a change of state is given, where it is written down."""
    for path in sorted(LIVE.glob("*.py")):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
                at = CALLS.get(call.func.attr)
                if at is not None and isinstance(call.args[at], ast.Constant):
                    yield call.args[at].value  # type: ignore[attr-defined]


def test_every_setting_is_listed_with_its_default() -> None:
    documented = [(cells[0], cells[1]) for cells in rows(STREAMS, "Settings of streams")]
    assert documented == list(settable(StreamSettings()))


def test_every_change_of_state_is_explained() -> None:
    # `failed` changes nothing, and these two are asked for by a name with its reason behind it.
    others = {"failed", "resync", "suspected"}
    assert set(names(STREAMS, "Changes of state")) == set(changes_in_code()) | others
