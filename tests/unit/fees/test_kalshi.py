"""Kalshi's fee of a fill and the rounding of an order, as algebra."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos.domain.fees.kalshi import (
    CENT,
    CENTICENT,
    BalancePrecision,
    KalshiFees,
    RoundingAccumulator,
)
from kairos.domain.fees.kalshi_series import published_schedule, series_schedule
from kairos.domain.fees.schedule import effective_ns
from kairos.domain.instruments import Action, Liquidity
from kairos.errors import Malformed

NOW_NS = effective_ns(2026, 10, 20)
CONTRACT = 1_000_000
HUNDREDTH = CONTRACT // 100

prices = st.integers(0, 10_000)
quantities = st.integers(1, 10**12)
tradable = st.integers(1, 10**6).map(lambda hundredths: hundredths * HUNDREDTH)
liquidities = st.sampled_from(Liquidity)
actions = st.sampled_from(Action)
precisions = st.sampled_from(BalancePrecision)


def schedule(precision: BalancePrecision = BalancePrecision.FCM) -> KalshiFees:
    return published_schedule("quadratic_with_maker_fees", "1", NOW_NS, precision)


@given(prices, quantities, liquidities)
def test_fill_fee_is_the_exact_formula_raised_to_a_hundredth_of_a_cent(
    price: int, quantity: int, liquidity: Liquidity
) -> None:
    rate = Fraction(7, 100) if liquidity is Liquidity.TAKER else Fraction(175, 10_000)
    share = Fraction(price, 10_000)
    exact = rate * Fraction(quantity, CONTRACT) * share * (1 - share)
    assert schedule().fill_fee(price, quantity, liquidity) == math.ceil(exact * 10_000) * CENTICENT


@given(prices, quantities, liquidities)
def test_yes_and_no_cost_the_same(price: int, quantity: int, liquidity: Liquidity) -> None:
    fees = schedule()
    assert fees.fill_fee(price, quantity, liquidity) == fees.fill_fee(
        10_000 - price, quantity, liquidity
    )


@given(prices, quantities, quantities)
def test_splitting_a_fill_never_makes_it_cheaper(price: int, first: int, second: int) -> None:
    fees = schedule()
    whole = fees.fill_fee(price, first + second, Liquidity.TAKER)
    parts = fees.fill_fee(price, first, Liquidity.TAKER) + fees.fill_fee(
        price, second, Liquidity.TAKER
    )
    assert whole <= parts <= whole + CENTICENT


def test_makers_are_free_where_the_series_does_not_charge_them() -> None:
    fees = series_schedule("KXBTC15M", NOW_NS, BalancePrecision.FCM)
    assert fees.fill_fee(5_000, 100 * CONTRACT, Liquidity.MAKER) == 0
    assert fees.fill_fee(5_000, 100 * CONTRACT, Liquidity.TAKER) == 1_750_000


@pytest.mark.parametrize(
    ("price", "quantity", "field"),
    [(-1, CONTRACT, "price"), (10_001, CONTRACT, "price"), (5_000, 0, "quantity")],
)
def test_what_is_no_fill_is_refused(price: int, quantity: int, field: str) -> None:
    with pytest.raises(Malformed) as refused:
        schedule().fill_fee(price, quantity, Liquidity.TAKER)
    assert (refused.value.reason, refused.value.field) == ("bad_fill", field)


def test_a_quantity_finer_than_the_venue_trades_is_refused_not_rounded() -> None:
    order = schedule().order_fees()
    with pytest.raises(Malformed, match="bad_quantity"):
        order.fill(3_301, 1, Liquidity.TAKER, Action.BUY)


@given(precisions, st.lists(st.tuples(prices, tradable, liquidities, actions), max_size=30))
def test_every_fill_leaves_the_balance_on_its_grid(
    precision: BalancePrecision, fills: list[tuple[int, int, Liquidity, Action]]
) -> None:
    order = schedule(precision).order_fees()
    for price, quantity, liquidity, action in fills:
        notional = price * quantity // 10_000
        revenue = notional if action is Action.SELL else -notional
        charge = order.charge(price, quantity, liquidity, action)
        assert (revenue - charge.net_fee) % precision == 0
        assert 0 <= charge.rounding_fee < precision
        assert 0 <= charge.accumulator_after <= CENT


@given(precisions, st.lists(st.tuples(prices, tradable, liquidities, actions), max_size=60))
def test_an_order_pays_its_trade_fees_and_at_most_a_cent_of_rounding(
    precision: BalancePrecision, fills: list[tuple[int, int, Liquidity, Action]]
) -> None:
    fees = schedule(precision)
    order = fees.order_fees()
    trade_fees = sum(fees.fill_fee(price, size, how) for price, size, how, _ in fills)
    charged = sum(order.fill(*fill) for fill in fills)
    assert trade_fees <= charged <= trade_fees + CENT


def test_rounding_is_carried_from_taker_to_maker_fills() -> None:
    order = series_schedule("KXBTC15M", NOW_NS, BalancePrecision.FCM).order_fees()
    taken = order.charge(550, CONTRACT, Liquidity.TAKER, Action.BUY)
    made = order.charge(550, CONTRACT, Liquidity.MAKER, Action.BUY)
    # -0.055 - 0.0037 falls to -0.06 (0.0013), then -0.055 falls to -0.06 (0.0050).
    assert (taken.trade_fee, taken.rounding_fee) == (3_700, 1_300)
    assert (made.trade_fee, made.rounding_fee, made.accumulator_after) == (0, 5_000, 6_300)


def test_the_rebate_needs_more_than_a_cent() -> None:
    accumulator = RoundingAccumulator(BalancePrecision.FCM)
    assert accumulator.charge(-5_000, 0).rebate == 0
    at_a_cent = accumulator.charge(-5_000, 0)
    assert (at_a_cent.accumulator_before_rebate, at_a_cent.rebate) == (CENT, 0)
    assert accumulator.charge(-9_999, 0).rebate == CENT


def test_orders_do_not_share_their_rounding() -> None:
    fees = schedule()
    first = fees.order_fees().charge(550, CONTRACT, Liquidity.TAKER, Action.BUY)
    assert fees.order_fees().charge(550, CONTRACT, Liquidity.TAKER, Action.BUY) == first
