"""Prices many markets at once: one pass of arrays per spot change instead of one call per market.

The crossover with the scalar way is about 14 strikes. A sweep settles the markets that plainly
pass, in columns, and names the few that deserve the scalar evaluation: an edge worth having, a
position, an order in flight. Both ways agree to the last bits of the normal
distribution. Arrays that a sweep has handed out are copied before they change.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from hotpath.account import Account
from hotpath.market import Market
from hotpath.strategies import reasons as why
from hotpath.strategies.btc_edge.gates import LIVE, Gates
from hotpath.strategies.btc_edge.pricer import Pricer
from hotpath.strategies.btc_edge.settings import BtcEdgeSettings
from hotpath.strategies.fee_table import FeeTable
from kairos.domain.fair_value import INNER, OUTER, PROBABILITY_MIN
from kairos.domain.units import PRICE_PER_DOLLAR
from kairos.messages.commands import Command, DecisionSweep

SWEEP_MIN: Final = 14
Priced = tuple[Market, FeeTable]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_WEIGHTS: Final = np.array([OUTER, INNER, OUTER])
_NO_QUOTE: Final = -1
_PROBABILITY_MAX: Final = 1.0 - PROBABILITY_MIN


class Quotes:
    """What the two sides of each market offer and cost, fee included, by slot."""

    def __init__(self, size: int) -> None:
        self.bids = np.full(size, _NO_QUOTE, dtype=np.int64)
        self.asks = np.full(size, _NO_QUOTE, dtype=np.int64)
        self.yes_cost = np.full(size, np.inf)
        self.no_value = np.full(size, -np.inf)
        self.yes_bits = np.zeros(size, dtype=np.int64)
        self.no_bits = np.zeros(size, dtype=np.int64)
        self.shared = False

    def own(self) -> None:
        """Copy what a sweep may still be holding."""
        if self.shared:
            for name in ("bids", "asks", "yes_bits", "no_bits"):
                setattr(self, name, getattr(self, name).copy())
            self.shared = False

    def put(self, slot: int, market: Market, fees: FeeTable, gates: Gates) -> None:
        self.own()
        bid, ask = market.book.yes_bid, market.book.yes_ask
        nothing = why.NO_ASK if bid is None and ask is None else 0
        self.bids[slot] = _NO_QUOTE if bid is None else bid
        self.asks[slot] = _NO_QUOTE if ask is None else ask
        self.yes_cost[slot] = np.inf if ask is None else ask / 1e4 + fees[ask]
        self.yes_bits[slot] = nothing if ask is None else gates.quote(bid, ask, ask)
        if bid is None:
            self.no_value[slot], self.no_bits[slot] = -np.inf, nothing
        else:
            no_ask = PRICE_PER_DOLLAR - bid
            self.no_value[slot] = bid / 1e4 - fees[no_ask]
            self.no_bits[slot] = gates.quote(bid, ask, no_ask)


class Sweep:
    """Columns of everything that is priced. `markets` is None while they must be rebuilt."""

    def __init__(
        self, settings: BtcEdgeSettings, account: Account, gates: Gates, pricer: Pricer
    ) -> None:
        self.markets: tuple[Priced, ...] | None = None
        self._account = account
        self._gates = gates
        self._pricer = pricer
        self._haircut = (settings.uncertainty_multiplier, settings.cost_buffer)
        self._min_ev = settings.min_ev

    def _rebuild(self, active: Mapping[str, Priced]) -> None:
        """The set of markets changed: lay the columns out anew."""
        markets = tuple(active.values())
        contracts = [market.contract for market, _ in markets if market.contract is not None]
        self.markets = markets
        self._names = tuple(active)
        self._slots = {name: slot for slot, name in enumerate(self._names)}
        self._closes = sorted({each.close_ns for each in contracts})
        self._group = np.array([self._closes.index(each.close_ns) for each in contracts])
        self._closes_ns = np.array([each.close_ns for each in contracts], dtype=np.int64)
        self._lower = np.array([each.lower for each in contracts])
        self._upper = np.array([each.upper for each in contracts])
        self._two_sided = np.flatnonzero(np.isfinite(self._upper))
        self._upper = self._upper[self._two_sided]
        self._no_horizon_bits = np.zeros(len(markets), dtype=np.int64)
        self._quotes = Quotes(len(markets))
        self._doubtful: set[int] = set()
        for market, fees in markets:
            self.quote_changed(market, fees)
            self.state_changed(market)

    def quote_changed(self, market: Market, fees: FeeTable) -> None:
        """The top of a market's book moved."""
        self._quotes.put(self._slots[market.market_id], market, fees, self._gates)

    def state_changed(self, market: Market) -> None:
        """Only a live book is priced; one that ceases to be said so when it happened."""
        slot = self._slots[market.market_id]
        if market.book.state is LIVE:
            self._doubtful.discard(slot)
        else:
            self._doubtful.add(slot)

    def run(
        self, active: Mapping[str, Priced], now_ns: int, trigger: str, commands: list[Command]
    ) -> list[Priced]:
        """Append one DecisionSweep; return the markets that need the scalar evaluation instead."""
        price = self._pricer.price
        if price is None or not self._pricer.ready(now_ns):
            return list(active.values())
        if self.markets is None:
            self._rebuild(active)
        p, doubt = self._probabilities(now_ns, price)
        ev_yes = p - self._quotes.yes_cost
        ev_no = self._quotes.no_value - p
        best = np.maximum(ev_yes, ev_no)
        best -= doubt * self._haircut[0]
        second = self._second_look(best, ev_yes, ev_no)
        sweep = self._sweep(now_ns, trigger, price, p, doubt, ev_yes, ev_no)
        if not second and not self._doubtful:
            commands.append(sweep)
            return []
        keep = np.ones(len(active), dtype=np.bool_)
        keep[[*second, *self._doubtful]] = False
        commands.append(_only(sweep, keep))
        return [self.markets[slot] for slot in sorted(second)] if self.markets else []

    def _second_look(self, best: Floats, ev_yes: Floats, ev_no: Floats) -> set[int]:
        """Slots that a column cannot settle: an edge that nothing else forbids, a position."""
        second = {self._slots[name] for name in self._account.busy if name in self._slots}
        threshold = self._min_ev + self._haircut[1]
        if best.max() >= threshold:
            edges = np.flatnonzero(best >= threshold)
            quotes = self._quotes
            no = ev_no[edges] > ev_yes[edges]
            bits = np.where(no, quotes.no_bits[edges], quotes.yes_bits[edges])
            second.update(edges[bits == 0].tolist())
        return second - self._doubtful

    def _sweep(
        self, now_ns: int, trigger: str, price: float, p: Floats, doubt: Floats, ev_yes: Floats,
        ev_no: Floats,
    ) -> DecisionSweep:  # fmt: skip
        quotes = self._quotes
        quotes.shared = True
        return DecisionSweep(
            now_ns, "v2", trigger, price, self._pricer.volatility.sigma, self._min_ev,
            self._haircut, why.REASONS, why.EV_LOW, self._names, self._closes_ns,
            self._horizon_bits(now_ns), p, doubt, quotes.bids, quotes.asks, ev_yes, ev_no,
            quotes.yes_bits, quotes.no_bits,
        )  # fmt: skip

    def _probabilities(self, now_ns: int, price: float) -> tuple[Floats, Floats]:
        """P(YES) and its uncertainty per market; the arithmetic of `fair_value.probability`."""
        pricer, closes = self._pricer, self._closes
        spread, fixed = pricer.volatility.spread, pricer.fixed_variance(now_ns)
        means, inverse = [], []
        for close_ns in closes:
            mean, variance = pricer.moments(close_ns, now_ns, price)
            means.append(mean)
            inverse.append(_inverse_deviations(variance, spread, fixed))
        single = len(closes) == 1
        scale: Floats = np.array(inverse).T
        mean_of: Floats = np.array(means)
        if not single:
            scale, mean_of = scale.take(self._group, axis=1), mean_of.take(self._group)
        nodes: Floats = scale * (mean_of - self._lower)
        ndtr(nodes, nodes)
        two = self._two_sided
        if len(two):
            if not single:
                scale, mean_of = scale.take(two, axis=1), mean_of.take(two)
            nodes[:, two] -= ndtr(scale * (mean_of - self._upper))
        p: Floats = _WEIGHTS.dot(nodes)
        nodes -= p
        nodes *= nodes
        doubt: Floats = np.sqrt(_WEIGHTS.dot(nodes))
        np.maximum(p, PROBABILITY_MIN, p)
        np.minimum(p, _PROBABILITY_MAX, p)
        return p, doubt

    def _horizon_bits(self, now_ns: int) -> Ints:
        by_close = [self._gates.horizon(close_ns - now_ns) for close_ns in self._closes]
        if not any(by_close):
            return self._no_horizon_bits
        bits: Ints = np.array(by_close, dtype=np.int64).take(self._group)
        return bits


