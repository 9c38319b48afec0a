"""HTTP over aiohttp that says, for each failure, whether the request can have arrived."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ssl import SSLContext
from types import SimpleNamespace
from typing import Final, Never

import aiohttp
from yarl import URL

from kairos.errors import OutcomeUnknown, VenueUnreachable
from kairos.ports import HttpRequest, HttpResponse

CONNECTIONS_MAX: Final = 32
RESPONSE_BYTES_MAX: Final = 16 * 1024 * 1024
_KEEPALIVE_SECONDS: Final = 30.0
_CHUNK_BYTES: Final = 64 * 1024
_ORIGIN = re.compile(r"https?://[^/?#]+")


@dataclass(slots=True)
class _Progress:
    """Whether the request got a connection: from then on a byte of it may have left."""

    connected: bool = False


class _Lost(Exception):
    """Carries a connection error past aiohttp, which would send GET, PUT and DELETE again."""


class AiohttpTransport:
    """Implements `kairos.ports.HttpTransport` for one origin (`https://host[:port]`, no path).

    No redirects, no cookies, no proxies from the environment, never sends twice. Bounded: 32
    connections, 16 MiB a response, `connect_seconds` to connect (waiting for the pool included).
    Raises VenueUnreachable before there is a connection, OutcomeUnknown after; both name the host,
    because the venue is the caller's business.
    """

    def __init__(
        self, base_url: str, *, connect_seconds: float = 5.0, ssl: SSLContext | None = None
    ) -> None:
        if _ORIGIN.fullmatch(base_url) is None:
            raise ValueError(f"{base_url!r} is no origin; paths belong to the request")
        self._base_url = base_url
        self._host = str(URL(base_url).host)
        self._connect_seconds = connect_seconds
        self._ssl = ssl
        self._session: aiohttp.ClientSession | None = None

    async def send(self, request: HttpRequest, timeout_seconds: float) -> HttpResponse:
        progress = _Progress()
        try:
            return await self._send(request, timeout_seconds, progress)
        except (aiohttp.ClientError, TimeoutError, _Lost, OSError) as error:
            cause = error.__cause__ if isinstance(error, _Lost) else error
            self._fail(progress, f"{request.method} {request.path}: {_told(cause)}", error)

    async def close(self) -> None:
        """Close every connection; sending again opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _send(
        self, request: HttpRequest, timeout_seconds: float, progress: _Progress
    ) -> HttpResponse:
        async with self._opened().request(
            request.method,
            self._url(request),
            data=request.body or None,
            headers=request.headers,
            allow_redirects=False,
            timeout=self._timeout(timeout_seconds),
            trace_request_ctx=progress,
        ) as response:
            body = await self._bounded(response)
            headers = {name.lower(): value for name, value in response.headers.items()}
            return HttpResponse(response.status, headers, body)

    def _url(self, request: HttpRequest) -> URL:
        """The very text that was signed: nothing is decoded or encoded again."""
        query = f"?{request.query}" if request.query else ""
        return URL(f"{self._base_url}{request.path}{query}", encoded=True)

    def _timeout(self, timeout_seconds: float) -> aiohttp.ClientTimeout:
        connect = min(self._connect_seconds, timeout_seconds)
        return aiohttp.ClientTimeout(total=timeout_seconds, connect=connect, sock_connect=connect)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=CONNECTIONS_MAX,
                keepalive_timeout=_KEEPALIVE_SECONDS,
                ssl=True if self._ssl is None else self._ssl,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                middlewares=(_once,),
                trace_configs=[_tracing()],
            )
        return self._session

    async def _bounded(self, response: aiohttp.ClientResponse) -> bytes:
        parts: list[bytes] = []
        size = 0
        async for part in response.content.iter_chunked(_CHUNK_BYTES):
            size += len(part)
            if size > RESPONSE_BYTES_MAX:
                response.close()
                raise OutcomeUnknown(
                    self._host, "response_too_large",
                    f"{response.method} {response.url.path}: over {RESPONSE_BYTES_MAX} bytes",
                    "Ask for less in one request",
                )  # fmt: skip
            parts.append(part)
        return b"".join(parts)

    def _fail(self, progress: _Progress, detail: str, error: BaseException) -> Never:
        if progress.connected:
            raise OutcomeUnknown(
                self._host, "no_answer", detail, "Look it up before anything is sent again"
            ) from error
        raise VenueUnreachable(
            self._host, "no_connection", detail, "Check the network and the venue's status page"
        ) from error


def _told(error: BaseException | None) -> str:
    """The kind of failure and its own words, which some kinds leave out."""
    words = str(error)
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


async def _once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    try:
        return await handler(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _Lost from error


def _tracing() -> aiohttp.TraceConfig:
    tracing = aiohttp.TraceConfig()
    tracing.on_connection_create_end.append(_connected)
    tracing.on_connection_reuseconn.append(_connected)
    return tracing


async def _connected(
    _session: aiohttp.ClientSession, context: SimpleNamespace, _params: object
) -> None:
    progress: _Progress = context.trace_request_ctx
    progress.connected = True
