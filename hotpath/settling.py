"""When a market closed, what it settled on as far as anybody has said: a file, or the next strike.

The venue's own lifecycle message reaches the engine like any other event and needs nothing here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from heapq import heappop, heappush
from typing import Final

from hotpath.market import Market
from hotpath.outcomes import KnownOutcome, implied_by_next_strike
from kairos.bootstrap import series_of
from kairos.domain.units import NANOSECONDS_PER_SECOND
from kairos.messages.events import MarketDefined, MarketDetermined

SETTLE_AFTER_NS: Final = 5 * NANOSECONDS_PER_SECOND
WINDOW_NS: Final = 900 * NANOSECONDS_PER_SECOND


class Settling:
    """Outcomes given from outside, and those that strikes imply; the given ones win."""

    def __init__(self, given: Mapping[str, KnownOutcome]) -> None:
        self.given = dict(given)
        self._implied: dict[str, KnownOutcome] = {}
        self._closing: list[tuple[int, str]] = []  # (when to look, market)

    def learn(self, event: MarketDefined, markets: Mapping[str, Market]) -> None:
        """Note when the market closes; where its strike is the last window's settlement value, it
        tells that window's result."""
        market = markets.get(event.market)
        if market is None:
            return  # one market too many: it was refused
        if market.close_ns is not None:
            heappush(self._closing, (market.close_ns + SETTLE_AFTER_NS, event.market))
        series = series_of(event.market)
        if series is None or not series.strike_is_previous_settlement:
            return
        if event.floor_strike is None or market.contract is None:
            return
        for before in _window_before(event.market, market.contract.close_ns, markets.values()):
            contract = before.contract
            known = contract and implied_by_next_strike(contract, event.floor_strike)
            if contract and known:
                self._implied[before.market_id] = known
                heappush(self._closing, (contract.close_ns + SETTLE_AFTER_NS, before.market_id))

    def due(self, markets: Mapping[str, Market], now_ns: int) -> list[MarketDetermined]:
        """Determinations of markets that closed a moment ago, or whose result was just implied."""
        events = []
        while self._closing and self._closing[0][0] <= now_ns:
            market = markets[heappop(self._closing)[1]]
            event = self.of(market, now_ns) if market.outcome is None else None
            if event is not None and not (market.close_ns and now_ns < market.close_ns):
                events.append(event)
        return events

    def of(self, market: Market, now_ns: int) -> MarketDetermined | None:
        name = market.market_id
        known = self.given.get(name) or self._implied.get(name)
        if known is None:
            return None
        return MarketDetermined(now_ns, name, known.outcome, known.source)

    def conflict(self, event: MarketDetermined) -> str | None:
        """What a given outcome says against an event, or None while they agree."""
        given = self.given.get(event.market)
        if given is None or given.outcome is event.outcome:
            return None
        return f"{event.source} says {event.outcome}, {given.source} says {given.outcome}"


def _window_before(market_id: str, close_ns: int, markets: Iterable[Market]) -> Iterator[Market]:
    series = market_id.partition("-")[0]
    for market in markets:
        same = market.market_id.partition("-")[0] == series
        if same and market.close_ns == close_ns - WINDOW_NS and market.outcome is None:
            yield market
