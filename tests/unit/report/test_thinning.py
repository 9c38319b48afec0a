"""What a thinned series may lose, and what it must keep."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.report.data import Point
from cli.report.thinning import SeriesThinner, thin
from kairos.errors import KairosError

LIMIT = 20

values = st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False))
known_values = st.floats(allow_nan=False, allow_infinity=False)
gaps_ns = st.one_of(st.integers(0, 3), st.integers(0, 10**6), st.integers(0, 10**15))


@st.composite
def series(draw: st.DrawFn, of: st.SearchStrategy[float | None] = values) -> list[Point]:
    ts_ns = draw(st.integers(-(2**40), 2**61))
    points = []
    for gap_ns, value in draw(st.lists(st.tuples(gaps_ns, of), min_size=1, max_size=150)):
        ts_ns += gap_ns
        points.append((ts_ns, value))
    return points


@given(series())
def test_stored_and_returned_points_stay_bounded_at_every_step(points: list[Point]) -> None:
    thinner = SeriesThinner(LIMIT)
    for ts_ns, value in points:
        thinner.add(ts_ns, value)
        assert thinner.stored <= 2 * LIMIT
        assert len(thinner.points()) <= LIMIT


@given(series())
def test_first_and_last_points_are_kept(points: list[Point]) -> None:
    thinned = thin(points, LIMIT)
    assert thinned[0] == points[0]
    assert thinned[-1] == points[-1]


@given(series(known_values))
def test_lowest_and_highest_values_are_kept(points: list[Point]) -> None:
    kept = [value for _, value in thin(points, LIMIT)]
    everything = [value for _, value in points if value is not None]
    assert min(everything) in kept
    assert max(everything) in kept


@given(series())
def test_only_points_of_the_series_are_returned_and_in_their_order(points: list[Point]) -> None:
    thinned = thin(points, LIMIT)
    remaining = iter(points)
    assert all(point in remaining for point in thinned)
    assert all(before[0] <= after[0] for before, after in pairwise(thinned))


@given(series())
def test_a_series_that_fits_is_unchanged(points: list[Point]) -> None:
    assert thin(points, max(len(points), LIMIT)) == tuple(points)


@given(series())
def test_becoming_unknown_is_never_hidden(points: list[Point]) -> None:
    if any(value is None for _, value in points):
        assert any(value is None for _, value in thin(points, LIMIT))


@given(series(), st.integers(0, 150))
def test_asking_in_between_changes_nothing(points: list[Point], ask_after: int) -> None:
    thinner = SeriesThinner(LIMIT)
    for position, (ts_ns, value) in enumerate(points):
        thinner.add(ts_ns, value)
        if position == ask_after:
            thinner.points()
    assert thinner.points() == thin(points, LIMIT)


def test_a_spike_of_one_point_in_a_million_survives() -> None:
    spike_at = 777_777
    thinner = SeriesThinner()
    for n in range(1_000_000):
        thinner.add(n * 1_000, 0.99 if n == spike_at else 0.5)
    assert (spike_at * 1_000, 0.99) in thinner.points()


def test_a_single_gap_in_many_points_survives() -> None:
    points = [(n * 1_000, None if n == 5_001 else float(n)) for n in range(10_000)]
    assert (5_001_000, None) in thin(points, LIMIT)


@pytest.mark.parametrize("step_ns", [1, 1_000, 1_000_000_007])
def test_the_limit_holds_at_every_length_of_a_series_that_zigzags(step_ns: int) -> None:
    thinner = SeriesThinner(LIMIT)
    for n in range(5_000):
        thinner.add(n * step_ns, None if n % 5 == 0 else float(n if n % 2 else -n))
        assert len(thinner.points()) <= LIMIT


def test_an_even_series_keeps_an_even_resolution() -> None:
    kept = thin(((n * 1_000_000, float(n % 7)) for n in range(100_000)), 1_000)
    widest = max(after[0] - before[0] for before, after in pairwise(kept))
    assert len(kept) > 250
    assert widest <= 100_000 * 1_000_000 / 100


def test_a_clock_that_steps_back_is_recorded_at_the_newest_time() -> None:
    assert thin([(100, 1.0), (90, 2.0), (110, 3.0)]) == ((100, 1.0), (100, 2.0), (110, 3.0))


def test_nothing_added_gives_no_points() -> None:
    assert SeriesThinner().points() == ()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_value_that_is_not_finite_is_refused(value: float) -> None:
    with pytest.raises(KairosError, match="unknown is None"):
        SeriesThinner().add(1, value)


def test_a_limit_too_small_to_keep_extremes_is_refused() -> None:
    with pytest.raises(KairosError, match="room for 10 points"):
        SeriesThinner(9)
    assert len(thin([(n, float(n)) for n in range(1_000)], 10)) <= 10
