"""All live connections of a process as one stream of lines, looked after.

It starts and watches connections, gives what they say to whoever takes lines (a session), and turns
doubts (the engine's, the freeze watch's, the merge's) into requests and reconnects. It decides
nothing about books. Every change of state is a line in the journal, a count, and, when a venue is
lost or back, one line in the log.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple, Protocol

from hotpath.feeds.live.connection import Connection, LinkState, Opener
from hotpath.feeds.live.freeze import Dead, FreezeWatch, Suspect, Top
from hotpath.feeds.live.inbox import Inbox
from hotpath.feeds.live.lines import clock_line
from hotpath.feeds.live.resync import Absent, Ask, GiveUp, ResyncDesk
from hotpath.feeds.live.settings import StreamSettings
from hotpath.feeds.live.websocket import open_websocket
from kairos.errors import UsageError
from kairos.messages.commands import BookStateChanged, Command
from kairos.messages.events import (
    BookDelta,
    BookSnapshot,
    Event,
    SpotTrade,
    VenueQuote,
    VenueTrade,
)
from kairos.ports import Clock, VenueStream

CONNECTIONS_MAX: Final = 64
_SECOND: Final = 1_000_000_000
# A tick this late means that we slept, not the venues: what they said waits in the kernel.
_STALL_NS: Final = 2 * _SECOND
# Exported from the start, so that nobody takes a metric that never happened for one that is gone.
_COUNTED: Final = (
    "messages", "bytes", "pings", "connected", "subscribed", "refused", "failed", "lost", "resync",
    "suspected", "frozen", "unrecovered", "absent",
)  # fmt: skip
_NAMED_MAX: Final = 20  # markets named in one line
_log = logging.getLogger("kairos.streams")


class Plan(NamedTuple):
    """One connection to keep. Names with a `#` are lanes of one stream (`merge.py`). `has_books` is
    off for feeds of trades, and of our own orders: no book is missed there."""

    name: str
    stream: VenueStream
    markets: Sequence[str]
    has_books: bool = True


class BooksView(Protocol):
    """What the feed must know of the engine's books."""

    def conn_of(self, market: str) -> str | None:
        """The connection that carries the market's book."""
        ...

    def top_of(self, market: str) -> Top | None:
        """Best YES bid and ask of a live book; None when the book is not live."""
        ...

    def is_wanted(self, market: str) -> bool:
        """Whether the market still trades: a closed one is not asked for."""
        ...


