"""From event to decision: every message timed on its own, nothing subtracted.

The goals are for the engine, event in and commands out; decoding included is there to be read.
Timers fire once a second as in a session. Orders are answered with a rejection at once, outside
the clock, so that the strategy stays free to act.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Sequence
from functools import partial
from typing import Final

from benchmarks.assembling import bare_engine
from benchmarks.floors import Floor
from benchmarks.rows import Goal, Row, figure
from benchmarks.timing import REPEATS, measure, timer_cost_ns
from benchmarks.workload import Slices, load
from hotpath.engine import Engine
from hotpath.heap import no_collector
from kairos.bootstrap import LineDecoder
from kairos.messages.commands import Command, SubmitOrder
from kairos.messages.events import OrderRejected, TimerFired

GOALS: Final = {0.5: Goal("≤", 4.0, "us"), 0.99: Goal("≤", 20.0, "us"), 0.999: None}
_SECOND_NS: Final = 1_000_000_000
_WHOLE: Final = "decode and handle"
_HANDLE: Final = "handle alone"

Samples = dict[str, Sequence[int]]


def run(*, quick: bool) -> list[Row]:
    workload = load(quick=quick)
    slices = workload.slices()
    floor = measure({"floor": lambda: partial(_floor_work, Floor(), slices)}, len(slices))
    floor_us = floor["floor"].cpu / workload.messages * 1e6
    repeats = [sample(workload.lines) for _ in range(REPEATS)]
    against = (
        f"mean decode + book at {figure(floor_us)} us; timer {timer_cost_ns():.0f} ns included"
    )
    rows = []
    for what in (_WHOLE, _HANDLE):
        for share, asked in GOALS.items():
            goal = asked if what == _HANDLE else None
            best = min(percentile(each[what], share) for each in repeats) / 1e3
            rows.append(
                Row(
                    f"{what}, p{share * 100:g}", best, "us", against, best / floor_us,
                    "" if goal is None else str(goal), None if goal is None else goal.met(best),
                )
            )  # fmt: skip
    return rows


def _floor_work(floor: Floor, slices: Slices, index: int) -> partial[None]:
    return partial(floor.lines, [line for chunk in slices[index] for line in chunk.lines])


def sample(lines: Sequence[bytes]) -> Samples:
    """Nanoseconds of every message, through decoding and handling and through handling alone."""
    whole, handled, clock = array("q"), array("q"), time.perf_counter_ns
    engine = bare_engine(silent=False)
    decode, handle = LineDecoder().decode, engine.handle
    next_timer = 0
    with no_collector():
        for line in lines:
            started = clock()
            event = decode(line)
            decoded = clock()
            if isinstance(event, tuple):
                commands: Sequence[Command] = [each for one in event for each in handle(one)]
            else:
                commands = handle(event)
            ended = clock()
            whole.append(ended - started)
            handled.append(ended - decoded)
            if commands:
                _refuse_orders(engine, commands)
            if engine.now_ns >= next_timer:
                next_timer = engine.now_ns + _SECOND_NS
                handle(TimerFired(engine.now_ns))
    return {_WHOLE: whole, _HANDLE: handled}


def _refuse_orders(engine: Engine, commands: Sequence[Command]) -> None:
    for command in commands:
        if isinstance(command, SubmitOrder):
            engine.handle(OrderRejected(engine.now_ns, command.client_order_id, "benchmark"))


def percentile(values: Sequence[int], share: float) -> int:
    """The smallest value that at least `share` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]
