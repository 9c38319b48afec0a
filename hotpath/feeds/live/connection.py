"""One venue connection for life: connects, subscribes, hears, loses, comes back.

It reads in callbacks and writes from a task of its own, so nothing that it sends can stop it from
reading. What it hears and what happens to it become journal lines; it decides nothing about books.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any, Protocol

from hotpath.feeds.live.backoff import Backoff, retry_after_s
from hotpath.feeds.live.lines import LineWriter
from hotpath.feeds.live.settings import ConnectionSettings
from hotpath.feeds.live.websocket import HandshakeFailed, Receiver, WebSocket, open_websocket
from kairos.errors import UsageError, VenueError
from kairos.messages.streams import Outgoing, Said, SaidKind, StreamAddress
from kairos.ports import Clock, VenueStream

Opener = Callable[[StreamAddress, Receiver], Awaitable[WebSocket]]


class LinkState(StrEnum):
    """Where a connection is."""

    DOWN = "down"
    CONNECTED = "connected"  # open; subscriptions are not all confirmed
    SUBSCRIBED = "subscribed"
    STOPPED = "stopped"


class Listener(Protocol):
    """Hears of everything that happens on connections, inside the callback in which it does."""

    def put(self, lines: list[bytes]) -> None:
        """Lines for the journal and the engine, in order."""
        ...

    def heard(self, conn: str, now_ns: int, messages: int) -> None: ...

    def pinged(self, conn: str, now_ns: int) -> None:
        """Proof that the connection lives, though it says nothing about any book."""
        ...

    def state_changed(self, conn: str, change: str, now_ns: int, detail: str) -> None:
        """`connected`, `subscribed`, `refused`, `failed`, `lost`, `stopped`."""
        ...


class Connection:
    """Run it as a task; it returns after `stop`. `name` is the `conn` of its lines."""

    def __init__(
        self,
        name: str,
        stream: VenueStream,
        markets: Iterable[str],
        listener: Listener,
        clock: Clock,
        uniform: Callable[[], float],
        settings: ConnectionSettings,
        opener: Opener = open_websocket,
    ) -> None:
        self.name = name
        self.source = stream.source
        self.state = LinkState.DOWN
        self.epoch = 0
        self.counts: Counter[str] = Counter()
        self.markets: dict[str, None] = {}
        self._stream = stream
        self._listener = listener
        self._clock = clock
        self._settings = settings
        self._opener = opener
        self._backoff = Backoff(settings, uniform)
        self._lines = LineWriter(stream.source, name)
        self._socket: WebSocket | None = None
        self._over = asyncio.Event()  # this connection, not this object
        self._over_reason = ""
        self._stopping = asyncio.Event()
        self._jobs: deque[Iterator[Outgoing]] = deque()
        self._job_added = asyncio.Event()
        self._replies = 0
        self._replied = asyncio.Event()
        self._text_due_ns = 0
        self._early: list[bytes] = []  # came with the handshake, before there was an epoch
        self._remember(markets)

    def _remember(self, markets: Iterable[str]) -> None:
        self.markets.update(dict.fromkeys(markets))
        if len(self.markets) > self._settings.markets_max:
            limit = self._settings.markets_max
            raise UsageError(f"{self.name}: more than {limit} markets; use more connections")

    # Life

    async def run(self) -> None:
        """Keep a connection until `stop`. A failed venue is waited for, never given up."""
        while not self._stopping.is_set():
            asked_s = await self._one_connection()
            await self._rest(self._backoff.next_s(asked_s))
        self.state = LinkState.STOPPED
        self._change("stopped", "")

    async def _rest(self, seconds: float) -> None:
        stopped = asyncio.ensure_future(self._stopping.wait())
        slept = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await asyncio.wait((stopped, slept), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            slept.cancel()

    async def _one_connection(self) -> float | None:
        """From connecting to losing it. Returns how long the venue asked us to stay away."""
        self._over.clear()
        self._early.clear()
        try:
            self._socket = socket = await self._open()
        except (OSError, HandshakeFailed, VenueError) as error:
            self.counts["failed"] += 1
            self._listener.state_changed(self.name, "failed", self._clock.now_ns(), _said(error))
            status = error.retry_after if isinstance(error, HandshakeFailed) else None
            return retry_after_s(status)
        if socket is None:
            return None
        opened_ns = self._connected()
        talk = asyncio.ensure_future(self._talk(socket))
        try:
            await self._wait_for_the_end(talk)
        finally:
            talk.cancel()
            if self.is_stopping:
                self._over_reason = "stopped"
                self._over.set()
            await socket.close(self._settings.close_timeout_s, self._over_reason)
            self._lost(opened_ns)
        return None

    async def _open(self) -> WebSocket | None:
        """An open websocket; None when `stop` came first. Raises TimeoutError, too."""
        address = self._stream.address(self._clock.now_ns())
        opening = asyncio.ensure_future(self._opener(address, self))
        stopped = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait(
                (opening, stopped), timeout=self._settings.connect_timeout_s,
                return_when=asyncio.FIRST_COMPLETED,
            )  # fmt: skip
            if opening.done():
                return opening.result()
            if stopped.done():
                return None
            raise TimeoutError
        finally:
            stopped.cancel()
            opening.cancel()

    async def _wait_for_the_end(self, talk: asyncio.Future[None]) -> None:
        ends: list[asyncio.Future[Any]] = [
            asyncio.ensure_future(event.wait()) for event in (self._over, self._stopping)
        ]
        try:
            await asyncio.wait([*ends, talk], return_when=asyncio.FIRST_COMPLETED)
            if talk.done():
                talk.result()
        finally:
            for each in ends:
                each.cancel()

    def _connected(self) -> int:
        now_ns = self._clock.now_ns()
        self.epoch += 1
        self.state = LinkState.CONNECTED
        self._stream.opened()
        self._jobs.clear()
        self._text_due_ns = now_ns
        note = self._lines.note(now_ns, "ws_connected", {"epoch": self.epoch})
        self._listener.put([note])
        self._change("connected", f"epoch {self.epoch}")
        early, self._early = self._early, []
        if early:
            self.messages(early)
        return now_ns

    def _lost(self, opened_ns: int) -> None:
        now_ns = self._clock.now_ns()
        whole = self.state is LinkState.SUBSCRIBED
        if whole and now_ns - opened_ns >= self._settings.stable_s * 1_000_000_000:
            self._backoff.reset()
        self.state = LinkState.DOWN
        self._socket = None
        reason = self._over_reason
        self._listener.put([self._lines.note(now_ns, "ws_lost", {"reason": reason})])
        self._change("lost", reason)
        self._over_reason = ""

    def stop(self) -> None:
        """Let `run` return soon: it says goodbye for `close_timeout_s` at most."""
        self._stopping.set()

    @property
    def is_stopping(self) -> bool:
        return self._stopping.is_set()

    def restart(self, reason: str) -> None:
        """Give this connection up; another one follows after the back-off."""
        if not self._over.is_set():
            self._over_reason = reason
            self._over.set()

    def _change(self, change: str, detail: str) -> None:
        now_ns = self._clock.now_ns()
        self.counts[change] += 1
        self._listener.put([self._lines.change(now_ns, change, {"detail": detail})])
        self._listener.state_changed(self.name, change, now_ns, detail)

    def note_change(self, change: str, data: Mapping[str, object]) -> None:
        """Write down what others concluded about this connection."""
        self.counts[change] += 1
        self._listener.put([self._lines.change(self._clock.now_ns(), change, data)])

    # Hearing: inside the socket read

    def messages(self, messages: list[bytes]) -> None:
        if self._socket is None:
            self._early += messages
            return
        now_ns = self._clock.now_ns()
        classify = self._stream.classify
        said = [(index, what) for index, each in enumerate(messages) if (what := classify(each))]
        noted = messages
        if said:
            unnoted = {index for index, what in said if not what.is_noted}
            noted = [each for index, each in enumerate(messages) if index not in unnoted]
        self.counts["messages"] += len(messages)
        self.counts["bytes"] += sum(map(len, messages))
        self._listener.heard(self.name, now_ns, len(messages) - len(said))
        self._listener.put(self._lines.messages(now_ns, noted))
        for _, what in said:
            self._take(what, now_ns)

    def _take(self, what: Said, now_ns: int) -> None:
        match what.kind:
            case SaidKind.HEARTBEAT:
                self._listener.pinged(self.name, now_ns)
            case SaidKind.ENDED:
                self.restart(f"the venue ended a subscription: {what.detail}")
            case SaidKind.REFUSED:
                self._change("refused", what.detail)
                self._answered()
            case SaidKind.REPLY:
                self._answered()

    def _answered(self) -> None:
        self._replies += 1
        self._replied.set()

    def pinged(self, body: bytes) -> None:
        self.counts["pings"] += 1
        self._listener.pinged(self.name, self._clock.now_ns())

    def closed(self, reason: str) -> None:
        self.restart(reason)

    # Saying: in a task of its own

    async def _talk(self, socket: WebSocket) -> None:
        self._jobs.appendleft(self._stream.first_frames(list(self.markets)))
        while True:
            while self._jobs:
                if not await self._carry_out(self._jobs[0], socket):
                    self.restart("no reply to a subscription")
                    return
                self._jobs.popleft()
            if self.state is LinkState.CONNECTED:
                self.state = LinkState.SUBSCRIBED
                self._change("subscribed", f"{len(self.markets)} markets")
            self._job_added.clear()
            await self._job_added.wait()

    async def _carry_out(self, job: Iterator[Outgoing], socket: WebSocket) -> bool:
        """Send batch after batch, each when the one before was answered; False: it was not."""
        for outgoing in job:
            self._replies = 0
            self._send(socket, outgoing)
            await socket.writable()
            if not await self._wait_for_replies(outgoing.replies):
                return False
            await self._clock.sleep(self._settings.batch_pause_s)
        return True

    async def _wait_for_replies(self, count: int) -> bool:
        try:
            async with asyncio.timeout(self._settings.reply_timeout_s):
                while self._replies < count:
                    self._replied.clear()
                    await self._replied.wait()
        except TimeoutError:
            return False
        return True

    def _send(self, socket: WebSocket, outgoing: Outgoing) -> None:
        if outgoing.is_noted:
            self._listener.put([self._lines.sent(self._clock.now_ns(), outgoing.message)])
        socket.send(outgoing.message)

    def watch(self, markets: Iterable[str]) -> None:
        """Subscribe to more markets, now if connected, else with the next connection."""
        fresh = [each for each in markets if each not in self.markets]
        self._remember(fresh)
        if fresh and self.state is not LinkState.DOWN:
            self._add_job(self._stream.add_frames(fresh))

    def unwatch(self, markets: Iterable[str]) -> None:
        known = [each for each in markets if each in self.markets]
        for each in known:
            del self.markets[each]
        if known and self.state is not LinkState.DOWN:
            self._add_job(self._stream.drop_frames(known))

    def _add_job(self, job: Iterator[Outgoing]) -> None:
        self._jobs.append(job)
        self._job_added.set()

    def resync(self, markets: list[str]) -> bool:
        """Ask for whole books; False where only a new connection brings them."""
        socket = self._socket
        if socket is None or self.state is LinkState.DOWN:
            return True  # the next connection brings them anyway
        frames = self._stream.resync_frames(markets)
        for outgoing in frames:
            self._send(socket, outgoing)
        self.counts["resync_requests"] += len(frames)
        return bool(frames)

    def tick(self, now_ns: int) -> None:
        """Send the heartbeat text when it is due."""
        beat, socket = self._stream.heartbeat, self._socket
        if socket is None or beat.text is None or beat.text_every_s is None:
            return
        if now_ns >= self._text_due_ns:
            self._text_due_ns = now_ns + int(beat.text_every_s * 1_000_000_000)
            socket.send(beat.text)

    def pause(self, paused: bool) -> None:
        """Stop or go on reading the socket; the venue's own buffers fill meanwhile."""
        if self._socket is not None:
            (self._socket.pause_reading if paused else self._socket.resume_reading)()


def _said(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(error) or type(error).__name__
