"""Scores, groups and the wording of verdicts: what is said must follow from the interval alone."""

from __future__ import annotations

import math

import pytest

from benchmarks.model_samples import MarketSamples, Sample
from benchmarks.model_scores import Figures, Group, as_json, calibration, figures, groups, loss
from benchmarks.model_scores import verdicts as verdicts_of
from kairos.domain.instruments import Outcome
from kairos.services.score import Interval

RESAMPLES = 200


def market(
    number: int, outcome: Outcome, v1: float, v2: float, mid: float, *, source: str = "book",
    seconds: tuple[float, ...] = (500.0, 100.0, 30.0),
) -> MarketSamples:  # fmt: skip
    samples = [Sample(each, v1, v2, mid) for each in seconds]
    return MarketSamples(f"M{number:03}", number, source, outcome, "test", samples)


def split(count: int, v1: float, v2: float, mid: float) -> list[MarketSamples]:
    """Half of the markets end YES; opinions are given for YES and mirrored for NO."""
    return [
        market(number, Outcome.NO, 1.0 - v1, 1.0 - v2, 1.0 - mid)
        if number % 2
        else market(number, Outcome.YES, v1, v2, mid)
        for number in range(count)
    ]


def interval(low: float, mean: float, high: float, clusters: int = 27) -> Interval:
    return Interval(low, mean, high, 0.95, clusters, RESAMPLES)


def only(pair: str, found: Interval | None, markets: int = 27) -> Figures:
    """Figures in which one difference is known."""
    rest: dict[str, Interval | None] = dict.fromkeys(("v2-v1", "v2-market", "v1-market"))
    return Figures("all", markets, 1_000, {"brier": rest | {pair: found}})


def test_loss_is_zero_for_being_right_and_bounded_for_being_sure_and_wrong() -> None:
    assert loss("brier", 0.25, Outcome.YES) == pytest.approx(0.5625)
    assert loss("brier", 0.25, Outcome.NO) == pytest.approx(0.0625)
    assert loss("log_loss", 0.25, Outcome.NO) == pytest.approx(-math.log(0.75))
    assert loss("log_loss", 1.0, Outcome.NO) == pytest.approx(-math.log(1e-12), rel=1e-4)


def test_differences_are_paired_moment_by_moment() -> None:
    found = figures(Group("all", split(20, v1=0.6, v2=0.8, mid=0.7)), RESAMPLES)
    brier = found.intervals["brier"]
    assert brier["v1"] is not None
    assert brier["v1"].mean == pytest.approx(0.16)
    paired = brier["v2-v1"]
    assert paired is not None
    # Every market differs by the same amount, so nothing is left to chance.
    assert (paired.low, paired.mean, paired.high) == pytest.approx((-0.12, -0.12, -0.12))
    assert (found.markets, found.moments) == (20, 60)


def test_buckets_take_moments_by_time_to_close_and_drop_empty_markets() -> None:
    early = market(1, Outcome.YES, 0.5, 0.5, 0.5, seconds=(420.0, 899.0))
    late = market(2, Outcome.NO, 0.5, 0.5, 0.5, seconds=(59.9, 60.0))
    found = {each.name: each for each in groups([early, late])}
    closing = figures(found["0 to 60 s before the close"], RESAMPLES)
    assert (closing.markets, closing.moments) == (1, 1)
    assert closing.intervals["brier"]["v1"] is None  # one market says nothing about the next
    assert figures(found["420 to 900 s before the close"], RESAMPLES).moments == 2


def test_halves_are_chronological_and_cover_everything_once() -> None:
    markets = split(5, v1=0.5, v2=0.5, mid=0.5)
    found = {each.name: list(each.markets) for each in groups(markets)}
    first, second = found["first half of the markets"], found["second half of the markets"]
    assert first + second == markets
    assert len(first) == 3
    assert max(each.close_ns for each in first) < min(each.close_ns for each in second)


def test_sources_are_reported_apart_only_when_there_are_two() -> None:
    book = market(1, Outcome.YES, 0.5, 0.5, 0.5)
    ticker = market(2, Outcome.YES, 0.5, 0.5, 0.5, source="ticker")
    assert not any("mid from" in each.name for each in groups([book]))
    assert [each.name for each in groups([book, ticker]) if "mid" in each.name] == [
        "mid from the book",
        "mid from the ticker",
    ]


def test_calibration_counts_how_often_yes_came() -> None:
    markets = [market(n, Outcome.YES if n < 3 else Outcome.NO, 0.75, 0.2, 0.5) for n in range(4)]
    tables = calibration(markets)
    said = tables["v1"].bins()[7]
    assert (said.evaluations, said.mean_probability, said.yes_rate) == (12, 0.75, 0.75)
    assert tables["v2"].bins()[7].evaluations == 0


def test_a_lead_inside_the_interval_is_called_too_small_a_sample() -> None:
    [line] = verdicts_of(only("v2-market", interval(-0.01, 0.01, 0.03)))
    assert line.startswith("27 markets: the market is 0.0100 Brier better than v2")
    assert "the sample is too small to tell; about 108 markets like these would" in line


def test_a_lead_outside_the_interval_is_stated_plainly() -> None:
    [worse] = verdicts_of(only("v2-market", interval(0.01, 0.02, 0.03)))
    assert "the market is 0.0200 Brier better than v2" in worse
    assert worse.endswith("more than chance explains")
    [better] = verdicts_of(only("v2-v1", interval(-0.03, -0.02, -0.01)))
    assert "v2 is 0.0200 Brier better than v1" in better


def test_an_interval_that_touches_zero_shows_nothing() -> None:
    [line] = verdicts_of(only("v2-v1", interval(-0.02, -0.01, 0.0)))
    assert "too small to tell" in line


def test_fewer_than_ten_markets_are_not_judged_at_all() -> None:
    lines = verdicts_of(only("v2-v1", interval(-0.03, -0.02, -0.01, clusters=9), markets=9))
    assert lines == ["9 markets: too few to say anything; 10 are the least"]


def test_figures_as_data_carry_their_verdicts() -> None:
    found = figures(Group("all", split(12, v1=0.6, v2=0.8, mid=0.9)), RESAMPLES)
    data = as_json(found)
    assert data["intervals"]["brier"]["v2-v1"]["clusters"] == 12
    assert any("the market is" in line for line in data["verdicts"])
