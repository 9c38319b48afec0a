"""States what thousands of markets on one process take: memory, processor time, and per message.

A server process writes Kalshi's book protocol over loopback; another one subscribes through the
live feed (websocket, journal on disk, decoder, engine with a strategy that says nothing), to few
markets and to many, and takes floods of changes on both in turn. Processor time is of that process
alone, the best of all rounds; what must not grow with the number of markets is the cost of a
message. `python -m benchmarks.many_markets` takes about 15 seconds.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import uvloop
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from benchmarks.assembling import CountingSink
from benchmarks.rows import Goal, Row, absolute_row, growth_row, table
from benchmarks.silent_strategy import SilentStrategy
from benchmarks.websocket_server import framed
from hotpath.account import Account
from hotpath.assembly import EngineMarkets, RunSettings, kalshi_fees, paper_desk
from hotpath.engine import Engine, EngineSettings
from hotpath.feeds.capture_files import Chunk
from hotpath.feeds.live.books_view import EngineBooks
from hotpath.feeds.live.clock import SystemClock
from hotpath.feeds.live.feed import LiveFeed, Plan
from hotpath.feeds.live.lanes import MergingDecoder
from hotpath.feeds.live.lines import watch_line
from hotpath.feeds.live.settings import ConnectionSettings, StreamSettings
from hotpath.journal import Journal, JournalSettings
from hotpath.paper.settings import FillModel, PaperSettings
from hotpath.paper.venue import PaperVenue
from hotpath.session import Session
from hotpath.spot import Spot
from kairos.bootstrap import KalshiKey, KalshiStream, ranges_of

FEW: Final = 50
MANY: Final = 5_000
UNDESCRIBED: Final = 500
DELTAS: Final = 20_000
ROUNDS: Final = 5
LEVELS: Final = 20
IDLE_SECONDS: Final = 1.5
SID: Final = 2
_CENTS: Final = (("0.0000", "1.0000", "0.0100"),)
_STATM: Final = Path("/proc/self/statm")


class Cost(NamedTuple):
    """Seconds and microseconds are of the client's processor time, megabytes of its memory."""

    megabytes: float
    undescribed_megabytes: float
    subscribe_seconds: float
    subscribe_wall_seconds: float
    idle_share: float
    micros_few: float
    micros_many_at_rest: float
    micros_all_move: float


def names(count: int) -> list[str]:
    """Tickers as long as the venue's, of no series that is known by name."""
    return [f"KXBENCH-26NOV18{number:05d}-T{72_000 + number}.99" for number in range(count)]


# The server


def _snapshot(seq: int, name: str) -> bytes:
    yes = ",".join(f'["0.{price:02d}00","1000.00"]' for price in range(30, 30 + LEVELS))
    no = ",".join(f'["0.{price:02d}00","1000.00"]' for price in range(20, 20 + LEVELS))
    return (
        f'{{"type":"orderbook_snapshot","sid":{SID},"seq":{seq},"msg":{{"market_ticker":"{name}",'
        f'"clock":{seq},"yes_dollars_fp":[{yes}],"no_dollars_fp":[{no}]}}}}'
    ).encode()


def _delta(seq: int, name: str, chance: random.Random) -> bytes:
    price, side = chance.randrange(30, 30 + LEVELS - 2), "yes"
    return (
        f'{{"type":"orderbook_delta","sid":{SID},"seq":{seq},"msg":{{"market_ticker":"{name}",'
        '"market_id":"b2912a32-ef47-4d03-938c-9c450fb9b196",'
        f'"clock":{seq},"price_dollars":"0.{price:02d}00","delta_fp":"{chance.randrange(1, 9)}.00",'
        f'"side":"{side}","ts_ms":1795013165123}}}}'
    ).encode()


