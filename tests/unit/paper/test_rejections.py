"""Every refusal a venue would give, under its stable code."""

from __future__ import annotations

import pytest

from hotpath.paper.holdings import POSITIONS_SWEPT_AT
from hotpath.paper.settings import FillModel
from kairos.domain.instruments import Action, Outcome
from kairos.domain.units import CASH_PER_DOLLAR
from kairos.messages.commands import TimeInForce
from kairos.messages.events import OrderRejected
from tests.support.paper import LATENCY, MARKET, MS, REPORT_LATENCY, Session, kinds

IOC, FOK, GTC = TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTC


def quoted(**settings: int | None) -> Session:
    session = Session(FillModel.REALISTIC, **settings)  # type: ignore[arg-type]
    session.snapshot(yes=[(45, 100)], no=[(50, 100)])
    return session


def test_a_refusal_is_the_only_report_and_comes_when_it_would_be_heard() -> None:
    session = quoted()
    session.at(7).buy("a", 0, 1)
    session.wait(1_000)
    assert session.reports == [
        OrderRejected(7 * MS + LATENCY + REPORT_LATENCY, "a", "price_off_grid")
    ]
    assert not session.busy()


@pytest.mark.parametrize("cents", [0, 100, -3, 101, 50.5, 0.01])
@pytest.mark.parametrize("outcome", list(Outcome))
def test_a_price_off_the_grid(cents: float, outcome: Outcome) -> None:
    session = quoted()
    session.submit("a", Action.BUY, outcome, cents, 1)
    session.wait(1_000)
    assert session.ending("a") == "price_off_grid"


@pytest.mark.parametrize("contracts", [0, -1, 0.005, 1.001])
def test_a_bad_quantity(contracts: float) -> None:
    session = quoted()
    session.buy("a", 50, contracts)
    session.wait(1_000)
    assert session.ending("a") == "bad_quantity"


def test_the_smallest_quantity_is_taken() -> None:
    session = quoted()
    session.buy("a", 50, 0.01, IOC)
    session.wait(1_000)
    assert session.filled("a") == 0.01


def test_an_unknown_market() -> None:
    session = quoted()
    session.submit("a", Action.BUY, Outcome.YES, 50, 1, market="KXOTHER")
    session.wait(1_000)
    assert session.ending("a") == "market_unknown"
    assert not session.busy()


def test_a_market_that_closed_on_the_way() -> None:
    session = quoted()
    session.defined(close_ns=100 * MS)
    session.buy("late", 50, 1, IOC)
    session.wait(1_000)
    assert session.ending("late") == "market_closed"
    assert not session.busy()


def test_a_paused_market() -> None:
    session = quoted()
    session.markets.paused.add(MARKET)
    session.buy("a", 50, 1, IOC)
    session.wait(1_000)
    assert session.ending("a") == "market_closed"


class TestPostOnly:
    def test_crossing_what_is_displayed(self) -> None:
        session = quoted()
        session.buy("a", 50, 1, post_only=True)
        session.wait(1_000)
        assert session.ending("a") == "post_only_would_cross"

    def test_not_crossing(self) -> None:
        session = quoted()
        session.buy("a", 49, 1, post_only=True)
        session.wait(1_000)
        assert session.ending("a") is None

    def test_crossing_what_we_already_took(self) -> None:
        session = quoted()
        session.buy("taker", 50, 100, IOC)
        session.buy("a", 50, 1, post_only=True)
        session.wait(1_000)
        assert session.ending("a") is None

    def test_crossing_our_own_resting_order(self) -> None:
        session = quoted()
        session.buy("mine", 48, 1, post_only=True)
        session.sell("a", 48, 1, post_only=True)
        session.wait(1_000)
        assert session.ending("a") == "post_only_would_cross"

    def test_a_book_nobody_can_see_does_not_refuse(self) -> None:
        session = quoted()
        session.lose_book()
        session.buy("a", 60, 1, post_only=True)
        session.wait(1_000)
        assert session.ending("a") is None


class TestClientOrderIds:
    def test_an_id_in_flight_or_resting(self) -> None:
        session = quoted()
        session.buy("a", 40, 1)
        session.venue.submit(session.orders["a"])
        session.wait(1_000)
        assert kinds(session.reports) == ["OrderAccepted", "OrderRejected"]
        assert session.ending("a") == "duplicate_client_order_id"
        assert session.busy()  # the first one rests on

    def test_an_id_that_finished(self) -> None:
        session = quoted()
        session.buy("a", 50, 1, IOC)
        session.wait(1_000)
        reports = len(session.reports)
        session.buy("a", 50, 1, IOC)
        session.wait(1_000)
        assert kinds(session.reports[reports:]) == ["OrderRejected"]

    def test_a_duplicate_does_not_touch_the_order_it_repeats(self) -> None:
        session = quoted()
        session.buy("a", 40, 1)
        session.venue.submit(session.orders["a"])
        session.wait(1_000)
        session.cancel("a")
        session.wait(1_000)
        assert kinds(session.reports)[-1] == "OrderClosed"

    def test_the_oldest_finished_ids_are_forgotten_at_the_bound(self) -> None:
        session = quoted(max_finished_ids=2)
        for name in ("a", "b", "c"):
            session.buy(name, 50, 1, IOC)
            session.wait(200)
        reports = len(session.reports)
        session.buy("c", 50, 1, IOC)
        session.buy("a", 50, 1, IOC)
        session.wait(200)
        assert kinds(session.reports[reports:])[:2] == ["OrderRejected", "OrderAccepted"]


