"""A live process that a test may kill: it rests one order at a simulated Kalshi and keeps it there.

`python -m tests.support.live_child SIM_FILE DIRECTORY LIFETIME_SECONDS`
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from cli.live_run import LivePlan, run_async, run_live
from cli.run_settings import load_settings
from cli.runner import Finished
from cli.sim_file import clock_of, read_simulated
from hotpath.gateway.factory import TradingMode
from hotpath.live.clock import paced
from hotpath.live.settings import ShellSettings
from kairos.domain.instruments import Action
from kairos.messages.commands import TimeInForce
from tests.support.live_session import ACTIVE, EAGER
from tests.support.quoting import Wish, quoter


async def work(sim: Path, out: Path, lifetime_seconds: int) -> Finished:
    at = read_simulated(sim)
    clock = await clock_of(at)
    config = replace(at.access.config, tier="prestige", lifetime_seconds=lifetime_seconds)
    shell = ShellSettings(streams=paced(ShellSettings().streams, clock.speed))
    plan = LivePlan(
        TradingMode.LIVE, load_settings(None, EAGER, {}), at.access._replace(config=config),
        ("KXBTC15M",), clock, ACTIVE, out.parent, out, shell, at.spot_url,
        strategy=quoter(Wish(Action.BUY, 3, TimeInForce.GTC, away=2_000)),
    )  # fmt: skip
    return await run_live(plan)


if __name__ == "__main__":
    run_async(work(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
