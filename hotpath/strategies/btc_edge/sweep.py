"""Prices many markets at once: one pass of arrays per spot change instead of one call per market.

The crossover with the scalar way is about 14 strikes. A sweep settles the markets that plainly
pass, in columns, and names the few that deserve the scalar evaluation: an edge worth having, a
position, an order in flight. Both ways agree to the last bits of the normal distribution.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from hotpath.account import Account
from hotpath.market import Channel, Market
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


class Sweep:
    """Columns of everything that is priced. `markets` is None while they must be rebuilt."""

    def __init__(
        self, settings: BtcEdgeSettings, account: Account, gates: Gates, pricer: Pricer
    ) -> None:
        self.markets: tuple[Priced, ...] | None = None
        self._account = account
        self._gates = gates
        self._pricer = pricer
        self._doubt_cost = settings.uncertainty_multiplier
        self._buffer = settings.cost_buffer
        self._min_ev = settings.min_ev

    def _rebuild(self, active: Mapping[str, Priced]) -> None:
        """The set of markets changed: lay the columns out anew."""
        markets = tuple(active.values())
        contracts = [market.contract for market, _ in markets]
        closes = sorted({each.close_ns for each in contracts if each is not None})
        self.markets = markets
        self._names = tuple(active)
        self._slots = {name: slot for slot, name in enumerate(self._names)}
        self._closes = closes
        self._group = np.array([closes.index(c.close_ns) for c in contracts if c is not None])
        self._lower = np.array([c.lower for c in contracts if c is not None])
        self._upper = np.array([c.upper for c in contracts if c is not None])
        self._one_sided = bool(np.all(np.isinf(self._upper)))
        size = len(markets)
        self._bids = np.full(size, _NO_QUOTE, dtype=np.int64)
        self._asks = np.full(size, _NO_QUOTE, dtype=np.int64)
        self._yes_cost = np.empty(size)
        self._no_value = np.empty(size)
        self._yes_bits = np.zeros(size, dtype=np.int64)
        self._no_bits = np.zeros(size, dtype=np.int64)
        self._doubtful = np.zeros(size, dtype=np.bool_)
        self._channels: dict[tuple[str, int], Channel] = {}
        for market, fees in markets:
            self.quote_changed(market, fees)
            self.state_changed(market)

    def state_changed(self, market: Market) -> None:
        """Only a live book may be priced in a column; the scalar way says what is wrong."""
        self._doubtful[self._slots[market.market_id]] = market.book.state is not LIVE
        channel = market.channel
        if channel is not None:
            self._channels[channel.conn, channel.sid] = channel

    def quote_changed(self, market: Market, fees: FeeTable) -> None:
        """The top of a market's book moved: what each side costs, fee included."""
        slot = self._slots[market.market_id]
        book, gates = market.book, self._gates
        bid, ask = book.yes_bid, book.yes_ask
        self._bids[slot] = _NO_QUOTE if bid is None else bid
        self._asks[slot] = _NO_QUOTE if ask is None else ask
        self._yes_cost[slot] = np.inf if ask is None else ask / 1e4 + fees[ask]
        no_ask = None if bid is None else PRICE_PER_DOLLAR - bid
        self._no_value[slot] = -np.inf if no_ask is None else (bid or 0) / 1e4 - fees[no_ask]
        nothing = 0 if bid is not None or ask is not None else why.NO_ASK
        self._yes_bits[slot] = nothing or (gates.quote(bid, ask, ask) if ask else 0)
        self._no_bits[slot] = nothing or (gates.quote(bid, ask, no_ask) if no_ask else 0)

    def run(
        self, active: Mapping[str, Priced], now_ns: int, trigger: str, commands: list[Command]
    ) -> list[Priced]:
        """Append one DecisionSweep; return the markets that need the scalar evaluation instead."""
        price, volatility = self._pricer.price, self._pricer.volatility
        if price is None or not volatility.ready or not self._pricer.heard(now_ns):
            return list(active.values())
        if self.markets is None:
            self._rebuild(active)
        p, doubt = self._probabilities(now_ns, price)
        ev_yes = p - self._yes_cost
        ev_no = self._no_value - p
        take_no = ev_no > ev_yes
        ev = np.maximum(ev_yes, ev_no) - (self._doubt_cost * doubt + self._buffer)
        bits = np.where(take_no, self._no_bits, self._yes_bits) | self._horizon_bits(now_ns)
        bits |= (ev < self._min_ev) * why.EV_LOW
        second = self._second_look(bits, now_ns)
        keep = ~second
        whole = not second.any()
        pick = slice(None) if whole else keep
        commands.append(
            DecisionSweep(
                now_ns, "v2", trigger, price, volatility.sigma, why.REASONS,
                self._names if whole else tuple(np.array(self._names, dtype=object)[keep]),
                take_no[pick], bits[pick], p[pick], doubt[pick],
                (self._close_array() - now_ns)[self._group][pick],
                self._bids[pick].copy(), self._asks[pick].copy(),
                ev_yes[pick], ev_no[pick], ev[pick],
            )
        )  # fmt: skip
        if whole or self.markets is None:
            return []
        return [self.markets[slot] for slot in np.flatnonzero(second)]

    def _close_array(self) -> Ints:
        return np.array(self._closes, dtype=np.int64)

    def _probabilities(self, now_ns: int, price: float) -> tuple[Floats, Floats]:
        """P(YES) and its uncertainty per market; the arithmetic of `fair_value.probability`."""
        pricer = self._pricer
        moments = [pricer.moments(close_ns, now_ns, price) for close_ns in self._closes]
        spread, fixed = pricer.volatility.spread, pricer.fixed_variance(now_ns)
        scales = np.array(
            [
                [(v / spread + fixed) ** 0.5, (v + fixed) ** 0.5, (v * spread + fixed) ** 0.5]
                for _, v in moments
            ]
        )
        inverse = (1.0 / np.maximum(scales, 1e-9)).T[:, self._group]
        means = np.array([mean for mean, _ in moments])[self._group]
        nodes: Floats = ndtr((means - self._lower) * inverse)
        if not self._one_sided:
            nodes -= ndtr((means - self._upper) * inverse)
        p: Floats = _WEIGHTS @ nodes
        nodes -= p
        doubt: Floats = np.sqrt(_WEIGHTS @ (nodes * nodes))
        return np.clip(p, PROBABILITY_MIN, 1.0 - PROBABILITY_MIN), doubt

    def _horizon_bits(self, now_ns: int) -> Any:  # noqa: ANN401
        if len(self._closes) == 1:
            return self._gates.horizon(self._closes[0] - now_ns)
        by_close = [self._gates.horizon(close_ns - now_ns) for close_ns in self._closes]
        return np.array(by_close, dtype=np.int64)[self._group]

    def _second_look(self, bits: Ints, now_ns: int) -> NDArray[np.bool_]:
        """Markets that a column cannot settle: an edge, a position, a book that is not live."""
        second: NDArray[np.bool_] = bits == 0
        for name in self._account.busy:
            slot = self._slots.get(name)
            if slot is not None:
                second[slot] = True
        second |= self._doubtful
        if any(self._gates.silent(channel, now_ns) for channel in self._channels.values()):
            second[:] = True
        return second
