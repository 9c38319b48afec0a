"""Volatility against paths whose volatility is known, and against the estimator it replaces."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Iterable
from itertools import pairwise

import pytest

from kairos.domain.volatility import SECONDS_PER_YEAR, Volatility, VolatilitySettings
from kairos.errors import UsageError

NS = 1_000_000_000
START = 1_795_013_165 * NS
Ticks = list[tuple[int, float]]


def walk(
    sigma: float, seconds: float, seed: int, *, per_second: float = 2.0, bounce: float = 0.0
) -> Ticks:
    """Trades of a Brownian price at random moments; `bounce` dollars to either side of it."""
    chance = random.Random(seed)
    log_price, at, ticks = math.log(80_000.0), 0.0, []
    while (at := at + (step := chance.expovariate(per_second))) < seconds:
        log_price += sigma * math.sqrt(step / SECONDS_PER_YEAR) * chance.gauss(0.0, 1.0)
        price = math.exp(log_price) + chance.choice((-1.0, 1.0)) * bounce
        ticks.append((START + int(at * NS), price))
    return ticks


def estimate(
    ticks: Iterable[tuple[int, float]], settings: VolatilitySettings | None = None
) -> float:
    volatility = Volatility(settings or VolatilitySettings())
    for at_ns, price in ticks:
        volatility.update(at_ns, price)
    return volatility.sigma


def replaced_estimate(ticks: Ticks) -> float:
    """What the original did: 5 s steps of last prices, squared returns decaying by .94 a step."""
    last = {at_ns // (5 * NS): price for at_ns, price in ticks}
    prices = [last[bucket] for bucket in sorted(last)]
    variance = 0.0
    for number, (before, after) in enumerate(pairwise(prices)):
        squared = math.log(after / before) ** 2
        variance = squared if not number else 0.94 * variance + 0.06 * squared
    return math.sqrt(variance * SECONDS_PER_YEAR / 5)


@pytest.mark.parametrize("sigma", [0.25, 0.5, 0.9])
def test_constant_volatility_is_found_whatever_was_expected(sigma: float) -> None:
    found = [estimate(walk(sigma, 5_400, seed)) for seed in range(16)]
    assert statistics.mean(found) == pytest.approx(sigma, rel=0.03)


def test_constant_volatility_is_found_without_much_noise() -> None:
    """The relative standard deviation was 12.7 % and is below 5 %."""
    paths = [walk(0.5, 3_600, seed) for seed in range(40)]
    ours = [estimate(path) for path in paths]
    theirs = [replaced_estimate(path) for path in paths]
    assert statistics.stdev(ours) / statistics.mean(ours) < 0.05
    assert statistics.stdev(theirs) / statistics.mean(theirs) > 0.08


@pytest.mark.parametrize("sigma", [0.3, 0.5])
def test_a_bounce_between_bid_and_ask_is_no_volatility(sigma: float) -> None:
    """A $5 bounce lifted .50 to .55 and .30 further; averages over an interval take it out."""
    paths = [walk(sigma, 3_600, seed, per_second=7.0, bounce=5.0) for seed in range(10)]
    ours = statistics.mean(estimate(path) for path in paths)
    theirs = statistics.mean(replaced_estimate(path) for path in paths)
    assert ours == pytest.approx(sigma, rel=0.05)
    assert theirs > sigma + 0.02


def test_an_outage_is_bridged_not_measured() -> None:
    """A silence of ten minutes with a move across it turned .49 into .96."""
    ticks = walk(0.5, 3_600, 3)
    before = estimate(ticks)
    jump = 600 * 0.5 * 80_000 * math.sqrt(1 / SECONDS_PER_YEAR) / 5
    later = [(at + 600 * NS, price + jump) for at, price in walk(0.5, 50, 4)]
    volatility = Volatility(VolatilitySettings())
    for at_ns, price in [*ticks, *((at + 3_600 * NS, price) for at, price in later)]:
        volatility.update(at_ns, price)
    assert volatility.sigma == pytest.approx(before, rel=0.10)


def test_a_silence_lets_doubt_and_the_prior_return() -> None:
    ticks = walk(0.9, 3_600, 5)
    volatility = Volatility(VolatilitySettings())
    for at_ns, price in ticks:
        volatility.update(at_ns, price)
    known, doubt = volatility.sigma, volatility.log_sd
    later = ticks[-1][0] + 2 * 3_600 * NS
    for second in range(11):
        volatility.update(later + second * NS, ticks[-1][1])
    assert volatility.log_sd > doubt
    assert abs(volatility.sigma - 0.45) < abs(known - 0.45) / 2
    assert not volatility.ready


def test_a_still_market_has_a_floor() -> None:
    """Without one, sigma of 1e-4 made certainties."""
    still = [(START + second * NS, 80_000.0) for second in range(4 * 3_600)]
    assert estimate(still) == VolatilitySettings().floor


def test_a_wild_market_has_a_cap() -> None:
    wild = [(START + i * NS, 80_000.0 * (1.1 if i // 5 % 2 else 1.0)) for i in range(7_200)]
    assert estimate(wild, VolatilitySettings(return_clip=1e6)) == VolatilitySettings().cap


def test_one_wild_print_counts_for_little() -> None:
    ticks = walk(0.5, 3_600, 7)
    calm = estimate(ticks)
    at_ns, price = ticks[-1]
    wild = [*ticks, (at_ns + 5 * NS, price * 1.02), *((at_ns + s * NS, price) for s in (10, 15))]
    assert estimate(wild) < 1.25 * calm
    assert estimate(wild, VolatilitySettings(return_clip=1e6)) > 3 * calm


def test_ticks_that_go_back_in_time_change_nothing() -> None:
    ticks = walk(0.5, 1_200, 8)
    shuffled = []
    for number, tick in enumerate(ticks):
        shuffled.append(tick)
        if number % 3 == 2:
            shuffled.append((tick[0] - 400 * NS, tick[1] * 1.01))
            shuffled.append((tick[0] - 1, tick[1] * 1.01))
    assert estimate(shuffled) == estimate(ticks)


def test_many_ticks_or_few_tell_the_same() -> None:
    """Busy markets starved the original's sigma; ours sees 100,000 ticks an hour or 360."""
    for per_second, paths in ((0.1, 16), (30.0, 4)):
        found = [estimate(walk(0.6, 3_600, seed, per_second=per_second)) for seed in range(paths)]
        assert statistics.mean(found) == pytest.approx(0.6, rel=0.06)


