"""Kalshi's private REST endpoints that only tell: portfolio, archive, account."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from kairos.domain.units import NANOSECONDS_PER_SECOND, PRICE_PER_DOLLAR, notional
from local.venues.core.accounts import Account
from local.venues.kalshi.errors import ApiError
from local.venues.kalshi.records import OrderRecord, PositionRecord
from local.venues.kalshi.rest import BALANCE, PREFIX, READ, Answer, Call, Gate, Route, page
from local.venues.kalshi.text import cents, fp, money, seconds

_PORTFOLIO: Final = f"{PREFIX}/portfolio"
_ACCOUNT: Final = f"{PREFIX}/account"

Item = TypeVar("Item")


class PortfolioApi:
    """What members may know about themselves; every request is signed."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._exchange = gate.exchange

    def routes(self) -> list[Route]:
        orders = f"{_PORTFOLIO}/orders"
        total = f"{_PORTFOLIO}/summary/total_resting_order_value"
        return [
            Route("GET", f"{_PORTFOLIO}/balance", self.balance, BALANCE, 0),
            Route("GET", f"{_PORTFOLIO}/positions", self.positions, READ),
            Route("GET", f"{_PORTFOLIO}/fills", self.fills, READ),
            Route("GET", f"{_PORTFOLIO}/settlements", self.settlements, READ),
            Route("GET", orders, self.orders, READ),
            Route("GET", f"{orders}/queue_positions", self.queue_positions, READ),
            Route("GET", f"{orders}/{{order_id}}", self.order, READ),
            Route("GET", f"{orders}/{{order_id}}/queue_position", self.queue_position, READ),
            Route("GET", total, self.resting_value, READ),
            Route("GET", f"{PREFIX}/historical/orders", self.archived_orders, READ),
            Route("GET", f"{PREFIX}/historical/fills", self.fills, READ),
            Route("GET", f"{PREFIX}/historical/positions", self.archived_positions, READ),
            Route("GET", f"{_ACCOUNT}/limits", self.limits, READ),
            Route("GET", f"{_ACCOUNT}/api_usage_level/volume_progress", self.progress, READ),
        ]

    # --- portfolio ----------------------------------------------------------------------------

    def balance(self, call: Call) -> Answer:
        self._gate.limits(call.account).balance(time.monotonic_ns())
        account = self._account(call)
        index = self._home_index()
        return Answer({
            "balance": cents(account.available()),
            "balance_dollars": money(account.available()),
            "portfolio_value": cents(self._worth(call.account)),
            "updated_ts": seconds(self._exchange.clock.now_ns()),
            "balance_breakdown": [
                {"exchange_index": index, "balance": money(account.available())}
            ],
        })  # fmt: skip

    def positions(self, call: Call) -> Answer:
        status = call.text("settlement_status") or "unsettled"
        if status not in ("unsettled", "settled", "all"):
            raise ApiError(400, "invalid_parameters", "invalid parameters", "settlement_status")
        return self._positions(call, status)

    def archived_positions(self, call: Call) -> Answer:
        return self._positions(call, "settled")

    def _positions(self, call: Call, status: str) -> Answer:
        ticker, event = call.text("ticker"), call.text("event_ticker")
        filters = set(call.text("count_filter").split(",")) - {""}

        def keep(position: PositionRecord) -> bool:
            return (
                (status == "all" or position.is_settled is (status == "settled"))
                and (not ticker or position.ticker == ticker)
                and (not event or position.event_ticker == event)
                and ("position" not in filters or position.position != 0)
            )

        held = list(self._exchange.positions.get(call.account, {}).values())
        chosen, cursor = page(held, keep, call.limit(), call.text("cursor"))
        return Answer({
            "market_positions": [position.body() for position in chosen],
            "event_positions": _events_of(chosen),
            "cursor": cursor,
        })  # fmt: skip

    def fills(self, call: Call) -> Answer:
        every = self._exchange.fills.get(call.account, [])
        ticker, order_id = call.text("ticker"), call.text("order_id")
        chosen, cursor = self._since(
            call, every, lambda fill: fill.ts_ns,
            lambda fill: (not ticker or fill.record.ticker == ticker)
            and (not order_id or fill.record.order.order_id == order_id),
        )  # fmt: skip
        return Answer({"fills": [fill.body() for fill in chosen], "cursor": cursor})

    def settlements(self, call: Call) -> Answer:
        every = self._exchange.settlements.get(call.account, [])
        ticker, event = call.text("ticker"), call.text("event_ticker")
        chosen, cursor = self._since(
            call, every, lambda settled: settled.ts_ns,
            lambda settled: (not ticker or settled.ticker == ticker)
            and (not event or settled.event_ticker == event),
        )  # fmt: skip
        return Answer({"settlements": [settled.body() for settled in chosen], "cursor": cursor})

    def _since(
        self,
        call: Call,
        items: Sequence[Item],
        ts_of: Callable[[Item], int],
        keep: Callable[[Item], bool],
    ) -> tuple[list[Item], str]:
        low, high = call.whole("min_ts"), call.whole("max_ts")

        def fits(item: Item) -> bool:
            second = ts_of(item) // NANOSECONDS_PER_SECOND
            early, late = low is not None and second < low, high is not None and second > high
            return not early and not late and keep(item)

        return page(items, fits, call.limit(), call.text("cursor"))

    def orders(self, call: Call) -> Answer:
        status = call.text("status")
        if status not in ("", "resting", "canceled", "executed"):
            raise ApiError(400, "invalid_parameters", "invalid parameters", "status")
        return self._orders(call, (status,) if status else ("resting", "canceled", "executed"))

    def archived_orders(self, call: Call) -> Answer:
        return self._orders(call, ("canceled", "executed"))

    def _orders(self, call: Call, statuses: tuple[str, ...]) -> Answer:
        ticker, events = call.text("ticker"), set(call.text("event_ticker").split(",")) - {""}
        markets = self._exchange.markets
        index = call.whole("exchange_index")

        def keep(record: OrderRecord) -> bool:
            return (
                record.account == call.account
                and record.status in statuses
                and (not ticker or record.ticker == ticker)
                and (not events or markets[record.ticker].spec.event_ticker in events)
                and (index is None or record.exchange_index == index)
            )

        every = list(self._exchange.records.values())
        chosen, cursor = self._since(call, every, lambda r: r.order.created_ns, keep)
        return Answer({"orders": [record.body() for record in chosen], "cursor": cursor})

    def order(self, call: Call) -> Answer:
        return Answer({"order": self._mine(call).body()})

    def queue_position(self, call: Call) -> Answer:
        record = self._mine(call)
        if record.order.ending is not None:
            raise ApiError(404, "not_found", "order is not resting")
        ahead = self._exchange.markets[record.ticker].book.ahead_of(record.order)
        return Answer({"queue_position_fp": fp(ahead)})

    def queue_positions(self, call: Call) -> Answer:
        tickers = set(call.text("market_tickers").split(",")) - {""}
        event = call.text("event_ticker")
        positions = []
        for record in self._exchange.open_records(call.account):
            market = self._exchange.markets[record.ticker]
            fits = record.ticker in tickers or (event and market.spec.event_ticker == event)
            if fits or not (tickers or event):
                ahead = market.book.ahead_of(record.order)
                positions.append({
                    "order_id": record.order.order_id,
                    "market_ticker": record.ticker,
                    "queue_position_fp": fp(ahead),
                })  # fmt: skip
        return Answer({"queue_positions": positions})

    def resting_value(self, call: Call) -> Answer:
        total = self._account(call).cash_held
        breakdown = [{"exchange_index": self._home_index(), "balance": money(total)}]
        return Answer({
            "total_resting_order_value": cents(total),
            "resting_order_value_breakdown": breakdown,
        })  # fmt: skip

    # --- account ------------------------------------------------------------------------------

    def limits(self, call: Call) -> Answer:
        return Answer(self._gate.limits(call.account).body())

    def progress(self, _call: Call) -> Answer:
        return Answer({"volume_progress": []})

    # --- inside -------------------------------------------------------------------------------

    def _account(self, call: Call) -> Account:
        return self._exchange.members.accounts[call.account]

    def _mine(self, call: Call) -> OrderRecord:
        record = self._exchange.records.get(call.path("order_id"))
        if record is None or record.account != call.account:
            raise ApiError(404, "not_found", "order not found")
        return record

    def _home_index(self) -> int:
        """All cash is shown on one index: the one that the listed markets live on."""
        return max((m.spec.exchange_index for m in self._exchange.markets.values()), default=0)

    def _worth(self, account: str) -> int:
        """Positions at the last price."""
        worth = 0
        for position in self._exchange.positions.get(account, {}).values():
            price = self._exchange.markets[position.ticker].last_price
            own = price if position.position > 0 else PRICE_PER_DOLLAR - price
            worth += notional(own, abs(position.position))
        return worth


def _events_of(positions: list[PositionRecord]) -> list[dict[str, Any]]:
    """Market positions added up by event."""
    events: dict[str, list[PositionRecord]] = {}
    for position in positions:
        events.setdefault(position.event_ticker, []).append(position)
    return [
        {
            "event_ticker": event,
            "total_cost_dollars": money(sum(p.traded for p in held)),
            "total_cost_shares_fp": fp(sum(p.volume for p in held)),
            "event_exposure_dollars": money(sum(p.cost for p in held)),
            "realized_pnl_dollars": money(sum(p.realized for p in held)),
            "fees_paid_dollars": money(sum(p.fees for p in held)),
        }
        for event, held in events.items()
    ]
