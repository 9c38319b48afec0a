"""Where the engine's time goes, without a profiler's distortion: stages that add one part each.

`python -m benchmarks.profile_engine [--quick]`. The first table is whole passes over all messages,
so a stage's cost is the difference to the one above it. The second times every call by kind of
message; it includes the timer (stated), so compare its rows with each other.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Final

from benchmarks.assembling import CountingSink, bare_engine, session_work
from benchmarks.timing import (
    REPEATS,
    Prepare,
    Timed,
    Work,
    measure,
    noise,
    pin_to_one_cpu,
    timer_cost_ns,
)
from benchmarks.workload import Slices, Workload, load
from hotpath.engine import Engine
from hotpath.feeds.capture_files import Chunk
from hotpath.heap import no_collector
from hotpath.run_record import RunRecord
from kairos.bootstrap import LineDecoder

STAGES: Final = (
    "loop over the lines",
    "+ decode",
    "+ sequence, books, staleness",
    "+ strategy (v2)",
    "+ session, timers, paper venue",
    "+ run record (JSON, hash)",
)


def stages(slices: Slices) -> dict[str, Prepare]:
    """Each stage's "prepare", in order."""

    def walking() -> Work:
        return lambda index: partial(_walk, slices[index])

    def decoding() -> Work:
        decoder = LineDecoder()
        return lambda index: partial(_decode, slices[index], decoder)

    def handling(*, silent: bool) -> Work:
        decoder, engine = LineDecoder(), bare_engine(silent=silent)
        return lambda index: partial(_handle, slices[index], decoder, engine)

    prepares: tuple[Prepare, ...] = (
        walking,
        decoding,
        lambda: handling(silent=True),
        lambda: handling(silent=False),
        lambda: session_work(slices, CountingSink()),
        lambda: session_work(slices, RunRecord(None)),
    )
    return dict(zip(STAGES, prepares, strict=True))


def _walk(chunks: Sequence[Chunk]) -> None:
    for chunk in chunks:
        for _line in chunk.lines:
            pass


def _decode(chunks: Sequence[Chunk], decoder: LineDecoder) -> None:
    decode = decoder.decode
    for chunk in chunks:
        for line in chunk.lines:
            decode(line)


def _handle(chunks: Sequence[Chunk], decoder: LineDecoder, engine: Engine) -> None:
    decode, handle = decoder.decode, engine.handle
    for chunk in chunks:
        for line in chunk.lines:
            event = decode(line)
            if isinstance(event, tuple):
                for each in event:
                    handle(each)
            else:
                handle(event)


class Kinds:
    """Calls and nanoseconds by kind."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.nanoseconds: Counter[str] = Counter()

    def add(self, kind: str, nanoseconds: int) -> None:
        self.calls[kind] += 1
        self.nanoseconds[kind] += nanoseconds


def by_kind(workload: Workload) -> Kinds:
    """Decode and handle of every message, by kind of event and by whether it led to a decision."""
    kinds, clock = Kinds(), time.perf_counter_ns
    decode, handle = LineDecoder().decode, bare_engine(silent=False).handle
    for line in workload.lines:
        started = clock()
        parsed = decode(line)
        spent = clock() - started
        events = parsed if isinstance(parsed, tuple) else (parsed,)
        names = "+".join(type(event).__name__ for event in events)
        kinds.add(f"decode {names or 'nothing'}", spent)
        for event in events:
            started = clock()
            commands = handle(event)
            spent = clock() - started
            outcome = f" -> {len(commands)} commands" if commands else ""
            kinds.add(f"handle {type(event).__name__}{outcome}", spent)
    return kinds


def print_stages(workload: Workload, timed: dict[str, Timed]) -> None:
    count, previous = workload.messages, 0.0
    print(f"{'stage':<34}{'messages/s':>12}{'us/message':>12}{'of which':>10}{'share':>8}")
    total = timed[STAGES[-2]].cpu
    for name in STAGES:
        seconds = timed[name].cpu
        part = seconds - previous
        print(
            f"{name:<34}{count / seconds:>12,.0f}{seconds / count * 1e6:>12.3f}"
            f"{part / count * 1e6:>10.3f}{part / total:>8.1%}"
        )
        previous = seconds
    print(f"noise of the machine: the mean repeat took {noise(timed):.2f} times the best")


def print_kinds(kinds: Kinds, messages: int) -> None:
    print(f"\n{'call':<44}{'calls':>10}{'us/call':>10}{'us/message':>12}")
    for kind, spent in kinds.nanoseconds.most_common():
        calls = kinds.calls[kind]
        print(f"{kind:<44}{calls:>10,}{spent / calls / 1e3:>10.3f}{spent / messages / 1e3:>12.4f}")
    print(f"each call includes the timer's own {timer_cost_ns():.0f} ns")


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.profile_engine", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two sessions only")
    args = parser.parse_args()
    cpu = pin_to_one_cpu()
    workload = load(quick=args.quick)
    print(f"{workload.source}; CPU {cpu}; best of {REPEATS} per slice, stages interleaved\n")
    slices = workload.slices()
    print_stages(workload, measure(stages(slices), len(slices)))
    with no_collector():
        kinds = by_kind(workload)
    print_kinds(kinds, workload.messages)


if __name__ == "__main__":
    main()
