"""Live sessions against simulated venues in this process: short, and as the commands run them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeVar

from cli.live_run import LivePlan
from cli.replay import session_of
from cli.run_settings import load_settings
from cli.runner import Finished, Job, execute
from hotpath.assembly import RunSettings, StrategyOf
from hotpath.gateway.factory import TradingMode
from hotpath.live.clock import ScaledClock, paced
from hotpath.live.control import Control, FixedControl, Wanted
from hotpath.live.settings import ShellSettings
from hotpath.live.shell import LiveShell
from kairos.bootstrap import KALSHI_DEMO, KALSHI_STREAM_PATH, KalshiAccess, KalshiKey
from kairos.domain.risk.trading_state import TradingState
from local.venues.btc.session import BtcSession, BtcSettings
from local.venues.coinbase.server import CoinbaseServer
from local.venues.core.clock import RunningClock
from local.venues.core.faults import fault_from_json
from local.venues.kalshi.auth import new_credentials
from local.venues.kalshi.btc import list_session
from local.venues.kalshi.server import KalshiServer, ServerSettings

T = TypeVar("T")
SEED: Final = 7
ACCOUNT: Final = "trader"
# 14:36:35 UTC: a quarter-hour window closes after eight and a half minutes.
START_NS: Final = 1_795_012_595_000_000_000
ACTIVE: Final = FixedControl(Wanted(TradingState.ACTIVE, "test", "paper"))
# Edges that a strategy with no doubts takes, so that short sessions trade.
EAGER: Final = (
    "strategy.min_ev=0.001", "strategy.cost_buffer=0", "strategy.uncertainty_multiplier=0.1",
    "strategy.volatility.ready_seconds=60", "strategy.cooldown_seconds=2",
    "risk.triggers.healthy_seconds_min=20", "risk.triggers.shadow_seconds=1",
)  # fmt: skip


def bounded(work: Callable[[], Coroutine[Any, Any, T]], seconds: float = 25.0) -> T:
    """Run one bounded asynchronous test."""

    async def within() -> T:
        async with asyncio.timeout(seconds):
            return await work()

    return asyncio.run(within())


@dataclass
class Venues:
    """A Kalshi and a Coinbase that run, and an account at the former."""

    kalshi: KalshiServer
    coinbase: CoinbaseServer
    access: KalshiAccess
    speed: float
    key: bytes

    @property
    def clock(self) -> ScaledClock:
        return ScaledClock(self.kalshi.clock.now_ns(), self.speed)

    def fault(self, body: str, at: str = "kalshi") -> None:
        server = self.kalshi if at == "kalshi" else self.coinbase
        server.faults.inject(fault_from_json(body.encode()))

    def write_served(self, directory: Path) -> Path:
        """What `kairos sim --json` would have printed, for another process."""
        key_file, served = directory / "key.pem", directory / "sim.json"
        key_file.write_bytes(self.key)
        credentials = {"key_id": self.access.key.key_id, "private_key": str(key_file)}
        venues = [
            ("kalshi", self.kalshi.server.url, {"websocket": self.kalshi.ws_url}, credentials),
            ("coinbase", self.coinbase.server.url, {"websocket": self.coinbase.ws_url}, {}),
        ]
        names = ("venue", "control_url", "urls", "credentials")
        rows = [dict(zip(names, venue, strict=True)) for venue in venues]
        served.write_text(json.dumps({"venues": rows}), "utf-8")
        return served

    def resting(self) -> int:
        return len(self.kalshi.exchange.open_records(ACCOUNT))

    def placed(self) -> int:
        """Orders that the account ever had."""
        return sum(each.account == ACCOUNT for each in self.kalshi.exchange.records.values())


@asynccontextmanager
async def venues(
    speed: float = 60.0, *, start_ns: int = START_NS, activity: float = 1.0
) -> AsyncIterator[Venues]:
    session = BtcSession(BtcSettings(SEED, start_ns, 40))
    clock = RunningClock(start_ns, speed)
    settings = ServerSettings(tier="prestige", ping_every_s=max(0.1, 10 / speed))
    kalshi, coinbase = KalshiServer(clock, settings, SEED), CoinbaseServer(session, clock, SEED)
    list_session(kalshi, session, activity)
    credentials = kalshi.add_member(ACCOUNT, 1_000, new_credentials())
    await kalshi.start()
    await coinbase.start()
    try:
        origin = kalshi.server.url
        config = replace(
            KALSHI_DEMO, rest_origin=origin, stream_url=kalshi.server.ws_url + KALSHI_STREAM_PATH,
            tier="prestige",
        )  # fmt: skip
        key = KalshiKey.from_pem(credentials.key_id, credentials.private_key_pem)
        pem = credentials.private_key_pem
        yield Venues(kalshi, coinbase, KalshiAccess(config, key), speed, pem)
    finally:
        await coinbase.stop()
        await kalshi.stop()


def plan(
    at: Venues,
    directory: Path,
    *,
    mode: TradingMode = TradingMode.PAPER,
    seconds: float | None = 6.0,
    settings: RunSettings | None = None,
    series: Sequence[str] = ("KXBTC15M", "KXBTCD"),
    control: Control = ACTIVE,
    probe: Callable[[LiveShell], Coroutine[Any, Any, None]] | None = None,
    strategy: StrategyOf | None = None,
    lanes: int = 1,
) -> LivePlan:
    shell = ShellSettings(streams=paced(ShellSettings().streams, at.speed))
    return LivePlan(
        mode, settings or load_settings(None, EAGER, {}), at.access, series, at.clock, control,
        directory.parent, directory, shell, at.coinbase.ws_url, lanes, seconds, probe, strategy,
    )  # fmt: skip


async def until(holds: Callable[[], object], seconds: float = 5.0) -> None:
    """Wait for something of ours or of the venue's."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - what is waited for is not ours to announce
            await asyncio.sleep(0.01)


def replayed(journal: Path, strategy: StrategyOf | None = None) -> Finished:
    """The same journal through `kairos replay`'s way."""
    session = session_of([journal])
    assert session is not None
    return execute(
        Job([journal], session.settings, {}, None, quiet=True, role=session.role, strategy=strategy)
    )


def assert_replays(main: Finished, journal: Path, strategy: StrategyOf | None = None) -> None:
    again = replayed(journal, strategy).summary
    for key in ("decisions_sha256", "messages", "pnl", "orders", "fills", "books", "risk",
                "quarantined", "connections"):  # fmt: skip
        assert again[key] == main.summary[key], key
