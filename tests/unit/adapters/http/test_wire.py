"""The warm connection: bytes leave at once, one request at a time, and every doubt is said."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from kairos.adapters.http import wire as module
from kairos.adapters.http.replies import BadReply, Reply
from kairos.adapters.http.wire import WireTransport
from kairos.errors import OutcomeUnknown, VenueUnreachable
from kairos.ports import HttpRequest, HttpResponse, PromptTransport
from tests.support.raw_http import OK, RawServer, saying, self_signed, served

T = TypeVar("T")
ORDER = HttpRequest("POST", "/orders", headers={"X-Key": "k"}, body=b'{"a":1}')
SIZED = b"HTTP/1.1 201 Created\r\nContent-Type: a/b\r\nX-Y:  z \r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nhel\r\n2;a=b\r\nlo\r\n0\r\n\r\n"
)  # fmt: skip
EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"
WHOLE = (SIZED, CHUNKED, EMPTY, OK)


def run(work: Coroutine[Any, Any, T]) -> T:
    async def bounded() -> T:
        async with asyncio.timeout(8):
            return await work

    return uvloop.run(bounded())


async def until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110 - what is waited for is in the hands of the other side
        await asyncio.sleep(0.005)


def transport(server: RawServer, **settings: Any) -> WireTransport:  # noqa: ANN401
    return WireTransport(server.url, jitter=lambda: 0.5, **settings)


def parsed(parts: list[bytes]) -> HttpResponse | None:
    reply, response = Reply(1_000), None
    for part in parts:
        assert response is None, "it was whole before its last byte"
        response = reply.feed(part)
    return response


# Reading


@pytest.mark.parametrize("whole", WHOLE)
def test_a_response_is_the_same_wherever_its_bytes_are_cut(whole: bytes) -> None:
    at_once = parsed([whole])
    assert at_once is not None
    for cut in range(1, len(whole)):
        assert parsed([whole[:cut], whole[cut:]]) == at_once
    assert parsed([bytes((each,)) for each in whole]) == at_once


def test_a_response_says_its_status_its_headers_and_its_body() -> None:
    response = parsed([SIZED])
    headers = {"content-type": "a/b", "x-y": "z", "content-length": "5"}
    assert response == HttpResponse(201, headers, b"hello")
    chunked = parsed([CHUNKED])
    assert chunked is not None
    assert chunked.body == b"hello"


@given(st.binary(max_size=300), st.lists(st.integers(1, 40), max_size=20), st.booleans())
def test_any_body_comes_back_in_any_pieces(body: bytes, sizes: list[int], chunked: bool) -> None:
    head = b"HTTP/1.1 200 OK\r\n"
    if chunked:
        pieces: list[bytes] = []
        at = 0
        for size in [*sizes, len(body) + 1]:
            piece, at = body[at : at + size], at + size
            pieces += [b"%x\r\n%b\r\n" % (len(piece), piece)] if piece else []
        data = head + b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(pieces) + b"0\r\n\r\n"
    else:
        data = head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    parts: list[bytes] = []
    at = 0
    for size in sizes:
        parts, at = [*parts, data[at : at + size]], at + size
    response = parsed([each for each in [*parts, data[at:]] if each])
    assert response is not None
    assert response.body == body


@given(st.binary(max_size=200), st.integers(0, 200))
def test_no_bytes_do_more_than_fail(data: bytes, keep: int) -> None:
    reply = Reply(1_000)
    try:
        reply.feed(SIZED[:keep] + data)
    except BadReply as error:
        assert error.reason


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"SSH-2.0-x\r\n\r\n", "not_http"),
        (b"\x16\x03\x01", "not_http"),
        (b"HTTP/2 200 OK\r\n\r\n", "not_http"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", "not_http"),
        (b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n", "not_http"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "bad_length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "bad_length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1_0\r\n\r\n", "bad_length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}", "bad_length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
         "bad_length"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "bad_length"),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n{}", "bad_length"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", "encoded"),
        (b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\n{}", "bad_header"),
        (b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\n{}", "bad_header"),
        (b"HTTP/1.1 200 OK\r\nX: a\nContent-Length: 9\r\nContent-Length: 2\r\n\r\n{}",
         "bad_header"),
        (b"HTTP/1.1 200 OK\r\nX: \x00\r\nContent-Length: 2\r\n\r\n{}", "bad_header"),
        (OK + b"x", "surplus"),
        (OK + OK, "surplus"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", "response_too_large"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3E9\r\n", "response_too_large"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3E8\r\n" + b"x" * 1_000
         + b"\r\n1\r\n", "response_too_large"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\n", "bad_chunk"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}xx", "bad_chunk"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nTrailer: 1\r\n\r\n",
         "bad_chunk"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"0" * 300, "bad_chunk"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000, "head_too_large"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 300 + b"\r\n", "not_http"),
    ],
)  # fmt: skip
def test_what_is_odd_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(BadReply) as refused:
        Reply(1_000).feed(data)
    assert refused.value.reason == reason


# Sending


def test_the_bytes_have_left_before_the_call_returns() -> None:
    async def sent() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            at = f"http://127.0.0.1:{listening.getsockname()[1]}"
            wire = WireTransport(at, jitter=lambda: 0.5, warm=1)
            await wire.open()
            peer, _ = listening.accept()
            with peer:
                peer.settimeout(2)
                answer = wire.send_now(ORDER, 2.0)
                arrived = peer.recv(4096)  # the loop has had no turn in between
                assert arrived.startswith(b"POST /orders HTTP/1.1\r\nHost: 127.0.0.1:")
                assert arrived.endswith(b'\r\nX-Key: k\r\nContent-Length: 7\r\n\r\n{"a":1}')
                peer.sendall(SIZED)
                assert (await answer).status == 201
            await wire.close()

    run(sent())


def test_without_a_warm_connection_nothing_is_sent_at_once() -> None:
    async def sent() -> list[bytes]:
        async with served(saying(OK)) as server:
            wire = transport(server)
            assert isinstance(wire, PromptTransport)
            assert not server.connections
            with pytest.raises(VenueUnreachable, match="no_connection"):
                wire.send_now(ORDER, 2.0)
            await wire.send(ORDER, 2.0)
            assert wire.is_ready
            await wire.close()
            return server.requests

    assert len(run(sent())) == 1


def test_a_socket_that_takes_no_byte_proves_that_nothing_was_sent() -> None:
    async def sent() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            at = f"http://127.0.0.1:{listening.getsockname()[1]}"
            wire = WireTransport(at, jitter=lambda: 0.5, warm=1)
            await wire.open()
            peer, _ = listening.accept()
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            peer.close()  # a reset, of which the loop has not heard
            with pytest.raises(VenueUnreachable, match="no warm connection"):
                wire.send_now(ORDER, 2.0)
            await wire.close()

    run(sent())


def test_a_connection_that_was_closed_meanwhile_is_replaced_and_not_used() -> None:
    async def sent() -> tuple[int, int]:
        async with served(saying(OK)) as server:
            wire = transport(server, warm=2)
            await wire.open()
            await asyncio.sleep(0.02)
            for peer in server.peers:
                peer.close()
            await until(lambda: server.connections >= 4 and wire.is_ready)
            await wire.send(ORDER, 2.0)
            await wire.close()
            return len(server.requests), server.connections

    requests, connections = run(sent())
    assert requests == 1
    assert connections >= 4


def test_an_idle_connection_that_speaks_is_closed() -> None:
    async def sent() -> bool:
        async with served(saying(OK)) as server:
            wire = transport(server)
            await wire.send(ORDER, 2.0)
            server.peers[0].write(OK)
            await asyncio.sleep(0.05)
            ready = wire.is_ready
            await wire.close()
            return ready

    assert not run(sent())


def test_one_request_at_a_time_on_a_connection() -> None:
    under_way: dict[asyncio.StreamWriter, int] = {}
    most = 0

    async def sent() -> tuple[int, int]:
        async def answer(writer: asyncio.StreamWriter, _number: int) -> None:
            nonlocal most
            under_way[writer] = under_way.get(writer, 0) + 1
            most = max(most, under_way[writer])
            await asyncio.sleep(0.005)
            under_way[writer] -= 1
            writer.write(OK)

        async with served(answer) as server:
            wire = transport(server)
            answers = await asyncio.gather(*(wire.send(ORDER, 4.0) for _ in range(100)))
            assert all(each.body == b"{}" for each in answers)
            await wire.close()
            return len(server.requests), server.connections

    assert run(sent()) == (100, module.CONNECTIONS_MAX)
    assert most == 1


def test_too_many_waiting_requests_are_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONNECTIONS_MAX", 1)
    monkeypatch.setattr(module, "WAITING_MAX", 2)

    async def sent() -> list[object]:
        async def silent(_writer: asyncio.StreamWriter, _number: int) -> None:
            await asyncio.sleep(0.1)

        async with served(silent) as server:
            wire = transport(server, warm=1)
            answers = await asyncio.gather(
                *(wire.send(ORDER, 0.3) for _ in range(5)), return_exceptions=True
            )
            await wire.close()
            return [*answers, len(server.requests)]

    *answers, requests = run(sent())
    assert requests == 1
    reasons = sorted(each.reason for each in answers if isinstance(each, VenueUnreachable))
    assert reasons == ["no_connection", *["too_many_waiting"] * 3]


# Doubt


async def asked(server: RawServer, allowed: float = 2.0) -> str:
    """What came of one order, on a connection that was warm."""
    wire = transport(server, warm=1)
    await wire.open()
    try:
        response = await wire.send_now(ORDER, allowed)
    except OutcomeUnknown as error:
        assert "k" not in error.detail.split()  # the key's header is nobody's business
        return error.reason
    else:
        return str(response.status)
    finally:
        await wire.close()


@pytest.mark.parametrize("whole", [SIZED, CHUNKED])
def test_an_answer_that_ends_early_is_unknown_wherever_it_ends(whole: bytes) -> None:
    async def all_cuts() -> set[str]:
        found = set()
        for cut in range(0, len(whole), 3):

            async def answer(writer: asyncio.StreamWriter, _number: int, cut: int = cut) -> None:
                writer.write(whole[:cut])
                writer.close()

            async with served(answer) as server:
                found.add(await asked(server))
                assert len(server.requests) == 1
        return found

    assert run(all_cuts()) == {"no_answer"}


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        (b"garbage\r\n\r\n", "not_http"),
        (OK + b"more", "surplus"),
        (b"HTTP/1.1 200 OK\r\n\r\n{}", "bad_length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", "response_too_large"),
        (b"", "no_answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", "no_answer"),
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", "500"),
    ],
)
def test_only_a_whole_answer_is_one(said: bytes, outcome: str) -> None:
    async def sent() -> str:
        async with served(saying(said)) as server:
            found = await asked(server, 0.2)
            assert len(server.requests) == 1
            return found

    assert run(sent()) == outcome


def test_after_an_odd_answer_the_connection_is_not_used_again() -> None:
    async def sent() -> int:
        async with served(saying(OK + b"x", OK)) as server:
            wire = transport(server)
            with pytest.raises(OutcomeUnknown):
                await wire.send(ORDER, 2.0)
            assert (await wire.send(ORDER, 2.0)).status == 200
            await wire.close()
            return server.connections

    assert run(sent()) == 2


@pytest.mark.parametrize(
    "last", [OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), OK.replace(b"1.1", b"1.0")]
)
def test_a_venue_that_says_goodbye_is_heard(last: bytes) -> None:
    async def sent() -> int:
        async with served(saying(last)) as server:
            wire = transport(server)
            for _ in range(2):
                assert (await wire.send(ORDER, 2.0)).status == 200
                assert not wire.is_ready
            await wire.close()
            return server.connections

    assert run(sent()) == 2


def test_a_slow_answer_is_an_answer() -> None:
    async def drip(writer: asyncio.StreamWriter, _number: int) -> None:
        for each in CHUNKED:
            writer.write(bytes((each,)))
            await writer.drain()
            await asyncio.sleep(0)

    async def sent() -> str:
        async with served(drip) as server:
            return await asked(server)

    assert run(sent()) == "200"


def test_whoever_stops_waiting_leaves_the_connection_in_order() -> None:
    async def sent() -> tuple[int, int]:
        async def late(writer: asyncio.StreamWriter, _number: int) -> None:
            await asyncio.sleep(0.05)
            writer.write(OK)

        async with served(late) as server:
            wire = transport(server)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02):
                    await wire.send(ORDER, 2.0)
            assert not wire.is_ready  # its answer is still due
            await asyncio.sleep(0.1)
            assert (await wire.send(ORDER, 2.0)).status == 200
            await wire.close()
            return len(server.requests), server.connections

    assert run(sent()) == (2, 1)


def test_closing_makes_what_is_under_way_unknown() -> None:
    async def sent() -> None:
        async with served(saying(b"")) as server:
            wire = transport(server)
            sending = asyncio.create_task(wire.send(ORDER, 5.0))
            await until(lambda: bool(server.requests))
            await wire.close()
            with pytest.raises(OutcomeUnknown, match="closed by us"):
                await sending

    run(sent())


def test_a_large_order_leaves_whole() -> None:
    async def sent() -> bytes:
        async with served(saying(OK)) as server:
            wire = transport(server, warm=1)
            await wire.open()
            body = bytes(range(256)) * 40_000
            await wire.send_now(HttpRequest("POST", "/big", body=body), 5.0)
            await wire.close()
            return server.requests[0].partition(b"\r\n\r\n")[2]

    assert run(sent()) == bytes(range(256)) * 40_000


# TLS


def test_over_tls_it_is_the_same_and_the_next_connection_is_resumed(tmp_path: Path) -> None:
    theirs, ours = self_signed(tmp_path)

    async def sent() -> tuple[int, int, list[bytes]]:
        async with served(saying(OK, SIZED), tls=theirs) as server:
            wire = transport(server, ssl=ours, warm=1)
            await wire.open()
            assert (await wire.send_now(ORDER, 2.0)).body == b"{}"
            assert (await wire.send_now(ORDER, 2.0)).body == b"hello"
            server.peers[0].close()
            await until(lambda: wire.opened == 2)
            await wire.send(ORDER, 2.0)
            await wire.close()
            return wire.opened, wire.resumed, server.requests

    opened, resumed, requests = run(sent())
    assert (opened, resumed) == (2, 1)
    assert [each.endswith(b'{"a":1}') for each in requests] == [True] * 3


def test_a_certificate_that_is_not_trusted_proves_that_nothing_was_sent(tmp_path: Path) -> None:
    theirs, _ = self_signed(tmp_path)

    async def sent() -> list[bytes]:
        async with served(saying(OK), tls=theirs) as server:
            wire = transport(server)
            with pytest.raises(VenueUnreachable, match="CERTIFICATE_VERIFY_FAILED"):
                await wire.send(ORDER, 2.0)
            with pytest.raises(VenueUnreachable, match="CERTIFICATE_VERIFY_FAILED"):
                await wire.open()
            await wire.close()
            return server.requests

    assert run(sent()) == []


# What cannot be a request


@pytest.mark.parametrize(
    "request_",
    [
        HttpRequest("POST", "/a", headers={"X": "a\r\nY: b"}),
        HttpRequest("POST", "/a", headers={"X\n": "a"}),
        HttpRequest("POST", "/a b"),
        HttpRequest("POST", "a"),
        HttpRequest("GET", "/a", "b=\r\n"),
        HttpRequest("HEAD", "/a"),
        HttpRequest("CONNECT", "/a"),
    ],
)
def test_a_request_that_would_be_two_is_not_built(request_: HttpRequest) -> None:
    wire = WireTransport("http://127.0.0.1:1", jitter=lambda: 0.5)
    with pytest.raises(ValueError, match=r"line break|request line"):
        wire.bytes_of(request_)


def test_a_venue_that_closes_every_new_connection_is_not_hammered() -> None:
    async def sent() -> int:
        accepted: list[asyncio.StreamWriter] = []

        async def slam(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            accepted.append(writer)
            writer.close()

        server = await asyncio.start_server(slam, "127.0.0.1", 0)
        at = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        wire = WireTransport(at, jitter=lambda: 1.0, warm=1)
        await wire.open()
        await asyncio.sleep(0.7)
        await wire.close()
        server.close()
        return len(accepted)

    assert 2 <= run(sent()) <= 4  # at once, after 0.2 s, after 0.4 s more
