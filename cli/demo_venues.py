"""The venues of the demo: `kairos sim` in a process of its own, and what it is told to do wrong."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import aiohttp

from cli.sim_file import Simulated, simulated
from kairos.errors import KairosError

_START_S: Final = 60.0
_STOP_S: Final = 5.0
_SPARE_MINUTES: Final = 10
# Whatever becomes of us, the simulation ends by itself.
_SPARE_S: Final = 120.0
_LEAST_MINUTES: Final = 20


class PlannedFault(NamedTuple):
    """What a venue shall do wrong, when, and what one should see of it."""

    at_ns: int
    venue: str
    fault: Mapping[str, Any]
    explanation: str

    @property
    def at(self) -> datetime:
        return datetime.fromtimestamp(self.at_ns // 1_000_000_000, UTC)


def planned_faults(start_ns: int, end_ns: int) -> list[PlannedFault]:
    """Spread over the session, after the time that it takes to learn the volatility."""

    def after(share: float) -> int:
        return start_ns + round((end_ns - start_ns) * share)

    return [
        PlannedFault(
            after(0.25), "kalshi", {"fault": "skip_frames", "count": 1, "kind": "orderbook_delta"},
            "a book change is lost: the books of its subscription are asked for again",
        ),
        PlannedFault(
            after(0.40), "kalshi",
            {"fault": "drift", "change": "rename", "field": "price_dollars", "count": 1,
             "kind": "orderbook_delta"},
            "a book change without its price: quarantined, and its market asked for again",
        ),
        PlannedFault(
            after(0.55), "kalshi", {"fault": "disconnect"},
            "Kalshi hangs up: connect, subscribe, take the books anew",
        ),
        PlannedFault(
            after(0.70), "coinbase", {"fault": "disconnect"},
            "Coinbase hangs up: nothing is priced without a spot price",
        ),
    ]  # fmt: skip


async def strike(controls: Mapping[str, str], fault: PlannedFault) -> None:
    url = f"{controls[fault.venue]}/_sim/faults"
    async with (
        aiohttp.ClientSession() as http,
        http.post(url, json=dict(fault.fault)) as response,
    ):
        response.raise_for_status()


@asynccontextmanager
async def venues(
    directory: Path, seed: int, speed: float, began: datetime, minutes: float
) -> AsyncIterator[Simulated]:
    """Simulated venues for as long as the block lasts; their throwaway key is in `directory`."""
    length = max(round(minutes) + _SPARE_MINUTES, _LEAST_MINUTES)
    arguments = (
        "sim", "--json", "--seed", seed, "--speed", speed, "--start", began.isoformat(),
        "--minutes", length, "--seconds", length * 60 / speed + _SPARE_S, "--out", directory,
    )  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cli.main", *map(str, arguments),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(_START_S):
            told = await _told(process)
        yield simulated(directory, told)
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(_STOP_S):
                await process.communicate()
        except TimeoutError:
            process.kill()
            await process.communicate()


async def _told(process: asyncio.subprocess.Process) -> bytes:
    """The one JSON object that it prints when it is ready."""
    if process.stdout is None or process.stderr is None:
        raise KairosError("the simulated venues have no output")
    told = b""
    async for line in process.stdout:
        told += line
        if line == b"}\n":
            return told
    said = (await process.stderr.read()).decode(errors="replace").strip()
    raise KairosError(f"the simulated venues did not start: {said or told.decode()}")
