"""The engine: one event in, commands out, nothing else. The same in paper, replay and live.

It reads no clock, file, socket, environment variable or random source: time is in the events. It
keeps the books true, tells the strategy what changed, and books what the venue proved.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hotpath.account import Account
from hotpath.books import Books
from hotpath.market import Market
from hotpath.risk import RiskDesk
from hotpath.spot import Spot
from hotpath.strategies.base import NOTHING, Strategy
from kairos.domain.book import TOP_SIZE_CHANGE, BookState
from kairos.domain.contract import contract
from kairos.domain.grid import Ranges
from kairos.domain.ledger import LedgerRules
from kairos.errors import Malformed, UsageError
from kairos.messages.commands import AmendOrder, BookStateChanged, Command, SubmitOrder
from kairos.messages.events import (
    AmendRejected,
    BookDelta,
    BookSnapshot,
    BreakFound,
    BreakResolved,
    CashAdjusted,
    ChannelReply,
    ChannelSubscribed,
    ConnectionOpened,
    ControlChanged,
    Event,
    FeeCharged,
    FillVoided,
    HealthObserved,
    IndexValue,
    InputQuarantined,
    MarketDefined,
    MarketDetermined,
    MarketTrading,
    OrderAccepted,
    OrderAdopted,
    OrderAmended,
    OrderClosed,
    OrderFilled,
    OrderRejected,
    OrderReport,
    OrderUnknown,
    OutcomesKnown,
    PositionAdopted,
    SpotHeartbeat,
    SpotTrade,
    TimerFired,
    VenueQuote,
    VenueTrade,
)

LIVE: Final = BookState.LIVE
_RISKY: Final = frozenset({SubmitOrder, AmendOrder})


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What the engine itself needs; strategies bring their own settings."""

    book_stale_after_ns: int = 30_000_000_000
    opening_cash: int = 1_000_000_000  # micro-dollars
    ledger: LedgerRules = field(default_factory=lambda: LedgerRules(netting=True, allow_debt=False))

    def __post_init__(self) -> None:
        for name in ("book_stale_after_ns", "opening_cash"):
            if getattr(self, name) <= 0:
                raise UsageError(f"engine.{name} is {getattr(self, name)}: use more than 0")


def no_ranges(_market: str) -> Ranges | None:
    """For venues that describe every market: assume nothing."""
    return None


def _completed(event: MarketDefined, known: MarketDefined | None) -> MarketDefined:
    """What a message leaves out stays as it was: silence about a strike does not remove it."""
    if known is None:
        return event
    return MarketDefined(
        event.recv_ns,
        event.market,
        known.strike_type if event.strike_type is None else event.strike_type,
        known.floor_strike if event.floor_strike is None else event.floor_strike,
        known.cap_strike if event.cap_strike is None else event.cap_strike,
        known.close_ns if event.close_ns is None else event.close_ns,
        known.grid if event.grid is None else event.grid,
    )


