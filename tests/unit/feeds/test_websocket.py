"""The websocket client cuts the same messages out of any chunks, and refuses what is none."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from hotpath.feeds.live.websocket import (
    MESSAGE_BYTES_MAX,
    HandshakeFailed,
    WebSocket,
    open_websocket,
)
from kairos.errors import UsageError
from kairos.messages.streams import StreamAddress

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Wire:
    """A transport that remembers what was written."""

    def __init__(self) -> None:
        self.written = b""
        self.is_aborted = False
        self.is_paused = False

    def set_write_buffer_limits(self, high: int) -> None:
        assert high > 0

    def write(self, data: bytes) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self.is_aborted

    def can_write_eof(self) -> bool:
        return False

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False

    def abort(self) -> None:
        self.is_aborted = True


class Heard:
    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.pings: list[bytes] = []
        self.ends: list[str] = []

    def messages(self, messages: list[bytes]) -> None:
        assert messages
        self.got += messages

    def pinged(self, body: bytes) -> None:
        self.pings.append(body)

    def closed(self, reason: str) -> None:
        self.ends.append(reason)


class Client:
    """A socket with a wire, after a good handshake unless `accepts` is False."""

    def __init__(self, headers: dict[str, str] | None = None) -> None:
        self.wire, self.heard = Wire(), Heard()
        protocol = ClientProtocol(parse_uri("ws://venue/path"), max_size=MESSAGE_BYTES_MAX)
        self.socket = WebSocket(protocol, headers or {}, self.heard)
        self.socket.connection_made(cast(Any, self.wire))
        self.key = protocol.key

    def accept(self, rest: bytes = b"") -> Client:
        digest = hashlib.sha1(self.key.encode() + GUID).digest()  # noqa: S324 - RFC 6455
        self.socket.data_received(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n" + rest
        )
        return self

    def feed(self, data: bytes, sizes: list[int] | None = None) -> Client:
        """In chunks of these sizes, the last of which is repeated."""
        sizes = list(sizes or [len(data) or 1])
        while data:
            size = sizes.pop(0) if len(sizes) > 1 else sizes[0]
            self.socket.data_received(data[:size])
            data = data[size:]
        return self


def inside(act: Callable[[], None]) -> None:
    async def run() -> None:
        act()

    asyncio.run(run())


def frame(opcode: Opcode, data: bytes, *, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=False)


class Traffic(NamedTuple):
    """What a venue sent, and how it arrived."""

    messages: list[bytes]
    pings: int
    wire: bytes
    sizes: list[int]


@st.composite
def traffic(draw: st.DrawFn) -> Traffic:
    """A few messages of telling sizes, fragmented at will, with pings anywhere between."""
    lengths = st.sampled_from([0, 1, 60, 125, 126, 127, 65_535, 65_536])
    messages = [bytes([65 + at]) * draw(lengths) for at in range(draw(st.integers(1, 4)))]
    wire, pings = b"", 0
    for message in messages:
        cuts = sorted(draw(st.lists(st.integers(0, len(message)), max_size=2)))
        parts = [message[a:b] for a, b in zip([0, *cuts], [*cuts, len(message)], strict=True)]
        for index, part in enumerate(parts):
            opcode = Opcode.TEXT if index == 0 else Opcode.CONT
            wire += frame(opcode, part, fin=index == len(parts) - 1)
            if draw(st.booleans()):
                pings += 1
                wire += frame(Opcode.PING, b"heartbeat")
    least = 1 + len(wire) // 500
    sizes = draw(st.lists(st.integers(least, least + 3_000), min_size=1, max_size=4))
    return Traffic(messages, pings, wire, sizes)


@settings(deadline=None)
@given(traffic())
def test_messages_come_out_whole_and_in_order_however_they_are_cut(sent: Traffic) -> None:
    def act() -> None:
        client = Client().accept().feed(sent.wire, sent.sizes)
        assert client.heard.got == sent.messages
        assert client.heard.pings == [b"heartbeat"] * sent.pings
        assert client.socket.is_open

    inside(act)


@settings(deadline=None)
@given(st.integers(1, 400))
def test_what_comes_with_the_handshake_is_not_lost(size: int) -> None:
    def act() -> None:
        client = Client()
        whole = Wire()
        plain, client.wire = client.wire, whole
        digest = base64.b64encode(hashlib.sha1(client.key.encode() + GUID).digest())  # noqa: S324
        head = b"HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        wire = head + b"Sec-WebSocket-Accept: " + digest + b"\r\n\r\n"
        client.feed(wire + frame(Opcode.TEXT, b"early"), [size])
        assert client.heard.got == [b"early"]
        assert plain.written.startswith(b"GET /path HTTP/1.1\r\n")

    inside(act)


def test_every_ping_is_answered_with_its_body() -> None:
    def act() -> None:
        client = Client().accept()
        client.wire.written = b""
        client.feed(frame(Opcode.PING, b"heartbeat"))
        first, length = client.wire.written[:2]
        assert (first & 0x0F, length) == (Opcode.PONG, 0x80 | 9)

    inside(act)


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        (b"\x81\x85abcdhello", "violation"),  # a server must not mask
        (b"\x83\x00", "violation"),  # a reserved opcode
        (b"\xc1\x05hello", "violation"),  # compressed, which nobody agreed on
        (b"\x80\x05hello", "violation"),  # a continuation of nothing
        (b"\x81\x7f" + (MESSAGE_BYTES_MAX + 1).to_bytes(8, "big"), "violation"),
        (frame(Opcode.TEXT, b"a", fin=False) + frame(Opcode.TEXT, b"b"), "violation"),
        (frame(Opcode.CLOSE, b"\x03\xe8bye"), "closed by the venue"),
    ],
)
def test_what_may_not_be_ends_the_connection_and_nothing_after_it_is_heard(
    wire: bytes, reason: str
) -> None:
    def act() -> None:
        client = Client().accept()
        client.feed(frame(Opcode.TEXT, b"good") + wire + frame(Opcode.TEXT, b"after"))
        client.feed(frame(Opcode.TEXT, b"later"))
        assert client.heard.got == [b"good"]
        assert not client.socket.is_open
        client.socket.send(b"too late")
        client.socket.connection_lost(None)
        (ended,) = client.heard.ends
        assert reason in ended

    inside(act)


def test_the_end_is_told_once_and_says_why() -> None:
    def act() -> None:
        client = Client().accept()
        client.socket.connection_lost(ConnectionResetError("reset by peer"))
        assert client.heard.ends == ["reset by peer"]

    inside(act)


def test_what_we_send_is_a_masked_text() -> None:
    def act() -> None:
        client = Client().accept()
        client.wire.written = b""
        client.socket.send(b"hello")
        assert client.wire.written[:2] == b"\x81\x85"
        mask, body = client.wire.written[2:6], client.wire.written[6:]
        assert bytes(b ^ mask[i % 4] for i, b in enumerate(body)) == b"hello"

    inside(act)


def test_headers_go_out_with_the_upgrade_and_are_not_shown() -> None:
    def act() -> None:
        client = Client({"KALSHI-ACCESS-SIGNATURE": "secret"})
        assert b"KALSHI-ACCESS-SIGNATURE: secret\r\n" in client.wire.written

    inside(act)
    assert "secret" not in repr(StreamAddress("ws://venue", {"KEY": "secret"}))


async def answered(response: bytes) -> HandshakeFailed:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(response)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        async with asyncio.timeout(2):
            with pytest.raises(HandshakeFailed) as failure:
                await open_websocket(StreamAddress(f"ws://127.0.0.1:{port}/"), Heard())
    finally:
        server.close()
        await server.wait_closed()
    return failure.value


def test_a_refusal_says_its_status_and_how_long_to_wait() -> None:
    failed = asyncio.run(
        answered(b"HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\nno")
    )
    assert (failed.status, failed.retry_after) == (429, "7")
    failed = asyncio.run(answered(b"HTTP/1.1 401 No\r\n\r\nwrong key"))
    assert failed.status == 401


@pytest.mark.parametrize(
    "response",
    [
        b"",
        b"\x00\x01\x02 this is not HTTP\r\n\r\n",
        b"HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: wrong\r\n\r\n",
    ],
)
def test_whatever_is_no_handshake_is_a_failed_one(response: bytes) -> None:
    assert asyncio.run(answered(response)).status is None


def test_an_address_that_is_none_is_a_usage_error() -> None:
    with pytest.raises(UsageError):
        asyncio.run(open_websocket(StreamAddress("http://venue"), Heard()))
