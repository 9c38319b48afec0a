"""The simulated Polymarket as one server: all of its hosts on one origin, and passing time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from aiohttp import web

from kairos.domain.instruments import Outcome
from kairos.domain.units import CASH_PER_DOLLAR, NANOSECONDS_PER_SECOND
from kairos.errors import Malformed
from local.venues.core.accounts import ApiKey
from local.venues.core.clock import RunningClock, SimClock
from local.venues.core.faults import Faults
from local.venues.core.server import Peer, VenueServer, json_reply
from local.venues.polymarket.account_api import PAGE, AccountApi
from local.venues.polymarket.catalogue_api import CatalogueApi
from local.venues.polymarket.entry import OrderEntry
from local.venues.polymarket.errors import ApiError, plain_error
from local.venues.polymarket.exchange import Exchange
from local.venues.polymarket.gate import Gate
from local.venues.polymarket.heartbeats import Heartbeats
from local.venues.polymarket.keys import Keys, Wallet, new_wallet
from local.venues.polymarket.market_api import MarketApi
from local.venues.polymarket.markets import Market
from local.venues.polymarket.settlement import FeeAsset, Settlement
from local.venues.polymarket.stream import Stream

MARKET_PATH: Final = "/ws/market"
USER_PATH: Final = "/ws/user"
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """`is_driven` off: nothing happens by itself, a test calls `step`. `settle_s` is the time
    between two states of a trade, `heartbeat_s` how long a key may be silent."""

    tier: str = "standard"
    enforces_limits: bool = True
    fee_asset: FeeAsset = FeeAsset.COLLATERAL
    settle_s: float = 2.0
    heartbeat_s: float = 10.0
    changes_ticks: bool = True
    page: int = PAGE
    tick_s: float = 0.01
    is_driven: bool = True


class Feature(Protocol):
    """Something else that lives on the venue's clock."""

    def advance(self, now_ns: int) -> None: ...