class Engine:
    """`handle(event) -> commands`. Read `markets`, `spot` and `account`; never write them."""

    def __init__(
        self,
        strategy: Strategy,
        settings: EngineSettings,
        account: Account,
        spot: Spot,
        risk: RiskDesk,
        ranges_of: Callable[[str], Ranges | None] = no_ranges,
    ) -> None:
        self._outbox: list[Command] = []
        self._settings = settings
        self.strategy = strategy
        self.books = Books(ranges_of, self._outbox)
        self.markets: dict[str, Market] = self.books.markets
        self.account = account
        self.spot = spot
        self.risk = risk
        self.now_ns = 0
        self._handlers: dict[type[Any], Callable[[Any], Sequence[Command]]] = {
            BookSnapshot: self._on_snapshot,
            SpotTrade: self._on_spot,
            SpotHeartbeat: self._on_heartbeat,
            IndexValue: self._on_index,
            VenueQuote: self._on_quote,
            VenueTrade: self._on_trade,
            ChannelReply: self._quietly(self.books.reply),
            ChannelSubscribed: self._quietly(self.books.subscribed),
            ConnectionOpened: self._quietly(self.books.connection_opened),
            InputQuarantined: self._quietly(self.books.quarantined),
            MarketDefined: self._on_defined,
            MarketTrading: self._on_trading,
            MarketDetermined: self._on_determined,
            OutcomesKnown: lambda _event: NOTHING,
            TimerFired: self._on_timer,
            OrderAccepted: self._reported(self.account.accepted),
            OrderRejected: self._reported(self.account.rejected),
            OrderFilled: self._reported(self.account.filled),
            OrderClosed: self._reported(self.account.closed),
            OrderUnknown: self._reported(self.account.in_doubt),
            OrderAmended: self._reported(self.account.amended),
            AmendRejected: self._reported(self.account.amend_rejected),
            FeeCharged: self._reported(self.account.fee_charged),
            FillVoided: self._reported(self.account.fill_voided),
            OrderAdopted: self._reported(self._adopt),
            PositionAdopted: self._on_position,
            CashAdjusted: self._on_cash,
            BreakFound: self._on_break,
            BreakResolved: self._on_break,
            ControlChanged: lambda event: self._flush(self.risk.on_control(event, self.now_ns)),
            HealthObserved: lambda event: self._flush(self.risk.on_health(event, self.now_ns)),
        }

    def handle(self, event: Event) -> Sequence[Command]:  # noqa: C901
        """Take one event and return what follows from it. Engine time never goes back.

        Nine of ten events are deltas that continue a live book below its top: they go first.
        """
        try:
            if type(event) is BookDelta:
                now_ns = event.recv_ns
                if now_ns > self.now_ns:
                    self.now_ns = now_ns
                else:
                    now_ns = self.now_ns
                market, seq = self.markets.get(event.market), event.seq
                if market is not None and (channel := market.channel) is not None:
                    book = market.book
                    if (
                        channel.next_seq == seq
                        and book.state is LIVE
                        and channel.sid == event.sid
                        and channel.conn == event.conn
                    ):
                        channel.next_seq = seq + 1
                        channel.last_recv_ns = now_ns
                        if event.leg:
                            levels, best, slot = book.no, book.best_no, book.no_slot[event.price]
                        else:
                            levels, best, slot = book.yes, book.best_yes, book.yes_slot[event.price]
                        if 0 <= slot < best:
                            quantity = levels[slot] + event.change
                            if quantity >= 0:  # the short form of `apply` for a deep level
                                levels[slot] = quantity
                                return NOTHING
                        top = book.apply(event.leg, event.price, event.change)
                        if not top or (top == TOP_SIZE_CHANGE and not market.watch_size):
                            return NOTHING
                        return self._account_for(self.strategy.on_book(market, now_ns))
                return self._on_delta(event)
            if event.recv_ns is not None and event.recv_ns > self.now_ns:
                self.now_ns = event.recv_ns
            return self._handlers[type(event)](event)
        except Malformed as problem:
            if isinstance(event, OrderReport):
                raise  # a report that cannot be booked must not be passed over
            if isinstance(event, BookDelta) and event.market in self.markets:
                return self._broken(self.markets[event.market], problem)
            self.books.now_ns = self.now_ns
            self.books.refuse(getattr(event, "market", None), problem.reason, problem.detail)
            return self._flush()

    def _on_delta(self, event: BookDelta) -> Sequence[Command]:
        self.books.now_ns = self.now_ns
        market, top = self.books.delta(event)
        if market is None or not top:
            return self._flush()
        return self._flush(self.strategy.on_book(market, self.now_ns))

    def _broken(self, market: Market, problem: Malformed) -> Sequence[Command]:
        self.books.now_ns = self.now_ns
        self.books.break_book(market, problem)
        return self._flush()

    def _on_snapshot(self, event: BookSnapshot) -> Sequence[Command]:
        self.books.now_ns = self.now_ns
        market = self.books.snapshot(event)
        if market is None:
            return self._flush()
        return self._flush(self.strategy.on_book(market, self.now_ns))

    def _on_spot(self, event: SpotTrade) -> Sequence[Command]:
        if not self.spot.take(event, self.now_ns):
            return NOTHING
        commands = self.strategy.on_spot(event.price, self.now_ns)
        return self._account_for(commands) if commands else NOTHING

    def _on_heartbeat(self, event: SpotHeartbeat) -> Sequence[Command]:
        self.spot.heartbeat(event, self.now_ns)
        return NOTHING

    def _on_index(self, event: IndexValue) -> Sequence[Command]:
        return self._account_for(self.strategy.on_index(event, self.now_ns))

    def _on_quote(self, event: VenueQuote) -> Sequence[Command]:
        self.books.now_ns = self.now_ns
        market = self.books.market(event.market)
        return self._account_for(self.strategy.on_quote(event, market, self.now_ns))

    def _on_trade(self, event: VenueTrade) -> Sequence[Command]:
        return NOTHING

    def _on_defined(self, event: MarketDefined) -> Sequence[Command]:
        self.books.now_ns = self.now_ns
        market = self.books.market(event.market)
        event = market.definition = _completed(event, market.definition)
        if event.close_ns is not None:
            market.close_ns = event.close_ns
        if event.grid is not None:
            self.books.use_grid(market, event.grid)
        if event.strike_type is not None and market.close_ns is not None:
            self._define_contract(market, event, event.strike_type, market.close_ns)
        self.strategy.on_market(market, self.now_ns)
        return self._flush()

    def _define_contract(
        self, market: Market, event: MarketDefined, strike_type: str, close_ns: int
    ) -> None:
        market.contract = None  # what cannot be rebuilt is not priced as it was before
        try:
            market.contract = contract(
                event.market, strike_type, event.floor_strike, event.cap_strike, close_ns
            )
        except Malformed as problem:
            if problem.reason == "missing_field":
                return  # a strike that is set when the window opens is not known before
            self.books.refuse(event.market, problem.reason, problem.detail)

    def _on_trading(self, event: MarketTrading) -> Sequence[Command]:
        self.books.now_ns = self.now_ns
        market = self.books.market(event.market)
        market.active = event.active
        self.strategy.on_market(market, self.now_ns)
        return self._flush()

    def _on_determined(self, event: MarketDetermined) -> Sequence[Command]:
        self.books.now_ns = self.now_ns
        market = self.books.market(event.market)
        if market.outcome is not None and market.outcome is not event.outcome:
            detail = f"{event.source} says {event.outcome}, was {market.outcome}"
            self.books.refuse(event.market, "outcome_conflict", detail)
            return self._flush()
        market.outcome = event.outcome
        self.account.settled(market, event.outcome)
        self.strategy.on_market(market, self.now_ns)
        return self._flush(self.risk.on_position(market, self.now_ns))

    def _on_timer(self, event: TimerFired) -> Sequence[Command]:
        self.books.now_ns = self.now_ns
        self.books.check_stale(self._settings.book_stale_after_ns)
        stops = self.risk.on_timer(self.markets, self.strategy.estimate, self.now_ns)
        commands = self.strategy.on_timer(self.now_ns)
        if stops:
            commands = [*stops, *commands]
        return self._flush(commands) if commands or self._outbox else NOTHING

    def _quietly(self, act: Callable[[Any], None]) -> Callable[[Any], Sequence[Command]]:
        """For events that the strategy hears of through what they change."""

        def handler(event: Event) -> Sequence[Command]:
            self.books.now_ns = self.now_ns
            act(event)
            return self._flush() if self._outbox else NOTHING

        return handler

    # Reports: the account books them, then the risk desk follows

    def _reported(self, act: Callable[[Any], None]) -> Callable[[Any], Sequence[Command]]:
        def handler(event: OrderReport) -> Sequence[Command]:
            self.books.now_ns = self.now_ns
            act(event)
            return self._flush(self.risk.on_report(event, self.markets, self.now_ns))

        return handler

    def _adopt(self, event: OrderAdopted) -> None:
        self.account.adopted(event, self.books.market(event.market))

    def _on_position(self, event: PositionAdopted) -> Sequence[Command]:
        self.books.now_ns = self.now_ns
        market = self.books.market(event.market)
        self.account.position_adopted(event, market)
        return self._flush(self.risk.on_position(market, self.now_ns))

    def _on_cash(self, event: CashAdjusted) -> Sequence[Command]:
        self.account.cash_adjusted(event)
        return self._flush(self.risk.on_cash(event, self.now_ns))

    def _on_break(self, event: BreakFound | BreakResolved) -> Sequence[Command]:
        return self._flush(self.risk.on_break(event, self.now_ns))

    def _flush(self, commands: Sequence[Command] = NOTHING) -> Sequence[Command]:
        """What the books had to say first, then what the strategy concluded."""
        if not self._outbox:
            return self._account_for(commands)
        concluded: list[Command] = []
        for said in self._outbox:
            if isinstance(said, BookStateChanged):
                concluded += self.strategy.on_state(self.markets[said.market], self.now_ns)
        everything = [*self._outbox, *concluded, *commands]
        self._outbox.clear()
        return self._account_for(everything)

    def _account_for(self, commands: Sequence[Command]) -> Sequence[Command]:
        """Nothing may leave that the risk desk has not let pass, and nothing that is not booked."""
        for command in commands:
            if type(command) in _RISKY:
                return self._admitted(commands)
        return commands

    def _admitted(self, commands: Sequence[Command]) -> Sequence[Command]:
        said = self.risk.before_orders(self.markets, self.strategy.estimate, self.now_ns)
        admitted = self.risk.screen(commands, self.books.market, self.now_ns)
        for command in admitted:
            if type(command) is SubmitOrder:
                self.account.submitted(command, self.books.market(command.market))
            elif type(command) is AmendOrder:
                self.account.amending(command)
        return [*said, *admitted] if said else admitted
