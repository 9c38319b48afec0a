"""`kairos lots`: every gain and the purchase it came from, first in, first out, as a tax file."""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path
from typing import Any, Final

from cli import exits
from cli.console import emit_json, say, show_table
from hotpath.executions import Executions, from_orders, from_records
from hotpath.journal import is_journal, read_records
from kairos.domain.instruments import Venue
from kairos.domain.lot_rows import COLUMNS, rows
from kairos.domain.lots import Lots, match_lots, moment
from kairos.domain.units import cash_dollars, contracts, scaled
from kairos.errors import InputError, Malformed, UsageError

_EPILOG: Final = """\
examples:
  kairos lots runs/demo
  kairos lots runs/demo --csv lots.csv
  kairos lots live/journal --venue polymarket --json | jq .gain

A run's lots are checked against its summary: gains less what is still invested is the change of
cash. Times are those at which we heard of an execution. This is a record, not tax advice.

exit codes: 0 done · 1 the lots do not explain the cash · 2 usage · 3 no run and no journal
"""
# Venues where buying one outcome closes the other; elsewhere both are held.
_NETTING: Final = frozenset({Venue.KALSHI, Venue.POLYMARKET_US})
_OPEN_SHOWN: Final = 20


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "lots",
        help="gains by tax lot, first in, first out",
        description="Match every sale and settlement with the purchases it came from.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("source", type=Path, metavar="RUN_DIR|JOURNAL", help="a run, or a live session's journal")
    add("--csv", type=Path, metavar="FILE", help="write one row per disposal")
    add("--force", action="store_true", help="replace FILE if it exists")
    add("--venue", choices=[each.value for each in Venue], default=Venue.KALSHI.value,
        help="whose account it is (default: kalshi); decides whether outcomes net")  # fmt: skip
    add("--json", action="store_true", help="print one JSON object instead")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Raises InputError for what is no run or journal; `cli.main` makes it a message."""
    source: Path = args.source
    venue = Venue(args.venue)
    if args.csv is not None and args.csv.exists() and not args.force:
        raise UsageError(f"{args.csv} exists: choose another name, or add --force")
    executions, checked = _read(source), None
    lots = match_lots(executions.fills, executions.payouts, netting=venue in _NETTING)
    if not _is_journal(source):
        checked = _cash_change(source / "summary.json")
        lots.explain(checked)
    if args.csv is not None:
        _write(args.csv, lots, venue)
    figures = _figures(lots, venue, checked)
    if args.json:
        emit_json(figures | {"csv": None if args.csv is None else str(args.csv)})
    else:
        _show(figures, lots, args.csv)
    return exits.OK


def _is_journal(source: Path) -> bool:
    return not (source / "orders.jsonl").exists() and is_journal(source)


def _read(source: Path) -> Executions:
    if _is_journal(source):
        return from_records(source, read_records(source))
    return from_orders(source / "orders.jsonl")


def _cash_change(path: Path) -> int:
    """What the run's own books say: profit, less what its open positions cost."""
    remedy = "Make the run again: kairos replay FILE --out DIR"
    try:
        pnl = json.loads(path.read_bytes())["pnl"]
        invested = [scaled(each["cost"], 6, "cost") for each in pnl["open_positions"]]
        return scaled(pnl["net"], 6, "net") - sum(invested)
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})", remedy) from error
    except (ValueError, KeyError, TypeError, Malformed) as error:
        raise InputError(path, f"is not a run's summary ({error})", remedy) from error


def _write(path: Path, lots: Lots, venue: Venue) -> None:
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows(rows(lots, venue.value))
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror})") from error


def _figures(lots: Lots, venue: Venue, checked: int | None) -> dict[str, Any]:
    long_term = sum(each.gain for each in lots.closed if each.is_long_term)
    return {
        "venue": venue.value,
        "disposals": len(lots.closed),
        "proceeds": cash_dollars(sum(each.proceeds for each in lots.closed)),
        "cost_basis": cash_dollars(sum(each.lot.cost for each in lots.closed)),
        "fees": cash_dollars(sum(each.fees for each in lots.closed)),
        "gain": cash_dollars(lots.gain),
        "gain_short_term": cash_dollars(lots.gain - long_term),
        "gain_long_term": cash_dollars(long_term),
        "invested": cash_dollars(lots.invested),
        "cash_change": None if checked is None else cash_dollars(checked),
        "open_lots": [
            {
                "market": lot.market,
                "outcome": lot.outcome.value,
                "contracts": contracts(lot.quantity),
                "acquired_at": moment(lot.acquired_ns).isoformat(),
                "cost": cash_dollars(lot.cost),
                "fees": cash_dollars(lot.fees),
                "fill": lot.fill_id,
            }
            for lot in lots.open
        ],
    }


def _show(figures: dict[str, Any], lots: Lots, path: Path | None) -> None:
    columns = ["disposals", "proceeds", "cost basis", "fees", "gain", "of it short", "of it long"]
    names = ["proceeds", "cost_basis", "fees", "gain", "gain_short_term", "gain_long_term"]
    values = [f"{figures['disposals']:,}", *(str(figures[name]) for name in names)]
    show_table("Gains, first in, first out", columns, [values])
    if lots.open:
        show_table(
            f"Open lots ({len(lots.open):,})",
            ["market", "outcome", "contracts", "acquired", "cost", "fees"],
            [
                [lot["market"], lot["outcome"], lot["contracts"], lot["acquired_at"], lot["cost"],
                 lot["fees"]]
                for lot in figures["open_lots"][:_OPEN_SHOWN]
            ],
        )  # fmt: skip
    if figures["cash_change"] is not None:
        say(f"The lots explain the run's change of cash: {figures['cash_change']} dollars")
    if path is not None:
        say(f"{len(lots.closed):,} disposals -> {path}")
