"""Polymarket US: an order's fee is one rounded sum, however it fills."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos.domain.fees.polymarket_us import PolymarketUsFees, market_schedule, schedule_at
from kairos.domain.fees.schedule import FeeSchedule, effective_ns
from kairos.domain.instruments import Action, Liquidity
from kairos.errors import Malformed, UsageError

CONTRACT = 1_000_000
NOW_NS = effective_ns(2026, 10, 20)
fills = st.lists(
    st.tuples(st.integers(0, 10_000), st.integers(1, 10**9), st.sampled_from(Liquidity)),
    min_size=1,
    max_size=20,
)


def exact_dollars(fees: PolymarketUsFees, price: int, quantity: int, how: Liquidity) -> Fraction:
    share = Fraction(price, 10_000)
    rate = Fraction(fees.taker if how is Liquidity.TAKER else fees.maker, 1_000_000)
    return rate * Fraction(quantity, CONTRACT) * share * (1 - share)


@given(fills)
def test_the_fills_of_an_order_add_up_to_the_rounded_order(
    order: list[tuple[int, int, Liquidity]],
) -> None:
    schedule = schedule_at(NOW_NS)
    accumulator = schedule.order_fees()
    charged = dict.fromkeys(Liquidity, 0)
    exact = dict.fromkeys(Liquidity, Fraction(0))
    for price, quantity, how in order:
        charged[how] += accumulator.fill(price, quantity, how, Action.BUY)
        exact[how] += exact_dollars(schedule, price, quantity, how)
    assert charged == {how: round(exact[how] * 100) * 10_000 for how in Liquidity}


def test_many_small_fills_cost_what_one_order_costs() -> None:
    order = schedule_at(NOW_NS).order_fees()
    charged = [order.fill(1_000, CONTRACT, Liquidity.TAKER, Action.BUY) for _ in range(1_000)]
    assert sum(charged) == 6_260_000  # 1 000 separate orders would have been charged $10.00
    assert set(charged) == {0, 10_000}


def test_half_a_cent_goes_to_the_even_side_for_fees_and_rebates() -> None:
    fees = schedule_at(NOW_NS)
    assert fees.fill_fee(1_000, 1_000 * CONTRACT, Liquidity.TAKER) == 6_260_000  # 6.255
    assert fees.fill_fee(1_000, 1_000 * CONTRACT, Liquidity.MAKER) == -1_120_000  # 1.125
    assert fees.fill_fee(5_000, 120 * CONTRACT, Liquidity.MAKER) == -380_000  # 0.375
    five_percent = market_schedule("0.05", NOW_NS)
    assert five_percent.fill_fee(5_000, 10 * CONTRACT, Liquidity.TAKER) == 120_000  # 0.125


def test_the_schedule_follows_the_date() -> None:
    assert schedule_at(effective_ns(2026, 7, 1)).taker == 60_000
    assert schedule_at(effective_ns(2026, 10, 1) - 1).taker == 60_000
    assert schedule_at(effective_ns(2026, 10, 1)).taker == 69_500
    with pytest.raises(UsageError, match=r"2026-07-01 03:59 UTC.*2026-07-01 04:00 UTC"):
        schedule_at(effective_ns(2026, 7, 1) - 1)


def test_a_market_s_own_coefficient_replaces_the_published_one() -> None:
    fees = market_schedule("0.03", NOW_NS)
    assert fees.fill_fee(5_000, 100 * CONTRACT, Liquidity.TAKER) == 750_000
    assert not fees.assumed
    assert schedule_at(NOW_NS).assumed


def test_bad_values_are_refused() -> None:
    with pytest.raises(Malformed, match="bad_fill"):
        schedule_at(NOW_NS).order_fees().fill(5_000, 0, Liquidity.TAKER, Action.BUY)
    with pytest.raises(Malformed, match="feeCoefficient"):
        market_schedule("-0.0125", NOW_NS)


def test_polymarket_us_fees_are_a_fee_schedule() -> None:
    schedule: FeeSchedule = schedule_at(NOW_NS)
    assert schedule.version == "polymarket-us-2026-10-01"
