"""Text becomes integers exactly, or is refused; integers become the venues' text again."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos.domain.units import (
    cash_dollars,
    contracts,
    dollars,
    hundredths,
    notional,
    price_from_dollars,
    quantity_from_contracts,
    scaled,
)
from kairos.errors import Malformed

QUANTITIES = st.integers(min_value=-(10**18) + 1, max_value=10**18 - 1)


@given(st.integers(min_value=0, max_value=10_000))
def test_every_price_survives_its_text(price: int) -> None:
    assert price_from_dollars(dollars(price)) == price


@given(QUANTITIES)
def test_every_quantity_survives_its_text(quantity: int) -> None:
    assert quantity_from_contracts(contracts(quantity)) == quantity


@given(st.decimals(min_value=-(10**11), max_value=10**11, places=2))
def test_sizes_mean_what_decimal_says(size: Decimal) -> None:
    assert quantity_from_contracts(f"{size:f}") == int(size * 1_000_000)


@given(st.text(max_size=20))
def test_any_text_is_exact_or_refused(text: str) -> None:
    try:
        value = quantity_from_contracts(text)
    except Malformed as problem:
        assert problem.reason == "bad_number"
    else:
        assert Decimal(text) * 1_000_000 == value


@given(st.text(alphabet="0123456789-.+ e٣", max_size=12))
def test_the_fast_way_and_the_careful_way_agree(text: str) -> None:
    fast = hundredths(text)
    if fast is not None:
        assert scaled(text, 6, "size") == fast * 10_000


@pytest.mark.parametrize("text", ["1.00001", "0.12345", "5e-1", "0,5", "½", "1_0", "0x1", "-"])
def test_prices_finer_than_the_unit_or_misspelt_are_refused(text: str) -> None:
    with pytest.raises(Malformed) as refused:
        price_from_dollars(text)
    assert refused.value.reason == "bad_number"


@pytest.mark.parametrize("text", ["1.0001", "-0.0001", "2", "12"])
def test_prices_outside_a_dollar_are_refused(text: str) -> None:
    with pytest.raises(Malformed) as refused:
        price_from_dollars(text)
    assert refused.value.reason == "price_out_of_range"


def test_zeros_behind_the_last_place_are_no_precision() -> None:
    assert price_from_dollars("0.560000") == 5_600


def test_money_is_written_with_its_sign_and_all_its_places() -> None:
    assert cash_dollars(-1_750_000) == "-1.750000"
    assert cash_dollars(1) == "0.000001"
    assert contracts(12_500_000) == "12.50"
    assert contracts(-10_000) == "-0.01"
    assert contracts(1) == "0.000001"


def test_notional_is_exact_on_the_hundredth_contract_grid() -> None:
    assert notional(5_637, 10_000) == 5_637
    assert notional(5_600, 1_000_000) == 560_000
