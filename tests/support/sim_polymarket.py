"""A plain client of the simulated Polymarket: logs in, signs, sends, listens."""

# ruff: noqa: ANN401 - bodies of the venue are JSON of any shape

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import aiohttp

from kairos.adapters.polymarket.config import Exchange as Contract
from kairos.adapters.polymarket.eip712 import (
    OrderFields,
    OrderSigner,
    Side,
    SignatureType,
    SigningKey,
)
from local.venues.core.accounts import ApiKey
from local.venues.core.clock import ManualClock
from local.venues.polymarket.keys import Wallet
from local.venues.polymarket.markets import MarketSpec, ids_of, position_ids_of
from local.venues.polymarket.server import PolymarketServer, ServerSettings

WAIT_S = 3.0
HOUR_NS = 3_600_000_000_000
T = TypeVar("T")


def run(work: Callable[[], Awaitable[T]], seconds: float = 20) -> T:
    """Run one bounded asynchronous test."""

    async def bounded() -> T:
        return await asyncio.wait_for(work(), seconds)

    return asyncio.run(bounded())


def spec(slug: str = "will-it-rain", **more: Any) -> MarketSpec:
    """A market that trades from an hour ago to an hour from now."""
    ids = position_ids_of(slug) if more.pop("is_position", False) else ids_of(slug)
    now_ns = time.time_ns()
    facts: dict[str, Any] = {
        "question": slug.replace("-", " "),
        "slug": slug,
        "open_ns": now_ns - HOUR_NS,
        "close_ns": now_ns + HOUR_NS,
    }
    return MarketSpec(*ids, **(facts | more))


RAIN = spec()


@dataclass
class Reply:
    status: int
    body: Any
    headers: dict[str, str]


