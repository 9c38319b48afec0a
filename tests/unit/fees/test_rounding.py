"""Every rounding mode against exact fractions."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos.domain.fees.rounding import Rounding, divide

NUMERATORS = st.integers(-(10**30), 10**30)
DIVISORS = st.integers(1, 10**24)


@given(NUMERATORS, DIVISORS)
def test_modes_agree_with_exact_fractions(numerator: int, divisor: int) -> None:
    exact = Fraction(numerator, divisor)
    assert divide(numerator, divisor, Rounding.FLOOR) == math.floor(exact)
    assert divide(numerator, divisor, Rounding.CEILING) == math.ceil(exact)
    assert divide(numerator, divisor, Rounding.HALF_EVEN) == round(exact)
    assert divide(numerator, divisor, Rounding.HALF_UP) == math.floor(exact + Fraction(1, 2))


@pytest.mark.parametrize(
    ("halves", "even", "up"), [(1, 0, 1), (3, 2, 2), (5, 2, 3), (-1, 0, 0), (-3, -2, -1)]
)
def test_ties_go_where_their_mode_says(halves: int, even: int, up: int) -> None:
    assert divide(halves, 2, Rounding.HALF_EVEN) == even
    assert divide(halves, 2, Rounding.HALF_UP) == up
