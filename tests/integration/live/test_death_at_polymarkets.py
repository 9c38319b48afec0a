"""The process dies at Polymarket or Polymarket US: nothing of ours rests after its lifetime."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec
import pytest

from hotpath.gateway.recovery import remember, unproved_orders
from kairos.messages.commands import SubmitOrder
from kairos.messages.trading import OrderStatus
from local.venues.polymarket.server import ServerSettings
from local.venues.polymarket_us.server import ServerSettings as UsServerSettings
from tests.support import sim_polymarket, sim_polymarket_us
from tests.support.live_session import bounded, until
from tests.support.ours_against_simulators import polymarket
from tests.support.repository import ROOT
from tests.support.resting_child import NAMES, Place
from tests.support.sim_polymarket import RAIN
from tests.support.sim_polymarket_us import SLUG

LIFETIME_S: Final = 2.5
SLACK_S: Final = 1.0


@asynccontextmanager
async def process(
    place: Place, directory: Path, resting: Callable[[], int]
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process whose two orders rest."""
    told = directory / "place.json"
    told.write_bytes(msgspec.json.encode(place))
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.resting_child", str(told), str(directory / "journal"),
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        try:
            await until(lambda: resting() == len(NAMES) or child.returncode is not None, 15)
        except TimeoutError:
            child.kill()
        if child.returncode is not None or resting() != len(NAMES):
            said, _ = await child.communicate()
            pytest.fail(f"no orders came: {said.decode()[-2000:]}")
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


async def kill(child: asyncio.subprocess.Process) -> None:
    os.kill(child.pid, signal.SIGKILL)
    await child.wait()


def left(directory: Path) -> list[SubmitOrder]:
    """What the dead process's journal names for whoever comes next."""
    orders = unproved_orders((directory / "journal").read_bytes().splitlines())
    assert [order.client_order_id for order in orders] == list(NAMES)
    return orders


def test_without_heartbeats_polymarket_cancels_everything(tmp_path: Path) -> None:
    async def work() -> None:
        settings = ServerSettings(heartbeat_s=LIFETIME_S)
        async with sim_polymarket.venue(settings=settings) as at:

            def resting() -> int:
                return len(at.server.exchange.open_records())

            async with process(_polymarket(at), tmp_path, resting) as child:
                await asyncio.sleep(LIFETIME_S + SLACK_S)
                assert resting() == len(NAMES)  # it lives, and says so
                await kill(child)
                assert resting() == len(NAMES)
                await until(lambda: resting() == 0, LIFETIME_S + SLACK_S)
            assert len(at.server.exchange.records) == len(NAMES)
            async with polymarket(at.alice) as next_one:
                orders = left(tmp_path)
                await remember(next_one.trading, orders)
                for order in orders:
                    found = await next_one.trading.find(order.client_order_id, order.market)
                    assert found is not None
                    assert (found.status, found.filled) == (OrderStatus.CANCELED, 0)

    bounded(work)


def test_every_order_at_polymarket_us_ends_by_itself(tmp_path: Path) -> None:
    async def work() -> None:
        settings = UsServerSettings(rate=10_000)
        async with sim_polymarket_us.venue(settings) as at:

            def resting() -> int:
                return len(at.server.exchange.open_records("alice"))

            async with process(_us(at), tmp_path, resting) as child:
                await kill(child)
                assert resting() == len(NAMES)
                await until(lambda: resting() == 0, LIFETIME_S + SLACK_S)
            records = at.server.exchange.records.values()
            assert [each.state for each in records] == ["ORDER_STATE_EXPIRED"] * len(NAMES)
            left(tmp_path)

    bounded(work)


def _polymarket(at: sim_polymarket.Venue) -> Place:
    secret, alice = at.alice.key.verifier, at.alice
    return Place(
        "polymarket", at.server.url, RAIN.condition_id, LIFETIME_S, alice.key.key_id, secret.text,
        alice.wallet.private_key, alice.wallet.address, secret.passphrase,
    )  # fmt: skip


def _us(at: sim_polymarket_us.Venue) -> Place:
    keys = at.alice.credentials
    return Place("polymarket_us", at.server.url, SLUG, LIFETIME_S, keys.key_id, keys.secret)
