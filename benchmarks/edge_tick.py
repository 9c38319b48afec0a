"""What one move of the spot costs when many markets must be priced, with a long history behind it.

Peer: the original's algorithm, in which every tick reads all spot points again before it prices.
It is made of profile v1's own parts; v1's tick alone remembers its buckets and is shown as well,
and so are the original's own figures, which were published for another machine.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from benchmarks.assembling import bare_engine
from benchmarks.rows import Goal, Row, speedup_row
from hotpath.heap import no_collector
from hotpath.strategies.base import Commands
from kairos.domain.profile_v1.spot_history import resample_last
from kairos.domain.profile_v1.state import (
    EdgeSettings,
    EdgeTick,
    LiveState,
    SigmaSettings,
    tick_edges,
)
from kairos.messages.events import (
    BookSnapshot,
    ChannelSubscribed,
    MarketDefined,
    SpotTrade,
)

SPOT_TICKS: Final = 60_000
ORIGINAL_MS: Final = {40: 24.1, 300: 31.8}  # p50 of the original, on the machine it was measured on
FASTER: Final = Goal("≥", 500)
_STEP_NS: Final = 65_000_000  # 60,000 ticks fill the original's look-back of 3,900 s
_START_NS: Final = 1_795_011_365_000_000_000
_SECOND_NS: Final = 1_000_000_000
_HORIZON_SECONDS: Final = 1800
_SPOT: Final = 80_000.0
_TICKS_PER_SAMPLE: Final = 77
_CONTRACT: Final = 1_000_000
_CONN: Final = "benchmark"
_V2_CALLS: Final = 400
_V1_CALLS: Final = 3
_ROUNDS: Final = 8


class Strike(NamedTuple):
    """A market of the ladder: YES when the settlement is above `dollars`; quotes in cents."""

    market: str
    dollars: int
    bid: int
    ask: int


def path(number: int) -> float:
    """The spot: some dollars every five seconds and a little jitter, the same in every run."""
    return _SPOT + 8 * ((number // _TICKS_PER_SAMPLE * 5) % 7 - 3) + (number * 7 % 11 - 5) * 0.3


def run(*, quick: bool) -> list[Row]:
    return [row for count in ORIGINAL_MS for row in _rows(count, rounds=2 if quick else _ROUNDS)]


def _rows(count: int, rounds: int) -> list[Row]:
    v2 = V2(count)
    v1 = V1(v2.ladder)
    taken: dict[str, list[float]] = {"v2": [], "v1": [], "original": []}
    calls: dict[str, tuple[Callable[[], object], int]] = {
        "v2": (v2.tick, _V2_CALLS),
        "v1": (v1.tick, _V1_CALLS),
        "original": (v1.rescan_and_tick, _V1_CALLS),
    }
    with no_collector():
        for _ in range(rounds):
            for name, (call, times) in calls.items():
                taken[name].append(statistics.median(_micros(call) for _ in range(times)))
    best = {name: min(medians) for name, medians in taken.items()}
    what, mine, published = f"edge tick, {count} markets, p50", best["v2"], ORIGINAL_MS[count] * 1e3
    return [
        speedup_row(what, mine, "us", "the original's algorithm", best["original"], FASTER),
        speedup_row(what, mine, "us", "the original, published", published, FASTER),
        speedup_row(what, mine, "us", "profile v1's tick", best["v1"]),
    ]


def _micros(call: Callable[[], object]) -> float:
    started = time.perf_counter_ns()
    call()
    return (time.perf_counter_ns() - started) / 1e3


class V2:
    """The v2 strategy with every book live, the history taken, and the spot moving on."""

    def __init__(self, count: int, spot_ticks: int = SPOT_TICKS) -> None:
        self._engine = bare_engine(silent=False)
        for number in range(spot_ticks):
            self._engine.handle(_trade(number))
        self._number = self._first = spot_ticks
        self._start_ns = self._engine.now_ns
        self._engine.handle(ChannelSubscribed(self._start_ns, _CONN, 1, "orderbook_delta"))
        step = max(10, 3_000 // count)
        strikes = (int(_SPOT) + (number - count // 2) * step for number in range(count))
        self.ladder = [self._open_market(seq, strike) for seq, strike in enumerate(strikes, 1)]
        if not self.tick():
            raise AssertionError("the strategy priced nothing: there is nothing to measure")

    def _open_market(self, seq: int, dollars: int) -> Strike:
        """List a strike and quote it two to three cents wide around what it is worth."""
        engine, now_ns, name = self._engine, self._start_ns, f"KXBTCD-BENCHMARK-T{dollars}"
        close_ns = now_ns + _HORIZON_SECONDS * _SECOND_NS
        engine.handle(MarketDefined(now_ns, name, "greater", str(dollars), None, close_ns, None))
        worth = engine.strategy.estimate(engine.markets[name], now_ns)
        if worth is None:
            raise AssertionError(f"the strategy has no opinion of {name}")
        bid, ask = max(1, math.floor(100 * worth) - 1), min(99, math.ceil(100 * worth) + 1)
        yes, no = ((bid * 100, 40 * _CONTRACT),), (((100 - ask) * 100, 40 * _CONTRACT),)
        engine.handle(BookSnapshot(now_ns, _CONN, 1, seq, name, yes, no, None))
        return Strike(name, dollars, bid, ask)

    def tick(self) -> Commands:
        """One move of the spot, a millisecond later."""
        self._number += 1
        now_ns = self._start_ns + (self._number - self._first) * 1_000_000
        return self._engine.strategy.on_spot(path(self._number), now_ns)


def _trade(number: int) -> SpotTrade:
    ts_ns = _START_NS + number * _STEP_NS
    return SpotTrade(ts_ns, "spot", "BTC-USD", path(number), number + 1, ts_ns)


class V1:
    """Profile v1 over the same history, markets and quotes."""

    def __init__(self, strikes: list[Strike], spot_ticks: int = SPOT_TICKS) -> None:
        self._now_ts = (_START_NS + spot_ticks * _STEP_NS) // _SECOND_NS
        self._state = LiveState(spot_ticks)
        for number in range(spot_ticks):
            self._state.apply_spot((_START_NS + number * _STEP_NS) // _SECOND_NS, path(number))
        for strike in strikes:
            self._open_market(strike)
        self._points = self._state.spot_history.ticks()
        self._sigma = SigmaSettings(max_spot_points=spot_ticks)
        self._settings = EdgeSettings(sigma=self._sigma, top_n=len(strikes), pct_band=50.0)
        found = len(self.tick().snapshots)
        if found != len(strikes):
            raise AssertionError(f"profile v1 priced {found} of {len(strikes)} markets")

    def _open_market(self, strike: Strike) -> None:
        close_ts, dollars = self._now_ts + _HORIZON_SECONDS, float(strike.dollars)
        self._state.apply_contract(
            strike.market, self._now_ts, lower=dollars, upper=None, strike_type="greater",
            close_ts=close_ts,
        )  # fmt: skip
        self._state.apply_quote(
            strike.market, self._now_ts, yes_bid=float(strike.bid), yes_ask=float(strike.ask),
            no_bid=100.0 - strike.ask, no_ask=100.0 - strike.bid,
        )  # fmt: skip

    def tick(self) -> EdgeTick:
        return tick_edges(self._state, self._settings, self._now_ts)

    def rescan_and_tick(self) -> EdgeTick:
        """As the original does it: select and resample the whole history first."""
        oldest = self._now_ts - self._sigma.lookback_seconds
        recent = [point for point in self._points if point[0] >= oldest]
        resample_last(recent, self._sigma.resample_seconds)
        return self.tick()
