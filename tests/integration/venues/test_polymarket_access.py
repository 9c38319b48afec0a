"""Who gets into the simulated Polymarket, how often, from where, and when."""

from __future__ import annotations

import time
from typing import Any

from kairos.adapters.polymarket.auth import level1_headers
from kairos.adapters.polymarket.eip712 import SigningKey
from local.venues.polymarket.keys import new_wallet
from local.venues.polymarket.server import ServerSettings
from tests.support.sim_polymarket import RAIN, Venue, run, venue


async def login(v: Venue, method: str, path: str, headers: dict[str, str]) -> tuple[int, Any]:
    async with v.http.request(method, v.server.url + path, headers=headers) as reply:
        return reply.status, await reply.json()


def test_a_wallet_makes_its_key_once_and_derives_it_ever_after() -> None:
    async def scenario() -> None:
        async with venue() as v:
            key = SigningKey.from_hex(new_wallet().private_key)
            headers = level1_headers(key, int(time.time()), 7)
            assert (await login(v, "GET", "/auth/derive-api-key", headers))[0] == 400
            status, made = await login(v, "POST", "/auth/api-key", headers)
            assert status == 200
            assert (await login(v, "POST", "/auth/api-key", headers))[0] == 400
            assert await login(v, "GET", "/auth/derive-api-key", headers) == (200, made)
            forged = headers | {"POLY_ADDRESS": v.alice.wallet.address}
            assert (await login(v, "GET", "/auth/derive-api-key", forged))[0] == 401
            late = level1_headers(key, int(time.time()) - 600, 7)
            status, body = await login(v, "GET", "/auth/derive-api-key", late)
            assert (status, body["error"]) == (401, "invalid timestamp")

    run(scenario)


def test_a_request_is_its_signer_s_over_these_very_bytes() -> None:
    async def scenario() -> None:
        async with venue() as v:
            good = await v.alice.call("GET", "/data/orders")
            assert good.status == 200
            old = await v.alice.call("GET", "/data/orders", stamp=int(time.time()) - 120)
            assert (old.status, old.body["error"]) == (401, "invalid timestamp")
            headers = v.alice.headers("POST", "/order", b'{"a":1}')
            async with v.http.post(
                v.server.url + "/order", data=b'{"a": 1}', headers=headers
            ) as reply:
                assert reply.status == 401
            stolen = v.bob.headers("GET", "/data/orders", b"") | {
                "POLY_API_KEY": v.alice.key.key_id
            }
            async with v.http.get(v.server.url + "/data/orders", headers=stolen) as reply:
                assert reply.status == 401

    run(scenario)


def test_a_wrong_clock_of_the_venue_refuses_right_signatures() -> None:
    async def scenario() -> None:
        async with venue() as v:
            url = v.server.url + "/_sim/faults"
            fault = {"fault": "clock_skew", "millis": 90_000}
            async with v.http.post(url, json=fault) as reply:
                assert reply.status == 200
            assert (await v.alice.call("GET", "/data/orders")).status == 401
            assert (await v.get("/time")).body - time.time() > 80

    run(scenario)


def test_a_deleted_key_is_no_key() -> None:
    async def scenario() -> None:
        async with venue() as v:
            assert (await v.alice.call("DELETE", "/auth/api-key")).body == "OK"
            assert (await v.alice.call("GET", "/data/orders")).status == 401

    run(scenario)


def test_order_tokens_are_counted_per_signer_and_cancels_have_their_own() -> None:
    async def scenario() -> None:
        async with venue() as v:
            for _ in range(4):
                reply = await v.alice.call("POST", "/orders", [v.alice.signed("BUY", "0.10")] * 15)
            assert reply.status == 200
            remaining = int(reply.headers["Poly-RateLimit-Remaining"])
            assert (reply.headers["Poly-RateLimit-Tier"], remaining < 60) == ("standard", True)
            spent = await v.alice.call("POST", "/orders", [v.alice.signed("BUY", "0.10")] * 15)
            assert (spent.status, int(spent.headers["Retry-After"]) >= 1) == (429, True)
            assert (await v.alice.call("DELETE", "/cancel-all")).status == 200
            assert (await v.bob.place("BUY", "0.10")).status == 200

    run(scenario)


def test_a_limit_that_only_warns_says_so() -> None:
    async def scenario() -> None:
        settings = ServerSettings(is_driven=False, enforces_limits=False)
        async with venue(settings=settings) as v:
            for _ in range(6):
                batch = [v.alice.signed("BUY", "0.10")] * 15
                reply = await v.alice.call("POST", "/orders", batch)
            assert reply.headers["Poly-RateLimit-Warning"] == "true"

    run(scenario)


