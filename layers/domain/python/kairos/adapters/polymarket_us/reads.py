"""Reads of the account, page by page; each says what it cannot be sure of instead of guessing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar
from urllib.parse import quote

import msgspec

from kairos.adapters.http.client import RestClient
from kairos.adapters.polymarket_us import amounts
from kairos.adapters.polymarket_us.account import balance_of, held, net_position, unique_trades
from kairos.adapters.polymarket_us.config import Settings
from kairos.adapters.polymarket_us.errors import readable, refuse, unknown
from kairos.adapters.polymarket_us.schemas import (
    Activities,
    Balances,
    OneOrder,
    OpenOrders,
    Order,
    OwnTrade,
    Positions,
)
from kairos.domain.refusals import Refusal
from kairos.errors import Malformed, VenueRefused
from kairos.messages.trading import VenueBalance, VenuePosition
from kairos.ports import Clock

_Page = TypeVar("_Page", Activities, Positions)

PAGE_SIZE: Final = 100
PAGES_MAX: Final = 200
_ID_MAX: Final = 128

_decode_orders = msgspec.json.Decoder(OpenOrders).decode
_decode_order = msgspec.json.Decoder(OneOrder).decode
_decode_activities = msgspec.json.Decoder(Activities).decode
_decode_positions = msgspec.json.Decoder(Positions).decode
_decode_balances = msgspec.json.Decoder(Balances).decode


class AccountReads:
    """What the account's GETs say, in the venue's own terms where they are to be matched."""

    def __init__(self, rest: RestClient, clock: Clock, settings: Settings) -> None:
        self._rest = rest
        self._clock = clock
        self._settings = settings

    async def open_orders(self, market: str | None = None) -> list[Order]:
        query = [] if market is None else [("slugs", market)]
        body = await self._rest.read("/v1/orders/open", query, "open_orders")
        return readable(_decode_orders, body, "open orders").orders

    async def order(self, venue_order_id: str) -> Order | None:
        """None when the venue still does not know it after it had time to."""
        for attempt in range(self._settings.settle_attempts):
            if attempt:
                await self._clock.sleep(self._settings.settle_seconds)
            found = await self.order_now(venue_order_id)
            if found is not None:
                return found
        return None

    async def order_now(self, venue_order_id: str) -> Order | None:
        """One look. None is no proof: a new order is not found for a moment."""
        try:
            body = await self._rest.read(order_path(venue_order_id), (), "order")
        except VenueRefused as refused:
            if refused.reason == Refusal.NOT_FOUND:
                return None
            raise
        order = readable(_decode_order, body, "order").order
        if order.id != venue_order_id:
            raise unknown("unreadable_reply", f"asked for {venue_order_id}, got another order")
        return order

    async def trades(self, since_ns: int, market: str | None = None) -> list[OwnTrade]:
        """Our trades from `since_ns` on, newest first. Raises OutcomeUnknown where one of them
        cannot be read: then nobody knows what else is missing."""
        query = [
            ("limit", str(PAGE_SIZE)),
            ("types", "ACTIVITY_TYPE_TRADE"),
            ("sortOrder", "SORT_ORDER_DESCENDING"),
        ]
        if market is not None:
            query.append(("marketSlug", market))
        found: list[OwnTrade] = []
        cursor: str | None = None
        for _ in range(PAGES_MAX):
            body = await self._rest.read(
                "/v1/portfolio/activities", _at(query, cursor), "activities"
            )
            page = readable(_decode_activities, body, "activities")
            trades = _trades(page)
            found += [each for each in trades if _made_ns(each) >= since_ns]
            cursor = _next(page, cursor)
            if cursor is None or (trades and _made_ns(trades[-1]) < since_ns):
                return unique_trades(found)
        raise unknown("too_many_pages", f"more than {PAGES_MAX} pages of activities", _NARROWER)

    async def positions(self) -> list[VenuePosition]:
        found: dict[str, VenuePosition] = {}
        cursor: str | None = None
        for _ in range(PAGES_MAX):
            query = _at([("limit", str(PAGE_SIZE))], cursor)
            body = await self._rest.read("/v1/portfolio/positions", query, "positions")
            page, parsed = readable(_positions, body, "positions")
            found |= {each.market: each for each in parsed}
            cursor = _next(page, cursor)
            if cursor is None:
                return list(found.values())
        raise unknown("too_many_pages", f"more than {PAGES_MAX} pages of positions", _NARROWER)

    async def balance(self) -> VenueBalance:
        body = await self._rest.read("/v1/account/balances", (), "balances")
        return readable(lambda raw: balance_of(_decode_balances(raw).balances), body, "balances")


_NARROWER: Final = "Ask for a shorter time"


def order_path(venue_order_id: str, action: str = "") -> str:
    """Raises VenueRefused for what cannot be an id, rather than ask for another path."""
    if not venue_order_id or len(venue_order_id) > _ID_MAX or venue_order_id in (".", ".."):
        raise refuse(Refusal.INVALID_REQUEST, "that is no order id of the venue")
    return f"/v1/order/{quote(venue_order_id, safe='')}" + (f"/{action}" if action else "")


def _trades(page: Activities) -> list[OwnTrade]:
    """Everything else an account does is not asked for, and ignored if it is sent all the same."""
    trades = []
    for each in page.activities:
        if each.type != "ACTIVITY_TYPE_TRADE":
            continue
        if each.trade is None:
            raise unknown("unreadable_reply", "activities: a trade without the trade")
        trades.append(each.trade)
    return trades


def _made_ns(trade: OwnTrade) -> int:
    try:
        return amounts.nanoseconds(trade.create_time, "createTime")
    except Malformed as error:
        raise unknown("unreadable_reply", f"activities: {error}") from error


def _positions(raw: bytes) -> tuple[Positions, list[VenuePosition]]:
    page = _decode_positions(raw)
    parsed = (held(market, net_position(each)) for market, each in page.positions.items())
    return page, [each for each in parsed if each is not None]


def _next(page: _Page, cursor: str | None) -> str | None:
    """The next page's cursor, None at the end. Raises OutcomeUnknown where the end is not clear."""
    following = page.next_cursor or None
    if page.eof or (page.eof is None and following is None):
        return None
    if following is None or following == cursor:
        raise unknown("unreadable_reply", "pages go on, but not to where")
    return following


def _at(query: Sequence[tuple[str, str]], cursor: str | None) -> list[tuple[str, str]]:
    return [*query] if cursor is None else [*query, ("cursor", cursor)]
