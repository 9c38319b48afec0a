"""Orders are refused before the send, sent once, and known by a digest of our own making."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from kairos.adapters.polymarket.config import Exchange, Limits
from kairos.adapters.polymarket.eip712 import SALT_MAX
from kairos.adapters.polymarket.orders import OrderIds, salt_of
from kairos.domain.instruments import Action, Outcome
from kairos.domain.refusals import REMEDIES, Refusal
from kairos.errors import OutcomeUnknown, VenueRefused, VenueUnreachable
from kairos.messages.commands import SubmitOrder, TimeInForce
from kairos.messages.trading import OrderStatus, Placement
from kairos.ports import VenueTrading
from tests.support.polymarket import MARKET, NO, YES, listing
from tests.support.polymarket_rest import (
    API_KEY,
    ORDER_ID,
    SECRET,
    TEST_KEY,
    WALLET,
    Rig,
    credentials,
    reply,
    signer,
    submit,
)
from tests.support.rest import answer

SECOND = 1_000_000_000


def placed(rig: Rig, order: SubmitOrder) -> Placement:
    return asyncio.run(rig.trading.place(order))


def refusal(rig: Rig, order: SubmitOrder) -> VenueRefused:
    with pytest.raises(VenueRefused) as caught:
        placed(rig, order)
    assert caught.value.remedy == REMEDIES[Refusal(caught.value.reason)]
    return caught.value


def test_it_is_a_venue_like_the_others() -> None:
    trading: VenueTrading = Rig().trading
    assert (trading.has_client_order_ids, trading.can_amend) == (False, False)


# What is sent


def test_an_order_is_posted_once_signed_and_whole() -> None:
    rig = Rig()
    rig.answers(reply())
    made = placed(rig, submit())
    assert rig.sent == ["POST /order"]
    body = rig.posted()
    assert body["owner"] == API_KEY
    assert (body["orderType"], body["postOnly"], body["deferExec"]) == ("GTC", False, False)
    order = body["order"]
    assert (order["tokenId"], order["side"]) == (YES, "BUY")
    assert (order["makerAmount"], order["takerAmount"]) == ("11782400", "21040000")
    assert order["timestamp"] == "1795000000000"
    assert order["salt"] == salt_of("a-1") <= SALT_MAX
    headers = rig.clob.requests[0].headers or {}
    assert headers["POLY_ADDRESS"] == WALLET
    assert made == Placement(ORDER_ID, OrderStatus.RESTING, None, None, None)


def test_the_body_that_is_signed_is_the_body_that_is_sent() -> None:
    rig = Rig()
    rig.answers(reply())
    placed(rig, submit())
    request = rig.clob.requests[0]
    seconds = rig.clock.ns // SECOND
    expected = credentials().sign(f"{seconds}POST/order".encode() + request.body)
    assert (request.headers or {})["POLY_SIGNATURE"] == expected


def test_each_outcome_trades_its_own_token() -> None:
    rig = Rig()
    rig.answers(reply())
    placed(rig, submit(outcome=Outcome.NO, action=Action.SELL))
    assert rig.posted()["order"]["tokenId"] == NO
    assert rig.posted()["order"]["side"] == "SELL"


@pytest.mark.parametrize(
    ("time_in_force", "name"),
    [(TimeInForce.GTC, "GTC"), (TimeInForce.IOC, "FAK"), (TimeInForce.FOK, "FOK")],
)
def test_time_in_force_in_the_venue_s_words(time_in_force: TimeInForce, name: str) -> None:
    rig = Rig()
    rig.answers(reply(status="matched", making="11.78", taking="21.0357"))
    placed(rig, submit(time_in_force=time_in_force))
    assert rig.posted()["orderType"] == name


def test_a_buy_that_takes_spends_whole_cents() -> None:
    rig = Rig()
    rig.answers(reply(status="matched", making="11.78", taking="21.0357"))
    made = placed(rig, submit(time_in_force=TimeInForce.IOC))
    order = rig.posted()["order"]
    assert (order["makerAmount"], order["takerAmount"]) == ("11780000", "21035700")
    assert made == Placement(ORDER_ID, OrderStatus.FILLED, 21_035_700, 0, None)


def test_good_till_date_is_sent_in_whole_seconds_never_later() -> None:
    rig = Rig()
    rig.answers(reply())
    expires = rig.clock.ns + 200 * SECOND + 999_999_999
    placed(rig, submit(time_in_force=TimeInForce.GTD, expires_ns=expires, post_only=True))
    assert rig.posted()["order"]["expiration"] == str(expires // SECOND)
    assert (rig.posted()["orderType"], rig.posted()["postOnly"]) == ("GTD", True)


def test_the_same_order_is_the_same_bytes_after_a_restart() -> None:
    bodies = []
    for _ in range(2):
        rig = Rig()
        rig.answers(reply())
        placed(rig, submit())
        bodies.append(rig.clob.requests[0].body)
    assert bodies[0] == bodies[1]
    assert salt_of("a-1") != salt_of("a-2")


def test_its_id_is_known_before_the_send_and_whatever_the_grid_is_by_now() -> None:
    rig = Rig()
    known = asyncio.run(rig.trading.order_id(submit()))
    rig.listings.add(listing(tick=1_000))
    assert asyncio.run(rig.trading.order_id(submit())) == known
    rig.listings.add(listing(exchange=Exchange.NEG_RISK))
    assert asyncio.run(rig.trading.order_id(submit())) != known
    assert rig.clob.requests == []


# What is refused before the send


@pytest.mark.parametrize(
    ("order", "cause"),
    [
        (submit(price=5650), Refusal.PRICE_OFF_GRID),
        (submit(price=10_000), Refusal.PRICE_OFF_GRID),
        (submit(price=0), Refusal.PRICE_OFF_GRID),
        (submit(quantity=4_990_000), Refusal.SIZE_BELOW_MINIMUM),
        (submit(quantity=9_999), Refusal.DUST),
        (submit(post_only=True, time_in_force=TimeInForce.IOC), Refusal.UNSUPPORTED),
        (submit(post_only=True, time_in_force=TimeInForce.FOK), Refusal.UNSUPPORTED),
        (submit(reduce_only=True), Refusal.UNSUPPORTED),
        (submit(time_in_force=TimeInForce.GTD), Refusal.INVALID_REQUEST),
        (submit(expires_ns=1_795_000_500 * SECOND), Refusal.INVALID_REQUEST),
        (
            submit(time_in_force=TimeInForce.GTD, expires_ns=1_795_000_179 * SECOND),
            Refusal.INVALID_REQUEST,
        ),
    ],
)
def test_what_the_venue_would_refuse_is_never_sent(order: SubmitOrder, cause: Refusal) -> None:
    rig = Rig()
    market = {"t": [{"t": YES}, {"t": NO}], "mts": 0.01, "mos": 5}
    if cause is Refusal.PRICE_OFF_GRID:
        rig.answers(market)  # the tick is asked for again before the grid is believed
    assert refusal(rig, order).reason == cause
    assert not any(each.startswith("POST") for each in rig.sent)


def test_a_finer_tick_at_the_venue_lets_the_price_pass() -> None:
    rig = Rig()
    rig.answers({"t": [{"t": YES}, {"t": NO}], "mts": 0.001, "mos": 5, "nr": False}, reply())
    placed(rig, submit(price=5650))
    assert rig.sent == [f"GET /clob-markets/{MARKET}", "POST /order"]


def test_dust_of_a_position_can_be_sold_in_part_but_rests_only_above_the_minimum() -> None:
    rig = Rig()
    rig.answers(reply(status="matched", making="4.89", taking="2.4"))
    order = submit(action=Action.SELL, quantity=4_893_500, time_in_force=TimeInForce.IOC)
    made = placed(rig, order)
    assert rig.posted()["order"]["makerAmount"] == "4890000"
    assert made == Placement(ORDER_ID, OrderStatus.FILLED, 4_890_000, 0, None)


def test_a_blocked_location_sends_nothing() -> None:
    rig = Rig(geoblock=(answer(b'{"blocked":true,"country":"US","region":"NY"}'),))
    assert refusal(rig, submit()).reason == Refusal.REGION_BLOCKED
    assert rig.clob.requests == []


def test_without_a_token_left_for_orders_nothing_is_sent_but_cancels_pass() -> None:
    rig = Rig(limits=Limits(orders_per_second=0.01, orders_burst=22.0, cancel_reserve=20))
    rig.answers(reply(), reply())
    placed(rig, submit("a-1"))
    placed(rig, submit("a-2"))
    with pytest.raises(VenueUnreachable) as caught:
        placed(rig, submit("a-3"))
    assert caught.value.reason == "rate_limited"
    rig.answers({"canceled": [ORDER_ID], "not_canceled": {}})
    asyncio.run(rig.trading.cancel(ORDER_ID, MARKET))
    assert rig.sent[-1] == "DELETE /order"


def test_a_market_that_cannot_be_looked_up_sends_nothing() -> None:
    rig = Rig()
    rig.answers(*[answer(b"oops", 500)] * 3)
    with pytest.raises(VenueUnreachable):
        placed(rig, submit(market="0x77"))
    rig.answers({"t": [{"t": "1"}], "mts": 0.01, "mos": 5})
    assert refusal(rig, submit(market="0x77")).reason == Refusal.UNSUPPORTED


# What the answer proves


@pytest.mark.parametrize(
    ("order", "body", "expected"),
    [
        (submit(), reply(), Placement(ORDER_ID, OrderStatus.RESTING, None, None, None)),
        (
            submit(),
            reply(status="live", making="5.6", taking="10"),
            Placement(ORDER_ID, OrderStatus.RESTING, 10_000_000, 11_040_000, None),
        ),
        (
            submit(),
            reply(status="matched", making="11.7824", taking="21.04"),
            Placement(ORDER_ID, OrderStatus.FILLED, 21_040_000, 0, None),
        ),
        (
            submit(),
            reply(status="matched", making="5.6", taking="10"),
            Placement(ORDER_ID, OrderStatus.RESTING, 10_000_000, 11_040_000, None),
        ),
        (
            submit(time_in_force=TimeInForce.IOC),
            reply(status="matched", making="5.6", taking="10"),
            Placement(ORDER_ID, OrderStatus.CANCELED, 10_000_000, 0, None),
        ),
        (
            submit(time_in_force=TimeInForce.FOK, action=Action.SELL),
            reply(status="matched", making="21.04", taking="12"),
            Placement(ORDER_ID, OrderStatus.FILLED, 21_040_000, 0, None),
        ),
        (
            submit(),
            reply(status="delayed"),
            Placement(ORDER_ID, OrderStatus.PENDING, None, None, None),
        ),
        (
            submit(),
            reply(status="unmatched"),
            Placement(ORDER_ID, OrderStatus.PENDING, None, None, None),
        ),
        (
            submit(),
            reply(status="matched"),
            Placement(ORDER_ID, OrderStatus.PENDING, None, None, None),
        ),
    ],
)
def test_statuses(order: SubmitOrder, body: dict[str, Any], expected: Placement) -> None:
    rig = Rig()
    rig.answers(body)
    assert placed(rig, order) == expected


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("not enough balance / allowance: the balance is not enough", Refusal.INSUFFICIENT_BALANCE),
        ("Insufficient balance", Refusal.INSUFFICIENT_BALANCE),
        ("invalid post-only order: order crosses book", Refusal.POST_ONLY_CROSSED),
        ("order 0x1 is invalid. Price (0.565) breaks minimum tick size rule: 0.01",
         Refusal.PRICE_OFF_GRID),
        ("order 0x1 is invalid. Size (1) lower than the minimum: 5", Refusal.SIZE_BELOW_MINIMUM),
        ("invalid amount for a marketable BUY order ($0.99), min size: $1",
         Refusal.SIZE_BELOW_MINIMUM),
        ("order 0x1 is invalid. Duplicated.", Refusal.ALREADY_PLACED),
        ("order couldn't be fully filled. FOK orders are fully filled or killed.",
         Refusal.NOT_FILLED),
        ("no orders found to match with FAK order. FAK orders are partially filled or killed if no "
         "match is found.", Refusal.NOT_FILLED),
        ("the market is not yet ready to process new orders", Refusal.EXCHANGE_PAUSED),
        ("post-only mode: only post-only orders and cancels are allowed", Refusal.EXCHANGE_PAUSED),
        ("the orderbook 123 does not exist", Refusal.MARKET_CLOSED),
        ("'0xabc' address in closed only mode", Refusal.REGION_BLOCKED),
        ("'0xabc' address banned", Refusal.MISSING_SCOPE),
        ("invalid signature", Refusal.WRONG_KEY),
        ("the order owner has to be the owner of the API KEY", Refusal.WRONG_KEY),
        ("order_version_mismatch", Refusal.INVALID_REQUEST),
        ("something new", Refusal.INVALID_REQUEST),
    ],
)  # fmt: skip
@pytest.mark.parametrize("how", ["in the answer", "as status 400"])
def test_every_reason_has_a_name_and_a_remedy(text: str, cause: Refusal, how: str) -> None:
    rig = Rig()
    if how == "in the answer":
        rig.answers(reply(order_id="", success=False, error=text))
    else:
        rig.answers(answer(json.dumps({"error": text}), 400))
    problem = refusal(rig, submit())
    assert problem.reason == cause
    assert "/order" in problem.detail
    assert rig.sent == ["POST /order"], "an order is never sent again"


@pytest.mark.parametrize(
    ("status", "body", "cause"),
    [
        (401, '{"error":"Unauthorized/Invalid api key"}', Refusal.WRONG_KEY),
        (401, '{"error":"api key expired"}', Refusal.EXPIRED_KEY),
        (401, '{"error":"invalid timestamp"}', Refusal.CLOCK_SKEW),
        (401, "", Refusal.WRONG_KEY),
        (403, '{"error":"Trading restricted in your region"}', Refusal.REGION_BLOCKED),
        (403, "<html>forbidden</html>", Refusal.REGION_BLOCKED),
        (404, "", Refusal.NOT_FOUND),
        (425, "", Refusal.RESTARTING),
        (429, '{"error":"Too Many Requests"}', Refusal.RATE_LIMITED),
        (503, '{"code":"post_only_mode","error":"only post-only"}', Refusal.EXCHANGE_PAUSED),
        (503, '{"error":"Trading is currently cancel-only. New orders are not accepted"}',
         Refusal.EXCHANGE_PAUSED),
        (503, '{"error":"Trading is currently disabled."}', Refusal.EXCHANGE_PAUSED),
    ],
)  # fmt: skip
def test_statuses_that_prove_a_refusal(status: int, body: str, cause: Refusal) -> None:
    rig = Rig()
    rig.answers(answer(body, status))
    problem = refusal(rig, submit())
    assert (problem.reason, problem.status) == (cause, status)
    if cause is Refusal.RESTARTING:
        assert problem.retry_after_ns == 2 * SECOND


def test_what_the_venue_asks_to_wait_is_passed_on() -> None:
    rig = Rig()
    rig.answers(answer("", 425, {"retry-after": "7"}))
    assert refusal(rig, submit()).retry_after_ns == 7 * SECOND


@pytest.mark.parametrize(
    "outcome",
    [
        answer('{"error":"Internal server error"}', 500),
        answer('{"error":"could not insert the order"}', 500),
        answer("", 502),
        answer("upstream", 503),
        answer("", 504),
        answer("", 408),
        answer("", 302),
        answer("not json"),
        answer("{}"),
        answer("[]"),
        answer('{"success":"yes"}'),
        reply(order_id=""),
        reply(status="resting"),
        reply(status=""),
        reply(status="matched", taking="lots"),
        reply(status="matched", taking="-1"),
        reply(success=False, error="", order_id=ORDER_ID),
        OutcomeUnknown("clob", "no_answer", "timeout", "look"),
    ],
    ids=str,
)
def test_what_proves_nothing_stays_unknown_and_can_be_looked_up(outcome: Any) -> None:  # noqa: ANN401
    rig = Rig()
    rig.answers(outcome)
    order = submit()
    with pytest.raises(OutcomeUnknown):
        placed(rig, order)
    assert rig.sent == ["POST /order"]
    known = asyncio.run(rig.trading.order_id(order))
    assert rig.trading.ids.venue_id("a-1") == known


def test_a_lost_connection_before_the_send_is_proof_that_nothing_left() -> None:
    rig = Rig()
    rig.answers(VenueUnreachable("clob", "no_connection", "refused", "look"))
    with pytest.raises(VenueUnreachable):
        placed(rig, submit())


def test_another_tick_at_the_venue_is_asked_for_before_the_next_order() -> None:
    rig = Rig()
    text = "Price (0.56) breaks minimum tick size rule: 0.1"
    rig.answers(answer(json.dumps({"error": text}), 400))
    refusal(rig, submit())
    assert rig.listings.get(MARKET) is None


# Batches


def test_a_batch_is_one_request_with_an_outcome_each() -> None:
    rig = Rig()
    refused = reply(order_id="", success=False, error="not enough balance / allowance")
    rig.answers([reply("0x1"), refused, reply("0x3", "delayed")])
    orders = [submit(f"b-{number}") for number in range(3)]
    outcomes = asyncio.run(rig.trading.place_many(orders))
    assert rig.sent == ["POST /orders"]
    assert [each["order"]["salt"] for each in rig.posted()] == [
        salt_of(each.client_order_id) for each in orders
    ]
    assert isinstance(outcomes[0], Placement)
    assert isinstance(outcomes[1], VenueRefused)
    assert outcomes[1].reason == Refusal.INSUFFICIENT_BALANCE
    assert isinstance(outcomes[2], Placement)
    assert outcomes[2].status is OrderStatus.PENDING


@pytest.mark.parametrize("count", [0, 16])
def test_a_batch_is_bounded(count: int) -> None:
    rig = Rig()
    with pytest.raises(VenueRefused, match="15 orders"):
        asyncio.run(rig.trading.place_many([submit(str(n)) for n in range(count)]))
    assert rig.clob.requests == []


def test_fewer_answers_than_orders_prove_nothing() -> None:
    rig = Rig()
    rig.answers([reply("0x1")])
    with pytest.raises(OutcomeUnknown):
        asyncio.run(rig.trading.place_many([submit("1"), submit("2")]))


def test_each_order_of_a_batch_counts_against_the_budget() -> None:
    rig = Rig(limits=Limits(orders_per_second=0.01, orders_burst=30.0, cancel_reserve=20))
    with pytest.raises(VenueUnreachable, match="rate_limited"):
        asyncio.run(rig.trading.place_many([submit(str(n)) for n in range(11)]))
    rig.answers([reply(f"0x{n}") for n in range(10)])
    asyncio.run(rig.trading.place_many([submit(str(n)) for n in range(10)]))


def test_an_amend_is_refused_by_name() -> None:
    rig = Rig()
    rig.answers({"id": ORDER_ID, **OPEN})
    order = asyncio.run(rig.trading.order(ORDER_ID, MARKET))
    assert order is not None
    with pytest.raises(VenueRefused) as caught:
        asyncio.run(rig.trading.amend(order, 5500, 1))
    assert caught.value.reason == Refusal.UNSUPPORTED


OPEN: dict[str, Any] = {
    "status": "LIVE", "market": MARKET, "original_size": "21.04", "outcome": "Yes",
    "maker_address": WALLET, "owner": API_KEY, "price": "0.56", "side": "BUY",
    "size_matched": "1.04", "asset_id": YES, "expiration": "0", "order_type": "GTC",
    "created_at": 1795000000, "associate_trades": [],
}  # fmt: skip


# Secrets


def test_nothing_secret_is_ever_shown() -> None:
    rig = Rig()
    rig.answers(answer('{"error":"invalid signature"}', 400))
    problem = refusal(rig, submit())
    shown = " ".join(
        [str(problem), repr(problem), repr(credentials()), repr(signer()), repr(rig.trading)]
    )
    for secret in (TEST_KEY[2:], SECRET, API_KEY, "p" * 32):
        assert secret not in shown


def test_order_ids_are_bounded_and_forget_the_oldest() -> None:
    ids = OrderIds(most=2)
    for number in range(3):
        ids.add(submit(f"o-{number}"), f"0xA{number}")
    assert ids.venue_id("o-0") is None
    assert ids.client_id("0xa0") is None
    assert ids.client_id("0xA2") == "o-2"
    ids.add(submit("o-2"), "0xB2")
    assert ids.client_id("0xa2") is None
    assert ids.venue_id("o-2") == "0xb2"
    assert ids.sent("0xb2") == submit("o-2")
