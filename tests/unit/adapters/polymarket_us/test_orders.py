"""Orders in the venue's terms: its prices are those of the LONG book, whatever is traded."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos.adapters.polymarket_us import orders
from kairos.adapters.polymarket_us.schemas import Created, Execution, Order
from kairos.domain.grid import LINEAR_CENT
from kairos.domain.instruments import Action, Liquidity, Outcome, Venue
from kairos.domain.units import PRICE_PER_DOLLAR
from kairos.errors import Malformed, VenueRefused
from kairos.messages.commands import SubmitOrder, TimeInForce
from kairos.messages.trading import (
    FillState,
    OrderStatus,
    Placement,
    VenueFill,
    VenueMarket,
    VenueOrder,
)
from tests.support.polymarket_us import MARKET, NOW_NS, encoded, execution, intent, order, usd

PRICES = st.integers(1, PRICE_PER_DOLLAR - 1)
OUTCOMES = st.sampled_from(Outcome)
ACTIONS = st.sampled_from(Action)
QUANTITIES = st.integers(1, 10**13)


def body_of(submit: SubmitOrder) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(orders.order_body(submit, 3), parse_float=Decimal)
    return body


def read_order(**fields: object) -> Order:
    return msgspec.json.decode(encoded(order(**fields)), type=Order)


def read_execution(kind: str = "EXECUTION_TYPE_PARTIAL_FILL", **fields: object) -> Execution:
    return msgspec.json.decode(encoded(execution(kind, **fields)), type=Execution)


# What the venue's documentation shows: who wants to trade at 0.83, and the price it sends.
@pytest.mark.parametrize(
    ("outcome", "action", "intent_name", "value"),
    [
        (Outcome.YES, Action.BUY, "ORDER_INTENT_BUY_LONG", "0.83"),
        (Outcome.YES, Action.SELL, "ORDER_INTENT_SELL_LONG", "0.83"),
        (Outcome.NO, Action.BUY, "ORDER_INTENT_BUY_SHORT", "0.17"),
        (Outcome.NO, Action.SELL, "ORDER_INTENT_SELL_SHORT", "0.17"),
    ],
)
def test_the_documented_table_of_prices(
    outcome: Outcome, action: Action, intent_name: str, value: str
) -> None:
    body = body_of(intent(outcome=outcome, action=action, price=8_300))
    assert (body["intent"], body["price"]) == (intent_name, {"value": value, "currency": "USD"})


@given(OUTCOMES, ACTIONS, PRICES, QUANTITIES)
def test_what_is_sent_comes_back_as_it_was(
    outcome: Outcome, action: Action, price: int, quantity: int
) -> None:
    body = body_of(intent(outcome=outcome, action=action, price=price, quantity=quantity))
    echo = body | {"id": "1", "state": "ORDER_STATE_NEW", "cumQuantity": 0}
    encode = msgspec.json.Encoder(decimal_format="number").encode
    echoed = msgspec.json.decode(encode(echo), type=Order)
    back = orders.venue_order(echoed, None)
    assert (back.outcome, back.action, back.price, back.quantity) == (
        outcome, action, price, quantity,
    )  # fmt: skip


@given(OUTCOMES, PRICES)
def test_the_long_price_is_its_own_inverse_and_the_two_outcomes_make_a_dollar(
    outcome: Outcome, price: int
) -> None:
    there = orders.long_price(outcome, price)
    assert orders.long_price(outcome, there) == price
    assert there + orders.long_price(outcome.other, price) == PRICE_PER_DOLLAR
    assert 0 < there < PRICE_PER_DOLLAR


@given(OUTCOMES, ACTIONS)
def test_every_intent_has_one_meaning(outcome: Outcome, action: Action) -> None:
    assert orders.meaning_of(orders.intent_of(outcome, action)) == (outcome, action)
    assert len(set(orders.INTENTS.values())) == 4


def test_a_resting_order_is_written_as_the_venue_wants_it() -> None:
    assert body_of(intent()) == {
        "marketSlug": MARKET,
        "intent": "ORDER_INTENT_BUY_SHORT",
        "type": "ORDER_TYPE_LIMIT",
        "price": {"value": "0.61", "currency": "USD"},
        "quantity": 12,
        "tif": "TIME_IN_FORCE_GOOD_TILL_DATE",
        "participateDontInitiate": True,
        "manualOrderIndicator": "MANUAL_ORDER_INDICATOR_AUTOMATIC",
        "synchronousExecution": False,
        "goodTillTime": "2026-11-18T11:21:40.000000Z",
    }


@pytest.mark.parametrize(
    ("time_in_force", "name"),
    [
        (TimeInForce.IOC, "TIME_IN_FORCE_IMMEDIATE_OR_CANCEL"),
        (TimeInForce.FOK, "TIME_IN_FORCE_FILL_OR_KILL"),
    ],
)
def test_an_order_that_cannot_rest_is_answered_when_it_is_done(
    time_in_force: TimeInForce, name: str
) -> None:
    body = body_of(intent(time_in_force=time_in_force, post_only=False))
    assert (body["tif"], body["synchronousExecution"], body["maxBlockTime"]) == (name, True, "3")
    assert "goodTillTime" not in body


def test_an_order_with_an_end_is_good_till_then() -> None:
    body = body_of(intent(time_in_force=TimeInForce.GTC))
    assert body["tif"] == "TIME_IN_FORCE_GOOD_TILL_DATE"
    endless = body_of(intent(time_in_force=TimeInForce.GTC, expires_ns=None))
    assert endless["tif"] == "TIME_IN_FORCE_GOOD_TILL_CANCEL"
    assert "goodTillTime" not in endless


def test_parts_of_contracts_are_written_exactly() -> None:
    assert b'"quantity":0.25,' in orders.order_body(intent(quantity=250_000), 3)
    assert b'"quantity":100,' in orders.order_body(intent(quantity=100_000_000), 3)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"price": 0}, "price_off_grid"),
        ({"price": 10_000}, "price_off_grid"),
        ({"quantity": 0}, "size_below_minimum"),
        ({"quantity": -1}, "size_below_minimum"),
        ({"time_in_force": TimeInForce.IOC}, "unsupported"),
        ({"expires_ns": None}, "invalid_request"),
        ({"reduce_only": True}, "unsupported"),
    ],
)
def test_what_the_venue_cannot_express_is_refused_here(
    fields: dict[str, object], reason: str
) -> None:
    with pytest.raises(VenueRefused) as refused:
        orders.order_body(intent(**fields), 3)
    assert refused.value.reason == reason
    assert refused.value.remedy


def listed(quantity_min: int = 1_000_000) -> VenueMarket:
    return VenueMarket(
        Venue.POLYMARKET_US, MARKET, "", "MARKET_STATUS_OPEN", True, None, LINEAR_CENT,
        quantity_min, None, None, None, None, None, None, {},
    )  # fmt: skip


def test_what_the_venue_would_shorten_is_refused_here() -> None:
    orders.refuse_off_grid(intent(), listed())
    with pytest.raises(VenueRefused, match="price_off_grid"):
        orders.refuse_off_grid(intent(price=3_950), listed())
    for quantity in (500_000, 1_500_000):
        with pytest.raises(VenueRefused, match="size_below_minimum"):
            orders.refuse_off_grid(intent(quantity=quantity), listed())


def test_a_venue_order_is_read_in_the_outcome_s_own_price() -> None:
    assert orders.venue_order(read_order(), "ours") == VenueOrder(
        Venue.POLYMARKET_US, "CX5M98730YHH", "ours", MARKET, Outcome.NO, Action.BUY, 3_900,
        12_000_000, 0, OrderStatus.RESTING, "", NOW_NS + 250_000_000, NOW_NS + 900 * 10**9, None,
    )  # fmt: skip


@pytest.mark.parametrize(("state", "status"), sorted(orders.STATUSES.items()))
def test_every_state_is_known(state: str, status: OrderStatus) -> None:
    found = orders.venue_order(read_order(state=state), None)
    assert found.status is status
    assert found.reason == (state if status.is_final else "")


@pytest.mark.parametrize(
    "fields",
    [
        {"state": "ORDER_STATE_TELEPORTED"}, {"intent": "ORDER_INTENT_UNDEFINED"}, {"price": None},
        {"quantity": None}, {"cumQuantity": None}, {"cumQuantity": 13}, {"quantity": 0},
        {"price": usd("1.01")}, {"price": usd("0.00001")},
        {"price": {"value": "0.5", "currency": "EUR"}},
        {"createTime": "yesterday"}, {"quantity": 1e-9}, {"quantity": "NaN"}, {"quantity": 1e30},
    ],
)  # fmt: skip
def test_an_order_that_cannot_be_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(Malformed):
        orders.venue_order(read_order(**fields), None)


def test_a_fill_is_read_whole() -> None:
    assert orders.fill_of(read_execution(), "ours") == VenueFill(
        Venue.POLYMARKET_US, "AHNDQ4FBA25W", "CX5M98730YHH", "ours", MARKET, Outcome.NO, Action.BUY,
        3_900, 5_000_000, 1_950_000, -10_000, Liquidity.MAKER, FillState.FINAL,
        NOW_NS + 1_123_456_789,
    )  # fmt: skip


def test_a_fee_that_is_not_stated_is_not_zero() -> None:
    fill = orders.fill_of(read_execution(commissionNotionalCollected=None, aggressor=True), None)
    assert fill is not None
    assert (fill.fee, fill.liquidity) == (None, Liquidity.TAKER)


@pytest.mark.parametrize(
    "missing", ["lastPx", "lastShares", "aggressor", "tradeId", "transactTime"]
)
def test_a_fill_without_all_that_makes_it_one_is_refused(missing: str) -> None:
    fields: dict[str, object] = {missing: None}
    with pytest.raises(Malformed, match="missing_field"):
        orders.fill_of(read_execution("EXECUTION_TYPE_FILL", **fields), None)


def test_an_execution_that_is_no_fill_has_none() -> None:
    assert orders.fill_of(read_execution("EXECUTION_TYPE_NEW", lastPx=None), None) is None
    with pytest.raises(Malformed, match="bad_type"):
        orders.fill_of(read_execution("EXECUTION_TYPE_MAGIC"), None)


def created(*executions: dict[str, Any]) -> Created:
    body = {"id": "CX5M98730YHH", "executions": list(executions)}
    return msgspec.json.decode(encoded(body), type=Created)


def test_an_id_alone_proves_that_the_order_arrived() -> None:
    pending = Placement("CX5M98730YHH", OrderStatus.PENDING, None, None, None)
    assert orders.placement(created()) == pending


def test_the_last_execution_says_how_it_ended() -> None:
    done = order(state="ORDER_STATE_EXPIRED", cumQuantity=5, leavesQuantity=0)
    reply = created(
        execution(), execution("EXECUTION_TYPE_EXPIRED", order=done, lastPx=None, id="exec-2")
    )
    assert orders.placement(reply) == Placement(
        "CX5M98730YHH", OrderStatus.EXPIRED, 5_000_000, 0, NOW_NS + 1_123_456_789
    )


def test_executions_of_another_order_prove_nothing() -> None:
    with pytest.raises(Malformed, match="conflicting_fields"):
        orders.placement(created(execution(order=order(id="ELSE"))))
