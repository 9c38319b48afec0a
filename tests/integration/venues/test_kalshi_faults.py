"""Every fault the simulated Kalshi can be asked for, seen from a client's side."""

from __future__ import annotations

import time
from typing import Any

import aiohttp
import pytest

from kairos.errors import UsageError
from local.venues.core.faults import ACTIVE_MAX, DuplicateFills, Fail, Faults, SkipFrames
from tests.support.sim_kalshi import OTHER, TICKER, Socket, run, sign, venue

ORDERS = "/portfolio/events/orders"


async def watch(socket: Socket, *tickers: str, channel: str = "orderbook_delta") -> None:
    await socket.send("subscribe", channels=[channel], market_tickers=list(tickers))
    for _ in range(1 + (len(tickers) if channel == "orderbook_delta" else 0)):
        await socket.next()


def test_a_lost_reply_leaves_an_order_that_is_really_there() -> None:
    async def scenario() -> None:
        async with venue() as v:
            await v.fault(fault="lose_replies", count=1, path="*/orders", method="POST")
            with pytest.raises(aiohttp.ClientError):
                await v.alice.place("bid", "0.4000", client_order_id="lost")
            orders = (await v.alice.call("GET", "/portfolio/orders")).body["orders"]
            assert [order["client_order_id"] for order in orders] == ["lost"]
            again = await v.alice.place("bid", "0.4000", client_order_id="lost")
            assert again.status == 409

    run(scenario)


@pytest.mark.parametrize("status", [425, 429, 500, 503])
def test_failures_are_answered_and_nothing_is_done(status: int) -> None:
    async def scenario() -> None:
        async with venue() as v:
            await v.fault(fault="fail", status=status, count=2, path="*/orders", retry_after=1)
            replies = [await v.alice.place("bid", "0.4000") for _ in range(3)]
            assert [reply.status for reply in replies] == [status, status, 201]
            assert replies[0].headers["Retry-After"] == "1"
            assert len((await v.alice.call("GET", "/portfolio/orders")).body["orders"]) == 1

    run(scenario)


def test_a_slow_acknowledgement_comes_after_the_fact() -> None:
    async def scenario() -> None:
        async with venue() as v, v.socket() as socket:
            await watch(socket, TICKER)
            await v.fault(fault="slow_replies", millis=200, path="*/orders")
            began = time.monotonic()
            await v.alice.placed("bid", "0.4000")
            assert time.monotonic() - began >= 0.2
            assert (await socket.next())["type"] == "orderbook_delta"
            await v.fault(fault="slow_replies", millis=0)
            began = time.monotonic()
            await v.alice.placed("bid", "0.4100")
            assert time.monotonic() - began < 0.2

    run(scenario)


def test_a_skipped_frame_is_a_gap_and_a_new_snapshot_heals_it() -> None:
    async def scenario() -> None:
        async with venue() as v, v.socket() as socket:
            await watch(socket, TICKER)
            await v.fault(fault="skip_frames", count=1, kind="orderbook_delta")
            await v.alice.placed("bid", "0.4000")
            await v.alice.placed("bid", "0.4100")
            assert (await socket.next())["seq"] == 3
            await socket.send(
                "update_subscription", sid=1, action="get_snapshot", market_tickers=[TICKER]
            )
            healed = await socket.next()
            assert (healed["seq"], len(healed["msg"]["yes_dollars_fp"])) == (4, 2)

    run(scenario)


def test_a_disconnect_cuts_now_and_a_new_connection_works() -> None:
    async def scenario() -> None:
        async with venue() as v:
            async with v.socket() as socket:
                await watch(socket, TICKER)
                await v.fault(fault="disconnect")
                with pytest.raises(ConnectionError):
                    await socket.next()
            async with v.socket() as socket:
                await watch(socket, TICKER)
            assert v.server.faults.struck["disconnect"] == 1

    run(scenario)


def test_connections_can_be_cut_every_few_frames() -> None:
    async def scenario() -> None:
        async with venue() as v, v.socket() as socket:
            await v.fault(fault="disconnect_every", frames=3)
            await watch(socket, TICKER)
            await v.alice.placed("bid", "0.4000")
            await v.alice.placed("bid", "0.4100")
            await socket.next()
            with pytest.raises(ConnectionError):
                await socket.next()

    run(scenario)


def test_a_frozen_connection_is_open_and_silent() -> None:
    async def scenario() -> None:
        async with venue() as v, v.socket() as socket:
            await watch(socket, TICKER)
            await v.fault(fault="freeze", conn="*")
            await v.alice.placed("bid", "0.4000")
            assert await socket.silence()
            assert not socket.socket.closed
            await v.fault(fault="thaw")
            await v.alice.placed("bid", "0.4100")
            assert (await socket.next())["seq"] == 3

    run(scenario)


def test_a_frozen_market_stands_still_while_the_others_move() -> None:
    async def scenario() -> None:
        async with venue() as v, v.socket() as socket:
            await watch(socket, TICKER, OTHER)
            await v.fault(fault="freeze", market=TICKER)
            await v.alice.placed("bid", "0.4000")
            await v.alice.placed("bid", "0.4000", ticker=OTHER)
            moved = await socket.next()
            assert (moved["msg"]["market_ticker"], moved["seq"]) == (OTHER, 3)
            await v.fault(fault="thaw")
            v.server.step()
            whole = await socket.next()
            assert (whole["type"], whole["msg"]["market_ticker"]) == ("orderbook_snapshot", TICKER)
            assert whole["msg"]["yes_dollars_fp"] == [["0.4000", "10.00"]]

    run(scenario)


