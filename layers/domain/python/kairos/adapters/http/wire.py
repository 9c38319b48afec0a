"""Warm connections to one venue: an order's bytes leave before the caller's next statement.

What `AiohttpTransport` does for reading, this does for trading: a few connections are kept open,
and a request is put on one of them without waiting for the event loop. The rules are the same.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Callable
from contextlib import suppress
from ssl import SSLContext, SSLSession, create_default_context
from typing import Final
from urllib.parse import urlsplit

from kairos.adapters.http.connection import Connection
from kairos.adapters.http.retry import Backoff
from kairos.errors import VenueUnreachable
from kairos.ports import HttpRequest, HttpResponse

CONNECTIONS_MAX: Final = 32
WAITING_MAX: Final = 256
IDLE_SECONDS_MAX: Final = 30.0
_ATTEMPTS_MAX: Final = 3
_PREFIXES_MAX: Final = 64
_LOOK_SECONDS: Final = 1.0
_ORIGIN = re.compile(r"https?://[^/?#]+")
_TARGET = re.compile(r"/[!-~]*")
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
_METHODS: Final = _WITH_BODY | {"GET", "DELETE"}
_ALWAYS: Final = "User-Agent: kairos\r\nAccept-Encoding: identity\r\n"
_CHECK: Final = "Check the network and the venue's status page"


class WireTransport:
    """Implements `kairos.ports.PromptTransport` for one origin (`https://host[:port]`, no path).

    No redirects, no cookies, no proxies, no compression, nothing is sent twice, one request on a
    connection at a time. `await open()` keeps `warm` connections open until `close`; without it
    they are opened on demand. Bounded: 32 connections, 256 waiting requests, 16 MiB a response,
    `connect_seconds` to get a connection. `jitter` gives numbers in 0..1 for waits between failed
    attempts. Raises VenueUnreachable when not a byte left, OutcomeUnknown after that.
    """

    def __init__(
        self,
        base_url: str,
        *,
        jitter: Callable[[], float],
        warm: int = 4,
        connect_seconds: float = 5.0,
        ssl: SSLContext | None = None,
    ) -> None:
        if _ORIGIN.fullmatch(base_url) is None:
            raise ValueError(f"{base_url!r} is no origin; paths belong to the request")
        if not 1 <= warm <= CONNECTIONS_MAX:
            raise ValueError(f"{warm} warm connections: use 1 to {CONNECTIONS_MAX}")
        parts = urlsplit(base_url)
        self._host = str(parts.hostname)
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._authority = parts.netloc
        self._tls = _context(ssl) if parts.scheme == "https" else None
        self._connect_seconds = connect_seconds
        self._warm = warm
        self._backoff = Backoff(0.1, 10.0, 1, jitter)
        self._prefixes: dict[tuple[str, str], bytes] = {}
        self._idle: list[Connection] = []  # the one that was used last is the warmest
        self._all: set[Connection] = set()
        self._opening = 0
        self._waiting = 0
        self._changed = asyncio.Event()
        self._lost = asyncio.Event()  # the keeper shall sleep through every answer
        self._keeper: asyncio.Task[None] | None = None
        self._session: SSLSession | None = None
        self.opened = 0
        self.resumed = 0

    # Sending

    @property
    def is_ready(self) -> bool:
        """Whether a request could be put on a connection now."""
        return bool(self._idle)

    def send_now(
        self, request: HttpRequest, timeout_seconds: float
    ) -> asyncio.Future[HttpResponse]:
        """Put a request on a warm connection before this returns; await what it returns.

        Raises VenueUnreachable when there is none that takes it.
        """
        started = self._start(request, timeout_seconds)
        if started is None:
            raise self._unreachable(request, "no_connection", "no warm connection took it")
        return started

    async def send(self, request: HttpRequest, timeout_seconds: float) -> HttpResponse:
        started = self._start(request, timeout_seconds)
        if started is None:
            started = await self._start_later(request, timeout_seconds)
        return await started

    def _start(
        self, request: HttpRequest, timeout_seconds: float
    ) -> asyncio.Future[HttpResponse] | None:
        data = self.bytes_of(request)
        while self._idle:
            started = self._idle.pop().start(
                f"{request.method} {request.path}", data, timeout_seconds
            )
            if started is not None:
                return started
        return None

    async def _start_later(
        self, request: HttpRequest, timeout_seconds: float
    ) -> asyncio.Future[HttpResponse]:
        """As soon as a connection is free or open. What waiting takes is taken from the answer's
        time."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        if self._waiting >= WAITING_MAX:
            raise self._unreachable(request, "too_many_waiting", f"{WAITING_MAX} requests wait")
        self._waiting += 1
        try:
            async with asyncio.timeout(min(self._connect_seconds, timeout_seconds)):
                for _ in range(_ATTEMPTS_MAX):
                    await self._room()
                    left = timeout_seconds - (loop.time() - began)
                    started = self._start(request, left)
                    if started is not None:
                        return started
        except (OSError, TimeoutError) as error:
            words = str(error)
            told = f"{type(error).__name__}: {words}" if words else type(error).__name__
            raise self._unreachable(request, "no_connection", told) from error
        finally:
            self._waiting -= 1
        raise self._unreachable(request, "no_connection", "every new connection was closed again")

    async def _room(self) -> None:
        """Return when there may be an idle connection; opens one where that is allowed."""
        while not self._idle:
            if len(self._all) + self._opening < CONNECTIONS_MAX:
                await self._open_one()
                return
            await self._changed.wait()

    def bytes_of(self, request: HttpRequest) -> bytes:
        """The whole request as it goes on the wire: path and query as they were signed."""
        headers = request.headers or {}
        text = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        if text.count("\n") != len(headers) or text.count("\r") != len(headers):
            raise ValueError("a header contains a line break")
        target = f"{request.path}?{request.query}" if request.query else request.path
        prefix = self._prefixes.get((request.method, target))
        if prefix is None:
            prefix = self._prefix(request.method, target)
        body = request.body
        if body or request.method in _WITH_BODY:
            return b"%b%bContent-Length: %d\r\n\r\n%b" % (prefix, text.encode(), len(body), body)
        return b"%b%b\r\n" % (prefix, text.encode())

    def _prefix(self, method: str, target: str) -> bytes:
        if _TARGET.fullmatch(target) is None or method not in _METHODS:
            raise ValueError(f"{method} {target!r} cannot be a request line")
        prefix = f"{method} {target} HTTP/1.1\r\nHost: {self._authority}\r\n{_ALWAYS}".encode()
        if len(self._prefixes) >= _PREFIXES_MAX:
            self._prefixes.clear()
        self._prefixes[method, target] = prefix
        return prefix

    def _unreachable(self, request: HttpRequest, reason: str, detail: str) -> VenueUnreachable:
        said = f"{request.method} {request.path}: {detail}"
        return VenueUnreachable(self._host, reason, said, _CHECK)

    # Connections

    async def open(self) -> None:
        """Open the warm connections and keep them. Raises VenueUnreachable when there is no way to
        open one; after that it is tried again and again."""
        if self._keeper is not None:
            return
        try:
            async with asyncio.timeout(self._connect_seconds):
                while len(self._all) < self._warm:
                    await self._open_one()
        except (OSError, TimeoutError) as error:
            said = f"{type(error).__name__}: {error}"
            raise VenueUnreachable(self._host, "no_connection", said, _CHECK) from error
        self._keeper = asyncio.create_task(self._keep())

    async def close(self) -> None:
        """Close every connection, what is under way becomes unknown; sending again opens new
        ones."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
        for connection in tuple(self._all):
            connection.abort()
        await asyncio.sleep(0)  # the loop closes sockets in its next turn
        await asyncio.sleep(0)

    async def _keep(self) -> None:
        """Open what is missing, and replace what has been idle for so long that the venue may close
        it in the moment it is needed."""
        failures = 0
        while True:
            if len(self._all) + self._opening < self._warm:
                # Also one that opens is a failure until it has stayed: some venues open and close.
                await asyncio.sleep(self._backoff.delay_seconds(failures) if failures else 0.0)
                failures += 1
                with suppress(OSError):  # TimeoutError is one
                    async with asyncio.timeout(self._connect_seconds):
                        await self._open_one()
                continue
            self._retire()
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._lost.wait()
                self._lost.clear()
            except TimeoutError:
                failures = 0

    def _retire(self) -> None:
        """One at a time, so that there is always another."""
        oldest_s = asyncio.get_running_loop().time() - IDLE_SECONDS_MAX
        stale = next((each for each in self._idle if each.used < oldest_s), None)
        if stale is not None and (len(self._idle) > 1 or self._warm == 1):
            stale.abort()

    async def _open_one(self) -> None:
        self._opening += 1
        try:
            connection = Connection(self._host, self._noted)
            await connection.open(await self._connected(), self._tls, self._session)
        finally:
            self._opening -= 1
        self.opened += 1
        self.resumed += connection.is_resumed
        self._all.add(connection)
        self._noted(connection)

    async def _connected(self) -> socket.socket:
        """The first address that answers."""
        loop = asyncio.get_running_loop()
        failure: OSError | None = None
        for family, kind, number, _, address in await loop.getaddrinfo(
            self._host, self._port, type=socket.SOCK_STREAM
        ):
            connecting = socket.socket(family, kind, number)
            try:
                connecting.setblocking(False)
                await loop.sock_connect(connecting, address)
            except OSError as error:
                connecting.close()
                failure = error
            except BaseException:
                connecting.close()
                raise
            else:
                return connecting
        raise failure or OSError("the name has no address")

    def _noted(self, connection: Connection) -> None:
        """A connection is open, free again, or gone."""
        if connection.is_gone:
            self._all.discard(connection)
            if connection in self._idle:
                self._idle.remove(connection)
            self._lost.set()
        else:
            self._session = connection.session or self._session
            self._idle.append(connection)
        self._changed.set()
        self._changed.clear()


def _context(given: SSLContext | None) -> SSLContext:
    if given is not None:
        return given
    context = create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
