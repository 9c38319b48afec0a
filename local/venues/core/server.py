"""A small HTTP and websocket server on loopback that can misbehave on request.

Every simulated venue is one `VenueServer`: routes of its own, `/_sim/faults` and `/_sim/state` for
whoever runs it, a shutdown that leaves no socket behind.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from aiohttp import WSMsgType, web

from kairos.errors import KairosError, Malformed, UsageError
from local.venues.core.clock import SimClock
from local.venues.core.faults import Disconnect, Faults, Frame, fault_from_json

LOOPBACK: Final = "127.0.0.1"
OUTBOX_MAX: Final = 100_000
BODY_MAX: Final = 4 * 1024 * 1024
_STOP_S: Final = 2.0
_FRAMES_PER_TURN: Final = 256

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
# (status, words) -> the venue's own error body
ErrorBody = Callable[[int, str], Any]
_encode: Final = msgspec.json.Encoder().encode


def json_reply(
    value: object, status: int = 200, headers: dict[str, str] | None = None
) -> web.Response:
    return web.Response(
        body=_encode(value), status=status, content_type="application/json", headers=headers
    )


class Peer:
    """One websocket connection: a bounded outbox, written in order by one task.

    Frames that the faults swallow keep their numbers: who numbers them has done so already.
    """

    def __init__(self, conn: str, request: web.Request, faults: Faults) -> None:
        self.conn = conn
        self.socket = web.WebSocketResponse(autoping=False, compress=False, max_msg_size=BODY_MAX)
        self.has_overflowed = False
        self._request = request
        self._faults = faults
        self._outbox: deque[bytes] = deque()
        self._wake = asyncio.Event()

    def send(self, kind: str, frame: Frame, market: str | None = None) -> None:
        """Queue a frame; one too many and the connection counts as overflowed."""
        if not self._faults.is_quiet:
            if self._faults.skips(kind, market):
                return
            frame = self._faults.drifted(kind, frame)
        self.send_bytes(_encode(frame))

    def send_bytes(self, frame: bytes) -> None:
        if len(self._outbox) >= OUTBOX_MAX:
            self.has_overflowed = True
            return
        self._outbox.append(frame)
        self._wake.set()

    def start_over(self) -> None:
        """Forget what was queued for a client that reads too slowly."""
        self._outbox.clear()
        self.has_overflowed = False

    def abort(self) -> None:
        """Cut the connection the hard way: no close frame, no goodbye."""
        transport = self._request.transport
        if transport is not None:
            transport.abort()

    @property
    def is_frozen(self) -> bool:
        return not self._faults.is_quiet and self._faults.is_conn_frozen(self.conn)

    async def write(self) -> None:
        """Send what is queued until the connection ends."""
        while not self.socket.closed:
            await self._wake.wait()
            self._wake.clear()
            while self._outbox:
                await self._write_some()

    async def _write_some(self) -> None:
        for _ in range(min(len(self._outbox), _FRAMES_PER_TURN)):
            frame = self._outbox.popleft()
            if self.is_frozen:
                continue
            await self.socket.send_frame(frame, WSMsgType.TEXT)
            if not self._faults.is_quiet and self._faults.cuts_after_frame(self.conn):
                self.abort()
                self._outbox.clear()
                return
        await asyncio.sleep(0)

    async def read(self, on_text: Callable[[str], Awaitable[None]]) -> None:
        """Hand over every text frame; pings are answered unless the connection is frozen."""
        async for message in self.socket:
            if self.is_frozen:
                continue
            if message.type is WSMsgType.PING:
                await self.socket.pong(message.data)
            elif message.type is WSMsgType.TEXT:
                await on_text(message.data)

    async def ping_every(self, seconds: float, body: bytes) -> None:
        while not self.socket.closed:
            await asyncio.sleep(seconds)
            if not self.is_frozen and not self.socket.closed:
                await self.socket.ping(body)


class VenueServer:
    """One application. `state` adds the venue's own facts to `/_sim/state`."""

    def __init__(
        self,
        name: str,
        faults: Faults,
        clock: SimClock,
        error_body: ErrorBody,
        state: Callable[[], dict[str, Any]] = dict,
    ) -> None:
        self.name = name
        self.faults = faults
        self.clock = clock
        self.peers: dict[str, Peer] = {}
        self.port = 0
        self._error_body = error_body
        self._state = state
        self._opened = 0
        self._runner: web.AppRunner | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
        self.app = web.Application(client_max_size=BODY_MAX, middlewares=[self._misbehave])
        self.app.router.add_post("/_sim/faults", self._inject)
        self.app.router.add_delete("/_sim/faults", self._clear)
        self.app.router.add_get("/_sim/state", self._tell)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://{LOOPBACK}:{self.port}"

    async def start(self, port: int = 0) -> str:
        """Listen and return the base URL. Port 0 takes a free one."""
        self._runner = web.AppRunner(self.app, access_log=None, shutdown_timeout=_STOP_S)
        await self._runner.setup()
        site = web.TCPSite(self._runner, LOOPBACK, port)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            raise UsageError(f"{self.name}: port {port} cannot be used ({error})") from error
        self.port = self._runner.addresses[0][1]
        return self.url

    async def stop(self) -> None:
        """Cut every connection, end every task, close the socket; takes two seconds at most.

        Raises what a task of the simulator itself has failed with, for it would go unnoticed.
        """
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for peer in list(self.peers.values()):
            peer.abort()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def run(self, work: Awaitable[None]) -> None:
        """Keep a task for as long as the server runs; when it fails, so does every request."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._failure = task.exception()
            for peer in list(self.peers.values()):
                peer.abort()

    # --- websockets ---------------------------------------------------------------------------

    async def serve_peer(
        self,
        request: web.Request,
        on_open: Callable[[Peer], Awaitable[None]],
        on_text: Callable[[Peer, str], Awaitable[None]],
        ping: tuple[float, bytes] | None = None,
        on_close: Callable[[Peer], None] | None = None,
    ) -> web.WebSocketResponse:
        """Run one connection to its end. `ping` is (seconds between pings, their body)."""
        self._opened += 1
        peer = Peer(f"{self.name}-{self._opened}", request, self.faults)
        await peer.socket.prepare(request)
        self.peers[peer.conn] = peer
        helpers = [asyncio.ensure_future(peer.write())]
        if ping is not None:
            helpers.append(asyncio.ensure_future(peer.ping_every(*ping)))
        try:
            await on_open(peer)
            await peer.read(lambda text: on_text(peer, text))
        finally:
            del self.peers[peer.conn]
            if on_close is not None:
                on_close(peer)
            await _end(helpers)
            with contextlib.suppress(ConnectionError, RuntimeError):
                await asyncio.wait_for(peer.socket.close(), _STOP_S)
        return peer.socket

    # --- misbehaving --------------------------------------------------------------------------

    @web.middleware
    async def _misbehave(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if self._failure is not None:
            return json_reply(self._error_body(500, f"simulator failed: {self._failure!r}"), 500)
        if self.faults.is_quiet or request.path.startswith("/_sim/"):
            return await self._handled(request, handler)
        failure = self.faults.failure(request.method, request.path)
        if failure is not None:
            wait = failure.retry_after
            headers = {} if wait is None else {"Retry-After": str(wait)}
            body = self._error_body(failure.status, "injected fault")
            return json_reply(body, failure.status, headers)
        response = await self._handled(request, handler)
        if isinstance(response, web.WebSocketResponse):
            return response
        await asyncio.sleep(self.faults.reply_delay_s(request.path))
        if self.faults.loses_reply(request.method, request.path) and request.transport is not None:
            request.transport.abort()
        belied = self.faults.belied(request.method, request.path)
        if belied is not None:
            return json_reply(self._error_body(belied.status, "injected fault"), belied.status)
        return response

    async def _handled(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """A path that does not exist is refused in the venue's own words too."""
        try:
            return await handler(request)
        except (web.HTTPNotFound, web.HTTPMethodNotAllowed) as error:
            return json_reply(self._error_body(error.status, error.reason), error.status)

    async def _inject(self, request: web.Request) -> web.Response:
        try:
            fault = fault_from_json(await request.read())
            self.faults.inject(fault)
        except (Malformed, UsageError) as error:
            return json_reply({"error": str(error)}, 400)
        if isinstance(fault, Disconnect):
            self.cut()
        return json_reply(self.faults.state())

    async def _clear(self, _request: web.Request) -> web.Response:
        self.faults.clear()
        return json_reply(self.faults.state())

    async def _tell(self, _request: web.Request) -> web.Response:
        return json_reply({
            "venue": self.name,
            "now_ns": self.clock.now_ns(),
            "speed": self.clock.speed,
            "connections": sorted(self.peers),
            "faults": self.faults.state(),
            **self._state(),
        })  # fmt: skip

    def cut(self) -> None:
        """Cut the connections that a fault has asked to be cut."""
        for conn in self.faults.to_cut(list(self.peers)):
            self.peers[conn].abort()


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        expected = (asyncio.CancelledError, ConnectionError, RuntimeError, KairosError)
        if isinstance(outcome, BaseException) and not isinstance(outcome, expected):
            raise outcome
