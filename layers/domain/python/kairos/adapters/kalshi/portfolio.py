"""What Kalshi says we own and have ordered, whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kairos.adapters.http.client import Query
from kairos.adapters.kalshi import endpoints
from kairos.adapters.kalshi.calls import Calls
from kairos.adapters.kalshi.endpoints import Endpoint
from kairos.adapters.kalshi.errors import readable
from kairos.adapters.kalshi.exchange import Exchange
from kairos.adapters.kalshi.rest_schemas import (
    Balance,
    Fill,
    FillsPage,
    HistoricalCutoff,
    OrderReply,
    OrdersPage,
    PositionsPage,
    SettlementsPage,
)
from kairos.adapters.kalshi.rest_schemas import Settlement as SettlementFields
from kairos.adapters.kalshi.wire import CASH_PLACES, size, time_ns, venue_fill, venue_order
from kairos.domain.instruments import Outcome, Venue
from kairos.domain.refusals import Refusal
from kairos.domain.units import (
    CASH_PER_DOLLAR,
    NANOSECONDS_PER_SECOND,
    quantity_from_contracts,
    scaled,
)
from kairos.errors import Malformed, VenueRefused
from kairos.messages.trading import (
    VenueBalance,
    VenueFill,
    VenueOrder,
    VenuePosition,
)
from kairos.ports import Clock

_CASH_PER_CENT: Final = CASH_PER_DOLLAR // 100
# The live tier keeps about three months; anything asked further back than this may be archived.
_SURELY_LIVE_NS: Final = 30 * 86_400 * NANOSECONDS_PER_SECOND


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a market paid us. Quantities in micro-contracts, cash in micro-dollars; `value` is what
    one YES contract paid, None where the venue has not said. `result` is yes, no or scalar."""

    market: str
    event: str
    result: str
    yes_quantity: int
    no_quantity: int
    revenue: int
    fee: int
    value: int | None
    settled_ns: int


