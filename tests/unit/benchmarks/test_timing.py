"""What is compared must run in turn, with fresh state per repeat, and only the work be timed."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from benchmarks.event_latency import percentile
from benchmarks.timing import Timed, Work, measure, noise


def test_slices_of_all_subjects_take_turns_and_state_is_fresh_in_each_repeat() -> None:
    calls: list[str] = []

    def prepare(name: str) -> Callable[[], Work]:
        def fresh() -> Work:
            calls.append(f"{name} prepared")
            return lambda index: lambda: calls.append(f"{name}{index}")

        return fresh

    measure({"a": prepare("a"), "b": prepare("b")}, slices=2, repeats=2)
    once = ["a prepared", "b prepared", "a0", "b0", "a1", "b1"]
    assert calls == once * 2


def test_getting_ready_is_not_timed() -> None:
    def work(_index: int) -> Callable[[], object]:
        _burn(0.03)
        return lambda: None

    assert measure({"idle": lambda: work}, slices=1, repeats=1)["idle"].cpu < 0.02


def test_the_best_of_each_slice_counts() -> None:
    rounds = iter([0.03, 0.0])

    def prepare() -> Work:
        seconds = next(rounds)
        return lambda _index: lambda: _burn(seconds)

    timed = measure({"uneven": prepare}, slices=1, repeats=2)["uneven"]
    assert timed.cpu < 0.01
    assert timed.mean_cpu >= 0.015


def test_noise_is_the_mean_over_the_best() -> None:
    assert noise({"a": Timed(1.0, 1.0, 1.5), "b": Timed(3.0, 3.0, 3.5)}) == pytest.approx(1.25)


@pytest.mark.parametrize(
    ("share", "expected"), [(0.5, 50), (0.99, 99), (0.999, 100), (1.0, 100), (0.001, 1)]
)
def test_a_percentile_is_the_smallest_value_that_covers_the_share(
    share: float, expected: int
) -> None:
    assert percentile(list(range(100, 0, -1)), share) == expected


def _burn(seconds: float) -> None:
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass
