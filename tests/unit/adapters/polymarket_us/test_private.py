"""The private websocket: orders, fills, positions and cash as the venue pushes them."""

from __future__ import annotations

from typing import Any

import pytest

from kairos.adapters.polymarket_us.parsing import StreamRefused
from kairos.adapters.polymarket_us.private import (
    Alive,
    BalanceChanged,
    OrderChanged,
    OrdersListed,
    PositionChanged,
    PrivateStream,
)
from kairos.domain.instruments import Venue
from kairos.errors import Malformed
from kairos.messages.trading import OrderStatus, VenueBalance
from tests.support.polymarket_us import (
    HEARTBEAT,
    MARKET,
    balance,
    balances_update,
    encoded,
    execution,
    order,
    order_snapshot,
    order_update,
    position,
    position_update,
)


def events(frame: object) -> tuple[Any, ...]:
    owners = {"CX5M98730YHH": "k1-abc"}
    return PrivateStream("p", owners.get).events(9, encoded(frame))


def test_a_fill_names_our_order() -> None:
    (event,) = events(order_update(execution()))
    assert isinstance(event, OrderChanged)
    assert (event.execution_id, event.refusal) == ("exec-1", None)
    assert (event.order.status, event.order.filled) == (OrderStatus.RESTING, 5_000_000)
    assert event.fill is not None
    assert event.order.client_order_id == event.fill.client_order_id == "k1-abc"


def test_a_rejection_says_why() -> None:
    body = execution(
        "EXECUTION_TYPE_REJECTED",
        order=order(state="ORDER_STATE_REJECTED"),
        orderRejectReason="ORD_REJECT_REASON_INVALID_PRICE_INCREMENT",
        text="price 0.615 not on tick",
    )
    (event,) = events(order_update(body))
    assert isinstance(event, OrderChanged)
    assert (event.fill, event.refusal) == (None, "price_off_grid")
    assert "0.615" in event.detail


def test_a_snapshot_ends_with_eof() -> None:
    pages = [events(order_snapshot([order()], eof=False)), events(order_snapshot([], eof=True))]
    assert [(len(page.orders), page.is_last) for (page,) in pages] == [(1, False), (0, True)]
    assert isinstance(pages[0][0], OrdersListed)


def test_a_snapshot_may_come_under_the_older_name() -> None:
    frame = order_snapshot([], eof=True) | {"subscriptionType": "SUBSCRIPTION_TYPE_ORDER"}
    assert events(frame) == (OrdersListed(9, "p", (), True),)


@pytest.mark.parametrize(
    ("after", "before", "net"),
    [
        (position("-12.5"), None, -12_500_000),
        (position("3", netPositionDecimal=""), None, 3_000_000),
        (position("4.0000000"), position("2"), 4_000_000),
        (None, position("4"), 0),
        (position("0", marketMetadata=None), position("4"), 0),
    ],
)
def test_positions_are_signed(
    after: dict[str, Any] | None, before: dict[str, Any] | None, net: int
) -> None:
    assert events(position_update(after, before)) == (PositionChanged(9, "p", MARKET, net),)


def test_a_position_of_no_market_is_refused() -> None:
    with pytest.raises(Malformed, match="marketMetadata"):
        events(position_update(position(marketMetadata=None)))


def test_a_position_without_a_size_is_refused() -> None:
    with pytest.raises(Malformed, match="netPosition"):
        events(position_update(position(netPosition=None, netPositionDecimal="")))


def test_cash_is_buying_power_in_dollars() -> None:
    expected = (BalanceChanged(9, "p", VenueBalance(Venue.POLYMARKET_US, 250_250_000)),)
    assert events(balances_update(balance())) == expected
    listed = {"balances": [balance(1.0, "EUR"), balance()]}
    assert events({"accountBalancesSnapshot": listed}) == expected


@pytest.mark.parametrize("listed", [[], [balance(1, "EUR")], [balance(), balance()]])
def test_cash_that_cannot_be_told_is_refused(listed: list[Any]) -> None:
    with pytest.raises(Malformed, match="balances"):
        events({"accountBalancesSnapshot": {"balances": listed}})


def test_a_change_to_no_balance_is_refused() -> None:
    with pytest.raises(Malformed, match="afterBalance"):
        events(balances_update(None))


def test_signs_of_life_and_errors() -> None:
    assert events(HEARTBEAT) == (Alive(9, "p"),)
    frame = {"requestId": "account-1-snapshot", "error": "deadline exceeded"}
    assert events(frame) == (StreamRefused(9, "p", "account-1-snapshot", "deadline exceeded"),)
    assert events({"rfqEvent": {"rfqCreated": {}}}) == ()


def test_an_empty_error_beside_a_message_is_none() -> None:
    frame = order_snapshot([], eof=True)
    assert events(frame | {"error": ""}) == events(frame)
    with pytest.raises(Malformed, match="conflicting_fields"):
        events(frame | {"error": "deadline exceeded"})


@pytest.mark.parametrize(
    "frame",
    [
        {"subscriptionType": "SUBSCRIPTION_TYPE_ORDER"},
        order_snapshot([], eof=True) | {"subscriptionType": "SUBSCRIPTION_TYPE_POSITION"},
        order_update(execution()) | {"subscriptionType": "SUBSCRIPTION_TYPE_POSITION"},
        order_update(execution()) | order_snapshot([], eof=True),
        order_snapshot([order(id=None)], eof=True),
        {"orderSubscriptionSnapshot": {"orders": []}},
        {"news": 1},
    ],
)
def test_frames_that_say_nothing_or_two_things_are_refused(frame: object) -> None:
    with pytest.raises(Malformed):
        events(frame)
