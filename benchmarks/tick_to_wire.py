"""Times an order from the read of the message that caused it to its bytes on the wire.

`python -m benchmarks --only wire`. A venue in a process of its own writes book changes at two
rates, plain and over TLS, and notes when orders come (`wire_venue.py`). Ours is the live process
(`wire_session.py`): websocket, journal, decoder, engine, strategy, risk, gateway, signature and a
warm connection. Beside it run the clients it is compared with (`wire_bare.py`), all in turn:

* floor: read, decode, book, write a constant order. One on our event loop; one that polls its
  socket and takes a whole CPU for it. The better of both counts, figure by figure.
* the usual stack: websockets, json, aiohttp, a signature by `cryptography`.

`read to wire` starts in the socket's read callback (after decryption) and ends when the kernel has
taken the order. `venue to venue` is from before the venue's write to the order's last byte there;
it holds the kernel's part, too. Of two rounds the better counts, figure by figure. A round has some
dozens of orders, so its p99.9 is the worst of them: read it as such.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, NamedTuple

import uvloop

from benchmarks.rows import Goal, Row, absolute_row, growth_row, speedup_row, table
from benchmarks.throwaway_certificate import write_certificate
from benchmarks.timing import pin_to_one_cpu
from benchmarks.wire_bare import Probe, Where, bare_loop, bare_polling, usual
from benchmarks.wire_session import ours
from hotpath.heap import no_collector

RATES: Final = (2_000, 20_000)
ORDERS_PER_SECOND: Final = 100
WARM: Final = 5  # orders of each run that are not counted
SECONDS, QUICK_SECONDS = 0.6, 0.3
ROUNDS: Final = 2
OURS, INLINE, BUSY = "ours", "ours, signing inline", "ours, loop never sleeps"
LOOP, POLLING, USUAL = "bare client, uvloop", "bare client, polling", "usual stack"
P50, P99, TO_USUAL = Goal("≤", 2.0), Goal("≤", 3.0), Goal("≥", 3.0)
_FLOORS: Final = (LOOP, POLLING)
_ANSWER_SECONDS: Final = 20

Client = Callable[[Where, Probe], Awaitable[None]]
CLIENTS: Final[dict[str, Client]] = {
    LOOP: bare_loop,
    POLLING: bare_polling,
    OURS: ours(ahead=True),
    INLINE: ours(ahead=False),
    BUSY: ours(ahead=True, busy=True),
    USUAL: usual,
}
_ONLY_PLAIN: Final = frozenset({INLINE, BUSY})  # what they show, TLS would not change


class Case(NamedTuple):
    """What the venue does: messages per second, plain or over TLS."""

    rate: int
    tls: bool

    def __str__(self) -> str:
        return f"{'TLS' if self.tls else 'plain'} {self.rate:,}/s"


class Times(NamedTuple):
    """Nanoseconds of each order, round by round."""

    wrote: list[list[int]]
    took: list[list[int]]

    def add(self, wrote: list[int], took: list[int]) -> None:
        self.wrote.append(wrote[WARM:])
        self.took.append(took[WARM:])


class _Venue:
    """The other process."""

    def __init__(self, said: IO[str], tls: ssl.SSLContext) -> None:
        self._said = said
        self._tls = tls
        self._ports: list[int] = json.loads(said.readline())

    def where(self, case: Case, seconds: float) -> Where:
        count = int(case.rate * seconds)
        path = f"/paced/{case.rate}/{count}/{case.rate // ORDERS_PER_SECOND}"
        stream, orders = self._ports[2:] if case.tls else self._ports[:2]
        s = "s" if case.tls else ""
        return Where(
            f"ws{s}://127.0.0.1:{stream}{path}", f"http{s}://127.0.0.1:{orders}",
            self._tls if case.tls else None,
        )  # fmt: skip

    def measured(self) -> tuple[int, list[int]]:
        """How many orders it was to get, and how long each took."""
        answer = json.loads(self._said.readline())
        if "error" in answer:
            raise SystemExit(f"the venue broke: {answer['error']}")
        return answer["orders"], answer["took"]


def measure(seconds: float, rounds: int) -> dict[Case, dict[str, Times]]:
    """All clients in turn, so that a slow moment of the machine hits them alike."""
    cases = [Case(rate, tls) for tls in (False, True) for rate in RATES]
    found = {case: {name: Times([], []) for name in _clients(case)} for case in cases}
    with _venue() as venue:
        for _ in range(rounds):
            for case in cases:
                for name in _clients(case):
                    found[case][name].add(*_one(venue, case, CLIENTS[name], seconds))
    return found


def _clients(case: Case) -> list[str]:
    return [name for name in CLIENTS if not (case.tls and name in _ONLY_PLAIN)]


def _one(venue: _Venue, case: Case, client: Client, seconds: float) -> tuple[list[int], list[int]]:
    probe = Probe()
    where = venue.where(case, seconds)

    async def bounded() -> None:
        async with asyncio.timeout(_ANSWER_SECONDS):
            await client(where, probe)

    gc.collect()
    with no_collector():
        uvloop.run(bounded())
    wanted, took = venue.measured()
    if len(took) != wanted:
        raise SystemExit(f"{client}: {len(took)} of {wanted} orders came")
    return probe.wrote, took


@contextmanager
def _venue() -> Iterator[_Venue]:
    with tempfile.TemporaryDirectory() as directory:
        certificate = Path(directory) / "throwaway.pem"
        trusting = write_certificate(certificate)
        command = [sys.executable, "-m", "benchmarks.wire_venue", str(certificate)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                _elsewhere(process.pid)
                yield _Venue(process.stdout, trusting)
            finally:
                process.kill()


def _elsewhere(pid: int) -> None:
    """On the CPUs that are not ours: it never sleeps while it sends."""
    if hasattr(os, "sched_setaffinity"):
        others = set(range(os.cpu_count() or 1)) - os.sched_getaffinity(0)
        if others:
            os.sched_setaffinity(pid, others)


def rows(found: dict[Case, dict[str, Times]]) -> list[Row]:
    return [row for case, times in found.items() for row in _rows_of(case, times)]


def _rows_of(case: Case, times: dict[str, Times]) -> Iterator[Row]:
    def wrote(name: str, share: float) -> float:
        return percentile(times[name].wrote, share)

    for share, goal in ((0.5, P50), (0.99, P99), (0.999, None)):
        what = f"{case}, read to wire, p{100 * share:g}"
        best = min(_FLOORS, key=lambda name: wrote(name, share))
        for name in _FLOORS:
            yield absolute_row(f"{what}, {name}", wrote(name, share), "us")
        for name in (OURS, *(each for each in (INLINE, BUSY) if goal and each in times)):
            yield _against(f"{what}, {name}", wrote(name, share), best, wrote(best, share), goal)
    for share, to_usual in ((0.5, TO_USUAL), (0.99, TO_USUAL), (0.999, None)):
        what = f"{case}, venue to venue, p{100 * share:g}"
        peer = percentile(times[USUAL].took, share)
        for name in (*_FLOORS, OURS):
            value = percentile(times[name].took, share)
            promise = to_usual if name == OURS else None
            yield speedup_row(f"{what}, {name}", value, "us", USUAL, peer, promise)


def _against(name: str, value: float, base: str, base_value: float, goal: Goal | None) -> Row:
    """A duration against a floor's; the promise is about what runs by default."""
    row = growth_row(name, value, "us", base, base_value, goal or P50)
    if goal is None or not name.endswith(OURS):
        return row._replace(goal="", holds=None)
    return row


def percentile(rounds: list[list[int]], share: float) -> float:
    """Microseconds, of the best round: in a worse one somebody else had the CPU."""
    return min(sorted(each)[min(len(each) - 1, int(len(each) * share))] / 1_000 for each in rounds)


def run(*, quick: bool = False) -> list[Row]:
    logging.getLogger("kairos.streams").setLevel(logging.ERROR)  # each client is hung up on, often
    return rows(measure(QUICK_SECONDS if quick else SECONDS, 1 if quick else ROUNDS))


if __name__ == "__main__":
    pin_to_one_cpu()
    print(table(run(quick="--quick" in sys.argv)))
