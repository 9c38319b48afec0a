"""What an order's way is compared with: clients that do nothing else, and the usual stack.

A bare client reads a frame, decodes it, keeps a book and writes a constant order when the best
price changed: no journal, no session, no strategy, no risk, no order state, no signature. The usual
stack is what tutorials show: the asyncio API of `websockets`, `json`, a dict per side, and a signed
POST over aiohttp; its signature is made by `cryptography`, Ed25519.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import aiohttp
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

PATH: Final = "/trade-api/v2/portfolio/events/orders"
BODY: Final = (
    b'{"ticker":"KXBTC15M-26NOV181000-00","side":"bid","count":"1.00","price":"0.4500",'
    b'"time_in_force":"immediate_or_cancel","self_trade_prevention_type":"taker_at_cross",'
    b'"client_order_id":"kr-0123456789abcdef01234567"}'
)
_SIGNATURE: Final = base64.b64encode(bytes(64)).decode()
_SUBSCRIBE: Final = b'{"id":1,"cmd":"subscribe"}'
_SLOTS: Final = 101


class Where(NamedTuple):
    """A venue's addresses, and the TLS context that trusts it; None for plain."""

    stream: str
    orders: str
    tls: ssl.SSLContext | None


class Probe:
    """`wrote` is nanoseconds from the socket read that brought a message to the order written."""

    def __init__(self) -> None:
        self.read_ns = 0
        self.wrote: list[int] = []


class _Msg(msgspec.Struct, gc=False):
    price_dollars: str
    delta_fp: str
    side: str


class _Delta(msgspec.Struct, gc=False):
    seq: int
    msg: _Msg


class _Book:
    """Two lists of sizes by cents; the best bids are kept."""

    def __init__(self) -> None:
        self._decode = msgspec.json.Decoder(_Delta).decode
        self._levels = {"yes": [0] * _SLOTS, "no": [0] * _SLOTS}
        self._best = {"yes": 0, "no": 0}
        self._prices = {f"0.{cents:02d}00": cents for cents in range(_SLOTS)}
        self._sizes: dict[str, int] = {}

    def take(self, data: bytes) -> bool:
        """Whether the best price of a side changed."""
        if data.startswith(b'{"type":"orderbook_d'):
            msg = self._decode(data).msg
            size = self._sizes.get(msg.delta_fp)
            if size is None:
                size = self._sizes[msg.delta_fp] = int(msg.delta_fp.replace(".", ""))
            levels, side, price = self._levels[msg.side], msg.side, self._prices[msg.price_dollars]
            levels[price] += size
            best = self._best[side]
            if price < best:
                return False
            if price == best:
                while best and not levels[best]:
                    best -= 1
            elif levels[price] > 0:
                best = price
            moved, self._best[side] = best != self._best[side], best
            return moved
        if data.startswith(b'{"type":"orderbook_s'):
            self._fill(json.loads(data)["msg"])
        return False

    def _fill(self, msg: dict[str, Any]) -> None:
        for side in ("yes", "no"):
            for price, size in msg[f"{side}_dollars_fp"]:
                self._levels[side][self._prices[price]] = int(size.replace(".", ""))
            self._best[side] = max(self._prices[price] for price, _ in msg[f"{side}_dollars_fp"])


class _Orders:
    """A connected socket and one order, made once."""

    def __init__(self, where: Where) -> None:
        parts = urlsplit(where.orders)
        self._socket = _connected(where.orders, where.tls)
        headers = {
            "Host": parts.netloc, "Accept": "application/json", "Content-Type": "application/json",
            "KALSHI-ACCESS-KEY": "bench", "KALSHI-ACCESS-TIMESTAMP": "1795013165123",
            "KALSHI-ACCESS-SIGNATURE": _SIGNATURE, "Content-Length": str(len(BODY)),
        }  # fmt: skip
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._order = f"POST {PATH} HTTP/1.1\r\n{lines}\r\n".encode() + BODY

    def write(self, probe: Probe) -> None:
        self._socket.send(self._order)
        probe.wrote.append(time.monotonic_ns() - probe.read_ns)
        with suppress(BlockingIOError, ssl.SSLWantReadError):
            self._socket.recv(65_536)  # answers to earlier orders

    def close(self) -> None:
        self._socket.close()


def _connected(url: str, tls: ssl.SSLContext | None) -> socket.socket:
    parts = urlsplit(url)
    found = socket.create_connection((str(parts.hostname), parts.port))
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if tls is not None:
        found = tls.wrap_socket(found, server_hostname=str(parts.hostname))
    found.setblocking(False)
    return found


