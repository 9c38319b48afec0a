"""One warm HTTP/1.1 connection: a request goes to the socket in the caller's own stack frame.

An event loop's `transport.write` may wait for the end of the loop's turn, and its TLS for more than
that. Here the bytes are handed to the kernel first; only what it does not take goes the long way.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from ssl import SSLContext, SSLSession
from typing import Final, cast

from kairos.adapters.http.replies import BadReply, Reply
from kairos.adapters.http.tls import Tls
from kairos.errors import OutcomeUnknown
from kairos.ports import HttpResponse

RESPONSE_BYTES_MAX: Final = 16 * 1024 * 1024
_LOOK_UP: Final = "Look it up before anything is sent again"


class Exchange:
    """One request that is under way, and who waits for its answer."""

    __slots__ = ("future", "name", "reply", "timer")

    def __init__(self, name: str, future: asyncio.Future[HttpResponse]) -> None:
        self.name = name
        self.future = future
        self.reply = Reply(RESPONSE_BYTES_MAX)
        self.timer: asyncio.TimerHandle | None = None


class Connection(asyncio.Protocol):
    """Open it, then `start` one request at a time. `changed` is called when it became idle, and
    when it is gone. `host` is for errors."""

    def __init__(self, host: str, changed: Callable[[Connection], None]) -> None:
        self._host = host
        self._changed = changed
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._socket: socket.socket | None = None
        self._transport: asyncio.Transport | None = None
        self._tls: Tls | None = None
        self._take: Callable[[bytes], None] = self._answered
        self._exchange: Exchange | None = None
        self.is_idle = False
        self.is_gone = False
        self.used = 0.0  # when it was last used, in the loop's time

    async def open(
        self, connected: socket.socket, tls: SSLContext | None, session: SSLSession | None
    ) -> None:
        """Take over a connected socket and shake hands. Raises OSError."""
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = connected
        if tls is not None:
            self._tls = Tls(tls, self._host, session)
            self._take = self._shake
        try:
            await self._loop.create_connection(lambda: self, sock=connected)
            await self._ready
        except BaseException:
            self._ready.cancel()
            self.abort()
            raise

    @property
    def session(self) -> SSLSession | None:
        return None if self._tls is None else self._tls.session

    @property
    def is_resumed(self) -> bool:
        return self._tls is not None and self._tls.is_resumed

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the methods of asyncio's without being of its classes.
        self._transport = cast(asyncio.Transport, transport)
        if self._tls is None:
            self._opened()
        else:
            self._shake(b"")

    def data_received(self, data: bytes) -> None:
        try:
            self._take(data)
        except OSError as error:  # of TLS: nothing that comes after it can be trusted
            self._end(f"{type(error).__name__}: {error}")

    def eof_received(self) -> None:
        self._end("closed by the venue")

    def connection_lost(self, exc: Exception | None) -> None:
        self._end("connection lost" if exc is None else f"{type(exc).__name__}: {exc}")

    # Opening

    def _shake(self, data: bytes) -> None:
        if self._tls is None or self._transport is None:
            return
        outgoing, done = self._tls.handshake(data)
        if outgoing:
            self._transport.write(outgoing)
        if done:
            self._take = self._decrypted
            self._opened()
            self._decrypted(b"")

    def _opened(self) -> None:
        self.used = self._loop.time()
        self.is_idle = not self._ready.done()
        if self.is_idle:
            self._ready.set_result(None)

    # One exchange

    def start(
        self, name: str, request: bytes, timeout_seconds: float
    ) -> asyncio.Future[HttpResponse] | None:
        """Put a request on the wire now; None when not a byte of it left, and it is gone then.

        The future raises OutcomeUnknown. It must be awaited.
        """
        if not self.is_idle or self._socket is None or self._transport is None:
            return None
        self.is_idle = False
        try:
            data = request if self._tls is None else self._tls.encrypt(request)
            left = self._socket.send(data)
        except BlockingIOError:
            left = 0
        except OSError as error:
            self._end(f"{type(error).__name__}: {error}")
            return None
        if left < len(data):
            self._transport.write(data[left:])
        exchange = Exchange(name, self._loop.create_future())
        self._exchange = exchange
        exchange.timer = self._loop.call_later(timeout_seconds, self._expired)
        return exchange.future

    def _expired(self) -> None:
        self._end("TimeoutError")

    def _decrypted(self, data: bytes) -> None:
        if self._tls is None or self._transport is None:
            return
        plain, outgoing, ended = self._tls.decrypt(data)
        if outgoing:
            self._transport.write(outgoing)
        if plain:
            self._answered(plain)
        if ended:
            self._end("closed by the venue")

    def _answered(self, data: bytes) -> None:
        exchange = self._exchange
        if exchange is None:
            self._end("bytes that nobody asked for")
            return
        try:
            response = exchange.reply.feed(data)
        except BadReply as error:
            self._end(str(error), error.reason)
            return
        if response is not None:
            self._finished(exchange, response)

    def _finished(self, exchange: Exchange, response: HttpResponse) -> None:
        self._settle(exchange)
        if not exchange.future.done():
            exchange.future.set_result(response)
        unsent = self._transport is None or self._transport.get_write_buffer_size() > 0
        if unsent or not exchange.reply.keeps_open:
            self._end("closed after the answer")
            return
        self.used = self._loop.time()
        self.is_idle = True
        self._changed(self)

    def _settle(self, exchange: Exchange) -> None:
        self._exchange = None
        if exchange.timer is not None:
            exchange.timer.cancel()

    # The end

    def abort(self) -> None:
        self._end("closed by us")

    def _end(self, detail: str, reason: str = "no_answer") -> None:
        """Nothing that still comes counts; what was under way is unknown."""
        if self.is_gone:
            return
        self.is_gone, self.is_idle = True, False
        self._take = _ignored
        exchange = self._exchange
        if exchange is not None:
            self._settle(exchange)
            if not exchange.future.done():
                said = f"{exchange.name}: {detail}"
                exchange.future.set_exception(OutcomeUnknown(self._host, reason, said, _LOOK_UP))
        if not self._ready.done():
            self._ready.set_exception(ConnectionError(detail))
        if self._transport is not None:
            self._transport.abort()
        elif self._socket is not None:
            self._socket.close()
        self._changed(self)


def _ignored(_data: bytes) -> None:
    """For what comes after the end."""
