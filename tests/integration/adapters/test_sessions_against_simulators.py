"""A busy Bitcoin session at both Polymarkets, read by our parsers: nothing may be in doubt."""

from __future__ import annotations

import time
from typing import Any

import aiohttp
import pytest

from kairos.adapters.polymarket.config import Exchange
from kairos.adapters.polymarket.listings import Listing
from kairos.adapters.polymarket.parsing import MarketParser
from kairos.adapters.polymarket_us.auth import Credentials
from kairos.adapters.polymarket_us.parsing import MarketStream
from kairos.adapters.polymarket_us.stream import MarketsStream
from kairos.messages.events import BookDelta, BookSnapshot, InputQuarantined, VenueTrade
from local.venues.btc.session import BtcSession, BtcSettings
from local.venues.core.clock import ManualClock
from local.venues.polymarket import btc as polymarket_btc
from local.venues.polymarket.markets import Market as PolymarketMarket
from local.venues.polymarket.server import PolymarketServer
from local.venues.polymarket.server import ServerSettings as PolymarketSettings
from local.venues.polymarket_us import btc as us_btc
from local.venues.polymarket_us.server import PolymarketUsServer
from local.venues.polymarket_us.server import ServerSettings as UsSettings
from tests.support.sim_polymarket import run

START_NS = 1_795_000_000_000_000_000  # 2026-11-18T11:06:40Z, well inside a quarter hour
STEPS = 240  # of a quarter second


def session() -> BtcSession:
    return BtcSession(BtcSettings(11, START_NS, 40, ladder=False))


async def frames_until_quiet(socket: aiohttp.ClientWebSocketResponse) -> list[bytes]:
    found: list[bytes] = []
    while True:
        try:
            message = await socket.receive(0.05)
        except TimeoutError:
            return found
        assert message.type is aiohttp.WSMsgType.TEXT, message
        found.append(message.data.encode())


def test_the_polymarket_book_is_followed_change_by_change() -> None:
    async def scenario() -> None:
        clock = ManualClock(START_NS)
        server = PolymarketServer(clock, PolymarketSettings(is_driven=False), 11)
        polymarket_btc.list_session(server, session())
        await server.start()
        try:
            server.step()
            market = next(m for m in server.exchange.markets.values() if m.is_trading)
            parser = MarketParser()
            spec = market.spec
            ids = (spec.condition_id, spec.yes_token, spec.no_token)
            parser.list_market(Listing(*ids, market.tick, 5_000_000, Exchange.CTF, None))
            events: list[Any] = []
            async with (
                aiohttp.ClientSession() as http,
                http.ws_connect(server.market_ws_url) as socket,
            ):
                first = {"type": "market", "assets_ids": list(spec.tokens)}
                await socket.send_json(first | {"custom_feature_enabled": True})
                for step in range(STEPS):
                    clock.advance(0.25)
                    server.step()
                    if step % 40 == 0 or step == STEPS - 1:
                        for frame in await frames_until_quiet(socket):
                            events.extend(parser.parse(clock.now_ns(), "c", frame))
            assert not [e for e in events if isinstance(e, InputQuarantined)]
            assert parser.counts["no_token_disagrees"] == 0
            assert sum(isinstance(e, BookDelta) for e in events) > 300
            assert sum(isinstance(e, VenueTrade) for e in events) > 10
            assert _replayed(events) == _resting(market)
        finally:
            await server.stop()

    run(scenario, 30)


def _replayed(events: list[Any]) -> dict[tuple[int, int], int]:
    """(leg, price) → quantity, out of the events alone."""
    book: dict[tuple[int, int], int] = {}
    for event in events:
        if isinstance(event, BookSnapshot):
            book = {(0, price): size for price, size in event.yes}
            book |= {(1, price): size for price, size in event.no}
        elif isinstance(event, BookDelta):
            key = (event.leg, event.price)
            book[key] = book.get(key, 0) + event.change
            if not book[key]:
                del book[key]
    return book


def _resting(market: PolymarketMarket) -> dict[tuple[int, int], int]:
    return {(leg, price): quantity for leg in (0, 1) for price, quantity in market.book.levels(leg)}


def test_a_polymarket_quarter_hour_ends_and_pays() -> None:
    async def scenario() -> None:
        clock = ManualClock(START_NS)
        server = PolymarketServer(clock, PolymarketSettings(is_driven=False), 11)
        polymarket_btc.list_session(server, session(), activity=0.02)
        server.step()
        first = next(m for m in server.exchange.markets.values() if m.is_trading)
        for _ in range(16 * 60):
            clock.advance(1)
            server.step()
        assert first.result is not None
        assert any(m.is_trading for m in server.exchange.markets.values())

    run(scenario, 30)


@pytest.mark.parametrize("seed", [11, 12])
def test_the_us_book_is_followed_message_by_message(seed: int) -> None:
    async def scenario() -> None:
        clock = ManualClock(START_NS)
        server = PolymarketUsServer(clock, UsSettings(is_driven=False), seed)
        us_btc.list_session(server, session())
        credentials = server.add_member("alice", 100)
        await server.start()
        try:
            server.step()
            market = next(m for m in server.exchange.markets.values() if m.is_trading)
            ours = Credentials(credentials.key_id, credentials.secret)
            stream = MarketsStream(ours, server.ws_url)
            stream.opened()
            address = stream.address(time.time_ns())
            parser = MarketStream("c")
            events: list[Any] = []
            async with (
                aiohttp.ClientSession() as http,
                http.ws_connect(address.url, headers=dict(address.headers)) as socket,
            ):
                for frame in stream.first_frames([market.slug]):
                    await socket.send_str(frame.message.decode())
                await frames_until_quiet(socket)
                for _ in range(STEPS):
                    clock.advance(0.25)
                    server.step()
                for raw in await frames_until_quiet(socket):
                    events.extend(parser.take(clock.now_ns(), raw))
            assert parser.quarantined == 0
            assert sum(isinstance(e, VenueTrade) for e in events) > 10
            last = [e for e in events if isinstance(e, BookSnapshot)][-1]
            assert sorted(last.yes) == market.book.levels(0)
            assert sorted(last.no) == market.book.levels(1)
        finally:
            await server.stop()

    run(scenario, 30)
