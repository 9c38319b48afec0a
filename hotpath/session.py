"""Drives the engine through a session: lines in, time kept, paper fills fed back, records out.

This is the shell around the pure engine that replay, demo and paper share. It owns no decision.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol, cast, get_args

import msgspec

from hotpath.engine import Engine
from hotpath.feeds.capture_files import Chunk
from hotpath.gateway.paper import PaperGateway
from hotpath.latency import LatencyTable
from hotpath.outcomes import KnownOutcome
from hotpath.paper.venue import PaperVenue
from hotpath.quarantine import Quarantine, Sample
from hotpath.settling import Settling
from kairos.bootstrap import LineDecoder, Parsed, outcomes_line
from kairos.messages.commands import (
    AmendOrder,
    CancelOrder,
    Command,
    Decision,
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
    OutcomesKnown,
    TimerFired,
)
from kairos.ports import JournalWriter, OrderGateway

TIMER_NS: Final = 1_000_000_000
# Farther ahead than this, a receive time must be confirmed by the next message.
JUMP_NS: Final = 120 * TIMER_NS
# Small enough for the second-level cache. One message of so many is timed, however they come.
BATCH_LINES: Final = 128
_encode = msgspec.json.Encoder().encode
_REPORTS: Final = frozenset(get_args(OrderReport))


class Sink(Protocol):
    """Hears everything the session produces, in order."""

    def commands(self, commands: Sequence[Command]) -> None: ...

    def report(self, report: OrderReport, engine: Engine) -> None: ...

    def settled(
        self, event: MarketDetermined, yes_held: int, no_held: int, engine: Engine
    ) -> None: ...

    def timer(self, now_ns: int, engine: Engine) -> None: ...


class Session:
    """Feed chunks of lines; then `finish`.

    Orders go to `gateway`: the paper venue's, unless another is put in its place before that.
    """

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
        self._settling = Settling(outcomes)
        self._journal = journal
        self.gateway: OrderGateway = PaperGateway(paper, self.report)
        self.quarantine = Quarantine()
        self.latency = LatencyTable()
        self._lines = 0
        self.first_ns: int | None = None
        self._only_first = False
        self.clock_back = 0
        self.clock_jumps = 0
        self._next_timer = 0
        self._fast_until = 0  # the next timer, or 0 while a time is in doubt
        self._held: tuple[tuple[Event, ...], tuple[Path, int]] | None = None
        self._where: tuple[Path, int] = (Path(), 0)
        if journal is not None and outcomes:
            journal.append(outcomes_line(outcomes))

    @property
    def messages(self) -> int:
        """Lines taken so far, without what a journal says about itself and about us."""
        return self._lines - self._decoder.own_lines

    @property
    def in_doubt(self) -> bool:
        """A line with a receive time far ahead waits for the next line; nothing is priced then."""
        return self._held is not None

    def feed(self, chunk: Chunk) -> None:
        """Take every line of a chunk."""
        lines, journal = chunk.lines, self._journal
        for start in range(0, len(lines), BATCH_LINES):
            batch = lines[start : start + BATCH_LINES]
            if journal is not None:
                journal.append_many(batch)
            self._batch(self._decoder.decode_many(batch), chunk.path, chunk.first_line + start)
        self._lines += len(lines)

    def _batch(self, events: list[Parsed], path: Path, first_line: int) -> None:
        """The hot loop: it does as little as it can, and the rest is `_carefully`."""
        engine, paper, handle = self._engine, self._paper, self._engine.handle
        now_ns, until_ns, busy = engine.now_ns, self._fast_until, paper.busy
        sampled = first_line - first_line % -BATCH_LINES  # the next multiple
        for number, event in enumerate(events, first_line):
            if isinstance(event, tuple):
                if event:
                    self._carefully(event, path, number)
                    now_ns, until_ns, busy = engine.now_ns, self._fast_until, paper.busy
                continue
            recv_ns = event.recv_ns
            if not now_ns <= recv_ns < until_ns or (busy and not paper.ignores(event)):
                self._carefully((event,), path, number)
                now_ns, until_ns, busy = engine.now_ns, self._fast_until, paper.busy
                continue
            now_ns = recv_ns
            commands = self._timed(event) if number == sampled else handle(event)
            if commands:
                self._where = (path, number)
                self._release(commands)
                busy = paper.busy

    def _timed(self, event: Event) -> Sequence[Command]:
        started = time.perf_counter_ns()
        commands = self._engine.handle(event)
        self.latency.add(type(event).__name__, time.perf_counter_ns() - started)
        return commands

    def _carefully(self, events: tuple[Event, ...], path: Path, number: int) -> None:
        """For whatever is not plain market data in time with nothing pending."""
        recv_ns = events[0].recv_ns
        if recv_ns is not None:
            if self._held is not None:
                self._settle_doubt(recv_ns)
            if self.first_ns is not None and recv_ns - self._engine.now_ns > JUMP_NS:
                self._held = events, (path, number)
                self._fast_until = 0
                return
        self._where = (path, number)
        self._take(events, recv_ns)

    def _settle_doubt(self, recv_ns: int | None) -> None:
        """A receive time far ahead is believed when the next line's is there, too.

        Otherwise it was not the time: the message counts as received when the one before it was.
        """
        if self._held is None:
            return
        (events, self._where), self._held = self._held, None
        ahead_ns = events[0].recv_ns
        self._fast_until = self._next_timer
        if ahead_ns is not None and recv_ns is not None and recv_ns < ahead_ns - JUMP_NS:
            self.clock_jumps += 1
            now_ns = self._engine.now_ns
            events = tuple(msgspec.structs.replace(event, recv_ns=now_ns) for event in events)
            ahead_ns = now_ns
        self._take(events, ahead_ns)

    def _take(self, events: tuple[Event, ...], recv_ns: int | None) -> None:
        if recv_ns is not None:
            self._keep_time(recv_ns)
        for event in events:
            if isinstance(event, OutcomesKnown):
                self._settling.given |= {
                    market: KnownOutcome(outcome, source)
                    for market, outcome, source in event.outcomes
                    if market not in self._settling.given
                }
                continue
            if isinstance(event, InputQuarantined):
                self._note_quarantine(event)
            self._one(event)

    def _one(self, event: Event) -> None:
        engine, paper = self._engine, self._paper
        if paper.busy:
            for report in paper.advance(engine.now_ns if event.recv_ns is None else event.recv_ns):
                self.report(report)
        commands = (
            self._determined(event) if isinstance(event, MarketDetermined) else engine.handle(event)
        )
        if paper.busy:
            paper.observe(event)
        self._release(commands)
        if type(event) in _REPORTS:  # of a gateway that is not the paper venue's
            self._sink.report(cast(OrderReport, event), engine)
        if isinstance(event, MarketDefined):
            self._settling.learn(event, engine.markets)

    def _keep_time(self, recv_ns: int) -> None:
        """Fire the timers that fell due; after a long silence only the first and the last."""
        now_ns = self._engine.now_ns
        if self.first_ns is None or (self._only_first and recv_ns < now_ns - JUMP_NS):
            if self.first_ns is not None:  # the very first time was the one that was wrong
                self.clock_jumps += 1
                self._engine.now_ns = recv_ns
            self._only_first = self.first_ns is None
            self.first_ns = recv_ns
            self._next_timer = recv_ns // TIMER_NS * TIMER_NS + TIMER_NS
            return  # the fast way stays closed until a second line has told its time
        self._only_first = False
        self._fast_until = self._next_timer
        if recv_ns < now_ns:
            self.clock_back += 1
            return
        if recv_ns - self._next_timer > JUMP_NS:
            self._fire(self._next_timer)
            self._next_timer = recv_ns // TIMER_NS * TIMER_NS
        while self._next_timer <= recv_ns:
            self._fire(self._next_timer)
            self._next_timer += TIMER_NS
        self._fast_until = self._next_timer

    def _fire(self, now_ns: int) -> None:
        engine, paper = self._engine, self._paper
        if paper.busy:
            for report in paper.advance(now_ns):
                self.report(report)
        self._release(engine.handle(TimerFired(now_ns)))
        for event in self._settling.due(engine.markets, now_ns):
            self._one(event)
        self._sink.timer(now_ns, engine)

    def report(self, report: OrderReport) -> None:
        """Let the engine hear what became of an order."""
        self._release(self._engine.handle(report))
        self._sink.report(report, self._engine)

    def _release(self, commands: Sequence[Command]) -> None:
        """Let the engine's conclusions out: orders to the venue, the rest to the record."""
        if not commands:
            return
        if self._journal is not None:
            self._write_down(self._journal, commands)
        for command in commands:
            if type(command) is Decision:
                continue
            match command:
                case SubmitOrder():
                    self.gateway.submit(command)
                case CancelOrder():
                    self.gateway.cancel(command)
                case AmendOrder():
                    self.gateway.amend(command)
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
            acts = acts or isinstance(command, SubmitOrder | CancelOrder | AmendOrder)
            rows = command.expand() if isinstance(command, DecisionSweep) else (command,)
            for row in rows:
                name, body = type(row).__name__.encode(), _encode(row)
                journal.append(b'{"src":"engine","type":"%b","data":%b}' % (name, body))
        if acts:
            journal.flush()

    def _note_quarantine(self, event: InputQuarantined) -> None:
        path, line = self._where
        self.quarantine.add(event.reason, Sample(str(path), line, event.field, event.detail))

    # Settlement

    def _determined(self, event: MarketDetermined) -> Sequence[Command]:
        """Whoever says it, the first outcome pays; a later one that differs is a conflict."""
        engine = self._engine
        market = engine.markets.get(event.market)
        yes_held, no_held = (market.yes_held, market.no_held) if market else (0, 0)
        first = market is None or market.outcome is None
        if market is not None and market.in_flight and self._paper.busy:
            # What the venue did before it determined the market is heard of before the payout.
            for report in self._paper.advance(engine.now_ns + self._paper.reply_ns):
                self.report(report)
            yes_held, no_held = market.yes_held, market.no_held
        conflict = self._settling.conflict(event)
        if conflict is not None:
            path, line = self._where
            self.quarantine.add("outcome_conflict", Sample(str(path), line, event.market, conflict))
            return ()
        cash = engine.account.ledger.cash
        commands = engine.handle(event)
        self._paper.credit(engine.account.ledger.cash - cash)
        if first:
            self._sink.settled(event, yes_held, no_held, engine)
        return commands

    def finish(self) -> None:
        """The session is over: let what is in flight arrive, then settle what is known."""
        self._settle_doubt(0)
        engine = self._engine
        if self._paper.busy:
            for report in self._paper.advance(engine.now_ns + 60 * TIMER_NS):
                self.report(report)
        for market in list(engine.markets.values()):
            event = self._settling.of(market, engine.now_ns) if market.outcome is None else None
            if event is not None:
                self._one(event)
