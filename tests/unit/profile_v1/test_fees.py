"""Fees and EVs in floats, with the noise that v1 is known for."""

from __future__ import annotations

from decimal import Decimal
from math import inf, nan

import pytest

from kairos.domain.profile_v1.fees import exact_fee, fee, max_contracts, take_ev

# (price in cents, contracts, charged, exact): every cell known to differ, found by the reference.
NOISY = [
    (20, 25, 0.29, "0.28"),
    (40, 25, 0.43, "0.42"),
    (60, 25, 0.43, "0.42"),
    (80, 25, 0.29, "0.28"),
    (20, 50, 0.57, "0.56"),
    (40, 50, 0.85, "0.84"),
    (60, 50, 0.85, "0.84"),
    (80, 50, 0.57, "0.56"),
    (10, 100, 0.64, "0.63"),
    (20, 100, 1.13, "1.12"),
    (40, 100, 1.69, "1.68"),
    (50, 100, 1.76, "1.75"),
    (60, 100, 1.69, "1.68"),
    (70, 100, 1.48, "1.47"),
    (80, 100, 1.13, "1.12"),
    (70, 500, 7.36, "7.35"),
    (70, 1000, 14.71, "14.70"),
]


@pytest.mark.parametrize(("price", "expected"), [(50, 0.02), (1, 0.01), (99, 0.01), (0.5, 0.01)])
def test_fee_of_one_contract_is_rounded_up_to_a_cent(price: float, expected: float) -> None:
    assert fee(price, 1) == expected


@pytest.mark.parametrize("price", [0, 100, 0.0, "100"])
def test_the_ends_of_the_scale_are_free(price: object) -> None:
    assert fee(price, 1) == 0.0


@pytest.mark.parametrize("price", [None, -1, 100.01, 101, nan, inf, "abc", ""])
def test_what_is_no_price_has_no_fee(price: object) -> None:
    assert fee(price, 1) is None


@pytest.mark.parametrize("contracts", [0, -1, None, "many", nan])
def test_what_is_no_order_has_no_fee(contracts: object) -> None:
    assert fee(50, contracts) is None
    assert fee(100, contracts) is None


@pytest.mark.parametrize(("price", "contracts", "charged", "exact"), NOISY)
def test_d8_float_noise_adds_a_cent(price: int, contracts: int, charged: float, exact: str) -> None:
    assert fee(price, contracts) == charged
    assert exact_fee(price, contracts) == Decimal(exact)


def test_no_cell_of_one_contract_is_noisy() -> None:
    for price in range(101):
        assert fee(price, 1) == float(exact_fee(price, 1))


def test_numbers_may_be_text() -> None:
    assert fee("50", "1") == 0.02


def test_ev_is_payout_less_cost_less_fee() -> None:
    assert take_ev(0.6, 50, 1) == pytest.approx(0.08, abs=1e-12)
    assert take_ev(0.5, 50, 1) == pytest.approx(-0.02, abs=1e-12)
    assert take_ev(0.6, 120, 1) is None
    assert take_ev(None, 50, 1) is None
    assert take_ev(0.6, None, 1) is None


def test_d9_ev_of_many_contracts_is_their_total() -> None:
    assert take_ev(0.49882783140445197, 50.0, 100) == pytest.approx(-1.8772168595548016, abs=1e-12)


@pytest.mark.parametrize(
    ("budget", "price", "bought"),
    [
        (10, 50.0, 20),
        (10, 33.0, 30),
        (100, 50, 200),
        (1, 99.0, 1),
        (1, 100.0, 1),
        (0.5, 50, 1),
        (0.49, 50, 0),
        (10, None, 0),
        (10, 0, 0),
        (10, -5, 0),
        (0, 50, 0),
        (-1, 50, 0),
        (None, 50, 0),
    ],
)
def test_max_contracts_is_whole_and_never_negative(
    budget: float | None, price: float | None, bought: int
) -> None:
    assert max_contracts(budget, price) == bought
