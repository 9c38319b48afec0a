"""Live streams over loopback sockets, with everything that goes wrong with them."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from hotpath.feeds.live.connection import LinkState
from hotpath.feeds.live.settings import InboxSettings
from kairos.errors import Corrupt
from tests.support.live import QUICK, Live
from tests.support.stream_venue import StreamVenue

MARKETS = [f"KXBTCD-{name}" for name in "ABCDEFGH"]
LANES = ("kalshi_ws#a", "kalshi_ws#b")


def against(
    scenario: Callable[[StreamVenue, str], Awaitable[None]],
    markets: list[str] = MARKETS,
    ping_s: float = 0.2,
) -> None:
    async def run() -> None:
        venue = StreamVenue(markets, ping_s=ping_s)
        url = await venue.start()
        try:
            async with asyncio.timeout(9):
                for price, name in enumerate(markets, 10):
                    await venue.change(name, "yes", price, 100)
                await scenario(venue, url)
        finally:
            await venue.stop()

    asyncio.run(run())


def mirrors(live: Live, venue: StreamVenue) -> bool:
    return all(live.played.levels(name) == venue.levels(name) for name in venue.books)


def assert_replays(live: Live) -> None:
    """Equal inputs, equal books and equal conclusions, whatever batches the lines came in."""
    replayed = live.replayed()
    assert replayed.hashes() == live.played.hashes()
    assert replayed.heard.said == live.played.heard.said


def test_books_are_mirrored_and_the_journal_of_the_session_replays_it() -> None:
    async def scenario(venue: StreamVenue, url: str) -> None:
        async with Live(url, MARKETS, batch_max=3) as live:
            await live.until(lambda: mirrors(live, venue))
            for step in range(200):
                await venue.change(MARKETS[step % 8], "no", 1 + step % 50, 1 + step)
            await live.until(lambda: mirrors(live, venue))
            await live.until(lambda: "subscribed" in live.changes())
        assert_replays(live)
        assert live.changes() == ["connected", "subscribed", "lost", "stopped"]

    against(scenario)


def test_markets_are_subscribed_in_bounded_batches_and_asked_for_once() -> None:
    async def scenario(venue: StreamVenue, url: str) -> None:
        async with Live(url, MARKETS, batch_max=3, channels=("orderbook_delta",)) as live:
            await live.until(lambda: "subscribed" in live.changes())
        sizes = [len(each["params"]["market_tickers"]) for each in venue.commands]
        assert sizes == [3, 3, 2]
        assert [each["params"]["use_yes_price"] for each in venue.commands[:1]] == [False]

    against(scenario)


def test_a_cut_in_the_middle_of_a_frame_makes_a_new_epoch_and_the_books_come_back() -> None:
    async def scenario(venue: StreamVenue, url: str) -> None:
        async with Live(url, MARKETS) as live:
            await live.until(lambda: mirrors(live, venue))
            await venue.cut_in_a_frame()
            await live.until(lambda: live.states(MARKETS[0])[-1:] == ["resyncing"])
            await venue.change(MARKETS[0], "yes", 40, 5)
            await live.until(lambda: mirrors(live, venue))
            assert live.states(MARKETS[0]) == ["live", "resyncing", "live"]
        assert_replays(live)

    against(scenario)


def test_a_gap_asks_only_for_its_books_on_the_same_connection() -> None:
    async def scenario(venue: StreamVenue, url: str) -> None:
        async with Live(url, MARKETS) as live:
            await live.until(lambda: mirrors(live, venue))
            venue.drop = 1
            await venue.change(MARKETS[0], "yes", 40, 5)
            await venue.change(MARKETS[1], "yes", 41, 5)
            await live.until(lambda: live.states(MARKETS[2])[-2:] == ["gapped", "live"])
            await live.until(lambda: mirrors(live, venue))
            assert venue.accepted == 1
            assert live.feed.metrics()["kalshi_ws.resync"] >= 1
        assert_replays(live)

    against(scenario)


def test_books_that_do_not_come_back_cost_the_connection() -> None:
    async def scenario(venue: StreamVenue, url: str) -> None:
        async with Live(url, MARKETS) as live:
            await live.until(lambda: mirrors(live, venue))
            venue.answers_snapshots = False
            venue.drop = 1
            await venue.change(MARKETS[0], "yes", 40, 5)
            await venue.change(MARKETS[1], "yes", 41, 5)
            await live.until(lambda: venue.accepted == 2)
            await live.until(lambda: mirrors(live, venue))
            assert "unrecovered" in live.changes()

    against(scenario)


def test_a_connection_that_is_open_and_dead_is_found_out() -> None:
    async def scenario(venue: StreamVenue, url: str) -> None:
        async with Live(url, MARKETS, ping_s=0.1) as live:
            await live.until(lambda: mirrors(live, venue))
            venue.peers[0].frozen, venue.peers[0].pings = True, False
            await live.until(lambda: venue.accepted == 2)
            await live.until(lambda: mirrors(live, venue))
            assert "frozen" in live.changes()

    against(scenario, ping_s=0.1)


def test_a_stream_that_answers_pings_and_says_nothing_is_found_out_by_what_others_say() -> None:
    async def scenario(venue: StreamVenue, url: str) -> None:
        async with Live(url, MARKETS, LANES) as live:
            await live.until(lambda: mirrors(live, venue) and len(venue.peers) == 2)
            await live.until(lambda: live.changes().count("subscribed") == 2)
            venue.peers[0].frozen = True
            for step in range(400):
                if venue.accepted == 3:
                    break
                await venue.change(MARKETS[step % 8], "no", 30, 1)
                await asyncio.sleep(0.01)
                # The other lane goes on: no book is ever in doubt for the frozen one.
                assert all(live.played.levels(name) is not None for name in MARKETS)
            assert venue.accepted == 3
            await live.until(lambda: mirrors(live, venue))
        assert_replays(live)

    against(scenario)


def test_one_market_that_stands_still_while_it_trades_is_asked_for_and_no_other() -> None:
    async def scenario(venue: StreamVenue, url: str) -> None:
        async with Live(url, MARKETS) as live:
            await live.until(lambda: mirrors(live, venue))
            await live.until(lambda: "subscribed" in live.changes())
            venue.mute.add(MARKETS[3])
            await venue.change(MARKETS[3], "yes", 13, -50)
            await asyncio.sleep(0.15)
            await venue.trade(MARKETS[3], 13)
            await live.until(lambda: mirrors(live, venue))
            asked = [c for c in venue.commands if c["params"].get("action") == "get_snapshot"]
            assert [each["params"]["market_tickers"] for each in asked] == [[MARKETS[3]]]
            assert venue.accepted == 1

    against(scenario)


def test_two_connections_survive_the_loss_of_either_without_a_book_in_doubt() -> None:
    async def scenario(venue: StreamVenue, url: str) -> None:
        chance = random.Random(5)
        async with Live(url, MARKETS, LANES) as live:
            await live.until(lambda: live.changes().count("subscribed") == 2)
            for round_ in range(4):
                peer = venue.peers[round_ % 2]
                for step in range(60):
                    name = chance.choice(MARKETS)
                    await venue.change(name, "no", chance.randrange(1, 60), step + 1)
                    if step == 20:
                        peer.socket.transport.abort()
                await live.until(lambda: mirrors(live, venue) and len(venue.peers) == 2)
                await live.until(
                    lambda: all(
                        each.state is LinkState.SUBSCRIBED
                        for each in live.feed.connections.values()
                    )
                )
            assert all(live.states(name) == ["live"] for name in MARKETS)
        assert_replays(live)

    against(scenario)


def test_losing_a_venue_is_logged_once_and_its_return_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario(venue: StreamVenue, url: str) -> None:
        caplog.set_level(logging.INFO, "kairos.streams")
        async with Live(url, MARKETS, LANES) as live:
            await live.until(lambda: live.changes().count("subscribed") == 2)
            venue.refuse = 8
            for peer in list(venue.peers):
                peer.socket.transport.abort()
            await live.until(lambda: venue.refused == 8)
            await live.until(lambda: mirrors(live, venue))
            live.feed.stop()
            await live.until(lambda: live.changes().count("stopped") == 2, ended=True)
            ours = [each.getMessage() for each in caplog.records if each.name == "kairos.streams"]
            assert [" ".join(each.split()[:3]) for each in ours] == [
                "kalshi_ws is lost:", "kalshi_ws is back",
            ]  # fmt: skip
        assert_replays(live)

    against(scenario)


def test_a_venue_that_hangs_up_at_once_is_not_stormed() -> None:
    async def scenario(venue: StreamVenue, url: str) -> None:
        venue.hang_up = 1_000
        async with Live(url, MARKETS) as live:
            await asyncio.sleep(0.8)
            # Waits of half of 0.02, 0.04, 0.08, then 0.1 s, as the settings of this test say.
            assert 8 <= venue.accepted <= 18
            venue.hang_up = 0
            await live.until(lambda: mirrors(live, venue))

    against(scenario)


def test_a_venue_that_never_answers_is_given_up_in_time_and_does_not_delay_our_leaving() -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)  # says nothing
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        quick = replace(QUICK, connection=replace(QUICK.connection, connect_timeout_s=0.1))
        async with Live(url, MARKETS, settings=quick) as live:
            await live.until(lambda: live.feed.metrics()["kalshi_ws.failed"] == 2)
        started = loop.time()
        async with Live(url, MARKETS):
            await asyncio.sleep(0.1)
        assert loop.time() - started < 0.5
        server.close()
        await asyncio.sleep(0.05)  # its ends of the connections hear that ours are gone

    asyncio.run(run())


def test_markets_may_come_and_go_on_an_open_connection() -> None:
    async def scenario(venue: StreamVenue, url: str) -> None:
        async with Live(url, MARKETS[:4]) as live:
            await live.until(lambda: "subscribed" in live.changes())
            live.feed.watch("kalshi_ws", MARKETS[4:])
            live.feed.unwatch("kalshi_ws", MARKETS[:1])
            await live.until(lambda: live.played.levels(MARKETS[7]) == venue.levels(MARKETS[7]))
            await live.until(lambda: live.states(MARKETS[0]) == ["live", "resyncing"])
            assert venue.accepted == 1

    against(scenario)


def test_a_slow_taker_stops_the_sockets_and_loses_nothing() -> None:
    async def scenario(venue: StreamVenue, url: str) -> None:
        settings = replace(QUICK, inbox=InboxSettings(lines_max=50))
        live = Live(url, MARKETS, settings=settings)
        live.feed.attach(live.books)
        inbox = live.feed.inbox

        def take_a_few() -> bool:
            live.played.take(inbox.take(5))
            return mirrors(live, venue)

        async with live:
            await live.until(take_a_few)
            for step in range(600):
                await venue.change(MARKETS[step % 8], "no", 1 + step % 50, 1 + step)
            await live.until(take_a_few)
            assert inbox.pauses >= 1
            assert inbox.lines_high < 50 + 1_500  # the bound and one read of the socket
            assert venue.accepted == 1

    against(scenario)


def test_an_error_of_the_taker_ends_the_feed_and_is_not_taken_for_a_lost_venue() -> None:
    async def scenario(venue: StreamVenue, url: str) -> None:
        def refuse(_lines: list[bytes]) -> None:
            raise Corrupt("the journal is gone")

        asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
        live = Live(url, MARKETS)
        live.feed.attach(live.books, refuse)
        with pytest.raises(Corrupt):
            await live.feed.run()

    against(scenario)


def test_time_passes_in_the_engine_when_nothing_is_heard() -> None:
    async def scenario(venue: StreamVenue, url: str) -> None:
        async with Live(url, MARKETS) as live:
            await live.until(lambda: mirrors(live, venue))
            before_ns = live.played.engine.now_ns
            await live.until(lambda: live.played.engine.now_ns - before_ns > 1_500_000_000, 4)
        assert_replays(live)

    against(scenario)
