"""Five thousand markets on one process and one connection: subscribed, mirrored, mended in time."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

from hotpath.feeds.live.settings import ResyncSettings
from tests.support.live import QUICK, Live
from tests.support.stream_venue import StreamVenue

MARKETS = [f"KXBTCD-26NOV18-T{number}" for number in range(5_000)]
SETTINGS = replace(
    QUICK,
    connection=replace(QUICK.connection, reply_timeout_s=10),
    resync=ResyncSettings(grace_s=30, timeout_s=10),
)


def test_five_thousand_markets_are_subscribed_and_only_a_lost_message_is_asked_for_again() -> None:
    async def run() -> None:
        venue = StreamVenue(MARKETS, ping_s=5)
        url = await venue.start()
        for name in MARKETS:
            venue.books[name] = {("yes", 40): 100, ("no", 50): 100}
        try:
            async with asyncio.timeout(15):
                await scenario(venue, url)
        finally:
            await venue.stop()

    asyncio.run(run())


async def scenario(venue: StreamVenue, url: str) -> None:
    live = Live(url, MARKETS, channels=("orderbook_delta",), settings=SETTINGS, ping_s=60)
    async with live:
        await live.until(lambda: "subscribed" in live.changes(), 10)
        assert live.feed.metrics()["books.wanted"] == 0
        first, last = MARKETS[0], MARKETS[-1]
        for name in (first, last):
            await venue.change(name, "yes", 41, 7)
        await live.until(lambda: live.played.levels(last) == venue.levels(last))
        assert live.played.levels(first) == venue.levels(first)
        await a_gap_over_all_of_them(venue, live)
        assert venue.accepted == 1


async def a_gap_over_all_of_them(venue: StreamVenue, live: Live) -> None:
    """One lost message doubts every market of the subscription: they come back batch by batch."""
    venue.commands.clear()
    venue.drop = 1
    await venue.change(MARKETS[1], "yes", 41, 7)
    await venue.change(MARKETS[2], "yes", 41, 7)
    started = time.monotonic()
    await live.until(lambda: live.feed.metrics()["books.wanted"] > 0)
    await live.until(lambda: live.feed.metrics()["books.wanted"] == 0, 10)
    sizes = [len(each["params"]["market_tickers"]) for each in venue.commands]
    assert sizes == [100] * 50
    assert live.played.levels(MARKETS[1]) == venue.levels(MARKETS[1])
    assert time.monotonic() - started < 10
