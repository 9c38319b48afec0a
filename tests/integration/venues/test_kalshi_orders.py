"""Order semantics of the simulated Kalshi, over its REST interface."""

from __future__ import annotations

import pytest

from local.venues.kalshi.server import ServerSettings
from tests.support.sim_kalshi import OTHER, TICKER, Rest, Venue, run, venue

IOC = "immediate_or_cancel"
FOK = "fill_or_kill"


def code(body: object) -> str:
    assert isinstance(body, dict)
    error = body["error"]
    return str(error["code"]) if isinstance(error, dict) else str(error)


def test_a_trade_moves_cash_positions_and_records_on_both_sides() -> None:
    async def scenario() -> None:
        async with venue() as v:
            resting = await v.alice.placed("bid", "0.6000", "10.00")
            reply = await v.bob.place("ask", "0.5500", "4.00", time_in_force=IOC)
            assert reply.body["fill_count"] == "4.00"
            assert reply.body["average_fill_price"] == "0.6000"
            order = await v.alice.order(resting)
            assert (order["status"], order["fill_count_fp"], order["remaining_count_fp"]) == (
                "resting", "4.00", "6.00",
            )  # fmt: skip
            held = (await v.bob.call("GET", "/portfolio/positions")).body["market_positions"][0]
            assert held["position_fp"] == "-4.00"
            # 4 × 0.40 and the taker's fee of 0.07 × 4 × 0.6 × 0.4, raised to $0.0001.
            balance = (await v.bob.call("GET", "/portfolio/balance")).body["balance_dollars"]
            assert balance == "998.332800"

    run(scenario)


def test_a_client_order_id_is_taken_once() -> None:
    async def scenario() -> None:
        async with venue() as v:
            await v.alice.placed("bid", "0.2000", client_order_id="mine-1")
            again = await v.alice.place("bid", "0.2000", client_order_id="mine-1")
            assert (again.status, code(again.body)) == (409, "order_already_exists")
            assert (await v.bob.place("bid", "0.1900", client_order_id="mine-1")).status == 201
            orders = (await v.alice.call("GET", "/portfolio/orders")).body["orders"]
            assert [order["client_order_id"] for order in orders] == ["mine-1"]

    run(scenario)


def test_a_killed_order_leaves_nothing_and_consumes_its_id() -> None:
    async def scenario() -> None:
        async with venue() as v:
            killed = await v.alice.place("bid", "0.2000", time_in_force=FOK, client_order_id="k")
            assert killed.status == 409
            assert code(killed.body) == "fill_or_kill_insufficient_resting_volume"
            assert (await v.alice.place("bid", "0.2000", client_order_id="k")).status == 409
            balance = (await v.alice.call("GET", "/portfolio/balance")).body
            assert balance["balance"] == 100_000

    run(scenario)


@pytest.mark.parametrize(
    ("change", "status", "expected"),
    [
        ({"price": "0.5650"}, 400, "invalid_order"),
        ({"price": "0.05001"}, 400, "invalid_order"),
        ({"count": "0.001"}, 400, "invalid_order"),
        ({"count": "0.00"}, 400, "invalid_order"),
        ({"count": "5000.00"}, 400, "insufficient_balance"),
        ({"ticker": "KXNOTHING-1"}, 404, "market_not_found"),
        ({"ticker": ""}, 400, "missing_parameters"),
        ({"exchange_index": 0}, 404, "market_not_found"),
        ({"reduce_only": True}, 400, "invalid_order"),
        ({"reduce_only": True, "time_in_force": IOC}, 400, "invalid_order"),
        ({"expiration_time": 1}, 400, "invalid_order"),
        ({"order_group_id": "none"}, 404, "not_found"),
    ],
)
def test_what_cannot_be_ordered_is_refused_by_name(
    change: dict[str, object], status: int, expected: str
) -> None:
    async def scenario() -> None:
        async with venue() as v:
            reply = await v.alice.place("bid", **{"price": "0.5000", **change})  # type: ignore[arg-type]
            assert (reply.status, code(reply.body)) == (status, expected)
            assert not (await v.alice.call("GET", "/portfolio/orders")).body["orders"]

    run(scenario)