def test_a_fill_can_be_told_twice_with_one_identity() -> None:
    async def scenario() -> None:
        async with venue() as v, v.socket() as socket:
            await watch(socket, channel="fill")
            await v.fault(fault="duplicate_fills", count=1)
            await v.alice.placed("bid", "0.4000")
            await v.bob.placed("ask", "0.4000", "1.00")
            first, second = await socket.next(), await socket.next()
            assert first["msg"] == second["msg"]
            assert len((await v.alice.call("GET", "/portfolio/fills")).body["fills"]) == 1

    run(scenario)


def test_books_can_be_published_crossed() -> None:
    async def scenario() -> None:
        async with venue() as v:
            await v.alice.placed("bid", "0.4000")
            await v.fault(fault="cross_books", count=1, market=TICKER)
            path = f"/markets/{TICKER}/orderbook"
            crossed = (await v.alice.call("GET", path)).body["orderbook_fp"]
            best = [float(crossed[side][-1][0]) for side in ("yes_dollars", "no_dollars")]
            assert sum(best) > 1
            sane = (await v.alice.call("GET", path)).body["orderbook_fp"]
            assert sane == {"yes_dollars": [["0.4000", "10.00"]], "no_dollars": []}

    run(scenario)


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ("remove", lambda body: "delta_fp" not in body),
        ("rename", lambda body: "delta_fp_new" in body and "delta_fp" not in body),
        ("retype", lambda body: isinstance(body["delta_fp"], list)),
    ],
)
def test_schemas_can_drift_overnight(change: str, check: Any) -> None:  # noqa: ANN401
    async def scenario() -> None:
        async with venue() as v, v.socket() as socket:
            await watch(socket, TICKER)
            await v.fault(
                fault="drift", change=change, field="delta_fp", count=1, kind="orderbook_delta"
            )
            await v.alice.placed("bid", "0.4000")
            await v.alice.placed("bid", "0.4100")
            assert check((await socket.next())["msg"])
            assert (await socket.next())["msg"]["delta_fp"] == "10.00"

    run(scenario)


def test_a_skewed_clock_refuses_honest_signatures() -> None:
    async def scenario() -> None:
        async with venue() as v:
            await v.fault(fault="clock_skew", millis=90_000)
            assert (await v.alice.call("GET", "/portfolio/orders")).status == 401
            stamp = int(time.time() * 1000) + 90_000
            headers = sign(v.alice.credentials, "GET", "/trade-api/v2/portfolio/orders", stamp)
            url = f"{v.server.base_url}/portfolio/orders"
            async with v.http.get(url, headers=headers) as reply:
                assert reply.status == 200
            await v.fault(fault="clock_skew", millis=0)
            assert (await v.alice.call("GET", "/portfolio/orders")).status == 200

    run(scenario)


@pytest.mark.parametrize("code", [10, 25])
def test_terminal_channel_errors_end_the_subscription(code: int) -> None:
    async def scenario() -> None:
        async with venue() as v, v.socket() as socket:
            await watch(socket, TICKER)
            await v.fault(fault="channel_error", code=code)
            v.server.step()
            error = await socket.next()
            assert (error["type"], error["msg"]["code"], error["sid"]) == ("error", code, 1)
            await socket.send("list_subscriptions")
            assert (await socket.next())["msg"] == []

    run(scenario)


def test_a_fault_that_cannot_be_is_refused_with_the_reason() -> None:
    async def scenario() -> None:
        async with venue() as v:
            url = f"{v.server.server.url}/_sim/faults"
            for body in ({"fault": "explode"}, {"fault": "fail", "status": 200, "count": 1}):
                async with v.http.post(url, json=body) as reply:
                    assert reply.status == 400
                    assert "bad_fault" in (await reply.json())["error"]
            await v.fault(fault="fail", status=503, count=5)
            async with v.http.delete(url) as reply:
                assert (await reply.json())["active"] == []
            assert (await v.alice.place("bid", "0.4000")).status == 201

    run(scenario)


def test_the_state_page_says_what_is_going_on() -> None:
    async def scenario() -> None:
        async with venue() as v, v.socket() as socket:
            await watch(socket, TICKER)
            await v.alice.placed("bid", "0.4000")
            async with v.http.get(f"{v.server.server.url}/_sim/state") as reply:
                state = await reply.json()
            assert state["markets"][TICKER] == "active"
            assert (state["sessions"], state["resting_member_orders"]) == (1, 1)

    run(scenario)


def test_counted_faults_are_used_up_and_the_list_is_bounded() -> None:
    faults = Faults()
    faults.inject(SkipFrames(count=2, kind="trade"))
    struck = [faults.skips("trade", "M") for _ in range(4)]
    assert struck == [True, True, False, False]
    assert not faults.skips("ticker", "M")
    faults.inject(DuplicateFills(count=1))
    assert (faults.duplicates_fill(), faults.duplicates_fill()) == (True, False)
    with pytest.raises(UsageError, match="faults are active"):
        for _ in range(ACTIVE_MAX + 1):
            faults.inject(Fail(status=500, count=1))
    assert faults.is_quiet is False
    faults.clear()
    assert faults.is_quiet is True
