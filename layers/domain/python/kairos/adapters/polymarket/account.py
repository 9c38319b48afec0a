"""What the venue knows of our account: orders, trades, positions, cash, and the dead-man switch."""

from __future__ import annotations

import re
from typing import Final, TypeVar

import msgspec

from kairos.adapters.http.client import RestClient
from kairos.adapters.polymarket.config import FIRST_CURSOR, LAST_CURSOR
from kairos.adapters.polymarket.eip712 import SignatureType
from kairos.adapters.polymarket.errors import refused, unknown
from kairos.adapters.polymarket.rest_schemas import (
    BalanceAllowance,
    ClosedOnly,
    DataPosition,
    Heartbeat,
    OrdersPage,
    PositionsPage,
    T,
    TradesPage,
    WireOrder,
    WireTrade,
    decoded,
)
from kairos.domain.instruments import Outcome, Venue
from kairos.domain.refusals import Refusal
from kairos.domain.units import NANOSECONDS_PER_SECOND, QUANTITY_PER_CONTRACT
from kairos.errors import Malformed, VenueRefused
from kairos.messages.trading import VenueBalance, VenuePosition

PAGES_MAX: Final = 500
_POSITIONS_PAGE: Final = "500"
_BAD_HEARTBEAT: Final = "invalid heartbeat id"
_ORDER_ID = re.compile(r"0x[0-9a-fA-F]{1,128}", re.ASCII)
_NOTHING: Final = (b"", b"null")
_OUTCOMES: Final = {0: Outcome.YES, 1: Outcome.NO}
_Page = TypeVar("_Page", OrdersPage, TradesPage)


