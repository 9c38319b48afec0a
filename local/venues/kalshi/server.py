"""The simulated Kalshi as one server: REST, websocket, and the task that lets time pass."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any, Final, Protocol

from aiohttp import web

from kairos.domain.instruments import Outcome
from kairos.domain.units import CASH_PER_DOLLAR
from local.venues.core.accounts import ApiKey
from local.venues.core.clock import RunningClock, SimClock
from local.venues.core.faults import Faults
from local.venues.core.server import Peer, VenueServer, json_reply
from local.venues.kalshi.auth import ALL_SCOPES, Credentials, new_credentials, require_scope
from local.venues.kalshi.entry import OrderEntry
from local.venues.kalshi.errors import ApiError, plain_error
from local.venues.kalshi.exchange import Exchange
from local.venues.kalshi.lifecycle import Lifecycle, OutcomeOf
from local.venues.kalshi.market_data import MarketData
from local.venues.kalshi.orders_api import OrdersApi
from local.venues.kalshi.portfolio_api import PortfolioApi
from local.venues.kalshi.rate_limits import TIERS
from local.venues.kalshi.rest import PREFIX, READ, Gate
from local.venues.kalshi.stream import Stream

WS_PATH: Final = "/trade-api/ws/v2"
PING_BODY: Final = b"heartbeat"


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """`is_driven` off: nothing happens by itself, a test calls `step`."""

    tier: str = "basic"
    enforces_limits: bool = True
    ping_every_s: float = 10.0
    tick_s: float = 0.01
    tickers_every_s: float = 0.1
    markets_per_subscription_max: int = 500_000
    cancel_all_tail_s: float = 0.0
    is_driven: bool = True


class Feature(Protocol):
    """Something else that lives on the venue's clock: an index that prints, a session's script."""

    def advance(self, now_ns: int) -> None: ...


class KalshiServer:
    """Everything of one simulated Kalshi. `base_url` and `ws_url` are what a client is given."""

    def __init__(
        self,
        clock: SimClock | None = None,
        settings: ServerSettings | None = None,
        seed: int = 0,
        outcome_of: OutcomeOf = lambda _spec: (Outcome.NO, ""),
    ) -> None:
        self.clock = clock or RunningClock()
        self.settings = settings or ServerSettings()
        self.faults = Faults(seed)
        self.exchange = Exchange(self.clock)
        self.entry = OrderEntry(self.exchange, cancel_all_tail_s=self.settings.cancel_all_tail_s)
        self.lifecycle = Lifecycle(self.exchange, outcome_of)
        self.stream = Stream(self.exchange, self.faults, self.settings.markets_per_subscription_max)
        self.features: list[Feature] = []
        self.server = VenueServer("kalshi", self.faults, self.clock, plain_error, self._state)
        self._gate = Gate(self.exchange, self.entry, self.faults)
        self._gate.tier = TIERS[self.settings.tier]
        self._gate.enforces_limits = self.settings.enforces_limits
        self._tickers_ns = 0
        self._add_routes()

    # --- running ------------------------------------------------------------------------------

    @property
    def base_url(self) -> str:
        return self.server.url + PREFIX

    @property
    def ws_url(self) -> str:
        return self.server.ws_url + WS_PATH

    async def start(self, port: int = 0) -> str:
        """Listen, let time pass, and return the REST base URL."""
        await self.server.start(port)
        if self.settings.is_driven:
            self.server.run(self._drive())
        return self.base_url

    async def stop(self) -> None:
        await self.server.stop()

    def step(self) -> None:
        """Everything that is due now, once."""
        now_ns = self.clock.now_ns()
        self.lifecycle.advance(now_ns)
        self.exchange.advance()
        for feature in self.features:
            feature.advance(now_ns)
        self.stream.thaw()
        self.stream.end_failed()
        self.server.cut()
        if time.monotonic_ns() >= self._tickers_ns:
            self.stream.print_tickers()
            pause_ns = int(self.settings.tickers_every_s * 1e9) if self.settings.is_driven else 0
            self._tickers_ns = time.monotonic_ns() + pause_ns

    async def _drive(self) -> None:
        while True:
            self.step()
            await asyncio.sleep(self.settings.tick_s)

    # --- members ------------------------------------------------------------------------------

    def add_member(
        self,
        name: str,
        dollars: int,
        credentials: Credentials | None = None,
        scopes: frozenset[str] = ALL_SCOPES,
        expires_ns: int | None = None,
    ) -> Credentials:
        """Open an account with cash, or give an account that exists another key."""
        members = self.exchange.members
        if name not in members.accounts:
            members.open(name, dollars * CASH_PER_DOLLAR)
        chosen = credentials or new_credentials()
        key = ApiKey(chosen.key_id, name, scopes, chosen.public_key, expires_ns)
        members.add_key(key)
        return chosen

    # --- routes -------------------------------------------------------------------------------

    def _add_routes(self) -> None:
        router = self.server.app.router
        routes = [
            *MarketData(self.exchange, self.faults).routes(),
            *OrdersApi(self._gate).routes(),
            *PortfolioApi(self._gate).routes(),
        ]
        for route in routes:
            router.add_route(route.method, route.path, self._gate.serve(route))
        router.add_get(WS_PATH, self._websocket)
        router.add_post("/_sim/pause", self._pause)
        router.add_post("/_sim/deposit", self._deposit)

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        try:
            key = self._gate.identify(request)
            require_scope(key, *READ)
        except ApiError as error:
            return json_reply(error.body(), error.status)

        async def opened(peer: Peer) -> None:
            self.stream.open(peer, key.account)

        ping = (self.settings.ping_every_s, PING_BODY)
        return await self.server.serve_peer(
            request, opened, self.stream.hear, ping, self.stream.close
        )

    async def _pause(self, request: web.Request) -> web.Response:
        """`{"exchange_active": true, "trading_active": false}`"""
        wanted = await request.json()
        self.exchange.pause(
            exchange_active=bool(wanted["exchange_active"]),
            trading_active=bool(wanted["trading_active"]),
        )
        return json_reply({"paused": not wanted["trading_active"]})

    async def _deposit(self, request: web.Request) -> web.Response:
        """`{"account": "trader", "cents": 10000}`; negative takes it away."""
        wanted = await request.json()
        account = self.exchange.members.accounts[wanted["account"]]
        account.credit(int(wanted["cents"]) * CASH_PER_DOLLAR // 100)
        return json_reply({"available": account.available()})

    def _state(self) -> dict[str, Any]:
        markets = self.exchange.markets.values()
        return {
            "sessions": self.stream.sessions,
            "markets": {market.ticker: market.status.value for market in markets},
            "resting_member_orders": sum(
                len(self.exchange.open_records(name)) for name in self.exchange.members.accounts
            ),
            "orders": len(self.exchange.records),
            "fills": {name: len(fills) for name, fills in self.exchange.fills.items()},
        }