@dataclass
class Trader:
    """One wallet with its API key. `sent` counts, so that no two orders share a salt."""

    url: str
    wallet: Wallet
    key: ApiKey
    http: aiohttp.ClientSession
    sent: int = 0
    signature_type: SignatureType = SignatureType.EOA
    funds: str = ""

    def headers(
        self, method: str, path: str, body: bytes, stamp: int | None = None
    ) -> dict[str, str]:
        text = str(int(time.time()) if stamp is None else stamp)
        secret = base64.urlsafe_b64decode(self.key.verifier.text)
        message = f"{text}{method}{path}".encode() + body
        digest = hmac.new(secret, message, hashlib.sha256).digest()
        return {
            "POLY_ADDRESS": self.wallet.address,
            "POLY_API_KEY": self.key.key_id,
            "POLY_PASSPHRASE": self.key.verifier.passphrase,
            "POLY_TIMESTAMP": text,
            "POLY_SIGNATURE": base64.urlsafe_b64encode(digest).decode(),
        }

    async def call(
        self, method: str, path: str, body: Any = None, *, stamp: int | None = None, **query: Any
    ) -> Reply:
        raw = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
        headers = self.headers(method, path, raw, stamp)
        async with self.http.request(
            method, self.url + path, data=raw or None, headers=headers, params=query or None
        ) as response:
            return await _read(response)

    def signed(self, side: str, price: str, size: str = "10", **more: Any) -> dict[str, Any]:
        """The body of an order: a limit order of RAIN's YES token unless told otherwise."""
        market: MarketSpec = more.pop("market", RAIN)
        token = more.pop("token", market.yes_token)
        self.sent += 1
        cents, shares = round(float(price) * 10_000), round(float(size) * 1_000_000)
        cash = more.pop("cash", cents * shares // 10_000)
        amounts = (cash, shares) if side == "BUY" else (shares, cash)
        salt = more.pop("salt", self.sent + int(time.time_ns() % 10**9) * 1_000)
        stamp_ms = more.pop("stamp_ms", time.time_ns() // 10**6)
        fields = OrderFields(salt, token, amounts[0], amounts[1], Side[side], stamp_ms)
        signer = OrderSigner(
            SigningKey.from_hex(self.wallet.private_key), self.signature_type,
            self.funds or self.wallet.address,
        )  # fmt: skip
        kind = Contract.POSITIONS if market.is_position else Contract.CTF
        contract = Contract.NEG_RISK if market.neg_risk else kind
        signature = more.pop("signature", signer.sign(fields, contract).signature)
        order = {
            "salt": fields.salt, "maker": signer.maker, "signer": signer.signer,
            "tokenId": token, "makerAmount": str(amounts[0]), "takerAmount": str(amounts[1]),
            "side": side, "expiration": str(more.pop("expiration", 0)),
            "signatureType": int(self.signature_type), "timestamp": str(fields.timestamp_ms),
            "metadata": signer.metadata_hex, "builder": signer.builder_hex,
            "signature": signature,
        }  # fmt: skip
        body = {"order": order, "owner": self.key.key_id, "orderType": more.pop("kind", "GTC")}
        return body | {"deferExec": False} | more

    async def place(self, side: str, price: str, size: str = "10", **more: Any) -> Reply:
        return await self.call("POST", "/order", self.signed(side, price, size, **more))

    async def placed(self, side: str, price: str, size: str = "10", **more: Any) -> str:
        reply = await self.place(side, price, size, **more)
        assert reply.status == 200, reply.body
        order_id: str = reply.body["orderID"]
        return order_id

    async def order(self, order_id: str) -> Any:
        return (await self.call("GET", f"/data/order/{order_id}")).body

    async def cash(self) -> int:
        """Micro-dollars."""
        kind = int(self.signature_type)
        query: dict[str, Any] = {"asset_type": "COLLATERAL", "signature_type": kind}
        return int((await self.call("GET", "/balance-allowance", **query)).body["balance"])

    async def shares(self, token: str = RAIN.yes_token) -> int:
        query: dict[str, Any] = {
            "asset_type": "CONDITIONAL",
            "token_id": token,
            "signature_type": 0,
        }
        return int((await self.call("GET", "/balance-allowance", **query)).body["balance"])


@dataclass
class Socket:
    """A websocket whose frames are read one by one; arrays are taken apart."""

    socket: aiohttp.ClientWebSocketResponse
    waiting: list[dict[str, Any]] = field(default_factory=list)

    async def send(self, frame: Any) -> None:
        await self.socket.send_str(frame if isinstance(frame, str) else json.dumps(frame))

    async def text(self) -> str:
        message = await asyncio.wait_for(self.socket.receive(), WAIT_S)
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise ConnectionError(f"the connection ended: {message.type}")
        return str(message.data)

    async def next(self, *kinds: str) -> dict[str, Any]:
        """The next frame of the given kinds."""
        while True:
            while not self.waiting:
                decoded = json.loads(await self.text())
                self.waiting = decoded if isinstance(decoded, list) else [decoded]
            frame = self.waiting.pop(0)
            if not kinds or frame["event_type"] in kinds:
                return frame

    async def silence(self, seconds: float = 0.15) -> bool:
        try:
            await asyncio.wait_for(self.socket.receive(), seconds)
        except TimeoutError:
            return True
        return False


class SlidingClock:
    """Runs as the machine's does, and ahead of it by what it was advanced."""

    speed = 1.0

    def __init__(self) -> None:
        self._ahead_ns = 0

    def now_ns(self) -> int:
        return time.time_ns() + self._ahead_ns

    def advance(self, seconds: float) -> None:
        self._ahead_ns += int(seconds * 1e9)


@dataclass
class Venue:
    """A server with one open market and two members, not moving unless `step` is called."""

    server: PolymarketServer
    clock: ManualClock | SlidingClock
    http: aiohttp.ClientSession
    alice: Trader
    bob: Trader

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.server.step()

    def give(self, trader: Trader, shares: int, token: str = RAIN.yes_token) -> None:
        market = self.server.exchange.by_token[token]
        account = self.server.exchange.members.accounts[trader.wallet.address.lower()]
        account.give(market.id, market.spec.outcome(token), shares * 1_000_000)

    @asynccontextmanager
    async def market(self, *tokens: str, extras: bool = False) -> AsyncIterator[Socket]:
        async with self.http.ws_connect(self.server.market_ws_url) as socket:
            opened = Socket(socket)
            first = {"type": "market", "assets_ids": list(tokens or (RAIN.yes_token,))}
            await opened.send(first | {"custom_feature_enabled": extras})
            yield opened

    @asynccontextmanager
    async def user(self, trader: Trader) -> AsyncIterator[Socket]:
        async with self.http.ws_connect(self.server.user_ws_url) as socket:
            opened = Socket(socket)
            secret = trader.key.verifier
            auth = {
                "apiKey": trader.key.key_id,
                "secret": secret.text,
                "passphrase": secret.passphrase,
            }
            await opened.send({"type": "user", "auth": auth})
            await opened.send("PING")
            assert await opened.text() == "PONG"
            yield opened

    async def get(self, path: str, **query: Any) -> Reply:
        async with self.http.get(self.server.url + path, params=query or None) as response:
            return await _read(response)

    async def control(self, name: str, **wanted: Any) -> Any:
        url = f"{self.server.url}/_sim/{name}"
        async with self.http.post(url, json=wanted) as response:
            assert response.status == 200, await response.text()
            return await response.json()


@asynccontextmanager
async def venue(
    *specs: MarketSpec, settings: ServerSettings | None = None, dollars: int = 1_000
) -> AsyncIterator[Venue]:
    """Start the venue on a free port and leave nothing behind."""
    clock = SlidingClock() if settings is not None and settings.is_driven else ManualClock()
    server = PolymarketServer(clock, settings or ServerSettings(is_driven=False))
    for each in specs or (RAIN,):
        server.exchange.add_market(each)
    members = [server.add_member(dollars) for _ in range(2)]
    await server.start()
    try:
        async with aiohttp.ClientSession() as http:
            traders = [Trader(server.url, wallet, key, http) for wallet, key in members]
            yield Venue(server, clock, http, *traders)
    finally:
        await server.stop()


async def _read(response: aiohttp.ClientResponse) -> Reply:
    text = await response.text()
    return Reply(response.status, json.loads(text) if text else None, dict(response.headers))
