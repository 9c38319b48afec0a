"""`kairos replay`: what the engine would have done on recordings, why, and what it earned."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import msgspec

from cli import exits
from cli.console import emit_json, say, show_table, warn
from cli.report.page import write_report
from cli.report_data import report_data
from cli.run_settings import load_settings
from cli.runner import Finished, Job, execute
from hotpath.assembly import PROFILES, RECORDED, RunSettings
from hotpath.gateway.factory import TradingMode
from hotpath.journal import is_journal
from hotpath.live.record import SessionRecord, read_session
from hotpath.outcomes import beside, read_outcomes
from hotpath.paper.settings import FillModel
from kairos.errors import UsageError

_EPILOG: Final = """\
examples:
  kairos replay session.jsonl.gz
  kairos replay day/*.jsonl.gz --profile v1 --fills pessimistic --out runs/day-v1
  kairos replay session.jsonl.gz --set strategy.min_ev=0.03 --json | jq .pnl
  kairos replay runs/demo/journal                    (a journal is a recording)

Files are replayed in time order, whatever order they are named in. Without --fills all three fill
models are run: the files are the realistic run's, and the others bound it. Outcomes are read from
--outcomes files, from settlement/*settlements.csv beside the captures, from the venue's lifecycle
messages, or implied by the next strike of a series whose strikes are settlement values.

exit codes: 0 done · 2 usage · 3 an input file cannot be used
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "replay",
        help="replay recordings or journals through a strategy",
        description="Replay recorded sessions through the engine: decisions, orders, a report.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("paths", nargs="+", type=Path, metavar="PATH", help="capture file or journal directory")
    add("--profile", choices=PROFILES, help="strategy profile (default: v2)")
    add("--fills", choices=[model.value for model in FillModel], help="only this fill model")
    add("--latency-ms", type=int, metavar="N", help="decision to venue, milliseconds (default: 50)")
    add("--speed", default="max", metavar="max|N", help="N times real time (default: max)")
    add("--out", type=Path, metavar="DIR", help="where results go (default: runs/<first file>)")
    add("--outcomes", type=Path, action="append", metavar="FILE", help="CSV of official outcomes")
    add("--config", type=Path, metavar="FILE", help="settings as TOML")
    add("--set", action="append", default=[], metavar="NAME=VALUE", help="one setting; repeatable")
    flipped = "the tape was subscribed with use_yes_price: NO-side prices are YES prices"
    add("--use-yes-price", action="store_true", default=None, help=flipped)
    add("--journal", type=Path, metavar="DIR", help="also write a journal of the run")
    add("--json", action="store_true", help="print summary.json instead of tables")
    add("--quiet", action="store_true", help="no progress")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    session = session_of(args.paths)
    overrides = {
        "profile": args.profile,
        "fill_model": args.fills,
        "latency_ms": args.latency_ms,
        "use_yes_price": args.use_yes_price,
    }
    base = None if session is None else session.settings
    settings = load_settings(args.config, args.set, overrides, base)
    role = RECORDED if session is None else session.role
    speed = _speed(args.speed)
    known = read_outcomes(args.outcomes if args.outcomes else beside(args.paths))
    out = args.out or Path("runs") / args.paths[0].name.partition(".")[0]
    job = Job(
        args.paths, settings, known, out, speed, args.journal, args.quiet or args.json, "replay",
        role,
    )  # fmt: skip
    every = args.fills is None and not speed and role.mode is TradingMode.PAPER
    main, others = run_models(job, every=every)
    finish(main, others, out, title=f"Replay of {args.paths[0].name}", generated=False, seed=None)
    if args.json:
        emit_json(main.summary)
    else:
        print_summary(main.summary, out)
    return exits.OK


def session_of(paths: Sequence[Path]) -> SessionRecord | None:
    """The live session whose journal is replayed; None for anything else.

    Raises UsageError for a session's journal together with something else: what it did follows
    from its own input alone.
    """
    sessions = [session for session in map(_session, paths) if session is not None]
    if sessions and len(paths) > 1:
        raise UsageError("the journal of a live session is replayed by itself: name it alone")
    return sessions[0] if sessions else None


def _session(path: Path) -> SessionRecord | None:
    try:
        return read_session(path) if path.is_dir() and is_journal(path) else None
    except OSError:
        return None  # opening it will say what is wrong with the path


def _speed(text: str) -> float:
    if text == "max":
        return 0.0
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0.0 < speed <= 1e6:
        raise UsageError(f"--speed {text!r}: use max or a number above 0, e.g. 10")
    return speed


def run_models(job: Job, *, every: bool) -> tuple[Finished, list[Finished]]:
    """The main run, and with `every` the other two fill models to bound it."""
    make_directory(job.directory)
    main = execute(job)
    others = []
    if every:
        for model in FillModel:
            if model is not job.settings.fill_model:
                settings = replace(job.settings, fill_model=model)
                others.append(execute(_bound(job, settings)))
    for notice in job.notices:
        warn(notice)
    for damage in job.damages:
        warn(f"{damage.path}:{damage.line}: {damage.problem}. {damage.remedy}")
    main.summary["fill_range"] = {
        each.summary["fill_model"]: {
            "fills": each.summary["fills"]["total"],
            "net": each.summary["pnl"]["net"],
        }
        for each in (main, *others)
    }
    return main, others


def _bound(job: Job, settings: RunSettings) -> Job:
    return Job(
        job.paths, settings, job.outcomes, None, quiet=job.quiet, role=job.role,
        title=f"{job.title}, {settings.fill_model.value} fills",
    )  # fmt: skip


def make_directory(path: Path | None) -> None:
    if path is None:
        return
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {path}: cannot be created ({error.strerror})") from error


def finish(
    main: Finished,
    others: Sequence[Finished],
    out: Path,
    *,
    title: str,
    generated: bool,
    seed: int | None,
) -> None:
    """Write summary.json and report.html; decisions and orders are there already."""
    data = report_data(main, others, title=title, generated=generated, seed=seed)
    write_atomically(out / "report_data.json", msgspec.json.encode(data).decode())
    write_report(data, out / "report.html")
    main.summary["report"] = str(out / "report.html")
    write_atomically(out / "summary.json", json.dumps(main.summary, indent=2) + "\n")


def write_atomically(path: Path, text: str) -> None:
    """A reader sees the old file or the new one, never half of it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    Path(name).chmod(0o644)
    Path(name).replace(path)


def print_summary(summary: Mapping[str, Any], out: Path, report: Path | None = None) -> None:
    show_table("Run", ("figure", "value"), _figures(summary))
    reasons = summary["decisions"]["by_reason"]
    if reasons:
        rows = [(code, f"{count:,}") for code, count in list(reasons.items())[:8]]
        show_table("Why not, most often", ("reason", "evaluations"), rows)
    if summary["quarantined"]:
        rows = [(code, f"{count:,}") for code, count in summary["quarantined"].items()]
        show_table("Quarantined messages", ("reason", "messages"), rows)
        for reason, samples in summary["quarantine_samples"].items():
            first = samples[0]
            say(f"  {first['file']}:{first['line']}: {reason}: {first['field']} {first['detail']}")
    say(f"report     {report or out / 'report.html'}")
    say(f"summary    {out / 'summary.json'}")
    say(f"decisions  {out / 'decisions.jsonl'}  sha256 {summary['decisions_sha256']}")


def _figures(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    scores, pnl = summary["scores"], summary["pnl"]
    rows = [
        ("profile, fill model", f"{summary['profile']}, {summary['fill_model']}"),
        ("messages", f"{summary['messages']:,}"),
        ("span / wall", f"{summary['span_seconds']:,.0f} s / {summary['wall_seconds']:.2f} s"),
        ("messages per second", f"{summary['messages_per_second']:,.0f}"),
        ("quarantined / sequence gaps",
         f"{sum(summary['quarantined'].values())} / {summary['sequence_gaps']}"),
        ("markets / evaluations",
         f"{len(summary['books'])} / {summary['decisions']['total']:,}"),
        ("orders / fills", f"{summary['orders']['submitted']} / {summary['fills']['total']}"),
        ("PnL gross - fees = net", f"{pnl['gross']} - {pnl['fees']} = {pnl['net']}"),
    ]  # fmt: skip
    spread = summary["fill_range"]
    if len(spread) > 1:
        text = ", ".join(f"{name} {row['net']} ({row['fills']})" for name, row in spread.items())
        rows.append(("net (fills) by fill model", text))
    if scores["evaluations"]:
        model, market = scores["model"], scores["market"]
        rows.append(
            ("Brier model / market", f"{model['brier']:.4f} / {market['brier']:.4f}"
             f"  over {scores['settled_markets']} markets"),
        )  # fmt: skip
    return rows