def _inverse_deviations(variance: float, spread: float, fixed: float) -> tuple[float, float, float]:
    """One over the standard deviation at the three volatility nodes. A settled mean (no variance
    left, no basis) becomes a step, sharp enough for any strike a venue can list."""
    return (
        max(variance / spread + fixed, 1e-18) ** -0.5,
        max(variance + fixed, 1e-18) ** -0.5,
        max(variance * spread + fixed, 1e-18) ** -0.5,
    )


def _only(sweep: DecisionSweep, keep: NDArray[np.bool_]) -> DecisionSweep:
    """The rows that a sweep settles; the others are evaluated one by one."""
    return DecisionSweep(
        sweep.ts_ns, sweep.profile, sweep.trigger, sweep.spot, sweep.sigma, sweep.min_ev,
        sweep.haircut, sweep.reason_names, sweep.ev_low_bit,
        tuple(name for name, kept in zip(sweep.markets, keep.tolist(), strict=True) if kept),
        *(
            column[keep]
            for column in (
                sweep.closes_ns, sweep.horizon_bits, sweep.probabilities, sweep.uncertainties,
                sweep.bids, sweep.asks, sweep.evs_yes, sweep.evs_no, sweep.yes_bits, sweep.no_bits,
            )
        ),
    )  # fmt: skip
