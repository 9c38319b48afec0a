"""Amounts never give more or take less than the order's price and size allow."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos.adapters.polymarket.amounts import (
    AMOUNT_STEP,
    SIZE_STEP,
    exact_amounts,
    limit_amounts,
    market_amounts,
    on_grid,
    ranges_of_tick,
    spend_amounts,
    tradable,
)
from kairos.domain.grid import grid
from kairos.domain.instruments import Action
from kairos.errors import Malformed

TICKS = st.sampled_from(sorted(AMOUNT_STEP))
ACTIONS = st.sampled_from(Action)
QUANTITIES = st.integers(min_value=SIZE_STEP, max_value=10**13)


@st.composite
def priced(draw: st.DrawFn) -> tuple[int, int]:
    tick = draw(TICKS)
    return draw(st.integers(1, 10_000 // tick - 1)) * tick, tick


@given(priced(), QUANTITIES, ACTIONS)
def test_a_limit_order_is_exactly_its_price_times_its_size(
    at: tuple[int, int], quantity: int, action: Action
) -> None:
    price, tick = at
    maker, taker = limit_amounts(action, price, quantity, tick)
    shares, cash = (taker, maker) if action is Action.BUY else (maker, taker)
    assert quantity - SIZE_STEP < shares <= quantity
    assert shares % SIZE_STEP == 0
    assert Fraction(cash * 10_000, shares) == price
    assert cash % AMOUNT_STEP[tick] == 0
    assert exact_amounts(action, price, quantity) == (maker, taker)


@given(priced(), QUANTITIES)
def test_a_buy_that_takes_spends_no_more_than_asked_and_stays_within_a_tick(
    at: tuple[int, int], quantity: int
) -> None:
    price, tick = at
    if price * quantity < SIZE_STEP * 10_000:
        with pytest.raises(Malformed, match="dust"):
            market_amounts(Action.BUY, price, quantity, tick)
        return
    cash, shares = market_amounts(Action.BUY, price, quantity, tick)
    assert cash % SIZE_STEP == 0
    assert cash * 10_000 <= price * quantity
    assert cash * 10_000 > price * quantity - SIZE_STEP * 10_000
    assert shares % AMOUNT_STEP[tick] == 0
    # The price that the two amounts make: the limit, give or take the step of the amounts.
    assert abs(shares * price - cash * 10_000) <= AMOUNT_STEP[tick] * price
    assert shares <= quantity + AMOUNT_STEP[tick]


@given(priced(), QUANTITIES)
def test_a_sale_that_takes_is_a_limit_sale(at: tuple[int, int], quantity: int) -> None:
    price, tick = at
    taking = market_amounts(Action.SELL, price, quantity, tick)
    assert taking == limit_amounts(Action.SELL, price, quantity, tick)


@given(TICKS, st.integers(-10, 10_010))
def test_the_grid_is_the_engine_s_grid(tick: int, price: int) -> None:
    assert on_grid(price, tick) is (price in grid(ranges_of_tick(tick)).yes_price)


@given(priced(), st.integers(1, 9_999), QUANTITIES, ACTIONS)
def test_a_price_off_the_grid_is_refused(
    at: tuple[int, int], beside: int, quantity: int, action: Action
) -> None:
    _, tick = at
    if on_grid(beside, tick):
        return
    for amounts in (limit_amounts, market_amounts):
        with pytest.raises(Malformed, match="price_off_grid"):
            amounts(action, beside, quantity, tick)


@pytest.mark.parametrize("quantity", [0, 1, 9_999])
@pytest.mark.parametrize("action", Action)
def test_less_than_a_hundredth_is_dust(quantity: int, action: Action) -> None:
    assert tradable(quantity) == 0
    for amounts in (limit_amounts, market_amounts):
        with pytest.raises(Malformed, match="dust"):
            amounts(action, 5000, quantity, 100)


def test_a_tick_without_rules_is_refused() -> None:
    with pytest.raises(Malformed, match="unknown_tick"):
        limit_amounts(Action.BUY, 5000, 10_000, 20)
    with pytest.raises(Malformed, match="unknown_tick"):
        ranges_of_tick(0)


def test_the_client_s_float_losses_are_not_ours() -> None:
    assert limit_amounts(Action.BUY, 3400, 141_700_000, 100) == (48_178_000, 141_700_000)
    assert spend_amounts(100_000_000, 5700, 100) == (100_000_000, 175_438_500)