class _Session:
    """One client's subscription. Asked for the book of one market, it sends a flood of changes in
    few markets; asked for those of two, in all of them."""

    def __init__(self, socket: ServerConnection) -> None:
        self._socket = socket
        self._seq = 0
        self._names: list[str] = []

    def _next(self) -> int:
        self._seq += 1
        return self._seq

    async def obey(self, command: dict[str, Any]) -> None:
        params = command["params"]
        tickers = params.get("market_tickers", [])
        if params.get("action") == "get_snapshot":
            await self._flood(FEW if len(tickers) == 1 else len(self._names))
            return
        self._names += tickers
        if command["cmd"] == "subscribe":
            msg: dict[str, Any] = {"channel": "orderbook_delta", "sid": SID}
            reply: dict[str, Any] = {"type": "subscribed", "msg": msg}
        else:
            msg = {"market_tickers": self._names}
            reply = {"type": "ok", "sid": SID, "seq": self._next(), "msg": msg}
        await self._socket.send(json.dumps(reply | {"id": command["id"]}))
        await self._write(_snapshot(self._next(), name) for name in tickers)

    async def _flood(self, count: int) -> None:
        chance = random.Random(7)  # noqa: S311 - data, not secrets
        moving = self._names[:: len(self._names) // count][:count]
        await self._write(
            _delta(self._next(), moving[number % len(moving)], chance) for number in range(DELTAS)
        )

    async def _write(self, messages: Iterator[bytes]) -> None:
        """Straight to the transport, a quarter of a megabyte at a time."""
        waiting, size = [], 0
        for message in messages:
            waiting.append(framed(message))
            size += len(message)
            if size > 1 << 18:
                await self._drain(waiting)
                waiting, size = [], 0
        await self._drain(waiting)

    async def _drain(self, frames: list[bytes]) -> None:
        self._socket.transport.write(b"".join(frames))
        await _until(lambda: self._socket.transport.get_write_buffer_size() < 1 << 20, 0.001)


async def _serve() -> None:
    async def one(socket: ServerConnection) -> None:
        session = _Session(socket)
        with suppress(ConnectionClosed):
            async for text in socket:
                await session.obey(json.loads(text))

    async with serve(one, "127.0.0.1", 0, compression=None, max_size=None) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        await server.serve_forever()


# The client


class _Client:
    def __init__(self, url: str, markets: Sequence[str], journal: Journal) -> None:
        settings = RunSettings()
        account, spot = Account(EngineSettings().ledger, EngineSettings().opening_cash), Spot()
        desk = paper_desk(settings, account, spot)
        self.engine = Engine(SilentStrategy(), EngineSettings(), account, spot, desk, ranges_of)
        paper = PaperVenue(
            PaperSettings(FillModel.REALISTIC, 0, 0), EngineMarkets(self.engine),
            lambda market: kalshi_fees(market, self.engine.now_ns),
        )  # fmt: skip
        key = KalshiKey("bench", "none", lambda _message: b"signature")
        stream = KalshiStream(url, key, ("orderbook_delta",))
        streams = StreamSettings(connection=ConnectionSettings(batch_pause_s=0.001))
        self.name = "kalshi_ws"
        self.feed = LiveFeed(
            [Plan(self.name, stream, markets)], SystemClock(), random.random, streams
        )
        decoder = MergingDecoder(tap=self.feed, on_view=self.feed.viewed)
        self.session = Session(self.engine, paper, decoder, CountingSink(), {}, journal)
        self.feed.attach(EngineBooks(self.engine), self._take)
        self._line = 1

    def _take(self, lines: list[bytes]) -> None:
        self.session.feed(Chunk(Path("live"), self._line, lines, 0))
        self._line += len(lines)

    def define(self, markets: Sequence[str]) -> None:
        now_ns = time.time_ns()
        self._take([watch_line(now_ns, market, _CENTS, None) for market in markets])

    @property
    def live(self) -> int:
        return sum(market.book.state == "live" for market in self.engine.markets.values())


@asynccontextmanager
async def _subscribed(url: str, count: int, *, defined: bool) -> AsyncIterator[_Client]:
    """A client whose every book is live."""
    wanted = names(count)
    with _journal() as journal:
        client = _Client(url, wanted, journal)
        if defined:
            client.define(wanted)
        running = asyncio.create_task(client.feed.run())
        await _until(lambda: client.live == count, 0.05)
        yield client
        client.feed.stop()
        await running


async def _cost(url: str, rounds: int) -> Cost:
    empty = _resident_mb()
    started, wall = time.process_time(), time.perf_counter()
    async with _subscribed(url, MANY, defined=True) as many:
        seconds, wall_seconds = time.process_time() - started, time.perf_counter() - wall
        megabytes = _resident_mb() - empty
        idle = await _idle()
        async with _subscribed(url, FEW, defined=True) as few:
            best = [float("inf")] * 3
            for _ in range(rounds):
                for index, (client, moving) in enumerate(((few, FEW), (many, FEW), (many, MANY))):
                    best[index] = min(best[index], await _flooded(client, moving))
        before = _resident_mb()
        async with _subscribed(url, UNDESCRIBED, defined=False):
            undescribed = _resident_mb() - before
    return Cost(megabytes, undescribed, seconds, wall_seconds, idle, *best)


async def _flooded(client: _Client, moving: int) -> float:
    counts = client.feed.connections[client.name].counts
    wanted = counts["messages"] + DELTAS
    started = time.process_time()
    client.feed.connections[client.name].resync(names(1 if moving == FEW else 2))
    await _until(lambda: counts["messages"] >= wanted, 0.01)
    return (time.process_time() - started) / DELTAS * 1e6


async def _until(holds: Callable[[], bool], pause_s: float) -> None:
    while not holds():  # noqa: ASYNC110 - what is measured should not have to say that it is done
        await asyncio.sleep(pause_s)


async def _idle() -> float:
    started = time.process_time()
    await asyncio.sleep(IDLE_SECONDS)
    return (time.process_time() - started) / IDLE_SECONDS


@contextmanager
def _journal() -> Iterator[Journal]:
    with tempfile.TemporaryDirectory() as directory:
        settings = JournalSettings(Path(directory))
        with Journal.open(
            settings, clock=time.time_ns, code_version="bench", settings_sha256="0"
        ) as journal:
            yield journal


def _resident_mb() -> float:
    gc.collect()
    return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


# The table


def rows(cost: Cost) -> list[Row]:
    each_kb = 1_000 * cost.megabytes / MANY
    finest_kb = 1_000 * cost.undescribed_megabytes / UNDESCRIBED
    base = f"{FEW} markets, all moving"
    return [
        absolute_row(f"memory of {MANY:,} markets", cost.megabytes, "MB", Goal("≤", 100)),
        absolute_row("memory of a market on a one-cent grid", each_kb, "kB"),
        absolute_row("memory of a market whose price ranges nobody stated", finest_kb, "kB"),
        absolute_row(f"subscribing to {MANY:,}, processor", cost.subscribe_seconds, "s"),
        absolute_row(f"subscribing to {MANY:,}, wall", cost.subscribe_wall_seconds, "s"),
        absolute_row(f"{MANY:,} markets at rest", 100 * cost.idle_share, "% of a CPU"),
        growth_row(
            f"a message, {FEW} of {MANY:,} markets moving", cost.micros_many_at_rest, "us", base,
            cost.micros_few, Goal("≤", 1.15),
        ),
        growth_row(
            f"a message, all {MANY:,} markets moving", cost.micros_all_move, "us", base,
            cost.micros_few, Goal("≤", 1.6),
        ),
    ]  # fmt: skip


def run(*, quick: bool = False) -> list[Row]:
    """Both processes are new, so that the memory is theirs; `quick` floods twice."""
    command = [sys.executable, "-m", "benchmarks.many_markets", "--serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            if server.stdout is None:
                raise SystemExit("the server says nothing")
            others = set(range(os.cpu_count() or 1)) - os.sched_getaffinity(0)
            if others:
                os.sched_setaffinity(server.pid, others)
            rounds = str(2 if quick else ROUNDS)
            one = [*command[:-1], "--one", server.stdout.readline().strip(), rounds]
            answer = subprocess.run(one, stdout=subprocess.PIPE, timeout=60, check=True)
            return rows(Cost(*json.loads(answer.stdout)))
        finally:
            server.kill()


def main(arguments: Sequence[str]) -> None:
    if arguments[:1] == ["--serve"]:
        asyncio.run(_serve())
    elif arguments[:1] == ["--one"]:
        url, rounds = f"ws://127.0.0.1:{arguments[1]}/", int(arguments[2])
        print(json.dumps(uvloop.run(_cost(url, rounds))))
    else:
        print(table(run()))


if __name__ == "__main__":
    main(sys.argv[1:])
