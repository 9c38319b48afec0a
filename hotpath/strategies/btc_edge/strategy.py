"""The strategy itself: told what changed, it prices, judges, and leaves a Decision each time.

Evaluated on every change of a market's top of book and on every change of the spot or the index.
Only a Decision without reasons trades. With many markets one sweep of arrays prices them all and
only those worth a second look are evaluated one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from heapq import heappop, heappush
from typing import Final

from hotpath.account import Account
from hotpath.market import Market
from hotpath.spot import Spot
from hotpath.strategies import reasons as why
from hotpath.strategies.base import NOTHING, Commands
from hotpath.strategies.btc_edge.exits import Exits
from hotpath.strategies.btc_edge.gates import LIVE, Gates, offered
from hotpath.strategies.btc_edge.pricer import Pricer
from hotpath.strategies.btc_edge.settings import BtcEdgeSettings
from hotpath.strategies.btc_edge.sweep import SWEEP_MIN, Sweep
from hotpath.strategies.fee_table import FeeTable
from hotpath.strategies.order_ids import order_id
from kairos.domain.fees.schedule import FeeSchedule
from kairos.domain.instruments import Action, Outcome
from kairos.domain.units import (
    NANOSECONDS_PER_SECOND,
    PRICE_PER_DOLLAR,
    QUANTITY_PER_CONTRACT,
)
from kairos.messages.commands import Command, Decision, MessageRefused, SubmitOrder, TimeInForce
from kairos.messages.events import IndexValue, VenueQuote

# A print of the index this far from the spot is wrong, or the spot is: neither teaches a basis.
INDEX_GAP_MAX: Final = 0.02
# Markets are woken a minute before they may be traded, so that the record shows why not yet.
WAKE_EARLY_NS: Final = 60 * NANOSECONDS_PER_SECOND
# What a market is worth is worked out anew when the spot, the index or the volatility moved, or
# this long after; over it the passing of time moves a probability by less than 0.0005. In the last
# minutes it moves faster, and prints of the index become known: then it is never taken from before.
FAIR_NS: Final = 250_000_000
FAIR_HORIZON_NS: Final = 120 * NANOSECONDS_PER_SECOND
_DOLLAR: Final = float(PRICE_PER_DOLLAR)
_YES: Final = Outcome.YES
_NO: Final = Outcome.NO
_BUY: Final = Action.BUY
_IOC: Final = TimeInForce.IOC
_EV_LOW: Final = why.EV_LOW
_DEPTH: Final = why.DEPTH_THIN
_WATCH: Final = why.DEPTH_THIN | why.EV_LOW


class BtcEdge:
    """Profile v2. The engine owns books, spot and account; this reads them and concludes."""

    profile = "v2"

    def __init__(
        self,
        settings: BtcEdgeSettings,
        account: Account,
        spot: Spot,
        fees: Callable[[str, int], FeeSchedule],
        token: int = 0,
    ) -> None:
        self._token = token  # the fencing token that every order id carries
        self._settings = settings
        self._spot = spot
        self._fees = fees
        self._tables: dict[str, FeeTable] = {}
        self.active: dict[str, tuple[Market, FeeTable]] = {}
        # When a market far from its close is worth pricing, and when it is over.
        self._alarms: list[tuple[int, str, Market]] = []
        self._horizon_max_ns = int(settings.seconds_to_close_max * NANOSECONDS_PER_SECOND)
        self.pricer = Pricer(settings, spot)
        self._gates = Gates(settings, account)
        self._exits = Exits(settings, token)
        self._sweep = Sweep(settings, account, self._gates, self.pricer)
        self._doubt_cost = settings.uncertainty_multiplier
        self._buffer = settings.cost_buffer
        self._min_ev = settings.min_ev

    def settings(self) -> Mapping[str, str]:
        return self._settings.flat()

    # What changed

    def on_market(self, market: Market, now_ns: int) -> None:
        if market.market_id.partition("-")[0] not in self._settings.series:
            return
        if market.contract is None or not market.is_open(now_ns):
            if self.active.pop(market.market_id, None) is not None:
                self._sweep.markets = None
            return
        if market.contract.close_ns <= now_ns:
            return  # its own close has passed, whatever the market says of itself
        wake_ns = market.contract.close_ns - self._horizon_max_ns - WAKE_EARLY_NS
        if wake_ns > now_ns:
            heappush(self._alarms, (wake_ns, market.market_id, market))
            return
        self.active[market.market_id] = market, self._table(market.market_id, now_ns)
        self._sweep.markets = None
        self.pricer.open_window(market.contract.close_ns)
        heappush(self._alarms, (market.contract.close_ns, market.market_id, market))

    def _table(self, market_id: str, now_ns: int) -> FeeTable:
        schedule = self._fees(market_id, now_ns)
        table = self._tables.get(schedule.version)
        if table is None:
            table = self._tables[schedule.version] = FeeTable(schedule, self._gates.order)
        return table

    def on_spot(self, price: float, now_ns: int) -> Commands:
        return self._evaluate_all(now_ns, "spot") if self.pricer.spot(price, now_ns) else NOTHING

    def on_index(self, event: IndexValue, now_ns: int) -> Commands:
        if event.index != self._settings.index:
            return NOTHING
        spot = self._spot.price
        if spot is not None and abs(event.value - spot) > INDEX_GAP_MAX * spot:
            detail = f"{event.index} printed {event.value} beside a spot of {spot}"
            return (MessageRefused(now_ns, None, "index_outlier", detail),)
        if not self.pricer.index(event.value, event.venue_ns, now_ns):
            return NOTHING
        return self._evaluate_all(now_ns, "index")

    def on_book(self, market: Market, now_ns: int) -> Commands:
        found = self.active.get(market.market_id)
        if found is None:
            return NOTHING
        commands: list[Command] = []
        self._evaluate(market, found[1], now_ns, "book", commands)
        if self._sweep.markets is not None:
            self._sweep.quote_changed(market, found[1])
        return commands

    def on_state(self, market: Market, now_ns: int) -> Commands:
        found = self.active.get(market.market_id)
        if found is None:
            return NOTHING
        if self._sweep.markets is not None:
            self._sweep.state_changed(market)
        if market.book.state is LIVE:
            return NOTHING  # the snapshot or delta that made it so is evaluated as such
        commands: list[Command] = []
        self._evaluate(market, found[1], now_ns, "state", commands)
        return commands

    def on_quote(self, event: VenueQuote, market: Market, now_ns: int) -> Commands:
        return NOTHING  # the book says more, and says it first

    def on_timer(self, now_ns: int) -> Commands:
        self._ring(now_ns)
        if self.pricer.price is not None:
            self.pricer.realise(self.pricer.price, now_ns)
        self.pricer.forget(now_ns)
        commands: list[Command] = []
        for market, table in self.active.values():
            if market.book.state is not LIVE:
                self._evaluate(market, table, now_ns, "timer", commands)
        return commands

    def _ring(self, now_ns: int) -> None:
        """Markets whose time has come: to be priced from now on, or never again."""
        while self._alarms and self._alarms[0][0] <= now_ns:
            self.on_market(heappop(self._alarms)[2], now_ns)

    def estimate(self, market: Market, now_ns: int) -> float | None:
        contract = market.contract
        fair = None if contract is None else self.pricer.estimate(contract, now_ns)
        return None if fair is None else fair[0]

    # What it is worth

    def _evaluate_all(self, now_ns: int, trigger: str) -> Commands:
        commands: list[Command] = []
        if self._alarms and self._alarms[0][0] < now_ns:
            self._ring(now_ns)
        if len(self.active) < SWEEP_MIN:
            for market, table in self.active.values():
                if market.book.state is LIVE:  # what is not live said so when it ceased to be
                    self._evaluate(market, table, now_ns, trigger, commands)
            return commands
        for market, table in self._sweep.run(self.active, now_ns, trigger, commands):
            self._evaluate(market, table, now_ns, trigger, commands)
        return commands

    def _evaluate(
        self, market: Market, fees: FeeTable, now_ns: int, trigger: str, commands: list[Command]
    ) -> None:
        """Price one market; append its Decision, and an order when nothing speaks against it."""
        contract, pricer, gates = market.contract, self.pricer, self._gates
        if contract is None or now_ns > contract.close_ns:
            return
        horizon_ns = contract.close_ns - now_ns
        mask = gates.book(market, now_ns)
        if mask:
            fair = None
        elif market.fair_version == pricer.version and now_ns < market.fair_until_ns:
            fair = market.fair
        else:
            fair = market.fair = pricer.estimate(contract, now_ns)
            market.fair_version = pricer.version
            market.fair_until_ns = now_ns + (FAIR_NS if horizon_ns > FAIR_HORIZON_NS else 0)
        if fair is None:
            mask |= self._spot_gates(now_ns)
            commands.append(self._unpriced(market, now_ns, trigger, mask, horizon_ns))
            return
        p, doubt = fair
        bid, ask = market.book.top()
        ev_yes = None if ask is None else p - ask / _DOLLAR - fees[ask]
        ev_no = None if bid is None else bid / _DOLLAR - p - fees[PRICE_PER_DOLLAR - bid]
        side, ev, quantity, verdict = None, None, 0, "PASS"
        order = None
        if market.yes_held or market.no_held:
            order = self._exits.order(market, fees, now_ns, p, doubt)
        if order is not None:
            commands.append(order)
            side, quantity, verdict = order.outcome, order.quantity, "EXIT"
        elif bid is None and ask is None:
            mask = why.NO_ASK
        else:
            if ev_yes is None or (ev_no is not None and ev_no > ev_yes):
                side, ev, price = _NO, ev_no, PRICE_PER_DOLLAR - (bid or 0)
            else:
                side, ev, price = _YES, ev_yes, ask or 0
            ev = (ev or 0.0) - (self._doubt_cost * doubt + self._buffer)
            mask = gates.offer(horizon_ns, bid, ask, price)
            if ev < self._min_ev:
                mask |= _EV_LOW
            elif not mask:
                mask = gates.worth_having(market, now_ns, side, price)
            if not mask:
                quantity, verdict = self._enter(market, now_ns, side, price, commands), "TAKE"
        market.watch_size = mask & _WATCH == _DEPTH
        commands.append(
            Decision(
                now_ns, market.market_id, "v2", trigger, verdict, side, why.names(mask), p, doubt,
                pricer.price, pricer.volatility.sigma, horizon_ns, bid, ask, ev_yes, ev_no, ev,
                quantity,
            )
        )  # fmt: skip

    def _spot_gates(self, now_ns: int) -> int:
        pricer = self.pricer
        if pricer.price is None:
            return why.SPOT_MISSING | why.SIGMA_NOT_READY
        mask = 0 if pricer.heard(now_ns) else why.SPOT_STALE
        return mask if pricer.volatility.ready else mask | why.SIGMA_NOT_READY

    def _unpriced(
        self, market: Market, now_ns: int, trigger: str, mask: int, horizon_ns: int
    ) -> Decision:
        book, pricer = market.book, self.pricer
        return Decision(
            now_ns, market.market_id, "v2", trigger, "PASS", None, why.names(mask), None, None,
            pricer.price, pricer.volatility.sigma, horizon_ns, book.yes_bid, book.yes_ask,
            None, None, None, 0,
        )  # fmt: skip

    def _enter(
        self, market: Market, now_ns: int, side: Outcome, price: int, commands: list[Command]
    ) -> int:
        """Take what is offered, whole contracts, up to the order size; the quantity asked for."""
        depth = min(self._gates.order, offered(market.book, side))
        quantity = depth // QUANTITY_PER_CONTRACT * QUANTITY_PER_CONTRACT
        market.last_entry_ns = now_ns
        commands.append(
            SubmitOrder(
                now_ns, order_id("v2", market.market_id, side, _BUY, now_ns, self._token),
                market.market_id, side, _BUY, price, quantity, _IOC,
                post_only=False, reduce_only=False,
            )
        )  # fmt: skip
        return quantity
