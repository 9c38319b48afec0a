"""A session around a paper venue: books kept by the rules of the engine, events one at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hotpath.paper.settings import FillModel, PaperSettings
from hotpath.paper.venue import PaperVenue
from kairos.domain.book import BinaryBook, BookState
from kairos.domain.fees.kalshi import BalancePrecision, KalshiFees
from kairos.domain.grid import LINEAR_CENT, grid
from kairos.domain.instruments import NO_LEG, YES_LEG, Action, Outcome
from kairos.domain.units import QUANTITY_PER_CONTRACT
from kairos.messages.commands import CancelOrder, SubmitOrder, TimeInForce
from kairos.messages.events import (
    BookDelta,
    BookSnapshot,
    Event,
    MarketDefined,
    MarketDetermined,
    OrderClosed,
    OrderFilled,
    OrderRejected,
    OrderReport,
    VenueQuote,
    VenueTrade,
)

MARKET = "KXBTC15M-TEST"
MS = 1_000_000
CONTRACT = QUANTITY_PER_CONTRACT
LATENCY = 100 * MS
REPORT_LATENCY = 10 * MS
# 7 % of P(1-P) to take, a quarter of that to make, in Kalshi's own rounding.
FEES = KalshiFees("test", 70_000_000_000, 17_500_000_000, BalancePrecision.DIRECT_MEMBER, False)

Level = tuple[int, float]


class Markets:
    """The engine's view of markets: books applied here, by its rules."""

    def __init__(self) -> None:
        self.books: dict[str, BinaryBook] = {}
        self.close: dict[str, int] = {}
        self.paused: set[str] = set()

    def book(self, market: str) -> BinaryBook | None:
        return self.books.get(market)

    def closes_ns(self, market: str) -> int | None:
        return self.close.get(market)

    def is_open(self, market: str, now_ns: int) -> bool:
        return market not in self.paused

    def apply(self, event: Event) -> None:
        if isinstance(event, BookSnapshot):
            book = self.books.setdefault(event.market, BinaryBook(event.market, grid(LINEAR_CENT)))
            book.replace(event.yes, event.no)
            book.state = BookState.LIVE
        elif isinstance(event, BookDelta):
            book = self.books[event.market]
            if book.state is BookState.LIVE:
                book.apply(event.leg, event.price, event.change)
        elif isinstance(event, MarketDefined) and event.close_ns is not None:
            self.close[event.market] = event.close_ns


