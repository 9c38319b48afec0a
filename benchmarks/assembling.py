"""Puts together what is measured: engines with more and more around them, and sinks that count."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from benchmarks.silent_strategy import SilentStrategy
from benchmarks.timing import Work
from benchmarks.workload import Slices
from hotpath.account import Account
from hotpath.assembly import RunSettings, assemble, kalshi_fees, paper_desk
from hotpath.engine import Engine
from hotpath.feeds.capture_files import Chunk
from hotpath.session import Session, Sink
from hotpath.spot import Spot
from hotpath.strategies.base import Strategy
from hotpath.strategies.btc_edge import BtcEdge
from kairos.bootstrap import ranges_of
from kairos.messages.commands import Command
from kairos.messages.events import MarketDetermined, OrderReport
from kairos.ports import JournalWriter


class CountingSink:
    """Takes everything and keeps only how much there was."""

    def __init__(self) -> None:
        self.taken = 0
        self.reports = 0

    def commands(self, commands: Sequence[Command]) -> None:
        self.taken += len(commands)

    def report(self, report: OrderReport, engine: Engine) -> None:
        self.reports += 1

    def settled(self, event: MarketDetermined, yes_held: int, no_held: int, engine: Engine) -> None:
        pass

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
    risk = paper_desk(settings, account, spot)
    return Engine(strategy, settings.engine, account, spot, risk, ranges_of)


def session_work(slices: Slices, sink: Sink, journal: JournalWriter | None = None) -> Work:
    """The whole thing: lines in, decisions in `sink`, orders on paper; outcomes are unknown."""
    session = assemble(RunSettings(), sink, {}, journal).session
    return lambda index: partial(feed, session, slices[index])


def feed(session: Session, chunks: Sequence[Chunk]) -> None:
    for chunk in chunks:
        session.feed(chunk)
