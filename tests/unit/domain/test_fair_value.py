"""The probability against brute force: exact covariances, simulated minutes, fine quadrature."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from kairos.domain.fair_value import PROBABILITY_MIN, probability, settlement_moments
from kairos.domain.settlement_average import PRINTS
from kairos.domain.volatility import SECONDS_PER_YEAR

SPOT, SIGMA = 80_000.0, 0.5
RATE = SIGMA * SIGMA * SPOT * SPOT / SECONDS_PER_YEAR


def brute_force(seconds: float, realised: list[float]) -> tuple[float, float]:
    """Mean and variance of the settlement value from all pairs of prints still to come."""
    due = [seconds - back for back in range(PRINTS)]
    due = [when for when in due if when >= 0]
    unseen = PRINTS - len(due) - len(realised)
    mean = (sum(realised) + SPOT * (len(due) + unseen)) / PRINTS
    return mean, RATE * sum(min(s, t) for s in due for t in due) / PRINTS**2


@pytest.mark.parametrize(
    "seconds", [0.0, 0.5, 1.0, 12.7, 30.0, 58.999, 59.5, 60.0, 61.0, 240.0, 900.0]
)
def test_moments_are_those_of_the_covariance_sum(seconds: float) -> None:
    due = sum(seconds - back >= 0 for back in range(PRINTS))
    realised = [SPOT + 10.0] * (PRINTS - due)
    expected = brute_force(seconds, realised)
    found = settlement_moments(SPOT, seconds, sum(realised), len(realised), SIGMA)
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-6)


def test_inside_the_last_minute_what_is_realised_cannot_move() -> None:
    """Half of the prints at 80 100: the mean is pinned half way, the rest moves little."""
    mean, variance = settlement_moments(SPOT, 29.5, 30 * 80_100.0, 30, SIGMA)
    assert mean == pytest.approx(80_050.0)
    assert variance < 0.2 * settlement_moments(SPOT, 59.5, 0.0, 0, SIGMA)[1]


def test_prints_nobody_saw_are_taken_at_the_spot() -> None:
    mean, _ = settlement_moments(SPOT, 29.5, 10 * 80_100.0, 10, SIGMA)
    assert mean == pytest.approx((10 * 80_100.0 + 50 * SPOT) / 60)


def test_after_the_close_the_value_is_known() -> None:
    mean, variance = settlement_moments(SPOT, -1.0, 60 * 80_100.0, 60, SIGMA)
    assert mean == pytest.approx(80_100.0)
    assert variance == 0.0


@pytest.mark.parametrize(
    ("seconds", "strike"), [(240.0, 80_050.0), (45.5, 80_010.0), (20.5, 80_020.0)]
)
def test_probability_is_that_of_simulated_minutes(seconds: float, strike: float) -> None:
    random = np.random.default_rng(20_261_118)
    due = sorted(when for back in range(PRINTS) if (when := seconds - back) >= 0)
    steps = np.diff([0.0, *due])
    paths = SPOT + np.cumsum(
        random.standard_normal((120_000, len(due))) * np.sqrt(RATE * steps), axis=1
    )
    realised = [SPOT + 25.0] * (PRINTS - len(due))
    settled = (paths.sum(axis=1) + sum(realised)) / PRINTS
    simulated = float((settled >= strike).mean())
    mean, variance = settlement_moments(SPOT, seconds, sum(realised), len(realised), SIGMA)
    found, doubt = probability(strike, math.inf, mean, variance, 1.0, 0.0)
    assert found == pytest.approx(simulated, abs=0.006)
    assert doubt == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("log_sd", [0.1, 0.25, 0.4])
@pytest.mark.parametrize("distance", [-60.0, 0.0, 25.0, 80.0])
def test_three_nodes_average_over_volatility_like_an_integral(
    log_sd: float, distance: float
) -> None:
    """E over lognormal volatility of the normal tail, and its standard deviation."""
    sd, basis = 40.0, 6.0

    def tail(z: float) -> float:
        return float(norm.sf(distance / math.hypot(sd * math.exp(log_sd * z), basis)))

    mean = quad(lambda z: tail(z) * norm.pdf(z), -8, 8)[0]
    square = quad(lambda z: tail(z) ** 2 * norm.pdf(z), -8, 8)[0]
    spread = math.exp(2.0 * math.sqrt(3.0) * log_sd)
    found, doubt = probability(distance, math.inf, 0.0, sd * sd, spread, basis * basis)
    assert found == pytest.approx(mean, abs=0.004)
    assert doubt == pytest.approx(math.sqrt(max(square - mean * mean, 0.0)), abs=0.006)


BOUNDS = st.floats(-500, 500)
VARIANCES = st.floats(0.0, 1e6)
SPREADS = st.floats(1.0, 20.0)
FIXED = st.floats(0.0, 100.0)


@given(BOUNDS, BOUNDS, VARIANCES, SPREADS, FIXED)
def test_a_range_is_what_its_two_thresholds_leave(
    low: float, width: float, variance: float, spread: float, fixed: float
) -> None:
    high = low + abs(width) + 0.01
    above_low = probability(low, math.inf, 0.0, variance, spread, fixed)[0]
    above_high = probability(high, math.inf, 0.0, variance, spread, fixed)[0]
    inside = probability(low, high, 0.0, variance, spread, fixed)[0]
    below_low = probability(-math.inf, low, 0.0, variance, spread, fixed)[0]
    assert inside == pytest.approx(above_low - above_high, abs=3 * PROBABILITY_MIN)
    assert below_low + above_low == pytest.approx(1.0, abs=3 * PROBABILITY_MIN)


@given(BOUNDS, VARIANCES, SPREADS, FIXED)
def test_probabilities_are_never_certain_and_doubt_is_never_negative(
    bound: float, variance: float, spread: float, fixed: float
) -> None:
    found, doubt = probability(bound, math.inf, 0.0, variance, spread, fixed)
    assert PROBABILITY_MIN <= found <= 1.0 - PROBABILITY_MIN
    assert 0.0 <= doubt <= 0.5


@given(BOUNDS, BOUNDS, st.floats(1.0, 1e5), SPREADS)
def test_a_higher_strike_is_never_likelier(
    one: float, two: float, variance: float, spread: float
) -> None:
    low, high = sorted((one, two))
    below = probability(low, math.inf, 0.0, variance, spread, 0.0)[0]
    assert below >= probability(high, math.inf, 0.0, variance, spread, 0.0)[0] - 1e-12


def test_without_any_variance_the_bounds_decide() -> None:
    assert probability(1.0, math.inf, 1.0, 0.0, 1.0, 0.0)[0] == 1.0 - PROBABILITY_MIN
    assert probability(1.0, math.inf, 0.999, 0.0, 1.0, 0.0)[0] == PROBABILITY_MIN
    assert probability(0.0, 1.0, 1.0, 0.0, 1.0, 0.0)[0] == PROBABILITY_MIN


def test_doubt_about_volatility_costs_most_where_it_matters_most() -> None:
    """Nothing at the money, where volatility moves no probability; most a deviation off."""
    spread = math.exp(2.0 * math.sqrt(3.0) * 0.3)
    at_the_money = probability(0.0, math.inf, 0.0, 1_600.0, spread, 0.0)[1]
    one_away = probability(40.0, math.inf, 0.0, 1_600.0, spread, 0.0)[1]
    assert at_the_money == pytest.approx(0.0, abs=1e-12)
    assert one_away > 0.03
