"""The simulated Polymarket itself: markets, wallets, orders and time, without any network.

Everything that happens is told to one `Listener`; whoever drives the exchange calls `advance`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from kairos.domain.instruments import Outcome
from kairos.domain.units import NANOSECONDS_PER_SECOND, PRICE_PER_DOLLAR, notional
from kairos.errors import VenueRefused
from kairos.messages.commands import TimeInForce
from local.venues.core.accounts import Members, OutOfBalance
from local.venues.core.clock import SimClock
from local.venues.core.flow import FLOW_OWNER, Flow, FlowDesk
from local.venues.core.orders import BookEvent, Ended, Ending, LevelChanged, Match, Rested
from local.venues.polymarket.errors import from_refusal
from local.venues.polymarket.heartbeats import Heartbeats
from local.venues.polymarket.markets import Market, MarketSpec, Status
from local.venues.polymarket.records import DELAYED, ENDINGS, OTHERS_WALLET, OrderRecord
from local.venues.polymarket.settlement import Settlement
from local.venues.polymarket.signatures import digest_of

RECORDS_MAX: Final = 500_000
# The real venue makes the tick finer near the ends.
_FINE_BELOW: Final = 400
_FINE_TICK: Final = 10
_COARSE_TICK: Final = 100


class Listener(Protocol):
    """Who hears what happens; the websocket hub in a server, a list in a test."""

    def book_changed(self, market: Market, levels: set[tuple[int, int]]) -> None: ...

    def traded(self, market: Market, price: int, quantity: int, taker: str) -> None: ...

    def order_changed(self, record: OrderRecord, kind: str) -> None: ...

    def trade_changed(self, trade: Any) -> None: ...  # noqa: ANN401 - TradeRecord

    def tick_changed(self, market: Market, before: int) -> None: ...

    def listed(self, market: Market) -> None: ...

    def resolved(self, market: Market, result: Outcome) -> None: ...


@dataclass(slots=True)
class Mode:
    """What the exchange takes. Times are the venue's own nanoseconds."""

    restarting_until_ns: int = 0
    post_only_until_ns: int = 0
    is_cancel_only: bool = False
    country: str = "CH"
    is_blocked: bool = False


