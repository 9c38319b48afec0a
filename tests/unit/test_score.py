"""The bootstrap draws markets, not evaluations, and the same seed draws the same ones."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray

from kairos.errors import UsageError
from kairos.services.score import Cluster, Interval, SplitMix64, bootstrap_ci


class ScriptedDraws:
    def __init__(self, *rows: list[int]) -> None:
        self._rows = iter(rows)

    def indices(self, count: int, bound: int) -> NDArray[np.int64]:
        row = next(self._rows)
        assert len(row) == count
        assert max(row) < bound
        return np.array(row, dtype=np.int64)


def markets(count: int, evaluations: int) -> dict[str, Cluster]:
    """Markets whose evaluations all share one value: as dependent as they can be."""
    return {f"M{n:03d}": Cluster(n % 10 / 10 * evaluations, evaluations) for n in range(count)}


def width(interval: Interval | None) -> float:
    assert interval is not None
    return interval.high - interval.low


def test_resamples_are_means_over_all_evaluations_of_the_drawn_markets() -> None:
    clusters = {"a": Cluster.of([1.0]), "b": Cluster.of([0.0, 0.0, 0.0])}
    draws = ScriptedDraws([0, 0], [1, 1], [0, 1], [1, 0])
    interval = bootstrap_ci(clusters, draws, resamples=4, level=0.5)
    # Means 1, 0, 1/4, 1/4; one of four lies outside on either side.
    assert interval == Interval(0.25, 0.25, 0.25, 0.5, 2, 4)


def test_a_level_that_binary_cannot_write_still_cuts_whole_resamples() -> None:
    clusters = {"a": Cluster.of([1.0]), "b": Cluster.of([0.0])}
    draws = ScriptedDraws([0, 0], [1, 1], *([[0, 1]] * 18))
    # A twentieth of twenty lies outside on either side, although (1 - 0.9) / 2 * 20 < 1.
    assert bootstrap_ci(clusters, draws, resamples=20, level=0.9) == Interval(
        0.5, 0.5, 0.5, 0.9, 2, 20
    )


def test_the_seed_decides_the_interval() -> None:
    clusters = markets(40, 5)
    first, again, other = (
        bootstrap_ci(clusters, SplitMix64(seed), 500, 0.95) for seed in (7, 7, 8)
    )
    assert first == again
    assert first != other


def test_the_order_markets_were_met_in_does_not_matter() -> None:
    clusters = markets(40, 5)
    backwards = dict(reversed(clusters.items()))
    assert bootstrap_ci(clusters, SplitMix64(7), 500, 0.95) == bootstrap_ci(
        backwards, SplitMix64(7), 500, 0.95
    )


def test_more_evaluations_of_the_same_markets_do_not_make_it_surer() -> None:
    few = bootstrap_ci(markets(50, 1), SplitMix64(7), 1_000, 0.95)
    many = bootstrap_ci(markets(50, 1_000), SplitMix64(7), 1_000, 0.95)
    more_markets = bootstrap_ci(markets(5_000, 1), SplitMix64(7), 1_000, 0.95)
    assert width(many) == pytest.approx(width(few))
    assert width(more_markets) < width(few) / 5


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    source = SplitMix64(2026)
    covered = 0
    for seed in range(100):
        coins = source.indices(60, 2)
        clusters = {str(n): Cluster(float(coin), 1) for n, coin in enumerate(coins)}
        interval = bootstrap_ci(clusters, SplitMix64(seed), 200, 0.9)
        assert interval is not None
        covered += interval.low <= 0.5 <= interval.high
    assert 80 <= covered <= 98


def test_a_wider_level_contains_a_narrower_one() -> None:
    clusters = markets(40, 5)
    wide = bootstrap_ci(clusters, SplitMix64(7), 1_000, 0.99)
    narrow = bootstrap_ci(clusters, SplitMix64(7), 1_000, 0.8)
    assert wide is not None
    assert narrow is not None
    assert wide.low <= narrow.low <= narrow.mean <= narrow.high <= wide.high


def test_one_market_gives_no_interval() -> None:
    assert bootstrap_ci({"only": Cluster(3.0, 4)}, SplitMix64(7), 100, 0.95) is None
    assert bootstrap_ci({}, SplitMix64(7), 100, 0.95) is None


@pytest.mark.parametrize(
    ("resamples", "level"), [(0, 0.95), (1_000_001, 0.95), (100, 0.0), (100, 1.0)]
)
def test_impossible_requests_are_refused(resamples: int, level: float) -> None:
    with pytest.raises(UsageError):
        bootstrap_ci(markets(3, 1), SplitMix64(7), resamples, level)


def test_a_cluster_without_evaluations_is_refused() -> None:
    with pytest.raises(UsageError, match="empty"):
        bootstrap_ci({"empty": Cluster.of([]), "a": Cluster(1.0, 1)}, SplitMix64(7), 10, 0.9)


def splitmix64(seed: int, count: int) -> list[int]:
    """The generator's published definition, one word at a time."""
    words, mask = [], (1 << 64) - 1
    for _ in range(count):
        seed = (seed + 0x9E3779B97F4A7C15) & mask
        z = ((seed ^ (seed >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        words.append(z ^ (z >> 31))
    return words


@pytest.mark.parametrize("seed", [0, 1, 1234567, 2**64 - 1, -1])
def test_draws_are_the_published_generator_s_and_continue_where_they_stopped(seed: int) -> None:
    source = SplitMix64(seed)
    drawn = [*source.indices(7, 1_000), *source.indices(5, 1_000)]
    assert drawn == [(word >> 32) * 1_000 >> 32 for word in splitmix64(seed & (2**64 - 1), 12)]


def test_the_first_word_of_the_published_generator() -> None:
    # Reference output of splitmix64.c for the seed 1234567.
    assert splitmix64(1234567, 1) == [6457827717110365317]


def test_every_index_is_drawn_about_equally_often() -> None:
    counts = Counter(SplitMix64(7).indices(70_000, 7).tolist())
    assert set(counts) == set(range(7))
    assert max(counts.values()) - min(counts.values()) < 600
