"""Measures Kairos against floors and peers in one run: `make bench`, `python -m benchmarks`.

How to read the table:

* `value` is a figure of this machine at this moment; `ratio` is what to trust. Both sides of a
  ratio ran in turn, slice by slice, on one CPU, in this run, and the best of three passes of each
  slice counts. `noise` is how much slower the mean pass was: above 1.3 run it again.
* Rates are per second of processor time, so that other processes do not count; rows that say
  `wall` are what a clock on the wall saw. Percentiles are wall time, interruptions included.
* `against` names the floor or peer and what it did. For rates the ratio is value / floor, for
  durations peer / value (times faster), for growth value / base.
* `holds` compares with `goal`; `-` promises nothing. Goals without a ratio (messages per second,
  microseconds, megabytes) depend on the machine; the note beside them says on what.

Where each part of the engine's time goes: `python -m benchmarks.profile_engine`. Whether the
models are any good: `python -m benchmarks.compare_models`. Exit code: 0 measured, 2 usage.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks import (
    edge_tick,
    event_latency,
    full_engine,
    growth,
    journal_engine,
    many_markets,
    memory_growth,
    nautilus_peer,
    signing,
    tick_to_wire,
    websocket_clients,
)
from benchmarks.rows import Row, conclusion, table
from benchmarks.timing import pin_to_one_cpu
from benchmarks.workload import load, recorded_sessions

BENCHMARKS: Final[dict[str, Callable[..., list[Row]]]] = {
    "engine": full_engine.run,
    "journal": journal_engine.run,
    "latency": event_latency.run,
    "growth": growth.run,
    "edges": edge_tick.run,
    "memory": memory_growth.run,
    "websocket": websocket_clients.run,
    "markets": many_markets.run,
    "signing": signing.run,
    "wire": tick_to_wire.run,
}


def main(argv: Sequence[str] | None = None) -> int:
    args = _parser().parse_args(argv)
    names = args.only or list(BENCHMARKS)
    machine = _machine(pin_to_one_cpu())
    source = load(quick=args.quick).source
    missing = "engine" in names and not nautilus_peer.available()
    notes = [nautilus_peer.MISSING] if missing else []
    if not args.json:
        print(_heading(machine, source))
    rows = [row for name in names for row in _measured(name, args)]
    if args.json:
        print(json.dumps(_document(machine, source, notes, rows), indent=2))
        return 0
    print(f"\n{table(rows)}\n\n{conclusion(rows)}")
    for note in notes:
        print(note)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document instead")
    parser.add_argument(
        "--only", action="append", choices=list(BENCHMARKS), help="may be given more than once"
    )
    parser.add_argument("--quick", action="store_true", help="two sessions instead of all")
    return parser


def _measured(name: str, args: argparse.Namespace) -> list[Row]:
    started = time.monotonic()
    rows = BENCHMARKS[name](quick=args.quick)
    print(f"[{name}] {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    return rows


def _machine(cpu: int | None) -> dict[str, Any]:
    return {
        "processor": _processor(),
        "cpus": os.cpu_count(),
        "pinned_to": cpu,
        "load_average": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "recordings": bool(recorded_sessions()),
    }


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in text.splitlines() if "model name" in line]
    return names[0] if names else platform.machine()


def _heading(machine: dict[str, Any], source: str) -> str:
    facts = "{processor}, {cpus} CPUs, pinned to {pinned_to}, load {load_average}, Python {python}"
    return f"input: {source}\nmachine: {facts.format_map(machine)}"


def _document(
    machine: dict[str, Any], source: str, notes: list[str], rows: list[Row]
) -> dict[str, Any]:
    return {
        "input": source,
        "machine": machine,
        "notes": notes,
        "rows": [row._asdict() for row in rows],
        "conclusion": conclusion(rows),
    }


if __name__ == "__main__":
    sys.exit(main())
