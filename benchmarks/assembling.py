"""Puts together what is measured: engines with more and more around them, and sinks that count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from benchmarks.silent_strategy import SilentStrategy
from benchmarks.timing import Work
from hotpath.account import Account
from hotpath.assembly import RunSettings, assemble, kalshi_fees
from hotpath.engine import Engine
from hotpath.feeds.capture_files import Chunk
from hotpath.session import Recorder, Sink
from hotpath.spot import Spot
from hotpath.strategies.base import Strategy
from hotpath.strategies.btc_edge import BtcEdge
from kairos.bootstrap import ranges_of
from kairos.messages.commands import Command
from kairos.messages.events import MarketDetermined, OrderReport


class CountingSink:
    """Takes every decision and keeps only how many there were."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def commands(self, commands: Sequence[Command]) -> None:
        for command in commands:
            self.counts[type(command).__name__] += 1

    def report(self, report: OrderReport, engine: Engine) -> None:
        self.counts[type(report).__name__] += 1

    def settled(self, event: MarketDetermined, yes_held: int, no_held: int, engine: Engine) -> None:
        self.counts["settled"] += 1

    def timer(self, now_ns: int, engine: Engine) -> None:
        pass


def bare_engine(*, silent: bool) -> Engine:
    """An engine without session or paper venue, with the v2 strategy or none at all."""
    settings = RunSettings()
    account = Account(settings.engine.ledger, settings.engine.opening_cash)
    spot = Spot()
    strategy: Strategy = SilentStrategy()
    if not silent:
        strategy = BtcEdge(settings.strategy, account, spot, kalshi_fees)
    return Engine(strategy, settings.engine, account, spot, ranges_of)


def session_work(
    slices: Sequence[Sequence[Chunk]], sink: Sink, journal: Recorder | None = None
) -> Work:
    """The whole thing: lines in, decisions in `sink`, orders on paper; outcomes are unknown."""
    run = assemble(RunSettings(), sink, {}, journal)
    last = len(slices) - 1

    def work(index: int) -> None:
        for chunk in slices[index]:
            run.session.feed(chunk)
        if index == last:
            run.session.finish()

    return work
