"""A process that a test may kill: it rests two orders at a simulated Polymarket and keeps them.

`python -m tests.support.resting_child FILE JOURNAL`; FILE is a `Place` as JSON, and JOURNAL gets
every order before it is sent.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import msgspec

from hotpath.gateway.dead_man import DeadMan, DeadManSettings
from kairos.bootstrap import (
    FeeAsset,
    PolymarketConnection,
    PolymarketCredentials,
    PolymarketHosts,
    PolymarketSettings,
    PolymarketUsConnection,
    PolymarketUsCredentials,
    SignatureType,
    SigningKey,
)
from kairos.domain.instruments import Action, Outcome
from kairos.domain.ledger import LedgerRules
from kairos.messages.commands import SubmitOrder, TimeInForce
from kairos.ports import VenueTrading
from kairos.services.breaks import ReconcileSettings
from tests.support.gateway_desk import CONTRACT, Desk, VenueTime
from tests.support.journal_lines import journaled
from tests.support.ours_against_simulators import us_settings
from tests.support.polymarket_us import FakeIntentLog

NAMES = ("r-1", "r-2")
COMPARE = ReconcileSettings(cash_excludes_resting=False, cash_tolerance=0)
RULES = LedgerRules(netting=False, allow_debt=True, any_order=True)


class Place(msgspec.Struct):
    """Where to rest orders, and as whom. `lifetime` is what an order may outlive the process."""

    venue: Literal["polymarket", "polymarket_us"]
    url: str
    market: str
    lifetime: float
    key_id: str
    secret: str
    private_key: str = ""
    wallet: str = ""
    passphrase: str = ""


@asynccontextmanager
async def connected(place: Place, clock: VenueTime) -> AsyncIterator[VenueTrading]:
    connection = _polymarket(place, clock) if place.venue == "polymarket" else _us(place, clock)
    try:
        yield connection.trading
    finally:
        await connection.close()


def _polymarket(place: Place, clock: VenueTime) -> PolymarketConnection:
    url = place.url
    settings = PolymarketSettings(
        place.wallet, SignatureType.EOA, FeeAsset.COLLATERAL,
        PolymarketHosts(url, url, url, url, url, url),
    )  # fmt: skip
    credentials = PolymarketCredentials(place.key_id, place.secret, place.passphrase)
    key = SigningKey.from_hex(place.private_key)
    return PolymarketConnection(settings, key, credentials, clock, lambda: 0.5)


def _us(place: Place, clock: VenueTime) -> PolymarketUsConnection:
    return PolymarketUsConnection(
        us_settings(place.url, lifetime_seconds=place.lifetime),
        PolymarketUsCredentials(place.key_id, place.secret), FakeIntentLog(), clock, lambda: 0.5,
    )  # fmt: skip


async def work(place: Place, journal: Path) -> None:
    clock = VenueTime(time.time_ns, lambda _seconds: None)
    async with connected(place, clock) as trading:
        desk = Desk(trading, clock, place.market, COMPARE, RULES)
        guard = DeadMan(
            trading, clock, desk.gateway, desk.inbox,
            DeadManSettings(place.lifetime, place.lifetime / 4, place.lifetime / 4),
        )  # fmt: skip
        await guard.beat()  # before the first order, or nobody would miss us
        for number, name in enumerate(NAMES):
            _send(desk, _order(place.market, name, 3_000 + 100 * number), journal)
        await guard.run()


def _order(market: str, name: str, price: int) -> SubmitOrder:
    return SubmitOrder(
        time.time_ns(), name, market, Outcome.YES, Action.BUY, price, 10 * CONTRACT,
        TimeInForce.GTC, post_only=True, reduce_only=False,
    )  # fmt: skip


def _send(desk: Desk, order: SubmitOrder, journal: Path) -> None:
    with journal.open("ab") as file:
        file.writelines(line + b"\n" for line in journaled([order], ()))
    desk.engine.account.submitted(order, desk.engine.books.market(order.market))
    desk.gateway.submit(order)


if __name__ == "__main__":
    asyncio.run(
        work(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Place), Path(sys.argv[2]))
    )
