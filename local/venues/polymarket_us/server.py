"""The simulated Polymarket US as one server: gateway, trading API, two websockets, and time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from aiohttp import web

from kairos.domain.units import CASH_PER_DOLLAR, NANOSECONDS_PER_SECOND
from local.venues.core.accounts import ApiKey
from local.venues.core.clock import RunningClock, SimClock
from local.venues.core.faults import Faults
from local.venues.core.server import Peer, VenueServer, json_reply
from local.venues.polymarket_us.api import RATE_PER_SECOND, Gate, GatewayApi, TradingApi
from local.venues.polymarket_us.auth import Credentials, new_credentials
from local.venues.polymarket_us.errors import ApiError, plain_error
from local.venues.polymarket_us.exchange import Exchange
from local.venues.polymarket_us.markets import State
from local.venues.polymarket_us.stream import Stream

MARKETS_PATH: Final = "/v1/ws/markets"
PRIVATE_PATH: Final = "/v1/ws/private"
CONNECTIONS_PER_KEY_MAX: Final = 5
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """`is_driven` off: nothing happens by itself, a test calls `step`. `visible_s` is how long a
    new order answers 404, `cancel_s` how long a cancel takes, `rate` requests a second of a key."""

    rate: float = RATE_PER_SECOND
    visible_s: float = 0.0
    cancel_s: float = 0.0
    heartbeat_s: float = 5.0
    page: int = 100
    tick_s: float = 0.01
    is_driven: bool = True


class Feature(Protocol):
    """Something else that lives on the venue's clock."""

    def advance(self, now_ns: int) -> None: ...


class PolymarketUsServer:
    """Everything of one simulated Polymarket US. `url` is the origin of gateway and API."""

    def __init__(
        self, clock: SimClock | None = None, settings: ServerSettings | None = None, seed: int = 0
    ) -> None:
        self.clock = clock or RunningClock()
        self.settings = chosen = settings or ServerSettings()
        self.faults = Faults(seed)
        self.exchange = Exchange(
            self.clock,
            visible_after_ns=int(chosen.visible_s * NANOSECONDS_PER_SECOND),
            cancel_after_ns=int(chosen.cancel_s * NANOSECONDS_PER_SECOND),
        )
        self.stream = Stream(self.exchange, self.faults, chosen.heartbeat_s)
        self.features: list[Feature] = []
        self.server = VenueServer(
            "polymarket-us", self.faults, self.clock, plain_error, self._state
        )
        self._gate = Gate(self.exchange, self.faults, chosen.rate)
        self._connections: dict[str, int] = {}
        self._add_routes()

    # --- running ------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def ws_url(self) -> str:
        """The origin of both websockets."""
        return self.server.ws_url

    async def start(self, port: int = 0) -> str:
        await self.server.start(port)
        if self.settings.is_driven:
            self.server.run(self._drive())
        return self.url

    async def stop(self) -> None:
        await self.server.stop()

    def step(self) -> None:
        """Everything that is due now, once."""
        for feature in self.features:
            feature.advance(self.clock.now_ns())
        self.exchange.advance()
        self.stream.beat()
        self.server.cut()

    async def _drive(self) -> None:
        while True:
            self.step()
            await asyncio.sleep(self.settings.tick_s)

    def add_member(
        self, name: str, dollars: int, credentials: Credentials | None = None,
        expires_ns: int | None = None,
    ) -> Credentials:  # fmt: skip
        """Open an account with cash, or give an account that exists another key."""
        members = self.exchange.members
        if name not in members.accounts:
            members.open(name, dollars * CASH_PER_DOLLAR)
        chosen = credentials or new_credentials()
        scopes = frozenset({"trade"})
        members.add_key(ApiKey(chosen.key_id, name, scopes, chosen.public_key, expires_ns))
        return chosen

    # --- routes -------------------------------------------------------------------------------

    def _add_routes(self) -> None:
        router = self.server.app.router
        for method, path, handler in TradingApi(self.exchange, self.settings.page).routes():
            router.add_route(method, path, self._gate.serve(handler, is_public=False))
        for method, path, handler in GatewayApi(self.exchange).routes():
            router.add_route(method, path, self._gate.serve(handler, is_public=True))
        router.add_get(MARKETS_PATH, self._markets_socket)
        router.add_get(PRIVATE_PATH, self._private_socket)
        controls: dict[str, Callable[[Json], Json]] = {
            "market": self._set_market,
            "deposit": self._deposit,
            "settle": self._settle,
        }
        for name, control in controls.items():
            router.add_post(f"/_sim/{name}", _controlled(control))

    async def _markets_socket(self, request: web.Request) -> web.StreamResponse:
        return await self._socket(request, is_private=False)

    async def _private_socket(self, request: web.Request) -> web.StreamResponse:
        return await self._socket(request, is_private=True)

    async def _socket(self, request: web.Request, *, is_private: bool) -> web.StreamResponse:
        try:
            key = self._gate.identify(request)
        except ApiError as error:
            return json_reply(error.body(), error.status)
        if self._connections.get(key.key_id, 0) >= CONNECTIONS_PER_KEY_MAX:
            return json_reply(plain_error(429, ""), 429)
        self._connections[key.key_id] = self._connections.get(key.key_id, 0) + 1

        async def opened(peer: Peer) -> None:
            self.stream.open(peer, key.account if is_private else "")

        def closed(peer: Peer) -> None:
            self._connections[key.key_id] -= 1
            self.stream.close(peer)

        return await self.server.serve_peer(request, opened, self.stream.hear, None, closed)

    # --- control ------------------------------------------------------------------------------

    def _set_market(self, wanted: Json) -> Json:
        """`{"slug": "…", "state": "MARKET_STATE_SUSPENDED"}`"""
        market = self.exchange.markets[wanted["slug"]]
        self.exchange.set_state(market, State(wanted["state"]))
        return {"state": market.state.value}

    def _deposit(self, wanted: Json) -> Json:
        """`{"account": "trader", "cents": 10000}`; negative takes it away."""
        account = self.exchange.members.accounts[wanted["account"]]
        account.credit(int(wanted["cents"]) * CASH_PER_DOLLAR // 100)
        return {"available": account.available()}

    def _settle(self, wanted: Json) -> Json:
        """`{"slug": "…", "price": 10000}` in 1/10 000 dollar."""
        self.exchange.settle(self.exchange.markets[wanted["slug"]], int(wanted["price"]))
        return {"settled": wanted["slug"]}

    def _state(self) -> Json:
        exchange = self.exchange
        names = exchange.members.accounts
        return {
            "sessions": self.stream.sessions,
            "markets": {each.slug: each.state.value for each in exchange.markets.values()},
            "resting_member_orders": sum(len(exchange.open_records(name)) for name in names),
            "orders": len(exchange.records),
        }


def _controlled(control: Callable[[Json], Json]) -> Callable[[web.Request], Any]:
    async def handle(request: web.Request) -> web.Response:
        try:
            return json_reply(control(await request.json()))
        except (KeyError, ValueError, TypeError) as error:
            return json_reply({"error": f"{type(error).__name__}: {error}"}, 400)

    return handle
