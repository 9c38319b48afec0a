"""`kairos demo`: minutes of simulated venues over real sockets, from nothing to a report."""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from cli import exits
from cli.console import emit_json, say
from cli.demo_venues import PlannedFault, planned_faults, strike, venues
from cli.live_run import LivePlan, log_to_stderr, run_async, run_live
from cli.replay import finish, print_summary, run_models, session_of
from cli.run_settings import load_settings
from cli.runner import Finished, Job
from cli.sim_file import clock_of
from hotpath.gateway.factory import TradingMode
from hotpath.journal import is_journal, verify
from hotpath.live.clock import SPEED_MAX, paced
from hotpath.live.control import FixedControl, Wanted
from hotpath.live.settings import ShellSettings
from hotpath.live.shell import LiveShell
from kairos.domain.risk.trading_state import TradingState
from kairos.errors import KairosError, UsageError

SEED: Final = 7
MINUTES: Final = 25
SPEED: Final = 60.0
SERIES: Final = ("KXBTC15M", "KXBTCD")
# 14:36:35 UTC: two quarter-hour windows and the hourly ladder settle within the session.
START_NS: Final = 1_795_012_595_000_000_000
_MINUTE_NS: Final = 60_000_000_000
# Five healthy minutes before trading resumes would be a fifth of the session.
_SETTINGS: Final = ("risk.triggers.healthy_seconds_min=60", "risk.triggers.shadow_seconds=10")
_EPILOG: Final = """\
Kalshi and Coinbase are simulated in a process of their own, on this machine, and speak their own
protocols over websockets and REST; the markets are made up from the seed. Their clock runs --speed
times as fast as yours, and so does the session's. A lost message, a frame that nobody can read and
lost connections are in it on purpose. Two runs see different interleavings, so they decide
differently; replaying the journal of a run gives its decisions, bit for bit. No other machine is
asked for anything.

examples:
  kairos demo
  kairos demo --seed 11 --minutes 20 --out /tmp/demo --json
  kairos demo --speed 10 --minutes 10

exit codes: 0 done · 1 the run could not be reproduced from its journal · 2 usage
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "demo",
        help="trade simulated venues over sockets and write a report",
        description="Trade simulated venues on paper over real sockets, prove it by a replay.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--seed", type=int, default=SEED, help="default: %(default)s")
    add("--minutes", type=float, default=MINUTES, help="simulated; default: %(default)s")
    add("--speed", type=float, default=SPEED, help="simulated seconds a second; default: 60")
    add("--out", type=Path, default=Path("runs/demo"), help="default: %(default)s")
    add("--json", action="store_true", help="print summary.json instead of tables")
    add("--quiet", action="store_true", help="no progress")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    started = time.monotonic()
    out: Path = args.out
    _check(args)
    tell = (lambda _text: None) if args.json or args.quiet else say
    if not (args.json or args.quiet):
        log_to_stderr()
    _clear(out)
    main = run_async(_trade(args, out, tell))
    tell("[3/3] replaying the journal: the same decisions, bit for bit?")
    others = _prove(out / "journal", main)
    finish(main, others, out, title=f"Demo, seed {args.seed}", generated=True, seed=args.seed)
    if args.json:
        emit_json(main.summary)
    else:
        print_summary(main.summary, out)
        say(f"done in {time.monotonic() - started:.1f} s")
    return exits.OK


def _check(args: argparse.Namespace) -> None:
    if not 1 <= args.minutes <= 600:
        raise UsageError("--minutes: use 1 to 600")
    if not 1 <= args.speed <= SPEED_MAX:
        raise UsageError(f"--speed: use 1 to {SPEED_MAX:g}")


async def _trade(args: argparse.Namespace, out: Path, tell: Callable[[str], None]) -> Finished:
    end_ns = START_NS + round(args.minutes * _MINUTE_NS)
    async with AsyncExitStack() as opened:
        began = datetime.fromtimestamp(START_NS // 1_000_000_000, UTC)
        tell(f"[1/3] simulating Kalshi and Coinbase from {began:%H:%M:%S} UTC, seed {args.seed}, "
             f"{args.speed:g} times as fast")  # fmt: skip
        at = await opened.enter_async_context(
            venues(out / "venues", args.seed, args.speed, began, args.minutes)
        )
        clock = await clock_of(at)
        left_s = (end_ns - clock.now_ns()) / 1e9 / args.speed
        faults = planned_faults(START_NS, end_ns)
        plan = LivePlan(
            TradingMode.PAPER, load_settings(None, _SETTINGS, {}), at.access, SERIES, clock,
            FixedControl(Wanted(TradingState.ACTIVE, "demo", "paper money")), out.parent, out,
            ShellSettings(streams=paced(ShellSettings().streams, args.speed)), at.spot_url,
            seconds=max(left_s, 1.0), probe=_misbehave(at.controls, faults),
        )  # fmt: skip
        tell(f"[2/3] trading them on paper over websockets for {left_s:.0f} s, with a journal")
        for fault in faults:
            tell(f"      on purpose, at {fault.at:%H:%M:%S}: {fault.explanation}")
        return await run_live(plan)


def _misbehave(controls: dict[str, str], faults: Sequence[PlannedFault]) -> Any:  # noqa: ANN401
    async def probe(shell: LiveShell) -> None:
        for fault in faults:
            wait_ns = fault.at_ns - shell.clock.now_ns()
            await shell.clock.sleep(max(wait_ns, 0) / 1e9)
            await strike(controls, fault)

    return probe


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


def _prove(journal: Path, main: Finished) -> list[Finished]:
    """Verify the journal's checksums, replay it as `kairos replay` would, compare the decisions.

    Returns the runs of the other fill models, which bound what was earned.
    """
    report = verify(journal)
    session = session_of([journal])
    if not report.ok or session is None:
        raise KairosError(f"the journal does not verify: {report}")
    job = Job([journal], session.settings, {}, None, quiet=True, role=session.role)
    again, others = run_models(job, every=True)
    for key in ("decisions_sha256", "pnl", "orders", "books"):
        if again.summary[key] != main.summary[key]:
            raise KairosError(
                f"replaying the journal gave another {key}: {again.summary[key]} instead of "
                f"{main.summary[key]}"
            )
    main.summary["fill_range"] = again.summary["fill_range"]
    main.summary["journal_replay"] = {"identical": True, "records": report.records}
    return others