def test_the_tapered_grid_takes_a_tenth_of_a_cent_only_near_the_ends() -> None:
    async def scenario() -> None:
        async with venue() as v:
            assert (await v.alice.place("bid", "0.0510", "0.01")).status == 201
            assert (await v.alice.place("bid", "0.5010", "0.01")).status == 400

    run(scenario)


def test_an_unreadable_body_is_answered_at_the_top_level() -> None:
    async def scenario() -> None:
        async with venue() as v:
            reply = await v.alice.place("bid", "0.5000", expiration_time="soon")
            assert (reply.status, reply.body["code"]) == (400, "bad_request")

    run(scenario)


def test_post_only_that_would_cross_is_refused_with_its_details() -> None:
    async def scenario() -> None:
        async with venue() as v:
            await v.bob.placed("ask", "0.6000")
            reply = await v.alice.place("bid", "0.6000", post_only=True)
            assert (reply.status, reply.body["error"]["details"]) == (400, "post only cross")
            assert (await v.alice.place("bid", "0.5900", post_only=True)).status == 201

    run(scenario)


def test_reduce_only_is_capped_by_the_position() -> None:
    async def scenario() -> None:
        async with venue() as v:
            await v.bob.placed("ask", "0.5000", "3.00")
            await v.alice.placed("bid", "0.5000", "3.00")
            await v.bob.placed("bid", "0.4000", "10.00")
            reply = await v.alice.place(
                "ask", "0.4000", "9.00", time_in_force=IOC, reduce_only=True
            )
            assert reply.body["fill_count"] == "3.00"
            held = (await v.alice.call("GET", "/portfolio/positions")).body["market_positions"]
            assert held[0]["position_fp"] == "0.00"

    run(scenario)


def test_a_cancel_without_its_market_looks_on_the_wrong_index() -> None:
    async def scenario() -> None:
        async with venue() as v:
            order_id = await v.alice.placed("bid", "0.2000")
            path = f"/portfolio/events/orders/{order_id}"
            assert (await v.alice.call("DELETE", path)).status == 404
            assert (await v.alice.order(order_id))["status"] == "resting"
            reply = await v.alice.call("DELETE", path, market_ticker=TICKER)
            assert (reply.status, reply.body["reduced_by"]) == (200, "10.00")
            assert (await v.alice.call("DELETE", path, exchange_index=2)).status == 404
            assert (await v.alice.order(order_id))["status"] == "canceled"

    run(scenario)


def test_nobody_cancels_the_order_of_somebody_else() -> None:
    async def scenario() -> None:
        async with venue() as v:
            order_id = await v.alice.placed("bid", "0.2000")
            path = f"/portfolio/events/orders/{order_id}"
            assert (await v.bob.call("DELETE", path, exchange_index=2)).status == 404
            assert (await v.bob.call("GET", f"/portfolio/orders/{order_id}")).status == 404

    run(scenario)


async def _queue_position(v: Venue, rest: Rest, order_id: str) -> str:
    reply = await rest.call("GET", f"/portfolio/orders/{order_id}/queue_position")
    return str(reply.body["queue_position_fp"])


def test_decrease_and_smaller_amend_keep_the_place_and_the_rest_loses_it() -> None:
    async def scenario() -> None:
        async with venue() as v:
            first = await v.alice.placed("bid", "0.2000", "10.00")
            second = await v.bob.placed("bid", "0.2000", "5.00")
            amend = f"/portfolio/events/orders/{first}/amend"
            body = {"ticker": TICKER, "side": "bid", "price": "0.2000", "count": "8.00"}
            assert (await v.alice.call("POST", amend, body)).body["remaining_count"] == "8.00"
            assert await _queue_position(v, v.bob, second) == "8.00"
            decrease = f"/portfolio/events/orders/{first}/decrease"
            reduced = {"reduce_to": "6.00", "market_ticker": TICKER}
            assert (await v.alice.call("POST", decrease, reduced)).body["remaining_count"] == "6.00"
            assert await _queue_position(v, v.bob, second) == "6.00"
            await v.alice.call("POST", amend, {**body, "count": "9.00"})
            assert await _queue_position(v, v.bob, second) == "0.00"
            assert await _queue_position(v, v.alice, first) == "5.00"
            balance = (await v.alice.call("GET", "/portfolio/balance")).body["balance_dollars"]
            assert balance < "998.200000"  # nine contracts at 20 cents, and their dearest fee

    run(scenario)


