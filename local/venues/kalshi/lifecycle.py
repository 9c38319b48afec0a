"""When markets open, close, are determined and settle; every step is announced as it happens."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from kairos.domain.instruments import Outcome
from kairos.domain.units import NANOSECONDS_PER_MILLISECOND
from kairos.errors import UsageError
from local.venues.core.orders import Ending
from local.venues.kalshi.exchange import Exchange
from local.venues.kalshi.markets import Market, MarketSpec, Status

_CANCEL_AFTER_NS: Final = 560 * NANOSECONDS_PER_MILLISECOND
_DETERMINE_AFTER_NS: Final = 1_300 * NANOSECONDS_PER_MILLISECOND
PLANNED_MAX: Final = 100_000

Step = Callable[[Market, int], None]
# How a market ends: the outcome, and the number it was decided by.
OutcomeOf = Callable[[MarketSpec], tuple[Outcome, str]]


@dataclass(slots=True)
class Lifecycle:
    """Keeps the appointments of every listed market. `on_open` may give a market its flow."""

    exchange: Exchange
    outcome_of: OutcomeOf
    on_open: Callable[[Market, int], None] = lambda _market, _now: None
    _due: list[tuple[int, int, str, Step]] = field(default_factory=list)
    _specs: dict[str, MarketSpec] = field(default_factory=dict)
    _entered: int = 0

    def plan(self, spec: MarketSpec) -> None:
        """List the market in its time, now when that is past, and see it through to its end."""
        if len(self._due) >= PLANNED_MAX:
            raise UsageError("too many markets are planned; list fewer")
        self._specs[spec.ticker] = spec
        self._enter(spec.open_ns - spec.list_before_ns, spec.ticker, _nothing)
        self._enter(spec.open_ns, spec.ticker, self._open)
        self._enter(spec.close_ns, spec.ticker, self._close)
        self._enter(spec.close_ns + _CANCEL_AFTER_NS, spec.ticker, self._cancel_all)
        self._enter(spec.close_ns + _DETERMINE_AFTER_NS, spec.ticker, self._determine)
        settle_ns = max(spec.settle_after_ns, _DETERMINE_AFTER_NS)
        self._enter(spec.close_ns + settle_ns, spec.ticker, self._settle)

    def advance(self, now_ns: int) -> None:
        """Take every step that is due, in order."""
        while self._due and self._due[0][0] <= now_ns:
            _, _, ticker, step = heapq.heappop(self._due)
            market = self.exchange.markets.get(ticker)
            if market is None:
                market = self.exchange.add_market(self._specs[ticker])
            step(market, now_ns)

    def deactivate(self, ticker: str) -> None:
        """Pause one market: resting orders stay until it trades again."""
        market = self.exchange.market(ticker)
        if market.status is Status.ACTIVE:
            market.status = Status.INACTIVE
            self.exchange.announce(market, "deactivated")

    def reactivate(self, ticker: str) -> None:
        """Let it trade again; that cancels everything that rests there."""
        market = self.exchange.market(ticker)
        if market.status is Status.INACTIVE:
            self._empty(market, self.exchange.clock.now_ns(), Ending.PAUSED)
            market.status = Status.ACTIVE
            self.exchange.announce(market, "activated")

    def _enter(self, due_ns: int, ticker: str, step: Step) -> None:
        self._entered += 1
        heapq.heappush(self._due, (due_ns, self._entered, ticker, step))

    def _open(self, market: Market, now_ns: int) -> None:
        market.status = Status.ACTIVE
        self.exchange.announce(market, "activated")
        if market.spec.strike_at_open:
            self.exchange.announce(market, "metadata_updated")
        self.on_open(market, now_ns)

    def _close(self, market: Market, _now_ns: int) -> None:
        market.status = Status.CLOSED
        flow = self.exchange.flows.pop(market.ticker, None)
        if flow is not None:
            flow.stop(market.close_ns)

    def _cancel_all(self, market: Market, now_ns: int) -> None:
        self._empty(market, now_ns, Ending.MARKET_CLOSED)
        self.exchange.announce(market, "deactivated")

    def _empty(self, market: Market, now_ns: int, ending: Ending) -> None:
        events = market.book.cancel_where(lambda _order: True, now_ns, ending)
        self.exchange.apply(market.ticker, events)

    def _determine(self, market: Market, now_ns: int) -> None:
        market.result, market.expiration_value = self.outcome_of(market.spec)
        market.status, market.determined_ns = Status.DETERMINED, now_ns
        self.exchange.announce(market, "determined")

    def _settle(self, market: Market, now_ns: int) -> None:
        if market.result is not None:
            self.exchange.settle(market, market.result, now_ns)


def _nothing(_market: Market, _now_ns: int) -> None:
    """Listing is all there is to do."""
