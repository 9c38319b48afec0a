"""What markets settled on, and how we know: the venue's message, a file, or the next strike.

Official CSV: columns `ticker,result` (yes/no), or `event_ticker,yes_tickers` naming the winners.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from kairos.domain.contract import Contract
from kairos.domain.instruments import Outcome
from kairos.errors import InputError, Malformed

_OUTCOMES: Final = {"yes": Outcome.YES, "no": Outcome.NO}
_FILE_BYTES_MAX: Final = 64 << 20


class KnownOutcome(NamedTuple):
    """An outcome and where it was read."""

    outcome: Outcome
    source: str


def read_outcomes(paths: Iterable[Path]) -> dict[str, KnownOutcome]:
    """All outcomes in the given files. Raises InputError; two files must not disagree."""
    known: dict[str, KnownOutcome] = {}
    for path in paths:
        for line, market, outcome in _rows(path):
            earlier = known.get(market)
            if earlier is not None and earlier.outcome is not outcome:
                raise InputError(
                    path, f"{market} is {outcome} here and {earlier.outcome} in {earlier.source}",
                    "Settle which is right; outcomes are never guessed.", line,
                )  # fmt: skip
            known[market] = KnownOutcome(outcome, path.name)
    return known


def _rows(path: Path) -> Iterable[tuple[int, str, Outcome]]:
    try:
        if path.stat().st_size > _FILE_BYTES_MAX:
            raise InputError(path, "the file is too large for outcomes", "Is it a capture?")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(path, f"cannot be read ({error})", "Give a CSV of outcomes.") from error
    rows = csv.DictReader(text.splitlines())
    columns = _columns(path, rows)
    if {"ticker", "result"} <= columns:
        return _results(path, rows)
    if {"event_ticker", "yes_tickers"} <= columns:
        return _winners(path, rows)
    raise InputError(
        path, f"has neither `ticker,result` nor `event_ticker,yes_tickers` ({sorted(columns)})",
        "Give a CSV of official outcomes.",
    )  # fmt: skip


def _columns(path: Path, rows: csv.DictReader[str]) -> set[str]:
    try:
        return set(rows.fieldnames or ())
    except csv.Error as error:
        raise InputError(
            path, f"is not a CSV ({error})", "Give a CSV of official outcomes.", 1
        ) from error


def _numbered(path: Path, rows: csv.DictReader[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows with the line of the file they end on."""
    try:
        for row in rows:
            yield rows.line_num, row
    except csv.Error as error:
        raise InputError(
            path, f"is not a CSV ({error})", "Give a CSV of official outcomes.", rows.line_num + 1
        ) from error


def _results(path: Path, rows: csv.DictReader[str]) -> Iterable[tuple[int, str, Outcome]]:
    for number, row in _numbered(path, rows):
        result = (row["result"] or "").strip().lower()
        if not result:
            continue
        if result not in _OUTCOMES:
            raise InputError(
                path, f"field result: {result!r}", "It must be yes, no or empty.", number
            )
        yield number, _required(path, number, row["ticker"]), _OUTCOMES[result]


def _required(path: Path, number: int, ticker: str | None) -> str:
    if not ticker or not ticker.strip():
        raise InputError(path, "field ticker is empty", "Name the market.", number)
    return ticker.strip()


def _winners(path: Path, rows: csv.DictReader[str]) -> Iterable[tuple[int, str, Outcome]]:
    for number, row in _numbered(path, rows):
        for ticker in (row["yes_tickers"] or "").replace(";", " ").split():
            yield number, ticker, Outcome.YES


def beside(captures: Iterable[Path]) -> list[Path]:
    """Outcome files kept next to captures: `settlement/*settlements.csv` one folder up."""
    folders = {folder for path in captures for folder in _settlement_folders(path)}
    return sorted(path for folder in folders for path in folder.glob("*settlements.csv"))


def _settlement_folders(capture: Path) -> tuple[Path, ...]:
    try:
        return (capture.resolve().parent.parent / "settlement",)
    except (OSError, RuntimeError):
        return ()  # a loop of links: opening the capture will say so


def implied_by_next_strike(contract: Contract, next_strike: str) -> KnownOutcome | None:
    """Where a strike is the last window's settlement value, it tells that window's result."""
    try:
        return KnownOutcome(contract.outcome(next_strike), "next_strike")
    except Malformed:
        return None
