"""The simulated exchange itself: markets, members, money and time, without any network.

Everything that happens is told to one `Listener`; whoever drives the exchange calls `advance`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from kairos.domain.fees.kalshi import BalancePrecision, KalshiFees
from kairos.domain.fees.kalshi_series import published_schedule
from kairos.domain.instruments import Action, Liquidity, Outcome
from kairos.domain.refusals import Refusal
from kairos.domain.units import PRICE_PER_DOLLAR, notional
from local.venues.core.accounts import Account, FeeOf, Members, OutOfBalance
from local.venues.core.clock import SimClock
from local.venues.core.flow import FLOW_OWNER, Flow, FlowDesk
from local.venues.core.matching import refused
from local.venues.core.orders import (
    BookEvent,
    Ended,
    Ending,
    LevelChanged,
    Match,
    Order,
    Reduced,
    Rested,
)
from local.venues.kalshi.errors import ApiError
from local.venues.kalshi.groups import OrderGroup
from local.venues.kalshi.markets import Market, MarketSpec, SeriesSpec, Status, Trade, trade_ids
from local.venues.kalshi.records import (
    REASONS,
    FillRecord,
    OrderRecord,
    PositionRecord,
    SettlementRecord,
)

RECORDS_MAX: Final = 500_000


class Listener(Protocol):
    """Who hears what happens; the websocket hub in a server, a list in a test."""

    def book_changed(self, market: Market, change: LevelChanged) -> None: ...

    def traded(self, market: Market, trade: Trade) -> None: ...

    def filled(self, fill: FillRecord) -> None: ...

    def order_changed(self, record: OrderRecord) -> None: ...

    def position_changed(self, account: str, position: PositionRecord) -> None: ...

    def group_changed(self, group: OrderGroup, event: str, ts_ns: int) -> None: ...

    def lifecycle(self, market: Market, event: str, ts_ns: int) -> None: ...


@dataclass(slots=True)
class Trading:
    """Whether the exchange trades: a trading pause leaves cancels, an exchange pause nothing."""

    exchange_active: bool = True
    trading_active: bool = True

    def check(self, *, only_cancels: bool = False) -> None:
        """Raises ApiError (409)."""
        if not self.exchange_active:
            raise ApiError(409, "exchange_is_paused", "exchange is paused")
        if not self.trading_active and not only_cancels:
            raise ApiError(409, "trading_is_paused", "trading is paused")


@dataclass(slots=True)
class Exchange:
    """All state of the venue. Not thread-safe: one task drives it."""

    clock: SimClock
    listener: Listener | None = None
    precision: BalancePrecision = BalancePrecision.DIRECT_MEMBER
    members: Members = field(default_factory=lambda: Members(nets=True))
    trading: Trading = field(default_factory=Trading)
    series: dict[str, SeriesSpec] = field(default_factory=dict)
    markets: dict[str, Market] = field(default_factory=dict)
    records: dict[str, OrderRecord] = field(default_factory=dict)
    client_ids: dict[tuple[str, str], str] = field(default_factory=dict)
    fills: dict[str, list[FillRecord]] = field(default_factory=dict)
    positions: dict[str, dict[str, PositionRecord]] = field(default_factory=dict)
    settlements: dict[str, list[SettlementRecord]] = field(default_factory=dict)
    groups: dict[str, OrderGroup] = field(default_factory=dict)
    flows: dict[str, Flow] = field(default_factory=dict)
    tape: deque[Trade] = field(default_factory=lambda: deque(maxlen=100_000))
    desk: FlowDesk = field(init=False)
    _fees: dict[str, KalshiFees] = field(default_factory=dict)
    _action: int = 40_000_000
    _ids: Callable[[], str] = field(default_factory=lambda: trade_ids("sim-trade"))
    _books: dict[str, Any] = field(default_factory=dict)
    _breached: list[OrderGroup] = field(default_factory=list)
    _expiring: set[str] = field(default_factory=set)
    _open: dict[str, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.members.open(FLOW_OWNER, 0, is_unlimited=True)
        self.desk = FlowDesk(self._books, self.apply)

    # --- listing ------------------------------------------------------------------------------

    def add_series(self, series: SeriesSpec) -> None:
        self.series[series.ticker] = series

    def add_market(self, spec: MarketSpec, status: Status = Status.INITIALIZED) -> Market:
        """List a market; its series must be known. It is `created` for everyone who listens."""
        market = Market(spec, self._ids, status)
        self.markets[spec.ticker] = market
        self._books[spec.ticker] = market.book
        series = self.series[spec.series_ticker]
        self._fees[spec.ticker] = published_schedule(
            series.fee_type, series.fee_multiplier, self.clock.now_ns(), self.precision
        )
        self.announce(market, "created")
        return market

    def market(self, ticker: str) -> Market:
        market = self.markets.get(ticker)
        if market is None:
            raise ApiError(404, "market_not_found", "market not found")
        return market

    def schedule(self, ticker: str) -> KalshiFees:
        return self._fees[ticker]

    def announce(self, market: Market, event: str) -> None:
        market.updated_ns = self.clock.now_ns()
        if self.listener is not None:
            self.listener.lifecycle(market, event, market.updated_ns)

    def accounts(self) -> Iterable[Account]:
        return self.members.accounts.values()

    def fee_of(self, ticker: str) -> FeeOf:
        return self._fees[ticker].fill_fee

    # --- what happened in a book --------------------------------------------------------------

    def next_action(self, market: Market) -> None:
        """Every change that follows belongs to one new action of the exchange."""
        self._action += 1
        market.clock = self._action

    def apply(self, ticker: str, events: list[BookEvent]) -> None:
        """Account for what a book says happened, and tell the listener."""
        market = self.markets[ticker]
        if events:
            self.next_action(market)
        for event in events:
            match event:
                case Match():
                    self._traded(market, event)
                case Ended():
                    self._ended(event)
                case Rested():
                    self._rested(event.order)
                case Reduced():
                    self._reduced(market, event)
                case LevelChanged():
                    self._level(market, event)
        self._trigger_breached()

    def _traded(self, market: Market, match: Match) -> None:
        top = market.top()
        market.last_price, market.last_quantity = match.yes_price, match.quantity
        market.volume += match.quantity
        held_before = self._long_interest(market.ticker, match)
        for liquidity in Liquidity:
            self._fill_side(market, match, liquidity)
        both_others = match.taker.owner == match.maker.owner
        opened = self._long_interest(market.ticker, match) - held_before
        market.open_interest += match.quantity // 2 if both_others else opened
        trade = self._public_trade(market, match)
        market.trades.append(trade)
        self.tape.append(trade)
        market.candles.trade(
            match.ts_ns, (top[0], top[2]), match.yes_price, match.quantity, market.open_interest
        )
        if self.listener is not None:
            self.listener.traded(market, trade)

    def _public_trade(self, market: Market, match: Match) -> Trade:
        taker = Outcome.YES if match.taker.side == "bid" else Outcome.NO
        return Trade(
            match.trade_id, market.ticker, match.yes_price, match.quantity, taker,
            match.ts_ns, market.clock,
        )  # fmt: skip

    def _long_interest(self, ticker: str, match: Match) -> int:
        owners = {match.taker.owner, match.maker.owner}
        return sum(max(0, self.members.accounts[o].net_position(ticker)) for o in owners)

    def _fill_side(self, market: Market, match: Match, liquidity: Liquidity) -> None:
        order = match.order(liquidity)
        account = self.members.accounts[order.owner]
        price = match.price_of(order)
        record = self.records.get(order.order_id)
        fee_of = self.fee_of(market.ticker)
        if record is None:
            account.fill(order, market.ticker, price, match.quantity, 0, fee_of)
            return
        fee = record.fees.fill(price, match.quantity, liquidity, Action.BUY)
        account.fill(order, market.ticker, price, match.quantity, fee, fee_of)
        self._book_fill(market, match, record, price, fee, liquidity is Liquidity.TAKER)

    def _book_fill(
        self, market: Market, match: Match, record: OrderRecord, price: int, fee: int, taker: bool
    ) -> None:
        cost = notional(price, match.quantity)
        if taker:
            record.taker_cost, record.taker_fees = record.taker_cost + cost, record.taker_fees + fee
        else:
            record.maker_cost, record.maker_fees = record.maker_cost + cost, record.maker_fees + fee
        record.updated_ns, record.reason = match.ts_ns, "Trade"
        position = self.position(record.account, market)
        position.fill(record.order.outcome, price, match.quantity, fee, match.ts_ns)
        fill = FillRecord(
            match.trade_id, record, match.yes_price, match.quantity, taker, fee, cost,
            position.position, match.ts_ns,
        )  # fmt: skip
        mine = self.fills.setdefault(record.account, [])
        if len(mine) >= RECORDS_MAX:
            raise OutOfBalance(f"{record.account} has more than {RECORDS_MAX} fills")
        mine.append(fill)
        self._count_in_group(record, match)
        if self.listener is not None:
            self.listener.filled(fill)
            self.listener.order_changed(record)
            self.listener.position_changed(record.account, position)

    def position(self, account: str, market: Market) -> PositionRecord:
        held = self.positions.setdefault(account, {})
        spec = market.spec
        if spec.ticker not in held:
            held[spec.ticker] = PositionRecord(
                spec.ticker, spec.event_ticker, spec.exchange_index, updated_ns=self.clock.now_ns()
            )
        return held[spec.ticker]

    def _ended(self, event: Ended) -> None:
        record = self.records.get(event.order.order_id)
        if record is None:
            return
        self.members.accounts[record.account].release(event.order.order_id)
        self._expiring.discard(event.order.order_id)
        self._open.pop(event.order.order_id, None)
        if record.group_id is not None and record.group_id in self.groups:
            self.groups[record.group_id].orders.discard(event.order.order_id)
        record.updated_ns = event.ts_ns
        record.reason = REASONS.get(event.ending, "")
        if self.listener is not None:
            self.listener.order_changed(record)

    def _rested(self, order: Order) -> None:
        record = self.records.get(order.order_id)
        if record is not None and self.listener is not None:
            self.listener.order_changed(record)

    def _reduced(self, market: Market, event: Reduced) -> None:
        record = self.records.get(event.order.order_id)
        if record is None:
            return
        account = self.members.accounts[record.account]
        account.shrink(event.order.order_id, event.quantity, self.fee_of(market.ticker))
        record.updated_ns, record.reason = event.ts_ns, "Decrease"
        if self.listener is not None:
            self.listener.order_changed(record)

    def _level(self, market: Market, change: LevelChanged) -> None:
        bid, _, ask, _ = market.top()
        market.candles.quote(change.ts_ns, bid, ask)
        if self.listener is not None:
            self.listener.book_changed(market, change)

    # --- order groups -------------------------------------------------------------------------

    def _count_in_group(self, record: OrderRecord, match: Match) -> None:
        group = None if record.group_id is None else self.groups.get(record.group_id)
        if group is None:
            return
        group.match(match.quantity, match.ts_ns)
        if not group.is_triggered and group.exceeds(match.ts_ns):
            self._breached.append(group)

    def _trigger_breached(self) -> None:
        """Only once a whole action is booked, because triggering changes the book again."""
        while self._breached:
            group = self._breached.pop()
            if not group.is_triggered:
                self.trigger(group)

    def trigger(self, group: OrderGroup) -> None:
        """Cancel everything the group has resting and take nothing more until it is reset."""
        group.is_triggered = True
        now_ns = self.clock.now_ns()
        if self.listener is not None:
            self.listener.group_changed(group, "triggered", now_ns)
        for order_id in sorted(group.orders):
            self.end_order(order_id, Ending.GROUP_TRIGGERED, now_ns)

    # --- orders that end ----------------------------------------------------------------------

    def end_order(self, order_id: str, ending: Ending, now_ns: int) -> int:
        """End a resting order; what was left of it, 0 when it had ended already."""
        record = self.records.get(order_id)
        if record is None or record.order.ending is not None:
            return 0
        left = record.order.remaining
        book = self.markets[record.ticker].book
        self.apply(record.ticker, book.cancel(order_id, now_ns, ending))
        return left

    def note_expiry(self, record: OrderRecord) -> None:
        if record.order.expires_ns is None or record.order.ending is not None:
            self._expiring.discard(record.order.order_id)
        else:
            self._expiring.add(record.order.order_id)

    def expire(self, now_ns: int) -> None:
        due = [
            order_id
            for order_id in self._expiring
            if (self.records[order_id].order.expires_ns or 0) <= now_ns
        ]
        for order_id in sorted(due):
            self.end_order(order_id, Ending.EXPIRED, now_ns)

    def end_where(self, matches: Callable[[OrderRecord], bool], ending: Ending) -> int:
        """End every resting member order that matches; how many there were."""
        now_ns = self.clock.now_ns()
        chosen = [r for r in map(self.records.__getitem__, self._open) if matches(r)]
        for record in chosen:
            self.end_order(record.order.order_id, ending, now_ns)
        return len(chosen)

    def pause(self, *, exchange_active: bool, trading_active: bool) -> None:
        """Stop or resume trading; orders that asked for it end with the pause."""
        self.trading = Trading(exchange_active, trading_active)
        if not (exchange_active and trading_active):
            self.end_where(lambda record: record.cancel_on_pause, Ending.PAUSED)

    # --- the passing of time ------------------------------------------------------------------

    def advance(self) -> None:
        """Let everything happen that is due: expiries first, then what the others do."""
        now_ns = self.clock.now_ns()
        self.expire(now_ns)
        if not (self.trading.exchange_active and self.trading.trading_active):
            return
        for ticker, flow in list(self.flows.items()):
            if flow.next_ns <= now_ns and self.markets[ticker].is_trading:
                flow.act(min(now_ns, self.markets[ticker].close_ns - 1))

    def settle(self, market: Market, result: Outcome, now_ns: int) -> None:
        """Pay out what everyone holds and keep a record of it for members."""
        market.result, market.settled_ns, market.status = result, now_ns, Status.FINALIZED
        yes_price = PRICE_PER_DOLLAR if result is Outcome.YES else 0
        for account in list(self.accounts()):
            payouts = account.settle(market.ticker, yes_price)
            held = self.positions.get(account.name, {}).get(market.ticker)
            if held is not None and payouts:
                revenue = sum(payout.cash for payout in payouts)
                self._book_settlement(account.name, market, held, revenue, now_ns)
        self.announce(market, "settled")

    def _book_settlement(
        self, account: str, market: Market, held: PositionRecord, revenue: int, now_ns: int
    ) -> None:
        yes, no = max(0, held.position), max(0, -held.position)
        settlement = SettlementRecord(
            market.ticker, market.spec.event_ticker, market.spec.exchange_index,
            market.result or Outcome.NO, yes, held.cost if yes else 0, no, held.cost if no else 0,
            revenue, held.fees, now_ns,
        )  # fmt: skip
        self.settlements.setdefault(account, []).append(settlement)
        held.settle(PRICE_PER_DOLLAR if market.result is Outcome.YES else 0, now_ns)
        if self.listener is not None:
            self.listener.position_changed(account, held)

    def keep(self, record: OrderRecord) -> None:
        """Remember a new order for good. Raises VenueRefused when there is no room left."""
        if len(self.records) >= RECORDS_MAX:
            raise refused(Refusal.INVALID_REQUEST, "the simulator's memory of orders is full")
        self.records[record.order.order_id] = record
        self._open[record.order.order_id] = None
        if record.client_order_id:
            self.client_ids[(record.account, record.client_order_id)] = record.order.order_id

    def forget(self, record: OrderRecord) -> None:
        """Undo `keep` for an order that was refused after all: its ids stay free."""
        del self.records[record.order.order_id]
        del self._open[record.order.order_id]
        self.client_ids.pop((record.account, record.client_order_id), None)

    def open_records(self, account: str) -> list[OrderRecord]:
        """The member's resting orders, oldest first."""
        records = map(self.records.__getitem__, self._open)
        return [record for record in records if record.account == account]
