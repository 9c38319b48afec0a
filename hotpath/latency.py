"""How long an event takes through the engine, sampled, in memory that does not grow.

One message of each batch is timed from decoded event to commands, so that the clock costs nothing.
"""

from __future__ import annotations

import bisect
from typing import Final

# Buckets grow by 5 %: 50 ns … 100 ms. A percentile is its bucket's upper edge.
_EDGES_NS: Final = tuple(round(50 * 1.05**step) for step in range(300))


class LatencyTable:
    """Histograms of nanoseconds by kind of message."""

    def __init__(self) -> None:
        self._counts: dict[str, list[int]] = {}

    def add(self, kind: str, nanoseconds: int) -> None:
        counts = self._counts.get(kind)
        if counts is None:
            counts = self._counts[kind] = [0] * len(_EDGES_NS)
        counts[_bucket(nanoseconds)] += 1

    def percentiles(self) -> dict[str, dict[str, float]]:
        """By kind: `count` and the p50, p90, p99 and p99.9 in microseconds."""
        return {
            kind: {
                "count": sum(counts),
                "p50_us": _percentile(counts, 0.50),
                "p90_us": _percentile(counts, 0.90),
                "p99_us": _percentile(counts, 0.99),
                "p999_us": _percentile(counts, 0.999),
            }
            for kind, counts in sorted(self._counts.items())
        }


def _bucket(nanoseconds: int) -> int:
    return min(bisect.bisect_left(_EDGES_NS, nanoseconds), len(_EDGES_NS) - 1)


def _percentile(counts: list[int], share: float) -> float:
    wanted, seen = share * sum(counts), 0
    for bucket, count in enumerate(counts):
        seen += count
        if seen >= wanted and count:
            return _EDGES_NS[bucket] / 1000
    return _EDGES_NS[-1] / 1000
