"""Times things fairly on a noisy machine: one CPU, small interleaved slices, best of each slice.

What is compared runs slice by slice in turn, so that a slow moment of the machine hits all of it
alike. Seconds are of processor time: what other processes take from us does not count.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, NamedTuple

REPEATS: Final = 3
_TIMER_CALLS: Final = 200_000

Work = Callable[[int], object]
Prepare = Callable[[], Work]


class Timed(NamedTuple):
    """Seconds over all slices: the best of each slice, and the mean that shows the noise."""

    best: float
    mean: float


def pin_to_one_cpu() -> int | None:
    """Stay on the last CPU we may use, so that caches stay warm; None where that is impossible."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    cpu = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cpu})
    return cpu


@contextmanager
def steady_heap() -> Iterator[None]:
    """The same collector state for everything timed: input frozen, collection on."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def measure(
    subjects: Mapping[str, Prepare], slices: int, repeats: int = REPEATS
) -> dict[str, Timed]:
    """Time every subject over slices 0..slices-1 in order, `repeats` times with fresh state.

    A subject is a function that prepares outside the clock and returns the work for one slice.
    """
    best: dict[str, list[float]] = {name: [] for name in subjects}
    total = dict.fromkeys(subjects, 0.0)
    for repeat in range(repeats):
        works = {name: prepare() for name, prepare in subjects.items()}
        with steady_heap():
            for index in range(slices):
                for name, work in works.items():
                    seconds = _timed(work, index)
                    total[name] += seconds
                    if repeat == 0:
                        best[name].append(seconds)
                    else:
                        best[name][index] = min(best[name][index], seconds)
    return {name: Timed(sum(best[name]), total[name] / repeats) for name in subjects}


def _timed(work: Work, index: int) -> float:
    started = time.process_time()
    work(index)
    return time.process_time() - started


def timer_cost_ns() -> float:
    """What one perf_counter_ns call adds to a measured interval."""
    clock = time.perf_counter_ns
    best = float("inf")
    for _ in range(REPEATS):
        started = clock()
        for _ in range(_TIMER_CALLS):
            clock()
        best = min(best, (clock() - started) / _TIMER_CALLS)
    return best
