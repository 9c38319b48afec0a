"""Times things fairly on a noisy machine: one CPU, small interleaved slices, best of each slice.

What is compared runs slice by slice in turn, so that a slow moment of the machine hits all of it
alike. Seconds are of processor time, so that what other processes take does not count; where the
disk takes part, wall time is the one to read.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from hotpath.heap import no_collector

REPEATS: Final = 3
_TIMER_CALLS: Final = 200_000

# Given a slice's index: get ready outside the clock, return what is to be timed.
Work = Callable[[int], Callable[[], object]]
Prepare = Callable[[], Work]


class Timed(NamedTuple):
    """Seconds over all slices: the best of each slice, and the mean that shows the noise."""

    cpu: float
    wall: float
    mean_cpu: float


def pin_to_one_cpu() -> int | None:
    """Stay on the last CPU we may use, so that caches stay warm; None where that is impossible."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    cpu = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cpu})
    return cpu


class _Bests:
    """The best seconds of each slice so far."""

    def __init__(self, slices: int) -> None:
        self._cpu = [float("inf")] * slices
        self._wall = [float("inf")] * slices
        self._total = 0.0

    def add(self, index: int, timed: Callable[[], object]) -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        timed()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        self._cpu[index] = min(self._cpu[index], cpu)
        self._wall[index] = min(self._wall[index], wall)
        self._total += cpu

    def timed(self, repeats: int) -> Timed:
        return Timed(sum(self._cpu), sum(self._wall), self._total / repeats)


def measure(
    subjects: Mapping[str, Prepare], slices: int, repeats: int = REPEATS
) -> dict[str, Timed]:
    """Time every subject over slices 0..slices-1 in order, `repeats` times with fresh state."""
    bests = {name: _Bests(slices) for name in subjects}
    for _ in range(repeats):
        works = {name: prepare() for name, prepare in subjects.items()}
        with no_collector():
            for index in range(slices):
                for name, work in works.items():
                    bests[name].add(index, work(index))
    return {name: each.timed(repeats) for name, each in bests.items()}


def noise(timed: Mapping[str, Timed]) -> float:
    """How many times longer the mean repeat took than the best one; 1 on a quiet machine."""
    return sum(each.mean_cpu for each in timed.values()) / sum(each.cpu for each in timed.values())


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
