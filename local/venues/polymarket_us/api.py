"""The REST endpoints: the public gateway, and the trading API of signed requests."""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from local.venues.core.accounts import ApiKey
from local.venues.core.buckets import Bucket
from local.venues.core.faults import Faults
from local.venues.core.server import json_reply
from local.venues.polymarket_us import text
from local.venues.polymarket_us.auth import authenticate
from local.venues.polymarket_us.entry import OrderEntry, check_batch
from local.venues.polymarket_us.errors import INVALID, NOT_FOUND, ApiError, TooManyRequests
from local.venues.polymarket_us.exchange import Exchange, balance_body
from local.venues.polymarket_us.markets import Market
from local.venues.polymarket_us.records import OrderRecord, Report
from local.venues.polymarket_us.wire import (
    CancelAll,
    CancelMany,
    CancelOrder,
    ClosePosition,
    CreateMany,
    CreateOrder,
    ModifyMany,
    ModifyOrder,
    Preview,
    read_body,
)

RATE_PER_SECOND: Final = 20
_PUBLIC: Final = ""
_LIMIT_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class Call:
    """One request; `account` is empty on the public gateway."""

    request: web.Request
    account: str
    body: bytes

    def text(self, name: str) -> str:
        return self.request.query.get(name, "")

    def many(self, name: str) -> list[str]:
        return self.request.query.getall(name, [])

    def path(self, name: str) -> str:
        return self.request.match_info[name]

    def whole(self, name: str, default: int) -> int:
        digits = self.text(name)
        if digits and not (digits.isascii() and digits.isdigit() and len(digits) <= 9):
            raise ApiError(INVALID, f"invalid {name}")
        return int(digits) if digits else default


Handler = Callable[[Call], Any]


