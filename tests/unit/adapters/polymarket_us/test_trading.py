"""Orders and account over a scripted transport: what is sent, and what an answer proves."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from kairos.adapters.polymarket_us.orders import moment
from kairos.domain.instruments import Action, Liquidity, Outcome
from kairos.domain.instruments import Venue as VenueName
from kairos.errors import OutcomeUnknown, VenueError, VenueRefused, VenueUnreachable
from kairos.messages.commands import TimeInForce
from kairos.messages.trading import (
    FillState,
    OrderStatus,
    Placement,
    VenueBalance,
    VenueFill,
    VenuePosition,
)
from kairos.ports import HttpResponse, VenueTrading
from tests.support.polymarket_us import (
    MARKET,
    NOW_NS,
    SECOND,
    FakeIntentLog,
    Venue,
    activities,
    balance,
    encoded,
    execution,
    intent,
    order,
    own_trade,
    position,
    usd,
)
from tests.support.rest import Answer, answer

_T = TypeVar("_T")

ID = "CX5M98730YHH"
NOT_FOUND = answer(encoded({"code": 5, "message": "not found"}), 404)
PLACED = answer(encoded({"id": ID, "executions": []}))


def run(call: Coroutine[Any, Any, _T]) -> _T:
    return asyncio.run(call)


def one(**fields: object) -> HttpResponse:
    return answer(encoded({"order": order(**fields)}))


def listing(*orders: dict[str, Any]) -> HttpResponse:
    return answer(encoded({"orders": list(orders)}))


def test_it_is_a_venue() -> None:
    trading: VenueTrading = Venue().trading
    assert (trading.venue, trading.has_client_order_ids, trading.can_amend) == (
        VenueName.POLYMARKET_US, False, False,
    )  # fmt: skip


def test_a_resting_order_is_sent_once_and_pending() -> None:
    venue = Venue(PLACED)
    placed = run(venue.trading.place(intent()))
    assert placed == Placement(ID, OrderStatus.PENDING, None, None, None)
    ((method, path, query, body),) = venue.sent
    assert (method, path, query) == ("POST", "/v1/orders", "")
    assert (body["intent"], body["price"]["value"], body["quantity"]) == (
        "ORDER_INTENT_BUY_SHORT", "0.61", 12,
    )  # fmt: skip
    assert venue.trading.client_order_id(ID) == "k1-abc"
    headers = venue.transport.requests[0].headers or {}
    assert {"X-PM-Access-Key", "X-PM-Timestamp", "X-PM-Signature"} <= set(headers)


@pytest.mark.parametrize(
    ("fields", "end"),
    [
        ({"time_in_force": TimeInForce.GTC, "expires_ns": None}, 15),
        ({"time_in_force": TimeInForce.GTC, "expires_ns": NOW_NS + 5 * SECOND}, 5),
        ({"time_in_force": TimeInForce.GTD, "expires_ns": NOW_NS + 900 * SECOND}, 15),
    ],
)
def test_no_resting_order_outlives_us_by_more_than_its_lifetime(
    fields: dict[str, Any], end: int
) -> None:
    alone, many = Venue(PLACED), Venue(answer(encoded({"createdOrderIds": [ID]})))
    run(alone.trading.place(intent(**fields)))
    run(many.trading.place_many([intent(**fields)]))
    for sent in (alone.sent[0][3], many.sent[0][3]["orders"][0]):
        assert sent["tif"] == "TIME_IN_FORCE_GOOD_TILL_DATE"
        assert sent["goodTillTime"] == moment(NOW_NS + end * SECOND)


def test_an_order_that_cannot_rest_needs_no_end() -> None:
    venue = Venue(PLACED)
    run(venue.trading.place(intent(time_in_force=TimeInForce.IOC, post_only=False)))
    assert "goodTillTime" not in venue.sent[0][3]


def test_an_end_that_was_asked_for_and_not_named_is_refused_unsent() -> None:
    venue = Venue()
    with pytest.raises(VenueRefused, match="without a date"):
        run(venue.trading.place(intent(expires_ns=None)))
    assert venue.sent == []


def test_an_immediate_order_says_how_it_ended() -> None:
    done = order(state="ORDER_STATE_FILLED", cumQuantity=12, leavesQuantity=0)
    reply = {"id": ID, "executions": [execution("EXECUTION_TYPE_FILL", order=done)]}
    venue = Venue(answer(encoded(reply)))
    placed = run(venue.trading.place(intent(time_in_force=TimeInForce.IOC, post_only=False)))
    assert (placed.status, placed.filled, placed.remaining) == (OrderStatus.FILLED, 12_000_000, 0)


def test_an_order_that_the_exchange_rejects_is_refused() -> None:
    body = execution(
        "EXECUTION_TYPE_REJECTED",
        order=order(state="ORDER_STATE_REJECTED"),
        orderRejectReason="ORD_REJECT_REASON_EXCHANGE_OPTION",
        text="insufficient buying power",
    )
    venue = Venue(answer(encoded({"id": ID, "executions": [body]})))
    with pytest.raises(VenueRefused, match="insufficient_balance"):
        run(venue.trading.place(intent()))


@pytest.mark.parametrize(
    ("reply", "kind", "reason"),
    [
        (answer(b"", 500), OutcomeUnknown, "http_500"),
        (answer(b"", 503), OutcomeUnknown, "http_503"),
        (answer(b"", 409), OutcomeUnknown, "http_409"),
        (answer(b"{}"), OutcomeUnknown, "unreadable_reply"),
        (answer(b'{"id": ""}'), OutcomeUnknown, "unreadable_reply"),
        (answer(b"<html>"), OutcomeUnknown, "unreadable_reply"),
        (answer(encoded({"id": "x", "executions": [execution()]})), OutcomeUnknown, "unreadable"),
        (answer(encoded({"message": "market is closed"}), 400), VenueRefused, "market_closed"),
        (answer(b"", 401), VenueRefused, "wrong_key"),
        (answer(b'{"status":429}', 429), VenueRefused, "rate_limited"),
        (OutcomeUnknown("host", "no_answer", "lost", "look"), OutcomeUnknown, "no_answer"),
        (VenueUnreachable("host", "no_connection", "x", "y"), VenueUnreachable, "no_connection"),
    ],
)
def test_a_new_order_is_never_sent_twice(
    reply: Answer, kind: type[VenueError], reason: str
) -> None:
    venue = Venue(reply)
    with pytest.raises(kind) as raised:
        run(venue.trading.place(intent()))
    assert raised.value.reason.startswith(reason)
    assert raised.value.venue == "polymarket_us"
    assert raised.value.remedy
    assert len(venue.sent) == 1


def test_after_a_429_nothing_is_sent_for_a_second() -> None:
    venue = Venue(answer(b'{"status":429}', 429), PLACED)
    with pytest.raises(VenueRefused, match="rate_limited"):
        run(venue.trading.place(intent()))
    before = venue.clock.ns
    run(venue.trading.place(intent()))
    assert venue.clock.ns - before >= SECOND


def test_no_second_sees_more_than_twenty_requests() -> None:
    """However the venue counts; and a cancel still goes out when writes have used their share."""
    venue = Venue(*[PLACED] * 40, *[listing()] * 40)
    sent_ns: list[int] = []
    for _ in range(20):
        run(venue.trading.place(intent(ts_ns=venue.clock.ns)))
        sent_ns.append(venue.clock.ns)
    venue = Venue(*[listing()] * 40)
    for _ in range(20):
        run(venue.trading.open_orders())
        sent_ns.append(venue.clock.ns)
    for start in sent_ns:
        assert sum(start <= each < start + SECOND for each in sent_ns) <= 20


def test_an_intent_that_has_waited_too_long_is_not_sent() -> None:
    venue = Venue(PLACED)
    venue.clock.advance(5)
    run(venue.trading.place(intent()))
    venue.clock.advance(0.001)
    for late in (venue.trading.place(intent()), venue.trading.place_many([intent()])):
        with pytest.raises(VenueUnreachable, match="too_late"):
            run(late)
    assert len(venue.sent) == 1


def test_batches_are_of_twenty_and_answer_with_ids_only() -> None:
    orders = [intent(client_order_id=f"k{n}") for n in range(20)]
    venue = Venue(answer(encoded({"createdOrderIds": [f"v{n}" for n in range(20)]})))
    placed = run(venue.trading.place_many(orders))
    assert {each.status for each in placed} == {OrderStatus.PENDING}
    assert [venue.trading.client_order_id(each.venue_order_id) for each in placed] == [
        each.client_order_id for each in orders
    ]
    ((_, path, _, body),) = venue.sent
    assert (path, len(body["orders"])) == ("/v1/orders/batched", 20)
    with pytest.raises(VenueRefused, match="invalid_request"):
        run(venue.trading.place_many([intent()] * 21))


@pytest.mark.parametrize("ids", [["v1"], ["v1", "v1"], ["v1", ""], ["v1", "v2", "v3"]])
def test_a_batch_answered_with_other_ids_is_unknown(ids: list[str]) -> None:
    venue = Venue(answer(encoded({"createdOrderIds": ids})))
    with pytest.raises(OutcomeUnknown):
        run(venue.trading.place_many([intent(), intent(client_order_id="k2")]))


def test_a_batch_of_cancels_echoes() -> None:
    venue = Venue(answer(encoded({"canceledOrderIds": ["a"]})))
    run(venue.trading.cancel_many([("a", MARKET), ("b", MARKET)]))
    assert venue.sent[0][1:] == (
        "/v1/orders/batched/cancel", "",
        {"orders": [{"orderId": each, "marketSlug": MARKET} for each in "ab"]},
    )  # fmt: skip


def test_a_preview_shows_what_the_venue_would_shorten() -> None:
    body = {"order": {"marketSlug": MARKET, "price": usd("0.61"), "quantity": 12,
                      "cashOrderQty": usd("4.68")}}  # fmt: skip
    venue = Venue(answer(encoded(body)))
    seen = run(venue.trading.preview(intent()))
    assert (seen.long_price, seen.quantity, seen.cost) == (6_100, 12_000_000, 4_680_000)
    assert venue.sent[0][1] == "/v1/order/preview"
    assert venue.sent[0][3]["request"]["marketSlug"] == MARKET


def test_closing_a_position_always_has_a_worst_price() -> None:
    venue = Venue(PLACED)
    order_id, placed = run(venue.trading.close_position(MARKET, 6_000, 3))
    assert (order_id, placed.status) == (ID, OrderStatus.PENDING)
    (_, path, _, body) = venue.sent[0]
    assert path == "/v1/order/close-position"
    assert body["slippageTolerance"] == {"currentPrice": usd("0.6"), "ticks": 3}
    assert body["manualOrderIndicator"] == "MANUAL_ORDER_INDICATOR_AUTOMATIC"


# Cancels


def test_a_cancel_returns_once_the_order_is_seen_to_have_ended() -> None:
    venue = Venue(
        answer(b"{}"), one(), one(state="ORDER_STATE_PENDING_CANCEL"),
        one(state="ORDER_STATE_CANCELED"),
    )  # fmt: skip
    run(venue.trading.cancel(ID, MARKET))
    assert [each[1] for each in venue.sent] == [f"/v1/order/{ID}/cancel", *[f"/v1/order/{ID}"] * 3]
    assert venue.sent[0][3] == {"marketSlug": MARKET}


def test_a_cancel_that_is_not_seen_to_work_is_unknown() -> None:
    venue = Venue(answer(b"{}"), *[one()] * 6)
    with pytest.raises(OutcomeUnknown, match="cancel_not_proved"):
        run(venue.trading.cancel(ID, MARKET))


def test_an_order_that_ended_by_itself_needs_no_cancel() -> None:
    venue = Venue(NOT_FOUND, one(state="ORDER_STATE_FILLED", cumQuantity=12))
    run(venue.trading.cancel(ID, MARKET))


def test_a_cancel_that_is_refused_while_the_order_rests_is_refused() -> None:
    venue = Venue(answer(b"", 403), *[one()] * 6)
    with pytest.raises(VenueRefused, match="missing_scope"):
        run(venue.trading.cancel(ID, MARKET))


def test_a_cancel_is_tried_again_and_waits_a_second_after_a_429() -> None:
    venue = Venue(
        answer(b"", 503), answer(b"", 429), answer(b"{}"), one(state="ORDER_STATE_CANCELED")
    )
    run(venue.trading.cancel(ID, MARKET))
    assert sum(path.endswith("/cancel") for _, path, _, _ in venue.sent) == 3
    assert max(venue.clock.slept) >= 1.0


@pytest.mark.parametrize("venue_order_id", ["", ".", "..", "x" * 129])
def test_an_id_that_is_none_is_not_sent(venue_order_id: str) -> None:
    venue = Venue()
    with pytest.raises(VenueRefused, match="invalid_request"):
        run(venue.trading.cancel(venue_order_id, MARKET))
    assert venue.sent == []


def test_an_id_cannot_lead_to_another_path() -> None:
    venue = Venue(*[NOT_FOUND] * 6)
    assert run(venue.trading.order("../orders/open?x", MARKET)) is None
    assert {each[1] for each in venue.sent} == {"/v1/order/..%2Forders%2Fopen%3Fx"}


def test_cancel_all_returns_when_nothing_rests() -> None:
    venue = Venue(answer(encoded({"canceledOrderIds": [ID]})), listing(order()), listing())
    run(venue.trading.cancel_all(MARKET))
    assert venue.sent[0][3] == {"slugs": [MARKET]}
    assert venue.sent[1][1:3] == ("/v1/orders/open", f"slugs={MARKET}")


def test_cancel_all_that_leaves_something_is_unknown() -> None:
    venue = Venue(answer(encoded({"canceledOrderIds": []})), *[listing(order())] * 6)
    with pytest.raises(OutcomeUnknown, match="1 orders still rest"):
        run(venue.trading.cancel_all())


# Amends


def test_an_amend_is_proved_by_the_order_s_new_terms() -> None:
    was = run(Venue(one()).trading.order(ID, MARKET))
    assert was is not None
    venue = Venue(answer(b"{}"), one(), one(price=usd("0.6"), quantity=20, leavesQuantity=20))
    placed = run(venue.trading.amend(was, 4_000, 20_000_000))
    assert (placed.venue_order_id, placed.remaining) == (ID, 20_000_000)
    (_, path, _, body) = venue.sent[0]
    assert path == f"/v1/order/{ID}/modify"
    assert body == {"marketSlug": MARKET, "price": usd("0.6"), "quantity": 20}


def test_an_amend_that_shows_nothing_new_is_unknown() -> None:
    was = run(Venue(one()).trading.order(ID, MARKET))
    assert was is not None
    replaced = one(state="ORDER_STATE_REPLACED", price=usd("0.6"), quantity=20)
    venue = Venue(answer(b"{}"), *[replaced] * 6)
    with pytest.raises(OutcomeUnknown, match="amend_not_proved"):
        run(venue.trading.amend(was, 4_000, 20_000_000))


def test_a_batch_of_amends_names_each_order() -> None:
    was = run(Venue(one()).trading.order(ID, MARKET))
    assert was is not None
    venue = Venue(answer(encoded({"modifiedOrderIds": [ID]})))
    run(venue.trading.modify_many([(was, 4_000, 20_000_000)]))
    (_, path, _, body) = venue.sent[0]
    assert path == "/v1/orders/batched/modify"
    assert body["orders"][0]["orderId"] == ID


# Reads


def test_a_new_order_is_not_found_for_a_moment() -> None:
    venue = Venue(NOT_FOUND, NOT_FOUND, one())
    found = run(venue.trading.order(ID, MARKET))
    assert found is not None
    assert venue.clock.slept == [0.5, 0.5]


def test_an_order_that_stays_unknown_is_absent() -> None:
    assert run(Venue(*[NOT_FOUND] * 6).trading.order(ID, MARKET)) is None


def test_another_order_than_asked_for_proves_nothing() -> None:
    with pytest.raises(OutcomeUnknown, match="another order"):
        run(Venue(one(id="ELSE")).trading.order(ID, MARKET))


def test_open_orders_carry_our_ids_where_they_are_known() -> None:
    log = FakeIntentLog(owners={ID: "k1-abc"})
    found = run(Venue(listing(order(), order(id="2")), log=log).trading.open_orders())
    assert [each.client_order_id for each in found] == ["k1-abc", None]


@pytest.mark.parametrize("fields", [{"price": None}, {"intent": "x"}, {"state": "x"}])
def test_an_open_order_that_cannot_be_read_makes_the_list_unknown(
    fields: dict[str, object],
) -> None:
    with pytest.raises(OutcomeUnknown, match="unreadable_reply"):
        run(Venue(listing(order(), order(**fields))).trading.open_orders())


def test_fills_are_our_side_of_our_trades_oldest_first() -> None:
    rows = [own_trade("T2", aggressor=True, createTime="2026-11-18T11:06:42Z"), own_trade("T1")]
    rows.append({"type": "ACTIVITY_TYPE_ACCOUNT_DEPOSIT", "accountBalanceChange": {}})
    rows[0]["trade"]["aggressorExecution"]["transactTime"] = None
    log = FakeIntentLog(owners={ID: "k1-abc"})
    venue = Venue(answer(activities(rows)), log=log)
    first, second = run(venue.trading.fills(NOW_NS))
    assert first == VenueFill(
        VenueName.POLYMARKET_US, "T1", ID, "k1-abc", MARKET, Outcome.NO, Action.BUY, 3_900,
        5_000_000, 1_950_000, -10_000, Liquidity.MAKER, FillState.FINAL, NOW_NS + SECOND,
    )  # fmt: skip
    assert (second.fill_id, second.liquidity, second.venue_ns) == (
        "T2", Liquidity.TAKER, NOW_NS + 2 * SECOND,
    )  # fmt: skip
    assert venue.sent[0][2] == (
        "limit=100&types=ACTIVITY_TYPE_TRADE&sortOrder=SORT_ORDER_DESCENDING"
    )


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("NEW", FillState.FINAL), ("CLEARED", FillState.FINAL), ("INFLIGHT", FillState.PENDING),
        ("PENDING_RISK", FillState.PENDING), ("BUSTED", FillState.VOID),
        ("REJECTED", FillState.VOID),
    ],
)  # fmt: skip
def test_a_trade_s_state_says_whether_it_stands(state: str, expected: FillState) -> None:
    rows = [own_trade(state=f"TRADE_STATE_{state}")]
    (fill,) = run(Venue(answer(activities(rows))).trading.fills(NOW_NS))
    assert fill.state is expected


def test_pages_are_read_until_the_time_asked_for() -> None:
    newer = [own_trade("T3"), own_trade("T2")]
    older = [own_trade("T2"), own_trade("T0", createTime="2026-11-18T10:00:00Z")]
    venue = Venue(
        answer(activities(newer, eof=False, nextCursor="c2")),
        answer(activities(older, eof=False, nextCursor="c3")),
    )
    fills = run(venue.trading.fills(NOW_NS))
    assert sorted(each.fill_id for each in fills) == ["T2", "T3"]
    assert venue.sent[1][2].endswith("&cursor=c2")


@pytest.mark.parametrize(
    "page",
    [
        activities([own_trade(state="TRADE_STATE_ODD")]),
        activities([own_trade(passiveExecution=None)]),
        activities([own_trade(createTime="soon")]),
        activities([{"type": "ACTIVITY_TYPE_TRADE"}]),
        activities([], eof=False),
        encoded({"eof": True}),
    ],
)
def test_fills_that_cannot_be_read_are_unknown(page: bytes) -> None:
    with pytest.raises(OutcomeUnknown, match="unreadable_reply"):
        run(Venue(answer(page)).trading.fills(NOW_NS))


def test_a_cursor_that_leads_nowhere_is_noticed() -> None:
    page = answer(activities([own_trade()], eof=False, nextCursor="c"))
    with pytest.raises(OutcomeUnknown, match="pages go on"):
        run(Venue(page, page).trading.fills(NOW_NS))


def test_positions_are_per_outcome_and_nothing_is_left_out() -> None:
    pages = [
        {
            "positions": {"a": position("12"), "b": position("-2.5")},
            "nextCursor": "x",
            "eof": False,
        },
        {"positions": {"c": position("0"), "d": position("1")}, "eof": True},
    ]
    venue = Venue(*(answer(encoded(page)) for page in pages))
    assert run(venue.trading.positions()) == [
        VenuePosition(VenueName.POLYMARKET_US, "a", Outcome.YES, 12_000_000),
        VenuePosition(VenueName.POLYMARKET_US, "b", Outcome.NO, 2_500_000),
        VenuePosition(VenueName.POLYMARKET_US, "d", Outcome.YES, 1_000_000),
    ]


def test_cash_is_rounded_down() -> None:
    venue = Venue(answer(encoded({"balances": [balance(0.1 + 0.2)]})))
    assert run(venue.trading.balance()) == VenueBalance(VenueName.POLYMARKET_US, 300_000)
    with pytest.raises(OutcomeUnknown, match="unreadable_reply"):
        run(Venue(answer(encoded({"balances": []}))).trading.balance())


def test_a_read_is_tried_again() -> None:
    venue = Venue(answer(b"", 502), answer(b"", 429), answer(encoded({"balances": [balance()]})))
    assert run(venue.trading.balance()).cash == 250_250_000


def test_keeping_alive_costs_nothing() -> None:
    venue = Venue()
    run(venue.trading.keep_alive())
    assert venue.sent == []
