"""What the simulated Polymarket US says on its two websockets, and how it misbehaves."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from local.venues.polymarket_us.server import ServerSettings
from tests.support.sim_polymarket import run
from tests.support.sim_polymarket_us import OTHER, SLUG, Venue, usd, venue


async def fault(v: Venue, **fields: Any) -> None:  # noqa: ANN401
    async with v.http.post(f"{v.server.url}/_sim/faults", json=fields) as reply:
        assert reply.status == 200, await reply.text()


def test_every_book_is_whole_and_trades_have_both_sides() -> None:
    async def scenario() -> None:
        async with venue() as v, v.socket("markets") as socket:
            await v.alice.placed("BUY_LONG", "0.40", 10)
            await socket.subscribe("b", "MARKET_DATA", SLUG)
            await socket.subscribe("t", "TRADE", SLUG)
            first = await socket.next("marketData")
            assert [level["px"] for level in first["bids"]] == [usd("0.4000")]
            assert (first["offers"], first["state"]) == ([], "MARKET_STATE_OPEN")
            await v.alice.placed("BUY_LONG", "0.41", 3)
            again = await socket.next("marketData")
            assert [level["qty"] for level in again["bids"]] == ["3.00", "10.00"]
            await v.bob.take("BUY_SHORT", "0.40", 2)
            trade = await socket.next("trade")
            assert (trade["price"], trade["quantity"]["value"]) == (usd("0.4100"), "2.00")
            assert trade["taker"] == {
                "side": "ORDER_SIDE_SELL", "intent": "ORDER_INTENT_BUY_SHORT",
            }  # fmt: skip

    run(scenario)


def test_subscriptions_are_refused_with_their_request() -> None:
    async def scenario() -> None:
        async with venue() as v, v.socket("markets") as socket:
            await socket.subscribe("a", "MARKET_DATA", SLUG)
            await socket.subscribe("b", "MARKET_DATA", SLUG, OTHER)
            assert await socket.next("error") == "already subscribed"
            await socket.subscribe("c", "MARKET_DATA", "nothing-here")
            assert (await socket.next("error")).startswith("unknown market")
            await socket.subscribe("d", "ORDER")
            assert await socket.next("error") == "unknown subscription type"

    run(scenario)


def test_orders_positions_and_cash_of_the_account_are_told() -> None:
    async def scenario() -> None:
        async with venue() as v, v.socket("private") as socket:
            resting = await v.alice.placed("BUY_LONG", "0.50", 10)
            for name, kind in (
                ("o", "ORDER"), ("s", "ORDER_SNAPSHOT"), ("p", "POSITION"),
                ("c", "ACCOUNT_BALANCE"),
            ):  # fmt: skip
                await socket.subscribe(name, kind)
            snapshot = await socket.next("orderSubscriptionSnapshot")
            assert ([each["id"] for each in snapshot["orders"]], snapshot["eof"]) == (
                [resting], True,
            )  # fmt: skip
            cash = await socket.next("accountBalancesSnapshot")
            # The fee an order might have to pay is set aside as well.
            assert cash["balances"][0]["buyingPower"] == pytest.approx(995 - 0.17)
            await v.bob.take("BUY_SHORT", "0.50", 4)
            report = (await socket.next("orderSubscriptionUpdate"))["execution"]
            assert (report["type"], report["aggressor"], report["lastShares"]) == (
                "EXECUTION_TYPE_PARTIAL_FILL", False, "4.00",
            )  # fmt: skip
            moved = await socket.next("positionSubscription")
            assert moved["afterPosition"]["netPositionDecimal"] == "4.00"
            change = (await socket.next("accountBalancesUpdate"))["balanceChange"]
            assert change["afterBalance"]["buyingPower"] < 999

    run(scenario)


def test_heartbeats_come_in_frames() -> None:
    async def scenario() -> None:
        settings = ServerSettings(heartbeat_s=0.05)
        async with venue(settings) as v, v.socket("private") as socket:
            assert await socket.next("heartbeat") == {}

    run(scenario)


def test_a_key_has_five_connections() -> None:
    async def scenario() -> None:
        async with venue() as v:
            sockets = [v.socket("markets") for _ in range(6)]
            for each in sockets[:5]:
                await each.__aenter__()
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await sockets[5].__aenter__()
            for each in sockets[:5]:
                await each.__aexit__(None, None, None)

    run(scenario)


def test_faults_strike_as_asked() -> None:
    async def scenario() -> None:
        async with venue() as v, v.socket("markets") as books, v.socket("private") as own:
            await books.subscribe("b", "MARKET_DATA", SLUG)
            await own.subscribe("o", "ORDER")
            await books.next("marketData")
            await fault(v, fault="cross_books", count=1)
            await v.alice.placed("BUY_LONG", "0.30")
            crossed = await books.next("marketData")
            assert crossed["bids"][0]["px"]["value"] > crossed["offers"][0]["px"]["value"]
            await fault(v, fault="duplicate_fills", count=1)
            await v.bob.take("BUY_SHORT", "0.30", 5)
            reports = [await own.next("orderSubscriptionUpdate") for _ in range(3)]
            assert reports[1] == reports[2]
            await fault(v, fault="drift", change="remove", field="bids", count=1)
            await v.alice.placed("BUY_LONG", "0.31")
            seen = [await books.next("marketData") for _ in range(2)]
            assert "bids" not in seen[-1]
            await fault(v, fault="lose_replies", count=1, path="/v1/orders")
            with pytest.raises(aiohttp.ClientError):
                await v.alice.place("BUY_LONG", "0.11")
            left = (await v.alice.call("GET", "/v1/orders/open")).body["orders"]
            assert usd("0.1100") in [each["price"] for each in left]
            await fault(v, fault="fail", status=503, count=1)
            assert (await v.alice.call("GET", "/v1/orders/open")).status == 503

    run(scenario)
