"""`kairos sim`: simulated venues on this machine, for anyone's client, until interrupted."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from cli import exits
from cli.console import emit_json, say
from kairos.errors import UsageError
from local.venues.btc.session import BtcSession, BtcSettings
from local.venues.core.clock import RunningClock
from local.venues.registry import BUILDERS, Served, World, build_venue

DEFAULT_VENUES: Final = "kalshi,coinbase"
SEED: Final = 7
_PORT_MAX: Final = 65_535
_EPILOG: Final = """\
Each venue listens on 127.0.0.1 only, checks signatures with the throwaway key it prints, and can
be made to misbehave: POST a fault to its control URL, DELETE clears all of them.

examples:
  kairos sim
  kairos sim --venues kalshi,coinbase --speed 30 --seed 11
  kairos sim --start 2026-11-18T14:31:05Z --json > sim.json &  kairos paper --sim sim.json
  kairos sim --port-base 9400 --seconds 60 --json
  curl -X POST CONTROL/_sim/faults -d '{"fault":"disconnect"}'
  curl -X POST CONTROL/_sim/faults -d '{"fault":"lose_replies","count":1,"path":"*/orders"}'
  curl -X POST CONTROL/_sim/faults -d '{"fault":"fail","status":503,"count":2}'
  curl CONTROL/_sim/state

exit codes: 0 the time was up · 2 usage · 130 interrupted
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "sim",
        help="serve simulated venues on this machine",
        description="Serve venues that speak the real protocols, with a seeded Bitcoin session.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--venues", default=DEFAULT_VENUES,
        help=f"comma-separated, of {', '.join(BUILDERS)}; default: %(default)s",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=SEED, help="default: %(default)s")
    parser.add_argument(
        "--speed", type=float, default=1.0, help="simulated seconds per second; default: 1"
    )
    parser.add_argument(
        "--start", metavar="TIME", help="simulated time it begins at, ISO 8601; default: now"
    )
    parser.add_argument(
        "--minutes", type=int, default=240, help="of simulated time; default: %(default)s"
    )
    parser.add_argument("--activity", type=float, default=1.0, help="of the others; default: 1")
    parser.add_argument("--port-base", type=int, default=0, help="first port; default: free ones")
    parser.add_argument("--seconds", type=float, help="stop by itself; default: until interrupted")
    parser.add_argument("--out", type=Path, default=Path("runs/sim"), help="default: %(default)s")
    parser.add_argument("--json", action="store_true", help="print what is served as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    names = _names(args.venues)
    ports = _ports(args.port_base, len(names))
    if args.seconds is not None and args.seconds <= 0:
        raise UsageError("--seconds must be more than 0")
    if not 0 < args.activity <= 100:
        raise UsageError("--activity must be more than 0 and at most 100")
    clock = RunningClock(_start_ns(args.start), args.speed)
    settings = BtcSettings(args.seed, clock.now_ns(), args.minutes)
    world = World(args.seed, clock, BtcSession(settings), args.out, activity=args.activity)
    asyncio.run(_serve(names, ports, world, args))
    return exits.OK


async def _serve(
    names: Sequence[str], ports: Sequence[int], world: World, args: argparse.Namespace
) -> None:
    async with AsyncExitStack() as running:
        served = []
        for name, port in zip(names, ports, strict=True):
            venue = build_venue(name, world)
            running.push_async_callback(venue.stop)
            served.append(await venue.start(port))
        _tell(served, args)
        # An interrupt cancels this wait, and the stack stops every venue.
        await asyncio.sleep(args.seconds if args.seconds is not None else _until(world))


def _start_ns(text: str | None) -> int:
    if text is None:
        return time.time_ns()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"--start {text!r} is no time: {error}") from error
    if moment.tzinfo is None:
        raise UsageError(f"--start {text!r} does not say its zone; add Z for UTC")
    return int(moment.timestamp()) * 1_000_000_000


def _until(world: World) -> float:
    """Real seconds until the session has nothing more to trade, and a minute for who looks on."""
    left_ns = world.session.end_ns - world.clock.now_ns()
    return max(0.0, left_ns / 1e9 / world.clock.speed) + 60.0


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in BUILDERS]
    if not names or unknown or len(set(names)) != len(names):
        known = ", ".join(BUILDERS)
        raise UsageError(f"--venues {text!r}: name each once, of {known}")
    return names


def _ports(base: int, count: int) -> list[int]:
    if not 0 <= base <= _PORT_MAX - count:
        raise UsageError(f"--port-base must be between 0 and {_PORT_MAX - count}")
    return [base + index if base else 0 for index in range(count)]


def _tell(served: Sequence[Served], args: argparse.Namespace) -> None:
    if args.json:
        report: dict[str, Any] = {
            "seed": args.seed,
            "speed": args.speed,
            "venues": msgspec.to_builtins(list(served)),
        }
        emit_json(report)
    else:
        for venue in served:
            _tell_one(venue)
        say("serving; interrupt to stop")
    # Whoever started this in the background waits for these lines.
    sys.stdout.flush()


def _tell_one(venue: Served) -> None:
    say(f"{venue.venue}")
    for name, url in venue.urls.items():
        say(f"  {name:<12} {url}")
    for name, value in venue.credentials.items():
        say(f"  {name:<12} {value}")
    say(f"  faults       curl -X POST {venue.control_url}/_sim/faults "
        "-d '{\"fault\":\"disconnect\"}'")  # fmt: skip
    say(f"  state        curl {venue.control_url}/_sim/state")
