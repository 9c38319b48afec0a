"""`kairos paper`, `kairos shadow`, `kairos live`: the hot path on a venue's own live data."""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from cli import doctor, environment_file, exits
from cli.console import emit_json, say
from cli.live_run import LivePlan, log_to_stderr, run_async, run_live, session_directory
from cli.replay import finish, print_summary
from cli.run_settings import load_settings
from cli.runner import Finished
from cli.sim_file import Simulated, clock_of, read_simulated
from hotpath.feeds.live.clock import SystemClock
from hotpath.gateway.factory import TradingMode
from hotpath.live.clock import paced
from hotpath.live.control import Control, ControlFile, FixedControl, Wanted
from hotpath.live.settings import ShellSettings
from kairos.bootstrap import (
    COINBASE_URL,
    VENUE_VARIABLES,
    KalshiAccess,
    kalshi_access,
    missing_variables,
    with_default_variables,
)
from kairos.domain.risk.trading_state import TradingState
from kairos.errors import KairosError, UsageError
from kairos.ports import Clock
from kairos.services.doctor import Status

SERIES: Final = "KXBTC15M"
ALLOW: Final = "KAIROS_ALLOW_REAL_ORDERS"
_KEYS: Final = "\n".join(f"  {each.name:<28}{each.meaning}" for each in VENUE_VARIABLES["kalshi"])
_ABOUT: Final = {
    TradingMode.PAPER: (
        "trade a venue's live data on paper",
        "Follow a venue's live markets; orders go to the paper venue in this process.",
    ),
    TradingMode.SHADOW: (
        "decide on a venue's live data and send nothing",
        "Follow a venue's live markets; write down what would have been sent.",
    ),
    TradingMode.LIVE: (
        "trade a venue account with real money",
        "Follow a venue's live markets and send real orders.",
    ),
}
_EPILOG: Final = f"""\
Keys come from the environment, or from the file .env in this directory (also to read market data:
Kalshi's websocket wants a signature). Ctrl-C or SIGTERM ends a session: nothing new, cancels out,
then the report. The journal it leaves is replayed with `kairos replay DIR/journal` and gives the
same decisions.

{_KEYS}

examples:
  kairos paper --venue kalshi
  kairos paper --venue kalshi --env demo --seconds 600 --json
  kairos sim --speed 20 --json > sim.json &  kairos paper --sim sim.json --seconds 60
  kairos shadow --control state.json

exit codes: 0 done · 1 it broke, or (live) the doctor found a fault · 2 usage, or (live) it was not
confirmed · 3 an input file cannot be used · 130 interrupted before it began
"""
_log = logging.getLogger("kairos.cli")


