"""Order semantics and access of the simulated Polymarket US, over its REST interface."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from local.venues.polymarket_us.server import ServerSettings
from tests.support.sim_polymarket import run
from tests.support.sim_polymarket_us import OTHER, SLUG, sign, usd, venue

GTD = "TIME_IN_FORCE_GOOD_TILL_DATE"


def test_prices_are_long_whatever_is_bought() -> None:
    async def scenario() -> None:
        async with venue() as v:
            # To buy NO at 0.39 is to offer YES at 0.61.
            resting = await v.alice.placed("BUY_SHORT", "0.61", 12)
            assert await v.alice.power() == pytest.approx(1_000 - 12 * 0.39, abs=0.3)
            reports = await v.bob.take("BUY_LONG", "0.65", 5)
            assert [each["type"] for each in reports] == [
                "EXECUTION_TYPE_NEW", "EXECUTION_TYPE_FILL",
            ]  # fmt: skip
            assert reports[1]["lastPx"] == usd("0.6100")
            order = await v.alice.order(resting)
            assert (order["state"], order["cumQuantity"], order["leavesQuantity"]) == (
                "ORDER_STATE_PARTIALLY_FILLED", 5, 7,
            )  # fmt: skip
            assert (order["side"], order["price"]) == ("ORDER_SIDE_SELL", usd("0.6100"))
            held = (await v.alice.call("GET", "/v1/portfolio/positions")).body["positions"]
            assert held[SLUG]["netPosition"] == "-5"

    run(scenario)


def test_fees_are_the_order_s_sum_rounded_half_to_even() -> None:
    async def scenario() -> None:
        async with venue() as v:
            await v.alice.placed("BUY_SHORT", "0.50", 1_000)
            reports = await v.bob.take("BUY_LONG", "0.50", 1_000)
            # 1000 × 0.0695 × 0.25 is 17.375: the even cent above. Makers are paid 3.125.
            assert reports[-1]["commissionNotionalCollected"] == usd("17.380000")
            rows = (await v.alice.call("GET", "/v1/portfolio/activities")).body["activities"]
            ours = rows[0]["trade"]["passiveExecution"]
            assert ours["commissionNotionalCollected"] == usd("-3.120000")
            assert await v.bob.power() == pytest.approx(1_000 - 500 - 17.38)

    run(scenario)


def test_what_is_too_fine_is_cut_short_in_silence() -> None:
    async def scenario() -> None:
        async with venue() as v:
            order = await v.alice.order(await v.alice.placed("BUY_LONG", "0.5567", 10.7))
            assert (order["price"], order["quantity"]) == (usd("0.5500"), 10)
            request = v.alice.body("BUY_LONG", "0.5567", 10.7)
            preview = await v.alice.call("POST", "/v1/order/preview", {"request": request})
            assert preview.body["order"]["price"] == usd("0.5500")
            assert "id" not in preview.body["order"]

    run(scenario)


def test_an_order_that_rests_is_answered_with_its_id_alone() -> None:
    async def scenario() -> None:
        async with venue(ServerSettings(is_driven=False, visible_s=0.3, cancel_s=0.2)) as v:
            reply = await v.alice.place("BUY_LONG", "0.40")
            assert set(reply.body) == {"id"}
            order_id = reply.body["id"]
            assert (await v.alice.call("GET", f"/v1/order/{order_id}")).status == 404
            v.pass_time(0.5)
            path = f"/v1/order/{order_id}/cancel"
            canceled = await v.alice.call("POST", path, {"marketSlug": SLUG})
            assert (canceled.status, canceled.body) == (200, {})
            assert (await v.alice.order(order_id))["state"] == "ORDER_STATE_PENDING_CANCEL"
            v.pass_time(0.3)
            assert (await v.alice.order(order_id))["state"] == "ORDER_STATE_CANCELED"

    run(scenario)


def test_the_exchange_rejects_with_a_report_and_the_gateway_with_a_status() -> None:
    async def scenario() -> None:
        async with venue() as v:
            await v.bob.placed("BUY_SHORT", "0.60")
            crossing = await v.alice.placed("BUY_LONG", "0.60", participateDontInitiate=True)
            assert (await v.alice.order(crossing))["state"] == "ORDER_STATE_REJECTED"
            poor = await v.alice.take("BUY_LONG", "0.60", 5_000)
            assert poor[-1]["text"] == "insufficient buying power"
            await v.control("market", slug=SLUG, state="MARKET_STATE_SUSPENDED")
            closed = await v.alice.take("BUY_LONG", "0.60", 5)
            assert closed[-1]["orderRejectReason"] == "ORD_REJECT_REASON_EXCHANGE_CLOSED"
            unknown = await v.alice.place("BUY_LONG", "0.50", marketSlug="nothing-here")
            assert (unknown.status, unknown.body["code"]) == (404, 5)
            short = await v.alice.place("SELL_LONG", "0.50")
            assert "insufficient position" in short.body["message"]
            bad = await v.alice.place("BUY_LONG", "0.50", quantity=0)
            assert (bad.status, bad.body["code"]) == (400, 3)

    run(scenario)


def test_batches_hold_twenty_and_only_echo() -> None:
    async def scenario() -> None:
        async with venue() as v:
            body = v.alice.body("BUY_LONG", "0.10", 1)
            made = await v.alice.call("POST", "/v1/orders/batched", {"orders": [body] * 3})
            ids = made.body["createdOrderIds"]
            assert len(ids) == 3
            items = [{"orderId": each, "marketSlug": SLUG} for each in (ids[0], "UNKNOWN")]
            path = "/v1/orders/batched/cancel"
            gone = await v.alice.call("POST", path, {"orders": items})
            assert gone.body["canceledOrderIds"] == [ids[0], "UNKNOWN"]
            change = {"orderId": ids[1], "marketSlug": SLUG, "price": usd("0.20"), "quantity": 2}
            await v.alice.call("POST", "/v1/orders/batched/modify", {"orders": [change]})
            order = await v.alice.order(ids[1])
            assert (order["price"], order["quantity"]) == (usd("0.2000"), 2)
            many = await v.alice.call("POST", "/v1/orders/batched", {"orders": [body] * 21})
            assert many.status == 400

    run(scenario)


def test_cancel_all_keeps_to_the_markets_it_names() -> None:
    async def scenario() -> None:
        async with venue() as v:
            here = await v.alice.placed("BUY_LONG", "0.10")
            there = await v.alice.placed("BUY_LONG", "0.10", marketSlug=OTHER)
            reply = await v.alice.call("POST", "/v1/orders/open/cancel", {"slugs": [SLUG]})
            assert reply.body["canceledOrderIds"] == [here]
            left = (await v.alice.call("GET", "/v1/orders/open")).body["orders"]
            assert [each["id"] for each in left] == [there]

    run(scenario)


def test_closing_sells_what_is_held_within_its_slippage() -> None:
    async def scenario() -> None:
        async with venue() as v:
            await v.bob.placed("BUY_SHORT", "0.50", 10)
            await v.alice.take("BUY_LONG", "0.50", 10)
            await v.bob.placed("BUY_LONG", "0.45", 20)
            slippage = {"currentPrice": usd("0.50"), "ticks": 2}
            body = {"marketSlug": SLUG, "synchronousExecution": True}
            path = "/v1/order/close-position"
            dear = await v.alice.call("POST", path, body | {"slippageTolerance": slippage})
            assert dear.body["executions"][-1]["type"] == "EXECUTION_TYPE_CANCELED"
            done = await v.alice.call("POST", path, body)
            assert done.body["executions"][-1]["type"] == "EXECUTION_TYPE_FILL"
            assert (await v.alice.call("GET", "/v1/portfolio/positions")).body["positions"] == {}
            assert (await v.alice.call("POST", path, body)).status == 400

    run(scenario)


def test_an_order_ends_at_its_time() -> None:
    async def scenario() -> None:
        async with venue() as v:
            until = (datetime.now(UTC) + timedelta(seconds=60)).isoformat()
            order_id = await v.alice.placed("BUY_LONG", "0.20", tif=GTD, goodTillTime=until)
            v.pass_time(61)
            assert (await v.alice.order(order_id))["state"] == "ORDER_STATE_EXPIRED"
            late = await v.alice.place("BUY_LONG", "0.20", tif=GTD, goodTillTime=until[:10])
            assert late.status == 400

    run(scenario)


def test_signatures_live_thirty_seconds() -> None:
    async def scenario() -> None:
        async with venue() as v:
            now_ms = int(time.time() * 1000)
            path = "/v1/account/balances"
            assert (await v.alice.call("GET", path, stamp=now_ms - 25_000)).status == 200
            for stamp in (now_ms - 31_000, now_ms + 31_000):
                late = await v.alice.call("GET", path, stamp=stamp)
                assert (late.status, "time window" in late.body["message"]) == (401, True)
            headers = sign(v.alice.credentials, "GET", "/v1/orders/open")
            async with v.http.get(v.server.url + path, headers=headers) as reply:
                assert reply.status == 401

    run(scenario)


def test_the_twenty_first_request_of_a_second_is_too_many() -> None:
    async def scenario() -> None:
        async with venue(ServerSettings(is_driven=False)) as v:
            answers = [await v.alice.call("GET", "/v1/orders/open") for _ in range(30)]
            assert {each.status for each in answers} == {200, 429}
            assert answers[-1].body == {"status": 429}
            assert (await v.bob.call("GET", "/v1/orders/open")).status == 200

    run(scenario)


def test_the_gateway_lists_books_and_settlements() -> None:
    async def scenario() -> None:
        async with venue() as v:
            await v.alice.placed("BUY_LONG", "0.40")
            await v.bob.placed("BUY_SHORT", "0.60")
            book = (await v.get(f"/v1/markets/{SLUG}/book")).body["marketData"]
            assert (book["bids"][0]["px"], book["offers"][0]["px"]) == (
                usd("0.4000"), usd("0.6000"),
            )  # fmt: skip
            listed = (await v.get("/v1/markets", limit="1", offset="1")).body["markets"]
            assert [each["slug"] for each in listed] == [OTHER]
            assert (await v.get(f"/v1/markets/{SLUG}/settlement")).status == 404
            await v.alice.take("BUY_LONG", "0.60", 10)
            await v.control("settle", slug=SLUG, price=5_000)
            assert (await v.get(f"/v1/markets/{SLUG}/settlement")).body["settlement"] == 0.5
            # Bought at 0.60 and paid 0.50, and the taker's fee of 16.68 cents.
            assert await v.alice.power() == pytest.approx(1_000 - 6 + 5 - 0.17)

    run(scenario)
