"""summary.json is what its published schema and docs/replay.md say, and neither says more."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from cli.main import main
from local.market_generator import SessionSettings, write_session
from tests.support.documents import ROOT, names

SCHEMA: dict[str, Any] = json.loads((ROOT / "docs" / "summary.schema.json").read_text("utf-8"))
# Four minutes around 14:30: one quarter-hour market closes and settles, the next one opens.
SESSION = SessionSettings(
    seed=4,
    start_ns=SessionSettings(seed=4).start_ns + 11 * 60 * 10**9,
    minutes=4,
    deltas_per_second=10.0,
    matches_per_second=2.0,
)
# What everybody who reads a summary may count on.
PROMISED = {
    "messages", "span_seconds", "wall_seconds", "messages_per_second", "quarantined",
    "sequence_gaps", "books", "decisions", "orders", "fills", "pnl", "scores", "settings",
    "code_version", "decisions_sha256",
}  # fmt: skip


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("capture") / "session.jsonl.gz"
    write_session(SESSION, path)
    return path


def summary_of(capture: Path, out: Path, *more: str) -> dict[str, Any]:
    assert main(["replay", str(capture), "--out", str(out), "--quiet", *more]) == 0
    summary: dict[str, Any] = json.loads((out / "summary.json").read_text("utf-8"))
    return summary


@pytest.fixture(scope="module")
def summary(capture: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return summary_of(capture, tmp_path_factory.mktemp("run"))


def valid(summary: dict[str, Any]) -> bool:
    try:
        Draft202012Validator(SCHEMA).validate(summary)
    except ValidationError:
        return False
    return True


def test_schema_is_itself_valid_and_promises_what_readers_count_on() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert set(SCHEMA["required"]) >= PROMISED
    assert SCHEMA["additionalProperties"] is False


def test_a_real_run_matches_the_schema(summary: dict[str, Any]) -> None:
    Draft202012Validator(SCHEMA).validate(summary)
    assert summary["messages"] > 1_000
    assert summary["books"]
    assert summary["settlements"]
    assert summary["scores"]["evaluations"] > 0
    assert set(summary["fill_range"]) == {"pessimistic", "realistic", "optimistic"}


def test_v1_and_a_single_fill_model_match_the_schema_too(capture: Path, tmp_path: Path) -> None:
    summary = summary_of(capture, tmp_path, "--profile", "v1", "--fills", "optimistic")
    Draft202012Validator(SCHEMA).validate(summary)
    assert summary["profile"] == "v1"
    assert set(summary["fill_range"]) == {"optimistic"}


@pytest.mark.parametrize("key", sorted(PROMISED))
def test_a_summary_that_lacks_a_promised_key_is_refused(summary: dict[str, Any], key: str) -> None:
    assert not valid({name: value for name, value in summary.items() if name != key})


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("messages",), -1),
        (("messages",), "364794"),
        (("decisions_sha256",), "b5ac57cb"),
        (("pnl", "net"), 15.3584),
        (("pnl", "net"), "15.36"),
        (("fill_model",), "hopeful"),
        (("decisions", "by_outcome"), {"BUY": 3}),
        (("fills", "by_evidence"), {"guess": 1}),
        (("settings", "strategy.min_ev"), 0.02),
        (("scores", "model", "brier"), 1.5),
        (("extra",), 1),
    ],
)
def test_a_summary_with_a_wrong_value_is_refused(
    summary: dict[str, Any], path: tuple[str, ...], value: object
) -> None:
    changed = copy.deepcopy(summary)
    inner = changed
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    assert valid(summary)
    assert not valid(changed)


def test_replay_md_explains_every_key_of_the_schema_and_no_other() -> None:
    documented = [
        name.strip("`") for cell in names(ROOT / "docs" / "replay.md", "summary.json")
        for name in cell.split(", ")
    ]  # fmt: skip
    assert sorted(documented) == sorted(SCHEMA["properties"])
