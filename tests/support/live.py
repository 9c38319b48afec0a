"""A whole live session over loopback: feed, decoder, engine, and the journal that replays it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from hotpath.assembly import EngineMarkets, kalshi_fees
from hotpath.engine import Engine
from hotpath.feeds.capture_files import Chunk
from hotpath.feeds.live.books_view import EngineBooks
from hotpath.feeds.live.clock import SystemClock
from hotpath.feeds.live.feed import LiveFeed, Plan
from hotpath.feeds.live.lanes import MergingDecoder
from hotpath.feeds.live.settings import (
    ConnectionSettings,
    FreezeSettings,
    ResyncSettings,
    StreamSettings,
)
from hotpath.paper.settings import FillModel, PaperSettings
from hotpath.paper.venue import PaperVenue
from hotpath.session import Session
from kairos.adapters.kalshi.auth import KalshiKey
from kairos.adapters.kalshi.venue_stream import KalshiStream
from kairos.domain.book import BookState
from kairos.domain.instruments import NO_LEG, YES_LEG
from kairos.messages.commands import BookStateChanged, Command
from tests.support.engine import Heard, new_engine

KEY = KalshiKey("key", "none", lambda _message: b"signature")
LIVE = Path("live")
T = TypeVar("T")

# Everything that takes seconds in earnest takes tenths of them here.
QUICK = StreamSettings(
    tick_s=0.02,
    connection=ConnectionSettings(
        connect_timeout_s=2, reply_timeout_s=2, close_timeout_s=0.5, batch_pause_s=0.001,
        backoff_base_s=0.02, backoff_cap_s=0.1, stable_s=5,
    ),
    freeze=FreezeSettings(
        contradicted_s=0.3, trade_slack_s=0.1, silent_s=0.5, activity_s=0.3, proof_s=0.3,
    ),
    resync=ResyncSettings(batch_max=10, timeout_s=0.3, grace_s=1, attempts_max=2),
)  # fmt: skip


class Pinging(KalshiStream):
    """A KalshiStream of a venue that pings more often than the real one."""

    def __init__(
        self, url: str, channels: Sequence[str], ping_s: float, batch_max: int, key: KalshiKey = KEY
    ) -> None:
        super().__init__(url, key, channels, batch_max=batch_max)
        self.heartbeat = replace(KalshiStream.heartbeat, server_every_s=ping_s)


class Observed(Heard):
    """A sink that keeps everything and lets the feed hear it."""

    def __init__(self, observe: Callable[[Sequence[Command]], None]) -> None:
        super().__init__()
        self._observe = observe

    def commands(self, commands: Sequence[Command]) -> None:
        super().commands(commands)
        self._observe(commands)


class Lines:
    """A journal in memory."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def append_many(self, records: list[bytes]) -> None:
        for record in records:
            self.append(record)

    def append(self, record: bytes) -> None:
        self.lines.append(record)

    def flush(self) -> None:
        pass


class Played:
    """An engine behind a merging decoder: the live one, or the one that replays its lines."""

    def __init__(
        self,
        decoder: MergingDecoder,
        observe: Callable[[Sequence[Command]], None] = lambda _commands: None,
        journal: Lines | None = None,
    ) -> None:
        self.engine: Engine = new_engine()
        self.heard = Observed(observe)
        paper = PaperVenue(
            PaperSettings(FillModel.REALISTIC, 0, 0),
            EngineMarkets(self.engine),
            lambda market: kalshi_fees(market, self.engine.now_ns),
        )
        self.session = Session(self.engine, paper, decoder, self.heard, {}, journal)
        self._line = 1

    def take(self, lines: list[bytes]) -> None:
        self.session.feed(Chunk(LIVE, self._line, lines, 0))
        self._line += len(lines)

    def levels(self, market: str) -> dict[tuple[str, int], int] | None:
        """Whole contracts by (side, cents) of a live book; None when it is not live."""
        found = self.engine.markets.get(market)
        if found is None or found.book.state is not BookState.LIVE:
            return None
        return {
            (side, price // 100): size // 1_000_000
            for side, leg in (("yes", YES_LEG), ("no", NO_LEG))
            for price, size in found.book.bids(leg)
        }

    def hashes(self) -> dict[str, str]:
        """Every book, live or not, and its state."""
        return {
            name: f"{market.book.state} {market.book.sha256()}"
            for name, market in self.engine.markets.items()
        }


class Live:
    """Use as `async with`. `conns` are names of connections to one address, all markets each."""

    def __init__(
        self,
        url: str,
        markets: Sequence[str],
        conns: Sequence[str] = ("kalshi_ws",),
        *,
        settings: StreamSettings = QUICK,
        channels: Sequence[str] = ("orderbook_delta", "trade"),
        ping_s: float = 0.2,
        batch_max: int = 200,
        key: KalshiKey = KEY,
    ) -> None:
        plans = [
            Plan(conn, Pinging(url, channels, ping_s, batch_max, key), tuple(markets))
            for conn in conns
        ]
        self.feed = LiveFeed(plans, SystemClock(), lambda: 0.5, settings)
        self.journal = Lines()
        self.decoder = MergingDecoder(tap=self.feed, on_view=self.feed.viewed)
        self.played = Played(self.decoder, self.feed.observe, self.journal)
        self.books = EngineBooks(self.played.engine)
        self.feed.attach(self.books, self.played.take)
        self._running: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Live:
        self._running = asyncio.create_task(self.feed.run())
        return self

    async def __aexit__(self, *_error: object) -> None:
        self.feed.stop()
        if self._running is not None:
            async with asyncio.timeout(3):
                await self._running

    async def until(
        self, holds: Callable[[], object], seconds: float = 3.0, *, ended: bool = False
    ) -> None:
        """Wait for something; what it takes too long for is a failure that says where we are.
        `ended`: the feed may have ended by then."""
        try:
            async with asyncio.timeout(seconds):
                while not holds():
                    if not ended and self._running is not None and self._running.done():
                        self._running.result()
                        raise AssertionError("the feed ended by itself")
                    await asyncio.sleep(0.005)
        except TimeoutError:
            raise AssertionError(
                f"not within {seconds} s: {self.feed.metrics()} {self.played.heard.said[-5:]}"
            ) from None

    def states(self, market: str) -> list[str]:
        return [
            said.state
            for said in self.played.heard.said
            if isinstance(said, BookStateChanged) and said.market == market
        ]

    def changes(self) -> list[str]:
        """The streams' own changes of state, as the journal has them."""
        marker = b'"change":"'
        found = [line for line in self.journal.lines if b'"type":"stream"' in line]
        return [line.partition(marker)[2].partition(b'"')[0].decode() for line in found]

    def replayed(self) -> Played:
        """What the journal of this session makes of a fresh engine, in other batches."""
        played = Played(MergingDecoder())
        inputs = [line for line in self.journal.lines if not line.startswith(b'{"src":"engine"')]
        for start in range(0, len(inputs), 100):
            played.take(inputs[start : start + 100])
        return played
