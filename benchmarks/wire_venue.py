"""A venue for measuring the way of an order: it writes book changes and notes when orders come.

`python -m benchmarks.wire_venue CERTIFICATE.pem` prints its four ports as a JSON list: websocket
and HTTP, plain and over TLS. One client is served after another. The websocket's path says
`/paced/<messages per second>/<messages>/<messages per order>`; after a first text frame come a
reply, a snapshot and the changes, of which every n-th moves the best price: the client shall
answer each of these with one POST. When all is sent a JSON line is printed: for each order, in
nanoseconds, the time from before the write of the message that caused it to its last byte.

It never sleeps while it sends, so it wants a CPU of its own.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import select
import socket
import ssl
import sys
import time
from typing import Final

from benchmarks.websocket_server import framed

MARKET: Final = "KXBTC15M-26NOV181000-00"
SID: Final = 2
LEVELS: Final = range(20, 40)
BEST_CENTS: Final = 41  # appears and disappears above a best bid of 39 cents
_DISTINCT: Final = 512
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_LATE_NS: Final = 1_000_000
_PEER_SECONDS: Final = 5.0
_AFTER_SECONDS: Final = 0.15  # for the last orders to arrive
_CLOSE: Final = b"\x88\x02\x03\xe8"


def snapshot(seq: int) -> bytes:
    levels = ",".join(f'["0.{price}00","5000.00"]' for price in LEVELS)
    return (
        f'{{"type":"orderbook_snapshot","sid":{SID},"seq":{seq},"msg":{{"market_ticker":"{MARKET}",'
        f'"clock":{seq},"yes_dollars_fp":[{levels}],"no_dollars_fp":[{levels}]}}}}'
    ).encode()


def changes(count: int, every: int) -> list[bytes]:
    """Seeded changes as long as the venue's; each `every`-th moves the best bid up or down."""
    chance = random.Random(20261121)  # noqa: S311 - data, not secrets
    made = []
    for number in range(1, count + 1):
        if number % every:
            price, size, side = chance.choice(LEVELS[:-1]), chance.randrange(-3, 9), "yes"
            side = chance.choice(("yes", "no"))
        else:
            price, size, side = BEST_CENTS, 10 if number // every % 2 else -10, "yes"
        made.append(_change(number, price, size, side))
    return made


def _change(number: int, price: int, size: int, side: str) -> bytes:
    seq = number + 1  # the snapshot was the first
    return framed(
        (
            f'{{"type":"orderbook_delta","sid":{SID},"seq":{seq},"msg":{{"market_ticker":'
            f'"{MARKET}","market_id":"b2912a32-ef47-4d03-938c-9c450fb9b196",'
            f'"clock":{10_000 + number},"price_dollars":"0.{price}00","delta_fp":"{size}.00",'
            f'"side":"{side}","ts_ms":1795013165123}}}}'
        ).encode()
    )


