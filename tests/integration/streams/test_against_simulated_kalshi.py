"""Our streams against the simulated Kalshi: its own frames, numbers, signatures and faults."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from kairos.adapters.kalshi.auth import KalshiKey
from kairos.adapters.kalshi.venue_stream import MARKET_CHANNELS
from kairos.domain.instruments import NO_LEG, YES_LEG
from kairos.domain.units import quantity_from_contracts
from local.venues.kalshi.frames import levels
from local.venues.kalshi.server import ServerSettings
from tests.support.live import Live
from tests.support.sim_kalshi import OTHER, TICKER, Venue, run, venue

MARKETS = [TICKER, OTHER]
SETTINGS = ServerSettings(is_driven=False, tier="prestige", enforces_limits=False, ping_every_s=0.2)
# What faults may leave in the quarantine; everything else of the venue's is understood.
EXPECTED = {"no_whole_book", "delta_while_gapped", "channel_error_10", "channel_error_25"}
Scenario = Callable[[Venue, Live], Awaitable[None]]


def at_the_venue(at: Venue, market: str) -> list[list[tuple[str, int]]]:
    return [
        sorted((price, quantity_from_contracts(size)) for price, size in levels(book, leg))
        for book in [at.server.exchange.markets[market]]
        for leg in (YES_LEG, NO_LEG)
    ]


def with_us(live: Live, market: str) -> list[list[tuple[str, int]]] | None:
    if live.books.top_of(market) is None:
        return None
    book = live.played.engine.markets[market].book
    return [
        sorted((f"{price / 10_000:.4f}", size) for price, size in book.bids(leg))
        for leg in (YES_LEG, NO_LEG)
    ]


def mirrors(at: Venue, live: Live) -> bool:
    return all(with_us(live, market) == at_the_venue(at, market) for market in MARKETS)


async def trade_a_little(at: Venue, chance: random.Random, orders: int = 12) -> None:
    for number in range(orders):
        side = chance.choice(("bid", "ask"))
        price = chance.randrange(35, 55) if side == "bid" else chance.randrange(45, 65)
        body: dict[str, Any] = {"ticker": MARKETS[number % 2]}
        await (at.alice, at.bob)[number % 2].placed(side, f"0.{price}00", "3.00", **body)
        at.pass_time(0.05)


def against(scenario: Scenario, conns: tuple[str, ...] = ("kalshi_ws",)) -> None:
    async def work() -> None:
        async with venue(SETTINGS, dollars=100_000) as at:
            credentials = at.alice.credentials
            key = KalshiKey.from_pem(credentials.key_id, credentials.private_key_pem)
            channels = MARKET_CHANNELS
            await trade_a_little(at, random.Random(1))
            async with Live(
                at.server.ws_url, MARKETS, conns, channels=channels, key=key, batch_max=1
            ) as live:
                await live.until(lambda: live.changes().count("subscribed") == len(conns))
                await live.until(lambda: mirrors(at, live))
                await scenario(at, live)
            replayed = live.replayed()
            assert replayed.hashes() == live.played.hashes()
            assert replayed.heard.said == live.played.heard.said
            assert live.played.session.quarantine.counts.keys() <= EXPECTED

    run(work)


def test_our_books_are_the_venues_books() -> None:
    async def scenario(at: Venue, live: Live) -> None:
        await trade_a_little(at, random.Random(2), 40)
        await live.until(lambda: mirrors(at, live))
        assert live.states(TICKER) == ["live"]

    against(scenario)


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "skip_frames", "count": 2, "kind": "orderbook_delta"},
        {"fault": "disconnect"},
        {"fault": "disconnect_every", "frames": 15},
        {"fault": "channel_error", "code": 10, "channel": "orderbook_delta"},
        {"fault": "channel_error", "code": 25, "channel": "*"},
    ],
    ids=lambda fault: "-".join(str(each) for each in fault.values()),
)
def test_after_whatever_went_wrong_our_books_are_the_venues_again(fault: dict[str, Any]) -> None:
    async def scenario(at: Venue, live: Live) -> None:
        await at.fault(**fault)
        at.pass_time(0.05)
        await trade_a_little(at, random.Random(3), 20)
        at.server.faults.clear()
        await trade_a_little(at, random.Random(4), 4)
        await live.until(lambda: mirrors(at, live), 5)
        assert len(live.states(TICKER)) > 1  # something was in doubt, and is no longer

    against(scenario)


def test_a_frozen_connection_is_replaced() -> None:
    async def scenario(at: Venue, live: Live) -> None:
        await at.fault(fault="freeze", conn="*")
        at.pass_time(0.05)
        await live.until(lambda: "frozen" in live.changes(), 3)
        at.server.faults.clear()
        at.pass_time(0.05)
        await trade_a_little(at, random.Random(5), 4)
        await live.until(lambda: mirrors(at, live), 5)

    against(scenario)


def test_with_two_connections_the_loss_of_one_costs_nothing() -> None:
    async def scenario(at: Venue, live: Live) -> None:
        chance = random.Random(6)
        for name in ("kalshi_ws#a", "kalshi_ws#b", "kalshi_ws#a"):
            live.feed.connections[name].restart("a test pulls the plug")
            await trade_a_little(at, chance, 10)
            await live.until(lambda: mirrors(at, live))
            await live.until(
                lambda: all(each.state == "subscribed" for each in live.feed.connections.values())
            )
            await asyncio.sleep(0.05)
        assert live.states(TICKER) == live.states(OTHER) == ["live"]

    against(scenario, ("kalshi_ws#a", "kalshi_ws#b"))


def test_a_wrong_key_is_refused_by_name_and_not_stormed() -> None:
    async def work() -> None:
        async with venue(SETTINGS) as at:
            async with Live(at.server.ws_url, MARKETS) as live:
                await live.until(lambda: live.feed.metrics()["kalshi_ws.failed"] >= 2)
            assert live.feed.metrics()["kalshi_ws.failed"] < 20
            assert "connected" not in live.changes()

    run(work)
