"""What the engine can measure of itself for the risk desk: the ages of spot, quotes and prices.

A market counts as tradable when it is open, its contract is known and its book was subscribed to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from hotpath.market import Market
from hotpath.spot import Spot
from kairos.domain.book import BookState
from kairos.domain.risk.triggers import Signal, Triggers, TriggerSettings

# Markets looked at in one call: what a timer costs does not grow with the number of markets.
SLICE: Final = 512
# Markets asked for an estimate in one call, until one has it.
PROBES: Final = 8
# What the engine measures itself. Everything else is reported to it.
MEASURED: Final = (Signal.SPOT_AGE, Signal.QUOTE_AGE, Signal.QUOTE_COVERAGE, Signal.SNAPSHOT_AGE)
LIVE: Final = BookState.LIVE

Estimate = Callable[[Market, int], float | None]


class Coverage(NamedTuple):
    """Of `tradable` markets `covered` have a live book that was heard of lately.

    `heard_ns` is when the last of them was heard of.
    """

    tradable: int
    covered: int
    heard_ns: int


class Universe:
    """Goes round all markets, one slice at a time; the result is that of the last full round."""

    def __init__(self, quote_age_ns: int) -> None:
        self._quote_age_ns = quote_age_ns
        self._waiting: list[Market] = []
        self._tradable = self._covered = self._heard_ns = 0
        self.coverage: Coverage | None = None
        self.priced_ns: int | None = None  # when the strategy last had an estimate

    def look(
        self, markets: Mapping[str, Market], estimate: Estimate | None, now_ns: int
    ) -> Coverage | None:
        """Go on for one slice; None until the first round is complete."""
        if not self._waiting:
            self._waiting = list(markets.values())
            self._tradable = self._covered = self._heard_ns = 0
        part = self._waiting[-SLICE:]
        del self._waiting[-SLICE:]
        covered = [market for market in part if self._is_covered(market, now_ns)]
        for market in covered[:PROBES]:
            if estimate is not None and estimate(market, now_ns) is not None:
                self.priced_ns = now_ns
                break
        if not self._waiting:
            self.coverage = Coverage(self._tradable, self._covered, self._heard_ns)
        return self.coverage

    def _is_covered(self, market: Market, now_ns: int) -> bool:
        """Count one market; whether its quote is there to be traded on."""
        channel = market.channel
        if channel is None or market.contract is None or not market.is_open(now_ns):
            return False
        if market.book.reason == "unsubscribed":
            return False
        self._tradable += 1
        if channel.last_recv_ns > self._heard_ns:
            self._heard_ns = channel.last_recv_ns
        if market.book.state is not LIVE or now_ns - channel.last_recv_ns > self._quote_age_ns:
            return False
        self._covered += 1
        return True


class Measures:
    """Observes the signals that are watched and can be measured in here."""

    def __init__(self, settings: TriggerSettings, watched: frozenset[Signal], spot: Spot) -> None:
        self._watched = watched
        self._spot = spot if Signal.SPOT_AGE in watched else None
        self._quotes = not watched.isdisjoint(MEASURED[1:])
        self._check_quote = Signal.QUOTE_AGE in watched
        self._spot_age_ns = settings.nanoseconds("spot_age_seconds_max")
        self._quote_age_ns = settings.nanoseconds("quote_age_seconds_max")
        self._universe = Universe(self._quote_age_ns)
        self._had_markets = False

    def of_order(self, market: Market, now_ns: int) -> tuple[str, ...]:
        """What is too old for this very order: the timer that stops everything may be due only in a
        second, and one market's silence stops that market alone."""
        found: tuple[str, ...] = ()
        spot, channel = self._spot, market.channel
        if spot is not None and (spot.price is None or now_ns - spot.heard_ns > self._spot_age_ns):
            found = (Signal.SPOT_AGE.value,)
        if self._check_quote and (
            channel is None
            or market.book.state is not LIVE
            or now_ns - channel.last_recv_ns > self._quote_age_ns
        ):
            found = (*found, Signal.QUOTE_AGE.value)
        return found

    def spot_is_fresh(self, now_ns: int) -> bool:
        """Whether the age of the spot, where it is watched, is within its limit."""
        spot = self._spot
        return spot is None or spot.price is None or now_ns - spot.heard_ns <= self._spot_age_ns

    def observe(
        self, triggers: Triggers, markets: Mapping[str, Market], estimate: Estimate, now_ns: int
    ) -> None:
        spot = self._spot
        if spot is not None and spot.price is not None:
            triggers.observe(Signal.SPOT_AGE, now_ns - spot.heard_ns, now_ns, healthy=True)
        if self._quotes:
            self._observe_quotes(triggers, markets, estimate, now_ns)

    def _observe_quotes(
        self, triggers: Triggers, markets: Mapping[str, Market], estimate: Estimate, now_ns: int
    ) -> None:
        """Without a tradable market no quote is missing; before the first one, nothing is known."""
        probe = estimate if Signal.SNAPSHOT_AGE in self._watched else None
        coverage = self._universe.look(markets, probe, now_ns)
        if coverage is None or not (coverage.tradable or self._had_markets):
            return
        self._had_markets = True
        age_ns, percent, priced_age_ns = 0, 100, 0
        if coverage.tradable:
            age_ns = now_ns - coverage.heard_ns
            percent = 100 * coverage.covered // coverage.tradable
            priced_age_ns = now_ns - (self._universe.priced_ns or 0)
        readings = (age_ns, percent, priced_age_ns)
        for signal, value in zip(MEASURED[1:], readings, strict=True):
            if signal in self._watched:
                triggers.observe(signal, value, now_ns, healthy=True)