def test_a_blocked_region_may_read_and_cancel_but_not_order() -> None:
    async def scenario() -> None:
        async with venue() as v:
            order_id = await v.alice.placed("BUY", "0.20")
            await v.control("mode", blocked=True, country="US")
            told = (await v.get("/api/geoblock")).body
            assert (told["blocked"], told["country"]) == (True, "US")
            refused = await v.alice.place("BUY", "0.21")
            assert (refused.status, "restricted in your region" in refused.body["error"]) == (
                403, True,
            )  # fmt: skip
            canceled = await v.alice.call("DELETE", "/order", {"orderID": order_id})
            assert canceled.body["canceled"] == [order_id]

    run(scenario)


def test_a_closed_only_account_may_sell() -> None:
    async def scenario() -> None:
        async with venue() as v:
            v.give(v.alice, 10)
            await v.control("mode", closed_only=v.alice.wallet.address)
            told = await v.alice.call("GET", "/auth/ban-status/closed-only")
            assert told.body == {"closed_only": True}
            assert "closed only" in (await v.alice.place("BUY", "0.20")).body["error"]
            assert (await v.alice.place("SELL", "0.80")).status == 200

    run(scenario)


def test_a_restart_answers_425_and_then_takes_only_orders_that_rest() -> None:
    async def scenario() -> None:
        async with venue() as v:
            order_id = await v.alice.placed("BUY", "0.20")
            await v.control("restart", seconds=2, post_only_seconds=120)
            assert (await v.alice.place("BUY", "0.20")).status == 425
            assert (await v.alice.call("DELETE", "/order", {"orderID": order_id})).status == 425
            assert (await v.alice.order(order_id))["status"] == "LIVE"
            v.pass_time(3)
            refused = await v.alice.place("BUY", "0.20")
            assert (refused.status, refused.body["code"]) == (503, "post_only_mode")
            assert (await v.alice.place("BUY", "0.20", postOnly=True)).status == 200
            v.pass_time(120)
            assert (await v.alice.place("BUY", "0.20")).status == 200

    run(scenario)


def test_cancel_only_takes_no_order_at_all() -> None:
    async def scenario() -> None:
        async with venue() as v:
            order_id = await v.alice.placed("BUY", "0.20")
            await v.control("mode", cancel_only=True)
            refused = await v.alice.place("BUY", "0.20", postOnly=True)
            assert (refused.status, "cancel-only" in refused.body["error"]) == (503, True)
            canceled = await v.alice.call("DELETE", "/order", {"orderID": order_id})
            assert canceled.body["canceled"] == [order_id]

    run(scenario)


def test_heartbeats_once_begun_must_not_stop() -> None:
    async def scenario() -> None:
        async with venue() as v:
            mine = await v.alice.placed("BUY", "0.20")
            other = await v.bob.placed("BUY", "0.20")
            v.pass_time(60)
            assert (await v.alice.order(mine))["status"] == "LIVE"
            first = await v.alice.call("POST", "/v1/heartbeats", {"heartbeat_id": ""})
            wrong = await v.alice.call("POST", "/v1/heartbeats", {"heartbeat_id": "x"})
            assert wrong.status == 400
            assert wrong.body["error_msg"] == "Invalid Heartbeat ID"
            assert wrong.body["heartbeat_id"] == first.body["heartbeat_id"]
            v.pass_time(9)
            await v.alice.call("POST", "/v1/heartbeats", first.body)
            v.pass_time(9)
            assert (await v.alice.order(mine))["status"] == "LIVE"
            v.pass_time(2)
            assert (await v.alice.order(mine))["status"] == "CANCELED"
            assert (await v.bob.order(other))["status"] == "LIVE"

    run(scenario)


def test_unknown_paths_and_public_questions() -> None:
    async def scenario() -> None:
        async with venue() as v:
            assert (await v.get("/nothing/here")).status == 404
            assert (await v.get("/tick-size", token_id=RAIN.yes_token)).body == {
                "minimum_tick_size": 0.01
            }
            listed = (await v.get(f"/clob-markets/{RAIN.condition_id}")).body
            assert (listed["mos"], listed["fd"]) == (5, {"r": 0.07, "e": 1, "to": True})
            await v.alice.placed("BUY", "0.40")
            await v.bob.placed("BUY", "0.55", token=RAIN.no_token)
            assert (await v.get("/midpoint", token_id=RAIN.yes_token)).body == {"mid": "0.425"}
            assert (await v.get("/price", token_id=RAIN.no_token, side="SELL")).body == {
                "price": "0.6"
            }
            gamma = (await v.get("/markets/keyset", closed="false", slug=RAIN.slug)).body
            assert gamma["markets"][0]["conditionId"] == RAIN.condition_id

    run(scenario)
