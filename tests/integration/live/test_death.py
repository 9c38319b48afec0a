"""The process dies in the middle of its work: nothing of ours stays at the venue."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hotpath.live.earlier import earlier_journals, orders_left
from tests.support.live_session import Venues, bounded, until, venues
from tests.support.repository import ROOT

SPEED = 4.0
LIFETIME_S = 8  # of the venue's time: two of ours


@asynccontextmanager
async def process(at: Venues, directory: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A live process with an order that rests."""
    served = at.write_served(directory)
    out = directory / "sessions" / "1"
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.live_child", str(served), str(out), str(LIFETIME_S),
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        try:
            await until(lambda: at.resting() == 1 or child.returncode is not None, 15)
        except TimeoutError:
            child.kill()
            said, _ = await child.communicate()
            pytest.fail(f"no order came: {said.decode()[-2000:]}")
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


def test_killed_outright_nothing_rests_after_the_lifetime(tmp_path: Path) -> None:
    async def work() -> None:
        async with venues(SPEED) as at, process(at, tmp_path) as child:
            held = [each.order.order_id for each in at.kalshi.exchange.open_records("trader")]
            await asyncio.sleep((LIFETIME_S + 3) / SPEED)
            # It lives, so its order lives on: the same one, with its place in the queue.
            assert [e.order.order_id for e in at.kalshi.exchange.open_records("trader")] == held
            os.kill(child.pid, signal.SIGKILL)
            await child.wait()
            await until(lambda: at.resting() == 0, LIFETIME_S / SPEED + 1)
            assert at.placed() == 1
            left = orders_left(earlier_journals(tmp_path / "sessions", tmp_path / "none"))
            assert len(left) == 1  # its journal names the order for whoever comes next

    bounded(work)


def test_told_to_end_it_cancels_at_once(tmp_path: Path) -> None:
    async def work() -> None:
        async with venues(SPEED) as at, process(at, tmp_path) as child:
            os.kill(child.pid, signal.SIGTERM)
            await until(lambda: at.resting() == 0, 1.5)
            async with asyncio.timeout(5):
                assert await child.wait() == 0

    bounded(work)
