"""The simulated Polymarket US itself: markets, accounts, orders and time, without any network."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from kairos.domain.instruments import Liquidity
from kairos.errors import VenueRefused
from local.venues.core.accounts import Account, FeeOf, Members, OutOfBalance
from local.venues.core.clock import SimClock
from local.venues.core.flow import FLOW_OWNER, Flow, FlowDesk
from local.venues.core.orders import BookEvent, Ended, Ending, LevelChanged, Match, Order
from local.venues.polymarket_us import text
from local.venues.polymarket_us.errors import Rejected
from local.venues.polymarket_us.markets import Market, MarketSpec, State
from local.venues.polymarket_us.records import (
    NEW,
    PENDING_CANCEL,
    REJECTED,
    Activity,
    OrderRecord,
    Position,
    Report,
    Traded,
)

RECORDS_MAX: Final = 500_000
_ENDED: Final = {
    Ending.EXPIRED: ("ORDER_STATE_EXPIRED", "EXPIRED", ""),
    Ending.SELF_TRADE: ("ORDER_STATE_CANCELED", "CANCELED", "self match prevention"),
    Ending.MARKET_CLOSED: ("ORDER_STATE_EXPIRED", "EXPIRED", "market closed"),
}
_CANCELED: Final = ("ORDER_STATE_CANCELED", "CANCELED", "")


class Listener(Protocol):
    """Who hears what happens; the websocket hub in a server."""

    def book_changed(self, market: Market) -> None: ...

    def traded(self, market: Market, match: Match) -> None: ...

    def reported(self, report: Report) -> None: ...

    def position_changed(self, account: str, before: dict[str, Any], now: Position) -> None: ...

    def balance_changed(self, account: Account) -> None: ...


@dataclass(slots=True)
class Exchange:
    """All state of the venue. Not thread-safe: one task drives it. `visible_after_ns` is how long
    a new order cannot be looked up, `cancel_after_ns` how long a cancel takes."""

    clock: SimClock
    listener: Listener | None = None
    visible_after_ns: int = 0
    cancel_after_ns: int = 0
    members: Members = field(default_factory=lambda: Members(nets=True))
    markets: dict[str, Market] = field(default_factory=dict)
    records: dict[str, OrderRecord] = field(default_factory=dict)
    activities: dict[str, list[Activity]] = field(default_factory=dict)
    positions: dict[str, dict[str, Position]] = field(default_factory=dict)
    flows: dict[str, Flow] = field(default_factory=dict)
    desk: FlowDesk = field(init=False)
    _books: dict[str, Any] = field(default_factory=dict)
    _open: dict[str, None] = field(default_factory=dict)
    _canceling: deque[tuple[int, OrderRecord]] = field(default_factory=deque)
    _numbers: int = 0
    _collected: list[Report] | None = None

    def __post_init__(self) -> None:
        self.members.open(FLOW_OWNER, 0, is_unlimited=True)
        self.desk = FlowDesk(self._books, self.apply)

    def new_id(self, prefix: str) -> str:
        """Ids that look like the venue's: letters and digits."""
        self._numbers += 1
        return f"{prefix}{self._numbers:010X}"

    # --- markets ------------------------------------------------------------------------------

    def add_market(self, spec: MarketSpec, state: State = State.OPEN) -> Market:
        market = Market(spec, len(self.markets) + 1, lambda: self.new_id("T"))
        market.state = state
        self.markets[spec.slug] = market
        self._books[spec.slug] = market.book
        return market

    def set_state(self, market: Market, state: State) -> None:
        """Resting orders stay through a suspension and end with the market."""
        market.state, market.changed_ns = state, self.clock.now_ns()
        if state in (State.CLOSED, State.EXPIRED, State.TERMINATED):
            flow = self.flows.pop(market.slug, None)
            if flow is not None:
                flow.stop(market.changed_ns)
            self.apply(
                market.slug,
                market.book.cancel_where(
                    lambda _order: True, market.changed_ns, Ending.MARKET_CLOSED
                ),
            )
        self._tell_book(market)

    def settle(self, market: Market, long_price: int) -> None:
        """Pay what LONG is worth; between 0 and a dollar for a tie or a postponement."""
        if market.state is not State.EXPIRED:
            self.set_state(market, State.EXPIRED)
        market.settled = long_price
        for account in self.members.accounts.values():
            account.settle(market.slug, long_price)
            self.positions.get(account.name, {}).pop(market.slug, None)

    # --- orders -------------------------------------------------------------------------------

    def fee_of(self, market: Market) -> FeeOf:
        return market.fees.fill_fee

    def accept(self, record: OrderRecord) -> list[Report]:
        """Enter an order; the reports it caused. A rejection is a report, too."""
        collected: list[Report] = []
        self._collected = collected
        now_ns = record.order.created_ns
        record.visible_ns = now_ns + self.visible_after_ns
        self._keep(record)
        try:
            self._enter(record, now_ns)
        except Rejected as rejection:
            record.state, record.order.ending = REJECTED, Ending.KILLED
            self._open.pop(record.id, None)
            self._report(record, "REJECTED", now_ns, reason=rejection)
        finally:
            self._collected = None
        return [each for each in collected if each.record is record]

    def _keep(self, record: OrderRecord) -> None:
        if len(self.records) >= RECORDS_MAX:
            raise OutOfBalance("the simulator's memory of orders is full")
        self.records[record.id] = record
        self._open[record.id] = None

    def _enter(self, record: OrderRecord, now_ns: int) -> None:
        market, order = record.market, record.order
        if not market.is_trading:
            raise Rejected("EXCHANGE_CLOSED", "market is not open")
        if order.post_only and market.book.would_cross(order.side, order.yes_price):
            raise Rejected("OTHER", "participate don't initiate order would take liquidity")
        account = self.members.accounts[record.account]
        try:
            account.reserve(order, market.slug, self.fee_of(market))
        except VenueRefused as refusal:
            raise Rejected("OTHER", "insufficient buying power") from refusal
        record.state, record.updated_ns = NEW, now_ns
        self._report(record, "NEW", now_ns)
        self.apply(market.slug, market.book.submit(order, now_ns))
        self._tell_balance(account)

    def cancel(self, record: OrderRecord) -> None:
        """Take an order out, now or a moment later."""
        if record.state == PENDING_CANCEL:
            return
        if self.cancel_after_ns:
            record.state = PENDING_CANCEL
            self._canceling.append((self.clock.now_ns() + self.cancel_after_ns, record))
        else:
            self._take_out(record)

    def _take_out(self, record: OrderRecord) -> None:
        if record.id in record.market.book.orders:
            now_ns = self.clock.now_ns()
            events = record.market.book.cancel(record.id, now_ns, Ending.CANCELED)
            self.apply(record.market.slug, events)

    def replace(self, record: OrderRecord, own_price: int, quantity: int) -> None:
        """Other terms for a resting order, at the back of the queue. Raises VenueRefused."""
        now_ns, market = self.clock.now_ns(), record.market
        account = self.members.accounts[record.account]
        left = quantity - record.filled
        if left > 0:
            account.change_reservation(
                record.order, market.slug, self.fee_of(market), own_price, left
            )
        events = market.book.amend(record.id, own_price, quantity, now_ns)
        record.updated_ns = now_ns
        self._report(record, "REPLACE", now_ns)
        self.apply(market.slug, events)

    def open_records(self, account: str) -> list[OrderRecord]:
        """Open orders, oldest first."""
        mine = (self.records[order_id] for order_id in self._open)
        return [record for record in mine if record.account == account]

    def seen(self, account: str, order_id: str) -> OrderRecord | None:
        """An order that may be looked up: the account's own, and no longer brand new."""
        record = self.records.get(order_id)
        if record is None or record.account != account:
            return None
        return record if record.visible_ns <= self.clock.now_ns() else None

    # --- time ---------------------------------------------------------------------------------

    def advance(self) -> None:
        now_ns = self.clock.now_ns()
        while self._canceling and self._canceling[0][0] <= now_ns:
            self._take_out(self._canceling.popleft()[1])
        for market in self.markets.values():
            self.apply(market.slug, market.book.expire(now_ns))
        for slug, flow in list(self.flows.items()):
            if flow.next_ns <= now_ns and self.markets[slug].is_trading:
                flow.act(now_ns)

    # --- what happened in a book --------------------------------------------------------------

    def apply(self, slug: str, events: list[BookEvent]) -> None:
        """Account for what a book says happened, and tell the listener."""
        market = self.markets[slug]
        has_changed = False
        for event in events:
            match event:
                case Match():
                    self._matched(market, event)
                case Ended():
                    self._ended(event)
                case LevelChanged():
                    market.changed_ns = event.ts_ns
                    has_changed = True
                case _:
                    pass
        if has_changed:
            self._tell_book(market)

    def _matched(self, market: Market, match: Match) -> None:
        market.note_trade(match.yes_price, match.quantity)
        for liquidity in (Liquidity.MAKER, Liquidity.TAKER):
            self._fill(market, match, match.order(liquidity), liquidity)
        if self.listener is not None:
            self.listener.traded(market, match)

    def _fill(self, market: Market, match: Match, order: Order, liquidity: Liquidity) -> None:
        record, price = self.records.get(order.order_id), match.price_of(order)
        account = self.members.accounts[order.owner]
        if record is None:
            account.fill(order, market.slug, price, match.quantity, 0, self.fee_of(market))
            return
        fee = record.fees.fill(price, match.quantity, liquidity, order.action)
        account.fill(order, market.slug, price, match.quantity, fee, self.fee_of(market))
        record.fill(match.yes_price, match.quantity, fee, match.ts_ns)
        traded = Traded(
            match.trade_id, match.yes_price, match.quantity, liquidity is Liquidity.TAKER, fee
        )
        kind = "FILL" if record.filled >= order.quantity else "PARTIAL_FILL"
        report = self._report(record, kind, match.ts_ns, traded)
        self.activities.setdefault(record.account, []).append(Activity(report, traded))
        self._move(record, market, match, price, fee)

    def _move(
        self, record: OrderRecord, market: Market, match: Match, price: int, fee: int
    ) -> None:
        held = self.positions.setdefault(record.account, {})
        position = held.setdefault(market.slug, Position(market))
        before = position.body()
        position.fill(record.order, price, match.quantity, fee, match.ts_ns)
        if self.listener is not None:
            self.listener.position_changed(record.account, before, position)
        self._tell_balance(self.members.accounts[record.account])

    def _ended(self, event: Ended) -> None:
        record = self.records.get(event.order.order_id)
        if record is None:
            return
        account = self.members.accounts[record.account]
        account.release(record.id)
        self._open.pop(record.id, None)
        if event.ending is Ending.FILLED:
            return
        record.updated_ns = event.ts_ns
        record.state, kind, words = _ENDED.get(event.ending, _CANCELED)
        self._report(record, kind, event.ts_ns, words=words)
        self._tell_balance(account)

    def _report(
        self, record: OrderRecord, kind: str, ts_ns: int, traded: Traded | None = None,
        *, reason: Rejected | None = None, words: str = "",
    ) -> Report:  # fmt: skip
        report = Report(
            self.new_id("E"), record, kind, ts_ns, record.body(), traded,
            "" if reason is None else reason.reason, words if reason is None else reason.words,
        )  # fmt: skip
        if self._collected is not None:
            self._collected.append(report)
        if self.listener is not None:
            self.listener.reported(report)
        return report

    def _tell_book(self, market: Market) -> None:
        if self.listener is not None:
            self.listener.book_changed(market)

    def _tell_balance(self, account: Account) -> None:
        if self.listener is not None and not account.is_unlimited:
            self.listener.balance_changed(account)


def balance_body(account: Account, now_ns: int) -> dict[str, Any]:
    """A row of the account's balances; dollars as JSON numbers, as the venue has them."""
    held = account.cash - account.available()
    return {
        "currentBalance": text.dollar_number(account.cash),
        "currency": "USD",
        "lastUpdated": text.moment(now_ns),
        "buyingPower": text.dollar_number(account.available()),
        "assetNotional": 0,
        "assetAvailable": 0,
        "pendingCredit": 0,
        "openOrders": text.dollar_number(held),
        "unsettledFunds": 0,
        "pendingWithdrawals": [],
        "marginRequirement": 0,
        "balanceReservation": text.dollar_number(held),
    }
