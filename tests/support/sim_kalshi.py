"""A plain client of the simulated Kalshi: signs, sends, listens. It shares nothing with ours."""

# ruff: noqa: ANN401 - bodies of the venue are JSON of any shape

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

import aiohttp
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from local.venues.core.clock import ManualClock
from local.venues.kalshi.auth import Credentials, new_credentials
from local.venues.kalshi.markets import MarketSpec, SeriesSpec, Status
from local.venues.kalshi.server import KalshiServer, ServerSettings

WAIT_S = 3.0
TICKER = "KXBTC15M-26NOV181430-30"
OTHER = "KXBTC15M-26NOV181445-45"
HOUR_NS = 3_600_000_000_000

T = TypeVar("T")


def run(work: Callable[[], Awaitable[T]]) -> T:
    """Run one bounded asynchronous test."""

    async def bounded() -> T:
        return await asyncio.wait_for(work(), 20)

    return asyncio.run(bounded())


def sign(
    credentials: Credentials, method: str, path: str, stamp: int | None = None
) -> dict[str, str]:
    text = str(int(time.time() * 1000) if stamp is None else stamp)
    message = f"{text}{method}{path}".encode()
    key = serialization.load_pem_private_key(credentials.private_key_pem, None)
    if isinstance(key, rsa.RSAPrivateKey):
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256.digest_size)
        signature = key.sign(message, pss, hashes.SHA256())
    else:
        assert isinstance(key, ed25519.Ed25519PrivateKey)
        signature = key.sign(message)
    return {
        "KALSHI-ACCESS-KEY": credentials.key_id,
        "KALSHI-ACCESS-TIMESTAMP": text,
        "KALSHI-ACCESS-SIGNATURE": base64.b64encode(signature).decode(),
    }


@dataclass
class Reply:
    status: int
    body: Any
    headers: dict[str, str]


@dataclass
class Rest:
    """Signed requests; `seen` keeps every answer for whoever checks schemas."""

    base_url: str
    credentials: Credentials
    session: aiohttp.ClientSession
    seen: list[tuple[str, str, Reply]] = field(default_factory=list)

    async def call(self, method: str, path: str, body: Any = None, **query: Any) -> Reply:
        url = self.base_url + path
        headers = sign(self.credentials, method, urlsplit(url).path)
        async with self.session.request(
            method, url, json=body, params=query or None, headers=headers
        ) as response:
            text = await response.text()
            parsed = json.loads(text) if text else None
            reply = Reply(response.status, parsed, dict(response.headers))
        self.seen.append((method, path, reply))
        return reply

    async def place(self, side: str, price: str, count: str = "10.00", **more: Any) -> Reply:
        body = {
            "ticker": TICKER,
            "side": side,
            "price": price,
            "count": count,
            "time_in_force": "good_till_canceled",
            "self_trade_prevention_type": "taker_at_cross",
        }
        return await self.call("POST", "/portfolio/events/orders", {**body, **more})

    async def placed(self, side: str, price: str, count: str = "10.00", **more: Any) -> str:
        reply = await self.place(side, price, count, **more)
        assert reply.status == 201, reply.body
        order_id: str = reply.body["order_id"]
        return order_id

    async def order(self, order_id: str) -> Any:
        return (await self.call("GET", f"/portfolio/orders/{order_id}")).body["order"]


@dataclass
class Socket:
    """A websocket whose frames are read one by one."""

    socket: aiohttp.ClientWebSocketResponse
    _ids: int = 0

    async def send(self, cmd: str, **params: Any) -> int:
        self._ids += 1
        await self.socket.send_json({"id": self._ids, "cmd": cmd, "params": params})
        return self._ids

    async def next(self, *kinds: str) -> dict[str, Any]:
        """The next frame, or the next of the given types."""
        while True:
            message = await asyncio.wait_for(self.socket.receive(), WAIT_S)
            if message.type is not aiohttp.WSMsgType.TEXT:
                raise ConnectionError(f"the connection ended: {message.type}")
            frame: dict[str, Any] = json.loads(message.data)
            if not kinds or frame["type"] in kinds:
                return frame

    async def silence(self, seconds: float = 0.15) -> bool:
        """True when nothing comes for so long."""
        try:
            await asyncio.wait_for(self.socket.receive(), seconds)
        except TimeoutError:
            return True
        return False


def spec(ticker: str = TICKER, exchange_index: int = 2, **more: Any) -> MarketSpec:
    now_ns = time.time_ns()
    facts: dict[str, Any] = {
        "ticker": ticker,
        "event_ticker": ticker.rsplit("-", 1)[0],
        "series_ticker": "KXBTC15M",
        "market_id": f"00000000-0000-4000-a000-{abs(hash(ticker)) % 10**12:012d}",
        "title": "Bitcoin price up down",
        "open_ns": now_ns - HOUR_NS,
        "close_ns": now_ns + HOUR_NS,
        "exchange_index": exchange_index,
        "ranges": ((0, 1_000, 10), (1_000, 9_000, 100), (9_000, 10_000, 10)),
        "structure": "tapered_deci_cent",
    }
    return MarketSpec(**{**facts, **more})


@dataclass
class Venue:
    """A server with two open markets and two members, not moving unless `step` is called."""

    server: KalshiServer
    clock: ManualClock
    http: aiohttp.ClientSession
    alice: Rest
    bob: Rest

    def client(self, credentials: Credentials) -> Rest:
        return Rest(self.server.base_url, credentials, self.http)

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.server.step()

    @asynccontextmanager
    async def socket(self, rest: Rest | None = None) -> AsyncIterator[Socket]:
        headers = sign((rest or self.alice).credentials, "GET", "/trade-api/ws/v2")
        async with self.http.ws_connect(self.server.ws_url, headers=headers) as socket:
            yield Socket(socket)

    async def fault(self, **fault: Any) -> None:
        async with self.http.post(f"{self.server.server.url}/_sim/faults", json=fault) as reply:
            assert reply.status == 200, await reply.text()


@asynccontextmanager
async def venue(
    settings: ServerSettings | None = None, *, dollars: int = 1_000, kind: str = "ed25519"
) -> AsyncIterator[Venue]:
    """Start the venue on a free port and leave nothing behind."""
    clock = ManualClock()
    server = KalshiServer(clock, settings or ServerSettings(is_driven=False, tier="prestige"))
    server.exchange.add_series(
        SeriesSpec("KXBTC15M", "Bitcoin price up down", "Crypto", "fifteen_min", 2)
    )
    for ticker in (TICKER, OTHER):
        server.exchange.add_market(spec(ticker), Status.ACTIVE)
    await server.start()
    try:
        async with aiohttp.ClientSession() as http:
            rests = [
                Rest(server.base_url, server.add_member(name, dollars, new_credentials(kind)), http)
                for name in ("alice", "bob")
            ]
            yield Venue(server, clock, http, *rests)
    finally:
        await server.stop()
