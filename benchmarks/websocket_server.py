"""A venue for measuring websocket clients: one blocking socket that writes Kalshi-like frames.

`python -m benchmarks.websocket_server` prints its port and serves one connection after another.
The path says what to send: `/paced/<messages per second>/<count>` or `/flood/<count>`. Each paced
message carries the time it was sent, on the clock that all processes of a machine share.
"""

from __future__ import annotations

import base64
import hashlib
import random
import socket
import time
from typing import Final

STAMP: Final = b'"sent_ns":"'
STAMP_DIGITS: Final = 19
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_CLOSE: Final = b"\x88\x02\x03\xe8"
_DISTINCT: Final = 512
_FLOOD_FRAMES: Final = 256


def deltas(count: int) -> list[bytes]:
    """Seeded order book changes, as long as the venue's, with room for a time of sending."""
    chance = random.Random(20261121)  # noqa: S311 - data, not secrets
    return [_delta(seq, chance) for seq in range(1, count + 1)]


def _delta(seq: int, chance: random.Random) -> bytes:
    price, change = chance.randrange(1, 100), chance.randrange(-900, 900)
    side = chance.choice(("yes", "no"))
    return (
        f'{{"type":"orderbook_delta","sid":2,"seq":{seq},"msg":{{"market_ticker":'
        '"KXBTC15M-26NOV181000-00","market_id":"b2912a32-ef47-4d03-938c-9c450fb9b196",'
        f'"clock":{10_000 + seq},"price_dollars":"0.{price:02d}00","delta_fp":"{change}.00",'
        f'"side":"{side}","ts_ms":1795013165123,"sent_ns":"{0:019d}"}}}}'
    ).encode()


def framed(payload: bytes) -> bytes:
    """The payload as one unmasked text frame."""
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    return b"\x81\x7e" + size.to_bytes(2, "big") + payload


def serve() -> None:
    """Serve until standard input is closed by whoever started us, or we are killed."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        while True:
            peer, _ = server.accept()
            with peer:
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                _serve_one(peer)


def _serve_one(peer: socket.socket) -> None:
    request = b""
    while b"\r\n\r\n" not in request:
        request += peer.recv(4096)
    key = request.lower().partition(b"sec-websocket-key:")[2].split(b"\r\n")[0]
    offset = request.lower().index(key)
    key = request[offset : offset + len(key)].strip()
    accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())  # noqa: S324 - RFC 6455
    peer.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )
    _, kind, *numbers = request.split(b" ")[1].decode().split("/")
    try:
        if kind == "paced":
            _paced(peer, *map(int, numbers))
        else:
            _flood(peer, int(numbers[0]))
        peer.sendall(_CLOSE)
        peer.settimeout(1.0)
        while peer.recv(4096):
            pass
    except OSError:
        return  # the client was done before us


def _paced(peer: socket.socket, rate: int, count: int) -> None:
    frames = [bytearray(framed(each)) for each in deltas(_DISTINCT)]
    at = frames[0].index(STAMP)
    spots = [each.index(STAMP, at - 8) + len(STAMP) for each in frames]
    clock, step = time.monotonic_ns, 1_000_000_000 // rate
    due = clock() + 50_000_000
    for number in range(count):
        frame, spot = frames[number % _DISTINCT], spots[number % _DISTINCT]
        due += step
        while (now := clock()) < due:
            pass
        frame[spot : spot + STAMP_DIGITS] = b"%019d" % now
        peer.sendall(frame)


def _flood(peer: socket.socket, count: int) -> None:
    frames = [framed(each) for each in deltas(_DISTINCT)]
    chunk = b"".join(frames[:_FLOOD_FRAMES])
    for _ in range(count // _FLOOD_FRAMES):
        peer.sendall(chunk)


if __name__ == "__main__":
    serve()
