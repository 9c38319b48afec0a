"""The desk inside the engine: cancels come before blocks, and nothing leaves that may not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from kairos.domain.instruments import Action, Outcome
from kairos.domain.risk.limits import Limit
from kairos.domain.risk.trading_state import TradingState
from kairos.domain.risk.triggers import Signal
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
    BookSnapshot,
    BreakFound,
    BreakResolved,
    CashAdjusted,
    ControlChanged,
    HealthObserved,
    MarketDetermined,
    OrderAdopted,
    OrderClosed,
    OrderRejected,
    OrderUnknown,
    TimerFired,
)
from tests.support.risk_floor import (
    ACTIVE,
    CLOSE,
    CONTRACT,
    HALTED,
    QUICK,
    REDUCING,
    SECOND,
    START,
    A,
    B,
    Floor,
    canceled,
    kinds,
    states,
)

# Admission


def test_a_denied_order_is_replaced_and_the_account_never_sees_it() -> None:
    floor = Floor(order_contracts_max=10)
    fits, too_large = floor.order(10), floor.order(11)
    said = floor.want(too_large, fits)
    assert said == [
        OrderDenied(floor.now_ns, too_large.client_order_id, A, ("order_contracts",)), fits,
    ]  # fmt: skip
    assert list(floor.account.orders) == [fits.client_order_id]


def test_orders_of_one_moment_are_counted_one_after_the_other() -> None:
    floor = Floor(order_dollars_max=5, market_dollars_max=5, group_dollars_max=10)
    orders = [floor.order(10), floor.order(1), floor.order(10, market=B), floor.order(1, market=B)]
    assert kinds(floor.want(*orders)) == ["SubmitOrder", "OrderDenied"] * 2


def test_one_expiry_of_one_underlying_is_one_bet_whatever_the_series() -> None:
    floor = Floor(order_dollars_max=5, market_dollars_max=5, group_dollars_max=5)
    floor.rest(10)
    assert floor.denied(floor.order(1, market=B)) == ("group_dollars",)


def test_an_unknown_order_stays_reserved_until_it_is_proved_to_have_ended() -> None:
    floor = Floor(order_dollars_max=5, market_dollars_max=5)
    name = floor.rest(10)
    floor.hear(OrderUnknown(floor.now_ns, name, "timeout"))
    floor.pass_time(600)
    assert floor.denied(floor.order(1)) == ("market_dollars",)
    floor.hear(OrderRejected(floor.now_ns, name, "not_found"))
    floor.rest(10)


def test_an_end_that_turns_out_to_be_none_is_reserved_for_again() -> None:
    floor = Floor(order_dollars_max=5, market_dollars_max=5)
    name = floor.rest(10)
    floor.hear(OrderClosed(floor.now_ns, name, "canceled"))
    floor.hear(OrderUnknown(floor.now_ns, name, "it had ended, and is working again"))
    assert floor.denied(floor.order(1)) == ("market_dollars",)


def test_an_order_we_did_not_place_counts_when_it_is_ours_to_manage() -> None:
    floor = Floor(order_dollars_max=5, market_dollars_max=6)

    def adopt(name: str, *, managed: bool) -> None:
        floor.hear(
            OrderAdopted(floor.now_ns, name, "v" + name, A, Outcome.YES, Action.BUY, 5_000,
                         10 * CONTRACT, 0, managed)
        )  # fmt: skip

    adopt("theirs", managed=False)
    floor.rest(1)
    adopt("ours", managed=True)
    assert floor.denied(floor.order(2)) == ("market_dollars",)


def test_an_amend_is_asked_about_like_an_order() -> None:
    floor = Floor(order_dollars_max=6)
    name = floor.rest(10)
    assert floor.denied(AmendOrder(floor.now_ns, name, 6_100, 10 * CONTRACT)) == ("order_dollars",)
    (amend,) = floor.want(AmendOrder(floor.now_ns, name, 6_000, 10 * CONTRACT))
    assert isinstance(amend, AmendOrder)
    assert floor.denied(AmendOrder(floor.now_ns, "none", 5_000, CONTRACT)) == ("order_not_open",)


@pytest.mark.parametrize(("price", "contracts", "leaves"), [(3_000, 10, True), (5_000, 11, False)])
def test_while_reducing_an_exit_may_be_amended_and_not_turned_around(
    price: int, contracts: int, leaves: bool
) -> None:
    floor = Floor()
    floor.hold(10)
    name = floor.rest(10, outcome=Outcome.NO)
    floor.hear(ControlChanged(floor.now_ns, REDUCING, "ops", "drill"))
    amend = AmendOrder(floor.now_ns, name, price, contracts * CONTRACT)
    if leaves:
        assert amend in floor.want(amend)
    else:
        assert floor.denied(amend) == ("reducing",)


def test_a_strategy_gone_wild_is_held_to_the_rate_and_may_still_get_out() -> None:
    floor = Floor(orders_per_second_max=3, orders_per_minute_max=3)
    floor.hold(10)
    said = floor.want(*(floor.order(1) for _ in range(5)))
    assert kinds(said) == ["SubmitOrder"] * 2 + ["OrderDenied"] * 3
    exits = [floor.order(1, action=Action.SELL) for _ in range(5)]
    assert floor.want(*exits) == exits


# Breaches


def test_on_a_breach_everything_that_rests_is_canceled_first() -> None:
    floor = Floor(loss_hourly_dollars_max=5)
    floor.hold(100)
    names = [floor.rest(1), floor.rest(1, market=B)]
    floor.now_ns += 1
    floor.book(A, 4_400, 5_100)
    said = floor.take_stock()
    assert kinds(said) == ["CancelOrder", "CancelOrder", "RiskBreached", "TradingStateChanged"]
    assert canceled(said) == names
    assert said[2] == RiskBreached(
        floor.now_ns, Limit.LOSS_HOURLY.value, "", 6 * CONTRACT, 5 * CONTRACT
    )
    assert states(said) == [("REDUCING", "no_trade")]


def test_a_loss_that_a_fill_brings_stops_before_the_next_timer() -> None:
    floor = Floor(loss_hourly_dollars_max=5)
    name = floor.rest(100, price=6_000)
    said = floor.fill(name, 60, price=6_000)
    assert kinds(said) == ["CancelOrder", "RiskBreached", "TradingStateChanged"]


@pytest.mark.parametrize("action", [Action.SELL, Action.BUY])
def test_while_reducing_what_only_reduces_may_leave(action: Action) -> None:
    floor = Floor(loss_hourly_dollars_max=1)
    floor.hold(100)
    floor.now_ns += 1
    floor.book(A, 4_800, 5_100)
    floor.hear(TimerFired(floor.now_ns))
    assert floor.denied(floor.order(1)) == ("losses",)
    outcome = Outcome.YES if action is Action.SELL else Outcome.NO
    way_out = floor.order(100, outcome=outcome, action=action)
    assert floor.want(way_out) == [way_out]
    assert floor.denied(floor.order(1, action=Action.SELL))[-1] == "sell_exceeds_held"


def test_a_drawdown_waits_for_a_person_and_then_for_the_hysteresis() -> None:
    floor = Floor(drawdown_dollars_max=5)
    floor.hold(100)
    floor.now_ns += 1
    floor.book(A, 4_400, 5_100)
    floor.take_stock()
    floor.pass_time(3_600)
    assert floor.desk.state is REDUCING
    floor.hear(ControlChanged(floor.now_ns, ACTIVE, "ops", "looked into it"))
    floor.pass_time(299)
    assert floor.denied(floor.order(1)) == ("shadow",)
    floor.pass_time(61)
    assert floor.desk.state is ACTIVE


def test_a_deposit_is_no_profit_that_losses_could_eat() -> None:
    floor = Floor(loss_hourly_dollars_max=5)
    floor.pass_time()
    floor.hear(CashAdjusted(floor.now_ns, 100 * CONTRACT, "deposit"))
    floor.hold(100)
    floor.now_ns += 1
    floor.book(A, 4_400, 5_100)
    assert "RiskBreached" in kinds(floor.take_stock())


def test_exposure_above_a_limit_is_a_breach_although_nobody_asked() -> None:
    floor = Floor(order_dollars_max=1, market_dollars_max=3)
    said = floor.hear(
        OrderAdopted(floor.now_ns, "theirs", "v", A, Outcome.YES, Action.BUY, 5_000,
                     10 * CONTRACT, 0, managed=True)
    )  # fmt: skip
    assert kinds(said) == ["CancelOrder", "RiskBreached", "TradingStateChanged"]
    assert floor.denied(floor.order(1, market=B)) == ("exposure",)


def test_a_settled_market_frees_its_exposure() -> None:
    floor = Floor(order_dollars_max=5, market_dollars_max=5, group_dollars_max=5)
    floor.hold(10)
    floor.hear(MarketDetermined(floor.now_ns, A, Outcome.YES, "venue"))
    floor.rest(10, market=B)


# Marks


def test_between_the_close_and_the_outcome_the_last_mark_counts() -> None:
    """The venue empties the book at the close: that is no loss."""
    floor = Floor(loss_hourly_dollars_max=5)
    floor.hold(100)
    floor.pass_time()
    floor.book(A, None, None)
    floor.now_ns = CLOSE + 1
    assert not floor.hear(TimerFired(floor.now_ns))
    assert floor.desk.state is ACTIVE


def test_a_side_that_empties_after_the_close_is_no_loss() -> None:
    floor = Floor(loss_hourly_dollars_max=5)
    floor.hold(100)
    floor.pass_time()
    floor.now_ns = CLOSE + 1
    floor.book(A, None, 5_100)
    assert not floor.hear(TimerFired(floor.now_ns))


def test_a_side_without_bids_brings_nothing() -> None:
    floor = Floor(loss_hourly_dollars_max=5)
    floor.hold(100)
    floor.now_ns += 1
    floor.book(A, None, 5_100)
    assert "RiskBreached" in kinds(floor.take_stock())


# Control


def test_halted_lets_nothing_out_but_cancels() -> None:
    floor = Floor()
    floor.hold(10)
    resting = floor.rest(1)
    said = floor.hear(ControlChanged(floor.now_ns, HALTED, "ops", "drill"))
    assert kinds(said) == ["CancelOrder", "TradingStateChanged"]
    assert (said[1].evidence, canceled(said)) == ("ops: drill", [resting])  # type: ignore[union-attr]
    assert floor.denied(floor.order(10, action=Action.SELL)) == ("halted",)
    cancel = CancelOrder(floor.now_ns, resting)
    assert cancel in floor.want(cancel)


def test_time_and_health_do_not_leave_halted() -> None:
    floor = Floor(watched=[Signal.SPOT_AGE], wanted=HALTED)
    floor.pass_time(1_000)
    assert floor.denied(floor.order(1)) == ("halted",)
    floor.hear(ControlChanged(floor.now_ns, ACTIVE, "ops", "go"))
    floor.rest(1)


def test_halting_twice_cancels_twice() -> None:
    floor = Floor()
    name = floor.rest(1)
    floor.hear(ControlChanged(floor.now_ns, HALTED, "ops", "drill"))
    assert canceled(floor.hear(ControlChanged(floor.now_ns, HALTED, "ops", "again"))) == [name]


def test_what_still_rests_is_canceled_again_until_it_is_gone() -> None:
    """A cancel that overtook its order did nothing, and the order rests."""
    floor = Floor()
    name = floor.rest(1)
    floor.hear(ControlChanged(floor.now_ns, REDUCING, "ops", "drill"))
    assert canceled(floor.pass_time(4)) == []
    assert canceled(floor.pass_time(6)) == [name, name]
    floor.hear(OrderClosed(floor.now_ns, name, "canceled"))
    assert canceled(floor.pass_time(10)) == []


def test_an_exit_that_rests_while_reducing_is_left_alone() -> None:
    floor = Floor()
    floor.hold(10)
    floor.hear(ControlChanged(floor.now_ns, REDUCING, "ops", "drill"))
    floor.rest(10, action=Action.SELL)
    assert canceled(floor.pass_time(60)) == []


# Health


def test_an_old_spot_denies_at_once_and_stops_everything_with_the_timer() -> None:
    floor = Floor(watched=[Signal.SPOT_AGE])
    floor.pass_time()
    name = floor.rest(1)
    floor.now_ns += 10 * SECOND + 1
    floor.book(A, 4_900, 5_100)
    assert floor.desk.admit(floor.order(), floor.engine.markets[A], floor.now_ns) == ("spot_age",)
    said = floor.pass_time(quotes=False)
    assert kinds(said) == ["CancelOrder", "TradingStateChanged"]
    assert canceled(said) == [name]


def test_one_silent_market_stops_that_market_alone() -> None:
    floor = Floor(watched=[Signal.QUOTE_AGE])
    floor.pass_time()
    floor.hear(BookSnapshot(floor.now_ns, "other", 1, 1, B, (), (), None))
    for _ in range(31):
        floor.now_ns += SECOND
        floor.book(A, 4_900, 5_100)
        floor.hear(TimerFired(floor.now_ns))
    markets = floor.engine.markets
    assert floor.desk.admit(floor.order(market=B), markets[B], floor.now_ns) == ("quote_age",)
    assert floor.desk.admit(floor.order(), markets[A], floor.now_ns) == ()
    assert floor.desk.state is ACTIVE


def test_a_universe_of_which_too_little_is_quoted_stops() -> None:
    floor = Floor(watched=[Signal.QUOTE_COVERAGE])
    floor.pass_time()
    floor.hear(BookSnapshot(floor.now_ns, "other", 1, 1, B, (), (), None))
    said: list[Command] = []
    for _ in range(100):
        floor.now_ns += SECOND
        floor.book(A, 4_900, 5_100)
        said += floor.hear(TimerFired(floor.now_ns))
    assert states(said) == [("REDUCING", "no_trade")]
    assert "quote_coverage 50% under 80%" in str(said[-1])


def test_markets_that_closed_are_not_missing() -> None:
    floor = Floor(watched=[Signal.QUOTE_AGE, Signal.QUOTE_COVERAGE, Signal.SNAPSHOT_AGE])
    floor.pass_time()
    floor.now_ns = CLOSE + 1
    assert floor.pass_time(600, quotes=False) == []
    assert floor.desk.state is ACTIVE


def test_prices_nobody_made_for_a_minute_stop() -> None:
    floor = Floor(watched=[Signal.SNAPSHOT_AGE])
    floor.pass_time()
    assert floor.desk.state is ACTIVE
    floor.strategy.estimate = lambda market, now_ns: None  # type: ignore[method-assign]
    assert floor.pass_time(60) == []
    assert states(floor.pass_time(10)) == [("REDUCING", "no_trade")]  # at the next look


def test_the_shell_reports_what_the_engine_cannot_know() -> None:
    floor = Floor(watched=[Signal.PERSISTENCE_LAG, Signal.RISK_STORE])
    assert floor.denied(floor.order()) == ("starting",)
    floor.hear(HealthObserved(floor.now_ns, "persistence_lag", True, 0))
    said = floor.hear(HealthObserved(floor.now_ns, "risk_store", True, None))
    assert states(said) == [("ACTIVE", "healthy")]
    said = floor.hear(HealthObserved(floor.now_ns, "risk_store", False, None))
    assert states(said) == [("REDUCING", "no_trade")]


def test_a_signal_that_does_not_exist_is_refused() -> None:
    floor = Floor()
    said = floor.hear(HealthObserved(floor.now_ns, "mood", True, None))
    assert kinds(said) == ["MessageRefused"]
    with pytest.raises(Malformed, match="mood"):
        floor.desk.on_health(HealthObserved(START, "mood", True, None), START)


def test_an_unresolved_break_stops_new_risk_until_it_is_resolved() -> None:
    floor = Floor()
    for name in ("b1", "b2"):
        floor.hear(BreakFound(floor.now_ns, name, "position", A, "10", "9"))
    floor.hear(BreakResolved(floor.now_ns, "b1", "adopted", ""))
    floor.pass_time(1_000)
    assert floor.denied(floor.order(1)) == ("breaks",)
    floor.hear(BreakResolved(floor.now_ns, "b2", "adopted", ""))
    floor.pass_time(361)
    floor.rest(1)


def test_the_way_back_is_told_step_by_step_and_once() -> None:
    floor = Floor(watched=[Signal.SPOT_AGE])
    said = [*floor.pass_time(5), *floor.pass_time(12, quotes=False), *floor.pass_time(400)]
    assert states(said) == [
        ("ACTIVE", "healthy"), ("REDUCING", "no_trade"), ("REDUCING", "shadow"),
        ("ACTIVE", "healthy"),
    ]  # fmt: skip


# Everything at once


class AnyDay(RuleBasedStateMachine):
    """Orders, fills, ends, doubts, prices, faults and people, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.floor = Floor(
            QUICK, [Signal.SPOT_AGE], order_contracts_max=20, order_dollars_max=10,
            market_dollars_max=12, group_dollars_max=20, correlated_dollars_max=20,
            loss_hourly_dollars_max=4, loss_daily_dollars_max=6, drawdown_dollars_max=8,
            orders_per_second_max=3, orders_per_minute_max=60,
        )  # fmt: skip
        self.left: dict[str, SubmitOrder] = {}
        self.rests: dict[str, int] = {}

    def take(self, said: Sequence[Command]) -> None:
        """What may be said in the state of the desk, and in which order."""
        state = self.floor.desk.state
        for number, each in enumerate(said):
            if isinstance(each, SubmitOrder):
                assert state is not HALTED
                name = each.client_order_id
                assert state is ACTIVE or self.floor.desk.reservations.only_reduces(name)
                self.left[name] = each
                self.rests[name] = each.quantity
            if isinstance(each, RiskBreached | TradingStateChanged):
                later = [other for other in said[number:] if isinstance(other, CancelOrder)]
                again = self.floor.desk.state is not ACTIVE
                assert not later or again, "cancels come first"
            if isinstance(each, RiskBreached):
                assert set(canceled(said[:number])) >= set(self.rests) & set(
                    self.floor.account.orders
                )

    @rule(
        market=st.sampled_from([A, B]), contracts=st.integers(1, 25),
        price=st.integers(1, 99), outcome=st.sampled_from(Outcome),
        action=st.sampled_from(Action),
    )  # fmt: skip
    def ask(
        self, market: str, contracts: int, price: int, outcome: Outcome, action: Action
    ) -> None:
        floor = self.floor
        order = floor.order(
            contracts, market=market, price=price * 100, outcome=outcome, action=action
        )
        found = floor.engine.markets[market]
        held = found.yes_held if outcome is Outcome.YES else found.no_held
        alone = not any(each.market is found for each in floor.account.orders.values())
        way_out = action is Action.SELL and alone and order.quantity <= held
        floor.strategy.wishes = [order]
        said = floor.hear(TimerFired(floor.now_ns))
        if way_out and floor.desk.state is not HALTED:
            assert order in said, "the reducing side is never blocked"
        self.take(said)

    @rule(seconds=st.sampled_from([1, 1, 5, 301, 3_600]), quotes=st.booleans())
    def wait(self, seconds: int, quotes: bool) -> None:
        self.floor.now_ns += (seconds - 1) * SECOND
        self.take(self.floor.pass_time(quotes=quotes))

    @rule(market=st.sampled_from([A, B]), bid=st.integers(1, 97))
    def price(self, market: str, bid: int) -> None:
        self.floor.book(market, bid * 100, (bid + 2) * 100)

    @rule(data=st.data(), contracts=st.integers(1, 25))
    def execute(self, data: st.DataObject, contracts: int) -> None:
        if not self.rests:
            return
        name = data.draw(st.sampled_from(sorted(self.rests)))
        order, quantity = self.left[name], min(contracts * CONTRACT, self.rests[name])
        market = self.floor.engine.markets[order.market]
        held = market.yes_held if order.outcome is Outcome.YES else market.no_held
        if order.action is Action.SELL:
            quantity = min(quantity, held)
        if quantity:
            self.rests[name] -= quantity
            self.take(self.floor.fill(name, quantity // CONTRACT, order.price, fee=1_000))

    @rule(data=st.data(), kind=st.sampled_from([OrderClosed, OrderRejected, OrderUnknown]))
    def report(self, data: st.DataObject, kind: Any) -> None:  # noqa: ANN401
        if not self.rests:
            return
        name = data.draw(st.sampled_from(sorted(self.rests)))
        if kind is not OrderUnknown:
            del self.rests[name]
        self.take(self.floor.hear(kind(self.floor.now_ns, name, "any")))

    @rule(wanted=st.sampled_from([ACTIVE, ACTIVE, REDUCING, HALTED]))
    def control(self, wanted: TradingState) -> None:
        before = set(self.floor.account.orders)
        said = self.floor.hear(ControlChanged(self.floor.now_ns, wanted, "ops", "any"))
        if wanted is not ACTIVE:
            assert set(canceled(said)) >= before
        self.take(said)

    @rule(healthy=st.booleans())
    def health(self, healthy: bool) -> None:
        event = HealthObserved(self.floor.now_ns, "publish", healthy, None)
        self.take(self.floor.hear(event))
        if not healthy:
            assert self.floor.desk.state is not ACTIVE

    @invariant()
    def what_is_reserved_is_what_is_open(self) -> None:
        floor, book = self.floor, self.floor.desk.reservations
        assert book.orders == len(floor.account.orders) == len(self.rests)
        assert all(book.reserved(name) >= 0 for name in self.rests)
        assert book.exposure("correlated", "BTC") <= 20 * CONTRACT
        for market in (A, B):
            assert book.exposure("market", market) <= 12 * CONTRACT
            assert book.exposure("market", market) >= floor.engine.markets[market].cost

    def teardown(self) -> None:
        """Every order proved closed, every market settled: nothing is left reserved."""
        floor = self.floor
        for name in list(self.rests):
            floor.hear(OrderClosed(floor.now_ns, name, "canceled"))
        for market in (A, B):
            floor.hear(MarketDetermined(floor.now_ns, market, Outcome.NO, "venue"))
        book = floor.desk.reservations
        assert (book.portfolio, book.orders, book.open_positions) == (0, 0, 0)
        floor.account.ledger.check()


TestAnyDay = AnyDay.TestCase
TestAnyDay.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)
