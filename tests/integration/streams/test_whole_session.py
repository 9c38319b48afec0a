"""Kalshi and Coinbase at once, as a paper session has them: one feed, one journal, one engine."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest

from hotpath.feeds.live.books_view import EngineBooks
from hotpath.feeds.live.clock import SystemClock
from hotpath.feeds.live.feed import LiveFeed, Plan
from hotpath.feeds.live.lanes import MergingDecoder
from kairos.adapters.coinbase.stream import CoinbaseStream
from kairos.adapters.kalshi.auth import KalshiKey
from kairos.adapters.kalshi.venue_stream import KalshiStream
from kairos.adapters.polymarket.auth import ApiCredentials
from kairos.adapters.polymarket.stream import PolymarketStream, PolymarketUserStream
from kairos.adapters.polymarket_us.auth import Credentials
from kairos.adapters.polymarket_us.stream import MarketsStream, PrivateStreamOfAccount
from kairos.ports import VenueStream
from local.venues.btc.session import BtcSession, BtcSettings
from local.venues.coinbase.sim import CoinbaseVenue
from local.venues.core.clock import RunningClock
from local.venues.kalshi.sim import KalshiVenue
from local.venues.registry import World
from tests.support.live import QUICK, Lines, Played

# A second without a trade is no silence here.
SETTINGS = replace(QUICK, freeze=replace(QUICK.freeze, silent_s=60))


def test_every_venue_has_a_stream_that_the_feed_can_run() -> None:
    """Checked by the type checker, too; here it is asked for its first words."""
    seed = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    us = Credentials("key", seed)
    streams: list[VenueStream] = [
        KalshiStream("ws://k/", KalshiKey("key", "none", lambda _message: b"")),
        CoinbaseStream(),
        PolymarketStream({"m": "1"}),
        PolymarketUserStream(ApiCredentials("key", "c2VjcmV0", "passphrase")),
        MarketsStream(us),
        PrivateStreamOfAccount(us),
    ]
    for stream in streams:
        assert stream.address(time.time_ns()).url.startswith(("ws://", "wss://"))
        stream.opened()
        first = next(iter(stream.first_frames(["m"])))
        secret = b"c2VjcmV0" in first.message
        assert first.is_noted is not secret  # what is secret stays out of the journal
        assert stream.classify(b'{"type":"orderbook_delta"}') is None


async def _session(directory: Path, *, has_books: bool) -> tuple[Played, Lines]:
    clock = RunningClock()
    session = BtcSession(BtcSettings(3, clock.now_ns(), 30, ladder=False))
    world = World(3, clock, session, directory)
    kalshi, coinbase = KalshiVenue(world), CoinbaseVenue(world)
    try:
        served, spot = await kalshi.start(0), await coinbase.start(0)
        pem = await asyncio.to_thread(Path(served.credentials["private_key"]).read_bytes)
        key = KalshiKey.from_pem(served.credentials["key_id"], pem)
        coinbase_stream = CoinbaseStream(spot.urls["websocket"])
        markets = sorted(kalshi.server.exchange.markets)
        plans = [
            Plan("kalshi_ws", KalshiStream(served.urls["websocket"], key), markets),
            Plan("coinbase_ws", coinbase_stream, ["BTC-USD"], has_books=has_books),
        ]
        feed = LiveFeed(plans, SystemClock(), lambda: 0.5, SETTINGS)
        lines = Lines()
        decoder = MergingDecoder(tap=feed, on_view=feed.viewed)
        played = Played(decoder, feed.observe, lines)
        feed.attach(EngineBooks(played.engine), played.take)
        running = asyncio.create_task(feed.run())
        await asyncio.sleep(2.5)
        metrics = feed.metrics()
        feed.stop()
        await asyncio.wait_for(running, 3)
    finally:
        await kalshi.stop()
        await coinbase.stop()
    assert metrics["kalshi_ws.up"] == metrics["coinbase_ws.up"] == 1
    assert metrics["kalshi_ws.lost"] == metrics["coinbase_ws.lost"] == 0
    return played, lines


# A feed without books that is not declared as one is not given up for the books it never had.
@pytest.mark.parametrize("has_books", [False, True])
def test_a_session_over_both_venues_hears_everything_and_replays(
    tmp_path: Path, has_books: bool
) -> None:
    played, lines = asyncio.run(_session(tmp_path, has_books=has_books))
    assert played.engine.spot.price is not None
    live = [m for m in played.engine.markets.values() if "live" in m.book.state]
    heard = [said for said in played.heard.said if getattr(said, "state", "") == "live"]
    assert heard
    assert not live  # we hung up: nothing may be priced from here on
    replayed = Played(MergingDecoder())
    inputs = [line for line in lines.lines if not line.startswith(b'{"src":"engine"')]
    replayed.take(inputs)
    assert replayed.hashes() == played.hashes()
    assert replayed.heard.said == played.heard.said
    assert replayed.engine.spot.price == played.engine.spot.price