class Portfolio:
    """`balance_calls` has a budget of its own: the venue counts that endpoint apart."""

    def __init__(
        self,
        calls: Calls,
        balance_calls: Calls,
        exchange: Exchange,
        clock: Clock,
        *,
        subaccount: int | None,
    ) -> None:
        self._calls = calls
        self._balance_calls = balance_calls
        self._exchange = exchange
        self._clock = clock
        self._subaccount = subaccount

    async def balance(self) -> VenueBalance:
        told = await self._balance_calls.get(endpoints.BALANCE, Balance, query=self._account())
        with readable(endpoints.BALANCE.name):
            cash = scaled(told.balance_dollars, CASH_PLACES, "balance_dollars")
        return VenueBalance(Venue.KALSHI, cash)

    async def positions(self) -> list[VenuePosition]:
        """Unsettled positions that are not zero."""
        query = (("count_filter", "position"), *self._account())
        rows = await self._calls.pages(
            endpoints.POSITIONS, PositionsPage, lambda page: page.market_positions, query
        )
        with readable(endpoints.POSITIONS.name):
            held = [(row.ticker, quantity_from_contracts(row.position_fp, "position_fp"))
                    for row in rows]  # fmt: skip
        return [
            VenuePosition(Venue.KALSHI, ticker, Outcome.YES if net > 0 else Outcome.NO, abs(net))
            for ticker, net in held
            if net
        ]

    async def fills(self, since_ns: int) -> list[VenueFill]:
        """Fills from the second of `since_ns` on, archived ones included; each id once."""
        # The venue's filter is "after"; a second more and the first fill cannot fall out.
        since = ("min_ts", str(max(0, since_ns // NANOSECONDS_PER_SECOND - 1)))
        query = (since, *self._account())
        rows = await self._fill_rows(endpoints.FILLS, query)
        if await self._may_be_archived(since_ns):
            rows += await self._fill_rows(endpoints.HISTORICAL_FILLS, query)
        with readable(endpoints.FILLS.name):
            return list({row.fill_id: venue_fill(row) for row in rows}.values())

    async def settlements(self, since_ns: int) -> list[Settlement]:
        query = (("min_ts", str(since_ns // NANOSECONDS_PER_SECOND)), *self._account())
        rows = await self._calls.pages(
            endpoints.SETTLEMENTS, SettlementsPage, lambda page: page.settlements, query
        )
        with readable(endpoints.SETTLEMENTS.name):
            return [_settlement(row) for row in rows]

    async def open_orders(self, market: str | None = None) -> list[VenueOrder]:
        at = () if market is None else (("ticker", market),)
        return await self._orders(endpoints.ORDERS, (*at, ("status", "resting")))

    async def order(self, venue_order_id: str, market: str) -> VenueOrder | None:
        """None when it is neither live nor archived, as of a moment after the call began."""
        asked_ns = self._clock.now_ns()
        order = await self._live(venue_order_id)
        if order is not None:
            return order
        await self._exchange.wait_until_fresh(asked_ns)
        order = await self._live(venue_order_id)
        return order or await self._archived(market, venue_order_id=venue_order_id)

    async def find(self, client_order_id: str, market: str) -> VenueOrder | None:
        """None when no order of the market has our id, as of a moment after the call began."""
        asked_ns = self._clock.now_ns()
        order = await self._with_id(client_order_id, market)
        if order is not None:
            return order
        await self._exchange.wait_until_fresh(asked_ns)
        order = await self._with_id(client_order_id, market)
        return order or await self._archived(market, client_order_id=client_order_id)

    async def _live(self, venue_order_id: str) -> VenueOrder | None:
        try:
            reply = await self._calls.get(endpoints.ORDER, OrderReply, venue_order_id)
        except VenueRefused as error:
            if error.reason == Refusal.NOT_FOUND:
                return None
            raise
        with readable(endpoints.ORDER.name):
            return venue_order(reply.order)

    async def _with_id(self, client_order_id: str, market: str) -> VenueOrder | None:
        orders = await self._orders(endpoints.ORDERS, (("ticker", market),))
        return next((each for each in orders if each.client_order_id == client_order_id), None)

    async def _archived(
        self, market: str, *, venue_order_id: str = "", client_order_id: str = ""
    ) -> VenueOrder | None:
        for order in await self._orders(endpoints.HISTORICAL_ORDERS, (("ticker", market),)):
            if order.venue_order_id == venue_order_id or order.client_order_id == client_order_id:
                return order
        return None

    async def _orders(self, endpoint: Endpoint, query: Query) -> list[VenueOrder]:
        rows = await self._calls.pages(
            endpoint, OrdersPage, lambda page: page.orders, (*query, *self._account())
        )
        with readable(endpoint.name):
            return [venue_order(row) for row in rows]

    async def _fill_rows(self, endpoint: Endpoint, query: Query) -> list[Fill]:
        return await self._calls.pages(endpoint, FillsPage, lambda page: page.fills, query)

    async def _may_be_archived(self, since_ns: int) -> bool:
        if since_ns > self._clock.now_ns() - _SURELY_LIVE_NS:
            return False
        cutoff = await self._calls.get(endpoints.HISTORICAL_CUTOFF, HistoricalCutoff)
        with readable(endpoints.HISTORICAL_CUTOFF.name):
            return since_ns < time_ns(cutoff.trades_created_ts, "trades_created_ts")

    def _account(self) -> Query:
        return () if self._subaccount is None else (("subaccount", str(self._subaccount)),)


def _settlement(row: SettlementFields) -> Settlement:
    if row.market_result not in ("yes", "no", "scalar"):
        raise Malformed("unsupported_result", "market_result", f"{row.market_result!r}")
    return Settlement(
        market=row.ticker,
        event=row.event_ticker,
        result=row.market_result,
        yes_quantity=size(row.yes_count_fp, "yes_count_fp"),
        no_quantity=size(row.no_count_fp, "no_count_fp"),
        revenue=row.revenue * _CASH_PER_CENT,
        fee=scaled(row.fee_cost, CASH_PLACES, "fee_cost"),
        value=None if row.value is None else row.value * _CASH_PER_CENT,
        settled_ns=time_ns(row.settled_time, "settled_time"),
    )
