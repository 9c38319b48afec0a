"""The documents and the code say the same thing, in both directions, or the build fails.

Reasons are read from the source itself: a new one that nobody explained is as wrong as an
explanation of one that is gone.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any

import pytest

import kairos
from cli import exits
from cli.main import main
from hotpath.assembly import RunSettings
from hotpath.paper.reasons import Ending, Evidence, Refusal
from hotpath.paper.starter import paper_starter
from hotpath.strategies.reasons import REASONS
from kairos.domain.book import BookState
from kairos.domain.profile_v1.opportunities import COUNTERS
from kairos.domain.profile_v1.runner import BLOCKS
from kairos.domain.risk.limits import Limit, limit_names
from kairos.domain.risk.trading_state import TradingState
from kairos.domain.risk.triggers import Phase, Signal, TriggerSettings
from kairos.messages.commands import Decision
from tests.support.documents import DOCUMENTS, ROOT, anchors, code_of, names, rows

PACKAGE = Path(str(kairos.__file__)).parent
REPLAY, MODEL = ROOT / "docs" / "replay.md", ROOT / "docs" / "model.md"
RISK = ROOT / "docs" / "risk.md"
# Where a message may be refused, and what it calls on the way there.
REFUSING = [
    *sorted((PACKAGE / "adapters").rglob("*.py")),
    *(PACKAGE / "domain" / f"{name}.py" for name in ("book", "contract", "grid", "units")),
    *sorted((ROOT / "hotpath").glob("*.py")),
    *sorted((ROOT / "hotpath" / "strategies" / "btc_edge").glob("*.py")),
]
# What v1 counts beside reasons.
V1_TALLIES = {"snapshots_total", "takes", "passes", "skipped", "ev_invariant_failed"}


# Reading the code


def refusals_in(path: Path) -> Iterator[str]:
    """Reason codes given to `Malformed`, `refuse` or the quarantine in one file."""
    for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(function, ast.FunctionDef):
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and (code := reason_argument(call)) is not None:
                    yield from codes(code, function)


def reason_argument(call: ast.Call) -> ast.expr | None:
    name = ast.unparse(call.func)
    if name in ("Malformed", "Contradicted") and call.args:
        return call.args[0]
    if name == "MessageRefused" and isinstance(call.args[2], ast.Constant):
        return call.args[2]
    if name.endswith(".refuse"):
        return call.args[1]
    if name.endswith("quarantine.add") or (name == "self.add" and len(call.args) == 2):
        return call.args[0]
    return None


def codes(value: ast.expr, function: ast.FunctionDef) -> Iterator[str]:
    """What an expression may be, as far as it is written down in this function."""
    match value:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=body, orelse=other):
            yield from codes(body, function)
            yield from codes(other, function)
        case ast.JoinedStr(values=parts):
            plain = (p.value if isinstance(p, ast.Constant) else "<n>" for p in parts)
            yield "".join(map(str, plain))
        case ast.Name(id=variable):
            for statement in ast.walk(function):
                if isinstance(statement, ast.Assign) and isinstance(
                    statement.value, ast.Constant | ast.IfExp
                ):
                    targets = [ast.unparse(target) for target in statement.targets]
                    if variable in targets:
                        yield from codes(statement.value, function)


def settable(shape: type, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Name and default of every setting that `--set` reaches, as replay.md writes them."""
    for field in fields(shape):
        factory: Any = field.default_factory
        if isinstance(factory, type) and is_dataclass(factory):
            yield from settable(factory, f"{prefix}{field.name}.")
        elif field.name not in ("ledger", "risk"):  # the ledger is fixed; risk has its own page
            default = field.default
            yield (
                f"{prefix}{field.name}",
                str(default.value if isinstance(default, Enum) else default),
            )


# Reasons and settings


def test_every_quarantine_reason_is_explained_and_every_explanation_is_needed() -> None:
    in_code = {code for path in REFUSING for code in refusals_in(path)}
    assert set(names(REPLAY, "Quarantine reasons")) == in_code


def test_every_reason_not_to_trade_is_explained_in_the_order_it_is_asked() -> None:
    assert tuple(names(MODEL, "Gates, in order")) == REASONS


def test_every_reason_of_v1_is_explained() -> None:
    assert set(names(MODEL, "Reasons of v1")) == (set(COUNTERS) - V1_TALLIES) | set(BLOCKS)


def test_every_setting_is_listed_with_its_default() -> None:
    documented = [(cells[0], cells[1]) for cells in rows(REPLAY, "Settings")]
    assert documented == list(settable(RunSettings))


# Risk


def test_every_limit_is_listed_with_what_the_paper_starter_gives() -> None:
    documented = [(cells[0], cells[1]) for cells in rows(RISK, "Limits")]
    assert documented == list(paper_starter().limits.flat())