class LiveFeed:
    """Attach a taker, then run. It is the listener of its connections, the decoder's tap and the
    hearer of the engine's commands."""

    def __init__(
        self,
        plans: Iterable[Plan],
        clock: Clock,
        uniform: Callable[[], float],
        settings: StreamSettings,
        opener: Opener = open_websocket,
    ) -> None:
        self._clock = clock
        self._settings = settings
        self.inbox = Inbox(settings.inbox, self._wake, self._pause)
        self._freeze = FreezeWatch(settings.freeze)
        self._desk = ResyncDesk(settings.resync)
        self._every_s: dict[str, float | None] = {}
        self._with_books: set[str] = set()
        self.connections: dict[str, Connection] = {}
        self.stalls = 0
        self._take: Callable[[list[bytes]], None] | None = None
        self._books: BooksView | None = None
        self._failure: asyncio.Future[None] | None = None
        self._work_is_due = False
        self._ticked_ns = 0
        self._line_ns = 0
        self._lost_since: dict[str, int] = {}  # by source: venues that are lost and were logged
        for plan in plans:
            self._add(plan, uniform, opener)

    def _add(self, plan: Plan, uniform: Callable[[], float], opener: Opener) -> None:
        if plan.name in self.connections or len(self.connections) >= CONNECTIONS_MAX:
            raise UsageError(
                f"connection {plan.name!r}: names are unique, and there are at most "
                f"{CONNECTIONS_MAX}"
            )
        self._every_s[plan.name] = plan.stream.heartbeat.server_every_s
        if plan.has_books:
            self._with_books.add(plan.name)
        self.connections[plan.name] = Connection(
            plan.name, plan.stream, plan.markets, self, self._clock, uniform,
            self._settings.connection, opener,
        )  # fmt: skip

    def attach(self, books: BooksView, take: Callable[[list[bytes]], None] | None = None) -> None:
        """`take` gets lines inside the socket read that brought them; it must not wait. Without
        it they stay in `inbox` until somebody takes them, and the sockets stop when it is full."""
        self._take, self._books = take, books

    # Life

    async def run(self) -> None:
        """Until `stop`. Raises what the taker raised, or a connection for good."""
        if self._books is None:
            raise UsageError("a live feed needs to see the books that it feeds: attach first")
        self._failure = asyncio.get_running_loop().create_future()
        self._ticked_ns = self._line_ns = self._clock.now_ns()
        running = [asyncio.ensure_future(each.run()) for each in self.connections.values()]
        ticking = asyncio.ensure_future(self._tick_for_ever())
        everything: set[asyncio.Future[None]] = {*running, ticking, self._failure}
        try:
            while not all(each.done() for each in running):
                done, everything = await asyncio.wait(
                    everything, return_when=asyncio.FIRST_COMPLETED
                )
                for each in done:
                    each.result()
        finally:
            for each in (*running, ticking, self._failure):
                each.cancel()
            await asyncio.gather(*running, ticking, return_exceptions=True)

    def stop(self) -> None:
        for connection in self.connections.values():
            connection.stop()

    async def _tick_for_ever(self) -> None:
        while True:
            await self._clock.sleep(self._settings.tick_s)
            self._tick()

    def _tick(self) -> None:
        now_ns = self._clock.now_ns()
        if now_ns - self._ticked_ns > _STALL_NS:
            self.stalls += 1
            self._excuse_silence(now_ns)
        self._ticked_ns = now_ns
        if now_ns - self._line_ns >= _SECOND:
            self.put([clock_line(now_ns)])
        for connection in self.connections.values():
            connection.tick(now_ns)
        if not self.inbox.paused:
            self._judge(now_ns)
        self._work()

    def _excuse_silence(self, now_ns: int) -> None:
        for name in self.connections:
            self._freeze.heard(name, now_ns, 0)

    # Lines

    def put(self, lines: list[bytes]) -> None:
        if lines:
            self._line_ns = self._clock.now_ns()
            self.inbox.put(lines)

    def _wake(self) -> None:
        if self._take is None:
            return
        try:
            self._take(self.inbox.take())
        except BaseException as error:
            if self._failure is not None and not self._failure.done():
                self._failure.set_exception(error)
            raise

    def _pause(self, paused: bool) -> None:
        for connection in self.connections.values():
            connection.pause(paused)
        if not paused:
            self._excuse_silence(self._clock.now_ns())

    # What connections say about themselves

    def heard(self, conn: str, now_ns: int, messages: int) -> None:
        self._freeze.heard(conn, now_ns, messages)

    def pinged(self, conn: str, now_ns: int) -> None:
        self._freeze.heard(conn, now_ns, 0)

    def state_changed(self, conn: str, change: str, now_ns: int, detail: str) -> None:
        connection = self.connections[conn]
        match change:
            case "connected":
                self._freeze.opened(conn, now_ns, self._every_s[conn])
                self._desk.closed(conn)
                connection.pause(self.inbox.paused)
                self._log_return(connection.source, now_ns)
            case "subscribed":
                self._expect(connection, connection.markets, now_ns)
            case "lost" | "failed":
                self._freeze.closed(conn)
                self._desk.closed(conn)
                if not connection.is_stopping:
                    self._log_loss(connection.source, now_ns, detail)
            case _:
                pass

    def _expect(self, connection: Connection, markets: Iterable[str], now_ns: int) -> None:
        """Books that are due. Those that have come already are not missed."""
        if connection.name not in self._with_books:
            return
        markets = list(markets)
        self._freeze.carries(connection.name, markets)
        books = self._books
        if books is not None:
            missing = [each for each in markets if books.top_of(each) is None]
            self._desk.expect(connection.name, missing, now_ns)

    def _log_loss(self, source: str, now_ns: int, detail: str) -> None:
        """Once, however many connections and attempts fail meanwhile."""
        if source in self._lost_since or any(
            each.source == source and each.state in (LinkState.CONNECTED, LinkState.SUBSCRIBED)
            for each in self.connections.values()
        ):
            return
        self._lost_since[source] = now_ns
        _log.warning("%s is lost: %s", source, detail)

    def _log_return(self, source: str, now_ns: int) -> None:
        since_ns = self._lost_since.pop(source, None)
        if since_ns is not None:
            _log.warning("%s is back after %.1f s", source, (now_ns - since_ns) / _SECOND)

    # What the decoder hears (`lanes.Tap`) and what the merge and the engine conclude

    def changed(self, conn: str, market: str, recv_ns: int) -> None:
        self._freeze.changed(conn, market, recv_ns)

    def event(self, event: Event) -> None:
        match event:
            case BookDelta() | BookSnapshot():
                self._freeze.changed(event.conn, event.market, event.recv_ns)
            case VenueTrade():
                self._freeze.traded(event.market, event.recv_ns)
            case VenueQuote():
                self._freeze.quoted(event.market, event.yes_bid, event.yes_ask, event.recv_ns)
            case SpotTrade():
                self._freeze.active(event.conn, event.recv_ns)
            case _:
                pass

    def viewed(self, conn: str, market: str, whole: bool) -> None:
        """A lane follows a market, or does not any more (`merge.OnView`)."""
        if whole:
            self._desk.came(conn, market)
        else:
            self._desk.doubt(conn, (market,), self._clock.now_ns())
            self._work_soon()

    def observe(self, commands: Sequence[Command]) -> None:
        """What the engine concluded; only states of books matter here."""
        books = self._books
        for command in commands:
            if type(command) is not BookStateChanged or books is None:
                continue
            conn = books.conn_of(command.market)
            if conn in self.connections and books.is_wanted(command.market):
                self._desk.take(command, conn, self._clock.now_ns())
                self._work_soon()

    # What follows

    def _work_soon(self) -> None:
        """Once the taker is done: it may be in the middle of a batch."""
        if not self._work_is_due:
            self._work_is_due = True
            asyncio.get_running_loop().call_soon(self._work)

    def _work(self) -> None:
        self._work_is_due = False
        for step in self._desk.due(self._clock.now_ns()):
            connection = self.connections[step.conn]
            match step:
                case Ask():
                    self._ask(connection, step.markets, "resync", or_restart=step.were_there)
                case GiveUp():
                    self._give_up(connection, "unrecovered", step.reason)
                case Absent():
                    connection.note_change("absent", _named(step.markets))

    def _judge(self, now_ns: int) -> None:
        top_of = self._books.top_of if self._books is not None else lambda _market: None
        for verdict in self._freeze.check(now_ns, top_of):
            connection = self.connections[verdict.conn]
            match verdict:
                case Suspect():
                    self._ask(
                        connection, verdict.markets, f"suspected: {verdict.doubt}", or_restart=True
                    )
                case Dead():
                    self._freeze.closed(verdict.conn)
                    self._give_up(connection, "frozen", f"{verdict.doubt}: {verdict.detail}")

    @staticmethod
    def _ask(
        connection: Connection, markets: tuple[str, ...], why: str, *, or_restart: bool
    ) -> None:
        change, _, doubt = why.partition(": ")
        connection.note_change(change, {"doubt": doubt} | _named(markets))
        if not connection.resync(list(markets)) and or_restart:
            connection.restart(f"{why}: this venue sends books to new connections only")

    @staticmethod
    def _give_up(connection: Connection, change: str, detail: str) -> None:
        connection.note_change(change, {"detail": detail})
        connection.restart(f"{change}: {detail}")

    # Markets come and go

    def watch(self, conn: str, markets: Sequence[str]) -> None:
        connection = self.connections[conn]
        connection.watch(markets)
        if connection.state is LinkState.SUBSCRIBED:
            self._expect(connection, markets, self._clock.now_ns())

    def unwatch(self, conn: str, markets: Sequence[str]) -> None:
        self.connections[conn].unwatch(markets)
        self._freeze.drops(conn, markets)
        for market in markets:
            self._desk.came(conn, market)

    def metrics(self) -> dict[str, int]:
        """Counts and levels by name (`kalshi_ws.messages`), for whoever exports them."""
        values: Counter[str] = Counter()
        for name, connection in self.connections.items():
            for what in (*_COUNTED, *connection.counts):
                values[f"{name}.{what}"] = connection.counts[what]
            values[f"{name}.up"] = int(connection.state is LinkState.SUBSCRIBED)
            values[f"{name}.markets"] = len(connection.markets)
        inbox = self.inbox
        return dict(values) | {
            "inbox.lines": inbox.lines_total,
            "inbox.lines_high": inbox.lines_high,
            "inbox.bytes_high": inbox.bytes_high,
            "inbox.pauses": inbox.pauses,
            "books.wanted": self._desk.wanted,
            "stalls": self.stalls,
        }


def _named(markets: Sequence[str]) -> dict[str, object]:
    return {"count": len(markets), "markets": list(markets[:_NAMED_MAX])}