class Session:
    """Drives a paper venue the way the session loop does. Prices in cents, sizes in contracts."""

    def __init__(
        self,
        model: FillModel = FillModel.REALISTIC,
        latency_ns: int = LATENCY,
        report_latency_ns: int = REPORT_LATENCY,
        **settings: int | None,
    ) -> None:
        self.markets = Markets()
        self.settings = PaperSettings(model, latency_ns, report_latency_ns, **settings)  # type: ignore[arg-type]
        self.venue = PaperVenue(self.settings, self.markets, lambda _market: FEES)
        self.now_ns = 0
        self.reports: list[OrderReport] = []
        self.orders: dict[str, SubmitOrder] = {}
        self._seq = 0
        self._trades = 0

    # Events

    def at(self, milliseconds: float) -> Session:
        self.now_ns = int(milliseconds * MS)
        return self

    def event(self, event: Event) -> None:
        assert event.recv_ns is not None
        if self.venue.busy:
            self.reports.extend(self.venue.advance(event.recv_ns))
        self.markets.apply(event)
        if self.venue.busy:
            self.venue.observe(event)

    def snapshot(
        self, yes: Iterable[Level] = (), no: Iterable[Level] = (), market: str = MARKET
    ) -> None:
        self._seq += 1
        self.event(
            BookSnapshot(self.now_ns, "ws", 1, self._seq, market, _levels(yes), _levels(no), None)
        )

    def delta(self, leg: int, cents: int, change: float, market: str = MARKET) -> None:
        self._seq += 1
        self.event(
            BookDelta(
                self.now_ns,
                "ws",
                1,
                self._seq,
                market,
                leg,
                cents * 100,
                round(change * CONTRACT),
                None,
                None,
            )
        )

    def yes(self, cents: int, change: float) -> None:
        self.delta(YES_LEG, cents, change)

    def no(self, cents: int, change: float) -> None:
        self.delta(NO_LEG, cents, change)

    def trade(self, yes_cents: int, contracts: float, taker: Outcome) -> None:
        self._trades += 1
        self.event(
            VenueTrade(
                self.now_ns,
                "ws",
                MARKET,
                str(self._trades),
                yes_cents * 100,
                round(contracts * CONTRACT),
                taker,
                self.now_ns,
            )
        )

    def quote(self, last_cents: int, last_contracts: float) -> None:
        self.event(
            VenueQuote(
                self.now_ns,
                "ws",
                MARKET,
                4_000,
                6_000,
                last_cents * 100,
                round(last_contracts * CONTRACT),
                self.now_ns,
            )
        )

    def defined(self, close_ns: int | None) -> None:
        self.event(MarketDefined(self.now_ns, MARKET, None, None, None, close_ns, None))

    def determined(self) -> None:
        self.event(MarketDetermined(self.now_ns, MARKET, Outcome.YES, "venue"))

    def lose_book(self, state: BookState = BookState.GAPPED) -> None:
        self.markets.books[MARKET].state = state

    def wait(self, milliseconds: float) -> list[OrderReport]:
        """Let time pass with nothing happening; returns the reports of that time."""
        self.now_ns += int(milliseconds * MS)
        before = len(self.reports)
        if self.venue.busy:
            self.reports.extend(self.venue.advance(self.now_ns))
        return self.reports[before:]

    # Commands

    def submit(
        self,
        name: str,
        action: Action,
        outcome: Outcome,
        cents: float,
        contracts: float,
        time_in_force: TimeInForce = TimeInForce.GTC,
        *,
        post_only: bool = False,
        reduce_only: bool = False,
        market: str = MARKET,
    ) -> SubmitOrder:
        command = SubmitOrder(
            self.now_ns,
            name,
            market,
            outcome,
            action,
            round(cents * 100),
            round(contracts * CONTRACT),
            time_in_force,
            post_only,
            reduce_only,
        )
        self.orders.setdefault(name, command)
        self.venue.submit(command)
        return command

    def buy(
        self,
        name: str,
        cents: float,
        contracts: float,
        time_in_force: TimeInForce = TimeInForce.GTC,
        *,
        post_only: bool = False,
        reduce_only: bool = False,
    ) -> SubmitOrder:
        return self.submit(
            name,
            Action.BUY,
            Outcome.YES,
            cents,
            contracts,
            time_in_force,
            post_only=post_only,
            reduce_only=reduce_only,
        )

    def sell(
        self,
        name: str,
        cents: float,
        contracts: float,
        time_in_force: TimeInForce = TimeInForce.GTC,
        *,
        post_only: bool = False,
        reduce_only: bool = False,
    ) -> SubmitOrder:
        return self.submit(
            name,
            Action.SELL,
            Outcome.YES,
            cents,
            contracts,
            time_in_force,
            post_only=post_only,
            reduce_only=reduce_only,
        )

    def cancel(self, name: str) -> None:
        self.venue.cancel(CancelOrder(self.now_ns, name))

    # What came of it

    def busy(self) -> bool:
        return self.venue.busy

    def fills(self, name: str) -> list[OrderFilled]:
        return [
            report
            for report in self.reports
            if isinstance(report, OrderFilled) and report.client_order_id == name
        ]

    def filled(self, name: str) -> float:
        """Contracts."""
        return sum(fill.quantity for fill in self.fills(name)) / CONTRACT

    def evidence(self, name: str) -> list[str]:
        return [fill.evidence for fill in self.fills(name)]

    def ending(self, name: str) -> str | None:
        """The reason of the only terminal report, None while there is none."""
        endings = [
            report.reason
            for report in self.reports
            if isinstance(report, OrderClosed | OrderRejected) and report.client_order_id == name
        ]
        assert len(endings) <= 1, endings
        return endings[0] if endings else None


def _levels(levels: Iterable[Level]) -> tuple[tuple[int, int], ...]:
    return tuple((cents * 100, round(contracts * CONTRACT)) for cents, contracts in levels)


def kinds(reports: Sequence[OrderReport]) -> list[str]:
    return [type(report).__name__ for report in reports]
