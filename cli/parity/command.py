"""The command itself: arguments in, a table or one JSON object out, and an exit code."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from cli.parity.compare import Mismatch
from cli.parity.files import read_rows
from cli.parity.report import Failure, ParityReport
from cli.parity.rows import check_row, kind_of
from kairos.errors import InputError

ALL_PASSED: Final = 0
ANY_FAILED: Final = 1
UNUSABLE_FILE: Final = 3
SHOWN_MISMATCHES: Final = 10
NO_ROWS: Final = "(no rows)"

_DESCRIPTION: Final = """\
Run profile v1 over golden rows recorded from the reference system and compare every
probability, EV, reason, counter and key: floats to 1e-12, everything else exactly.
A row of an unknown kind, a row that lacks a field, and a file without rows all fail.
"""
_EPILOG: Final = """\
example:
  kairos parity tests/contract/golden/*.jsonl.gz
  kairos parity --json golden/btc_edges.jsonl | jq .kinds

exit codes:
  0  every row passed
  1  at least one row failed
  2  the command line is wrong
  3  a file cannot be used (missing, a directory, not JSON lines)
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `parity`; the parsed arguments carry `run`."""
    parser = subparsers.add_parser(
        "parity",
        help="compare profile v1 with golden rows of the reference system",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="golden rows: .jsonl or .jsonl.gz"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    parser.add_argument(
        "--show",
        type=_count,
        default=SHOWN_MISMATCHES,
        metavar="N",
        help="how many mismatches to print (default %(default)s)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check the files, print the result, return the exit code."""
    try:
        report = check_files(args.files)
    except InputError as error:
        if args.json:
            body = {"error": {"kind": type(error).__name__, "message": str(error)}}
            sys.stdout.write(json.dumps(body) + "\n")
        sys.stderr.write(f"kairos parity: {error}\n")
        return UNUSABLE_FILE
    if args.json:
        text = json.dumps(report.json(), allow_nan=False)
    else:
        text = "\n".join(report.lines(args.show))
    sys.stdout.write(f"{text}\n")
    return ANY_FAILED if report.failed else ALL_PASSED


def check_files(paths: Sequence[Path]) -> ParityReport:
    """Check every row of every file. Raises InputError for a file that cannot be used."""
    report = ParityReport()
    for path in paths:
        rows = 0
        for line, row in read_rows(path):
            rows += 1
            report.add(kind_of(row), _failures(path, line, row))
        if not rows:
            nothing = Mismatch("rows", "at least one", 0)
            report.add(NO_ROWS, [Failure(str(path), None, NO_ROWS, "-", nothing)])
    return report


def _failures(path: Path, line: int, row: Mapping[str, Any]) -> list[Failure]:
    identity = str(row.get("id", row.get("name", "-")))
    return [
        Failure(str(path), line, kind_of(row), identity, mismatch) for mismatch in check_row(row)
    ]


def _count(text: str) -> int:
    try:
        count = int(text)
    except ValueError:
        count = -1
    if count < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of mismatches")
    return count
