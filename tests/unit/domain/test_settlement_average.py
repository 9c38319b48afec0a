"""The mean of sixty prints: its variance against the sum of all covariances, and its prints."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos.domain.settlement_average import (
    PRINTS,
    SettlementWindow,
    prints_remaining,
    variance_seconds,
)

NS = 1_000_000_000
CLOSE = 1_795_014_000 * NS


def covariance_sum(times: list[float]) -> float:
    """Variance of the mean of Brownian motion at `times`: cov(W_s, W_t) = min(s, t)."""
    return sum(min(s, t) for s in times for t in times) / len(times) ** 2


def future_prints(seconds_to_close: float) -> list[float]:
    """When the prints that are still to come are due, in seconds from now."""
    due = [seconds_to_close - back for back in range(PRINTS)]
    return [when for when in due if when >= 0]


@pytest.mark.parametrize(
    "seconds", [0.0, 0.25, 1.0, 1.5, 10.3, 30.0, 58.9, 59.0, 59.5, 60.0, 75.2, 240.0, 3600.0]
)
def test_variance_is_the_sum_of_all_covariances(seconds: float) -> None:
    due = future_prints(seconds)
    assert prints_remaining(seconds) == len(due)
    assert variance_seconds(seconds, len(due)) == pytest.approx(covariance_sum(due), abs=1e-9)


@given(st.floats(0, 5_000, allow_nan=False))
def test_variance_agrees_at_any_moment(seconds: float) -> None:
    due = future_prints(seconds)
    assert variance_seconds(seconds, len(due)) == pytest.approx(covariance_sum(due), abs=1e-6)


def test_averaging_takes_about_forty_seconds_off_a_long_horizon() -> None:
    assert variance_seconds(240.0, PRINTS) == pytest.approx(240 - 39.5, abs=0.01)


def test_after_the_close_nothing_is_left_to_move() -> None:
    assert prints_remaining(-0.001) == 0
    assert variance_seconds(-5.0, 0) == 0.0


def at(seconds_before_close: float) -> int:
    return CLOSE - int(seconds_before_close * NS)


def test_prints_take_the_price_known_when_they_fell_due() -> None:
    window = SettlementWindow(CLOSE)
    window.advance(at(59.5), 100.0)
    window.advance(at(57.5), 200.0)  # the prints at 59 and 58 fell due at 100
    assert (window.count, window.total) == (2, 200.0)
    window.advance(at(56.5), 300.0)
    assert (window.count, window.total) == (3, 400.0)


def test_a_whole_minute_of_silence_fills_up_with_the_last_price() -> None:
    window = SettlementWindow(CLOSE)
    window.advance(at(59.5), 100.0)
    window.advance(CLOSE, 999.0)
    assert (window.count, window.total, window.missing) == (60, 6_000.0, 0)


def test_prints_after_the_close_do_not_count() -> None:
    window = SettlementWindow(CLOSE)
    window.advance(at(59.5), 100.0)
    window.advance(CLOSE + 60 * NS, 100.0)
    assert window.count == 60


def test_a_window_entered_late_knows_what_it_missed() -> None:
    window = SettlementWindow(CLOSE)
    window.advance(at(29.5), 100.0)
    window.advance(CLOSE, 100.0)
    assert (window.count, window.missing) == (30, 30)


def test_the_index_itself_replaces_what_the_proxy_stood_in_for() -> None:
    window = SettlementWindow(CLOSE)
    window.advance(at(59.5), 100.0)
    window.advance(at(57.5), 100.0)
    window.take_print(at(58), 150.0)
    assert (window.count, window.total) == (2, 250.0)


def test_an_index_print_repeated_counts_once() -> None:
    window = SettlementWindow(CLOSE)
    window.take_print(at(30), 150.0)
    window.take_print(at(30), 151.0)
    assert (window.count, window.total) == (1, 151.0)


def test_index_prints_outside_the_minute_are_not_its() -> None:
    window = SettlementWindow(CLOSE)
    window.take_print(at(60), 1.0)
    window.take_print(at(-1), 1.0)
    window.take_print(at(-0.001), 1.0)
    assert window.count == 0
    window.take_print(at(59), 1.0)
    window.take_print(CLOSE, 1.0)
    assert window.count == 2


def test_sixty_index_prints_make_the_settlement_value() -> None:
    window = SettlementWindow(CLOSE)
    for back in range(59, -1, -1):
        window.take_print(at(back), 1_000.0 + back)
        window.advance(at(back), 5.0)
    assert window.count == 60
    assert window.total / PRINTS == pytest.approx(1_029.5)