def add_parsers(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    for mode, (short, long) in _ABOUT.items():
        parser = subparsers.add_parser(
            mode.value, help=short, description=long, epilog=_EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip
        _add_options(parser, mode)
        parser.set_defaults(run=run, mode=mode)


def _add_options(parser: argparse.ArgumentParser, mode: TradingMode) -> None:
    add = parser.add_argument
    add("--venue", choices=("kalshi",), default="kalshi", help="default: kalshi")
    add("--env", choices=("production", "demo"), help="default: KALSHI_ENVIRONMENT, or production")
    add("--series", action="append", metavar="NAME", help=f"repeatable; default: {SERIES}")
    add("--base-url", metavar="URL", help="this origin instead, a simulated venue for instance")
    add("--spot-url", metavar="URL", default=COINBASE_URL, help="websocket of the spot feed")
    add("--connections", type=int, default=1, metavar="N", help="redundant ones; default: 1")
    add("--seconds", type=float, metavar="N", help="stop by itself; default: until interrupted")
    add("--out", type=Path, metavar="DIR", help=f"default: a new directory in runs/{mode}")
    add("--config", type=Path, metavar="FILE", help="settings as TOML")
    add("--set", action="append", default=[], metavar="NAME=VALUE", help="one setting; repeatable")
    states = [state.value for state in TradingState]
    add("--control", type=Path, metavar="FILE", help="trading state, followed while it runs")
    if mode is not TradingMode.LIVE:
        add("--sim", type=Path, metavar="FILE", help="what `kairos sim --json` printed: use that")
        add("--state", choices=states, default="ACTIVE", help="without --control; default: ACTIVE")
    else:
        add("--real-orders", action="store_true", help=f"confirm it; {ALLOW}=yes must be set, too")
    add("--env-file", type=Path, help="default: .env if it is there")
    add("--json", action="store_true", help="print summary.json instead of tables")
    add("--quiet", action="store_true", help="no log on standard error")


def run(args: argparse.Namespace) -> int:
    if args.seconds is not None and args.seconds <= 0:
        raise UsageError("--seconds must be more than 0")
    stated = environment_file.settings(args.env_file, os.environ)
    if args.env is not None:
        stated["KALSHI_ENVIRONMENT"] = args.env
    if args.mode is TradingMode.LIVE:
        _confirm(args, stated)
    control = _control(args)
    control.read()
    if not args.quiet:
        log_to_stderr()
    finished, out = run_async(_session(args, stated, control))
    return _tell(args, finished, out)


async def _session(
    args: argparse.Namespace, stated: Mapping[str, str], control: Control
) -> tuple[Finished, Path]:
    if args.mode is TradingMode.LIVE and not await _is_healthy(args, stated):
        raise KairosError("the doctor found what must be mended first: nothing was started")
    access, spot_url, clock = await _venue(args, stated)
    settings = load_settings(args.config, args.set, {})
    root = Path("runs") / args.mode.value
    out = args.out or session_directory(root, clock.now_ns())
    speed = getattr(clock, "speed", 1.0)
    shell = ShellSettings(streams=paced(ShellSettings().streams, speed))
    plan = LivePlan(
        args.mode, settings, access, tuple(args.series or (SERIES,)), clock, control, out.parent,
        out, shell, spot_url, args.connections, args.seconds,
    )  # fmt: skip
    if not args.quiet:
        _log.info("%s on %s -> %s", args.mode.value, access.config.rest_origin, out)
    return await run_live(plan), out


async def _venue(
    args: argparse.Namespace, stated: Mapping[str, str]
) -> tuple[KalshiAccess, str, Clock]:
    if args.mode is not TradingMode.LIVE and args.sim is not None:
        at: Simulated = read_simulated(args.sim)
        return at.access, at.spot_url, await clock_of(at)
    absent = missing_variables("kalshi", stated)
    if absent:
        raise UsageError(f"set {', '.join(absent)} in the environment or in .env")
    return (
        kalshi_access(with_default_variables("kalshi", stated), args.base_url),
        args.spot_url,
        SystemClock(),
    )


def _control(args: argparse.Namespace) -> Control:
    if args.control is not None:
        return ControlFile(args.control)
    if args.mode is TradingMode.LIVE:
        raise UsageError("live needs --control FILE: whoever may stop it must be able to")
    return FixedControl(Wanted(TradingState(args.state), "command line", "--state"))


# Real orders


def _confirm(args: argparse.Namespace, stated: Mapping[str, str]) -> None:
    """Twice, in two places, and with limits of the account's own."""
    if not args.real_orders:
        raise UsageError("live sends real orders: confirm it with --real-orders")
    if stated.get(ALLOW) != "yes":
        raise UsageError(f"live sends real orders: set {ALLOW}=yes in the environment, too")
    if args.config is None:
        raise UsageError("live needs --config FILE with risk limits made for this account")


async def _is_healthy(args: argparse.Namespace, stated: Mapping[str, str]) -> bool:
    findings = await doctor.examine_venue("kalshi", stated, args.base_url)
    bad = [each for each in findings if each.status in (Status.FAIL, Status.SKIPPED)]
    for each in bad:
        _log.error("doctor: %s: %s -> %s", each.name, each.detail, each.remedy)
    return not bad


def _tell(args: argparse.Namespace, main: Finished, out: Path) -> int:
    summary: dict[str, Any] = main.summary
    summary["fill_range"] = {
        summary["fill_model"]: {"fills": summary["fills"]["total"], "net": summary["pnl"]["net"]}
    }
    title = f"{args.mode.value.capitalize()} session on Kalshi"
    finish(main, [], out, title=title, generated=False, seed=None)
    if args.json:
        emit_json(summary)
    else:
        print_summary(summary, out)
        say(f"replay     kairos replay {out / 'journal'}")
    return exits.OK
