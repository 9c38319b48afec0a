"""Our adapters pointed at simulated venues, over real sockets and on the machine's own clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from kairos.adapters.polymarket.auth import ApiCredentials
from kairos.adapters.polymarket.config import Hosts, Limits
from kairos.adapters.polymarket.connect import PolymarketConnection, PolymarketSettings
from kairos.adapters.polymarket.eip712 import SignatureType, SigningKey
from kairos.adapters.polymarket.user import FeeAsset
from kairos.adapters.polymarket_us import auth as us_auth
from kairos.adapters.polymarket_us.build import PolymarketUsConnection
from kairos.adapters.polymarket_us.config import Rate, RateLimits
from kairos.adapters.polymarket_us.config import Settings as UsSettings
from kairos.domain.instruments import Action, Outcome
from kairos.messages.commands import SubmitOrder, TimeInForce
from kairos.ports import Clock
from tests.support import sim_polymarket, sim_polymarket_us
from tests.support.polymarket_us import FakeIntentLog


class MachineClock:
    """The machine's time; `slept` says how long anybody wanted to wait."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now_ns(self) -> int:
        return time.time_ns()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(min(seconds, 3.0))


def submit(client_order_id: str, **more: Any) -> SubmitOrder:  # noqa: ANN401
    """Buy 10 YES at 0.50 for good, unless told otherwise."""
    facts: dict[str, Any] = {
        "ts_ns": time.time_ns(),
        "client_order_id": client_order_id,
        "market": sim_polymarket.RAIN.condition_id,
        "outcome": Outcome.YES,
        "action": Action.BUY,
        "price": 5_000,
        "quantity": 10_000_000,
        "time_in_force": TimeInForce.GTC,
        "post_only": False,
        "reduce_only": False,
    }
    return SubmitOrder(**(facts | more))


@asynccontextmanager
async def polymarket(
    trader: sim_polymarket.Trader,
    fee_asset: FeeAsset = FeeAsset.COLLATERAL,
    limits: Limits | None = None,
    clock: Clock | None = None,
) -> AsyncIterator[PolymarketConnection]:
    """Our Polymarket for a trader's wallet and API key."""
    url = trader.url
    ws = url.replace("http://", "ws://")
    hosts = Hosts(url, url, url, url, f"{ws}/ws/market", f"{ws}/ws/user")
    settings = PolymarketSettings(
        trader.funds or trader.wallet.address, SignatureType(trader.signature_type), fee_asset,
        hosts, limits or Limits(), retry_base_seconds=0.01, retry_cap_seconds=0.05,
    )  # fmt: skip
    connection = PolymarketConnection(
        settings, SigningKey.from_hex(trader.wallet.private_key), polymarket_credentials(trader),
        clock or MachineClock(), lambda: 0.5,
    )  # fmt: skip
    try:
        yield connection
    finally:
        await connection.close()


def polymarket_credentials(trader: sim_polymarket.Trader) -> ApiCredentials:
    secret = trader.key.verifier
    return ApiCredentials(trader.key.key_id, secret.text, secret.passphrase)


def us_settings(url: str, **more: Any) -> UsSettings:  # noqa: ANN401
    fast = Rate(1_000.0, 1_000.0)
    facts: dict[str, Any] = {
        "api_url": url,
        "gateway_url": url,
        "stream_url": url.replace("http://", "ws://"),
        "limits": RateLimits(read=fast, write=fast, public=fast),
        "settle_seconds": 0.02,
    }
    return UsSettings(**(facts | more))


@asynccontextmanager
async def polymarket_us(
    trader: sim_polymarket_us.Trader,
    *intents: SubmitOrder,
    clock: Clock | None = None,
    **settings: Any,  # noqa: ANN401
) -> AsyncIterator[PolymarketUsConnection]:
    """Our Polymarket US for a trader's key; `intents` are what the journal knows."""
    connection = PolymarketUsConnection(
        us_settings(trader.url, **settings),
        us_auth.Credentials(trader.credentials.key_id, trader.credentials.secret),
        FakeIntentLog(*intents),
        clock or MachineClock(),
        lambda: 0.5,
    )
    try:
        yield connection
    finally:
        await connection.close()
