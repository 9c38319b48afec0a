"""P(YES): what the reference's own tests assert, and every boundary of the model."""

from __future__ import annotations

from math import erf, log, nan, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos.domain.profile_v1.probability import CLAMP, Terminal, clamp, probability_yes

DAY = 86_400


def yes(
    strike_type: object, lower: object, upper: object, spot: float, horizon: float, sigma: float = 1
) -> float | None:
    probability = probability_yes(strike_type, lower, upper, Terminal(spot, sigma, horizon))
    return None if probability is None else probability.clamped


@pytest.mark.parametrize(
    ("strike_type", "lower", "upper", "pays"),
    [
        ("less", None, 100, True),
        ("less", None, 99, False),
        ("greater", 100, None, True),
        ("greater", 101, None, False),
        ("between", 90, 100, False),
        ("between", 100, 110, True),
        ("between", 90, 101, True),
    ],
)
@pytest.mark.parametrize("horizon", [0, -30])
def test_at_the_horizon_the_contract_pays_on_spot(
    strike_type: str, lower: float | None, upper: float | None, pays: bool, horizon: int
) -> None:
    expected = 1 - CLAMP if pays else CLAMP
    assert yes(strike_type, lower, upper, 100, horizon) == expected


def test_at_the_horizon_sigma_is_not_looked_at_but_spot_is() -> None:
    assert yes("greater", 100, None, 100, 0, sigma=0.0) == 1 - CLAMP
    assert yes("greater", 100, None, 0, 0) is None


@pytest.mark.parametrize(("spot", "raw"), [(100.0, 1.0), (99.0, 0.0)])
def test_at_the_horizon_the_raw_twin_is_zero_or_one(spot: float, raw: float) -> None:
    probability = probability_yes("greater", 100, None, Terminal(spot, 1, 0))
    assert probability is not None
    assert probability.raw == raw


@given(
    scale=st.sampled_from([2.0**-20, 0.25, 1.0, 1024.0]),
    strike=st.floats(50, 150),
    width=st.floats(0.5, 50),
    strike_type=st.sampled_from(["less", "greater", "between"]),
    horizon=st.sampled_from([0, 60, DAY]),
)
def test_only_ratios_of_prices_matter(
    scale: float, strike: float, width: float, strike_type: str, horizon: int
) -> None:
    """Powers of two scale exactly, so even the last bit must agree."""
    upper = strike + width
    plain = probability_yes(strike_type, strike, upper, Terminal(100.0, 0.8, horizon))
    scaled = probability_yes(
        strike_type, strike * scale, upper * scale, Terminal(100.0 * scale, 0.8, horizon)
    )
    assert plain == scaled


@given(strike=st.floats(50, 150), width=st.floats(0.5, 50))
def test_below_inside_and_above_a_bucket_are_everything(strike: float, width: float) -> None:
    terminal, upper = Terminal(100.0, 0.8, DAY), strike + width
    parts = [
        probability_yes("less", None, strike, terminal),
        probability_yes("between", strike, upper, terminal),
        probability_yes("greater", upper, None, terminal),
    ]
    assert sum(part.raw for part in parts if part is not None) == pytest.approx(1.0, abs=1e-12)


def test_a_sigma_that_vanishes_over_the_horizon_is_no_sigma() -> None:
    assert yes("less", None, 100, 100, 1, sigma=5e-324) is None


def test_one_second_before_the_horizon_the_model_is_used() -> None:
    at_the_money = yes("greater", 68_000, None, 68_000, 1, sigma=0.55)
    assert at_the_money == pytest.approx(0.4999804638286395, abs=1e-12)


def test_z_follows_the_driftless_lognormal() -> None:
    deviation = 0.6 * sqrt(DAY / 31_536_000)
    z = (log(105 / 100) + 0.5 * deviation**2) / deviation
    expected = 0.5 * (1 + erf(z / sqrt(2)))
    assert yes("less", None, 105, 100, DAY, sigma=0.6) == pytest.approx(expected, abs=1e-9)


