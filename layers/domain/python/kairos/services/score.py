"""How sure a score is, when the evaluations behind it are not independent.

A market is evaluated over and over until it settles, so its evaluations stand or fall together.
The bootstrap therefore draws whole markets, and an interval is as wide as the number of markets
makes it, not the number of evaluations.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from kairos.errors import UsageError

RESAMPLES_MAX: Final = 1_000_000
CLUSTERS_MIN: Final = 2  # one market says nothing about the next

_GOLDEN_GAMMA: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX_1: Final = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2: Final = np.uint64(0x94D049BB133111EB)
_LOW_64: Final = (1 << 64) - 1


class Cluster(NamedTuple):
    """The evaluations of one market: the sum of their values and how many there are (≥ 1)."""

    total: float
    evaluations: int

    @classmethod
    def of(cls, values: Iterable[float]) -> Cluster:
        kept = tuple(values)
        return cls(sum(kept), len(kept))


class Interval(NamedTuple):
    """A mean over all evaluations and the bounds it stays within at `level`."""

    low: float
    mean: float
    high: float
    level: float
    clusters: int
    resamples: int


class IndexSource(Protocol):
    """Where the bootstrap's draws come from; the caller owns the seed."""

    def indices(self, count: int, bound: int) -> NDArray[np.int64]:
        """`count` draws from 0..bound−1, each equally likely."""
        ...


class SplitMix64:
    """Steele, Lea and Flood's generator: the same draws for a seed on every machine, for ever."""

    def __init__(self, seed: int) -> None:
        self._state = seed & _LOW_64

    def indices(self, count: int, bound: int) -> NDArray[np.int64]:
        """Draws below `bound` (at most 2³²); bias is below bound / 2³²."""
        steps = np.arange(1, count + 1, dtype=np.uint64) * _GOLDEN_GAMMA
        words = _mixed(steps + np.uint64(self._state))
        self._state = (self._state + count * int(_GOLDEN_GAMMA)) & _LOW_64
        high = words >> np.uint64(32)
        return ((high * np.uint64(bound)) >> np.uint64(32)).astype(np.int64)


def bootstrap_ci(
    values_by_cluster: Mapping[str, Cluster],
    generator: IndexSource,
    resamples: int,
    level: float,
) -> Interval | None:
    """The percentile interval of the mean over all evaluations, drawing whole clusters.

    Clusters are taken in the order of their keys, so the order they were met in does not matter.
    None with fewer than two clusters. Raises UsageError for resamples outside 1..1 000 000, a
    level outside (0, 1) or a cluster without evaluations.
    """
    if not 1 <= resamples <= RESAMPLES_MAX:
        raise UsageError(f"resamples must be 1 to {RESAMPLES_MAX}, not {resamples}")
    if not 0.0 < level < 1.0:
        raise UsageError(f"a confidence level lies between 0 and 1, not {level}")
    empty = [key for key, cluster in values_by_cluster.items() if cluster.evaluations < 1]
    if empty:
        raise UsageError(f"leave out clusters without evaluations: {', '.join(sorted(empty))}")
    if len(values_by_cluster) < CLUSTERS_MIN:
        return None
    clusters = [values_by_cluster[key] for key in sorted(values_by_cluster)]
    totals = np.array([cluster.total for cluster in clusters], dtype=np.float64)
    counts = np.array([cluster.evaluations for cluster in clusters], dtype=np.int64)
    means = _resampled_means(totals, counts, generator, resamples)
    # The 1e-9 keeps (1 − 0.9) / 2 × 1000 at the 50th mean although it is 49.999… in binary.
    outside = int((1.0 - level) / 2.0 * resamples + 1e-9)
    low, high = float(means[outside]), float(means[resamples - 1 - outside])
    mean = float(totals.sum() / counts.sum())
    return Interval(low, mean, high, level, len(clusters), resamples)


def _resampled_means(
    totals: NDArray[np.float64],
    counts: NDArray[np.int64],
    generator: IndexSource,
    resamples: int,
) -> NDArray[np.float64]:
    """The mean of every resample, ascending."""
    means = np.empty(resamples, dtype=np.float64)
    size = len(totals)
    for number in range(resamples):
        drawn = generator.indices(size, size)
        means[number] = totals[drawn].sum() / counts[drawn].sum()
    means.sort()
    return means


def _mixed(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    words = (words ^ (words >> np.uint64(30))) * _MIX_1
    words = (words ^ (words >> np.uint64(27))) * _MIX_2
    return words ^ (words >> np.uint64(31))
