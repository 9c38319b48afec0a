"""The simulated Kalshi's websocket: numbering, snapshots, commands, private channels."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from local.venues.kalshi.server import ServerSettings
from tests.support.sim_kalshi import OTHER, TICKER, WAIT_S, Socket, Venue, run, sign, venue

IOC = "immediate_or_cancel"


async def books(socket: Socket, *tickers: str, **more: object) -> list[dict[str, Any]]:
    """Subscribe to books; the confirmation and one snapshot per market."""
    await socket.send(
        "subscribe", channels=["orderbook_delta"], market_tickers=list(tickers), **more
    )
    return [await socket.next() for _ in range(1 + len(tickers))]


def rebuilt(frames: list[dict[str, Any]]) -> dict[tuple[str, str], float]:
    """The book that snapshot and deltas add up to."""
    book: dict[tuple[str, str], float] = {}
    for frame in frames:
        body = frame["msg"]
        if frame["type"] == "orderbook_snapshot":
            book = {
                (side, price): float(size)
                for side in ("yes", "no")
                for price, size in body.get(f"{side}_dollars_fp", [])
            }
        else:
            key = (body["side"], body["price_dollars"])
            book[key] = round(book.get(key, 0) + float(body["delta_fp"]), 2)
    return {key: size for key, size in book.items() if size}


def test_deltas_continue_the_snapshot_and_are_numbered_from_one() -> None:
    async def scenario() -> None:
        async with venue() as v, v.socket() as socket:
            await v.alice.placed("bid", "0.4000")
            subscribed, snapshot = await books(socket, TICKER)
            assert subscribed == {
                "id": 1, "type": "subscribed", "msg": {"channel": "orderbook_delta", "sid": 1},
            }  # fmt: skip
            assert "no_dollars_fp" not in snapshot["msg"]
            await v.bob.placed("ask", "0.3900", "4.00", time_in_force=IOC)
            await v.bob.placed("ask", "0.7000", "2.00")
            frames = [snapshot, await socket.next(), await socket.next()]
            assert [frame["seq"] for frame in frames] == [1, 2, 3]
            clocks = [frame["msg"]["clock"] for frame in frames]
            assert clocks == sorted(clocks)
            assert rebuilt(frames) == {("yes", "0.4000"): 6.0, ("no", "0.3000"): 2.0}

    run(scenario)


def test_replies_on_a_sid_take_numbers_too() -> None:
    async def scenario() -> None:
        async with venue() as v, v.socket() as socket:
            await books(socket, TICKER)
            await socket.send(
                "update_subscription", sid=1, action="add_markets", market_tickers=[OTHER]
            )
            ok, added = await socket.next(), await socket.next()
            assert (ok["type"], ok["seq"], ok["msg"]["market_tickers"]) == (
                "ok", 2, sorted([TICKER, OTHER]),
            )  # fmt: skip
            assert (added["type"], added["seq"]) == ("orderbook_snapshot", 3)
            command = await socket.send(
                "update_subscription", sids=[1], action="get_snapshot", market_ticker=TICKER
            )
            asked = await socket.next()
            assert (asked["id"], asked["seq"], asked["msg"]["market_ticker"]) == (
                command, 4, TICKER,
            )  # fmt: skip
            await socket.send(
                "update_subscription", sid=1, action="delete_markets", market_tickers=[OTHER]
            )
            assert (await socket.next())["msg"]["market_tickers"] == [TICKER]
            await v.alice.placed("bid", "0.4000", ticker=OTHER)
            await v.alice.placed("bid", "0.4100")
            delta = await socket.next()
            assert (delta["seq"], delta["msg"]["market_ticker"]) == (6, TICKER)
            await socket.send("unsubscribe", sids=[1])
            gone = await socket.next()
            assert (gone["type"], gone["seq"]) == ("unsubscribed", 7)
            await v.alice.placed("bid", "0.4200")
            assert await socket.silence()

    run(scenario)


def test_two_connections_see_one_clock_and_numbers_of_their_own() -> None:
    async def scenario() -> None:
        async with venue() as v, v.socket() as one, v.socket(v.bob) as two:
            await books(one, TICKER)
            await books(two, OTHER, TICKER)
            await v.alice.placed("bid", "0.4000", client_order_id="mine")
            left, right = await one.next(), await two.next()
            assert left["msg"]["clock"] == right["msg"]["clock"]
            assert (left["seq"], right["seq"]) == (2, 3)
            assert left["msg"]["client_order_id"] == "mine"
            assert "client_order_id" not in right["msg"]

    run(scenario)


def test_no_prices_can_be_asked_for_in_yes_terms() -> None:
    async def scenario() -> None:
        async with venue() as v, v.socket() as socket:
            await v.alice.placed("ask", "0.7000")
            _, snapshot = await books(socket, TICKER, use_yes_price=True)
            assert snapshot["msg"]["no_dollars_fp"] == [["0.7000", "10.00"]]
            await v.alice.placed("ask", "0.7100")
            assert (await socket.next())["msg"]["price_dollars"] == "0.7100"

    run(scenario)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ({"cmd": "subscribe"}, 2),
        ({"cmd": "subscribe", "params": {}}, 3),
        ({"cmd": "unsubscribe", "params": {}}, 4),
        ({"cmd": "dance", "params": {}}, 5),
        ({"cmd": "unsubscribe", "params": {"sids": [9]}}, 7),
        ({"cmd": "subscribe", "params": {"channels": ["weather"]}}, 8),
        ({"cmd": "update_subscription", "params": {"sids": [1, 2], "action": "add_markets"}}, 12),
        ({"cmd": "update_subscription", "params": {"sid": 1, "action": "dance"}}, 13),
        ({"cmd": "subscribe", "params": {"channels": ["orderbook_delta"]}}, 14),
        ({"cmd": "update_subscription", "params": {"sid": 1, "action": "add_markets"}}, 14),
        ({"cmd": "update_subscription", "params": {"sid": 1}}, 15),
    ],
)
def test_every_wrong_command_has_its_code(command: dict[str, Any], expected: int) -> None:
    async def scenario() -> None:
        async with venue() as v, v.socket() as socket:
            await books(socket, TICKER)
            await socket.socket.send_json({"id": 77, **command})
            error = await socket.next("error")
            assert (error["id"], error["msg"]["code"]) == (77, expected)

    run(scenario)


def test_nonsense_is_answered_and_the_connection_lives_on() -> None:
    async def scenario() -> None:
        async with venue() as v, v.socket() as socket:
            await socket.socket.send_str("{nonsense")
            assert (await socket.next("error"))["msg"]["code"] == 1
            await socket.send("list_subscriptions")
            assert (await socket.next())["msg"] == []

    run(scenario)


def test_unknown_markets_are_named_and_the_known_ones_served() -> None:
    async def scenario() -> None:
        async with venue() as v, v.socket() as socket:
            await socket.send(
                "subscribe", channels=["orderbook_delta"], market_tickers=[TICKER, "KXNO-1"]
            )
            frames = [await socket.next() for _ in range(3)]
            assert [frame["type"] for frame in frames] == [
                "subscribed", "orderbook_snapshot", "error",
            ]  # fmt: skip
            assert frames[2]["msg"]["market_tickers"] == ["KXNO-1"]
            assert frames[2]["seq"] == 2

    run(scenario)


def test_a_subscription_has_a_limit_of_markets() -> None:
    async def scenario() -> None:
        settings = ServerSettings(is_driven=False, markets_per_subscription_max=1)
        async with venue(settings) as v, v.socket() as socket:
            await books(socket, TICKER)
            await socket.send(
                "update_subscription", sid=1, action="add_markets", market_tickers=[OTHER]
            )
            assert (await socket.next("error"))["msg"]["code"] == 26

    run(scenario)


def test_private_channels_tell_only_the_member_in_question() -> None:
    async def scenario() -> None:
        async with venue() as v, v.socket() as mine, v.socket(v.bob) as theirs:
            for socket in (mine, theirs):
                await socket.send("subscribe", channels=["fill", "user_orders", "market_positions"])
                for _ in range(3):
                    await socket.next("subscribed")
            order_id = await v.alice.placed("bid", "0.4000", client_order_id="c-1")
            placed = await mine.next("user_order")
            assert (placed["msg"]["status"], placed["msg"]["client_order_id"]) == ("resting", "c-1")
            await v.bob.placed("ask", "0.4000", "4.00", time_in_force=IOC)
            fill = await mine.next("fill")
            assert (fill["msg"]["order_id"], fill["msg"]["is_taker"]) == (order_id, False)
            assert (await mine.next("user_order"))["msg"]["last_update_reason"] == "Trade"
            position = await mine.next("market_position")
            assert position["msg"]["position_fp"] == "4.00"
            other = await theirs.next("fill")
            assert (other["msg"]["is_taker"], other["msg"]["post_position_fp"]) == (True, "-4.00")
            assert "seq" not in fill

    run(scenario)


@pytest.mark.parametrize("reason", ["ExpiryCancel", "SelfTradeCancel", "Decrease", "HaltCancel"])
def test_orders_say_why_they_ended(reason: str) -> None:
    async def scenario() -> None:
        async with venue() as v, v.socket() as socket:
            await socket.send("subscribe", channels=["user_orders"])
            await socket.next("subscribed")
            now_s = v.clock.now_ns() // 1_000_000_000
            order_id = await v.alice.placed(
                "bid", "0.4000", expiration_time=now_s + 10, cancel_order_on_pause=True
            )
            await socket.next("user_order")
            await _bring_about(v, reason, order_id)
            frame = await socket.next("user_order")
            while frame["msg"]["order_id"] != order_id:
                frame = await socket.next("user_order")
            assert frame["msg"]["last_update_reason"] == reason

    run(scenario)


async def _bring_about(v: Venue, reason: str, order_id: str) -> None:
    match reason:
        case "ExpiryCancel":
            v.pass_time(11)
        case "SelfTradeCancel":
            await v.alice.placed("ask", "0.4000", self_trade_prevention_type="maker")
        case "Decrease":
            body = {"reduce_by": "10.00", "market_ticker": TICKER}
            await v.alice.call("POST", f"/portfolio/events/orders/{order_id}/decrease", body)
        case _:
            v.server.exchange.pause(exchange_active=True, trading_active=False)


def test_order_groups_are_announced() -> None:
    async def scenario() -> None:
        async with venue() as v, v.socket() as socket:
            await socket.send("subscribe", channels=["order_group_updates"])
            await socket.next("subscribed")
            made = await v.alice.call(
                "POST", "/portfolio/order_groups/create",
                {"contracts_limit": 5, "exchange_index": 2},
            )  # fmt: skip
            path = f"/portfolio/order_groups/{made.body['order_group_id']}"
            await v.alice.call("PUT", f"{path}/trigger", exchange_index=2)
            created, triggered = await socket.next(), await socket.next()
            assert (created["msg"]["event_type"], created["msg"]["contracts_limit_fp"]) == (
                "created", "5.00",
            )  # fmt: skip
            assert (triggered["msg"]["event_type"], triggered["seq"]) == ("triggered", 2)

    run(scenario)


def test_ticker_follows_the_book_and_starts_with_a_snapshot_when_asked() -> None:
    async def scenario() -> None:
        async with venue() as v, v.socket() as socket:
            await socket.send(
                "subscribe", channels=["ticker"], market_tickers=[TICKER],
                send_initial_snapshot=True,
            )  # fmt: skip
            await socket.next("subscribed")
            assert (await socket.next("ticker"))["msg"]["yes_ask_dollars"] == "1.0000"
            await v.alice.placed("bid", "0.4000")
            v.server.step()
            quote = (await socket.next("ticker"))["msg"]
            assert (quote["yes_bid_dollars"], quote["yes_bid_size_fp"]) == ("0.4000", "10.00")

    run(scenario)


def test_the_server_pings_with_its_own_word_and_answers_pings() -> None:
    async def scenario() -> None:
        settings = ServerSettings(is_driven=False, ping_every_s=0.05)
        async with venue(settings) as v:
            headers = sign(v.alice.credentials, "GET", "/trade-api/ws/v2")
            connect = v.http.ws_connect(v.server.ws_url, headers=headers, autoping=False)
            async with connect as socket:
                ping = await socket.receive(WAIT_S)
                assert (ping.type, ping.data) == (aiohttp.WSMsgType.PING, b"heartbeat")
                await socket.ping(b"hello")
                pong = await socket.receive(WAIT_S)
                while pong.type is aiohttp.WSMsgType.PING:
                    pong = await socket.receive(WAIT_S)
                assert (pong.type, pong.data) == (aiohttp.WSMsgType.PONG, b"hello")

    run(scenario)
