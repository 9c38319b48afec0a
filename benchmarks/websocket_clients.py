"""Compares websocket clients over loopback, in one run: what each adds between socket and bytes.

A server process on one CPU writes seeded Kalshi-like frames; each client in turn takes them on the
other, on uvloop. `read to bytes` is from the start of the socket's read callback to the message's
bytes in our callback; picows does not show its read, so for it only `send to bytes` is known, from
before the server's write to the same callback. `saturation` is messages per second of processor
time when the server never waits; all that is done with a message is to look at its size.

`python -m benchmarks --only websocket`; picows is measured when it can be imported, for example
from `uv pip install --target DIR picows` with PYTHONPATH=DIR. Takes about 20 seconds.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, NamedTuple

import uvloop
from websockets.asyncio.client import ClientConnection, connect
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from benchmarks.rows import Goal, Row, absolute_row, rate_row, speedup_row, table
from benchmarks.timing import pin_to_one_cpu
from benchmarks.websocket_server import STAMP, STAMP_DIGITS
from hotpath.feeds.live.websocket import WebSocket, open_websocket
from kairos.messages.streams import StreamAddress

try:
    picows: Any = importlib.import_module("picows")
except ImportError:
    picows = None

ROUNDS: Final = 2
PACED: Final = ((2_000, 2_000), (20_000, 8_000))
FLOOD: Final = 256 * 200
OURS: Final = "ours"
PEER: Final = "websockets asyncio API"


class Probe:
    """Takes every message's bytes and notes when. `read_ns` is when the socket was read."""

    def __init__(self) -> None:
        self.read_ns = 0
        self.reads: list[int] = []
        self.sends: list[int] = []
        self.count = 0
        self.bytes = 0

    def timed(self, message: bytes) -> None:
        now = time.monotonic_ns()
        if self.read_ns:
            self.reads.append(now - self.read_ns)
        at = message.index(STAMP) + len(STAMP)
        self.sends.append(now - int(message[at : at + STAMP_DIGITS]))

    def counted(self, message: bytes) -> None:
        self.count += 1
        self.bytes += len(message)


Take = Callable[[bytes], None]
Client = Callable[[str, Probe, Take], Awaitable[None]]


async def asyncio_api(url: str, probe: Probe, take: Take) -> None:
    """What the library's tutorial shows, without compression and without text decoding."""

    class Stamped(ClientConnection):
        def data_received(self, data: bytes) -> None:
            probe.read_ns = time.monotonic_ns()
            super().data_received(data)

    settings: dict[str, Any] = {"compression": None, "ping_interval": None}
    async with connect(url, create_connection=Stamped, **settings) as socket:
        with suppress(ConnectionClosed):
            while True:
                take(await socket.recv(decode=False))


class _SansIo(asyncio.Protocol):
    """The library's protocol, driven inside the socket read."""

    def __init__(self, url: str, probe: Probe, take: Take) -> None:
        self.protocol = ClientProtocol(parse_uri(url), max_size=None)
        self.probe, self.take = probe, take
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401
        self.transport = transport
        self.protocol.send_request(self.protocol.connect())
        transport.writelines(self.protocol.data_to_send())

    def data_received(self, data: bytes) -> None:
        self.probe.read_ns = time.monotonic_ns()
        self.protocol.receive_data(data)
        for event in self.protocol.events_received():
            if isinstance(event, Frame):
                if event.opcode is Opcode.TEXT:
                    self.take(bytes(event.data))
                elif event.opcode is Opcode.CLOSE:
                    self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.done.set_result(None)


async def sans_io(url: str, probe: Probe, take: Take) -> None:
    uri = parse_uri(url)
    protocol = _SansIo(url, probe, take)
    await asyncio.get_running_loop().create_connection(lambda: protocol, uri.host, uri.port)
    await protocol.done


class _Receiver:
    def __init__(self, take: Take) -> None:
        self.take = take
        self.done = asyncio.Event()

    def messages(self, messages: list[bytes]) -> None:
        take = self.take
        for message in messages:
            take(message)

    def pinged(self, body: bytes) -> None:
        pass

    def closed(self, reason: str) -> None:
        self.done.set()


