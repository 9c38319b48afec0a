"""The risk desk: asked before every order, told of everything that happened, it can stop trading.

It keeps no position of its own: what is held and what is open is the account's to know, and the
desk sums it. Cancels of what rests come before the block they belong to, always.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from hotpath.account import Account, OpenOrder
from hotpath.market import Market
from hotpath.risk_measures import Estimate, Measures
from hotpath.risk_positions import GroupsOf, Positions
from hotpath.spot import Spot
from hotpath.strategies.base import NOTHING
from kairos.domain.risk.intents import Groups, Intent
from kairos.domain.risk.limits import Breach, Limit
from kairos.domain.risk.losses import Losses, LossState
from kairos.domain.risk.order_rate import OrderRate
from kairos.domain.risk.reservations import Reservations
from kairos.domain.risk.settings import RiskSettings
from kairos.domain.risk.trading_state import TradingState, TradingStateMachine, Transition
from kairos.domain.risk.triggers import Phase, Signal, Triggers
from kairos.errors import Malformed
from kairos.messages.commands import (
    AmendOrder,
    CancelOrder,
    Command,
    OrderDenied,
    RiskBreached,
    SubmitOrder,
    TradingStateChanged,
)
from kairos.messages.events import (
    AmendRejected,
    BreakFound,
    BreakResolved,
    CashAdjusted,
    ControlChanged,
    HealthObserved,
    OrderAccepted,
    OrderAmended,
    OrderClosed,
    OrderFilled,
    OrderRejected,
    OrderReport,
)

# A cancel may overtake its order, or get lost: what still rests is asked for again.
CANCEL_AGAIN_NS: Final = 5_000_000_000
BREAKS_MAX: Final = 10_000
# Stock is taken every second while an order is open, and before an order if the last one is older
# than that. With nothing to cancel it can wait this long: the limits are tens of seconds.
STOCK_NS: Final = 10_000_000_000
FRESH_NS: Final = 1_000_000_000
ACTIVE: Final = TradingState.ACTIVE


class RiskDesk:
    """Limits, trading state and triggers of one engine.

    `wanted` is the state as the control plane has it, `losses` what a run before this one left.
    `watched` are the signals without which nothing may be added.
    """

    def __init__(
        self,
        settings: RiskSettings,
        account: Account,
        spot: Spot,
        groups_of: GroupsOf,
        *,
        netting: bool,
        watched: Iterable[Signal],
        wanted: TradingState,
        losses: LossState | None,
    ) -> None:
        self._account = account
        signals = frozenset(watched)
        self.machine = TradingStateMachine(wanted)
        self.triggers = Triggers(settings.triggers, signals)
        self.reservations = Reservations(settings.limits, netting=netting)
        self.losses = Losses(settings.limits, losses)
        self.equity = account.ledger.cash
        self._measures = Measures(settings.triggers, signals, spot)
        self._positions = Positions(self.reservations, groups_of)
        self._rate = OrderRate(settings.limits)
        self._stock_ns = self._judged_ns = 0
        self._breaks: set[str] = set()
        self._canceled_ns: dict[str, int] = {}
        self._in_force: frozenset[Signal] = frozenset()
        self._breached: frozenset[tuple[Limit, str]] = frozenset()
        if self.triggers.phase is not Phase.TRADING:
            self.machine.block(self.triggers.phase.value, "nothing was heard yet", 0)

    @property
    def state(self) -> TradingState:
        return self.machine.state

    # Before an order

    def screen(
        self, commands: Sequence[Command], market_of: Callable[[str], Market], now_ns: int
    ) -> list[Command]:
        """The same commands, with `OrderDenied` in the place of every order that may not leave."""
        return [self._screened(command, market_of, now_ns) for command in commands]

    def _screened(
        self, command: Command, market_of: Callable[[str], Market], now_ns: int
    ) -> Command:
        if isinstance(command, SubmitOrder):
            reasons, name = self.admit(command, market_of(command.market), now_ns), command.market
        elif isinstance(command, AmendOrder):
            reasons, name = self.admit_amend(command, now_ns)
        else:
            return command
        return OrderDenied(now_ns, command.client_order_id, name, reasons) if reasons else command

    def admit(self, order: SubmitOrder, market: Market, now_ns: int) -> tuple[str, ...]:
        """Why an order may not leave; empty means that it may, and that it is reserved for."""
        reservations, positions = self.reservations, self._positions
        intent = _intent(order, positions.groups(market))
        if (
            self.machine.state is not ACTIVE
            or self._rate.check(now_ns)
            or self._measures.of_order(market, now_ns)
        ) and (against := self._conditions(market, now_ns, reducing=reservations.reduces(intent))):
            return (*against, *_names(reservations.check(intent, self.equity)))
        breaches = reservations.reserve(intent, self.equity)
        if breaches:
            return _names(breaches)
        self._rate.count(now_ns)
        positions.note(market)
        return ()

    def _conditions(self, market: Market, now_ns: int, *, reducing: bool) -> tuple[str, ...]:
        """What speaks against an order besides its size; little of it concerns one that reduces."""
        found: tuple[str, ...] = ()
        if not self.machine.permits(reducing=reducing):
            found = self._blocks()
        if not reducing:
            found += self._measures.of_order(market, now_ns)
            found += _names(self._rate.check(now_ns))
        return found

    def admit_amend(self, order: AmendOrder, now_ns: int) -> tuple[tuple[str, ...], str]:
        """Why an amendment may not leave, and its market; otherwise the dearer is reserved for."""
        opened = self._account.orders.get(order.client_order_id)
        if opened is None or order.client_order_id not in self.reservations:
            return ("order_not_open",), opened.market.market_id if opened is not None else ""
        market = opened.market
        reducing = self.reservations.still_reduces(order.client_order_id, order.quantity)
        against = self._conditions(market, now_ns, reducing=reducing)
        if not against:
            against = _names(
                self.reservations.amend(
                    order.client_order_id, order.price, order.quantity, self.equity
                )
            )
        if not against:
            self._rate.count(now_ns)
        return against, market.market_id

    def _blocks(self) -> tuple[str, ...]:
        """What people want first, then what conditions say."""
        wanted = self.machine.wanted
        wishes = () if wanted is TradingState.ACTIVE else (wanted.lower(),)
        return (*wishes, *self.triggers.reasons())

    # After the account was told

    def on_report(
        self, report: OrderReport, markets: Mapping[str, Market], now_ns: int
    ) -> Sequence[Command]:
        """Follow what the venue proved. Call it when the account has booked the report."""
        if isinstance(report, OrderAccepted):
            return NOTHING
        name = report.client_order_id
        opened = self._account.orders.get(name)
        if name in self.reservations:
            self._follow(report, opened)
        elif opened is not None and opened.managed:
            order, filled = opened.order, opened.filled
            intent = _intent(order, self._positions.groups(opened.market))
            intent = intent._replace(price=opened.price, quantity=max(opened.quantity, filled))
            self.reservations.adopt(intent, filled)
        if isinstance(report, OrderRejected | OrderClosed | OrderAmended | AmendRejected):
            return NOTHING  # what they free is noticed in time
        self._positions.tell_all(markets, self._account.busy)
        return self._judge(now_ns)

    def _follow(self, report: OrderReport, opened: OpenOrder | None) -> None:
        """What a report proves about an order that is reserved for; doubt proves nothing."""
        name = report.client_order_id
        match report:
            case OrderRejected() | OrderClosed():
                self.reservations.release(name)
                self._canceled_ns.pop(name, None)
            case OrderFilled() if opened is not None:
                self.reservations.fill(name, opened.filled)
            case OrderAmended():
                self.reservations.stand(name, report.price, report.quantity)
            case AmendRejected():
                self.reservations.stand_as_before(name)
            case _:
                pass

    def on_position(self, market: Market, now_ns: int) -> Sequence[Command]:
        """A market paid out, or the account took over what it held before: it has booked it."""
        self._positions.tell(market)
        return self._judge(now_ns)

    def on_cash(self, event: CashAdjusted, now_ns: int) -> Sequence[Command]:
        """A deposit is no profit and a withdrawal no loss."""
        self.losses.transfer(event.amount)
        return self._judge(now_ns)

    # Conditions

    def on_timer(
        self, markets: Mapping[str, Market], estimate: Estimate, now_ns: int
    ) -> Sequence[Command]:
        """Called once a second: take stock when it is due, or at once when the spot falls silent;
        ask again for cancels that were not heeded."""
        due_ns = self._stock_ns + (FRESH_NS if self._account.orders else STOCK_NS)
        if now_ns < due_ns and self._measures.spot_is_fresh(now_ns):
            return NOTHING
        commands = self._take_stock(markets, estimate, now_ns)
        if self.machine.state is TradingState.ACTIVE:
            return commands
        return [*commands, *self._cancel_again(now_ns)]

    def before_orders(
        self, markets: Mapping[str, Market], estimate: Estimate, now_ns: int
    ) -> Sequence[Command]:
        """What a look at the present says, before an order is judged by the past."""
        fresh = now_ns < self._judged_ns + FRESH_NS
        if fresh and self.triggers.phase is Phase.TRADING:
            return NOTHING
        return self._take_stock(markets, estimate, now_ns)

    def _take_stock(
        self, markets: Mapping[str, Market], estimate: Estimate, now_ns: int
    ) -> list[Command]:
        self._stock_ns = now_ns
        self._measures.observe(self.triggers, markets, estimate, now_ns)
        self._positions.tell_all(markets, self._account.busy)
        return self._judge(now_ns)

    def on_health(self, event: HealthObserved, now_ns: int) -> Sequence[Command]:
        """What the shell says of itself. Raises Malformed for a signal that does not exist."""
        try:
            signal = Signal(event.name)
        except ValueError as error:
            raise Malformed("unknown_type", "name", f"{event.name} is no signal") from error
        self.triggers.observe(signal, event.value_ns, now_ns, healthy=event.healthy)
        return self._judge(now_ns)

    def on_break(self, event: BreakFound | BreakResolved, now_ns: int) -> Sequence[Command]:
        """A difference with the venue's books stops new risk until it is resolved."""
        if isinstance(event, BreakResolved):
            self._breaks.discard(event.break_id)
        elif len(self._breaks) < BREAKS_MAX:
            self._breaks.add(event.break_id)
        return self._judge(now_ns)

    def on_control(self, event: ControlChanged, now_ns: int) -> Sequence[Command]:
        """Somebody decided. Anything but ACTIVE cancels what rests, even if it was so before."""
        changed = self.machine.control(event.wanted, f"{event.who}: {event.why}", now_ns)
        cancels: list[Command] = []
        if event.wanted is TradingState.ACTIVE:
            self.losses.forgive()
        else:
            cancels = self._cancel(self._ours(), now_ns)
        return [*cancels, *_said(changed), *self._judge(now_ns)]

    def _judge(self, now_ns: int) -> list[Command]:
        """Take stock, and say what follows: cancels first, then breaches, then the new state."""
        self._judged_ns = now_ns
        self.equity = equity = self._account.ledger.cash + self._positions.value(now_ns)
        losses = self.losses.observe(now_ns, equity)
        overruns = self.reservations.overruns(equity)
        verdict = self.triggers.verdict
        verdict(Signal.LOSSES, now_ns, healthy=not losses)
        verdict(Signal.EXPOSURE, now_ns, healthy=not overruns)
        verdict(Signal.BREAKS, now_ns, healthy=not self._breaks)
        breaches = self._fresh_breaches((*losses, *overruns))
        changed, stops = self._advance(now_ns)
        cancels = self._cancel(self._ours(), now_ns) if stops or breaches else []
        said = [RiskBreached(now_ns, *breach) for breach in breaches]
        return [*cancels, *said, *_said(changed)]

    def _fresh_breaches(self, breaches: Sequence[Breach]) -> list[Breach]:
        """Those that were not in force a moment ago."""
        before = self._breached
        if not breaches and not before:
            return []
        self._breached = frozenset((breach.limit, breach.scope) for breach in breaches)
        return [each for each in breaches if (each.limit, each.scope) not in before]

    def _advance(self, now_ns: int) -> tuple[Transition | None, bool]:
        """The change of state that conditions call for, and whether a trigger entered just now."""
        before, phase = self.triggers.phase, self.triggers.advance(now_ns)
        entered = frozenset(self.triggers.entered)
        stops = phase is not Phase.STARTING and not entered <= self._in_force
        self._in_force = entered
        if phase is Phase.TRADING:
            return self.machine.unblock("healthy", f"after {before}", now_ns), stops
        if phase is before and not stops:
            return None, stops
        return self.machine.block(phase.value, self.triggers.evidence(), now_ns), stops

    # Cancels

    def _ours(self) -> list[str]:
        """Open orders that are ours to cancel."""
        return [name for name, opened in self._account.orders.items() if opened.managed]

    def _cancel_again(self, now_ns: int) -> list[Command]:
        """What should not rest in this state and was asked to go a while ago, or never."""
        halted, reservations = self.machine.state is TradingState.HALTED, self.reservations
        names = [
            name for name in self._ours()
            if (halted or name not in reservations or not reservations.only_reduces(name))
            and now_ns - self._canceled_ns.get(name, 0) >= CANCEL_AGAIN_NS
        ]  # fmt: skip
        return self._cancel(names, now_ns)

    def _cancel(self, names: Sequence[str], now_ns: int) -> list[Command]:
        self._canceled_ns |= dict.fromkeys(names, now_ns)
        return [CancelOrder(now_ns, name) for name in names]


def _intent(order: SubmitOrder, groups: Groups) -> Intent:
    return Intent(
        order.client_order_id, order.market, groups, order.outcome,
        order.action, order.price, order.quantity,
    )  # fmt: skip


def _names(breaches: Iterable[Breach]) -> tuple[str, ...]:
    return tuple(breach.limit.value for breach in breaches)


def _said(changed: Transition | None) -> Sequence[Command]:
    if changed is None:
        return NOTHING
    return (
        TradingStateChanged(changed.ts_ns, changed.state.value, changed.reason, changed.evidence),
    )
