"""Profile v2 of the BTC edge: fair value of the settlement average against the book, after costs.

Evaluated on every change of a market's top of book and on every change of the spot. Each evaluation
leaves a Decision with its reasons in order; only one with none of them trades.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Final

from hotpath.account import Account
from hotpath.market import Market
from hotpath.spot import Spot
from hotpath.strategies import reasons as why
from hotpath.strategies.base import NOTHING, Commands
from hotpath.strategies.fee_table import FeeTable
from hotpath.strategies.order_ids import order_id
from kairos.domain.book import BookState
from kairos.domain.fair_value import FairValue, fair_value, settlement_moments
from kairos.domain.fees.schedule import FeeSchedule
from kairos.domain.instruments import Action, Outcome
from kairos.domain.settlement_average import PRINTS, SettlementWindow
from kairos.domain.units import PRICE_PER_DOLLAR, QUANTITY_PER_CONTRACT
from kairos.domain.volatility import Volatility, VolatilitySettings
from kairos.messages.commands import Command, Decision, SubmitOrder, TimeInForce
from kairos.messages.events import IndexValue, VenueQuote

_NS: Final = 1_000_000_000
_DOLLAR: Final = float(PRICE_PER_DOLLAR)
_WINDOWS_MAX: Final = 64
_STATE_BITS: Final = {
    BookState.RESYNCING: why.BOOK_RESYNCING,
    BookState.GAPPED: why.BOOK_GAPPED,
    BookState.STALE: why.BOOK_STALE,
}


@dataclass(frozen=True, slots=True)
class BtcEdgeSettings:
    """Every knob of the strategy; units in the names. None was fitted to a recording."""

    min_ev: float = 0.02  # dollars per contract, after fee, buffer and uncertainty
    cost_buffer: float = 0.005
    uncertainty_multiplier: float = 1.0
    ask_min_cents: int = 5
    ask_max_cents: int = 95
    spread_max_cents: int = 5
    depth_min_contracts: int = 10
    order_contracts: int = 10
    position_max_contracts: int = 50
    exposure_max_dollars: int = 500
    loss_max_dollars: int = 100
    cooldown_seconds: float = 20.0
    seconds_to_close_min: float = 15.0
    seconds_to_close_max: float = 6 * 3600.0
    spot_stale_seconds: float = 10.0
    book_stale_seconds: float = 30.0
    exit_margin: float = 0.02
    exit_confirm_seconds: float = 1.0
    basis_dollars: float = 6.0  # how far the spot proxy may be from the index
    basis_dollars_with_index: float = 1.0  # the same while the index itself is heard
    volatility: VolatilitySettings = field(default_factory=VolatilitySettings)


class BtcEdge:
    """The v2 strategy. Holds the markets it prices; the engine owns books, spot and account."""

    profile = "v2"

    def __init__(
        self,
        settings: BtcEdgeSettings,
        account: Account,
        spot: Spot,
        fees: Callable[[str, int], FeeSchedule],
    ) -> None:
        self._settings = settings
        self._account = account
        self._spot = spot
        self._fees = fees
        self._tables: dict[str, FeeTable] = {}
        self._table_of: dict[str, FeeTable] = {}
        self.volatility = Volatility(settings.volatility)
        self.active: dict[str, Market] = {}
        self._windows: dict[int, SettlementWindow] = {}
        self._price: float | None = None  # the spot, corrected for what the index has shown
        self._basis = 0.0
        self._index_ns = -1
        self._loss_max = settings.loss_max_dollars * 1_000_000
        self._exposure_max = settings.exposure_max_dollars * 1_000_000
        self._spot_stale_ns = int(settings.spot_stale_seconds * _NS)
        self._book_stale_ns = int(settings.book_stale_seconds * _NS)
        self._order = settings.order_contracts * QUANTITY_PER_CONTRACT
        self._depth_min = settings.depth_min_contracts * QUANTITY_PER_CONTRACT

    def settings(self) -> Mapping[str, str]:
        flat = asdict(self._settings)
        inner = flat.pop("volatility")
        flat.update({f"volatility.{name}": value for name, value in inner.items()})
        return {name: str(value) for name, value in flat.items()}

    # What changed

    def on_market(self, market: Market, now_ns: int) -> None:
        if market.contract is None or not market.is_open(now_ns):
            self._retire(market)
            return
        if market.market_id not in self.active:
            self.active[market.market_id] = market
            self._table_of[market.market_id] = self._table(market.market_id, now_ns)
        close_ns = market.contract.close_ns
        if close_ns not in self._windows and len(self._windows) < _WINDOWS_MAX:
            self._windows[close_ns] = SettlementWindow(close_ns)

    def _retire(self, market: Market) -> None:
        self.active.pop(market.market_id, None)
        self._table_of.pop(market.market_id, None)

    def _table(self, market_id: str, now_ns: int) -> FeeTable:
        schedule = self._fees(market_id, now_ns)
        if schedule.version not in self._tables:
            self._tables[schedule.version] = FeeTable(schedule, self._order)
        return self._tables[schedule.version]

    def on_spot(self, price: float, now_ns: int) -> Commands:
        moved = self.volatility.update(now_ns, price)
        corrected = price + self._basis
        self._realise(corrected, now_ns)
        if corrected == self._price and not moved:
            return NOTHING
        self._price = corrected
        return self._evaluate_all(now_ns, "spot")

    def on_index(self, event: IndexValue, now_ns: int) -> Commands:
        """The index is the thing itself: learn the proxy's basis from it, slowly."""
        spot = self._spot.price
        if spot is None:
            return NOTHING
        gap = event.value - spot
        self._basis = gap if self._index_ns < 0 else 0.9 * self._basis + 0.1 * gap
        self._index_ns = now_ns
        self._price = spot + self._basis
        return self._evaluate_all(now_ns, "index")

    def on_book(self, market: Market, now_ns: int) -> Commands:
        if market.market_id not in self.active:
            return NOTHING
        commands: list[Command] = []
        self._evaluate(market, now_ns, "book", commands)
        return commands

    def on_quote(self, event: VenueQuote, market: Market, now_ns: int) -> Commands:
        return NOTHING  # the book says more, and says it first

    def on_timer(self, now_ns: int) -> Commands:
        for market in [m for m in self.active.values() if not m.is_open(now_ns)]:
            self._retire(market)
        if self._price is not None:
            self._realise(self._price, now_ns)
        for close_ns in [c for c in self._windows if now_ns > c + 60 * _NS]:
            del self._windows[close_ns]
        return NOTHING

    def _realise(self, price: float, now_ns: int) -> None:
        for window in self._windows.values():
            if now_ns > window.close_ns - PRINTS * _NS:
                window.advance(now_ns, price)

    # What it is worth

    def _evaluate_all(self, now_ns: int, trigger: str) -> Commands:
        commands: list[Command] = []
        for market in self.active.values():
            self._evaluate(market, now_ns, trigger, commands)
        return commands

    def fair_value(self, market: Market, now_ns: int) -> FairValue | None:
        """P(YES) now, or None without a spot or a contract."""
        contract, price = market.contract, self._price
        if contract is None or price is None:
            return None
        window = self._windows.get(contract.close_ns)
        mean, deviation = settlement_moments(
            price,
            (contract.close_ns - now_ns) / 1e9,
            window.total if window is not None else 0.0,
            window.count if window is not None else 0,
        )
        volatility = self.volatility
        return fair_value(
            contract.lower, contract.upper, mean, deviation,
            volatility.sigma, volatility.log_sd, self._basis_deviation(now_ns),
        )  # fmt: skip

    def estimate(self, market: Market, now_ns: int) -> float | None:
        if not self.volatility.ready or now_ns - self._spot.heard_ns > self._spot_stale_ns:
            return None
        fair = self.fair_value(market, now_ns)
        return None if fair is None else fair.probability

    def _basis_deviation(self, now_ns: int) -> float:
        fresh = self._index_ns >= 0 and now_ns - self._index_ns <= self._spot_stale_ns
        settings = self._settings
        return settings.basis_dollars_with_index if fresh else settings.basis_dollars

    def _evaluate(self, market: Market, now_ns: int, trigger: str, commands: list[Command]) -> None:
        """Price one market and append its Decision, and an order when nothing speaks against it."""
        horizon_ns = (market.close_ns or 0) - now_ns
        if horizon_ns < 0:
            return
        mask = self._data_gates(market, now_ns)
        fair = None if mask & why.UNPRICEABLE else self.fair_value(market, now_ns)
        if fair is None:
            commands.append(self._unpriced(market, now_ns, trigger, mask, horizon_ns))
            return
        book = market.book
        p, uncertainty = fair
        bid, ask = book.yes_bid, book.yes_ask
        fee = self._table_of[market.market_id]
        haircut = self._settings.uncertainty_multiplier * uncertainty + self._settings.cost_buffer
        ev_yes = None if ask is None else p - ask / _DOLLAR - fee[ask]
        ev_no = None if bid is None else bid / _DOLLAR - p - fee[PRICE_PER_DOLLAR - bid]
        if ev_no is not None and (ev_yes is None or ev_no > ev_yes):
            side, ev, price = Outcome.NO, ev_no - haircut, PRICE_PER_DOLLAR - (bid or 0)
            depth = book.yes[book.best_yes]
        elif ev_yes is not None:
            side, ev, price = Outcome.YES, ev_yes - haircut, ask or 0
            depth = book.no[book.best_no]
        else:
            side, ev, price, depth = None, None, 0, 0
            mask |= why.NO_ASK
        if market.yes_held or market.no_held:
            verdict = self._exit(market, now_ns, p, uncertainty, commands)
            if verdict is not None:
                commands.append(
                    Decision(
                        now_ns, market.market_id, "v2", trigger, verdict[0], verdict[1], (),
                        p, uncertainty, self._price, self.volatility.sigma, horizon_ns,
                        bid, ask, ev_yes, ev_no, ev, verdict[2],
                    )
                )  # fmt: skip
                return
        mask |= self._market_gates(horizon_ns, bid, ask)
        quantity = 0
        if side is not None and ev is not None:
            mask |= self._side_gates(market, now_ns, side, ev, price, depth)
            if not mask:
                quantity = min(self._order, depth) // QUANTITY_PER_CONTRACT * QUANTITY_PER_CONTRACT
                commands.append(self._enter(market, now_ns, side, price, quantity))
        market.watch_size = bool(mask & why.DEPTH_THIN) and not mask & why.EV_LOW
        commands.append(
            Decision(
                now_ns, market.market_id, "v2", trigger, "PASS" if mask else "TAKE", side,
                why.names(mask), p, uncertainty, self._price, self.volatility.sigma, horizon_ns,
                bid, ask, ev_yes, ev_no, ev, quantity,
            )
        )  # fmt: skip

    # What speaks against it

    def _data_gates(self, market: Market, now_ns: int) -> int:
        book, mask = market.book, 0
        if book.state is not BookState.LIVE:
            mask = _STATE_BITS[book.state]
        elif market.channel is None or now_ns - market.channel.last_recv_ns > self._book_stale_ns:
            mask = why.BOOK_STALE
        if self._price is None:
            mask |= why.SPOT_MISSING
        elif now_ns - self._spot.heard_ns > self._spot_stale_ns:
            mask |= why.SPOT_STALE
        if not self.volatility.ready:
            mask |= why.SIGMA_NOT_READY
        return mask

    def _market_gates(self, horizon_ns: int, bid: int | None, ask: int | None) -> int:
        settings, mask = self._settings, 0
        seconds = horizon_ns / 1e9
        if seconds < settings.seconds_to_close_min:
            mask = why.TOO_CLOSE
        elif seconds > settings.seconds_to_close_max:
            mask = why.TOO_FAR
        if bid is not None and ask is not None:
            if bid >= ask:
                mask |= why.BOOK_CROSSED
            elif ask - bid > settings.spread_max_cents * 100:
                mask |= why.SPREAD_WIDE
        else:
            mask |= why.SPREAD_WIDE
        return mask

    def _side_gates(
        self, market: Market, now_ns: int, side: Outcome, ev: float, price: int, depth: int
    ) -> int:
        settings, mask = self._settings, 0
        if not settings.ask_min_cents * 100 <= price <= settings.ask_max_cents * 100:
            mask = why.PRICE_BAND
        if depth < self._depth_min:
            mask |= why.DEPTH_THIN
        if ev < settings.min_ev:
            return mask | why.EV_LOW
        return mask | self._portfolio_gates(market, now_ns, side, price)

    def _portfolio_gates(self, market: Market, now_ns: int, side: Outcome, price: int) -> int:
        """Asked only of edges worth having: what we hold, owe and have lost."""
        settings, account, mask = self._settings, self._account, 0
        held, other = (
            (market.yes_held, market.no_held)
            if side is Outcome.YES
            else (market.no_held, market.yes_held)
        )
        if other:
            mask = why.POSITION_OPEN
        if held + self._order > settings.position_max_contracts * QUANTITY_PER_CONTRACT:
            mask |= why.POSITION_LIMIT
        if market.in_flight:
            mask |= why.IN_FLIGHT
        if now_ns - market.last_entry_ns < settings.cooldown_seconds * _NS:
            mask |= why.COOLDOWN
        cost = price * self._order // PRICE_PER_DOLLAR
        ledger = account.ledger
        if (
            account.exposure + cost > self._exposure_max
            or 2 * cost + account.reserved > ledger.cash
        ):
            mask |= why.EXPOSURE
        if ledger.result.net <= -self._loss_max:
            mask |= why.LOSS_LIMIT
        return mask

    def _unpriced(
        self, market: Market, now_ns: int, trigger: str, mask: int, horizon_ns: int
    ) -> Decision:
        book = market.book
        return Decision(
            now_ns, market.market_id, "v2", trigger, "PASS", None, why.names(mask),
            None, None, self._price, self.volatility.sigma, horizon_ns,
            book.yes_bid, book.yes_ask, None, None, None, 0,
        )  # fmt: skip

    # What is done about it

    def _enter(
        self, market: Market, now_ns: int, side: Outcome, price: int, quantity: int
    ) -> SubmitOrder:
        market.last_entry_ns = now_ns
        return SubmitOrder(
            now_ns, order_id("v2", market.market_id, side, Action.BUY, now_ns), market.market_id,
            side, Action.BUY, price, quantity, TimeInForce.IOC, post_only=False, reduce_only=False,
        )  # fmt: skip

    def _exit(
        self, market: Market, now_ns: int, p: float, uncertainty: float, commands: list[Command]
    ) -> tuple[str, Outcome, int] | None:
        """Sell when the bid, after the fee, beats holding; seen twice, a moment apart."""
        side = Outcome.YES if market.yes_held else Outcome.NO
        held = market.yes_held or market.no_held
        book = market.book
        bid = book.yes_bid if side is Outcome.YES else book.no_bid
        worth = p if side is Outcome.YES else 1.0 - p
        settings = self._settings
        if bid is None or market.in_flight:
            return None
        fee = self._table_of[market.market_id][bid]
        margin = settings.exit_margin + settings.uncertainty_multiplier * uncertainty
        if bid / _DOLLAR - fee < worth + margin:
            market.exit_count = 0
            return None
        if market.exit_count == 0:
            market.exit_count, market.exit_seen_ns = 1, now_ns
            return None
        if now_ns - market.exit_seen_ns < settings.exit_confirm_seconds * _NS:
            return None
        market.exit_count = 0
        commands.append(
            SubmitOrder(
                now_ns, order_id("v2", market.market_id, side, Action.SELL, now_ns),
                market.market_id, side, Action.SELL, bid, held, TimeInForce.IOC,
                post_only=False, reduce_only=True,
            )
        )  # fmt: skip
        return "EXIT", side, held
