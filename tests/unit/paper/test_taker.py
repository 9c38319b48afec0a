"""What an order that arrives at a displayed book gets, and what it leaves for the next one."""

from __future__ import annotations

import pytest

from hotpath.paper.settings import FillModel
from kairos.domain.book import BookState
from kairos.domain.instruments import NO_LEG, YES_LEG, Action, Liquidity, Outcome
from kairos.messages.commands import TimeInForce
from kairos.messages.events import OrderFilled
from tests.support.paper import CONTRACT, FEES, LATENCY, MS, REPORT_LATENCY, Session

IOC, FOK = TimeInForce.IOC, TimeInForce.FOK


def priced(fills: list[OrderFilled]) -> list[tuple[int, float]]:
    return [(fill.price, fill.quantity / CONTRACT) for fill in fills]


@pytest.mark.parametrize(
    ("action", "outcome", "limit", "expected"),
    [
        # YES asks are NO bids seen from the other side: 50 (10), 52 (20).
        (Action.BUY, Outcome.YES, 52, [(5_000, 10.0), (5_200, 5.0)]),
        (Action.BUY, Outcome.YES, 51, [(5_000, 10.0)]),
        (Action.SELL, Outcome.YES, 45, [(4_700, 12.0), (4_500, 3.0)]),
        (Action.BUY, Outcome.NO, 55, [(5_300, 12.0), (5_500, 3.0)]),
        (Action.SELL, Outcome.NO, 48, [(5_000, 10.0), (4_800, 5.0)]),
    ],
)
def test_an_order_takes_the_facing_leg_from_the_best_level_down_to_its_limit(
    action: Action, outcome: Outcome, limit: float, expected: list[tuple[int, float]]
) -> None:
    session = Session()
    session.snapshot(yes=[(47, 12), (45, 30)], no=[(50, 10), (48, 20)])
    session.submit("a", action, outcome, limit, 15, IOC)
    session.wait(1_000)
    assert priced(session.fills("a")) == expected
    assert {fill.evidence for fill in session.fills("a")} == {"book_cross"}
    assert {fill.liquidity for fill in session.fills("a")} == {Liquidity.TAKER}


def test_reports_come_when_they_would_be_heard() -> None:
    session = Session()
    session.at(5).snapshot(no=[(50, 10)])
    session.buy("a", 50, 10, IOC)
    assert session.wait(LATENCY / MS) == []
    assert {report.recv_ns for report in session.wait(1_000)} == {5 * MS + LATENCY + REPORT_LATENCY}


def test_the_book_at_arrival_decides_and_not_the_one_at_decision() -> None:
    session = Session()
    session.snapshot(no=[(50, 10)])
    session.buy("late", 50, 10, IOC)
    session.at(99).no(50, -7)
    session.buy("later", 50, 10, IOC)
    session.at(100).no(50, -1)  # the first order arrives in this nanosecond, before the message
    session.wait(1_000)
    assert session.filled("late") == 3
    assert session.ending("late") == "immediate_or_cancel_remainder"
    assert session.filled("later") == 0


def test_a_message_of_the_same_nanosecond_is_later_than_the_arrival() -> None:
    session = Session()
    session.snapshot(no=[(50, 10)])
    session.buy("a", 50, 10, IOC)
    session.at(100).no(50, -10)
    session.wait(1_000)
    assert session.filled("a") == 10


def test_the_same_contracts_are_not_taken_twice() -> None:
    session = Session()
    session.snapshot(no=[(50, 10), (49, 10)])
    session.buy("a", 51, 6, IOC)
    session.buy("b", 51, 10, IOC)
    session.buy("c", 51, 10, IOC)
    session.wait(1_000)
    assert priced(session.fills("b")) == [(5_000, 4.0), (5_100, 6.0)]
    assert priced(session.fills("c")) == [(5_100, 4.0)]


def test_what_is_added_to_a_level_we_emptied_can_be_taken() -> None:
    session = Session()
    session.snapshot(no=[(50, 10)])
    session.buy("a", 50, 10, IOC)
    session.wait(200)
    session.no(50, 3)
    session.buy("b", 50, 10, IOC)
    session.wait(200)
    assert session.filled("b") == 3


def test_a_level_that_shrinks_loses_what_we_did_not_take_first() -> None:
    session = Session()
    session.snapshot(no=[(50, 10)])
    session.buy("a", 50, 6, IOC)
    session.wait(200)
    session.no(50, -4)
    session.buy("b", 50, 10, IOC)
    session.wait(200)
    assert session.filled("b") == 0


def test_a_level_that_emptied_starts_anew() -> None:
    session = Session()
    session.snapshot(no=[(50, 10)])
    session.buy("a", 50, 10, IOC)
    session.wait(200)
    assert session.busy()
    session.no(50, -10)
    assert not session.busy()
    session.no(50, 10)
    session.buy("b", 50, 10, IOC)
    session.wait(200)
    assert session.filled("b") == 10


def test_a_snapshot_keeps_what_we_took_as_far_as_it_is_displayed() -> None:
    session = Session()
    session.snapshot(no=[(50, 10), (49, 10)])
    session.buy("a", 51, 20, IOC)
    session.wait(200)
    session.lose_book()
    session.snapshot(no=[(50, 12), (49, 4)])
    session.buy("b", 51, 20, IOC)
    session.wait(200)
    assert priced(session.fills("b")) == [(5_000, 2.0)]


def test_fees_are_those_of_the_order_as_the_venue_rounds_them() -> None:
    session = Session()
    session.snapshot(no=[(67, 0.03), (66, 0.03), (65, 0.03)])
    session.buy("a", 35, 0.09, IOC)
    session.wait(1_000)
    fees = FEES.order_fees()
    fills = session.fills("a")
    assert [fill.fee for fill in fills] == [
        fees.fill(fill.price, fill.quantity, Liquidity.TAKER, Action.BUY) for fill in fills
    ]
    assert sum(fill.fee for fill in fills) > 0


