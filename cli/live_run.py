"""Runs a live session from the command line: puts it together, lets it run, states what it did."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from cli.run_charts import RunCharts
from cli.runner import Fan, Finished
from hotpath.assembly import Role, RunSettings, StrategyOf, code_version
from hotpath.gateway.dead_man import DeadManSettings
from hotpath.gateway.factory import GatewayParts, TradingMode, gateway_for
from hotpath.gateway.settings import ForeignOrders, GatewaySettings
from hotpath.journal import Journal, JournalSettings, is_journal
from hotpath.live import health
from hotpath.live.account import AccountSettings, LiveAccount
from hotpath.live.control import Control
from hotpath.live.earlier import earlier_journals, orders_left
from hotpath.live.health import Health, keep_well
from hotpath.live.kalshi import book_conns, kalshi_plans, only_series_line
from hotpath.live.markets import MarketWatch
from hotpath.live.settings import ShellSettings
from hotpath.live.shell import LiveShell, Outside
from hotpath.run_record import RunRecord
from hotpath.summary import RunFacts, summarise
from kairos.bootstrap import (
    COINBASE_URL,
    KalshiAccess,
    KalshiPrivateStream,
    KalshiTrading,
    kalshi_account,
    kalshi_catalogue,
    kalshi_transport,
    kalshi_wire,
)
from kairos.domain.ledger import LedgerRules
from kairos.domain.risk.triggers import Signal
from kairos.domain.units import NANOSECONDS_PER_MILLISECOND, QUANTITY_PER_CONTRACT
from kairos.errors import UsageError
from kairos.messages.events import OrderReport
from kairos.ports import Clock
from kairos.services.breaks import ReconcileSettings

T = TypeVar("T")
Probe = Callable[[LiveShell], Coroutine[Any, Any, None]]
# So many of the largest orders may fill in 15 seconds before the venue itself stops us.
_GROUP_ORDERS: Final = 10
# A venue's fills come in any order, and its fees may take cash below zero for a moment.
_LIVE_LEDGER: Final = LedgerRules(netting=True, allow_debt=True, any_order=True)
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@dataclass(slots=True)
class LivePlan:
    """A live session as it was asked for. `seconds` None: until it is told to stop.

    `root` is where sessions like this one are kept, `directory` where this one's results go; the
    journal is in it. `probe` is given the shell when it runs; `strategy` stands in for the
    profile's.
    """

    mode: TradingMode
    settings: RunSettings
    access: KalshiAccess
    series: Sequence[str]
    clock: Clock
    control: Control
    root: Path
    directory: Path
    shell: ShellSettings = field(default_factory=ShellSettings)
    spot_url: str = COINBASE_URL
    lanes: int = 1
    seconds: float | None = None
    probe: Probe | None = None
    strategy: StrategyOf | None = None


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run on the quicker event loop, where there is one."""
    try:
        import uvloop
    except ImportError:  # not made for every platform
        return asyncio.run(work)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def session_directory(root: Path, now_ns: int) -> Path:
    """A directory of its own for each session, named by the time it began."""
    began = datetime.fromtimestamp(now_ns // 1_000_000_000, UTC)
    return root / f"{began:%Y%m%dT%H%M%SZ}"


def log_to_stderr() -> None:
    """What a person should hear of while a session runs, one line each."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logger = logging.getLogger("kairos")
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False


def open_journal(plan: LivePlan) -> Journal:
    """A new one: the journal of a session is the recording of that session alone."""
    directory = plan.directory / "journal"
    if directory.exists() and is_journal(directory):
        raise UsageError(f"{directory} is the journal of another session: give another --out")
    digest = hashlib.sha256(repr((plan.mode, plan.settings)).encode()).hexdigest()
    return Journal.open(
        JournalSettings(directory=directory), clock=plan.clock.now_ns,
        code_version=code_version(), settings_sha256=digest,
    )  # fmt: skip


async def run_live(plan: LivePlan) -> Finished:
    """The whole session. Raises what broke it; its journal stays, and says how far it came."""
    plan.directory.mkdir(parents=True, exist_ok=True)
    if plan.mode is TradingMode.LIVE:
        engine = replace(plan.settings.engine, ledger=_LIVE_LEDGER)
        plan.settings = replace(plan.settings, engine=engine)
    record, charts = RunRecord(plan.directory), RunCharts()
    started = time.perf_counter()
    try:
        with open_journal(plan) as journal:
            live = await _Live.open(plan, journal, Fan(record, charts))
            await live.run()
    except BaseException:
        record.discard()
        raise
    shell, digest = live.shell, record.close()
    summary = _summary(plan, shell, record, digest, time.perf_counter() - started)
    return Finished(summary, charts, shell.assembled, record)


def _fencing_token(plan: LivePlan) -> int:
    """Which session sent an order, readable from its id at the venue: later sessions have higher
    ones. Until a lease hands them out it is the start, in milliseconds since the epoch."""
    if plan.mode is not TradingMode.LIVE:
        return 0
    return plan.clock.now_ns() // NANOSECONDS_PER_MILLISECOND


class _Live:
    """A session that is put together, with what it opened."""

    def __init__(self, plan: LivePlan, shell: LiveShell, opened: AsyncExitStack) -> None:
        self.plan = plan
        self.shell = shell
        self._opened = opened

    @classmethod
    async def open(cls, plan: LivePlan, journal: Journal, sink: Fan) -> _Live:
        uniform = random.SystemRandom().random
        watched: tuple[Signal, ...] = health.MEASURED
        if plan.mode is TradingMode.LIVE:
            watched += health.WITH_ACCOUNT
        role = Role(plan.mode, plan.control.read().state, watched, _fencing_token(plan))
        outside = Outside(
            kalshi_plans(plan.access, plan.lanes, plan.spot_url), plan.clock, uniform, journal,
            plan.directory / "journal",
        )  # fmt: skip
        shell = LiveShell(plan.settings, role, plan.shell, outside, sink, plan.strategy)
        shell.feed.put([only_series_line(plan.clock.now_ns(), plan.series)])
        live = cls(plan, shell, AsyncExitStack())
        try:
            await live._furnish(uniform)
        except BaseException:
            await live._opened.aclose()
            raise
        return live

    async def _furnish(self, uniform: Callable[[], float]) -> None:
        """Catalogue, gateway and jobs. In LIVE the account is opened and compared first."""
        plan, shell = self.plan, self.shell
        transport = kalshi_transport(plan.access.config)
        self._opened.push_async_callback(transport.close)
        catalogue = kalshi_catalogue(plan.access.config, plan.clock, transport, jitter=uniform)
        watch = MarketWatch(shell, catalogue, plan.series, book_conns(plan.lanes))
        await watch.once()
        if plan.mode is TradingMode.LIVE:
            account = await self._account(uniform, watch.exchange_index)
            well = Health(shell, plan.control, account.has_budget, account.is_reconciled)
        else:
            shell.session.gateway = gateway_for(plan.mode, _parts(shell))
            well = Health(shell, plan.control)
        keep_well(shell, well)
        shell.add(watch.run)
        shell.add(self._maintain)
        probe = plan.probe
        if probe is not None:
            shell.add(lambda: _forever(probe, shell))

    async def _account(
        self, uniform: Callable[[], float], exchange_index: int | None
    ) -> LiveAccount:
        plan, shell = self.plan, self.shell
        if exchange_index is None:
            raise UsageError(f"none of {', '.join(plan.series)} has a market: nothing to trade")
        config, key = plan.access
        limit = plan.settings.risk.limits.order_contracts_max * _GROUP_ORDERS
        wire = kalshi_wire(config, jitter=uniform)
        self._opened.push_async_callback(wire.close)
        await wire.open()
        trading: KalshiTrading = await kalshi_account(
            config, key, plan.clock, wire, jitter=uniform,
            contracts_limit=limit * QUANTITY_PER_CONTRACT, exchange_index=exchange_index,
        )  # fmt: skip
        stream = KalshiPrivateStream(config.stream_url, key)
        account = LiveAccount(
            shell, trading, stream, account_settings(config.lifetime_seconds), uniform
        )
        left = orders_left(earlier_journals(plan.root, plan.directory))
        await account.open(
            left, cash=plan.settings.engine.opening_cash,
            netting=plan.settings.engine.ledger.netting,
        )  # fmt: skip
        for job in (*account.jobs(), trading.stay_ready):
            shell.add(job)
        return account

    async def run(self) -> None:
        loop, shell = asyncio.get_running_loop(), self.shell
        for each in _SIGNALS:
            loop.add_signal_handler(each, self._told_to_stop, each)
        ending = None
        if self.plan.seconds is not None:
            ending = loop.call_later(self.plan.seconds, shell.stop, "the time was up")
        try:
            async with self._opened:
                await shell.run()
        finally:
            for each in _SIGNALS:
                loop.remove_signal_handler(each)
            if ending is not None:
                ending.cancel()

    def _told_to_stop(self, number: signal.Signals) -> None:
        self.shell.stop(number.name)

    async def _maintain(self) -> None:
        """Compress closed segments, in a thread: it takes long."""
        journal, clock = self.shell.journal, self.plan.clock
        while True:
            await asyncio.sleep(self.plan.shell.maintain_seconds)
            await asyncio.to_thread(journal.maintain, clock.now_ns())


async def _forever(probe: Probe, shell: LiveShell) -> None:
    await probe(shell)
    await asyncio.Event().wait()


def _parts(shell: LiveShell) -> GatewayParts:
    if shell.role.mode is TradingMode.PAPER:
        return GatewayParts(
            lambda event: shell.session.report(cast(OrderReport, event)),
            paper=shell.assembled.paper,
        )
    return GatewayParts(shell.say, clock=shell.clock, journal=shell.journal)


def account_settings(lifetime_seconds: float) -> AccountSettings:
    """How an account is watched over whose resting orders outlive us by so long."""
    return AccountSettings(
        GatewaySettings(ForeignOrders.LEAVE),
        DeadManSettings(
            lifetime_seconds=lifetime_seconds,
            interval_seconds=lifetime_seconds * 0.25,
            answer_seconds=min(2.0, lifetime_seconds * 0.2),
        ),
        # The venue states what is available, in cents. The taker's fee is 7 % of the cost at most.
        ReconcileSettings(
            cash_excludes_resting=True, cash_tolerance=10_000, reserved_fee_percent=7
        ),
    )


def _summary(
    plan: LivePlan, shell: LiveShell, record: RunRecord, digest: str, wall: float
) -> dict[str, Any]:
    run = shell.assembled
    facts = RunFacts(
        (str(plan.directory / "journal"),), plan.settings.profile, plan.settings.fill_model.value,
        wall, run.settings, code_version(), digest,
    )  # fmt: skip
    summary = summarise(
        facts, run.session, run.engine, record, run.decoder.counts, run.decoder.unknown_fields
    )
    summary["damaged_files"] = []
    summary["live"] = _live_facts(plan, shell)
    return summary


def _live_facts(plan: LivePlan, shell: LiveShell) -> Mapping[str, Any]:
    return {
        "mode": plan.mode.value,
        "series": list(plan.series),
        "stopped_by": shell.stopped_by,
        "orders_open": len(shell.open_orders()),
        "streams": shell.feed.metrics(),
    }