class TestReduceOnly:
    @pytest.mark.parametrize("time_in_force", [GTC, FOK])
    def test_only_with_immediate_or_cancel(self, time_in_force: TimeInForce) -> None:
        session = quoted()
        session.sell("a", 45, 1, time_in_force, reduce_only=True)
        session.wait(1_000)
        assert session.ending("a") == "reduce_only_without_ioc"

    def test_without_a_position(self) -> None:
        session = quoted()
        session.sell("a", 45, 1, IOC, reduce_only=True)
        session.wait(1_000)
        assert session.ending("a") == "insufficient_position"

    def test_in_the_direction_of_the_position(self) -> None:
        session = quoted()
        session.buy("a", 50, 5, IOC)
        session.buy("b", 50, 1, IOC, reduce_only=True)
        session.wait(1_000)
        assert session.ending("b") == "insufficient_position"

    def test_no_more_than_the_position(self) -> None:
        session = quoted()
        session.buy("a", 50, 5, IOC)
        session.sell("b", 45, 8, IOC, reduce_only=True)
        session.wait(1_000)
        assert session.filled("b") == 5
        assert session.ending("b") == "immediate_or_cancel_remainder"
        assert session.venue.holdings.positions == {}

    def test_buying_no_reduces_a_yes_position(self) -> None:
        session = quoted()
        session.buy("a", 50, 5, IOC)
        session.submit("b", Action.BUY, Outcome.NO, 55, 2, IOC, reduce_only=True)
        session.wait(1_000)
        assert session.filled("b") == 2
        assert session.venue.holdings.positions == {MARKET: 3_000_000}


class TestTooManyOrders:
    def test_beyond_the_limit(self) -> None:
        session = quoted(max_open_orders=2)
        for name in ("a", "b", "c"):
            session.buy(name, 40, 1)
        session.wait(1_000)
        assert [session.ending(name) for name in ("a", "b", "c")] == [None, None, "too_many_orders"]

    def test_room_is_made_by_orders_that_end(self) -> None:
        session = quoted(max_open_orders=1)
        session.buy("a", 50, 1, IOC)
        session.wait(1_000)
        session.buy("b", 50, 1, IOC)
        session.wait(1_000)
        assert session.ending("b") == "filled"


class TestBalance:
    def test_an_order_that_cannot_be_paid(self) -> None:
        session = quoted(cash=5 * CASH_PER_DOLLAR)
        session.buy("a", 50, 10, IOC)  # 5 dollars and a fee
        session.wait(1_000)
        assert session.ending("a") == "insufficient_balance"

    def test_cash_is_spent_with_fees(self) -> None:
        session = quoted(cash=6 * CASH_PER_DOLLAR)
        session.buy("a", 50, 10, IOC)
        session.wait(1_000)
        assert session.venue.holdings.cash == 1_000_000 - sum(
            fill.fee for fill in session.fills("a")
        )
        session.buy("b", 50, 2, IOC)
        session.wait(1_000)
        assert session.ending("b") == "insufficient_balance"

    def test_resting_orders_set_cash_aside_until_they_end(self) -> None:
        session = quoted(cash=5 * CASH_PER_DOLLAR)
        session.buy("a", 40, 10)
        session.buy("b", 40, 10)
        session.wait(1_000)
        assert [session.ending("a"), session.ending("b")] == [None, "insufficient_balance"]
        session.cancel("a")
        session.wait(1_000)
        session.buy("c", 40, 10)
        session.wait(1_000)
        assert session.ending("c") is None
        assert session.venue.holdings.reserved == 4 * CASH_PER_DOLLAR

    def test_a_fill_frees_what_was_set_aside_for_it(self) -> None:
        session = quoted(cash=10 * CASH_PER_DOLLAR)
        session.buy("a", 48, 10)
        session.wait(1_000)
        session.trade(47, 4, taker=Outcome.NO)
        assert session.venue.holdings.reserved == 6 * 480_000
        session.trade(47, 6, taker=Outcome.NO)
        assert session.venue.holdings.reserved == 0

    def test_selling_what_we_hold_needs_no_cash(self) -> None:
        session = quoted(cash=6 * CASH_PER_DOLLAR)
        session.buy("a", 50, 10, IOC)
        session.sell("b", 45, 10, IOC)
        session.wait(1_000)
        fees = sum(fill.fee for name in ("a", "b") for fill in session.fills(name))
        assert session.filled("b") == 10
        assert session.venue.holdings.cash == (6_000_000 - 5_000_000 + 4_500_000) - fees

    def test_a_position_is_promised_once(self) -> None:
        session = quoted(cash=6 * CASH_PER_DOLLAR)
        session.buy("a", 50, 10, IOC)
        session.sell("b", 60, 10)
        session.sell("c", 60, 10)  # would open 10 NO at 40
        session.wait(1_000)
        assert [session.ending("b"), session.ending("c")] == [None, "insufficient_balance"]

    def test_cash_that_comes_from_elsewhere(self) -> None:
        session = quoted(cash=0)
        session.venue.credit(10 * CASH_PER_DOLLAR)
        session.buy("a", 50, 10, IOC)
        session.wait(1_000)
        assert session.filled("a") == 10


def test_positions_of_closed_markets_are_forgotten_when_there_are_many() -> None:
    session = Session()
    for number in range(POSITIONS_SWEPT_AT):
        market = f"M{number}"
        session.snapshot(no=[(50, 1)], market=market)
        session.submit(market, Action.BUY, Outcome.YES, 50, 1, IOC, market=market)
        session.wait(200)
        session.markets.close[market] = session.now_ns
    assert len(session.venue.holdings.positions) <= 1
