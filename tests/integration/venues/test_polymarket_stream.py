"""What the simulated Polymarket says on its two channels, and how it misbehaves on request."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import aiohttp
import pytest

from local.venues.polymarket.server import ServerSettings
from tests.support.sim_polymarket import RAIN, Venue, run, venue


async def fault(v: Venue, **fields: Any) -> None:  # noqa: ANN401
    async with v.http.post(f"{v.server.url}/_sim/faults", json=fields) as reply:
        assert reply.status == 200, await reply.text()


def test_a_subscription_begins_with_the_whole_book_and_its_hash() -> None:
    async def scenario() -> None:
        async with venue() as v:
            await v.alice.placed("BUY", "0.40")
            await v.alice.placed("BUY", "0.41")
            await v.bob.placed("BUY", "0.50", token=RAIN.no_token)
            async with v.market(*RAIN.tokens) as socket:
                yes, no = await socket.next("book"), await socket.next("book")
                assert [level["price"] for level in yes["bids"]] == ["0.4", "0.41"]
                assert [level["price"] for level in yes["asks"]] == ["0.5"]
                assert [level["price"] for level in no["asks"]] == ["0.6", "0.59"]
                told = {key: yes[key] for key in yes if key != "event_type"}
                text = json.dumps(told | {"hash": ""}, separators=(",", ":"))
                assert hashlib.sha1(text.encode()).hexdigest() == yes["hash"]  # noqa: S324

    run(scenario)


def test_changes_carry_the_size_there_is_and_the_top_after_them() -> None:
    async def scenario() -> None:
        async with venue() as v:
            v.give(v.bob, 10)
            await v.alice.placed("BUY", "0.40", "10")
            async with v.market(extras=True) as socket:
                await socket.next("book")
                await v.bob.placed("SELL", "0.40", "4", kind="FAK")
                trade = await socket.next("last_trade_price")
                assert (trade["price"], trade["size"], trade["side"]) == ("0.4", "4", "SELL")
                changed = (await socket.next("price_change"))["price_changes"]
                yes = next(c for c in changed if c["asset_id"] == RAIN.yes_token)
                assert (yes["price"], yes["size"], yes["side"]) == ("0.4", "6", "BUY")
                assert (yes["best_bid"], yes["best_ask"]) == ("0.4", "1")
                no = next(c for c in changed if c["asset_id"] == RAIN.no_token)
                assert (no["price"], no["size"], no["side"]) == ("0.6", "6", "SELL")
                top = await socket.next("best_bid_ask")
                assert (top["best_bid"], top["spread"]) == ("0.4", "0.6")

    run(scenario)


def test_ping_is_answered_and_nonsense_is_called_that() -> None:
    async def scenario() -> None:
        async with venue() as v, v.market() as socket:
            await socket.next("book")
            await socket.send("PING")
            assert await socket.text() == "PONG"
            await socket.send({"operation": "dance"})
            assert await socket.text() == "INVALID OPERATION"

    run(scenario)


def test_leaving_and_coming_back_brings_the_whole_book_again() -> None:
    async def scenario() -> None:
        async with venue() as v, v.market() as socket:
            await socket.next("book")
            await socket.send({"operation": "unsubscribe", "assets_ids": [RAIN.yes_token]})
            await v.alice.placed("BUY", "0.30")
            assert await socket.silence()
            await socket.send({"operation": "subscribe", "assets_ids": [RAIN.yes_token]})
            assert (await socket.next("book"))["bids"] == [{"price": "0.3", "size": "10"}]

    run(scenario)


def test_the_user_channel_wants_the_secret() -> None:
    async def scenario() -> None:
        async with venue() as v, v.http.ws_connect(v.server.user_ws_url) as socket:
            auth = {"apiKey": v.alice.key.key_id, "secret": "AAAA", "passphrase": "no"}
            await socket.send_json({"type": "user", "auth": auth})
            message = await socket.receive(3)
            assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)

    run(scenario)


@pytest.mark.parametrize(
    ("ends", "states"),
    [
        ("confirm", ["MATCHED", "MINED", "CONFIRMED"]),
        ("retry", ["MATCHED", "RETRYING", "MINED", "CONFIRMED"]),
        ("fail", ["MATCHED", "RETRYING", "FAILED"]),
    ],
)
def test_a_trade_goes_its_way_to_the_chain(ends: str, states: list[str]) -> None:
    async def scenario() -> None:
        settings = ServerSettings(is_driven=False, settle_s=1)
        async with venue(settings=settings) as v:
            v.give(v.bob, 10)
            await v.control("settlement", ends=ends, count=1)
            await v.bob.placed("SELL", "0.50")
            async with v.user(v.alice) as socket:
                await v.alice.placed("BUY", "0.50")
                seen = [(await socket.next("trade"))["status"]]
                for _ in states[1:]:
                    v.pass_time(1.01)
                    frame = await socket.next("trade")
                    seen.append(frame["status"])
                assert seen == states
                assert bool(frame["transaction_hash"]) is (ends != "fail")
            is_void = ends == "fail"
            assert await v.alice.shares() == (0 if is_void else 10_000_000)
            assert (await v.alice.cash() == 1_000_000_000) is is_void
            assert (await v.bob.cash() == 1_000_000_000) is is_void

    run(scenario)


def test_a_trade_whose_shares_are_gone_is_confirmed_after_all() -> None:
    async def scenario() -> None:
        settings = ServerSettings(is_driven=False, settle_s=1)
        async with venue(settings=settings) as v:
            v.give(v.bob, 10)
            await v.control("settlement", ends="fail", count=1)
            await v.bob.placed("SELL", "0.50")
            await v.alice.placed("BUY", "0.50")
            await v.bob.placed("BUY", "0.45", "6")
            await v.alice.placed("SELL", "0.45", "6", kind="FAK")
            v.pass_time(5)
            trades = (await v.alice.call("GET", "/data/trades")).body["data"]
            assert {trade["status"] for trade in trades} == {"CONFIRMED"}

    run(scenario)


def test_orders_of_the_key_are_told_as_they_live_and_end() -> None:
    async def scenario() -> None:
        async with venue() as v:
            v.give(v.bob, 10)
            async with v.user(v.alice) as socket:
                order_id = await v.alice.placed("BUY", "0.50", "10")
                placed = await socket.next("order")
                assert (placed["type"], placed["status"], placed["id"]) == (
                    "PLACEMENT", "LIVE", order_id,
                )  # fmt: skip
                await v.bob.placed("SELL", "0.50", "5")
                update = await socket.next("order")
                assert (update["type"], update["size_matched"]) == ("UPDATE", "5")
                await v.alice.call("DELETE", "/order", {"orderID": order_id})
                ended = await socket.next("order")
                assert (ended["type"], ended["status"]) == ("CANCELLATION", "CANCELED")

    run(scenario)


def test_a_lost_reply_leaves_the_order_there() -> None:
    async def scenario() -> None:
        async with venue() as v:
            await fault(v, fault="lose_replies", count=1, path="/order", method="POST")
            with pytest.raises(aiohttp.ClientError):
                await v.alice.place("BUY", "0.20")
            orders = (await v.alice.call("GET", "/data/orders")).body["data"]
            assert [order["price"] for order in orders] == ["0.2"]

    run(scenario)


def test_faults_of_the_feed_strike_as_asked() -> None:
    async def scenario() -> None:
        async with venue() as v:
            v.give(v.bob, 10)
            async with v.market() as socket, v.user(v.alice) as own:
                await socket.next("book")
                await fault(v, fault="skip_frames", count=1, kind="price_change")
                await v.alice.placed("BUY", "0.20")
                await fault(v, fault="cross_books", count=1)
                await v.alice.placed("BUY", "0.21")
                book = await socket.next()
                assert book["event_type"] == "book"
                assert float(book["bids"][-1]["price"]) > float(book["asks"][-1]["price"])
                await fault(v, fault="drift", change="rename", field="timestamp", count=1)
                await v.alice.placed("BUY", "0.22")
                kinds = await own.next("order"), await own.next("order"), await own.next("order")
                drifted = [await socket.next("price_change"), *kinds]
                assert sum("timestamp_new" in frame for frame in drifted) == 1
                await fault(v, fault="duplicate_fills", count=1)
                await v.bob.placed("SELL", "0.22", "5")
                trades = [await own.next("trade"), await own.next("trade")]
                assert trades[0] == trades[1]
                await fault(v, fault="freeze", market=RAIN.condition_id)
                while not await socket.silence():
                    pass
                await v.alice.placed("BUY", "0.23")
                assert await socket.silence()
                await fault(v, fault="disconnect")
                with pytest.raises((ConnectionError, aiohttp.ClientError)):
                    while True:
                        await socket.next()

    run(scenario)


def test_a_market_that_ends_takes_its_orders_along_and_pays() -> None:
    async def scenario() -> None:
        async with venue() as v:
            v.give(v.bob, 10)
            order_id = await v.alice.placed("BUY", "0.20")
            async with v.market(extras=True) as socket:
                await socket.next("book")
                await v.control("resolve", market=RAIN.condition_id, outcome="YES")
                frame = await socket.next("market_resolved")
                assert frame["winning_asset_id"] == RAIN.yes_token
            assert (await v.alice.order(order_id))["status"] == "CANCELED_MARKET_RESOLVED"
            assert await v.bob.cash() == 1_010_000_000
            assert (await v.get("/book", token_id=RAIN.yes_token)).status == 404
            gamma = (await v.get("/markets/keyset", closed="true")).body["markets"][0]
            assert json.loads(gamma["outcomePrices"]) == ["1", "0"]

    run(scenario)


def test_what_a_wallet_holds_is_told_by_the_data_api() -> None:
    async def scenario() -> None:
        async with venue() as v:
            v.give(v.bob, 10)
            await v.bob.placed("SELL", "0.50")
            await v.alice.placed("BUY", "0.50", "6")
            rows = (await v.get("/v2/positions", user=v.alice.wallet.address)).body
            row = rows["data"][0]
            assert (row["token_id"], row["current_size"], row["avg_price"]) == (
                RAIN.yes_token, 6.0, 0.5,
            )  # fmt: skip
            assert rows["pagination"] == {"has_more": False, "next_cursor": None}

    run(scenario)