class Gate:
    """Lets requests through to their handlers, or says why not."""

    def __init__(self, exchange: Exchange, faults: Faults, rate: float = RATE_PER_SECOND) -> None:
        self.exchange = exchange
        self.rate = rate
        self._faults = faults
        self._buckets: dict[str, Bucket] = {}

    def identify(self, request: web.Request) -> ApiKey:
        """Raises ApiError (401)."""
        skew_ns = self._faults.skew_ns()
        clocks = (time.time_ns() + skew_ns, self.exchange.clock.now_ns() + skew_ns)
        return authenticate(
            self.exchange.members, request.headers, request.method, request.rel_url.raw_path, clocks
        )

    def serve(
        self, handler: Handler, *, is_public: bool
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                account = _PUBLIC if is_public else self._admitted(request)
                if is_public:
                    self._charge(_PUBLIC)
                return json_reply(handler(Call(request, account, await request.read())))
            except (ApiError, TooManyRequests) as error:
                return json_reply(error.body(), error.status)

        return handle

    def _admitted(self, request: web.Request) -> str:
        key = self.identify(request)
        self._charge(key.key_id)
        return key.account

    def _charge(self, who: str) -> None:
        now_ns = time.monotonic_ns()
        bucket = self._buckets.setdefault(who, Bucket.full(self.rate, self.rate, now_ns))
        if not bucket.take(1, now_ns):
            raise TooManyRequests


class GatewayApi:
    """Public: what is listed, and books as they are."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def routes(self) -> list[tuple[str, str, Handler]]:
        return [
            ("GET", "/v1/markets", self.markets),
            ("GET", "/v1/market/slug/{slug}", lambda c: {"market": self._of(c).listing()}),
            ("GET", "/v1/market/id/{number}", self.by_number),
            ("GET", "/v1/markets/{slug}/book", lambda c: {"marketData": self._of(c).data()}),
            ("GET", "/v1/markets/{slug}/bbo", self.bbo),
            ("GET", "/v1/markets/{slug}/settlement", self.settlement),
            ("GET", "/v1/events", self.events),
            ("GET", "/v1/events/slug/{slug}", lambda c: {"event": _event(self._of(c))}),
            ("GET", "/v1/series", lambda _call: {"series": []}),
            ("GET", "/v1/sports", lambda _call: {"sports": []}),
            ("GET", "/v1/search", self.events),
        ]

    def _of(self, call: Call) -> Market:
        market = self._exchange.markets.get(call.path("slug"))
        if market is None:
            raise ApiError(NOT_FOUND, "market not found")
        return market

    def _chosen(self, call: Call) -> list[Market]:
        closed, active, slugs = call.text("closed"), call.text("active"), call.many("slug")
        chosen = [
            market
            for market in self._exchange.markets.values()
            for row in (market.listing(),)
            if (not closed or row["closed"] is (closed == "true"))
            and (not active or row["active"] is (active == "true"))
            and (not slugs or market.slug in slugs)
        ]
        start = call.whole("offset", 0)
        return chosen[start : start + min(_LIMIT_MAX, call.whole("limit", 100))]

    def markets(self, call: Call) -> dict[str, Any]:
        return {"markets": [market.listing() for market in self._chosen(call)]}

    def events(self, call: Call) -> dict[str, Any]:
        return {"events": [_event(market) for market in self._chosen(call)]}

    def by_number(self, call: Call) -> dict[str, Any]:
        for market in self._exchange.markets.values():
            if str(market.number) == call.path("number"):
                return {"market": market.listing()}
        raise ApiError(NOT_FOUND, "market not found")

    def bbo(self, call: Call) -> dict[str, Any]:
        market = self._of(call)
        bids, offers = market.levels()
        data = market.lite() | {
            "bidDepth": len(bids),
            "askDepth": len(offers),
            "sharesTraded": text.size(market.traded),
            "openInterest": "0",
        }
        return {"marketData": data}

    def settlement(self, call: Call) -> dict[str, Any]:
        market = self._of(call)
        if market.settled is None:
            raise ApiError(NOT_FOUND, "settlement not found")
        return {"slug": market.slug, "settlement": market.settled / 10_000}


class TradingApi:
    """Signed: orders, positions, cash."""

    def __init__(self, exchange: Exchange, page: int = 100) -> None:
        self._exchange = exchange
        self._entry = OrderEntry(exchange)
        self._page = page

    def routes(self) -> list[tuple[str, str, Handler]]:
        return [
            ("POST", "/v1/orders", self.create),
            ("POST", "/v1/orders/batched", self.create_many),
            ("POST", "/v1/orders/batched/cancel", self.cancel_many),
            ("POST", "/v1/orders/batched/modify", self.modify_many),
            ("GET", "/v1/orders/open", self.open_orders),
            ("POST", "/v1/orders/open/cancel", self.cancel_all),
            ("POST", "/v1/order/preview", self.preview),
            ("POST", "/v1/order/close-position", self.close_position),
            ("GET", "/v1/order/{order_id}", self.order),
            ("POST", "/v1/order/{order_id}/cancel", self.cancel),
            ("POST", "/v1/order/{order_id}/modify", self.modify),
            ("GET", "/v1/portfolio/positions", self.positions),
            ("GET", "/v1/portfolio/activities", self.activities),
            ("GET", "/v1/account/balances", self.balances),
        ]

    # --- orders -------------------------------------------------------------------------------

    def create(self, call: Call) -> dict[str, Any]:
        request = read_body(call.body, CreateOrder)
        record, reports = self._entry.create(call.account, request)
        return _created(record, reports, tells=request.synchronous_execution)

    def create_many(self, call: Call) -> dict[str, Any]:
        """All have the shape of orders, or none is taken; the answer is ids alone."""
        orders = read_body(call.body, CreateMany).orders
        check_batch(len(orders))
        for each in orders:
            self._entry.record(call.account, each)
        ids = [self._entry.create(call.account, each)[0].id for each in orders]
        return {"createdOrderIds": ids}

    def cancel(self, call: Call) -> dict[str, Any]:
        read_body(call.body, CancelOrder)
        self._entry.cancel(call.account, call.path("order_id"))
        return {}

    def cancel_many(self, call: Call) -> dict[str, Any]:
        """The ids come back whatever became of them."""
        orders = read_body(call.body, CancelMany).orders
        check_batch(len(orders))
        for each in orders:
            with suppress(ApiError):
                self._entry.cancel(call.account, each.order_id)
        return {"canceledOrderIds": [each.order_id for each in orders]}

    def cancel_all(self, call: Call) -> dict[str, Any]:
        slugs = read_body(call.body, CancelAll).slugs
        mine = self._exchange.open_records(call.account)
        chosen = [r for r in mine if not slugs or r.market.slug in slugs]
        for record in chosen:
            self._exchange.cancel(record)
        return {"canceledOrderIds": [record.id for record in chosen]}

    def modify(self, call: Call) -> dict[str, Any]:
        request = read_body(call.body, ModifyOrder)
        self._entry.modify(call.account, call.path("order_id"), request)
        return {}

    def modify_many(self, call: Call) -> dict[str, Any]:
        orders = read_body(call.body, ModifyMany).orders
        check_batch(len(orders))
        for each in orders:
            with suppress(ApiError):
                self._entry.modify(call.account, each.order_id, each)
        return {"modifiedOrderIds": [each.order_id for each in orders]}

    def preview(self, call: Call) -> dict[str, Any]:
        return self._entry.preview(call.account, read_body(call.body, Preview).request)

    def close_position(self, call: Call) -> dict[str, Any]:
        request = read_body(call.body, ClosePosition)
        record, reports = self._entry.close(call.account, request)
        return _created(record, reports, tells=request.synchronous_execution)

    def open_orders(self, call: Call) -> dict[str, Any]:
        slugs, now_ns = call.many("slugs"), self._exchange.clock.now_ns()
        mine = self._exchange.open_records(call.account)
        return {
            "orders": [
                record.body()
                for record in mine
                if record.visible_ns <= now_ns and (not slugs or record.market.slug in slugs)
            ]
        }

    def order(self, call: Call) -> dict[str, Any]:
        record = self._exchange.seen(call.account, call.path("order_id"))
        if record is None:
            raise ApiError(NOT_FOUND, "order not found")
        return {"order": record.body()}

    # --- account ------------------------------------------------------------------------------

    def positions(self, call: Call) -> dict[str, Any]:
        held = self._exchange.positions.get(call.account, {})
        wanted = call.text("market")
        rows = {s: p.body() for s, p in held.items() if p.net and wanted in ("", s)}
        return {"positions": rows, "nextCursor": "", "eof": True}

    def activities(self, call: Call) -> dict[str, Any]:
        """Newest first."""
        kinds, slug = call.many("types"), call.text("marketSlug")
        rows = [
            each
            for each in reversed(self._exchange.activities.get(call.account, []))
            if slug in ("", each.report.record.market.slug)
            and (not kinds or "ACTIVITY_TYPE_TRADE" in kinds)
        ]
        if call.text("sortOrder") == "SORT_ORDER_ASCENDING":
            rows.reverse()
        start = _offset(call.text("cursor"))
        end = start + min(self._page, call.whole("limit", self._page) or self._page)
        is_last = end >= len(rows)
        cursor = "" if is_last else base64.b64encode(str(end).encode()).decode()
        found = [each.body() for each in rows[start:end]]
        return {"activities": found, "nextCursor": cursor, "eof": is_last}

    def balances(self, call: Call) -> dict[str, Any]:
        account = self._exchange.members.accounts[call.account]
        return {"balances": [balance_body(account, self._exchange.clock.now_ns())]}


def _created(record: OrderRecord, reports: list[Report], *, tells: bool) -> dict[str, Any]:
    body: dict[str, Any] = {"id": record.id}
    if tells:
        body["executions"] = [report.body() for report in reports]
    return body


def _offset(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        return int(base64.b64decode(cursor, validate=True))
    except (binascii.Error, ValueError) as error:
        raise ApiError(INVALID, "invalid cursor") from error


def _event(market: Market) -> dict[str, Any]:
    row = market.listing()
    return {
        "id": market.number,
        "slug": market.slug,
        "title": market.spec.title,
        "startTime": row["startDate"],
        "endTime": row["endDate"],
        "active": row["active"],
        "closed": row["closed"],
        "markets": [row],
    }
