"""Polymarket's taker fee: rounding, the smallest charge, and rates nobody published."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos.domain.fees.polymarket import (
    OBSERVED_ROUNDING,
    PolymarketFees,
    category_schedule,
    market_schedule,
)
from kairos.domain.fees.rounding import Rounding
from kairos.domain.fees.schedule import FeeSchedule, effective_ns
from kairos.domain.instruments import Action, Liquidity
from kairos.errors import Malformed, UsageError

SHARE = 1_000_000
NOW_NS = effective_ns(2026, 10, 20)


def crypto(exponent: int = 1, rounding: Rounding = OBSERVED_ROUNDING) -> PolymarketFees:
    return market_schedule("0.07", exponent, taker_only=True, rounding=rounding)


@given(st.integers(0, 10_000), st.integers(1, 10**12), st.integers(0, 4))
def test_fee_is_the_exact_formula_cut_to_five_decimals(
    price: int, quantity: int, exponent: int
) -> None:
    share = Fraction(price, 10_000)
    exact = Fraction(7, 100) * Fraction(quantity, SHARE) * (share * (1 - share)) ** exponent
    fee = crypto(exponent).fill_fee(price, quantity, Liquidity.TAKER)
    assert fee == math.floor(exact * 100_000) * 10


def test_the_rounding_mode_is_the_caller_s() -> None:
    # 0.07 × 0.01 × 0.3301 × 0.6699 = 0.000154793…
    fees = {mode: crypto(1, mode).fill_fee(3_301, 10_000, Liquidity.TAKER) for mode in Rounding}
    assert fees == {
        Rounding.FLOOR: 150,
        Rounding.CEILING: 160,
        Rounding.HALF_UP: 150,
        Rounding.HALF_EVEN: 150,
    }


@pytest.mark.parametrize("rounding", Rounding)
def test_less_than_the_smallest_fee_is_not_charged(rounding: Rounding) -> None:
    fees = crypto(1, rounding)
    # 0.07 × C × 0.25 is 0.00001 at C = 0.000571428…
    assert fees.fill_fee(5_000, 571, Liquidity.TAKER) == 0
    assert fees.fill_fee(5_000, 572, Liquidity.TAKER) >= 10


def test_makers_pay_nothing() -> None:
    assert crypto().fill_fee(5_000, 1_000 * SHARE, Liquidity.MAKER) == 0


def test_each_fill_of_an_order_is_charged_by_itself() -> None:
    fees = crypto()
    order = fees.order_fees()
    alone = fees.fill_fee(3_301, 10_000, Liquidity.TAKER)
    charged = [order.fill(3_301, 10_000, Liquidity.TAKER, Action.BUY) for _ in range(3)]
    assert charged == [alone] * 3


@pytest.mark.parametrize(
    ("rate", "exponent", "taker_only", "field"),
    [
        ("0.07", 1, False, "taker_only"),
        ("0.07", -1, True, "exponent"),
        ("0.07", 5, True, "exponent"),
        ("1000", 1, True, "rate"),
        ("-0.07", 1, True, "rate"),
        ("", 1, True, "rate"),
    ],
)
def test_impossible_market_fees_are_refused(
    rate: str, exponent: int, taker_only: bool, field: str
) -> None:
    with pytest.raises(Malformed) as refused:
        market_schedule(rate, exponent, taker_only=taker_only, rounding=Rounding.FLOOR)
    assert refused.value.field == field


def test_a_price_outside_the_dollar_is_refused() -> None:
    with pytest.raises(Malformed, match="bad_fill"):
        crypto().fill_fee(10_001, SHARE, Liquidity.TAKER)


def test_category_rates_are_dated_and_always_assumed() -> None:
    june = category_schedule("sports", effective_ns(2026, 7, 1), Rounding.FLOOR)
    now = category_schedule("sports", NOW_NS, Rounding.FLOOR)
    assert (june.rate, now.rate) == (30_000, 50_000)
    assert june.assumed
    assert now.assumed
    assert not crypto().assumed


def test_a_category_without_a_rate_and_a_date_without_a_page_are_refused() -> None:
    with pytest.raises(Malformed, match="unknown_category"):
        category_schedule("chess", NOW_NS, Rounding.FLOOR)
    with pytest.raises(UsageError, match="2026-05-01"):
        category_schedule("crypto", effective_ns(2026, 5, 1), Rounding.FLOOR)


def test_polymarket_fees_are_a_fee_schedule() -> None:
    schedule: FeeSchedule = crypto()
    assert schedule.version == "polymarket-market:70000:1"
