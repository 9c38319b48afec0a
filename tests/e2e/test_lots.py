"""`kairos lots`: the gains of a run or of a live journal, checked against the books."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kairos.domain.instruments import Action, Liquidity, Outcome
from kairos.messages import events
from kairos.messages.commands import SubmitOrder, TimeInForce
from kairos.messages.journal_lines import event_line
from tests.support.cli import Teller
from tests.support.journal import open_journal

START = 1_780_000_000_000_000_000
CONTRACT = 1_000_000


def test_the_lots_of_the_demo_explain_its_cash(tell: Teller, run: Path) -> None:
    told = tell("lots", run, "--json")
    assert told.code == 0, told.err
    figures = told.json()
    assert figures["cash_change"] is not None
    summary = json.loads((run / "summary.json").read_text("utf-8"))
    open_contracts = sum(float(lot["contracts"]) for lot in figures["open_lots"])
    held = sum(float(each["contracts"]) for each in summary["pnl"]["open_positions"])
    assert open_contracts == held


ROWS = [
    {"event": "submitted", "ts_ns": START, "client_order_id": "a", "market": "M",
     "outcome": "YES", "action": "BUY", "price": 5000, "quantity": 4 * CONTRACT},
    {"event": "accepted", "ts_ns": START, "client_order_id": "a", "venue_order_id": "v"},
    {"event": "filled", "ts_ns": START + 1, "client_order_id": "a", "fill_id": "f1",
     "price": 5000, "quantity": 3 * CONTRACT, "fee": 30, "liquidity": "taker", "evidence": "x"},
    {"event": "filled", "ts_ns": START + 2, "client_order_id": "a", "fill_id": "f2",
     "price": 4000, "quantity": CONTRACT, "fee": 0, "liquidity": "taker", "evidence": "x"},
    {"event": "settled", "ts_ns": START + 3, "market": "M", "outcome": "YES", "source": "v"},
]  # fmt: skip


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A run by hand: four contracts for $1.90 and $0.00003, which paid $4.00."""
    directory = tmp_path / "run"
    directory.mkdir()
    lines = "".join(json.dumps(row) + "\n" for row in ROWS)
    (directory / "orders.jsonl").write_text(lines, "utf-8")
    _summarise(directory, "2.099970")
    return directory


def _summarise(directory: Path, net: str) -> None:
    summary: dict[str, Any] = {"pnl": {"net": net, "open_positions": []}}
    (directory / "summary.json").write_text(json.dumps(summary), "utf-8")


def test_a_csv_has_one_row_per_disposal(tell: Teller, made: Path, tmp_path: Path) -> None:
    out = tmp_path / "lots.csv"
    told = tell("lots", made, "--csv", out)
    assert told.code == 0, told.err
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["quantity"], row["cost_basis"], row["fees"], row["gain"]) for row in rows] == [
        ("3.00", "1.500000", "0.000030", "1.499970"),
        ("1.00", "0.400000", "0.000000", "0.600000"),
    ]
    assert {row["how"] for row in rows} == {"settlement"}
    assert {row["term"] for row in rows} == {"short"}


def test_a_file_that_is_there_is_replaced_only_on_demand(
    tell: Teller, made: Path, tmp_path: Path
) -> None:
    out = tmp_path / "lots.csv"
    out.write_text("mine")
    assert tell("lots", made, "--csv", out).code == 2
    assert out.read_text() == "mine"
    assert tell("lots", made, "--csv", out, "--force").code == 0


def test_lots_that_do_not_explain_the_cash_are_a_failure(tell: Teller, made: Path) -> None:
    _summarise(made, "2.099971")
    told = tell("lots", made)
    assert told.code == 1
    assert "2.099970" in told.err


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "orders.jsonl:6"),
        ('{"event":"filled","ts_ns":1,"client_order_id":"a","fill_id":"f3","quantity":1,"fee":0}',
         "missing required field `price`"),
        ('{"event":"filled","ts_ns":1,"client_order_id":"b","fill_id":"f3","price":1,'
         '"quantity":1,"fee":0}', "order b was filled and was never submitted"),
    ],
)  # fmt: skip
def test_a_line_that_cannot_be_used_is_named(
    tell: Teller, made: Path, line: str, problem: str
) -> None:
    with (made / "orders.jsonl").open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    told = tell("lots", made)
    assert told.code == 3
    assert problem in told.err


def test_what_is_no_run_is_said(tell: Teller, tmp_path: Path) -> None:
    told = tell("lots", tmp_path)
    assert told.code == 3
    assert "orders.jsonl" in told.err


def journal(directory: Path, *found: events.Event) -> Path:
    order = SubmitOrder(
        START, "a", "M", Outcome.NO, Action.BUY, 5_000, 4 * CONTRACT, TimeInForce.GTC,
        post_only=False, reduce_only=False,
    )  # fmt: skip
    body = msgspec.json.encode(order)
    kept = open_journal(directory)
    kept.append(b'{"src":"engine","type":"SubmitOrder","data":%b}' % body)
    for event in found:
        kept.append(event_line(event))  # type: ignore[arg-type]
    kept.close()
    return directory


def filled(number: int, quantity: int) -> events.OrderFilled:
    return events.OrderFilled(
        START + number, "a", f"f{number}", 5_000, quantity * CONTRACT, 100, Liquidity.MAKER,
        "venue",
    )  # fmt: skip


def test_a_live_journal_has_its_lots_with_voids_and_late_fees(tell: Teller, tmp_path: Path) -> None:
    directory = journal(
        tmp_path / "journal",
        filled(1, 1),
        filled(2, 2),
        filled(1, 1),
        events.FillVoided(START, "a", "f1", "not_settled"),
        events.FeeCharged(START, "a", "f2", 7),
        events.MarketDetermined(START + 9, "M", Outcome.NO, "venue"),
    )
    figures = tell("lots", directory, "--json").json()
    assert (figures["disposals"], figures["gain"], figures["fees"]) == (1, "0.999993", "0.000007")
    assert figures["cash_change"] is None


def test_a_paper_journal_says_where_its_fills_are(tell: Teller, tmp_path: Path) -> None:
    told = tell("lots", journal(tmp_path / "journal"))
    assert told.code == 3
    assert "kairos replay" in told.err
