"""Order semantics of the simulated Polymarket, over its REST interface."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from local.venues.polymarket.markets import ids_of
from local.venues.polymarket.server import ServerSettings
from local.venues.polymarket.settlement import FeeAsset
from local.venues.polymarket.signatures import (
    CTF,
    NEG_RISK,
    POSITIONS,
    OrderMessage,
    order_hash,
    order_signer,
)
from tests.support.repository import ROOT
from tests.support.sim_polymarket import RAIN, run, spec, venue

VECTORS = ROOT / ".." / "shared" / "vectors" / "polymarket_eip712_orders.json"


def test_signers_of_the_published_orders_are_recovered() -> None:
    if not VECTORS.exists():
        pytest.skip("needs ../shared/vectors")
    told = json.loads(VECTORS.read_text())
    contracts = {each.address: each for each in (CTF, NEG_RISK, POSITIONS)}
    checked = 0
    for case in told["vectors"]:
        contract = contracts.get(case["domain"]["verifyingContract"])
        if contract is None or case["version"] == 1:
            continue
        fields = case["message"]
        message = OrderMessage(*(_number(name, value) for name, value in fields.items()))
        assert order_hash(message, contract) == case["order_hash"], case["label"]
        signer = order_signer(message, contract, case["signature"])
        assert signer == told["address"].lower(), case["label"]
        broken = OrderMessage(message.salt + 1, *list(_values(message))[1:])
        assert order_signer(broken, contract, case["signature"]) != signer
        checked += 1
    assert checked >= 30


def _number(name: str, value: Any) -> Any:  # noqa: ANN401
    is_text = name in ("maker", "signer", "metadata", "builder")
    return value if is_text else int(value)


def _values(message: OrderMessage) -> list[Any]:
    return [getattr(message, name) for name in OrderMessage.__slots__]


def test_a_trade_moves_cash_and_shares_and_charges_the_taker() -> None:
    async def scenario() -> None:
        async with venue() as v:
            v.give(v.bob, 20)
            resting = await v.bob.placed("SELL", "0.56", "20")
            reply = await v.alice.place("BUY", "0.60", "10")
            assert reply.body["status"] == "matched"
            assert (reply.body["makingAmount"], reply.body["takingAmount"]) == ("5.6", "10")
            # 10 × 0.07 × 0.56 × 0.44, floored to five decimals.
            assert await v.alice.cash() == 1_000_000_000 - 5_600_000 - 172_480
            assert await v.alice.shares() == 10_000_000
            assert await v.bob.cash() == 1_000_000_000 + 5_600_000
            order = await v.bob.order(resting)
            assert (order["status"], order["size_matched"]) == ("LIVE", "10")
            trade = (await v.bob.call("GET", "/data/trades")).body["data"][0]
            assert (trade["trader_side"], trade["status"]) == ("MAKER", "MATCHED")
            assert trade["maker_orders"][0]["order_id"] == resting

    run(scenario)


def test_a_fee_in_shares_is_withheld_from_what_was_bought() -> None:
    async def scenario() -> None:
        settings = ServerSettings(is_driven=False, fee_asset=FeeAsset.SHARES)
        async with venue(settings=settings) as v:
            v.give(v.bob, 20)
            await v.bob.placed("SELL", "0.50", "5")
            await v.alice.placed("BUY", "0.50", "5")
            # 5 × 0.07 × 0.25 is 0.0875 dollars: 0.175 shares at 0.50.
            assert await v.alice.shares() == 4_825_000
            assert await v.alice.cash() == 1_000_000_000 - 2_500_000

    run(scenario)


def test_two_buys_of_opposite_tokens_mint_a_pair() -> None:
    async def scenario() -> None:
        async with venue() as v:
            await v.bob.placed("BUY", "0.45", "10", token=RAIN.no_token)
            reply = await v.alice.place("BUY", "0.55", "10")
            assert reply.body["status"] == "matched"
            assert await v.bob.shares(RAIN.no_token) == 10_000_000
            trade = (await v.alice.call("GET", "/data/trades")).body["data"][0]
            made = trade["maker_orders"][0]
            assert (made["asset_id"], made["side"], made["price"]) == (
                RAIN.no_token, "BUY", "0.45",
            )  # fmt: skip

    run(scenario)


def test_a_market_buy_spends_its_cash_at_whatever_is_better() -> None:
    async def scenario() -> None:
        async with venue() as v:
            v.give(v.bob, 100)
            await v.bob.placed("SELL", "0.40", "10")
            await v.bob.placed("SELL", "0.50", "50")
            # Six dollars at 0.60 or better: ten shares for four, four for two.
            reply = await v.alice.place("BUY", "0.60", "10", kind="FAK")
            assert (reply.body["makingAmount"], reply.body["takingAmount"]) == ("6", "14")
            assert await v.alice.shares() == 14_000_000

    run(scenario)


def test_fill_or_kill_and_fill_and_kill_leave_nothing_behind() -> None:
    async def scenario() -> None:
        async with venue() as v:
            v.give(v.bob, 10)
            nothing = await v.alice.place("BUY", "0.60", "10", kind="FAK")
            assert nothing.status == 400
            assert "no orders found to match" in nothing.body["error"]
            await v.bob.placed("SELL", "0.60", "5")
            killed = await v.alice.place("BUY", "0.60", "10", kind="FOK")
            assert (killed.status, "fully filled or killed" in killed.body["error"]) == (400, True)
            assert await v.alice.cash() == 1_000_000_000
            part = await v.alice.place("BUY", "0.60", "10", kind="FAK")
            assert part.body["takingAmount"] == "5"
            assert (await v.alice.call("GET", "/data/orders")).body["data"] == []

    run(scenario)


def test_what_an_order_must_not_be_is_refused_in_words() -> None:
    async def scenario() -> None:
        async with venue() as v:
            v.give(v.bob, 50)
            await v.bob.placed("SELL", "0.60", "10")
            order = v.alice.signed("BUY", "0.10")
            assert (await v.alice.call("POST", "/order", order)).status == 200
            cases = {
                "minimum tick size": v.alice.signed("BUY", "0.555"),
                "lower than the minimum": v.alice.signed("BUY", "0.50", "4"),
                "min size: $1": v.alice.signed("BUY", "0.50", "1", kind="FAK"),
                "crosses book": v.alice.signed("BUY", "0.60", postOnly=True),
                "not enough balance": v.alice.signed("BUY", "0.59", "5000"),
                "Duplicated": order,
                "invalid signature": v.alice.signed("BUY", "0.50", signature="0x" + "11" * 65),
                "order owner": v.alice.signed("BUY", "0.50") | {"owner": v.bob.key.key_id},
                "does not exist": v.alice.signed("BUY", "0.50", token=ids_of("no")[1]),
                "invalid expiration": v.alice.signed(
                    "BUY", "0.50", kind="GTD", expiration=int(time.time()) + 30
                ),
                "Invalid order payload": {"order": 1},
            }
            for words, body in cases.items():
                reply = await v.alice.call("POST", "/order", body)
                assert (reply.status, words in reply.body["error"]) == (400, True), words

    run(scenario)


def test_selling_takes_shares_that_are_there() -> None:
    async def scenario() -> None:
        async with venue() as v:
            v.give(v.bob, 12)
            await v.bob.placed("SELL", "0.60", "10")
            refused = await v.bob.place("SELL", "0.61", "5")
            assert "not enough balance" in refused.body["error"]

    run(scenario)


def test_an_order_till_a_date_ends_a_minute_before_it() -> None:
    async def scenario() -> None:
        async with venue() as v:
            expiration = int(time.time()) + 180
            order_id = await v.alice.placed("BUY", "0.20", kind="GTD", expiration=expiration)
            v.pass_time(115)
            assert (await v.alice.order(order_id))["status"] == "LIVE"
            v.pass_time(10)
            assert (await v.alice.order(order_id))["status"] == "CANCELED_EXPIRED_ORDER"

    run(scenario)


def test_a_marketable_order_waits_where_takers_are_delayed() -> None:
    async def scenario() -> None:
        slow = spec("slow", delay_ns=250_000_000)
        async with venue(slow) as v:
            v.give(v.bob, 10, slow.yes_token)
            await v.bob.placed("SELL", "0.60", "10", market=slow)
            reply = await v.alice.place("BUY", "0.60", "10", market=slow)
            order_id = reply.body["orderID"]
            assert (reply.body["status"], reply.body["takingAmount"]) == ("delayed", "")
            cancel = await v.alice.call("DELETE", "/order", {"orderID": order_id})
            assert "delayed" in cancel.body["not_canceled"][order_id]
            v.pass_time(0.3)
            assert (await v.alice.order(order_id))["status"] == "MATCHED"

    run(scenario)


def test_cancels_name_what_they_ended_and_what_they_did_not() -> None:
    async def scenario() -> None:
        async with venue() as v:
            ids = [await v.alice.placed("BUY", f"0.{n}0") for n in (1, 2, 3, 4)]
            foreign = await v.bob.placed("BUY", "0.10")
            reply = await v.alice.call("DELETE", "/orders", [ids[0], foreign, "0x12"])
            assert reply.body["canceled"] == [ids[0]]
            assert set(reply.body["not_canceled"]) == {foreign, "0x12"}
            reply = await v.alice.call(
                "DELETE", "/cancel-market-orders", {"asset_id": RAIN.yes_token}
            )
            assert reply.body["canceled"] == ids[1:]
            assert (await v.bob.call("DELETE", "/cancel-all")).body["canceled"] == [foreign]

    run(scenario)


def test_a_batch_has_an_outcome_for_each_order_and_fifteen_at_most() -> None:
    async def scenario() -> None:
        async with venue() as v:
            good, bad = v.alice.signed("BUY", "0.50"), v.alice.signed("BUY", "0.555")
            reply = await v.alice.call("POST", "/orders", [good, bad])
            assert [each["success"] for each in reply.body] == [True, False]
            assert "tick" in reply.body[1]["errorMsg"]
            many = [v.alice.signed("BUY", "0.10") for _ in range(16)]
            assert (await v.alice.call("POST", "/orders", many)).status == 400

    run(scenario)


@pytest.mark.parametrize("kind", ["neg_risk", "is_position"])
def test_each_exchange_contract_takes_only_its_own_signatures(kind: str) -> None:
    async def scenario() -> None:
        other = spec("other", **{kind: True})
        async with venue(RAIN, other) as v:
            assert (await v.alice.place("BUY", "0.50", market=other)).status == 200
            wrong = await v.alice.place("BUY", "0.50", token=other.yes_token)
            assert wrong.body["error"] == "invalid signature"

    run(scenario)


def test_pages_of_orders_and_trades_have_cursors() -> None:
    async def scenario() -> None:
        async with venue(settings=ServerSettings(is_driven=False, page=2)) as v:
            ids = {await v.alice.placed("BUY", f"0.1{n}") for n in range(5)}
            seen, cursor = set(), "MA=="
            while cursor != "LTE=":
                page = (await v.alice.call("GET", "/data/orders", next_cursor=cursor)).body
                seen |= {order["id"] for order in page["data"]}
                cursor = page["next_cursor"]
            assert seen == ids

    run(scenario)


def test_the_tick_becomes_finer_where_prices_are_extreme() -> None:
    async def scenario() -> None:
        async with venue() as v:
            v.give(v.bob, 20)
            await v.bob.placed("SELL", "0.97", "10")
            async with v.market() as socket:
                await socket.next("book")
                await v.alice.placed("BUY", "0.97", "10")
                change = await socket.next("tick_size_change")
                assert (change["old_tick_size"], change["new_tick_size"]) == ("0.01", "0.001")
            assert (await v.alice.place("BUY", "0.967")).status == 200

    run(scenario)