class Account:
    """Account calls of the CLOB and the data API.

    Raises what `RestClient` raises; an answer that cannot be read is OutcomeUnknown.
    """

    def __init__(
        self, clob: RestClient, data: RestClient, wallet: str, signature_type: SignatureType
    ) -> None:
        self._clob = clob
        self._data = data
        self._wallet = wallet
        self._signature_type = signature_type
        self._heartbeat_id = ""

    async def order(self, order_id: str) -> WireOrder | None:
        """None when the venue proved that it knows no such order."""
        path = f"/data/order/{checked_order_id(order_id)}"
        try:
            body = await self._clob.read(path, endpoint="/data/order")
        except VenueRefused as problem:
            if problem.reason == Refusal.NOT_FOUND:
                return None
            raise
        return None if body.strip() in _NOTHING else readable(body, WireOrder)

    async def open_orders(self, market: str | None = None) -> list[WireOrder]:
        query = [] if market is None else [("market", market)]
        pages = await self._pages("/data/orders", query, OrdersPage)
        return [order for page in pages for order in page.data]

    async def trades(self, since_ns: int, market: str | None = None) -> list[WireTrade]:
        """Our trades matched since then, to the whole second before it."""
        query = [("after", str(max(0, since_ns) // NANOSECONDS_PER_SECOND))]
        if market is not None:
            query.append(("market", market))
        pages = await self._pages("/data/trades", query, TradesPage)
        return [trade for page in pages for trade in page.data]

    async def _pages(
        self, path: str, query: list[tuple[str, str]], kind: type[_Page]
    ) -> list[_Page]:
        """Every page, or an error: a part of the orders looks like the rest had ended."""
        pages: list[_Page] = []
        cursor = FIRST_CURSOR
        for _ in range(PAGES_MAX):
            body = await self._clob.read(path, [*query, ("next_cursor", cursor)])
            page = readable(body, kind)
            pages.append(page)
            if page.next_cursor == LAST_CURSOR:
                return pages
            if page.next_cursor in ("", cursor):
                raise unknown("unreadable_answer", f"{path}: the cursor does not move on")
            cursor = page.next_cursor
        raise unknown("too_many_pages", f"{path}: over {PAGES_MAX} pages")

    async def positions(self) -> list[VenuePosition]:
        """What the wallet holds, by the data API, which follows the chain."""
        held: list[VenuePosition] = []
        cursor: str | None = None
        for _ in range(PAGES_MAX):
            query = [("user", self._wallet), ("limit", _POSITIONS_PAGE)]
            if cursor is not None:
                query.append(("cursor", cursor))
            page = readable(await self._data.read("/v2/positions", query), PositionsPage)
            held += [each for row in page.data if (each := _position(row)) is not None]
            cursor = page.pagination.next_cursor
            if not page.pagination.has_more:
                return held
            if not cursor:
                raise unknown("unreadable_answer", "/v2/positions: more, but no cursor")
        raise unknown("too_many_pages", f"/v2/positions: over {PAGES_MAX} pages")

    async def balance(self) -> VenueBalance:
        """Collateral by the CLOB's cache; it can lag a fill by seconds."""
        return VenueBalance(Venue.POLYMARKET, _base_units((await self.allowance()).balance))

    async def allowance(self, token: str | None = None) -> BalanceAllowance:
        """Balance and allowances, of collateral or of one outcome token, in base units."""
        query = self._asset(token)
        return readable(await self._clob.read("/balance-allowance", query), BalanceAllowance)

    async def update_allowance(self, token: str | None = None) -> None:
        """Have the venue read the chain again: needed after a deposit or an approval."""
        await self._clob.read("/balance-allowance/update", self._asset(token))

    def _asset(self, token: str | None) -> list[tuple[str, str]]:
        query = [("asset_type", "COLLATERAL" if token is None else "CONDITIONAL")]
        if token is not None:
            query.append(("token_id", token))
        return [*query, ("signature_type", str(int(self._signature_type)))]

    async def heartbeat(self) -> None:
        """Renew the dead-man switch: about ten seconds without it and the venue cancels all.

        Another id than the venue expects is refused with the right one, which is sent at once.
        """
        try:
            await self._beat()
        except VenueRefused as problem:
            if _BAD_HEARTBEAT not in problem.detail.lower():
                raise
            await self._beat()

    async def _beat(self) -> None:
        body = msgspec.json.encode({"heartbeat_id": self._heartbeat_id})
        try:
            # Sending it again does no harm, and it must not wait behind orders.
            reply = await self._clob.cancel("POST", "/v1/heartbeats", body, "/v1/heartbeats")
        except VenueRefused as problem:
            if _BAD_HEARTBEAT in problem.detail.lower():
                self._heartbeat_id = _named_heartbeat(problem.detail)
            raise
        self._heartbeat_id = readable(reply, Heartbeat).heartbeat_id

    async def is_closed_only(self) -> bool:
        """Whether the account may only close positions."""
        body = await self._clob.read("/auth/ban-status/closed-only")
        return readable(body, ClosedOnly).closed_only

    async def server_seconds(self) -> int:
        """The venue's clock, unix seconds."""
        return readable(await self._clob.read("/time"), int)


def checked_order_id(order_id: str) -> str:
    """An id goes into a path: nothing but hexadecimal may. Raises VenueRefused."""
    if _ORDER_ID.fullmatch(order_id) is None:
        raise refused(Refusal.INVALID_REQUEST, f"{order_id[:80]!r} is no order id")
    return order_id


def readable(body: bytes, kind: type[T]) -> T:
    """Raises OutcomeUnknown: what cannot be read proves nothing."""
    try:
        return decoded(body, kind)
    except Malformed as problem:
        raise unknown(problem.reason, f"{problem.field}: {problem.detail}") from problem


def _position(row: DataPosition) -> VenuePosition | None:
    outcome = _OUTCOMES.get(-1 if row.outcome_index is None else row.outcome_index)
    if outcome is None or not row.current_size.is_finite() or row.current_size < 0:
        raise unknown("unreadable_answer", f"/v2/positions: a row of {row.condition_id[:70]}")
    # Tokens have six decimals; what a float showed beyond them is not there.
    quantity = int((row.current_size * QUANTITY_PER_CONTRACT).to_integral_value())
    if not quantity:
        return None
    return VenuePosition(Venue.POLYMARKET, row.condition_id, outcome, quantity)


def _base_units(value: str | int) -> int:
    text = str(value)
    if not (text.isascii() and text.isdigit() and len(text) <= 30):
        raise unknown("unreadable_answer", f"/balance-allowance: {text[:40]!r} is no base units")
    return int(text)


def _named_heartbeat(detail: str) -> str:
    """The id the venue expects, out of its refusal."""
    found = re.search(r"heartbeat_id=([^\s]{1,128})", detail)
    return found[1] if found is not None else ""