def test_fill_or_kill_takes_everything_or_nothing() -> None:
    session = Session()
    session.snapshot(no=[(50, 10), (49, 10)])
    session.buy("short", 50, 11, FOK)
    session.buy("whole", 51, 20, FOK)
    session.wait(1_000)
    assert (session.filled("short"), session.ending("short")) == (0, "fill_or_kill_unfilled")
    assert (session.filled("whole"), session.ending("whole")) == (20, "filled")


@pytest.mark.parametrize("state", [BookState.GAPPED, BookState.STALE, BookState.RESYNCING])
@pytest.mark.parametrize("time_in_force", [IOC, FOK])
def test_nothing_is_taken_from_a_book_that_is_not_live(
    state: BookState, time_in_force: TimeInForce
) -> None:
    session = Session()
    session.snapshot(no=[(50, 10)])
    session.buy("a", 50, 10, time_in_force)
    session.lose_book(state)
    session.wait(1_000)
    assert (session.filled("a"), session.ending("a")) == (0, "book_unknown")


def test_an_aggressor_displayed_before_its_match_is_no_offer() -> None:
    session = Session()
    session.snapshot(yes=[(48, 10)], no=[(50, 10)])
    session.yes(55, 8)  # lifts the ask at 50; the trade has not been told yet
    session.sell("a", 52, 8, IOC)
    session.buy("b", 50, 10, IOC)
    session.wait(200)
    assert session.filled("a") == 0
    assert session.filled("b") == 2


def test_an_order_stops_at_our_own_resting_order() -> None:
    session = Session()
    session.snapshot(yes=[(50, 5), (48, 5), (45, 5)])
    session.buy("mine", 48, 5, post_only=True)
    session.wait(200)
    session.sell("a", 45, 20)
    session.wait(200)
    assert priced(session.fills("a")) == [(5_000, 5.0)]
    assert session.ending("a") == "self_trade"
    assert (session.filled("mine"), session.ending("mine")) == (0, None)


def test_a_resting_order_out_of_reach_does_not_stop_an_order() -> None:
    session = Session()
    session.snapshot(yes=[(50, 5)])
    session.buy("mine", 44, 5, post_only=True)
    session.wait(200)
    session.sell("a", 45, 5, IOC)
    session.wait(200)
    assert (session.filled("a"), session.ending("a")) == (5, "filled")


class TestModels:
    def run(self, model: FillModel, *changes: tuple[float, float]) -> float:
        """Fill of an IOC for 10 at 50, decided when 6 are displayed; `changes` are (ms, size)."""
        session = Session(model)
        session.snapshot(no=[(50, 6)])
        session.buy("a", 50, 10, IOC)
        for milliseconds, change in changes:
            session.at(milliseconds).no(50, change)
        session.at(1_000).wait(1_000)
        return session.filled("a")

    def test_a_level_that_grew(self) -> None:
        grew = (50, 3)
        assert self.run(FillModel.PESSIMISTIC, grew) == 6
        assert self.run(FillModel.REALISTIC, grew) == 9
        assert self.run(FillModel.OPTIMISTIC, grew) == 9

    def test_a_level_that_shrank(self) -> None:
        shrank = (50, -4)
        assert self.run(FillModel.PESSIMISTIC, shrank) == 2
        assert self.run(FillModel.REALISTIC, shrank) == 2
        assert self.run(FillModel.OPTIMISTIC, shrank) == 6

    def test_the_pessimist_arrives_at_twice_the_latency(self) -> None:
        shrank_late = (150, -4)
        assert self.run(FillModel.PESSIMISTIC, shrank_late) == 2
        assert self.run(FillModel.REALISTIC, shrank_late) == 6
        assert self.run(FillModel.OPTIMISTIC, shrank_late) == 6

    def test_the_pessimist_does_not_gain_from_being_late(self) -> None:
        gone_and_back = ((50, -6), (150, 6))
        assert self.run(FillModel.PESSIMISTIC, *gone_and_back) == 0
        assert self.run(FillModel.REALISTIC, *gone_and_back) == 0

    def test_the_optimist_does_not_take_what_it_saw_twice(self) -> None:
        session = Session(FillModel.OPTIMISTIC)
        session.snapshot(no=[(50, 10)])
        session.buy("a", 50, 8, IOC)
        session.buy("b", 50, 8, IOC)
        session.at(50).no(50, -10)
        session.at(60).no(50, 1)
        session.wait(1_000)
        assert session.filled("a") == 8
        assert session.filled("b") == 2

    def test_the_pessimist_needs_a_book_to_decide_on(self) -> None:
        session = Session(FillModel.PESSIMISTIC)
        session.snapshot(no=[(50, 10)])
        session.lose_book()
        session.buy("a", 50, 10, IOC)
        session.at(10).snapshot(no=[(50, 10)])
        session.wait(1_000)
        assert (session.filled("a"), session.ending("a")) == (0, "book_unknown")

    def test_the_pessimist_does_not_take_later_what_it_did_not_believe(self) -> None:
        session = Session(FillModel.PESSIMISTIC)
        session.snapshot(no=[(50, 4)])
        session.buy("a", 55, 10)
        session.at(50).no(50, 6)
        session.at(300).delta(YES_LEG, 10, 1)
        assert session.filled("a") == 4
        session.delta(NO_LEG, 50, 1)  # this one came while the order was resting
        session.wait(1_000)
        assert session.filled("a") == 5
