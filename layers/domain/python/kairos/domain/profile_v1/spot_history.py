"""Spot ticks in order of arrival, kept so that an hour of them need not be read on every tick.

Reproduces although it is wrong: arrivals are neither sorted nor de-duplicated, and the span of a
window runs from the first to the last to arrive (D28); same-second order is the order of arrival
(D30). Only the work is new: while ticks arrive in order, the last of each bucket is known already.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter

Tick = tuple[int, float]
"""(UNIX seconds, last trade price in dollars)."""


@dataclass(frozen=True, slots=True)
class Window:
    """The ticks of a lookback: how many, over how long, and the last positive one per bucket."""

    raw_points: int
    span_seconds: int
    resampled: list[Tick]


def resample_last(ticks: Sequence[Tick], bucket_seconds: int) -> list[Tick]:
    """The last positive tick of each non-empty bucket, with its own time; gaps stay gaps.

    Ticks are sorted by second first; within one second the order of arrival decides.
    """
    ordered = sorted(ticks, key=itemgetter(0))
    return list({tick[0] // bucket_seconds: tick for tick in ordered if tick[1] > 0}.values())


class SpotHistory:
    """The newest `max_points` arrivals.

    Positions count every arrival ever made: `_first` is the oldest still held, `_late` the last
    that was older than its predecessor. While neither is held back by the other, `_last_in_bucket`
    maps each bucket to the position of its last positive tick; it is None when out of date.
    """

    def __init__(self, max_points: int) -> None:
        self._max_points = max_points
        self._times: list[int] = []
        self._prices: list[float] = []
        self._offset = 0
        self._first = 0
        self._late = 0
        self._bucket_seconds = 0
        self._last_in_bucket: dict[int, int] | None = None

    def __len__(self) -> int:
        return self._offset + len(self._times) - self._first

    def append(self, ts: int, price: float) -> None:
        """Add an arrival; beyond the limit the oldest arrival is forgotten."""
        position = self._offset + len(self._times)
        if len(self) and ts < self._times[-1]:
            self._late, self._last_in_bucket = position, None
        self._times.append(ts)
        self._prices.append(price)
        if self._last_in_bucket is not None and price > 0:
            self._last_in_bucket[ts // self._bucket_seconds] = position
        self._first = max(self._first, position + 1 - self._max_points)
        if self._first - self._offset > self._max_points:
            self._compact()

    def ticks(self) -> list[Tick]:
        """Every arrival held, in order of arrival."""
        held = self._first - self._offset
        return list(zip(self._times[held:], self._prices[held:], strict=True))

    def window(self, oldest_ts: int, bucket_seconds: int) -> Window:
        """The arrivals at or after `oldest_ts`."""
        if self._first < self._late:
            return self._unordered_window(oldest_ts, bucket_seconds)
        held = self._first - self._offset
        start = bisect_left(self._times, oldest_ts, lo=held)
        count = len(self._times) - start
        span = self._times[-1] - self._times[start] if count else 0
        return Window(count, span, self._resampled_from(start, bucket_seconds))

    def _unordered_window(self, oldest_ts: int, bucket_seconds: int) -> Window:
        recent = [tick for tick in self.ticks() if tick[0] >= oldest_ts]
        span = recent[-1][0] - recent[0][0] if recent else 0
        return Window(len(recent), span, resample_last(recent, bucket_seconds))

    def _resampled_from(self, start: int, bucket_seconds: int) -> list[Tick]:
        if self._last_in_bucket is None or bucket_seconds != self._bucket_seconds:
            self._rebuild(bucket_seconds)
        resampled: list[Tick] = []
        for position in reversed((self._last_in_bucket or {}).values()):
            index = position - self._offset
            if index < start:
                break
            resampled.append((self._times[index], self._prices[index]))
        resampled.reverse()
        return resampled

    def _rebuild(self, bucket_seconds: int) -> None:
        self._bucket_seconds = bucket_seconds
        self._last_in_bucket = {
            self._times[index] // bucket_seconds: self._offset + index
            for index in range(self._first - self._offset, len(self._times))
            if self._prices[index] > 0
        }

    def _compact(self) -> None:
        """Drop what is no longer held; every `max_points` arrivals, so it costs nothing each."""
        gone = self._first - self._offset
        del self._times[:gone]
        del self._prices[:gone]
        self._offset = self._first
        if self._last_in_bucket is not None:
            self._rebuild(self._bucket_seconds)
