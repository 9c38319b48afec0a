"""An SDK's driver for asynchronous tests: the simulated venue answers while the SDK waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.support.sdk_environments import Driver, require

_running: dict[str, Driver] = {}


class Theirs:
    """Asks the driver from a thread, so that the venue's own loop goes on."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self.opened: Any = None

    async def ask(self, what: str, **arguments: Any) -> Any:  # noqa: ANN401
        """Fails the test when the SDK raised."""
        said = await self.tried(what, **arguments)
        if isinstance(said, dict) and "kind" in said and "error" in said:
            raise AssertionError(f"the SDK raised at {what}: {said}")
        return said

    async def tried(self, what: str, **arguments: Any) -> Any:  # noqa: ANN401
        """What the SDK said or raised."""
        return await asyncio.to_thread(self._driver.ask, what, **arguments)


@asynccontextmanager
async def theirs(sdk: str, script: str, **settings: Any) -> AsyncIterator[Theirs]:  # noqa: ANN401
    """The SDK in its own environment, opened; skips the test where it cannot be had.

    Its process is kept for the next test: to import an SDK takes seconds.
    """
    driver = _running.get(sdk)
    if driver is None or not driver.is_alive:
        python = await asyncio.to_thread(require, sdk)
        driver = _running[sdk] = Driver(python, script)
    wrapped = Theirs(driver)
    wrapped.opened = await wrapped.ask("open", **settings)
    try:
        yield wrapped
    finally:
        await wrapped.tried("close_client")


def end_all() -> None:
    """When the last test is over."""
    while _running:
        _running.popitem()[1].close()
