"""`kairos demo`: a generated session through the whole engine, from nothing to a report."""

from __future__ import annotations

import argparse
import shutil
import time
from pathlib import Path
from typing import Any, Final

from cli import exits
from cli.console import emit_json, say
from cli.replay import finish, print_summary, run_models
from cli.runner import Job
from hotpath.assembly import RunSettings
from hotpath.journal import is_journal, verify
from kairos.errors import KairosError, UsageError
from local.market_generator import SessionSettings, describe, write_session

SEED: Final = 7
MINUTES: Final = 30
# 14:31:05 UTC: two quarter-hour windows and the hourly ladder settle within the half hour.
START_NS: Final = 1_795_012_265_000_000_000
_EPILOG: Final = """\
The session is made up from a seed in Kalshi's and Coinbase's own message formats, with a lost
message, a reconnect, a silent spot feed and malformed frames in it on purpose. The same seed gives
the same session, decisions and hashes on any machine. Nothing leaves this machine.

examples:
  kairos demo
  kairos demo --seed 11 --minutes 20 --out /tmp/demo --json

exit codes: 0 done · 1 the run could not be reproduced from its journal · 2 usage
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "demo",
        help="run a generated session and write a report",
        description="Generate a seeded session, trade it on paper, prove it reproducible, report.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seed", type=int, default=SEED, help="default: %(default)s")
    parser.add_argument("--minutes", type=int, default=MINUTES, help="default: %(default)s")
    parser.add_argument("--out", type=Path, default=Path("runs/demo"), help="default: %(default)s")
    parser.add_argument("--json", action="store_true", help="print summary.json instead of tables")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    started = time.monotonic()
    out: Path = args.out
    tell = (lambda _text: None) if args.json or args.quiet else say
    session = SessionSettings(seed=args.seed, start_ns=START_NS, minutes=args.minutes)
    _clear(out)
    capture = out / "session.jsonl.gz"
    tell(f"[1/3] generating {args.minutes} minutes of markets, seed {args.seed} -> {capture}")
    for fault in describe(session):
        tell(f"      on purpose: {fault.kind.value.replace('_', ' ')}: {fault.explanation}")
    write_session(session, capture)
    tell("[2/3] trading it on paper under three fill models, with a journal")
    job = Job([capture], RunSettings(), {}, out, journal=out / "journal",
              quiet=args.quiet or args.json, title="demo")  # fmt: skip
    main, others = run_models(job, every=True)
    tell("[3/3] replaying the journal: the same decisions, bit for bit?")
    _prove(job, out / "journal", main.summary)
    finish(main, others, out, title=f"Demo, seed {args.seed}", generated=True, seed=args.seed)
    if args.json:
        emit_json(main.summary)
    else:
        print_summary(main.summary, out)
        say(f"done in {time.monotonic() - started:.1f} s")
    return exits.OK


def _clear(out: Path) -> None:
    """A demo starts afresh; only a journal, as an earlier demo left it, is removed."""
    journal = out / "journal"
    try:
        out.mkdir(parents=True, exist_ok=True)
        if journal.exists():
            if not is_journal(journal):
                raise UsageError(f"{journal} is not a journal: give another --out or move it away")
            shutil.rmtree(journal)
    except OSError as error:
        raise UsageError(f"--out {out}: cannot be used ({error.strerror})") from error


def _prove(job: Job, journal: Path, summary: dict[str, Any]) -> None:
    """Verify the journal's checksums, replay it, compare the decisions' hashes."""
    report = verify(journal)
    if not report.ok:
        raise KairosError(f"the journal does not verify: {report}")
    again = run_models(
        Job([journal], job.settings, {}, None, quiet=job.quiet, title="journal"), every=False
    )[0]
    if again.summary["decisions_sha256"] != summary["decisions_sha256"]:
        raise KairosError(
            "replaying the journal gave other decisions: "
            f"{again.summary['decisions_sha256']} instead of {summary['decisions_sha256']}"
        )
    summary["journal_replay"] = {"identical": True, "records": report.records}
