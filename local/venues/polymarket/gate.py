"""How a request becomes an answer: who asks, whether they ask too often, handler, error body."""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from aiohttp import web

from kairos.errors import VenueRefused
from local.venues.core.accounts import ApiKey
from local.venues.core.buckets import Bucket
from local.venues.core.faults import Faults
from local.venues.core.server import json_reply
from local.venues.polymarket.errors import ApiError, from_refusal
from local.venues.polymarket.exchange import Exchange
from local.venues.polymarket.keys import Keys

Access = Literal["public", "login", "key"]


class Tier(NamedTuple):
    """Per-signer limits: tokens a second and bursts, of orders and of cancels."""

    name: str
    orders: float
    orders_burst: float
    cancels: float
    cancels_burst: float


TIERS: Final = {
    tier.name: tier
    for tier in (
        Tier("standard", 40, 60, 80, 120),
        Tier("copper", 60, 90, 120, 180),
        Tier("bronze", 80, 120, 160, 240),
        Tier("silver", 200, 300, 400, 600),
        Tier("gold", 400, 600, 800, 1_200),
        Tier("elite", 600, 900, 1_200, 1_800),
    )
}


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `key` is None where it was not signed; `headers` are added to the answer."""

    request: web.Request
    key: ApiKey | None
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str:
        return self.request.query.get(name, "")

    def path(self, name: str) -> str:
        return self.request.match_info[name]

    def whole(self, name: str, default: int, most: int) -> int:
        """A count of the query, bounded. Raises ApiError (400)."""
        digits = self.text(name)
        if not digits:
            return default
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 12):
            raise ApiError(400, f"invalid {name}")
        return min(int(digits), most)

    @property
    def owner(self) -> ApiKey:
        """Who signed. Raises ApiError (401)."""
        if self.key is None:
            raise ApiError(401, "Unauthorized/Invalid api key")
        return self.key


Handler = Callable[[Call], Any]


@dataclass(frozen=True, slots=True)
class Route:
    """`access` says how the request is signed; handlers return the body of the answer."""

    method: str
    path: str
    handler: Handler
    access: Access = "public"


class Gate:
    """Lets requests through to their handlers, or says why not."""

    def __init__(self, exchange: Exchange, keys: Keys, faults: Faults, tier: str) -> None:
        self.exchange = exchange
        self.keys = keys
        self.tier = TIERS[tier]
        self.enforces_limits = True
        self._faults = faults
        self._orders: dict[str, Bucket] = {}
        self._cancels: dict[str, Bucket] = {}

    def clocks_ns(self) -> tuple[int, ...]:
        """A venue on a fast clock still takes the time of its client's machine."""
        skew_ns = self._faults.skew_ns()
        return time.time_ns() + skew_ns, self.exchange.clock.now_ns() + skew_ns

    def serve(self, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """The aiohttp handler of a route."""

        async def handle(request: web.Request) -> web.StreamResponse:
            call = Call(request, None, await request.read())
            try:
                if route.access == "key":
                    call = Call(request, self._identify(call), call.body, call.headers)
                return json_reply(route.handler(call), 200, call.headers)
            except VenueRefused as refusal:
                error = from_refusal(refusal)
                return json_reply(error.body(), error.status, call.headers)
            except ApiError as error:
                return json_reply(error.body(), error.status, {**call.headers, **error.headers})

        return handle

    def _identify(self, call: Call) -> ApiKey:
        request = call.request
        return self.keys.authenticate(
            request.headers, request.method, request.rel_url.raw_path, call.body, self.clocks_ns()
        )

    def charge(self, call: Call, cost: int, *, cancels: bool = False) -> None:
        """Take tokens of the signer's bucket and say what is left. Raises ApiError (429)."""
        tier, now_ns = self.tier, time.monotonic_ns()
        rate, burst = (
            (tier.cancels, tier.cancels_burst) if cancels else (tier.orders, tier.orders_burst)
        )
        buckets = self._cancels if cancels else self._orders
        owner = call.owner.account
        bucket = buckets.setdefault(owner, Bucket.full(rate, burst, now_ns))
        is_there = bucket.take(cost, now_ns)
        wait_s = math.ceil(bucket.wait_s(cost))
        call.headers.update({
            "Poly-RateLimit-Remaining": f"{bucket.tokens:.0f}",
            "Poly-RateLimit-Reset": str(int(time.time()) + wait_s),
            "Poly-RateLimit-Tier": tier.name,
        })  # fmt: skip
        if is_there:
            return
        if not self.enforces_limits:
            call.headers["Poly-RateLimit-Warning"] = "true"
            return
        error = ApiError(429, "Too Many Requests")
        error.headers["Retry-After"] = str(max(1, wait_s))
        raise error
