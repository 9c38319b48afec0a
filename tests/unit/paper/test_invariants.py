"""What holds whatever the market does: nothing is filled twice, every order ends once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hotpath.paper.settings import FillModel
from kairos.domain.book import BookState
from kairos.domain.instruments import Action, Liquidity, Outcome
from kairos.domain.units import PRICE_PER_DOLLAR
from kairos.messages.commands import TimeInForce
from kairos.messages.events import (
    OrderAccepted,
    OrderClosed,
    OrderFilled,
    OrderRejected,
    OrderReport,
)
from tests.support.paper import CONTRACT, FEES, MARKET, Session

Step = tuple[Any, ...]

CENTS = st.integers(46, 54)
SIZES = st.integers(1, 12)
PAUSES = st.integers(0, 90)

DELTAS = st.tuples(st.just("delta"), PAUSES, st.integers(0, 1), CENTS, st.integers(-12, 12))
TRADES = st.tuples(st.just("trade"), PAUSES, CENTS, SIZES, st.sampled_from(Outcome))
QUOTES = st.tuples(st.just("quote"), PAUSES, CENTS, SIZES)
ORDERS = st.tuples(
    st.just("order"),
    PAUSES,
    st.sampled_from(Action),
    st.sampled_from(Outcome),
    CENTS,
    SIZES,
    st.sampled_from(TimeInForce),
    st.booleans(),
)
CANCELS = st.tuples(st.just("cancel"), PAUSES, st.integers(0, 12))
GAPS = st.tuples(st.just("gap"), PAUSES)
SNAPSHOTS = st.tuples(
    st.just("snapshot"),
    PAUSES,
    st.dictionaries(st.integers(46, 49), SIZES, max_size=4),
    st.dictionaries(st.integers(46, 50), SIZES, max_size=4),
)
MARKET_STEPS = st.one_of(DELTAS, DELTAS, DELTAS, TRADES, QUOTES, GAPS, SNAPSHOTS)
STEPS = st.lists(st.one_of(MARKET_STEPS, ORDERS, ORDERS, CANCELS), max_size=60)
MODELS = st.sampled_from(FillModel)


class Run(Session):
    """A session that keeps account of every contract that was ever displayed."""

    def __init__(self, model: FillModel, latency_ns: int = 100_000_000) -> None:
        super().__init__(model, latency_ns, report_latency_ns=0)
        self.added: dict[tuple[int, int], int] = defaultdict(int)
        self.taken: dict[tuple[int, int], int] = defaultdict(int)
        self.ever_added = [0, 0]
        self.ever_taken = [0, 0]
        self.shown: dict[tuple[int, int], int] = defaultdict(int)
        self.overtaken: list[str] = []
        self._counted = 0
        super().snapshot(yes=[(48, 10)], no=[(50, 10)])
        self._look()

    def play(self, steps: Sequence[Step]) -> Run:
        for number, step in enumerate(steps):
            self.now_ns += step[1] * 1_000_000
            self.wait(0)
            self._account()
            getattr(self, f"do_{step[0]}")(number, *step[2:])
            self._look()
        return self

    def end(self) -> Run:
        """Let everything in flight arrive, then close the market."""
        self.wait(1_000)
        self._account()
        self.determined()
        self.wait(1_000)
        return self

    def do_delta(self, _number: int, leg: int, cents: int, change: int) -> None:
        there = self.markets.books[MARKET].quantity_at(leg, cents * 100) // CONTRACT
        self.delta(leg, cents, max(change, -there))

    def do_trade(self, _number: int, cents: int, size: int, taker: Outcome) -> None:
        self.trade(cents, size, taker)

    def do_quote(self, _number: int, cents: int, size: int) -> None:
        self.quote(cents, size)

    def do_gap(self, _number: int) -> None:
        self.lose_book(BookState.GAPPED)

    def do_snapshot(self, _number: int, yes: dict[int, int], no: dict[int, int]) -> None:
        self.snapshot(yes.items(), no.items())

    def do_cancel(self, _number: int, target: int) -> None:
        self.cancel(f"o{target}")

    def do_order(
        self,
        number: int,
        action: Action,
        outcome: Outcome,
        cents: int,
        size: int,
        time_in_force: TimeInForce,
        post_only: bool,
    ) -> None:
        self.submit(f"o{number}", action, outcome, cents, size, time_in_force, post_only=post_only)

    def _look(self) -> None:
        """Count what was added to every level; a level that emptied starts over."""
        book = self.markets.books[MARKET]
        if book.state is not BookState.LIVE:
            return
        for leg in (0, 1):
            for cents in range(40, 60):
                level = leg, cents * 100
                now, before = book.quantity_at(*level), self.shown[level]
                self.shown[level] = now
                self.added[level] += max(now - before, 0)
                self.ever_added[leg] += max(now - before, 0)
                if not now:
                    self.added[level] = self.taken[level] = 0

    def _account(self) -> None:
        for report in self.reports[self._counted :]:
            if isinstance(report, OrderFilled) and report.evidence == "book_cross":
                self._account_for(report)
        self._counted = len(self.reports)

    def _account_for(self, fill: OrderFilled) -> None:
        order = self.orders[fill.client_order_id]
        buys = order.action is Action.BUY
        leg = int((order.outcome is Outcome.NO) != buys)
        self.ever_taken[leg] += fill.quantity
        if fill.liquidity is Liquidity.TAKER:
            level = leg, PRICE_PER_DOLLAR - fill.price if buys else fill.price
            self.taken[level] += fill.quantity
            if self.taken[level] > self.added[level]:
                self.overtaken.append(f"{level}: {self.taken[level]} of {self.added[level]}")


def reports_by_order(run: Session) -> dict[str, list[OrderReport]]:
    found: dict[str, list[OrderReport]] = defaultdict(list)
    for report in run.reports:
        found[report.client_order_id].append(report)
    return found


@given(model=st.sampled_from([FillModel.PESSIMISTIC, FillModel.REALISTIC]), steps=STEPS)
@settings(max_examples=100, deadline=None)
def test_no_more_is_taken_from_a_level_than_was_displayed_since_it_was_empty(
    model: FillModel, steps: list[Step]
) -> None:
    # An order that arrived blind may be charged as a taker of what it cannot name: leave them out.
    run = Run(model).play([step for step in steps if step[0] not in ("gap", "snapshot")])
    assert run.overtaken == []


@given(model=MODELS, steps=STEPS)
@settings(max_examples=100, deadline=None)
def test_no_more_is_taken_from_a_leg_than_was_ever_displayed_there(
    model: FillModel, steps: list[Step]
) -> None:
    run = Run(model).play(steps).end()
    assert run.ever_taken[0] <= run.ever_added[0]
    assert run.ever_taken[1] <= run.ever_added[1]


@given(model=MODELS, steps=STEPS)
@settings(max_examples=100, deadline=None)
def test_every_order_is_answered_once_and_ends_once(model: FillModel, steps: list[Step]) -> None:
    run = Run(model).play(steps).end()
    answered = reports_by_order(run)
    assert set(answered) == set(run.orders)
    for name, reports in answered.items():
        first, last = reports[0], reports[-1]
        assert isinstance(first, OrderAccepted | OrderRejected)
        assert isinstance(last, OrderClosed | OrderRejected)
        fills = [report for report in reports if isinstance(report, OrderFilled)]
        assert len(reports) == len(fills) + (2 if isinstance(first, OrderAccepted) else 1)
        ordered, filled = run.orders[name].quantity, sum(fill.quantity for fill in fills)
        assert filled <= ordered
        assert (filled == ordered) == (last.reason == "filled")
        assert all(fill.quantity > 0 for fill in fills)
    assert not run.busy()


@given(model=MODELS, steps=STEPS)
@settings(max_examples=100, deadline=None)
def test_no_fill_is_worse_than_the_limit_and_every_fee_is_the_schedules(
    model: FillModel, steps: list[Step]
) -> None:
    run = Run(model).play(steps).end()
    for name, order in run.orders.items():
        fees = FEES.order_fees()
        for fill in run.fills(name):
            expected = fees.fill(fill.price, fill.quantity, fill.liquidity, order.action)
            assert fill.fee == expected
            if order.action is Action.BUY:
                assert fill.price <= order.price
            else:
                assert fill.price >= order.price


@given(model=MODELS, steps=STEPS)
@settings(max_examples=50, deadline=None)
def test_the_same_input_gives_the_same_reports(model: FillModel, steps: list[Step]) -> None:
    first, second = Run(model).play(steps).end(), Run(model).play(steps).end()
    assert first.reports == second.reports
    times = [report.recv_ns for report in first.reports]
    assert times == sorted(times)


@given(model=MODELS, steps=STEPS)
@settings(max_examples=50, deadline=None)
def test_the_position_is_the_sum_of_the_fills(model: FillModel, steps: list[Step]) -> None:
    run = Run(model).play(steps).end()
    position = 0
    for name, order in run.orders.items():
        adds_yes = (order.action is Action.BUY) == (order.outcome is Outcome.YES)
        filled = sum(fill.quantity for fill in run.fills(name))
        position += filled if adds_yes else -filled
    expected = {MARKET: position} if position else {}
    assert run.venue.holdings.positions == expected


@given(
    before=st.lists(MARKET_STEPS, max_size=10),
    after=st.lists(MARKET_STEPS, max_size=25),
    order=ORDERS,
    time_in_force=st.sampled_from([TimeInForce.IOC, TimeInForce.FOK]),
)
@settings(max_examples=200, deadline=None)
def test_the_models_are_in_order_for_one_taker(
    before: list[Step], after: list[Step], order: Step, time_in_force: TimeInForce
) -> None:
    taker = (*order[:6], time_in_force, False)
    amounts = [
        Run(model).play([*before, taker, *after]).end().filled(f"o{len(before)}")
        for model in FillModel
    ]
    assert amounts == sorted(amounts)


@given(steps=st.lists(MARKET_STEPS, max_size=40), order=ORDERS)
@settings(max_examples=200, deadline=None)
def test_the_models_are_in_order_for_one_resting_order(steps: list[Step], order: Step) -> None:
    resting = (*order[:6], TimeInForce.GTC, False)
    amounts = [
        Run(model, latency_ns=0).play([resting, *steps]).end().filled("o0") for model in FillModel
    ]
    assert amounts == sorted(amounts)


@given(model=MODELS, steps=STEPS)
@settings(max_examples=50, deadline=None)
def test_nothing_is_kept_of_a_market_that_is_over(model: FillModel, steps: list[Step]) -> None:
    run = Run(model).play(steps).end()
    venue = run.venue
    assert not venue._desks.by_market
    assert not len(venue._agenda)
    assert venue.holdings.reserved == 0
