"""A market's prices as slots: every orderable price has one, no other price has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos.domain.grid import FINEST, LINEAR_CENT, TAPERED_DECI_CENT, PriceGrid, Ranges, grid
from kairos.errors import Malformed

KNOWN = pytest.mark.parametrize("ranges", [LINEAR_CENT, TAPERED_DECI_CENT, FINEST])


@KNOWN
def test_slots_are_the_ranks_of_the_prices(ranges: Ranges) -> None:
    made = grid(ranges)
    assert made.yes_price == sorted(made.yes_price)
    assert [made.yes_slot[price] for price in made.yes_price] == list(range(made.size))
    off = set(range(10_001)) - set(made.yes_price)
    assert all(made.yes_slot[price] == -1 for price in off)


@KNOWN
def test_the_no_side_is_the_mirror_image(ranges: Ranges) -> None:
    made = grid(ranges)
    for slot in range(made.size):
        assert made.no_price[slot] + made.yes_price[made.size - 1 - slot] == 10_000


@pytest.mark.parametrize(
    ("ranges", "size", "inside", "outside"),
    [
        (LINEAR_CENT, 99, [100, 5_000, 9_900], [0, 10, 150, 9_950, 10_000]),
        (
            TAPERED_DECI_CENT,
            279,
            [10, 990, 1_000, 1_100, 9_000, 9_010, 9_990],
            [0, 5, 1_010, 8_990],
        ),
        (FINEST, 9_999, [1, 9_999], [0, 10_000]),
    ],
)
def test_published_structures_have_the_prices_they_should(
    ranges: Ranges, size: int, inside: list[int], outside: list[int]
) -> None:
    made = grid(ranges)
    assert made.size == size
    assert all(made.yes_slot[price] >= 0 for price in inside)
    assert all(made.yes_slot[price] < 0 for price in outside)


@pytest.mark.parametrize(
    "band",
    [
        (0, 10_000, 0),
        (0, 10_000, -10),
        (500, 500, 10),
        (900, 100, 10),
        (-10, 100, 10),
        (0, 10_001, 1),
    ],
)
def test_bands_that_make_no_grid_are_refused(band: tuple[int, int, int]) -> None:
    with pytest.raises(Malformed) as refused:
        PriceGrid((band,))
    assert refused.value.reason == "bad_price_range"


@given(st.integers(1, 500), st.integers(0, 9_000), st.integers(1, 1_000))
def test_any_band_gives_prices_strictly_inside_a_dollar(step: int, start: int, span: int) -> None:
    made = PriceGrid(((start, min(start + span, 10_000), step),))
    assert all(0 < price < 10_000 for price in made.yes_price)


def test_one_structure_is_one_grid() -> None:
    assert grid(((0, 10_000, 100),)) is grid(LINEAR_CENT)
