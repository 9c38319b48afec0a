"""Keeps the shape of a series of any length in a fixed number of points.

A bucket of time keeps its first, lowest, highest and last point, and the first point where the
value became unknown. Buckets double in width whenever the points no longer fit, and what a
bucket keeps of two halves is what it would have kept of the whole: when the halving happens
changes nothing about which extremes survive.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from math import inf
from operator import itemgetter
from typing import Final

from cli.report.data import POINTS_MAX, Point, ReportRefused

_BUCKET_POINTS_MAX: Final = 5
# One bucket must fit twice: once among the points kept, once as the bucket being filled.
_LIMIT_MIN: Final = 2 * _BUCKET_POINTS_MAX
# Where every point is kept as it came, because all of them still fit.
_UNTHINNED: Final = -1
_VALUE: Final = itemgetter(1)


def thin(points: Iterable[Point], limit: int = POINTS_MAX) -> tuple[Point, ...]:
    """At most `limit` of `points`; all of them, unchanged, when they fit."""
    thinner = SeriesThinner(limit)
    for ts_ns, value in points:
        thinner.add(ts_ns, value)
    return thinner.points()


class SeriesThinner:
    """Takes points one by one, in order of time, and never stores more than 2 x `limit`."""

    def __init__(self, limit: int = POINTS_MAX) -> None:
        if limit < _LIMIT_MIN:
            raise ReportRefused(f"a series needs room for {_LIMIT_MIN} points, was {limit}")
        self._limit = limit
        self._closed: list[Point] = []
        self._open: list[Point] = []
        self._open_until_ns = 0
        self._newest_ns = 0
        self._origin_ns = 0
        self._shift = _UNTHINNED

    def add(self, ts_ns: int, value: float | None) -> None:
        """Record that the value is `value` from `ts_ns` on; None means unknown.

        A time before the newest one seen is recorded at the newest: an axis cannot run
        backwards. Raises ReportRefused when the value is not finite.
        """
        if value is not None and not -inf < value < inf:
            raise ReportRefused(f"a series cannot hold {value} (at {ts_ns}); unknown is None")
        if not self._open:
            self._origin_ns = self._newest_ns = self._open_until_ns = ts_ns
        elif ts_ns > self._newest_ns:
            self._newest_ns = ts_ns
        if self._newest_ns >= self._open_until_ns:
            self._start_bucket()
        self._open.append((self._newest_ns, value))
        if len(self._open) >= self._limit:
            self._open = _essential(self._open)

    def points(self) -> tuple[Point, ...]:
        """What is kept so far: at most `limit` points in order of time."""
        return (*self._closed, *_essential(self._open))

    @property
    def stored(self) -> int:
        """How many points are held in memory now."""
        return len(self._closed) + len(self._open)

    def _start_bucket(self) -> None:
        self._closed += _essential(self._open)
        self._open = []
        room = 1 if self._shift == _UNTHINNED else _BUCKET_POINTS_MAX
        if len(self._closed) > self._limit - room:
            self._coarsen()
        if self._shift != _UNTHINNED:
            index = (self._newest_ns - self._origin_ns) >> self._shift
            self._open_until_ns = self._origin_ns + ((index + 1) << self._shift)

    def _coarsen(self) -> None:
        points = self._closed
        shift = max(self._shift + 1, self._first_shift())
        while True:
            buckets = _buckets(points, self._origin_ns, shift)
            points = [point for bucket in buckets for point in bucket]
            if len(points) <= self._limit - _BUCKET_POINTS_MAX:
                break
            shift += 1
        self._shift = shift
        newest_index = (self._newest_ns - self._origin_ns) >> shift
        last_index = (points[-1][0] - self._origin_ns) >> shift
        # The newest bucket stays open when the point that is coming belongs to it.
        self._open = buckets[-1] if last_index == newest_index else []
        self._closed = points[: len(points) - len(self._open)]

    def _first_shift(self) -> int:
        """Buckets finer than the span over `limit` cannot be told apart in any picture."""
        return max(0, ((self._newest_ns - self._origin_ns) // self._limit).bit_length() - 1)


def _buckets(points: list[Point], origin_ns: int, shift: int) -> list[list[Point]]:
    grouped = groupby(points, key=lambda point: (point[0] - origin_ns) >> shift)
    return [_essential(list(bucket)) for _, bucket in grouped]


def _essential(bucket: list[Point]) -> list[Point]:
    """First, lowest, highest, first unknown and last, in order; of equals the earliest."""
    if len(bucket) <= 2:
        return bucket
    kept = {0, len(bucket) - 1}
    known = [point for point in bucket if point[1] is not None]
    if known:
        kept.add(bucket.index(min(known, key=_VALUE)))
        kept.add(bucket.index(max(known, key=_VALUE)))
    if len(known) < len(bucket):
        kept.add(next(n for n, (_, value) in enumerate(bucket) if value is None))
    return [bucket[position] for position in sorted(kept)]