class _Frames:
    """Payloads out of bytes as they come; the handshake is skipped."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        key = base64.b64encode(os.urandom(16)).decode()
        self.upgrade = (
            f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\n\r\n"
        ).encode()
        self.subscribe = bytes((0x81, 0x80 | len(_SUBSCRIBE), 0, 0, 0, 0)) + _SUBSCRIBE
        self._rest = b""
        self.is_open = False
        self.is_over = False

    def cut(self, data: bytes) -> list[bytes]:
        data = self._rest + data if self._rest else data
        found: list[bytes] = []
        at, size = 0, len(data)
        if not self.is_open:
            at = data.find(b"\r\n\r\n") + 4
            if at < 4:
                self._rest = data
                return found
            self.is_open = True
        while size - at >= 4:
            length, start = data[at + 1], at + 2
            if length == 126:
                length, start = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
            if start + length > size:
                break
            if data[at] == 0x88:
                self.is_over = True
            else:
                found.append(data[start : start + length])
            at = start + length
        self._rest = data[at:]
        return found


class _BareProtocol(asyncio.Protocol):
    def __init__(self, where: Where, probe: Probe) -> None:
        self._frames, self._book, self._orders = _Frames(where.stream), _Book(), _Orders(where)
        self._probe = probe
        self._subscribed = False
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - uvloop's has no class
        self._transport = transport
        transport.write(self._frames.upgrade)

    def data_received(self, data: bytes) -> None:
        self._probe.read_ns = time.monotonic_ns()
        for payload in self._frames.cut(data):
            if self._book.take(payload):
                self._orders.write(self._probe)
        if not self._subscribed and self._frames.is_open:
            self._subscribed = True
            self._transport.write(self._frames.subscribe)
        if self._frames.is_over:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._orders.close()
        self.done.set_result(None)


async def bare_loop(where: Where, probe: Probe) -> None:
    """On the event loop that we use."""
    parts, loop = urlsplit(where.stream), asyncio.get_running_loop()
    protocol = _BareProtocol(where, probe)
    await loop.create_connection(
        lambda: protocol, "127.0.0.1", parts.port or 0, ssl=where.tls,
        server_hostname="127.0.0.1" if where.tls else None,
    )  # fmt: skip
    await protocol.done


async def bare_polling(where: Where, probe: Probe) -> None:
    """Without an event loop: it asks the socket again and again, and has the CPU to itself."""
    frames, book, orders = _Frames(where.stream), _Book(), _Orders(where)
    stream = _connected(where.stream, where.tls)
    stream.send(frames.upgrade)
    _poll(
        stream, frames, lambda payload: orders.write(probe) if book.take(payload) else None, probe
    )
    stream.close()
    orders.close()


def _poll(
    stream: socket.socket, frames: _Frames, take: Callable[[bytes], None], probe: Probe
) -> None:
    receive, clock, nothing = (
        stream.recv,
        time.monotonic_ns,
        (BlockingIOError, ssl.SSLWantReadError),
    )
    subscribed = False
    while not frames.is_over:
        try:
            data = receive(65_536)
        except nothing:
            continue
        probe.read_ns = clock()
        if not data:
            return
        for payload in frames.cut(data):
            take(payload)
        if not subscribed and frames.is_open:
            subscribed = True
            stream.send(frames.subscribe)


class _UsualBook:
    def __init__(self) -> None:
        self._sides: dict[str, dict[str, float]] = {"yes": {}, "no": {}}

    def take(self, message: dict[str, Any]) -> bool:
        msg = message["msg"]
        if message["type"] == "orderbook_snapshot":
            for side in ("yes", "no"):
                self._sides[side] = {p: float(s) for p, s in msg[f"{side}_dollars_fp"]}
        if message["type"] != "orderbook_delta":
            return False
        book = self._sides[msg["side"]]
        before = max(book)
        price = msg["price_dollars"]
        book[price] = book.get(price, 0.0) + float(msg["delta_fp"])
        if book[price] <= 0:
            del book[price]
        return max(book) != before


async def usual(where: Where, _probe: Probe) -> None:
    """websockets and aiohttp, on uvloop."""
    book, key = _UsualBook(), Ed25519PrivateKey.generate()
    sending: set[asyncio.Task[None]] = set()

    async def order(session: aiohttp.ClientSession) -> None:
        stamp = str(time.time_ns() // 1_000_000)
        signature = base64.b64encode(key.sign(f"{stamp}POST{PATH}".encode())).decode()
        headers = {
            "KALSHI-ACCESS-KEY": "bench", "KALSHI-ACCESS-TIMESTAMP": stamp,
            "KALSHI-ACCESS-SIGNATURE": signature,
        }  # fmt: skip
        body = json.loads(BODY)
        async with session.post(
            f"{where.orders}{PATH}", json=body, headers=headers, ssl=where.tls or True
        ) as response:
            await response.json()

    async with (
        aiohttp.ClientSession() as session,
        connect(where.stream, ssl=where.tls, ping_interval=None) as stream,
    ):
        await stream.send(_SUBSCRIBE.decode())
        with suppress(ConnectionClosed):
            async for text in stream:
                if book.take(json.loads(text)):
                    task = asyncio.create_task(order(session))
                    sending.add(task)
                    task.add_done_callback(sending.discard)
        await asyncio.gather(*sending)
