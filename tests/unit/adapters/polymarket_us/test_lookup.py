"""Finding an order without an id of ours: proof, or unknown; never a guess."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kairos.adapters.polymarket_us import lookup
from kairos.adapters.polymarket_us.config import Settings
from kairos.errors import OutcomeUnknown
from kairos.messages.trading import OrderStatus, VenueOrder
from kairos.ports import HttpResponse
from tests.support.polymarket_us import (
    MARKET,
    FakeIntentLog,
    Venue,
    activities,
    encoded,
    intent,
    order,
    own_trade,
    usd,
)
from tests.support.rest import answer

ID = "CX5M98730YHH"
OURS = "k1-abc"
LATE = Settings().acceptance_seconds + 1
NOT_FOUND = answer(encoded({"code": 5}), 404)


def open_orders(*orders: dict[str, Any]) -> HttpResponse:
    return answer(encoded({"orders": list(orders)}))


def trades(*rows: dict[str, Any]) -> HttpResponse:
    return answer(activities(rows))


def one(**fields: object) -> HttpResponse:
    return answer(encoded({"order": order(**fields)}))


def find(venue: Venue, after: float = 1.0) -> VenueOrder | None:
    venue.clock.advance(after)
    return asyncio.run(venue.trading.find(OURS, MARKET))


def test_the_one_resting_order_that_is_what_was_meant_is_found() -> None:
    venue = Venue(open_orders(order(), order(id="2", quantity=13)), trades())
    found = find(venue)
    assert found is not None
    assert (found.venue_order_id, found.client_order_id) == (ID, OURS)
    assert [each[1:3] for each in venue.sent] == [
        ("/v1/orders/open", f"slugs={MARKET}"),
        (
            "/v1/portfolio/activities",
            f"limit=100&types=ACTIVITY_TYPE_TRADE&sortOrder=SORT_ORDER_DESCENDING"
            f"&marketSlug={MARKET}",
        ),
    ]
    assert venue.trading.client_order_id(ID) == OURS


def test_an_order_that_has_traded_and_ended_is_found_by_its_trades() -> None:
    filled = one(state="ORDER_STATE_FILLED", cumQuantity=12, leavesQuantity=0)
    venue = Venue(open_orders(), trades(own_trade("T1"), own_trade("T2")), filled)
    found = find(venue)
    assert found is not None
    assert (found.status, found.filled) == (OrderStatus.FILLED, 12_000_000)


def test_what_was_learnt_is_asked_for_by_the_venue_s_id() -> None:
    venue = Venue(open_orders(order()), trades(), one(cumQuantity=4))
    find(venue)
    found = find(venue)
    assert found is not None
    assert found.filled == 4_000_000
    assert venue.sent[-1][1] == f"/v1/order/{ID}"


@pytest.mark.parametrize(
    "fields",
    [
        {"marketSlug": "another"},
        {"intent": "ORDER_INTENT_BUY_LONG"},
        {"intent": "ORDER_INTENT_SELL_SHORT"},
        {"price": usd("0.39")},
        {"price": usd("0.60")},
        {"quantity": 12.5},
        {"createTime": "2026-11-18T10:00:00Z"},
        {"createTime": "2026-11-18T12:00:00Z"},
    ],
)
def test_an_order_that_is_not_what_was_meant_is_not_ours(fields: dict[str, object]) -> None:
    assert find(Venue(open_orders(order(**fields)), trades()), LATE) is None


def test_absence_counts_only_when_the_request_cannot_be_accepted_any_more() -> None:
    with pytest.raises(OutcomeUnknown, match="not_found_yet") as unknown:
        find(Venue(open_orders(), trades()), 40)
    assert unknown.value.remedy == "Ask again in 40 s"
    assert find(Venue(open_orders(), trades()), LATE) is None


def test_two_orders_alike_are_not_told_apart() -> None:
    venue = Venue(open_orders(order(), order(id="TWIN")), trades())
    with pytest.raises(OutcomeUnknown, match="any of CX5M98730YHH, TWIN"):
        find(venue)


def test_a_resting_and_a_traded_order_alike_are_not_told_apart() -> None:
    row = own_trade()
    row["trade"]["passiveExecution"]["order"]["id"] = "TWIN"
    venue = Venue(open_orders(order()), trades(row), one(id="TWIN", cumQuantity=5))
    with pytest.raises(OutcomeUnknown, match="ambiguous"):
        find(venue)


def test_an_order_that_belongs_to_another_intent_is_not_taken() -> None:
    """Two intents alike, one known to be placed: what rests is that one."""
    log = FakeIntentLog(intent(), owners={ID: "k1-other"})
    with pytest.raises(OutcomeUnknown, match="not_found_yet"):
        find(Venue(open_orders(order()), trades(own_trade()), log=log))
    venue = Venue(open_orders(order(), order(id="TWIN")), trades(), log=log)
    found = find(venue)
    assert found is not None
    assert found.venue_order_id == "TWIN"


def test_an_order_placed_by_this_process_is_not_taken_for_another() -> None:
    other = intent(client_order_id="k2")
    venue = Venue(
        answer(encoded({"id": ID})), open_orders(order()), trades(),
        log=FakeIntentLog(intent(), other),
    )  # fmt: skip
    asyncio.run(venue.trading.place(other))
    assert find(venue, LATE) is None


def test_an_order_from_just_before_may_be_ours_by_a_wrong_clock() -> None:
    venue = Venue(open_orders(order(createTime="2026-11-18T11:06:30Z")), trades())
    with pytest.raises(OutcomeUnknown, match="clock"):
        find(venue, LATE)


def test_an_order_without_a_time_is_not_told_apart() -> None:
    with pytest.raises(OutcomeUnknown, match="when it was made"):
        find(Venue(open_orders(order(createTime=None)), trades()), LATE)


@pytest.mark.parametrize(
    "answers",
    [
        (open_orders(order(price=None)), trades()),
        (open_orders(order(state="ORDER_STATE_ODD")), trades()),
        (open_orders(), trades(own_trade(passiveExecution={"order": {}}))),
        (open_orders(), trades(own_trade()), *[NOT_FOUND] * 6),
        (open_orders(), answer(b"{}")),
        (answer(b"[]"), trades()),
        (open_orders(), *[answer(b"", 500)] * 4),
        (*[answer(b"", 503)] * 4,),
    ],
)
def test_a_read_that_is_not_clear_proves_nothing(answers: tuple[HttpResponse, ...]) -> None:
    with pytest.raises(OutcomeUnknown):
        find(Venue(*answers), LATE)


def test_an_order_without_an_intent_cannot_be_looked_up() -> None:
    for log in (FakeIntentLog(), FakeIntentLog(intent(market="another"))):
        with pytest.raises(OutcomeUnknown, match="no_intent"):
            find(Venue(log=log))


def test_an_intent_that_was_remembered_needs_no_log() -> None:
    venue = Venue(open_orders(order()), trades(), log=FakeIntentLog())
    asyncio.run(venue.trading.remember(intent()))
    found = find(venue)
    assert found is not None
    assert (found.client_order_id, found.quantity) == ("k1-abc", 12_000_000)


def test_what_was_sent_here_can_be_looked_up_whatever_the_log_shows_yet() -> None:
    venue = Venue(answer(b"", 503), open_orders(order()), trades(), log=FakeIntentLog())
    with pytest.raises(OutcomeUnknown):
        asyncio.run(venue.trading.place(intent()))
    assert find(venue) is not None


def test_remembered_intents_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "INTENTS_MAX", 1)
    venue = Venue(log=FakeIntentLog())
    for name in ("k1-abc", "k1-next"):
        asyncio.run(venue.trading.remember(intent(client_order_id=name)))
    with pytest.raises(OutcomeUnknown, match="no_intent"):
        find(venue)


def test_too_many_orders_nobody_knows_are_left_to_a_person() -> None:
    crowd = [order(id=f"v{n}") for n in range(lookup.CANDIDATES_MAX + 1)]
    with pytest.raises(OutcomeUnknown, match="21 orders nobody knows"):
        find(Venue(open_orders(*crowd), trades()))


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "OWNERS_MAX", 3)
    owners = lookup.Owners(FakeIntentLog(owners={"v0": "journaled"}))
    for number in range(5):
        owners.note(f"v{number}", f"k{number}")
    known = [owners.client_order_id(f"v{number}") for number in range(5)]
    assert known == ["journaled", None, "k2", "k3", "k4"]
    assert [owners.venue_order_id(f"k{number}") for number in range(5)] == [
        None, None, "v2", "v3", "v4",
    ]  # fmt: skip


def test_the_window_is_longer_than_the_venue_may_take() -> None:
    """30 s of signature, 30 s of our clock being ahead, 5 s of stopgap, 5 s of sending late."""
    assert Settings().acceptance_seconds > 70
    with pytest.raises(ValueError, match="acceptance_seconds"):
        Settings(acceptance_seconds=69)
    with pytest.raises(ValueError, match="acceptance_seconds"):
        Settings(send_within_seconds=16)
