"""Drives the engine through a session: lines in, time kept, paper fills fed back, records out.

This is the shell around the pure engine that replay, demo and paper share. It owns no decision.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import msgspec

from hotpath.engine import Engine
from hotpath.feeds.capture_files import Chunk, Damage, line_time
from hotpath.latency import SAMPLE_EVERY, LatencyTable
from hotpath.market import Market
from hotpath.outcomes import KnownOutcome, implied_by_next_strike
from hotpath.paper.venue import PaperVenue
from kairos.bootstrap import LineDecoder, series_of
from kairos.messages.commands import (
    CancelOrder,
    Command,
    DecisionSweep,
    MessageRefused,
    SubmitOrder,
)
from kairos.messages.events import (
    Event,
    InputQuarantined,
    MarketDefined,
    MarketDetermined,
    OrderReport,
    TimerFired,
)
from kairos.ports import JournalWriter

TIMER_NS: Final = 1_000_000_000
# Farther ahead than this, a receive time must be confirmed by the next message.
JUMP_NS: Final = 120 * TIMER_NS
SAMPLES_PER_REASON: Final = 20
SAMPLE_MASK: Final = SAMPLE_EVERY - 1
_encode = msgspec.json.Encoder().encode
CONFIRM_LINES: Final = 5
SETTLE_AFTER_NS: Final = 5 * TIMER_NS


class Sink(Protocol):
    """Hears everything the session produces, in order."""

    def commands(self, commands: Sequence[Command]) -> None: ...

    def report(self, report: OrderReport, engine: Engine) -> None: ...

    def settled(
        self, event: MarketDetermined, yes_held: int, no_held: int, engine: Engine
    ) -> None: ...

    def timer(self, now_ns: int, engine: Engine) -> None: ...


class Sample(NamedTuple):
    """One quarantined message, so that a person can go and look."""

    file: str
    line: int
    field: str
    detail: str


class Quarantine:
    """Counts what could not be used by reason, and keeps the first few of each."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.samples: dict[str, list[Sample]] = {}

    def add(self, reason: str, sample: Sample) -> None:
        self.counts[reason] += 1
        kept = self.samples.setdefault(reason, [])
        if len(kept) < SAMPLES_PER_REASON:
            kept.append(sample)

    def add_damage(self, damage: Damage) -> None:
        """A file that ended badly counts like a message: something was there and is lost."""
        self.add("damaged_file", Sample(str(damage.path), damage.line, "file", damage.problem))