def test_median_is_below_spot_by_half_the_variance() -> None:
    below = yes("less", None, 100, 100, DAY, sigma=0.8)
    assert below is not None
    assert 0.50 < below < 0.60


def test_a_narrow_bucket_is_less_likely_the_longer_it_takes() -> None:
    day = yes("between", 91_000, 91_249, 91_100, DAY, sigma=0.2)
    week = yes("between", 91_000, 91_249, 91_100, 7 * DAY, sigma=0.2)
    assert day is not None
    assert week is not None
    assert 0.01 < week < 0.2
    assert week < day


@pytest.mark.parametrize(
    ("strike_type", "lower", "upper", "spot", "horizon", "sigma", "expected"),
    [
        ("greater", 68_000, None, 68_000, 3600, 0.55, 0.498827831404452),
        ("between", 68_000, 68_249.99, 68_000, 3600, 0.55, 0.233629356021082),
        ("greater", 68_010, None, 68_000, 60, 0.55, 0.423005442812775),
        ("greater", 69_000, None, 68_000, 21_600, 1.8, 0.36939591246075),
    ],
)
def test_published_samples(
    strike_type: str,
    lower: float,
    upper: float | None,
    spot: float,
    horizon: int,
    sigma: float,
    expected: float,
) -> None:
    assert yes(strike_type, lower, upper, spot, horizon, sigma) == pytest.approx(
        expected, abs=1e-14
    )


@pytest.mark.parametrize(
    ("spot", "strike", "sigma"),
    [(0, 100, 1), (-1, 100, 1), (100, 0, 1), (100, 100, 0), (100, 100, -1)],
)
def test_nothing_that_has_no_logarithm_is_priced(spot: float, strike: float, sigma: float) -> None:
    assert yes("less", None, strike, spot, 60, sigma) is None


@pytest.mark.parametrize(
    ("strike_type", "lower", "upper"),
    [
        ("less", 100, None),
        ("less", None, 0),
        ("greater", None, 100),
        ("greater", -5, None),
        ("between", 100, None),
        ("between", None, 100),
        ("between", 100, 100),
        ("between", 101, 100),
        ("between", 0, 100),
        ("custom", 100, 101),
        (None, 100, 101),
        ("greater", "sixty-eight", None),
        ("greater", nan, None),
        ("less", None, nan),
    ],
)
@pytest.mark.parametrize("horizon", [0, 60])
def test_contracts_without_usable_bounds_have_no_probability(
    strike_type: object, lower: object, upper: object, horizon: int
) -> None:
    assert yes(strike_type, lower, upper, 100, horizon) is None


def test_bounds_may_be_text() -> None:
    assert yes("greater", "100", None, 100, 60) == yes("greater", 100, None, 100, 60)


def test_between_clamps_both_ends_before_subtracting() -> None:
    """Far in the left tail both ends are clamped to the same 1e-12, so nothing is left of it."""
    probability = probability_yes("between", 1.0, 50.0, Terminal(100.0, 0.5, 3600))
    assert probability is not None
    assert probability.raw == 0.0
    assert probability.clamped == CLAMP
    whole = probability_yes("between", 1.0, 1e6, Terminal(100.0, 0.5, 3600))
    assert whole is not None
    assert whole.raw == 1.0
    assert whole.clamped == (1 - CLAMP) - CLAMP


def test_raw_twin_is_never_clamped() -> None:
    probability = probability_yes("greater", 75_000, None, Terminal(68_000.0, 0.55, 3600))
    assert probability is not None
    assert (probability.clamped, probability.raw) == (CLAMP, 0.0)


def test_d4_a_tiny_sigma_is_certain() -> None:
    assert yes("greater", 68_010, None, 68_000, 3600, sigma=1e-4) == CLAMP


def test_clamp_keeps_what_is_inside() -> None:
    assert CLAMP == 1e-12
    assert (clamp(-1.0), clamp(0.25), clamp(2.0)) == (CLAMP, 0.25, 1 - CLAMP)
