"""The order book against a dictionary that cannot be wrong."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from kairos.domain.book import (
    DEEP_CHANGE,
    TOP_PRICE_CHANGE,
    TOP_SIZE_CHANGE,
    BinaryBook,
    BookState,
)
from kairos.domain.grid import LINEAR_CENT, TAPERED_DECI_CENT, grid
from kairos.domain.instruments import NO_LEG, YES_LEG
from kairos.errors import Malformed

GRID = grid(TAPERED_DECI_CENT)
PRICES = st.sampled_from([10, 20, 500, 990, 1_000, 1_100, 4_900, 5_000, 5_100, 8_900, 9_000, 9_990])
LEGS = st.sampled_from([YES_LEG, NO_LEG])
SIZES = st.integers(1, 5).map(lambda contracts: contracts * 10_000)


class BookAgainstDictionary(RuleBasedStateMachine):
    """Deltas and snapshots go to both; every answer must be the same."""

    @initialize()
    def start(self) -> None:
        self.book = BinaryBook("A", GRID)
        self.naive: dict[int, dict[int, int]] = {YES_LEG: {}, NO_LEG: {}}

    @rule(leg=LEGS, price=PRICES, change=st.integers(-5, 5).map(lambda n: n * 10_000))
    def change(self, leg: int, price: int, change: int) -> None:
        levels = self.naive[leg]
        best, size = max(levels, default=None), levels.get(best_of(levels), 0)
        quantity = levels.get(price, 0) + change
        if quantity < 0:
            with pytest.raises(Malformed) as refused:
                self.book.apply(leg, price, change)
            assert refused.value.reason == "negative_level"
            return
        told = self.book.apply(leg, price, change)
        levels[price] = quantity
        if not quantity:
            del levels[price]
        after = max(levels, default=None)
        if after != best:
            assert told == TOP_PRICE_CHANGE
        elif after is not None and levels[after] != size:
            assert told == TOP_SIZE_CHANGE
        elif price != best:
            assert told == DEEP_CHANGE

    @rule(
        yes=st.dictionaries(PRICES, SIZES, max_size=6),
        no=st.dictionaries(PRICES, SIZES, max_size=6),
    )
    def replace(self, yes: dict[int, int], no: dict[int, int]) -> None:
        self.book.replace(yes.items(), no.items())
        self.naive = {YES_LEG: dict(yes), NO_LEG: dict(no)}

    @invariant()
    def levels_and_tops_agree(self) -> None:
        for leg, levels in self.naive.items():
            assert self.book.bids(leg) == sorted(levels.items(), reverse=True)
        yes, no = (max(self.naive[leg], default=None) for leg in (YES_LEG, NO_LEG))
        assert (self.book.yes_bid, self.book.no_bid) == (yes, no)
        assert self.book.yes_ask == (None if no is None else 10_000 - no)
        assert self.book.no_ask == (None if yes is None else 10_000 - yes)
        assert self.book.crossed == (yes is not None and no is not None and yes + no >= 10_000)


def best_of(levels: dict[int, int]) -> int:
    return max(levels, default=-1)


BookAgainstDictionary.TestCase.settings = settings(max_examples=30, stateful_step_count=30)
TestBookAgainstDictionary = BookAgainstDictionary.TestCase


def test_a_new_book_is_not_live() -> None:
    book = BinaryBook("A", GRID)
    assert (book.state, book.yes_bid, book.yes_ask) == (BookState.RESYNCING, None, None)


@pytest.mark.parametrize("price", [0, 15, 1_010, 10_000])
def test_a_price_off_the_grid_changes_nothing(price: int) -> None:
    book = BinaryBook("A", GRID)
    book.replace([(1_000, 10_000)], [])
    before = book.sha256()
    with pytest.raises(Malformed) as refused:
        book.apply(YES_LEG, price, 10_000)
    assert refused.value.reason == "price_off_grid"
    assert book.sha256() == before


@pytest.mark.parametrize(
    ("yes", "reason"),
    [
        ([(1_010, 10_000)], "price_off_grid"),
        ([(1_000, 0)], "bad_size"),
        ([(1_000, -10_000)], "bad_size"),
        ([(1_000, 10_000), (1_000, 20_000)], "duplicate_level"),
    ],
)
def test_an_impossible_snapshot_changes_neither_side(
    yes: list[tuple[int, int]], reason: str
) -> None:
    for sides in ((yes, []), ([(500, 10_000)], yes)):
        book = BinaryBook("A", GRID)
        book.replace([(1_000, 10_000)], [(2_000, 30_000)])
        before = book.sha256()
        with pytest.raises(Malformed) as refused:
            book.replace(*sides)
        assert refused.value.reason == reason
        assert book.sha256() == before


def test_a_crossed_moment_is_legal_and_says_so() -> None:
    book = BinaryBook("A", GRID)
    book.replace([(5_000, 10_000)], [(4_900, 10_000)])
    moments = [book.crossed]
    for change in (10_000, -10_000):
        book.apply(YES_LEG, 5_100, change)
        moments.append(book.crossed)
    assert moments == [False, True, False]


def test_quantities_are_asked_by_leg_and_price() -> None:
    book = BinaryBook("A", GRID)
    book.replace([(1_000, 10_000)], [(2_000, 30_000)])
    assert book.quantity_at(YES_LEG, 1_000) == 10_000
    assert book.quantity_at(NO_LEG, 2_000) == 30_000
    assert book.quantity_at(NO_LEG, 1_000) == 0
    assert book.quantity_at(YES_LEG, 1_015) == 0


@given(st.dictionaries(PRICES, SIZES, min_size=1, max_size=6))
def test_equal_books_have_equal_hashes_whatever_their_history(levels: dict[int, int]) -> None:
    whole, grown = BinaryBook("A", GRID), BinaryBook("A", GRID)
    whole.replace(levels.items(), [])
    for price, size in reversed(levels.items()):
        grown.apply(YES_LEG, price, size + 10_000)
        grown.apply(YES_LEG, price, -10_000)
    assert whole.sha256() == grown.sha256()
    grown.apply(NO_LEG, 500, 10_000)
    assert whole.sha256() != grown.sha256()


def test_the_hash_is_of_the_documented_text() -> None:
    book = BinaryBook("A", grid(LINEAR_CENT))
    book.replace([(1_000, 10_000), (2_000, 5)], [])
    # printf 'yes 2000:5,1000:10000|no ' | sha256sum
    assert book.sha256() == ("4220566ecbe377387201af8d3643eea176d1e81033d93e41cc48c2bf2a7d2d61")
