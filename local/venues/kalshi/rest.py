"""How a REST request becomes an answer: signature, scope, tokens, handler, error body, pages."""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeVar

from aiohttp import web

from kairos.errors import Malformed, VenueRefused
from local.venues.core.accounts import ApiKey
from local.venues.core.faults import Faults
from local.venues.core.server import json_reply
from local.venues.kalshi.auth import KEY_HEADER, authenticate, require_scope
from local.venues.kalshi.entry import OrderEntry
from local.venues.kalshi.errors import ApiError, from_refusal
from local.venues.kalshi.exchange import Exchange
from local.venues.kalshi.rate_limits import DEFAULT_COST, TIERS, RateLimits, Tier

PREFIX: Final = "/trade-api/v2"
PAGE_DEFAULT: Final = 100
PAGE_MAX: Final = 1_000
READ: Final = ("read",)
TRADE: Final = ("write", "write::trade")
BALANCE: Final = ("read", "read::portfolio_balance")

Item = TypeVar("Item")


class Answer(NamedTuple):
    """A body (None for an empty reply) and its status."""

    body: Any
    status: int = 200


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `account` is empty for who did not sign a public request."""

    request: web.Request
    account: str
    body: bytes

    def text(self, name: str) -> str:
        return self.request.query.get(name, "")

    def path(self, name: str) -> str:
        return self.request.match_info[name]

    def flag(self, name: str) -> bool:
        return self.text(name).lower() == "true"

    def whole(self, name: str) -> int | None:
        """A whole number of the query, None when it was not sent. Raises ApiError."""
        text = self.text(name)
        if not text:
            return None
        if not text.lstrip("-").isdigit() or len(text) > 15:
            raise ApiError(400, "invalid_parameters", "invalid parameters", name)
        return int(text)

    def limit(self) -> int:
        limit = self.whole("limit")
        if limit is None or limit == 0:
            return PAGE_DEFAULT
        if not 1 <= limit <= PAGE_MAX:
            raise ApiError(400, "invalid_parameters", "invalid parameters", "limit")
        return limit


Handler = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """`scopes` empty: public. `cost` 0: the handler charges. `is_write` picks the bucket."""

    method: str
    path: str
    handler: Handler
    scopes: tuple[str, ...] = ()
    cost: int = DEFAULT_COST
    is_write: bool = False


class Gate:
    """Lets requests through to their handlers, or says why not."""

    def __init__(self, exchange: Exchange, entry: OrderEntry, faults: Faults) -> None:
        self.exchange = exchange
        self.entry = entry
        self.tier: Tier = TIERS["basic"]
        self.enforces_limits = True
        self._faults = faults
        self._limits: dict[str, RateLimits] = {}

    def limits(self, account: str) -> RateLimits:
        """The account's buckets; made when it is first heard of."""
        if account not in self._limits:
            self._limits[account] = RateLimits(self.tier, time.monotonic_ns(), self.enforces_limits)
        return self._limits[account]

    def identify(self, request: web.Request) -> ApiKey:
        """Raises ApiError (401)."""
        skew_ns = self._faults.skew_ns()
        clocks = (time.time_ns() + skew_ns, self.exchange.clock.now_ns() + skew_ns)
        return authenticate(
            self.exchange.members, request.headers, request.method, request.rel_url.raw_path, clocks
        )

    def serve(self, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """The aiohttp handler of a route."""

        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                answer = self._run(route, request, await request.read())
            except ApiError as error:
                return json_reply(error.body(), error.status)
            if answer.body is None:
                return web.Response(status=answer.status)
            return json_reply(answer.body, answer.status)

        return handle

    def _run(self, route: Route, request: web.Request, body: bytes) -> Answer:
        account = ""
        if route.scopes or KEY_HEADER in request.headers:
            key = self.identify(request)
            account = key.account
            if route.scopes:
                require_scope(key, *route.scopes)
            self._charge(route, account)
        try:
            return route.handler(Call(request, account, body))
        except VenueRefused as refusal:
            raise from_refusal(refusal) from refusal
        except Malformed as error:
            raise ApiError(400, "invalid_parameters", "invalid parameters", str(error)) from error

    def _charge(self, route: Route, account: str) -> None:
        if not route.cost:
            return
        limits, now_ns = self.limits(account), time.monotonic_ns()
        if route.is_write:
            limits.write(now_ns, route.cost)
        else:
            limits.read(now_ns, route.cost)


def page(
    items: Sequence[Item], keep: Callable[[Item], bool], limit: int, cursor: str
) -> tuple[list[Item], str]:
    """Newest first, from where the cursor points; an empty cursor says that there is no more.

    `items` only ever grows at its end, so a page never repeats or skips one.
    """
    index = len(items) - 1 if not cursor else _position(cursor)
    chosen: list[Item] = []
    while index >= 0 and len(chosen) < limit:
        if index < len(items) and keep(items[index]):
            chosen.append(items[index])
        index -= 1
    while index >= 0 and not keep(items[index]):
        index -= 1
    return chosen, _cursor(index) if index >= 0 else ""


def _cursor(index: int) -> str:
    return base64.urlsafe_b64encode(f"at:{index}".encode()).decode().rstrip("=")


def _position(cursor: str) -> int:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        name, _, index = text.partition(":")
        if name == "at":
            return int(index)
    except (binascii.Error, ValueError) as error:
        raise ApiError(400, "invalid_parameters", "invalid parameters", "cursor") from error
    raise ApiError(400, "invalid_parameters", "invalid parameters", "cursor")
