"""Prices, sizes, sides and times survive the way to Kalshi and back; nothing is rounded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos.adapters.kalshi import wire
from kairos.adapters.kalshi.rest_schemas import Fill, Order
from kairos.domain.instruments import Action, Liquidity, Outcome
from kairos.domain.refusals import Refusal
from kairos.domain.units import price_from_dollars, quantity_from_contracts
from kairos.errors import Malformed, VenueRefused
from kairos.messages.trading import OrderStatus

outcomes = st.sampled_from(list(Outcome))
actions = st.sampled_from(list(Action))


@given(outcomes, st.integers(1, 9_999))
def test_a_price_comes_back_as_it_went(outcome: Outcome, price: int) -> None:
    text = wire.price_text(outcome, price)
    assert len(text) == 6
    assert wire.yes_price(outcome, price_from_dollars(text)) == price


@given(st.integers(1, 10**12))
def test_a_size_comes_back_as_it_went(hundredths: int) -> None:
    text = wire.count_text(hundredths * wire.QUANTITY_STEP)
    assert len(text.partition(".")[2]) == 2
    assert quantity_from_contracts(text) == hundredths * wire.QUANTITY_STEP


@given(outcomes, actions, st.integers(1, 9_999))
def test_an_order_and_its_mirror_are_the_same_on_the_wire(
    outcome: Outcome, action: Action, price: int
) -> None:
    other = Action.SELL if action is Action.BUY else Action.BUY
    assert wire.book_side(outcome, action) == wire.book_side(outcome.other, other)
    assert wire.price_text(outcome, price) == wire.price_text(outcome.other, 10_000 - price)


@pytest.mark.parametrize("price", [0, -1, 10_000, 10_001])
def test_a_price_outside_the_dollar_is_never_sent(price: int) -> None:
    with pytest.raises(VenueRefused) as refused:
        wire.price_text(Outcome.NO, price)
    assert refused.value.reason == Refusal.PRICE_OFF_GRID


@pytest.mark.parametrize(
    ("quantity", "refusal"),
    [
        (0, Refusal.SIZE_BELOW_MINIMUM),
        (-1, Refusal.SIZE_BELOW_MINIMUM),
        (9_999, Refusal.DUST),
        (1_000_001, Refusal.DUST),
    ],
)
def test_a_size_the_venue_cannot_trade_is_never_sent(quantity: int, refusal: Refusal) -> None:
    with pytest.raises(VenueRefused) as refused:
        wire.count_text(quantity)
    assert refused.value.reason == refusal


def test_times_are_exact_to_the_microsecond() -> None:
    assert wire.time_ns("1970-01-01T00:00:01.000001Z", "t") == 1_000_001_000
    assert wire.time_ns("2026-09-19T01:30:00Z", "t") == 1_789_781_400_000_000_000
    assert wire.time_ns("2026-09-18T21:30:00-04:00", "t") == 1_789_781_400_000_000_000


@pytest.mark.parametrize("text", ["2026-09-19T01:30:00", "soon", "", "2026-13-01T00:00:00Z"])
def test_a_time_without_a_zone_or_sense_is_refused(text: str) -> None:
    with pytest.raises(Malformed, match="bad_time"):
        wire.time_ns(text, "t")


def order(**changed: str) -> Order:
    fields = {
        "order_id": "o", "client_order_id": "c", "ticker": "M", "outcome_side": "no",
        "book_side": "ask", "status": "resting", "yes_price_dollars": "0.5600",
        "fill_count_fp": "3.00", "remaining_count_fp": "5.00", "initial_count_fp": "10.00",
    }  # fmt: skip
    return Order(**(fields | changed))


def test_an_order_is_told_as_a_purchase_of_what_it_is_positioned_for() -> None:
    told = wire.venue_order(order())
    assert (told.outcome, told.action, told.price) == (Outcome.NO, Action.BUY, 4_400)
    assert (told.quantity, told.filled) == (8_000_000, 3_000_000)
    yes = wire.venue_order(order(outcome_side="yes", book_side="bid"))
    assert (yes.outcome, yes.price) == (Outcome.YES, 5_600)


def test_an_order_that_ended_keeps_the_size_it_began_with() -> None:
    told = wire.venue_order(order(status="canceled", remaining_count_fp="0.00"))
    assert (told.status, told.quantity) == (OrderStatus.CANCELED, 10_000_000)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("outcome_side", "maybe"),
        ("book_side", "bid"),
        ("status", "pending"),
        ("yes_price_dollars", "1.01"),
        ("yes_price_dollars", "0.56001"),
        ("fill_count_fp", "-1.00"),
        ("remaining_count_fp", "1e3"),
        ("expiration_time", "tomorrow"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused(name: str, value: str) -> None:
    with pytest.raises(Malformed):
        wire.venue_order(order(**{name: value}))


def a_fill(created_time: str | None, ts: int | None = None) -> Fill:
    return Fill(
        "f", "o", "M", "no", "ask", "2.50", "0.5600", is_taker=False, fee_cost="-0.001250",
        created_time=created_time, ts=ts,
    )  # fmt: skip


def test_a_fill_has_its_own_price_notional_and_signed_fee() -> None:
    told = wire.venue_fill(a_fill("2026-09-19T01:30:00Z"))
    assert (told.price, told.quantity, told.notional) == (4_400, 2_500_000, 1_100_000)
    assert (told.fee, told.liquidity) == (-1_250, Liquidity.MAKER)


def test_a_fill_falls_back_to_its_older_time_and_never_to_none() -> None:
    assert wire.venue_fill(a_fill(None, 7)).venue_ns == 7_000_000_000
    with pytest.raises(Malformed, match="missing_field"):
        wire.venue_fill(a_fill(None))
