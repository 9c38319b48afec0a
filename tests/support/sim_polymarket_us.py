"""A plain client of the simulated Polymarket US: signs, sends, listens; none of it is ours."""

# ruff: noqa: ANN401 - bodies of the venue are JSON of any shape

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from cryptography.hazmat.primitives.asymmetric import ed25519

from local.venues.core.clock import ManualClock
from local.venues.polymarket_us.auth import Credentials
from local.venues.polymarket_us.markets import MarketSpec
from local.venues.polymarket_us.server import PolymarketUsServer, ServerSettings
from tests.support.sim_polymarket import SlidingClock

WAIT_S = 3.0
HOUR_NS = 3_600_000_000_000
SLUG = "aec-nfl-det-buf-2026-11-22"
OTHER = "aec-nfl-chi-gb-2026-11-22"
STEADY = ServerSettings(is_driven=False, rate=10_000)


def usd(value: str) -> dict[str, str]:
    return {"value": value, "currency": "USD"}


def sign(
    credentials: Credentials, method: str, path: str, stamp: int | None = None
) -> dict[str, str]:
    text = str(int(time.time() * 1000) if stamp is None else stamp)
    key = ed25519.Ed25519PrivateKey.from_private_bytes(base64.b64decode(credentials.secret))
    signature = key.sign(f"{text}{method}{path}".encode())
    return {
        "X-PM-Access-Key": credentials.key_id,
        "X-PM-Timestamp": text,
        "X-PM-Signature": base64.b64encode(signature).decode(),
    }


@dataclass
class Reply:
    status: int
    body: Any


@dataclass
class Trader:
    """One account. Prices are LONG prices, as everywhere at this venue."""

    url: str
    credentials: Credentials
    http: aiohttp.ClientSession

    async def call(
        self, method: str, path: str, body: Any = None, *, stamp: int | None = None, **query: Any
    ) -> Reply:
        headers = sign(self.credentials, method, path, stamp)
        async with self.http.request(
            method, self.url + path, json=body, params=query or None, headers=headers
        ) as response:
            text = await response.text()
            return Reply(response.status, json.loads(text) if text else None)

    def body(self, intent: str, price: str, quantity: float = 10, **more: Any) -> dict[str, Any]:
        return {
            "marketSlug": SLUG,
            "intent": f"ORDER_INTENT_{intent}",
            "type": "ORDER_TYPE_LIMIT",
            "price": usd(price),
            "quantity": quantity,
            "tif": "TIME_IN_FORCE_GOOD_TILL_CANCEL",
        } | more

    async def place(self, intent: str, price: str, quantity: float = 10, **more: Any) -> Reply:
        return await self.call("POST", "/v1/orders", self.body(intent, price, quantity, **more))

    async def placed(self, intent: str, price: str, quantity: float = 10, **more: Any) -> str:
        reply = await self.place(intent, price, quantity, **more)
        assert reply.status == 200, reply.body
        order_id: str = reply.body["id"]
        return order_id

    async def take(self, intent: str, price: str, quantity: float = 10) -> list[dict[str, Any]]:
        """The reports of an order that takes what is there."""
        more = {"tif": "TIME_IN_FORCE_IMMEDIATE_OR_CANCEL", "synchronousExecution": True}
        reply = await self.place(intent, price, quantity, **more)
        assert reply.status == 200, reply.body
        reports: list[dict[str, Any]] = reply.body["executions"]
        return reports

    async def order(self, order_id: str) -> Any:
        return (await self.call("GET", f"/v1/order/{order_id}")).body["order"]

    async def power(self) -> float:
        reply = await self.call("GET", "/v1/account/balances")
        return float(reply.body["balances"][0]["buyingPower"])


@dataclass
class Socket:
    """A websocket whose frames are read one by one."""

    socket: aiohttp.ClientWebSocketResponse

    async def subscribe(self, request_id: str, kind: str, *slugs: str) -> None:
        asked: dict[str, Any] = {
            "requestId": request_id,
            "subscriptionType": f"SUBSCRIPTION_TYPE_{kind}",
        }
        if slugs:
            asked["marketSlugs"] = list(slugs)
        await self.socket.send_json({"subscribe": asked})

    async def next(self, name: str) -> Any:
        """The next frame that holds `name`: what it holds under it."""
        while True:
            message = await asyncio.wait_for(self.socket.receive(), WAIT_S)
            if message.type is not aiohttp.WSMsgType.TEXT:
                raise ConnectionError(f"the connection ended: {message.type}")
            frame = json.loads(message.data)
            if name in frame:
                return frame[name]


@dataclass
class Venue:
    """A server with two open markets and two members, not moving unless `step` is called."""

    server: PolymarketUsServer
    clock: ManualClock | SlidingClock
    http: aiohttp.ClientSession
    alice: Trader
    bob: Trader

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.server.step()

    @asynccontextmanager
    async def socket(self, kind: str, trader: Trader | None = None) -> AsyncIterator[Socket]:
        path = f"/v1/ws/{kind}"
        headers = sign((trader or self.alice).credentials, "GET", path)
        async with self.http.ws_connect(self.server.ws_url + path, headers=headers) as socket:
            yield Socket(socket)

    async def get(self, path: str, **query: Any) -> Reply:
        async with self.http.get(self.server.url + path, params=query or None) as response:
            return Reply(response.status, await response.json())

    async def control(self, name: str, **wanted: Any) -> Any:
        async with self.http.post(f"{self.server.url}/_sim/{name}", json=wanted) as response:
            assert response.status == 200, await response.text()
            return await response.json()


def spec(slug: str = SLUG, **more: Any) -> MarketSpec:
    now_ns = time.time_ns()
    return MarketSpec(slug, "Lions at Bills", now_ns - HOUR_NS, now_ns + HOUR_NS, **more)


@asynccontextmanager
async def venue(settings: ServerSettings = STEADY, *, dollars: int = 1_000) -> AsyncIterator[Venue]:
    """Start the venue on a free port and leave nothing behind."""
    clock = SlidingClock() if settings.is_driven else ManualClock()
    server = PolymarketUsServer(clock, settings)
    for slug in (SLUG, OTHER):
        server.exchange.add_market(spec(slug))
    members = [server.add_member(name, dollars) for name in ("alice", "bob")]
    await server.start()
    try:
        async with aiohttp.ClientSession() as http:
            traders = [Trader(server.url, credentials, http) for credentials in members]
            yield Venue(server, clock, http, *traders)
    finally:
        await server.stop()