async def ours(url: str, probe: Probe, take: Take) -> None:
    """The client of the hot path."""

    class Stamped(WebSocket):
        def data_received(self, data: bytes) -> None:
            probe.read_ns = time.monotonic_ns()
            super().data_received(data)

    receiver = _Receiver(take)
    socket = await open_websocket(StreamAddress(url), receiver, kind=Stamped)
    await receiver.done.wait()
    await socket.close(1.0)


async def with_picows(url: str, probe: Probe, take: Take) -> None:
    class Listener(picows.WSListener):  # type: ignore[misc]
        def on_ws_frame(self, transport: Any, frame: Any) -> None:  # noqa: ANN401
            if frame.msg_type == picows.WSMsgType.TEXT:
                take(frame.get_payload_as_bytes())
            elif frame.msg_type == picows.WSMsgType.CLOSE:
                transport.disconnect()

    transport, _ = await picows.ws_connect(Listener, url)
    await transport.wait_disconnected()


CLIENTS: dict[str, Client] = {
    PEER: asyncio_api,
    "websockets Sans-I/O inline": sans_io,
    OURS: ours,
}
if picows is not None:
    CLIENTS["picows"] = with_picows


class Measured(NamedTuple):
    """Nanoseconds, sorted, by messages per second; and the best saturation of the rounds."""

    reads: dict[int, list[int]]
    sends: dict[int, list[int]]
    rate: float


async def measure(base: str, rounds: int = ROUNDS) -> dict[str, Measured]:
    """All clients in turn, `rounds` times, so that a slow moment of the machine hits them alike."""
    found = {name: Measured({}, {}, 0.0) for name in CLIENTS}
    for _ in range(rounds):
        for name, client in CLIENTS.items():
            reads, sends, best = found[name]
            for rate, count in PACED:
                probe = Probe()
                gc.collect()
                await client(f"{base}/paced/{rate}/{count // ROUNDS}", probe, probe.timed)
                reads[rate] = sorted(reads.get(rate, []) + probe.reads)
                sends[rate] = sorted(sends.get(rate, []) + probe.sends)
            found[name] = Measured(reads, sends, max(best, await _flooded(client, base)))
    return found


async def _flooded(client: Client, base: str) -> float:
    probe = Probe()
    started = time.process_time()
    await client(f"{base}/flood/{FLOOD}", probe, probe.counted)
    if probe.count != FLOOD:
        raise SystemExit(f"{probe.count} of {FLOOD} messages arrived")
    return FLOOD / (time.process_time() - started)


def rows(found: dict[str, Measured]) -> list[Row]:
    """Ratios against the library's asyncio API, and one of ours against picows."""
    made: list[Row] = []
    base = found[PEER]
    for rate, _ in PACED:
        for name, each in found.items():
            for kind, values, peers in (
                ("read to bytes", each.reads[rate], base.reads[rate]),
                ("send to bytes", each.sends[rate], base.sends[rate]),
            ):
                if values:
                    made += [
                        speedup_row(
                            f"{name}, {kind}, {rate}/s, p{percent}", _at(values, percent), "us",
                            PEER, _at(peers, percent),
                        )
                        for percent in (50, 99)
                    ]  # fmt: skip
    made += [
        rate_row(f"{name}, saturation", each.rate, PEER, base.rate) for name, each in found.items()
    ]
    if picows is None:
        return [*made, absolute_row("picows", 0, "", None, "not installed: not measured")]
    goal = Goal("≥", 0.5)
    peer = found["picows"].rate
    return [*made, rate_row("ours against picows", found[OURS].rate, "picows", peer, goal)]


def _at(ordered: list[int], percent: int) -> float:
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] / 1_000


def run(*, quick: bool = False) -> list[Row]:
    """The server runs on the CPUs that are not ours."""
    command = [sys.executable, "-m", "benchmarks.websocket_server"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            if server.stdout is None:
                raise SystemExit("the server says nothing")
            others = set(range(os.cpu_count() or 1)) - os.sched_getaffinity(0)
            if others:
                os.sched_setaffinity(server.pid, others)
            base = f"ws://127.0.0.1:{int(server.stdout.readline())}"
            return rows(uvloop.run(measure(base, 1 if quick else ROUNDS)))
        finally:
            server.kill()


if __name__ == "__main__":
    pin_to_one_cpu()
    print(table(run()))
