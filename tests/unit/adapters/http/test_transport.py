"""Over real sockets on loopback: every failure says whether the request can have arrived.

Both transports keep the same rules.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from kairos.adapters.http import connection, transport
from kairos.adapters.http.transport import AiohttpTransport
from kairos.adapters.http.wire import WireTransport
from kairos.errors import OutcomeUnknown, VenueUnreachable
from kairos.ports import HttpRequest, HttpResponse

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Make = Callable[..., AiohttpTransport | WireTransport]


def wire(url: str, **settings: Any) -> WireTransport:  # noqa: ANN401 - passed on as they are
    return WireTransport(url, jitter=lambda: 0.5, **settings)


pytestmark = pytest.mark.parametrize("make", [AiohttpTransport, wire], ids=["aiohttp", "wire"])


async def exchange(
    make: Make, handler: Handler, *requests: HttpRequest, allowed: float = 5.0
) -> list[HttpResponse]:
    """Serve `handler` on a free port and send each request over one transport."""
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    transport = make(f"http://127.0.0.1:{runner.addresses[0][1]}")
    try:
        return [await transport.send(request, allowed) for request in requests]
    finally:
        await transport.close()
        await runner.cleanup()


def run(
    make: Make, handler: Handler, *requests: HttpRequest, allowed: float = 5.0
) -> list[HttpResponse]:
    return asyncio.run(exchange(make, handler, *requests, allowed=allowed))


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def send_to(make: Make, url: str, *, connect_seconds: float = 1.0) -> HttpResponse:
    async def sent() -> HttpResponse:
        transport = make(url, connect_seconds=connect_seconds)
        try:
            return await transport.send(HttpRequest("POST", "/orders", body=b"{}"), 2.0)
        finally:
            await transport.close()

    return asyncio.run(sent())


def test_what_is_sent_is_what_was_signed(make: Make) -> None:
    seen: list[tuple[str, str, bytes, str | None]] = []

    async def handler(request: web.Request) -> web.Response:
        header = request.headers.get("X-Key")
        seen.append((request.method, request.raw_path, await request.read(), header))
        return web.Response(status=418, body=b"tea", headers={"X-Mixed-Case": "1"})

    request = HttpRequest("POST", "/a%2Fb/c", "q=1%2C2&r=%20", {"X-Key": "k"}, b'{"a": 1}')
    (response,) = run(make, handler, request)
    assert seen == [("POST", "/a%2Fb/c?q=1%2C2&r=%20", b'{"a": 1}', "k")]
    assert (response.status, response.body) == (418, b"tea")
    assert response.headers["x-mixed-case"] == "1"


def test_a_refused_connection_proves_that_nothing_was_sent(make: Make) -> None:
    with pytest.raises(VenueUnreachable) as refused:
        send_to(make, f"http://127.0.0.1:{closed_port()}")
    assert refused.value.reason == "no_connection"
    assert "POST /orders" in refused.value.detail


def test_an_unknown_host_proves_that_nothing_was_sent(make: Make) -> None:
    with pytest.raises(VenueUnreachable):
        send_to(make, "http://nowhere.invalid")


def test_a_failed_tls_handshake_proves_that_nothing_was_sent(make: Make) -> None:
    async def plain() -> None:
        server = await asyncio.start_server(_close, "127.0.0.1", 0)
        transport = make(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        try:
            with pytest.raises(VenueUnreachable):
                await transport.send(HttpRequest("POST", "/orders", body=b"{}"), 2.0)
        finally:
            await transport.close()
            server.close()
            await server.wait_closed()

    asyncio.run(plain())


async def _close(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()
    await writer.wait_closed()


def test_a_timeout_after_the_connection_is_unknown(make: Make) -> None:
    arrived: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        arrived.append(request.path)
        await asyncio.sleep(1.0)
        return web.Response()

    with pytest.raises(OutcomeUnknown, match="no_answer"):
        run(make, handler, HttpRequest("POST", "/orders", body=b"{}"), allowed=0.2)
    assert arrived == ["/orders"]


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE", "PUT"])
def test_a_connection_lost_on_the_way_is_unknown_and_sent_once(make: Make, method: str) -> None:
    arrived: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        arrived.append(request.path)
        if request.path == "/warm":
            return web.Response(text="ok")
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    with pytest.raises(OutcomeUnknown):
        run(make, handler, HttpRequest("GET", "/warm"), HttpRequest(method, "/lost"))
    assert arrived == ["/warm", "/lost"]


def test_a_body_that_ends_too_early_is_unknown(make: Make) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"{")
        assert request.transport is not None
        request.transport.abort()
        return response

    with pytest.raises(OutcomeUnknown):
        run(make, handler, HttpRequest("POST", "/orders", body=b"{}"))


def test_an_endless_answer_is_cut_off(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (transport, connection):
        monkeypatch.setattr(module, "RESPONSE_BYTES_MAX", 100_000)

    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=b"x" * 100_001)

    with pytest.raises(OutcomeUnknown, match="response_too_large"):
        run(make, handler, HttpRequest("GET", "/big"))


def test_redirects_and_cookies_are_not_followed(make: Make) -> None:
    cookies: list[str | None] = []

    async def handler(request: web.Request) -> web.Response:
        cookies.append(request.headers.get("Cookie"))
        return web.Response(status=302, headers={"Location": "/b", "Set-Cookie": "a=b"})

    first, second = run(make, handler, HttpRequest("GET", "/a"), HttpRequest("GET", "/a"))
    assert (first.status, second.status) == (302, 302)
    assert cookies == [None, None]


@pytest.mark.parametrize("url", ["127.0.0.1", "https://a.b/path", "ws://a.b", "https://a.b?c"])
def test_only_an_origin_is_a_base(make: Make, url: str) -> None:
    with pytest.raises(ValueError, match="is no origin"):
        make(url)