class PolymarketServer:
    """Everything of one simulated Polymarket. `url` is the origin of every host of it."""

    def __init__(
        self, clock: SimClock | None = None, settings: ServerSettings | None = None, seed: int = 0
    ) -> None:
        self.clock = clock or RunningClock()
        self.settings = chosen = settings or ServerSettings()
        self.faults = Faults(seed)
        settlement = Settlement(int(chosen.settle_s * NANOSECONDS_PER_SECOND), chosen.fee_asset)
        heartbeats = Heartbeats(int(chosen.heartbeat_s * NANOSECONDS_PER_SECOND))
        self.exchange = Exchange(self.clock, settlement, heartbeats)
        self.exchange.changes_ticks = chosen.changes_ticks
        self.keys = Keys(self.exchange.members, seed)
        self.stream = Stream(self.exchange, self.keys, self.faults)
        self.features: list[Feature] = []
        self.server = VenueServer("polymarket", self.faults, self.clock, plain_error, self._state)
        self._gate = Gate(self.exchange, self.keys, self.faults, chosen.tier)
        self._gate.enforces_limits = chosen.enforces_limits
        self._add_routes()

    # --- running ------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def market_ws_url(self) -> str:
        return self.server.ws_url + MARKET_PATH

    @property
    def user_ws_url(self) -> str:
        return self.server.ws_url + USER_PATH

    async def start(self, port: int = 0) -> str:
        """Listen, let time pass, and return the origin."""
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
        self.server.cut()

    async def _drive(self) -> None:
        while True:
            self.step()
            await asyncio.sleep(self.settings.tick_s)

    # --- members ------------------------------------------------------------------------------

    def add_member(
        self,
        dollars: int,
        wallet: Wallet | None = None,
        signature_type: int = 0,
        address: str | None = None,
    ) -> tuple[Wallet, ApiKey]:
        """Fund a wallet and give its owner an API key; an owner may have several wallets."""
        owner = wallet or new_wallet()
        self.keys.add_wallet(owner.address, dollars, signature_type, address)
        try:
            key = self.keys.create(owner.address.lower(), 0)
        except ApiError:
            key = self.keys.derive(owner.address.lower(), 0)
        return owner, key

    # --- routes -------------------------------------------------------------------------------

    def _add_routes(self) -> None:
        router = self.server.app.router
        routes = [
            *CatalogueApi(self.exchange).routes(),
            *MarketApi(self.exchange, self.faults).routes(),
            *AccountApi(
                self._gate, OrderEntry(self.exchange, self.keys), self.settings.page
            ).routes(),
        ]  # fmt: skip
        for route in routes:
            router.add_route(route.method, route.path, self._gate.serve(route))
        router.add_get(MARKET_PATH, self._market_socket)
        router.add_get(USER_PATH, self._user_socket)
        controls: dict[str, Callable[[Json], Json]] = {
            "restart": self._restart,
            "mode": self._mode,
            "settlement": self._settlement,
            "deposit": self._deposit,
            "tick": self._tick,
            "resolve": self._resolve,
        }
        for name, control in controls.items():
            router.add_post(f"/_sim/{name}", _controlled(control))

    async def _market_socket(self, request: web.Request) -> web.StreamResponse:
        return await self._socket(request, is_user=False)

    async def _user_socket(self, request: web.Request) -> web.StreamResponse:
        return await self._socket(request, is_user=True)

    async def _socket(self, request: web.Request, *, is_user: bool) -> web.StreamResponse:
        async def opened(peer: Peer) -> None:
            self.stream.open(peer, is_user=is_user)

        return await self.server.serve_peer(
            request, opened, self.stream.hear, None, self.stream.close
        )

    # --- control ------------------------------------------------------------------------------

    def _restart(self, wanted: Json) -> Json:
        """`{"seconds": 2, "post_only_seconds": 120}`"""
        self.exchange.restart(float(wanted["seconds"]), float(wanted["post_only_seconds"]))
        return {"until_ns": self.exchange.mode.restarting_until_ns}

    def _mode(self, wanted: Json) -> Json:
        """Any of `{"cancel_only": true, "blocked": true, "country": "US", "closed_only": "0x…"}`"""
        mode = self.exchange.mode
        mode.is_cancel_only = bool(wanted.get("cancel_only", mode.is_cancel_only))
        mode.is_blocked = bool(wanted.get("blocked", mode.is_blocked))
        mode.country = str(wanted.get("country", mode.country))
        if "closed_only" in wanted:
            self.keys.closed_only.add(str(wanted["closed_only"]).lower())
        return {"blocked": mode.is_blocked, "cancel_only": mode.is_cancel_only}

    def _settlement(self, wanted: Json) -> Json:
        """`{"ends": "fail"|"retry"|"confirm", "count": 1}`: how the next trades of members end."""
        ends = wanted["ends"]
        if ends not in ("confirm", "retry", "fail"):
            raise Malformed("bad_request", "ends", f"{ends!r} is no end of a trade")
        count = int(wanted["count"])
        self.exchange.settlement.next_ends.extend([ends] * count)
        return {"planned": len(self.exchange.settlement.next_ends)}

    def _deposit(self, wanted: Json) -> Json:
        """`{"wallet": "0x…", "cents": 10000}` or `{"wallet": …, "token": …, "shares": 5}`."""
        account = self.exchange.members.accounts[str(wanted["wallet"]).lower()]
        if "token" in wanted:
            market = self.exchange.by_token[wanted["token"]]
            outcome = market.spec.outcome(wanted["token"])
            account.give(market.id, outcome, int(wanted["shares"]) * 1_000_000)
        else:
            account.credit(int(wanted["cents"]) * CASH_PER_DOLLAR // 100)
        return {"available": account.available()}

    def _tick(self, wanted: Json) -> Json:
        """`{"market": "0x…", "tick": 10}` in 1/10 000 dollar."""
        market = self._asked(wanted)
        self.exchange.set_tick(market, int(wanted["tick"]))
        return {"tick": market.tick}

    def _resolve(self, wanted: Json) -> Json:
        """`{"market": "0x…"}` closes, with `"outcome": "YES"` pays out."""
        market = self._asked(wanted)
        if "outcome" in wanted:
            self.exchange.resolve(market, Outcome(wanted["outcome"]))
        else:
            self.exchange.close(market)
        return {"status": market.status.value}

    def _asked(self, wanted: Json) -> Market:
        return self.exchange.markets[str(wanted["market"])]

    def _state(self) -> Json:
        exchange = self.exchange
        return {
            "sessions": self.stream.sessions,
            "markets": {each.id: each.status.value for each in exchange.markets.values()},
            "resting_member_orders": len(exchange.open_records()),
            "orders": len(exchange.records),
            "trades": {t.id: t.status for t in exchange.settlement.trades.values()},
            "heartbeats": exchange.heartbeats.state(),
        }


def _controlled(control: Callable[[Json], Json]) -> Callable[[web.Request], Any]:
    async def handle(request: web.Request) -> web.Response:
        try:
            return json_reply(control(await request.json()))
        except (KeyError, ValueError, TypeError, Malformed) as error:
            return json_reply({"error": f"{type(error).__name__}: {error}"}, 400)

    return handle