def test_every_trigger_setting_is_listed_with_its_default() -> None:
    documented = [(cells[0], cells[1]) for cells in rows(RISK, "Settings")]
    assert documented == [
        (f"risk.triggers.{name}", value) for name, value in TriggerSettings().flat()
    ]


def test_every_signal_and_state_is_explained() -> None:
    assert set(names(RISK, "Conditions")) == {signal.value for signal in Signal}
    assert names(RISK, "Trading state") == [state.value for state in TradingState]


def test_the_settings_that_a_signal_names_exist() -> None:
    text = " ".join(f"{row[1]} {row[2]}" for row in rows(RISK, "Conditions"))
    named = set(re.findall(r"\w+_(?:max|min|seconds)\b", text))
    assert named == {name for name, _ in TriggerSettings().flat()} - {
        "report_age_seconds_max", "healthy_seconds_min", "shadow_seconds",
        "start_healthy_seconds_min",
    }  # fmt: skip


def test_every_reason_of_a_denial_is_explained() -> None:
    phases = {Phase.STARTING, Phase.SHADOW, "recovering", "order_not_open"}
    wanted = {state.lower() for state in TradingState} - {"active"}
    limits = {f"{name}".removesuffix("_max") for name in limit_names()}
    losses = {Limit.LOSS_HOURLY, Limit.LOSS_DAILY, Limit.DRAWDOWN}
    assert set(names(RISK, "Reasons of a denial")) == (
        phases | wanted | ({*Limit} - losses - limits)
    )


@pytest.mark.parametrize(
    ("heading", "words"),
    [
        ("Refusals", Refusal),
        ("Endings", Ending),
        ("Evidence", Evidence),
        ("Book states", BookState),
    ],
)
def test_every_word_of_the_outputs_is_explained(heading: str, words: type[StrEnum]) -> None:
    assert names(REPLAY, heading) == [word.value for word in words]


def test_every_field_of_a_decision_is_explained_in_order() -> None:
    documented = [name for cells in rows(REPLAY, "decisions.jsonl") for name in split(cells[0])]
    assert documented == list(Decision.__struct_fields__)


def split(cell: str) -> list[str]:
    """A cell that names several fields at once: `` `yes_bid`, `yes_ask` ``."""
    return cell.replace("`", "").split(", ")


def test_exit_codes_are_the_ones_of_the_command() -> None:
    documented = {int(cells[0]) for cells in rows(REPLAY, "Exit codes")}
    assert documented == {value for name, value in vars(exits).items() if name.isupper()}


# Names


def test_every_make_target_named_anywhere_exists_and_every_target_is_explained() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    named = {
        target
        for path in DOCUMENTS
        for code in code_of(path)
        for target in re.findall(r"(?:^|\s)make ([a-z]+)", code)
    }
    assert named == targets


def commands(path: Path) -> set[tuple[str, str]]:
    """(command, the rest of the line) for every use of `kairos` in a document's code."""
    found = set()
    for code in code_of(path):
        for match in re.finditer(r"(?:^|[\s/])kairos ([a-z]+)([^|#;]*)", code):
            found.add((match[1], match[2]))
    return found


def help_text(capsys: pytest.CaptureFixture[str], *command: str) -> str:
    """What `--help` prints, for the command and each of its actions."""
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    assert ended.value.code == 0, f"there is no command {' '.join(command)}"
    text = capsys.readouterr().out
    actions = listed(text) if len(command) == 1 else []
    return "\n".join([text, *(help_text(capsys, *command, action) for action in actions)])


def listed(text: str) -> list[str]:
    """Commands or actions that a help text lists."""
    return re.findall(r"^    ([a-z]+) ", text, re.MULTILINE)


def test_every_command_and_option_named_in_a_document_exists(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for path in DOCUMENTS:
        for command, rest in sorted(commands(path)):
            text = help_text(capsys, command)
            for option in re.findall(r"--[a-z-]+", rest):
                assert option in text, f"{path}: kairos {command} has no {option}"


def test_readme_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    named = {command for command, _ in commands(ROOT / "README.md")}
    assert set(listed(capsys.readouterr().out)) == named


# Links and paths


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_relative_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        linked = (path.parent / file).resolve() if file else path
        assert linked.exists(), f"{path}: {target}"
        assert not anchor or anchor in anchors(linked), f"{path}: no heading for {target}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_source_files_named_in_prose_exist(path: Path) -> None:
    roots = (ROOT, PACKAGE.parent, path.parent)
    for code in code_of(path):
        for name in re.findall(
            r"(?<![\w./*-])((?:\w[\w.-]*/)+[\w.-]+\.(?:py|md|toml|yml))\b", code
        ):
            assert any((root / name).exists() for root in roots), f"{path}: {name}"
