"""Requests under way: a bounded set of tasks, none of which can fail unheard."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import TypeVar

from kairos.ports import Clock

T = TypeVar("T")


class Tasks:
    """Starts tasks, remembers them until they end, and tells who asked when one breaks."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._running)

    def spawn(
        self, work: Coroutine[None, None, None], failed: Callable[[BaseException], None]
    ) -> asyncio.Task[None]:
        """`failed` hears of what `work` did not handle itself."""
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)

        def ended(done: asyncio.Task[None]) -> None:
            self._running.discard(done)
            error = None if done.cancelled() else done.exception()
            if error is not None:
                failed(error)

        task.add_done_callback(ended)
        return task

    async def close(self) -> None:
        """Stop everything that is under way and wait until it has stopped."""
        while running := tuple(self._running):  # what stops may start a last question
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)


async def within(clock: Clock, seconds: float, work: Awaitable[T]) -> T:
    """The result of `work`, or TimeoutError when it takes longer."""
    task, timer = asyncio.ensure_future(work), asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait({task, timer}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise TimeoutError
        return task.result()
    finally:
        timer.cancel()
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
