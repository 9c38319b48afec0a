"""The time of the machine, for the shell; what decides gets time as an argument."""

from __future__ import annotations

import asyncio
import time


class SystemClock:
    """`kairos.ports.Clock`: nanoseconds since the epoch, UTC; whoever sets it may set it back."""

    def now_ns(self) -> int:
        return time.time_ns()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
