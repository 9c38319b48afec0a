"""`kairos report`: draw the report of a finished run again, or state its figures."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, Final

import msgspec

from cli import exits
from cli.console import emit_json
from cli.replay import print_summary
from cli.report.data import ReportData
from cli.report.page import write_report
from kairos.errors import InputError

_EPILOG: Final = """\
examples:
  kairos report runs/demo
  kairos report runs/demo --out /tmp/demo.html
  kairos report runs/demo --json | jq .scores

exit codes: 0 done · 2 usage · 3 not the directory of a finished run
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "report",
        help="draw the report of a finished run again",
        description="Render report.html from a run's own files and print its figures.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run_dir", type=Path, metavar="RUN_DIR", help="the --out of a replay")
    parser.add_argument("--out", type=Path, metavar="FILE", help="default: RUN_DIR/report.html")
    parser.add_argument("--json", action="store_true", help="print summary.json")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    directory: Path = args.run_dir
    try:
        summary: dict[str, Any] = json.loads(_read(directory / "summary.json"))
    except ValueError as error:
        raise InputError(
            directory / "summary.json", f"is not JSON ({error})", "Replay again."
        ) from error
    if not isinstance(summary, dict) or "decisions_sha256" not in summary:
        raise InputError(directory / "summary.json", "is not a run's summary", "Replay again.")
    try:
        data = msgspec.json.decode(_read(directory / "report_data.json"), type=ReportData)
    except msgspec.DecodeError as error:
        raise InputError(
            directory / "report_data.json", f"is not a report's data ({error})", "Replay again."
        ) from error
    out: Path = args.out or directory / "report.html"
    write_report(data, out)
    if args.json:
        emit_json(summary | {"report": str(out)})
    else:
        print_summary(summary, directory, report=out)
    return exits.OK


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            path, f"cannot be read ({error.strerror})", "Give the --out of a finished replay."
        ) from error