class Session:
    """Feed chunks of lines; then `finish`."""

    def __init__(
        self,
        engine: Engine,
        paper: PaperVenue,
        decoder: LineDecoder,
        sink: Sink,
        outcomes: Mapping[str, KnownOutcome],
        journal: JournalWriter | None = None,
    ) -> None:
        self._engine = engine
        self._paper = paper
        self._decoder = decoder
        self._sink = sink
        self._outcomes = outcomes
        self._journal = journal
        self._implied: dict[str, KnownOutcome] = {}
        self.quarantine = Quarantine()
        self.latency = LatencyTable()
        self._lines = 0
        self.first_ns: int | None = None
        self.clock_back = 0
        self.clock_jumps = 0
        self._next_timer = 0
        self._where: tuple[Path, int] = (Path(), 0)

    @property
    def messages(self) -> int:
        """Lines taken so far, without what a journal says about itself and about us."""
        return self._lines - self._decoder.own_lines

    def feed(self, chunk: Chunk) -> None:
        """Take every line of a chunk. The loop is the hot path: it does as little as it can."""
        engine, paper = self._engine, self._paper
        decode, handle = self._decoder.decode, engine.handle
        append = self._journal.append if self._journal is not None else None
        for number, line in enumerate(chunk.lines, chunk.first_line):
            if append is not None:
                append(line)
            event = decode(line)
            if isinstance(event, tuple):
                for each in event:
                    self._carefully(each, chunk, number)
            elif paper.busy or not engine.now_ns <= event.recv_ns < self._next_timer:
                self._carefully(event, chunk, number)
            elif number & SAMPLE_MASK:
                commands = handle(event)
                if commands:
                    self._where = (chunk.path, number)
                    self._release(commands)
            else:
                commands = self._timed(event)
                if commands:
                    self._where = (chunk.path, number)
                    self._release(commands)
        self._lines += len(chunk.lines)

    def _timed(self, event: Event) -> Sequence[Command]:
        started = time.perf_counter_ns()
        commands = self._engine.handle(event)
        self.latency.add(type(event).__name__, time.perf_counter_ns() - started)
        return commands

    def _carefully(self, event: Event, chunk: Chunk, number: int) -> None:
        """For whatever is not plain market data in time with nothing pending."""
        self._where = (chunk.path, number)
        if isinstance(event, InputQuarantined):
            self._note_quarantine(event)
        recv_ns = event.recv_ns
        if recv_ns is not None:
            if recv_ns - self._engine.now_ns > JUMP_NS and self._outlier(recv_ns, chunk, number):
                self.clock_jumps += 1
                event = msgspec.structs.replace(event, recv_ns=self._engine.now_ns)
            else:
                self._keep_time(recv_ns)
        self._one(event)

    def _outlier(self, recv_ns: int, chunk: Chunk, number: int) -> bool:
        """A receive time far ahead that the next messages do not share is not the time."""
        if self.first_ns is None:
            return False
        index = number - chunk.first_line + 1
        following = (line_time(line) for line in chunk.lines[index : index + CONFIRM_LINES])
        return any(time is not None and time < recv_ns - JUMP_NS for time in following)

    def _one(self, event: Event) -> None:
        engine, paper = self._engine, self._paper
        if paper.busy:
            for report in paper.advance(engine.now_ns if event.recv_ns is None else event.recv_ns):
                self._report(report)
        commands = (
            self._determined(event) if isinstance(event, MarketDetermined) else engine.handle(event)
        )
        if paper.busy:
            paper.observe(event)
        self._release(commands)
        if isinstance(event, MarketDefined):
            self._learn_from_strike(event)

    def _keep_time(self, recv_ns: int) -> None:
        """Fire the timers that fell due; after a long silence only the first and the last."""
        now_ns = self._engine.now_ns
        if self.first_ns is None:
            self.first_ns = recv_ns
            self._next_timer = recv_ns // TIMER_NS * TIMER_NS + TIMER_NS
            return
        if recv_ns < now_ns:
            self.clock_back += 1
            return
        if recv_ns - self._next_timer > JUMP_NS:
            self._fire(self._next_timer)
            self._next_timer = recv_ns // TIMER_NS * TIMER_NS
        while self._next_timer <= recv_ns:
            self._fire(self._next_timer)
            self._next_timer += TIMER_NS

    def _fire(self, now_ns: int) -> None:
        engine, paper = self._engine, self._paper
        if paper.busy:
            for report in paper.advance(now_ns):
                self._report(report)
        self._release(engine.handle(TimerFired(now_ns)))
        self._settle_due(now_ns)
        self._sink.timer(now_ns, engine)

    def _report(self, report: OrderReport) -> None:
        self._release(self._engine.handle(report))
        self._sink.report(report, self._engine)

    def _release(self, commands: Sequence[Command]) -> None:
        """Let the engine's conclusions out: orders to the venue, the rest to the record."""
        if not commands:
            return
        if self._journal is not None:
            self._write_down(self._journal, commands)
        for command in commands:
            match command:
                case SubmitOrder():
                    self._paper.submit(command)
                case CancelOrder():
                    self._paper.cancel(command)
                case MessageRefused():
                    path, line = self._where
                    sample = Sample(str(path), line, command.market or "", command.detail)
                    self.quarantine.add(command.reason, sample)
                case _:
                    pass
        self._sink.commands(commands)

    @staticmethod
    def _write_down(journal: JournalWriter, commands: Sequence[Command]) -> None:
        """Outputs follow their inputs; an order leaves only when both are on disk."""
        acts = False
        for command in commands:
            acts = acts or isinstance(command, SubmitOrder | CancelOrder)
            rows = command.expand() if isinstance(command, DecisionSweep) else (command,)
            for row in rows:
                name, body = type(row).__name__.encode(), _encode(row)
                journal.append(b'{"src":"engine","type":"%b","data":%b}' % (name, body))
        if acts:
            journal.flush()

    def _note_quarantine(self, event: InputQuarantined) -> None:
        problem = self._decoder.problem
        path, line = self._where
        field, detail = (problem.field, problem.detail) if problem else ("", "")
        self.quarantine.add(event.reason, Sample(str(path), line, field, detail))

    # Settlement

    def _learn_from_strike(self, event: MarketDefined) -> None:
        series = series_of(event.market)
        if series is None or not series.strike_is_previous_settlement or event.floor_strike is None:
            return
        contract = self._engine.markets[event.market].contract
        if contract is None:
            return
        for market in self._previous_windows(event.market, contract.close_ns):
            if market.contract is not None:
                known = implied_by_next_strike(market.contract, event.floor_strike)
                if known is not None:
                    self._implied[market.market_id] = known

    def _previous_windows(self, market_id: str, close_ns: int) -> Iterator[Market]:
        series = market_id.partition("-")[0]
        window_ns = 900 * TIMER_NS
        for market in self._engine.markets.values():
            same = market.market_id.partition("-")[0] == series
            if same and market.close_ns == close_ns - window_ns and market.outcome is None:
                yield market

    def _determined(self, event: MarketDetermined) -> Sequence[Command]:
        """Whoever says it, the first outcome pays; a later one that differs is a conflict."""
        engine = self._engine
        market = engine.markets.get(event.market)
        yes_held, no_held = (market.yes_held, market.no_held) if market else (0, 0)
        first = market is None or market.outcome is None
        official = self._outcomes.get(event.market)
        if official is not None and official.outcome is not event.outcome:
            path, line = self._where
            detail = f"{event.source} says {event.outcome}, {official.source} {official.outcome}"
            sample = Sample(str(path), line, event.market, detail)
            self.quarantine.add("outcome_conflict", sample)
            return ()
        cash = engine.account.ledger.cash
        commands = engine.handle(event)
        self._paper.credit(engine.account.ledger.cash - cash)
        if first:
            self._sink.settled(event, yes_held, no_held, engine)
        return commands

    def _settle_due(self, now_ns: int) -> None:
        for market in list(self._engine.markets.values()):
            closed = market.close_ns is not None and now_ns >= market.close_ns + SETTLE_AFTER_NS
            if closed and market.outcome is None:
                self._settle(market, now_ns)

    def _settle(self, market: Market, now_ns: int) -> None:
        known = self._outcomes.get(market.market_id) or self._implied.get(market.market_id)
        if known is None:
            return
        self._one(MarketDetermined(now_ns, market.market_id, known.outcome, known.source))

    def finish(self) -> None:
        """The session is over: let what is in flight arrive, then settle what is known."""
        engine = self._engine
        if self._paper.busy:
            for report in self._paper.advance(engine.now_ns + 60 * TIMER_NS):
                self._report(report)
        for market in list(engine.markets.values()):
            if market.outcome is None:
                self._settle(market, engine.now_ns)
