"""A clock whose time passes when the test says so: seconds of back-off take no time at all."""

from __future__ import annotations

import asyncio
import heapq

START_NS = 1_780_000_000_000_000_000
_TURNS = 50  # of the event loop, until nothing that waits for no timer has anything left to do


class VirtualClock:
    """`kairos.ports.Clock`. Timers fire in order of time, then of their making."""

    def __init__(self) -> None:
        self._now_ns = START_NS
        self._timers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._made = 0

    def now_ns(self) -> int:
        return self._now_ns

    async def sleep(self, seconds: float) -> None:
        self._made += 1
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        due_ns = self._now_ns + round(seconds * 1e9)
        heapq.heappush(self._timers, (due_ns, self._made, future))
        await future

    async def settle(self) -> None:
        """Let everything run that waits for no timer."""
        for _ in range(_TURNS):
            await asyncio.sleep(0)

    async def advance(self, seconds: float) -> None:
        """Let time pass, with everything that happens in it."""
        until_ns = self._now_ns + round(seconds * 1e9)
        await self.settle()
        while self._timers and self._timers[0][0] <= until_ns:
            due_ns, _, future = heapq.heappop(self._timers)
            if not future.done():
                self._now_ns = max(self._now_ns, due_ns)
                future.set_result(None)
                await self.settle()
        self._now_ns = until_ns
