"""Look-ups prove what became of an order; anything that cannot be read proves nothing."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from kairos.adapters.polymarket.cancels import has_ended
from kairos.domain.instruments import Action, Outcome, Venue
from kairos.domain.refusals import Refusal
from kairos.errors import OutcomeUnknown, VenueRefused
from kairos.messages.commands import TimeInForce
from kairos.messages.trading import (
    FillState,
    OrderStatus,
    VenueBalance,
    VenueOrder,
    VenuePosition,
)
from tests.support.polymarket import MARKET, NO, OTHER, YES
from tests.support.polymarket_rest import API_KEY, ORDER_ID, WALLET, Rig, submit
from tests.support.repository import shared
from tests.support.rest import answer

SECOND = 1_000_000_000
OTHER_ID = "0x" + "ef" * 32
LAST = "LTE="


def wire_order(order_id: str = ORDER_ID, **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "id": order_id, "status": "LIVE", "market": MARKET, "original_size": "21.04",
        "outcome": "Yes", "maker_address": WALLET, "owner": API_KEY, "price": "0.56",
        "side": "BUY", "size_matched": "1.04", "asset_id": YES, "expiration": "0",
        "order_type": "GTC", "created_at": 1_795_000_000, "associate_trades": [],
    } | changes  # fmt: skip


def wire_trade(order_id: str, **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "id": "t-1", "taker_order_id": order_id, "market": MARKET, "asset_id": YES, "side": "BUY",
        "size": "10", "fee_rate_bps": "0", "price": "0.5", "status": "CONFIRMED",
        "match_time": "1795000001", "last_update": "1795000002", "outcome": "Yes",
        "bucket_index": 0, "owner": API_KEY, "maker_address": WALLET, "transaction_hash": "0x1",
        "maker_orders": [], "trader_side": "TAKER",
    } | changes  # fmt: skip


def page(*rows: dict[str, Any], cursor: str = LAST) -> dict[str, Any]:
    return {"data": list(rows), "next_cursor": cursor, "limit": 100, "count": len(rows)}


def test_an_open_order_in_our_units() -> None:
    rig = Rig()
    rig.answers(wire_order(expiration="1795009999", order_type="GTD"))
    assert asyncio.run(rig.trading.order(ORDER_ID, MARKET)) == VenueOrder(
        Venue.POLYMARKET, ORDER_ID, None, MARKET, Outcome.YES, Action.BUY, 5600, 21_040_000,
        1_040_000, OrderStatus.RESTING, "LIVE", 1_795_000_000 * SECOND, 1_795_009_999 * SECOND,
        None,
    )  # fmt: skip
    assert rig.sent == [f"GET /data/order/{ORDER_ID}"]


@pytest.mark.parametrize("gone", [answer("null"), answer(""), answer("", 404)], ids=str)
def test_an_order_the_venue_does_not_know_is_none(gone: Any) -> None:  # noqa: ANN401
    rig = Rig()
    rig.answers(gone)
    assert asyncio.run(rig.trading.order(ORDER_ID, MARKET)) is None


@pytest.mark.parametrize("odd", ["{}", "[]", "{", '{"id":5}'])
def test_an_answer_that_cannot_be_read_proves_nothing(odd: str) -> None:
    rig = Rig()
    rig.answers(odd)
    with pytest.raises(OutcomeUnknown):
        asyncio.run(rig.trading.order(ORDER_ID, MARKET))


@pytest.mark.parametrize("odd", ["", "5", "0xzz", "0x1/../../orders", "0x" + "a" * 300])
def test_only_ids_go_into_a_path(odd: str) -> None:
    rig = Rig()
    for call in (rig.trading.order(odd, MARKET), rig.trading.cancel(odd, MARKET)):
        with pytest.raises(VenueRefused, match="is no order id"):
            asyncio.run(call)
    assert rig.clob.requests == []


def test_find_knows_the_id_of_an_order_whose_send_proved_nothing() -> None:
    rig = Rig()
    order = submit()
    rig.answers(answer("", 502))
    with pytest.raises(OutcomeUnknown):
        asyncio.run(rig.trading.place(order))
    order_id = asyncio.run(rig.trading.order_id(order))
    rig.answers(wire_order(order_id))
    found = asyncio.run(rig.trading.find("a-1", MARKET))
    assert found is not None
    assert (found.venue_order_id, found.client_order_id) == (order_id, "a-1")
    assert rig.sent[-1] == f"GET /data/order/{order_id}"


def test_after_a_restart_a_remembered_order_can_be_found_and_no_other() -> None:
    rig = Rig()
    with pytest.raises(OutcomeUnknown, match="order_not_remembered"):
        asyncio.run(rig.trading.find("a-1", MARKET))
    order_id = asyncio.run(rig.trading.remember(submit()))
    rig.answers("null", page())
    assert asyncio.run(rig.trading.find("a-1", MARKET)) is None
    assert rig.sent == [f"GET /data/order/{order_id}", "GET /data/trades"]


@pytest.mark.parametrize(
    ("time_in_force", "size", "status"),
    [
        (TimeInForce.GTC, "21.04", OrderStatus.FILLED),
        (TimeInForce.GTC, "10", OrderStatus.PENDING),
        (TimeInForce.IOC, "10", OrderStatus.CANCELED),
    ],
)
def test_a_trade_proves_an_order_that_the_venue_has_forgotten(
    time_in_force: TimeInForce, size: str, status: OrderStatus
) -> None:
    rig = Rig()
    order_id = asyncio.run(rig.trading.remember(submit(time_in_force=time_in_force)))
    rig.answers(
        "null", page(wire_trade("0x9"), wire_trade(order_id.upper().replace("X", "x"), size=size))
    )
    found = asyncio.run(rig.trading.find("a-1", MARKET))
    assert found is not None
    assert (found.status, found.reason) == (status, "known_by_its_trades")
    assert found.filled == round(float(size) * 1_000_000)


def test_a_failed_trade_proves_nothing() -> None:
    rig = Rig()
    order_id = asyncio.run(rig.trading.remember(submit()))
    rig.answers("null", page(wire_trade(order_id, status="FAILED")))
    assert asyncio.run(rig.trading.find("a-1", MARKET)) is None


def test_open_orders_follow_the_cursor_to_its_end() -> None:
    rig = Rig()
    rig.answers(page(wire_order(), cursor="Mg=="), page(wire_order(OTHER_ID, asset_id=NO)))
    orders = asyncio.run(rig.trading.open_orders())
    assert [(each.venue_order_id, each.outcome) for each in orders] == [
        (ORDER_ID, Outcome.YES),
        (OTHER_ID, Outcome.NO),
    ]
    assert [each.query for each in rig.clob.requests] == [
        "next_cursor=MA%3D%3D",
        "next_cursor=Mg%3D%3D",
    ]


@pytest.mark.parametrize("cursor", ["MA==", ""])
def test_a_cursor_that_stands_still_is_no_end(cursor: str) -> None:
    rig = Rig()
    rig.answers(page(wire_order(), cursor=cursor))
    with pytest.raises(OutcomeUnknown):
        asyncio.run(rig.trading.open_orders())


def test_one_unreadable_order_is_not_left_out_in_silence() -> None:
    rig = Rig()
    rig.answers(page(wire_order(), wire_order(OTHER_ID, status="SLEEPING")))
    with pytest.raises(OutcomeUnknown, match="SLEEPING"):
        asyncio.run(rig.trading.open_orders())


def test_orders_of_markets_we_never_saw_are_looked_up() -> None:
    rig = Rig()
    rig.answers(
        page(wire_order(market=OTHER, asset_id="78")),
        {
            "t": [{"t": "77"}, {"t": "78"}],
            "mts": 0.001,
            "mos": 5,
            "fd": {"r": 0.05, "e": 1, "to": True},
        },
    )
    [order] = asyncio.run(rig.trading.open_orders())
    assert (order.market, order.outcome) == (OTHER, Outcome.NO)


def test_fills_are_asked_for_from_the_second_before() -> None:
    rig = Rig()
    rig.answers(page(wire_trade(ORDER_ID)))
    [fill] = asyncio.run(rig.trading.fills(1_795_000_000 * SECOND + 999))
    assert fill.fill_id == f"t-1:{ORDER_ID}"
    assert fill.state is FillState.FINAL
    assert rig.clob.requests[0].query == "after=1795000000&next_cursor=MA%3D%3D"


# Cancels


def test_a_canceled_order_is_canceled() -> None:
    rig = Rig()
    rig.answers({"canceled": [ORDER_ID.upper().replace("X", "x")], "not_canceled": {}})
    asyncio.run(rig.trading.cancel(ORDER_ID, MARKET))
    assert rig.posted() == {"orderID": ORDER_ID}


@pytest.mark.parametrize(
    ("reason", "ended"),
    [
        ("already canceled or matched", True),
        ("matched orders can't be canceled", True),
        ("order can't be found - already canceled or matched", True),
        ("delayed orders cannot be canceled until they are matched", False),
        ("the exchange is busy", False),
    ],
)
def test_why_an_order_was_not_canceled_says_whether_it_ended(reason: str, ended: bool) -> None:
    assert has_ended(reason) is ended
    rig = Rig()
    rig.answers({"canceled": [], "not_canceled": {ORDER_ID: reason}})
    if ended:
        asyncio.run(rig.trading.cancel(ORDER_ID, MARKET))
        return
    with pytest.raises(VenueRefused, match=reason[:10]):
        asyncio.run(rig.trading.cancel(ORDER_ID, MARKET))


def test_an_answer_that_does_not_name_the_order_proves_nothing() -> None:
    rig = Rig()
    rig.answers({"canceled": [OTHER_ID], "not_canceled": {}})
    with pytest.raises(OutcomeUnknown, match="does not name"):
        asyncio.run(rig.trading.cancel(ORDER_ID, MARKET))


def test_cancels_are_tried_again() -> None:
    rig = Rig()
    rig.answers(answer("", 425), answer("", 502), {"canceled": [ORDER_ID], "not_canceled": {}})
    asyncio.run(rig.trading.cancel(ORDER_ID, MARKET))
    assert rig.sent == ["DELETE /order"] * 3


def test_many_cancels_in_one_request_say_which_did_not_end() -> None:
    rig = Rig()
    rig.answers({"canceled": [ORDER_ID], "not_canceled": {OTHER_ID: "delayed"}})
    left = asyncio.run(rig.trading.cancels.many([ORDER_ID, OTHER_ID]))
    assert list(left) == [OTHER_ID]
    assert rig.sent == ["DELETE /orders"]
    assert rig.posted() == [ORDER_ID, OTHER_ID]


def test_cancels_in_one_request_are_bounded() -> None:
    rig = Rig()
    for ids in ([], [ORDER_ID] * 3_001):
        with pytest.raises(VenueRefused, match="3000 cancels"):
            asyncio.run(rig.trading.cancels.many(ids))


def test_everything_and_one_market() -> None:
    rig = Rig()
    rig.answers({"canceled": [ORDER_ID], "not_canceled": {}}, {"canceled": [], "not_canceled": {}})
    asyncio.run(rig.trading.cancel_all())
    asyncio.run(rig.trading.cancel_all(MARKET))
    assert rig.sent == ["DELETE /cancel-all", "DELETE /cancel-market-orders"]
    assert rig.clob.requests[0].body == b""
    assert rig.posted() == {"market": MARKET}
    rig.answers({"canceled": [], "not_canceled": {OTHER_ID: "delayed"}})
    with pytest.raises(VenueRefused):
        asyncio.run(rig.trading.cancel_all())


# The dead-man switch


def test_each_heartbeat_carries_the_last_one_s_id() -> None:
    rig = Rig()
    rig.answers({"heartbeat_id": "h-1"}, {"heartbeat_id": "h-2"})
    asyncio.run(rig.trading.keep_alive())
    asyncio.run(rig.trading.keep_alive())
    assert [json.loads(each.body)["heartbeat_id"] for each in rig.clob.requests] == ["", "h-1"]


def test_a_heartbeat_the_venue_does_not_expect_is_sent_again_with_the_right_id() -> None:
    rig = Rig()
    mismatch = {"error_msg": "Invalid Heartbeat ID", "heartbeat_id": "h-7"}
    rig.answers(answer(json.dumps(mismatch), 400), {"heartbeat_id": "h-8"})
    asyncio.run(rig.trading.keep_alive())
    assert [json.loads(each.body)["heartbeat_id"] for each in rig.clob.requests] == ["", "h-7"]


def test_a_heartbeat_that_is_refused_otherwise_is_an_error() -> None:
    rig = Rig()
    rig.answers(answer('{"error":"Unauthorized"}', 401))
    with pytest.raises(VenueRefused) as caught:
        asyncio.run(rig.trading.keep_alive())
    assert caught.value.reason == Refusal.WRONG_KEY
    rig.answers("{}")
    with pytest.raises(OutcomeUnknown):
        asyncio.run(rig.trading.keep_alive())


# Cash and positions


def test_cash_is_base_units() -> None:
    rig = Rig()
    rig.answers({"balance": "1000000000", "allowances": {"0xE1": "5"}})
    assert asyncio.run(rig.trading.balance()) == VenueBalance(Venue.POLYMARKET, 1_000_000_000)
    assert rig.clob.requests[0].query == "asset_type=COLLATERAL&signature_type=0"


@pytest.mark.parametrize("balance", ["250.5", "-1", "", "1e9"])
def test_cash_that_is_no_base_units_is_no_cash(balance: str) -> None:
    rig = Rig()
    rig.answers({"balance": balance})
    with pytest.raises(OutcomeUnknown):
        asyncio.run(rig.trading.balance())


def test_positions_per_outcome_to_the_micro_contract() -> None:
    rig = Rig()
    row = {"token_id": YES, "condition_id": MARKET, "current_size": 4.8935, "outcome_index": 0}
    rig.data.answers = [
        answer(json.dumps({
            "data": [row, row | {"current_size": 0, "outcome_index": 1}],
            "pagination": {"has_more": True, "next_cursor": "c"},
        })),
        answer(json.dumps({
            "data": [row | {"current_size": 0.30000000000000004, "outcome_index": 1}],
            "pagination": {"has_more": False, "next_cursor": None},
        })),
    ]  # fmt: skip
    assert asyncio.run(rig.trading.positions()) == [
        VenuePosition(Venue.POLYMARKET, MARKET, Outcome.YES, 4_893_500),
        VenuePosition(Venue.POLYMARKET, MARKET, Outcome.NO, 300_000),
    ]
    assert rig.data.requests[1].query == f"user={WALLET}&limit=500&cursor=c"
    assert "POLY_SIGNATURE" not in (rig.data.requests[0].headers or {})


@pytest.mark.parametrize(
    "change", [{"outcome_index": 2}, {"outcome_index": None}, {"current_size": -1}]
)
def test_a_position_that_cannot_be_is_not_dropped(change: dict[str, Any]) -> None:
    rig = Rig()
    row = {"token_id": YES, "condition_id": MARKET, "current_size": 1, "outcome_index": 0} | change
    body = {"data": [row], "pagination": {"has_more": False, "next_cursor": None}}
    rig.data.answers = [answer(json.dumps(body))]
    with pytest.raises(OutcomeUnknown):
        asyncio.run(rig.trading.positions())


def test_checks_for_the_doctor() -> None:
    rig = Rig()
    rig.answers({"closed_only": True}, "1795000003", "{}", {"balance": "3", "allowance": "4"})
    account = rig.trading.account
    assert asyncio.run(account.is_closed_only())
    assert asyncio.run(account.server_seconds()) == 1_795_000_003
    asyncio.run(account.update_allowance(YES))
    assert asyncio.run(account.allowance(YES)).balance == "3"
    assert rig.clob.requests[2].query == f"asset_type=CONDITIONAL&token_id={YES}&signature_type=0"


def sample(name: str) -> bytes:
    return shared(f"samples/nautilus_polymarket/{name}.json").read_bytes()


@pytest.mark.parametrize("name", ["http_cancel_response_ok", "http_cancel_response_failed"])
def test_recorded_cancels(name: str) -> None:
    rig = Rig()
    order_id = "0xb816482a1234567890abcdef1234567890abcdef1234567890abcdef12345678"
    rig.answers(sample(name))
    asyncio.run(rig.trading.cancel(order_id, MARKET))


def test_recorded_answers_to_an_order() -> None:
    """The recordings lack the status: nothing is made up for it."""
    rig = Rig()
    rig.answers(sample("http_order_response_ok"))
    with pytest.raises(OutcomeUnknown, match="unknown_status"):
        asyncio.run(rig.trading.place(submit()))
    rig.answers(sample("http_order_response_failed"))
    with pytest.raises(VenueRefused, match="insufficient_balance"):
        asyncio.run(rig.trading.place(submit()))


def test_recorded_pages() -> None:
    rig = Rig()
    market = {"t": [{"t": _TOKENS[0]}, {"t": _TOKENS[1]}], "mts": 0.01, "mos": 5}
    rig.answers(sample("http_open_orders_page"), market)
    orders = asyncio.run(rig.trading.open_orders())
    assert [(each.price, each.quantity, each.filled) for each in orders] == [
        (6000, 200_000_000, 0),
        (4000, 150_000_000, 50_000_000),
    ]
    recorded = json.loads(sample("http_trades_page"))
    recorded["data"][0]["match_time"] = "1795000000"
    rig.answers(recorded)
    [fill] = asyncio.run(rig.trading.fills(0))
    assert (fill.price, fill.quantity, fill.state) == (5000, 10_000_000, FillState.PENDING)


_TOKENS = (
    "71321045679252212594626385532706912750332728571942532289631379312455583992563",
    "52114319501245915516055106046884209969926127482827954674443846427813813222426",
)
