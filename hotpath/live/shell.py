"""One live process: sockets give lines, the session takes them, orders leave through a gateway.

Whatever the engine is told is a line of the journal first: a venue's frame, an order's report, what
we measured of ourselves, what somebody decided. So the journal of a live session replays to the
same decisions. The shell decides nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from hotpath.assembly import Role, Run, RunSettings, StrategyOf, assemble, code_version
from hotpath.engine import Engine
from hotpath.feeds.capture_files import Chunk
from hotpath.feeds.live.books_view import EngineBooks
from hotpath.feeds.live.connection import Opener
from hotpath.feeds.live.feed import LiveFeed, Plan
from hotpath.feeds.live.lanes import MergingDecoder
from hotpath.feeds.live.websocket import open_websocket
from hotpath.journal import Journal
from hotpath.live.record import SessionRecord, session_line
from hotpath.live.settings import ShellSettings
from hotpath.live.taps import Heard, Taps
from hotpath.session import Session, Sink
from kairos.domain.risk.trading_state import TradingState
from kairos.messages.events import ControlChanged, Event
from kairos.messages.journal_lines import ShellEvent, event_line
from kairos.ports import Clock

Job = Callable[[], Coroutine[Any, Any, None]]
_POLL_S = 0.02
# An order leaves when all before it is in the file. So that it has little to wait for, that many
# records go there after the read that brought them, when nothing waits.
_WAITING_MAX: Final = 32


@dataclass(frozen=True, slots=True)
class Outside:
    """What a live session is given: the connections to keep, its clock, and its open journal, whose
    records are in `directory`. `uniform` gives numbers in 0..1."""

    plans: Sequence[Plan]
    clock: Clock
    uniform: Callable[[], float]
    journal: Journal
    directory: Path
    opener: Opener = open_websocket


class LiveShell:
    """Make it, put a gateway into `session` unless the mode is PAPER, add jobs, then `run`."""

    def __init__(
        self,
        settings: RunSettings,
        role: Role,
        shell: ShellSettings,
        outside: Outside,
        sink: Sink,
        strategy: StrategyOf | None = None,
    ) -> None:
        self.settings = shell
        self.role = role
        self.clock = outside.clock
        self.journal = outside.journal
        self.feed = LiveFeed(
            outside.plans, outside.clock, outside.uniform, shell.streams, outside.opener
        )
        self.taps = Taps(self.feed)
        decoder = MergingDecoder(
            use_yes_price=settings.use_yes_price, on_view=self.feed.viewed, tap=self.taps
        )
        self.assembled: Run = assemble(
            settings, Heard(sink, self.feed.observe), {}, outside.journal, role=role,
            decoder=decoder, strategy=strategy,
        )  # fmt: skip
        self.session: Session = self.assembled.session
        self.engine: Engine = self.assembled.engine
        self._directory = outside.directory
        self._waiting = 0
        self._jobs: list[Job] = []
        self._hangs_up: list[Callable[[], None]] = []
        self._closers: list[Callable[[], Awaitable[None]]] = []
        self._stopping = asyncio.Event()
        self._why = ""
        self._is_broken = False
        self.feed.attach(EngineBooks(self.engine), self._take)
        record = SessionRecord(role, settings, code_version())
        self.journal.append(session_line(self.clock.now_ns(), record))

    # What comes in

    def _take(self, lines: list[bytes]) -> None:
        """Inside the socket read that brought the lines: nothing is between it and the engine."""
        self.session.feed(Chunk(self._directory, self.journal.records + 1, lines, 0))
        self._waiting += len(lines)
        if self._waiting >= _WAITING_MAX:
            self._waiting = 0
            self.journal.flush()

    def say(self, event: Event) -> None:
        """Let the engine hear of something that no venue's frame says. An engine that broke hears
        nothing more: what comes then is only in the log of whoever says it."""
        if self._is_broken:
            return
        self.feed.put([event_line(cast(ShellEvent, event))])

    # Life

    def add(self, job: Job) -> None:
        """Run `job` beside the feed: when it fails, so does the process."""
        self._jobs.append(job)

    def on_hang_up(self, hang_up: Callable[[], None]) -> None:
        """Call when nothing is listened to any more, so that no loss is logged that is none."""
        self._hangs_up.append(hang_up)

    def on_close(self, closer: Callable[[], Awaitable[None]]) -> None:
        """Call when nothing is traded any more, also after a failure; must be bounded."""
        self._closers.append(closer)

    def stop(self, why: str) -> None:
        """Let `run` come to its end: no new risk, cancels, then the last record."""
        self._why = self._why or why
        self._stopping.set()

    @property
    def stopped_by(self) -> str:
        return self._why

    async def run(self) -> None:
        """Until `stop`. Raises what broke; the orders that rest are then canceled as well as can be
        without an engine, and the venue's own net does the rest."""
        feeding = asyncio.ensure_future(self.feed.run())
        jobs = [asyncio.ensure_future(job()) for job in self._jobs]
        waiting = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({feeding, waiting, *jobs}, return_when=asyncio.FIRST_COMPLETED)
            for each in (*jobs, feeding):
                if each.done():
                    each.result()
            await self._wind_down(feeding)
        except BaseException:
            self._is_broken = True
            raise
        finally:
            self.feed.stop()
            for hang_up in self._hangs_up:
                hang_up()
            await _end([waiting, *jobs, feeding])
            for closer in self._closers:
                await closer()
        self.session.finish()
        self.journal.flush()

    async def _wind_down(self, feeding: asyncio.Future[None]) -> None:
        """Nothing new, cancels out, and a bounded wait for their proof while we still listen."""
        wanted = TradingState.HALTED
        self.say(ControlChanged(self.clock.now_ns(), wanted, "shell", self._why or "the end"))
        until_ns = self.clock.now_ns() + round(self.settings.stop_seconds * 1e9)
        while (  # noqa: ASYNC110 - the engine has no event for it, and needs none
            self.open_orders() and self.clock.now_ns() < until_ns and not feeding.done()
        ):
            await asyncio.sleep(_POLL_S)
        self.feed.stop()
        await feeding

    def open_orders(self) -> list[str]:
        """Orders of ours that nothing has proved to be over."""
        orders = self.engine.account.orders
        return [name for name, opened in orders.items() if opened.managed]


async def _end(tasks: Sequence[asyncio.Future[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