def test_an_expiry_can_be_amended_alone_and_is_kept() -> None:
    async def scenario() -> None:
        async with venue() as v:
            now_s = v.clock.now_ns() // 1_000_000_000
            order_id = await v.alice.placed("bid", "0.2000", expiration_time=now_s + 15)
            other = await v.bob.placed("bid", "0.2000")
            body = {"ticker": TICKER, "side": "bid", "price": "0.2000", "count": "10.00"}
            longer = {**body, "expiration_time": now_s + 30}
            amend = f"/portfolio/events/orders/{order_id}/amend"
            assert (await v.alice.call("POST", amend, longer)).status == 200
            assert await _queue_position(v, v.bob, other) == "10.00"
            v.pass_time(20)
            assert (await v.alice.order(order_id))["status"] == "resting"
            v.pass_time(11)
            assert (await v.alice.order(order_id))["status"] == "canceled"
            assert (await v.bob.order(other))["status"] == "resting"

    run(scenario)


def test_batches_answer_item_by_item() -> None:
    async def scenario() -> None:
        async with venue() as v:
            good = {
                "ticker": TICKER, "side": "bid", "price": "0.2000", "count": "1.00",
                "time_in_force": "good_till_canceled", "self_trade_prevention_type": "maker",
            }  # fmt: skip
            reply = await v.alice.call(
                "POST", "/portfolio/events/orders/batched",
                {"orders": [good, {**good, "price": "0.5650"}]},
            )  # fmt: skip
            made, failed = reply.body["orders"]
            assert (reply.status, failed["error"]["code"]) == (201, "invalid_order")
            items = [{"order_id": made["order_id"], "market_ticker": TICKER}, {"order_id": "x"}]
            ended = await v.alice.call(
                "DELETE", "/portfolio/events/orders/batched", {"orders": items}
            )
            assert [item["reduced_by"] for item in ended.body["orders"]] == ["1.00", "0.00"]

    run(scenario)


def test_cancel_all_reaches_every_index_and_may_catch_what_follows() -> None:
    async def scenario() -> None:
        settings = ServerSettings(is_driven=False, cancel_all_tail_s=60)
        async with venue(settings) as v:
            ids = [await v.alice.placed("bid", "0.2000"),
                   await v.alice.placed("bid", "0.2000", ticker=OTHER)]  # fmt: skip
            assert (await v.alice.call("DELETE", "/portfolio/events/orders")).status == 204
            ids.append(await v.alice.placed("bid", "0.2100"))
            assert [(await v.alice.order(i))["status"] for i in ids] == ["canceled"] * 3
            v.pass_time(61)
            late = await v.alice.placed("bid", "0.2100")
            assert (await v.alice.order(late))["status"] == "resting"

    run(scenario)


def test_a_group_ends_its_orders_when_fifteen_seconds_match_too_much() -> None:
    async def scenario() -> None:
        async with venue() as v:
            made = await v.alice.call(
                "POST", "/portfolio/order_groups/create",
                {"contracts_limit": 10, "exchange_index": 2},
            )  # fmt: skip
            group = made.body["order_group_id"]
            orders = [
                await v.alice.placed("bid", price, "6.00", order_group_id=group)
                for price in ("0.3000", "0.2900", "0.2800")
            ]
            await v.bob.placed("ask", "0.3000", "6.00", time_in_force=IOC)
            v.pass_time(16)
            await v.bob.placed("ask", "0.2900", "6.00", time_in_force=IOC)
            assert (await v.alice.order(orders[2]))["status"] == "resting"
            await v.bob.placed("ask", "0.2800", "4.00", time_in_force=IOC)
            assert (await v.alice.order(orders[2]))["status"] == "canceled"
            refused = await v.alice.place("bid", "0.2000", order_group_id=group)
            assert refused.status == 409
            path = f"/portfolio/order_groups/{group}/reset"
            assert (await v.alice.call("PUT", path)).status == 404
            assert (await v.alice.call("PUT", path, exchange_index=2)).status == 200
            assert (await v.alice.place("bid", "0.2000", order_group_id=group)).status == 201

    run(scenario)


