"""The event engine's volatility: each reason, each boundary, each known defect."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log, sqrt

import pytest

from kairos.domain.profile_v1.settings import SigmaSettings
from kairos.domain.profile_v1.sigma import (
    SigmaEstimate,
    estimate_sigma,
    ewma_volatility,
    log_returns,
    upper_median_step,
)
from kairos.domain.profile_v1.spot_history import SpotHistory, Tick, resample_last
from tests.support.profile_v1 import NOW

SETTINGS = SigmaSettings()


def estimate(
    ticks: list[Tick], settings: SigmaSettings = SETTINGS, last_good: float | None = None
) -> SigmaEstimate:
    history = SpotHistory(settings.max_spot_points)
    for ts, price in ticks:
        history.append(ts, price)
    return estimate_sigma(history, settings, NOW, last_good)


def zigzag(count: int, step: int, size: float = 1e-4, end: int = NOW) -> list[Tick]:
    """`count` ticks, `step` seconds apart, whose log returns are ±`size`."""
    return [
        (end - step * (count - 1 - index), 100.0 * (1.0 if index % 2 else exp(size)))
        for index in range(count)
    ]


def test_constant_size_returns_annualise_by_the_step() -> None:
    result = estimate(zigzag(361, 10))
    assert (result.source, result.reason, result.quality, result.ok) == ("ewma", None, "ok", True)
    assert result.sigma == pytest.approx(1e-4 * sqrt(31_536_000 / 10), rel=1e-9)
    assert result.unclamped == result.sigma


def test_returns_skip_prices_that_have_no_logarithm() -> None:
    returns = log_returns([100, 0, -1, 105, 110])
    assert returns == [log(105 / 100), log(110 / 105)]


def test_resampling_keeps_the_last_of_each_bucket() -> None:
    ticks = list(zip([2, 1, 2, 7, 1, 7], [20.0, 10, 21, 70, 11, 71], strict=True))
    assert resample_last(ticks, 5) == [(2, 21.0), (7, 71.0)]


def test_resampling_drops_non_positive_prices_before_it_looks_for_the_last() -> None:
    assert resample_last([(1, 10.0), (2, 0.0), (3, -1.0)], 5) == [(1, 10.0)]


def test_buckets_are_aligned_to_the_epoch() -> None:
    assert resample_last([(4, 1.0), (5, 2.0)], 5) == [(4, 1.0), (5, 2.0)]
    assert resample_last([(5, 1.0), (9, 2.0)], 5) == [(9, 2.0)]


def test_the_step_is_the_higher_median_of_positive_differences() -> None:
    assert upper_median_step([0, 5, 5, 15]) == 10.0
    assert upper_median_step([0, 5, 10, 20, 30]) == 10.0
    assert upper_median_step([0, 5, 10, 15, 25]) == 5.0
    assert upper_median_step([7]) is None
    assert upper_median_step([]) is None


def test_ewma_is_seeded_with_the_first_squared_return() -> None:
    assert ewma_volatility([0.02], 0.94) == 0.02
    assert ewma_volatility([0.02, 0.0], 0.94) == pytest.approx(0.02 * sqrt(0.94), abs=1e-15)
    assert ewma_volatility([], 0.94) is None


def test_no_ticks_are_too_few_points() -> None:
    result = estimate([])
    assert (result.reason, result.source, result.sigma) == ("insufficient_points", "default", 0.6)
    assert result.reason_context == "sigma_points_used=0 < min_points=10"
    assert result.summary()["step_seconds"] == 5.0


@pytest.mark.parametrize(
    "ticks", [[(NOW - 5, 100.0)], [(NOW - 5, 100.0), (NOW - 5, 101.0)], [(NOW, 0.0)]]
)
def test_without_two_buckets_there_is_no_step(ticks: list[Tick]) -> None:
    result = estimate(ticks)
    assert (result.reason, result.unclamped) == ("missing_step", None)
    assert result.reason_context == "resample step is missing or invalid"


@pytest.mark.parametrize(("step", "bad"), [(3600, False), (3601, True)])
def test_steps_of_more_than_an_hour_are_refused(step: int, bad: bool) -> None:
    wide = replace(SETTINGS, lookback_seconds=100_000)
    assert (estimate(zigzag(20, step), wide).reason == "bad_step_seconds") is bad


def test_steps_of_a_second_are_accepted() -> None:
    assert estimate(zigzag(3700, 1), replace(SETTINGS, resample_seconds=1)).ok


@pytest.mark.parametrize(("ticks", "reason"), [(11, None), (10, "insufficient_points")])
def test_ten_returns_are_enough(ticks: int, reason: str | None) -> None:
    assert estimate(zigzag(ticks, 3600 // (ticks - 1), 1e-3)).reason == reason


@pytest.mark.parametrize(("end", "reason"), [(NOW, None), (NOW - 1, "insufficient_history_span")])
def test_an_hour_of_span_is_enough(end: int, reason: str | None) -> None:
    ticks = [(NOW - 3600, 100.0), *zigzag(300, 10, end=end)]
    result = estimate(ticks)
    assert result.reason == reason
    if reason is not None:
        context = "history_span_seconds=3599 < min_sigma_lookback_seconds=3600"
        assert result.reason_context == context


def test_points_are_counted_before_the_span_is_looked_at() -> None:
    assert estimate(zigzag(5, 5)).reason == "insufficient_points"


@pytest.mark.parametrize(("age", "points"), [(3900, 362), (3901, 361)])
def test_a_tick_exactly_as_old_as_the_lookback_counts(age: int, points: int) -> None:
    result = estimate([(NOW - age, 100.0), *zigzag(361, 10)])
    assert result.history.raw_points == points


def test_ticks_from_the_future_count_too() -> None:
    assert estimate([*zigzag(361, 10), (NOW + 7, 100.0)]).history.raw_points == 362


def test_a_flat_price_has_no_sigma() -> None:
    result = estimate(zigzag(361, 10, size=0.0))
    assert (result.reason, result.unclamped) == ("nonpositive_sigma", 0.0)
    assert result.reason_context == "sigma_unclamped=0.0 <= 0"


def test_sigma_of_exactly_the_maximum_is_accepted() -> None:
    accepted = estimate(zigzag(361, 10, size=2e-3))
    at_limit = replace(SETTINGS, sigma_max=accepted.sigma)
    assert estimate(zigzag(361, 10, size=2e-3), at_limit).ok
    above = estimate(zigzag(361, 10, size=1e-2))
    assert (above.reason, above.source) == ("out_of_bounds", "default")
    assert above.unclamped is not None
    assert above.unclamped > SETTINGS.sigma_max


def test_an_overflowing_price_is_not_finite() -> None:
    ticks = [
        (ts, price if index % 2 else 1e-308) for index, (ts, price) in enumerate(zigzag(361, 10))
    ]
    huge = replace(SETTINGS, ewma_lambda=1e308)
    assert estimate(ticks, huge).reason == "nonfinite_sigma"


def test_without_returns_but_none_needed_there_is_no_ewma() -> None:
    lax = replace(SETTINGS, min_points=0, min_sigma_lookback_seconds=0)
    assert estimate([(NOW, 1.0)], lax).reason == "missing_step"


def test_memory_is_preferred_to_the_default() -> None:
    result = estimate(zigzag(20, 5), last_good=0.44)
    assert (result.sigma, result.source, result.quality) == (0.44, "history", "fallback_history")
    assert not result.ok
    assert estimate(zigzag(20, 5)).quality == "fallback_default"


def test_d3_an_outage_counts_as_one_step() -> None:
    """Ten minutes that moved 1 % look like 1 % in ten seconds."""
    before = zigzag(300, 10, end=NOW - 650)
    after = [(ts, price * 1.01) for ts, price in zigzag(6, 10)]
    quiet = estimate(zigzag(366, 10))
    assert estimate(before + after).sigma > 10 * quiet.sigma


def test_d28_late_ticks_shrink_the_span() -> None:
    """An hour of ticks, then a replay of two old ones: the span becomes 55 s."""
    ticks = zigzag(391, 10)
    late = [(NOW - 3900 + 50, 100.0), (NOW - 3900 + 55, 100.0)]
    result = estimate(ticks + late)
    assert result.history.span_seconds == 55
    assert result.reason == "insufficient_history_span"


def test_d28_the_cap_starves_a_busy_market() -> None:
    capped = replace(SETTINGS, max_spot_points=200)
    result = estimate(zigzag(3800, 1), capped)
    assert (result.history.raw_points, result.history.span_seconds) == (200, 199)
    assert result.reason == "insufficient_history_span"


def test_d1_a_minute_of_noise_moves_sigma_by_half() -> None:
    calm = zigzag(730, 5, end=NOW - 60)
    burst = zigzag(12, 5, size=3e-4)
    assert estimate(calm + burst).sigma > 1.5 * estimate(zigzag(742, 5)).sigma