@dataclass(slots=True)
class Exchange:
    """All state of the venue. Not thread-safe: one task drives it."""

    clock: SimClock
    settlement: Settlement
    heartbeats: Heartbeats
    listener: Listener | None = None
    members: Members = field(default_factory=lambda: Members(nets=False))
    mode: Mode = field(default_factory=Mode)
    markets: dict[str, Market] = field(default_factory=dict)
    by_token: dict[str, Market] = field(default_factory=dict)
    records: dict[str, OrderRecord] = field(default_factory=dict)
    flows: dict[str, Flow] = field(default_factory=dict)
    desk: FlowDesk = field(init=False)
    changes_ticks: bool = True
    _books: dict[str, Any] = field(default_factory=dict)
    _open: dict[str, None] = field(default_factory=dict)
    _delayed: deque[tuple[int, OrderRecord]] = field(default_factory=deque)
    _trades: int = 0

    def __post_init__(self) -> None:
        self.members.open(FLOW_OWNER, 0, is_unlimited=True)
        self.desk = FlowDesk(self._books, self.apply)
        self.settlement.bind(self.members, self._trade_changed)

    # --- listing ------------------------------------------------------------------------------

    def add_market(self, spec: MarketSpec, status: Status = Status.OPEN) -> Market:
        market = Market(spec, self._trade_id, status)
        self.markets[spec.condition_id] = market
        self.by_token |= dict.fromkeys(spec.tokens, market)
        self._books[spec.condition_id] = market.book
        if self.listener is not None:
            self.listener.listed(market)
        return market

    def set_tick(self, market: Market, tick: int) -> None:
        before, market.tick = market.tick, tick
        if before != tick and self.listener is not None:
            self.listener.tick_changed(market, before)

    def close(self, market: Market) -> None:
        """Take no more orders and end those that rest."""
        market.status = Status.CLOSED
        flow = self.flows.pop(market.id, None)
        now_ns = self.clock.now_ns()
        if flow is not None:
            flow.stop(now_ns)
        for _, record in [each for each in self._delayed if each[1].market is market]:
            self._drop_delayed(record, Ending.MARKET_CLOSED)
        events = market.book.cancel_where(lambda _order: True, now_ns, Ending.MARKET_CLOSED)
        self.apply(market.id, events)

    def resolve(self, market: Market, result: Outcome) -> None:
        """Pay out what everyone holds; nobody has to redeem here."""
        if market.status is not Status.CLOSED:
            self.close(market)
        market.status, market.result = Status.RESOLVED, result
        yes_price = PRICE_PER_DOLLAR if result is Outcome.YES else 0
        for account in self.members.accounts.values():
            account.settle(market.id, yes_price)
        if self.listener is not None:
            self.listener.resolved(market, result)

    # --- orders -------------------------------------------------------------------------------

    def keep(self, record: OrderRecord) -> None:
        if len(self.records) >= RECORDS_MAX:
            raise OutOfBalance("the simulator's memory of orders is full")
        self.records[record.id] = record
        self._open[record.id] = None

    def enter(self, record: OrderRecord, delay_ns: int) -> None:
        """Reserve its funds and match it, now or once the delay is over.

        Raises VenueRefused, and nothing is left behind.
        """
        account = self.members.accounts[record.wallet]
        account.reserve(record.order, record.market.id, record.fee_of)
        if delay_ns:
            record.status = DELAYED
            self.keep(record)
            self._delayed.append((self.clock.now_ns() + delay_ns, record))
            self._tell(record, "PLACEMENT")
            return
        self.keep(record)
        self._match(record)

    def _match(self, record: OrderRecord) -> None:
        if record.spend is not None:
            record.order.quantity = shares_for(record.market, record, record.spend)
        try:
            events = record.market.book.submit(record.order, self.clock.now_ns())
        except VenueRefused as refusal:
            self.members.accounts[record.wallet].release(record.id)
            self._forget(record)
            raise from_refusal(refusal) from refusal
        record.status = "LIVE"
        self.apply(record.market.id, events)

    def _forget(self, record: OrderRecord) -> None:
        self.records.pop(record.id, None)
        self._open.pop(record.id, None)

    def end(self, record: OrderRecord, ending: Ending) -> None:
        """End a resting order."""
        events = record.market.book.cancel(record.id, self.clock.now_ns(), ending)
        self.apply(record.market.id, events)

    def end_where(self, matches: Callable[[OrderRecord], bool]) -> list[OrderRecord]:
        """Cancel every resting order that matches; delayed ones cannot be."""
        chosen = [r for r in self.open_records() if r.status != DELAYED and matches(r)]
        for record in chosen:
            self.end(record, Ending.CANCELED)
        return chosen

    def open_records(self) -> list[OrderRecord]:
        """Members' open orders, oldest first."""
        return [self.records[order_id] for order_id in self._open]

    # --- time ---------------------------------------------------------------------------------

    def advance(self) -> None:
        """Let everything happen that is due."""
        now_ns = self.clock.now_ns()
        while self._delayed and self._delayed[0][0] <= now_ns:
            _, record = self._delayed.popleft()
            self._match(record)
        for market in self.markets.values():
            self.apply(market.id, market.book.expire(now_ns))
        for api_key in self.heartbeats.silent(now_ns):
            self.end_where(_is_of(api_key))
        self.settlement.advance(now_ns)
        if now_ns < self.mode.restarting_until_ns:
            return
        for market_id, flow in list(self.flows.items()):
            if flow.next_ns <= now_ns and self.markets[market_id].is_trading:
                flow.act(now_ns)

    def restart(self, seconds: float, post_only_seconds: float) -> None:
        """Answer 425 for a while, then take only orders that rest for another."""
        now_ns = self.clock.now_ns()
        self.mode.restarting_until_ns = now_ns + int(seconds * NANOSECONDS_PER_SECOND)
        self.mode.post_only_until_ns = self.mode.restarting_until_ns + int(
            post_only_seconds * NANOSECONDS_PER_SECOND
        )

    # --- what happened in a book --------------------------------------------------------------

    def apply(self, market_id: str, events: list[BookEvent]) -> None:
        """Account for what a book says happened, and tell the listener."""
        if not events:
            return
        market = self.markets[market_id]
        market.changed_ns = events[-1].ts_ns
        self._take_matches(market, [each for each in events if isinstance(each, Match)])
        levels: set[tuple[int, int]] = set()
        for event in events:
            match event:
                case Ended():
                    self._ended(event)
                case Rested():
                    self._rested(event)
                case LevelChanged():
                    levels.add((event.leg, event.price))
                case _:
                    pass
        if levels and self.listener is not None:
            self.listener.book_changed(market, levels)

    def _take_matches(self, market: Market, matches: list[Match]) -> None:
        """What one order took at one price is one trade."""
        groups: dict[tuple[str, int], list[Match]] = {}
        for match in matches:
            groups.setdefault((match.taker.order_id, match.yes_price), []).append(match)
        for group in groups.values():
            self._trade(market, group)

    def _trade(self, market: Market, group: list[Match]) -> None:
        for match in group:
            self._fill(market, match)
        trade = self.settlement.book(market, group, self.records, self._trade_id())
        taker, quantity = group[0].taker, trade.quantity
        market.last_price, market.volume = group[0].yes_price, market.volume + quantity
        market.last_side = taker.action.value
        for record in {r.id: r for r in (trade.record, *(m.record for m in trade.makers)) if r}:
            self.records[record].trades.append(trade.id)
        if self.listener is not None:
            token = market.spec.token(taker.outcome)
            self.listener.traded(market, trade.price, quantity, token)
        self._trade_changed(trade)
        self._refine_tick(market)

    def _fill(self, market: Market, match: Match) -> None:
        for order in (match.taker, match.maker):
            record = self.records.get(order.order_id)
            price = match.price_of(order)
            fee_of = _free if record is None else record.fee_of
            account = self.members.accounts[order.owner]
            account.fill(order, market.id, price, match.quantity, 0, fee_of)
            if record is not None:
                record.spent += notional(price, match.quantity)
                record.updated_ns = match.ts_ns
                if order is match.maker and order.remaining:
                    self._tell(record, "UPDATE")

    def _ended(self, event: Ended) -> None:
        record = self.records.get(event.order.order_id)
        if record is None:
            return
        self.members.accounts[record.wallet].release(record.id)
        self._open.pop(record.id, None)
        record.updated_ns = event.ts_ns
        record.status = ENDINGS.get(event.ending, "CANCELED")
        if event.ending is Ending.NOT_FILLED and record.order.filled:
            record.status = "MATCHED"
        self._tell(record, "UPDATE" if record.status == "MATCHED" else "CANCELLATION")

    def _rested(self, event: Rested) -> None:
        record = self.records.get(event.order.order_id)
        if record is not None:
            record.status, record.updated_ns = "LIVE", event.ts_ns
            self._tell(record, "PLACEMENT")

    def _drop_delayed(self, record: OrderRecord, ending: Ending) -> None:
        self._delayed = deque(each for each in self._delayed if each[1] is not record)
        record.order.ending = ending
        now_ns = self.clock.now_ns()
        left = record.order.quantity
        self._ended(Ended(now_ns, record.market.id, record.order, ending, left))

    def _refine_tick(self, market: Market) -> None:
        price = market.last_price
        if not self.changes_ticks or price is None or market.tick != _COARSE_TICK:
            return
        if not _FINE_BELOW <= price <= PRICE_PER_DOLLAR - _FINE_BELOW:
            self.set_tick(market, _FINE_TICK)

    def _tell(self, record: OrderRecord, kind: str) -> None:
        if self.listener is not None:
            self.listener.order_changed(record, kind)

    def _trade_changed(self, trade: Any) -> None:  # noqa: ANN401
        if self.listener is not None and trade.has_member:
            self.listener.trade_changed(trade)

    def _trade_id(self) -> str:
        self._trades += 1
        word = digest_of(f"{OTHERS_WALLET}/{self._trades}".encode()).hex()
        return f"{word[:8]}-{word[8:12]}-4{word[13:16]}-a{word[17:20]}-{word[20:32]}"


def _is_of(api_key: str) -> Callable[[OrderRecord], bool]:
    return lambda record: record.api_key == api_key


def shares_for(market: Market, record: OrderRecord, cash: int) -> int:
    """Micro-contracts that cash buys off the book now; what is left of it counts at the limit."""
    _, asks = market.levels(record.token)
    shares, limit = 0, record.order.price
    for price, quantity in reversed(asks):
        if price > limit or not cash:
            break
        taken = min(quantity, cash * PRICE_PER_DOLLAR // price)
        shares, cash = shares + taken, cash - notional(price, taken)
        if taken < quantity:
            return shares
    return shares + cash * PRICE_PER_DOLLAR // limit


def _free(_price: int, _quantity: int, _liquidity: object) -> int:
    return 0


def immediate(order_type: str) -> TimeInForce | None:
    """The kind of an order that cannot rest."""
    return {"FAK": TimeInForce.IOC, "FOK": TimeInForce.FOK}.get(order_type)