def test_an_update_keeps_nothing_that_grows() -> None:
    volatility = Volatility(VolatilitySettings())
    for at_ns, price in walk(0.5, 600, 9, per_second=20.0):
        volatility.update(at_ns, price)
    held = [getattr(volatility, name) for name in Volatility.__slots__]
    assert not any(isinstance(each, (list, dict, set)) for each in held)
    assert all(len(each) <= 3 for each in held if isinstance(each, tuple))


def test_it_is_not_ready_before_it_has_seen_enough() -> None:
    volatility = Volatility(VolatilitySettings())
    ready_at = None
    for at_ns, price in walk(0.5, 600, 10):
        volatility.update(at_ns, price)
        if volatility.ready and ready_at is None:
            ready_at = (at_ns - START) / NS
    assert ready_at is not None
    assert 115 <= ready_at <= 150


def test_update_says_when_the_estimate_moved() -> None:
    volatility = Volatility(VolatilitySettings())
    sigma = volatility.sigma
    for at_ns, price in walk(0.5, 300, 11):
        moved = volatility.update(at_ns, price)
        assert moved or volatility.sigma == sigma
        sigma = volatility.sigma


def test_doubt_shrinks_as_data_come_in() -> None:
    volatility = Volatility(VolatilitySettings())
    first = volatility.log_sd
    for at_ns, price in walk(0.5, 3_600, 12):
        volatility.update(at_ns, price)
    settings = VolatilitySettings()
    assert settings.drift_log_sd < volatility.log_sd < 0.6 * first
    assert volatility.spread == pytest.approx(math.exp(2 * math.sqrt(3) * volatility.log_sd))


@pytest.mark.parametrize(
    "wrong",
    [
        {"sample_seconds": 0}, {"half_life_seconds": 0.0}, {"half_life_seconds": math.nan},
        {"gap_seconds": 4.0}, {"return_clip": 0.0}, {"prior_sigma": 0.0},
        {"prior_weight_seconds": 0.0}, {"prior_log_sd": 800.0}, {"floor": 0.0},
        {"cap": 0.05}, {"ready_seconds": -1.0},
    ],
)  # fmt: skip
def test_settings_that_cannot_work_are_refused_by_name(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=f"volatility.{next(iter(wrong))}"):
        VolatilitySettings(**wrong)  # type: ignore[arg-type]
