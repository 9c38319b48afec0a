"""A whole Bitcoin session over sockets: markets open, trade and settle; spot and index run."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import aiohttp
import pytest

from kairos.domain.instruments import Outcome
from local.venues.btc.session import BtcSession, BtcSettings
from local.venues.coinbase.server import CoinbaseServer
from local.venues.core.clock import ManualClock
from local.venues.kalshi.btc import list_session
from local.venues.kalshi.server import KalshiServer, ServerSettings
from tests.support.sim_kalshi import WAIT_S, Rest, Socket, run, sign

# 14:31:05 UTC; the window of 14:45 closes within the session.
START_NS = 1_795_012_265_000_000_000
SECOND_NS = 1_000_000_000


def session(seed: int = 7, *, ladder: bool = False) -> BtcSession:
    return BtcSession(BtcSettings(seed, START_NS, minutes=45, ladder=ladder))


class World:
    """Kalshi and Coinbase on one clock that only moves when it is told to."""

    def __init__(self, http: aiohttp.ClientSession, btc: BtcSession, activity: float) -> None:
        self.clock = ManualClock(START_NS)
        self.btc = btc
        self.http = http
        settings = ServerSettings(is_driven=False, enforces_limits=False)
        self.kalshi = KalshiServer(self.clock, settings)
        list_session(self.kalshi, btc, activity)
        self.coinbase = CoinbaseServer(btc, self.clock, is_driven=False)
        self.credentials = self.kalshi.add_member("trader", 1_000)

    def pass_time(self, seconds: float, step: float = 1.0) -> None:
        for _ in range(int(seconds / step)):
            self.clock.advance(step)
            self.kalshi.step()
            self.coinbase.step()

    def pass_until(self, ns: int, step: float = 5.0) -> None:
        while self.clock.now_ns() < ns:
            left = (ns - self.clock.now_ns()) / SECOND_NS
            self.pass_time(min(step, left), min(step, left))

    @property
    def rest(self) -> Rest:
        return Rest(self.kalshi.base_url, self.credentials, self.http)

    @asynccontextmanager
    async def socket(self) -> AsyncIterator[Socket]:
        headers = sign(self.credentials, "GET", "/trade-api/ws/v2")
        async with self.http.ws_connect(self.kalshi.ws_url, headers=headers) as socket:
            yield Socket(socket)


@asynccontextmanager
async def world(seed: int = 7, activity: float = 0.2) -> AsyncIterator[World]:
    async with aiohttp.ClientSession() as http:
        made = World(http, session(seed), activity)
        await made.kalshi.start()
        await made.coinbase.start()
        try:
            made.kalshi.step()
            yield made
        finally:
            await made.kalshi.stop()
            await made.coinbase.stop()


async def drain(socket: aiohttp.ClientWebSocketResponse, least: int = 1) -> list[dict[str, Any]]:
    """Everything that has been sent so far, at least so many frames."""
    frames: list[dict[str, Any]] = []
    while True:
        try:
            wait = WAIT_S if len(frames) < least else 0.15
            message = await asyncio.wait_for(socket.receive(), wait)
        except TimeoutError:
            return frames
        assert message.type is aiohttp.WSMsgType.TEXT
        frames.append(json.loads(message.data))


def test_a_market_is_traded_closed_determined_and_paid_out() -> None:
    async def scenario() -> None:
        async with world() as w:
            ticker = next(iter(w.btc.contracts))
            contract = w.btc.contracts[ticker]
            async with w.socket() as socket:
                await socket.send("subscribe", channels=["market_lifecycle_v2", "user_orders"])
                await socket.next("subscribed")
                await socket.next("subscribed")
                w.pass_time(60)
                bought = await w.rest.place(
                    "bid", "0.9900", "5.00", ticker=ticker, time_in_force="immediate_or_cancel"
                )
                assert bought.body["fill_count"] == "5.00"
                outcome, average = w.btc.outcome(contract)
                far = ("bid", "0.0010") if outcome is Outcome.YES else ("ask", "0.9990")
                resting = await w.rest.placed(*far, "1.00", ticker=ticker)
                w.pass_until(contract.close_ns + 10 * SECOND_NS)
                frames = await drain(socket.socket, 8)
            told = [
                frame["msg"]["event_type"]
                for frame in frames
                if frame["type"] == "market_lifecycle_v2"
                and frame["msg"]["market_ticker"] == ticker
            ]
            assert told == ["deactivated", "determined", "settled"]
            order = await w.rest.order(resting)
            assert order["status"] == "canceled"
            settled = (await w.rest.call("GET", "/portfolio/settlements")).body["settlements"][0]
            assert settled["market_result"] == outcome.value.lower()
            assert settled["revenue"] == (500 if outcome is Outcome.YES else 0)
            market = (await w.rest.call("GET", f"/markets/{ticker}")).body["market"]
            assert (market["status"], market["expiration_value"]) == ("finalized", average)
            assert not (await w.rest.call("GET", "/portfolio/positions")).body["market_positions"]

    run(scenario)


def test_the_next_window_opens_with_its_strike_announced() -> None:
    async def scenario() -> None:
        async with world() as w, w.socket() as socket:
            await socket.send("subscribe", channels=["market_lifecycle_v2"])
            await socket.next("subscribed")
            first, second = list(w.btc.contracts.values())[:2]
            w.pass_until(second.open_ns - 10 * SECOND_NS)
            path = f"/markets/{second.ticker}"
            before = (await w.rest.call("GET", path)).body["market"]
            assert (before["status"], before.get("floor_strike")) == ("initialized", None)
            w.pass_time(11, step=0.5)
            market = (await w.rest.call("GET", path)).body["market"]
            assert (market["status"], market["floor_strike"]) == (
                "active", second.strike_cents / 100,
            )  # fmt: skip
            told = [f["msg"] for f in await drain(socket.socket) if "metadata" in str(f)]
            assert told[-1]["floor_strike"] == second.strike_cents / 100
            assert first.close_ns == second.open_ns

    run(scenario)


def test_every_frame_of_a_busy_minute_adds_up_to_the_book() -> None:
    async def scenario() -> None:
        async with world(activity=1.0) as w, w.socket() as socket:
            ticker = next(iter(w.btc.contracts))
            await socket.send("subscribe", channels=["orderbook_delta"], market_tickers=[ticker])
            await socket.next("subscribed")
            frames = [await socket.next()]
            w.pass_time(30, step=0.5)
            frames += await drain(socket.socket)
            assert [frame["seq"] for frame in frames] == list(range(1, len(frames) + 1))
            assert len(frames) > 200
            book: dict[tuple[str, str], int] = {}
            for frame in frames:
                body = frame["msg"]
                if frame["type"] == "orderbook_snapshot":
                    for side in ("yes", "no"):
                        for price, size in body.get(f"{side}_dollars_fp", []):
                            book[(side, price)] = round(float(size) * 100)
                    continue
                key = (body["side"], body["price_dollars"])
                book[key] = book.get(key, 0) + round(float(body["delta_fp"]) * 100)
                assert book[key] >= 0
            shown = (await w.rest.call("GET", f"/markets/{ticker}/orderbook")).body["orderbook_fp"]
            expected = {
                (side, price): round(float(size) * 100)
                for side in ("yes", "no")
                for price, size in shown[f"{side}_dollars"]
            }
            assert {key: size for key, size in book.items() if size} == expected
            assert len(expected) >= 6

    run(scenario)


def test_the_index_prints_once_and_five_times_a_second() -> None:
    async def scenario() -> None:
        async with world() as w, w.socket() as socket:
            for channel in ("cfbenchmarks_value", "cfbenchmarks_value_5hz"):
                await socket.send("subscribe", channels=[channel], index_ids=["BRTI"])
                await socket.next("subscribed")
            w.pass_time(4)
            frames = await drain(socket.socket, 10)
            slow = [f for f in frames if f["type"] == "cfbenchmarks_value"]
            fast = [f for f in frames if f["type"] == "cfbenchmarks_value_5hz"]
            assert (len(slow), 4 * 5 - 2 <= len(fast) <= 4 * 5 + 2) == (4, True)
            assert json.loads(slow[0]["msg"]["data"])["id"] == "BRTI"
            assert slow[0]["msg"]["avg_60s_data"]["window_size"] == 60
            stamps = [f["msg"]["source_ts_ms"] for f in fast]
            assert {b - a for a, b in pairwise(stamps)} == {200}

    run(scenario)


def test_the_final_minute_is_averaged_by_the_venue() -> None:
    async def scenario() -> None:
        async with world() as w, w.socket() as socket:
            contract = next(iter(w.btc.contracts.values()))
            w.pass_until(contract.close_ns - 31 * SECOND_NS)
            await socket.send("subscribe", channels=["cfbenchmarks_value"], index_ids=["all"])
            await socket.next("subscribed")
            w.pass_time(33)
            frames = await drain(socket.socket, 5)
            windows = [f["msg"].get("last_60s_windowed_average_15min") for f in frames]
            sizes = [window["window_size"] for window in windows if window]
            assert sizes[-1] == 60
            assert sizes == sorted(sizes)
            final = next(window for window in reversed(windows) if window)
            _, average = w.btc.outcome(contract)
            assert abs(float(final["value"]) - float(average)) < 0.01

    run(scenario)


def test_spot_has_contiguous_trades_and_heartbeats() -> None:
    async def scenario() -> None:
        async with world() as w, w.http.ws_connect(w.coinbase.ws_url) as socket:
            w.pass_time(2)
            await socket.send_json({
                "type": "subscribe",
                "product_ids": ["BTC-USD"],
                "channels": ["ticker", "matches", "heartbeat"],
            })  # fmt: skip
            confirmed = json.loads((await socket.receive(WAIT_S)).data)
            assert [c["name"] for c in confirmed["channels"]] == ["ticker", "matches", "heartbeat"]
            last = json.loads((await socket.receive(WAIT_S)).data)
            assert last["type"] == "last_match"
            w.pass_time(10)
            frames = await drain(socket, 10)
            trades = [f["trade_id"] for f in frames if f["type"] == "match"]
            assert trades == list(range(last["trade_id"] + 1, last["trade_id"] + 1 + len(trades)))
            beats = [f for f in frames if f["type"] == "heartbeat"]
            assert len(beats) == 10
            assert beats[-1]["last_trade_id"] in trades

    run(scenario)


def test_spot_refuses_what_it_does_not_have() -> None:
    async def scenario() -> None:
        async with world() as w, w.http.ws_connect(w.coinbase.ws_url) as socket:
            for wrong in (
                {"type": "subscribe", "product_ids": ["DOGE-USD"], "channels": ["ticker"]},
                {"type": "subscribe", "product_ids": ["BTC-USD"], "channels": ["full"]},
                {"type": "sing"},
            ):
                await socket.send_json(wrong)
                assert json.loads((await socket.receive(WAIT_S)).data)["type"] == "error"

    run(scenario)


def test_a_lost_spot_trade_shows_in_the_ids() -> None:
    async def scenario() -> None:
        async with world() as w, w.http.ws_connect(w.coinbase.ws_url) as socket:
            await socket.send_json(
                {"type": "subscribe", "product_ids": ["BTC-USD"], "channels": ["matches"]}
            )
            await socket.receive(WAIT_S)
            url = f"{w.coinbase.server.url}/_sim/faults"
            fault = {"fault": "skip_frames", "count": 1, "kind": "match"}
            async with w.http.post(url, json=fault) as reply:
                assert reply.status == 200
            w.pass_time(10)
            ids = [f["trade_id"] for f in await drain(socket, 5) if f["type"] == "match"]
            first_sent = ids[0]
            assert ids == list(range(first_sent, first_sent + len(ids)))
            assert w.coinbase.faults.struck == {"skip_frames": 1}

    run(scenario)


@pytest.mark.parametrize("seed", [1, 2])
def test_one_seed_is_one_session(seed: int) -> None:
    one, two = session(seed, ladder=True), session(seed, ladder=True)
    assert one.contracts == two.contracts
    assert one.path.index_cents == two.path.index_cents
    assert session(seed + 10).path.index_cents != one.path.index_cents
    ticker = next(iter(one.contracts))
    assert one.fair(ticker, START_NS) == two.fair(ticker, START_NS)


def test_no_money_appears_or_disappears_in_a_session() -> None:
    async def scenario() -> None:
        async with world(activity=0.5) as w:
            exchange = w.kalshi.exchange
            ticker = next(iter(w.btc.contracts))
            for price in ("0.9900", "0.0100"):
                w.pass_time(10)
                side = "bid" if price == "0.9900" else "ask"
                more = {"ticker": ticker, "time_in_force": "immediate_or_cancel"}
                await w.rest.place(side, price, "3.00", **more)
            w.pass_until(w.btc.contracts[ticker].close_ns + 10 * SECOND_NS)
            cash = sum(account.cash for account in exchange.accounts())
            fees = sum(account.fees_paid for account in exchange.accounts())
            assert cash + fees == 1_000_000_000
            assert fees > 0
            trader = exchange.members.accounts["trader"]
            assert (trader.positions, trader.holds, trader.cash_held) == ({}, {}, 0)

    run(scenario)
