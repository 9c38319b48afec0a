"""Gathers what the report draws while a run goes by, in memory that does not grow with it."""

from __future__ import annotations

import bisect
from collections import deque
from collections.abc import Sequence
from typing import Final

from cli.report.thinning import SeriesThinner
from hotpath.engine import Engine
from hotpath.market import Market
from kairos.domain.book import BookState
from kairos.domain.instruments import Outcome
from kairos.domain.units import PRICE_PER_DOLLAR
from kairos.messages.commands import Command, Decision, DecisionSweep, SubmitOrder
from kairos.messages.events import MarketDetermined, OrderFilled, OrderReport

MARKETS_MAX: Final = 60  # charts, the first ones seen; the tables name every market
MARKERS_MAX: Final = 400  # per market, the latest
EDGE_BOUNDS: Final = tuple(x / 100 for x in (-20, -10, -5, -3, -2, -1, 0, 1, 2, 3, 4, 5, 7, 10, 20))
_POINTS: Final = 4_000


class Marker:
    """An order that was decided on; `filled` turns true when any of it fills."""

    __slots__ = ("filled", "price", "side", "ts_ns", "verdict")

    def __init__(self, order: SubmitOrder) -> None:
        self.ts_ns = order.ts_ns
        self.verdict = "TAKE" if order.action.value == "BUY" else "EXIT"
        self.side = order.outcome
        self.price = order.price
        self.filled = False


class MarketLines:
    """The two lines of a market's chart and the orders on it."""

    __slots__ = ("close_ns", "fair", "markers", "mid", "open_ns", "strike")

    def __init__(self, now_ns: int) -> None:
        self.open_ns = now_ns
        self.close_ns = now_ns
        self.strike: str | None = None
        self.mid = SeriesThinner(_POINTS)
        self.fair = SeriesThinner(_POINTS)
        self.markers: deque[Marker] = deque(maxlen=MARKERS_MAX)


class RunCharts:
    """A sink beside the record: samples once a second, counts edges, remembers orders."""

    def __init__(self) -> None:
        self.equity = SeriesThinner()
        self.spot = SeriesThinner()
        self.markets: dict[str, MarketLines] = {}
        self.evaluated = [0] * (len(EDGE_BOUNDS) + 1)
        self.taken = [0] * (len(EDGE_BOUNDS) + 1)
        self._by_order: dict[str, Marker] = {}

    def commands(self, commands: Sequence[Command]) -> None:
        for command in commands:
            if isinstance(command, Decision):
                self._edge(command)
            elif isinstance(command, DecisionSweep):
                for decision in command.expand():
                    self._edge(decision)
            elif isinstance(command, SubmitOrder):
                self._mark(command)

    def _edge(self, decision: Decision) -> None:
        if decision.ev_net is None:
            return
        index = bisect.bisect_right(EDGE_BOUNDS, decision.ev_net)
        self.evaluated[index] += 1
        if decision.verdict == "TAKE":
            self.taken[index] += 1

    def _mark(self, order: SubmitOrder) -> None:
        lines = self.markets.get(order.market)
        if lines is not None:
            marker = Marker(order)
            lines.markers.append(marker)
            self._by_order[order.client_order_id] = marker

    def report(self, report: OrderReport, engine: Engine) -> None:
        marker = self._by_order.get(report.client_order_id)
        if isinstance(report, OrderFilled):
            if marker is not None:
                marker.filled = True
            self._equity(engine)
        elif report.client_order_id not in engine.account.orders:
            self._by_order.pop(report.client_order_id, None)

    def settled(self, event: MarketDetermined, yes_held: int, no_held: int, engine: Engine) -> None:
        self._equity(engine)

    def timer(self, now_ns: int, engine: Engine) -> None:
        if engine.spot.price is not None:
            self.spot.add(now_ns, engine.spot.price)
        if now_ns // 1_000_000_000 % 5 == 0:
            self._equity(engine)
        for market in engine.markets.values():
            if market.contract is not None and market.is_open(now_ns):
                self._sample(market, now_ns, engine)

    def _sample(self, market: Market, now_ns: int, engine: Engine) -> None:
        lines = self.markets.get(market.market_id)
        if lines is None:
            if len(self.markets) >= MARKETS_MAX:
                return
            lines = self.markets[market.market_id] = MarketLines(now_ns)
        lines.close_ns = now_ns
        if market.definition is not None:
            lines.strike = market.definition.floor_strike or market.definition.cap_strike
        bid, ask = market.book.yes_bid, market.book.yes_ask
        live = market.book.state is BookState.LIVE and bid is not None and ask is not None
        mid = (bid + ask) / (2 * PRICE_PER_DOLLAR) if live and bid and ask else None
        lines.mid.add(now_ns, mid)
        lines.fair.add(now_ns, engine.strategy.estimate(market, now_ns))

    def _equity(self, engine: Engine) -> None:
        """Realised result plus what positions would bring at the bid; unknown without a bid."""
        ledger = engine.account.ledger
        marks = {}
        for position in ledger.positions():
            book = engine.markets[position.market].book
            bid = book.yes_bid if position.outcome is Outcome.YES else book.no_bid
            if bid is not None:
                marks[position.market, position.outcome] = bid
        value = ledger.value(marks)
        net = ledger.result.net + value.unrealised
        self.equity.add(engine.now_ns, None if value.unmarked else float(net))