def test_triggering_and_deleting_a_group_are_mass_cancels() -> None:
    async def scenario() -> None:
        async with venue() as v:
            body = {"contracts_limit_fp": "50.00", "exchange_index": 2}
            made = await v.alice.call("POST", "/portfolio/order_groups/create", body)
            group = made.body["order_group_id"]
            path = f"/portfolio/order_groups/{group}"
            first = await v.alice.placed("bid", "0.2000", order_group_id=group)
            await v.alice.call("PUT", f"{path}/trigger", exchange_index=2)
            assert (await v.alice.order(first))["status"] == "canceled"
            await v.alice.call("PUT", f"{path}/reset", exchange_index=2)
            second = await v.alice.placed("bid", "0.2000", order_group_id=group)
            shown = await v.alice.call("GET", path)
            assert shown.body["orders"] == [second]
            assert (await v.alice.call("DELETE", path, exchange_index=2)).status == 200
            assert (await v.alice.order(second))["status"] == "canceled"
            assert (await v.alice.call("GET", path)).status == 404

    run(scenario)


def test_pauses_stop_orders_but_only_an_exchange_pause_stops_cancels() -> None:
    async def scenario() -> None:
        async with venue() as v:
            stays = await v.alice.placed("bid", "0.2000")
            goes = await v.alice.placed("bid", "0.2100", cancel_order_on_pause=True)
            v.server.exchange.pause(exchange_active=True, trading_active=False)
            assert (await v.alice.order(goes))["status"] == "canceled"
            refused = await v.alice.place("bid", "0.2000")
            assert (refused.status, code(refused.body)) == (409, "trading_is_paused")
            status = (await v.alice.call("GET", "/exchange/status")).body
            assert (status["exchange_active"], status["trading_active"]) == (True, False)
            path = f"/portfolio/events/orders/{stays}"
            v.server.exchange.pause(exchange_active=False, trading_active=False)
            assert (await v.alice.call("DELETE", path, exchange_index=2)).status == 409
            v.server.exchange.pause(exchange_active=True, trading_active=False)
            assert (await v.alice.call("DELETE", path, exchange_index=2)).status == 200

    run(scenario)


def test_after_the_close_even_cancels_are_refused() -> None:
    async def scenario() -> None:
        async with venue() as v:
            order_id = await v.alice.placed("bid", "0.2000")
            market = v.server.exchange.market(TICKER)
            market.status = type(market.status).CLOSED
            path = f"/portfolio/events/orders/{order_id}"
            for reply in (
                await v.alice.call("DELETE", path, exchange_index=2),
                await v.alice.place("bid", "0.2000"),
            ):
                assert (reply.status, code(reply.body)) == (400, "MARKET_INACTIVE")

    run(scenario)


def test_lists_page_without_repeating_or_skipping() -> None:
    async def scenario() -> None:
        async with venue() as v:
            ids = [await v.alice.placed("bid", "0.2000", "0.01") for _ in range(5)]
            seen, cursor = [], ""
            while True:
                reply = await v.alice.call("GET", "/portfolio/orders", limit=2, cursor=cursor)
                seen += [order["order_id"] for order in reply.body["orders"]]
                ids.insert(0, await v.alice.placed("bid", "0.2000", "0.01"))
                cursor = reply.body["cursor"]
                if not cursor:
                    break
            assert seen == [i for i in reversed(ids) if i in seen]
            assert len(seen) == 5

    run(scenario)


def test_the_old_order_endpoint_is_gone() -> None:
    async def scenario() -> None:
        async with venue() as v:
            assert (await v.alice.call("POST", "/portfolio/orders", {})).status == 410

    run(scenario)