class _Orders:
    """Connections that orders come on, looked at between two messages."""

    def __init__(self, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        self._listener = listener
        self._tls = tls
        self._poll = select.poll()
        self._poll.register(listener, select.POLLIN)
        self._peers: dict[int, tuple[socket.socket, bytearray]] = {}
        self.arrived: list[int] = []

    def look(self) -> None:
        for number, _ in self._poll.poll(0):
            if number == self._listener.fileno():
                self._accept()
            else:
                self._read(number)

    def _accept(self) -> None:
        peer, _ = self._listener.accept()
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls is not None:
            try:
                peer = self._tls.wrap_socket(peer, server_side=True)
            except OSError:
                return  # the last client's, which went away
        peer.setblocking(False)
        self._peers[peer.fileno()] = peer, bytearray()
        self._poll.register(peer, select.POLLIN)

    def _read(self, number: int) -> None:
        """All there is: what TLS has decrypted already shows in no poll."""
        peer, buffer = self._peers[number]
        try:
            while data := peer.recv(65_536):
                self._take(peer, buffer, data, time.monotonic_ns())
        except (ssl.SSLWantReadError, BlockingIOError):
            return
        except OSError:
            pass
        self._poll.unregister(number)
        del self._peers[number]
        peer.close()

    def _take(self, peer: socket.socket, buffer: bytearray, data: bytes, now: int) -> None:
        buffer += data
        while end := _end_of_first(buffer):
            self.arrived.append(now)
            del buffer[:end]
            peer.send(_created(len(self.arrived)))

    def close(self) -> None:
        for peer, _ in self._peers.values():
            peer.close()


def _end_of_first(requests: bytearray) -> int:
    """Where the first request ends; 0 when it is not all here."""
    head = requests.find(b"\r\n\r\n") + 4
    if head < 4:
        return 0
    length = bytes(requests[:head]).lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    end = head + int(length or b"0")
    return end if len(requests) >= end else 0


def _created(number: int) -> bytes:
    """The order was taken and nothing of it filled: it is over."""
    body = (
        f'{{"order_id":"venue-{number}","fill_count":"0.00","remaining_count":"0.00",'
        '"ts_ms":1795013165123}'
    ).encode()
    head = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n"
    return head + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def _shake_hands(peer: socket.socket) -> list[str]:
    request = b""
    while b"\r\n\r\n" not in request:
        data = peer.recv(4096)
        if not data:
            raise ConnectionError("the client went away")
        request += data
    at = request.lower().index(b"sec-websocket-key:") + len(b"sec-websocket-key:")
    key = request[at:].split(b"\r\n")[0].strip()
    accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())  # noqa: S324 - RFC 6455
    peer.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )
    return request.split(b" ")[1].decode().split("/")


def _serve(peer: socket.socket, orders: _Orders) -> None:
    _, _, rate, count, every = _shake_hands(peer)
    peer.recv(4096)  # the subscription; there is only one thing to subscribe to
    reply = f'{{"id":1,"type":"subscribed","msg":{{"channel":"orderbook_delta","sid":{SID}}}}}'
    peer.sendall(framed(reply.encode()) + framed(snapshot(1)))
    sent = _send(peer, orders, int(rate), int(count), int(every))
    until = time.monotonic() + _AFTER_SECONDS
    while time.monotonic() < until:
        orders.look()
    took = [came - left for came, left in zip(orders.arrived, sent, strict=False)]
    print(json.dumps({"orders": len(sent), "took": took}), flush=True)
    peer.sendall(_CLOSE)


def _send(peer: socket.socket, orders: _Orders, rate: int, count: int, every: int) -> list[int]:
    """When the messages left that shall cause an order."""
    frames, look, clock, send = changes(count, every), orders.look, time.monotonic_ns, peer.sendall
    step, sent = 1_000_000_000 // rate, []
    due = clock() + 50_000_000
    for number, frame in enumerate(frames, 1):
        due += step
        look()  # however late we are
        while (now := clock()) < due:
            look()
        if now - due > _LATE_NS:
            due = now  # somebody had our CPU: a burst to make up for it is not what is measured
        if number % every == 0:
            sent.append(now)
        send(frame)
    return sent


def serve(certificate: str) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
    print(json.dumps([each.getsockname()[1] for each in listeners]), flush=True)
    while True:
        _serve_one(listeners, tls)


def _serve_one(listeners: list[socket.socket], tls: ssl.SSLContext) -> None:
    """Orders may be connected before the websocket is; both are either plain or over TLS."""
    orders = _Orders(listeners[1], None), _Orders(listeners[3], tls)
    try:
        while not (ready := select.select([listeners[0], listeners[2]], [], [], 0.001)[0]):
            for each in orders:
                each.look()
        peer, _ = ready[0].accept()
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        secure = ready[0] is listeners[2]
        if secure:
            peer = tls.wrap_socket(peer, server_side=True)
        peer.settimeout(_PEER_SECONDS)
        with peer:
            _serve(peer, orders[secure])
    except OSError as error:
        print(json.dumps({"error": str(error)}), flush=True)
    finally:
        for each in orders:
            each.close()


if __name__ == "__main__":
    serve(sys.argv[1])
