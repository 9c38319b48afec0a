"""Scores from sums equal scores from the evaluations themselves."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos.domain.instruments import Outcome
from kairos.domain.scoring import (
    NOTHING_SCORED,
    Calibration,
    CalibrationSums,
    Score,
    ScoreSums,
)
from kairos.errors import Malformed

probabilities = st.floats(0.0, 1.0)
evaluations = st.lists(probabilities, min_size=1, max_size=50)
outcomes = st.sampled_from(Outcome)


def sums_of(values: list[float]) -> ScoreSums:
    sums = ScoreSums()
    for value in values:
        sums.add(value)
    return sums


def direct(values: list[float], outcome: Outcome) -> tuple[float, float]:
    """Mean Brier score and log loss, evaluation by evaluation."""
    y = 1.0 if outcome is Outcome.YES else 0.0
    clamped = [min(max(value, 1e-12), 1.0 - 1e-12) for value in values]
    brier = math.fsum((p - y) ** 2 for p in clamped)
    loss = -math.fsum(math.log(p if y else 1.0 - p) for p in clamped)
    return brier / len(values), loss / len(values)


@given(evaluations, outcomes)
def test_sums_resolve_to_the_score_of_every_evaluation(
    values: list[float], outcome: Outcome
) -> None:
    score = sums_of(values).resolve(outcome)
    brier, loss = direct(values, outcome)
    assert score.evaluations == len(values)
    assert score.brier == pytest.approx(brier, rel=1e-12, abs=1e-30)
    assert score.log_loss == pytest.approx(loss, rel=1e-12, abs=1e-30)


@pytest.mark.parametrize(
    ("probability", "outcome", "brier", "log_loss"),
    [
        (0.5, Outcome.YES, 0.25, 0.6931471805599453),
        (0.5, Outcome.NO, 0.25, 0.6931471805599453),
        (0.0, Outcome.NO, 1e-24, 9.999778782803785e-13),
        (0.6, Outcome.YES, 0.16000000000000003, 0.5108256237659907),
        (0.6, Outcome.NO, 0.36, 0.916290731874155),
        (0.37, Outcome.YES, 0.39690000000000003, 0.9942522733438669),
    ],
)
def test_scores_of_the_original_engine(
    probability: float, outcome: Outcome, brier: float, log_loss: float
) -> None:
    score = sums_of([probability]).resolve(outcome)
    assert (score.brier, score.log_loss) == (brier, log_loss)


def test_certainty_that_was_wrong_costs_a_finite_amount() -> None:
    score = sums_of([1.0]).resolve(Outcome.NO)
    assert score.brier == pytest.approx(1.0)
    assert score.log_loss == pytest.approx(-math.log(1e-12), rel=1e-4)


def test_many_near_certain_evaluations_keep_their_digits() -> None:
    score = sums_of([1.0 - 1e-9] * 1_000).resolve(Outcome.YES)
    assert score.brier == pytest.approx(1e-18, rel=1e-6)


@given(evaluations, evaluations, outcomes)
def test_merged_parts_score_as_the_whole(
    first: list[float], second: list[float], outcome: Outcome
) -> None:
    merged = sums_of(first)
    merged.merge(sums_of(second))
    whole = sums_of(first + second)
    assert merged.count == whole.count
    assert merged.p == pytest.approx(whole.p)
    score = merged.resolve(outcome)
    assert score == pytest.approx(whole.resolve(outcome), rel=1e-12)
    assert sums_of(first).resolve(outcome).plus(sums_of(second).resolve(outcome)) == pytest.approx(
        score, rel=1e-12
    )


def test_nothing_scored_has_no_mean() -> None:
    assert (NOTHING_SCORED.brier, NOTHING_SCORED.log_loss) == (None, None)
    assert NOTHING_SCORED.plus(Score(2, 0.5, 1.0)) == Score(2, 0.5, 1.0)


@pytest.mark.parametrize("value", [-0.1, 1.0000001, math.nan, math.inf])
def test_what_is_no_probability_is_refused(value: float) -> None:
    for sums in (ScoreSums(), CalibrationSums()):
        with pytest.raises(Malformed, match="bad_probability"):
            sums.add(value)
        assert sums == type(sums)()


def calibration_of(markets: list[tuple[list[float], Outcome]]) -> Calibration:
    table = Calibration()
    for values, outcome in markets:
        sums = CalibrationSums()
        for value in values:
            sums.add(value)
        table.resolve(sums, outcome)
    return table


def test_calibration_compares_what_was_said_with_what_came() -> None:
    table = calibration_of([([0.72, 0.78, 0.05], Outcome.YES), ([0.75], Outcome.NO)])
    low, seventies = table.bins()[0], table.bins()[7]
    assert seventies.evaluations == 3
    assert seventies.mean_probability == pytest.approx(0.75)
    assert seventies.yes_rate == pytest.approx(2 / 3)
    assert (low.evaluations, low.yes_rate) == (1, 1.0)
    empty = table.bins()[5]
    assert (empty.evaluations, empty.mean_probability, empty.yes_rate) == (0, None, None)


def test_bin_edges_belong_to_the_bin_above_and_certainty_to_the_last() -> None:
    table = calibration_of([([0.0, 0.1, 0.3, 0.7, 0.9, 1.0], Outcome.NO)])
    assert [entry.evaluations for entry in table.bins()] == [1, 1, 0, 1, 0, 0, 0, 1, 0, 2]
    assert [entry.low for entry in table.bins()][:3] == [0.0, 0.1, 0.2]


@given(st.lists(st.tuples(evaluations, outcomes), max_size=6))
def test_calibration_tables_merge(markets: list[tuple[list[float], Outcome]]) -> None:
    half = len(markets) // 2
    merged = calibration_of(markets[:half])
    merged.merge(calibration_of(markets[half:]))
    whole = calibration_of(markets)
    assert (merged.counts, merged.yes) == (whole.counts, whole.yes)
    assert merged.p == pytest.approx(whole.p)
    assert sum(entry.evaluations for entry in whole.bins()) == sum(len(v) for v, _ in markets)
