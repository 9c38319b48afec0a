"""From submit to the one report that ends an order, and what the venue keeps meanwhile."""

from __future__ import annotations

import pytest

from hotpath.paper.settings import FillModel, PaperSettings
from kairos.domain.instruments import Action, Outcome
from kairos.errors import UsageError
from kairos.messages.commands import TimeInForce
from kairos.messages.events import (
    OrderClosed,
    OrderFilled,
    OrderReport,
    SpotTrade,
    TimerFired,
)
from tests.support.paper import LATENCY, MARKET, MS, REPORT_LATENCY, Session, kinds

IOC, GTC = TimeInForce.IOC, TimeInForce.GTC
NO = Outcome.NO


def quoted(model: FillModel = FillModel.REALISTIC) -> Session:
    session = Session(model)
    session.snapshot(yes=[(45, 100)], no=[(50, 100)])
    return session


class TestCancel:
    def test_it_takes_effect_on_arrival(self) -> None:
        session = quoted()
        session.buy("a", 48, 5)
        session.at(200).cancel("a")
        session.at(299).trade(47, 2, taker=NO)
        session.at(301).trade(47, 2, taker=NO)
        session.wait(100)
        assert (session.filled("a"), session.ending("a")) == (2, "canceled")
        assert isinstance(session.reports[-1], OrderClosed)
        assert session.reports[-1].recv_ns == 300 * MS + REPORT_LATENCY
        assert not session.busy()

    def test_the_pessimist_cancels_late(self) -> None:
        session = quoted(FillModel.PESSIMISTIC)
        session.buy("a", 48, 5)
        session.at(300).cancel("a")
        session.at(499).trade(47, 2, taker=NO)
        session.at(501).trade(47, 2, taker=NO)
        session.wait(100)
        assert (session.filled("a"), session.ending("a")) == (2, "canceled")

    def test_it_cannot_overtake_its_order(self) -> None:
        session = quoted()
        session.buy("a", 48, 5)
        session.cancel("a")
        session.wait(1_000)
        assert kinds(session.reports) == ["OrderAccepted", "OrderClosed"]

    @pytest.mark.parametrize("name", ["never", "done"])
    def test_too_late_or_unknown_is_counted_and_not_reported(self, name: str) -> None:
        session = quoted()
        session.buy("done", 50, 5, IOC)
        session.wait(1_000)
        session.no(50, -100)  # and with it what we took
        before = len(session.reports)
        session.cancel(name)
        session.wait(1_000)
        assert session.reports[before:] == []
        assert session.venue.cancels_too_late == 1
        assert not session.busy()

    def test_the_other_orders_of_the_level_stay(self) -> None:
        session = quoted()
        session.buy("a", 45, 5)
        session.buy("b", 45, 5)
        session.at(500).cancel("a")
        session.at(1_000).yes(45, 100)
        session.yes(45, -100)  # half of it ahead of us
        session.at(3_000).trade(45, 51, taker=NO)
        session.wait(100)
        assert (session.filled("a"), session.filled("b")) == (0, 1)


class TestMarketClose:
    def test_resting_orders_end_at_the_close(self) -> None:
        session = quoted()
        session.defined(close_ns=1_000 * MS)
        session.buy("a", 48, 5)
        session.sell("b", 60, 5)
        session.wait(5_000)
        closed = [report for report in session.reports if isinstance(report, OrderClosed)]
        assert [(report.reason, report.recv_ns) for report in closed] == [
            ("market_closed", 1_000 * MS + REPORT_LATENCY)
        ] * 2
        assert not session.busy()

    def test_a_close_that_moves_is_followed(self) -> None:
        session = quoted()
        session.defined(close_ns=1_000 * MS)
        session.buy("a", 48, 5)
        session.at(500).defined(close_ns=3_000 * MS)
        session.at(2_000).wait(0)
        assert session.ending("a") is None
        session.defined(close_ns=2_500 * MS)
        session.wait(1_000)
        assert session.ending("a") == "market_closed"

    def test_a_close_that_moved_unheard_is_looked_up_when_due(self) -> None:
        session = quoted()
        session.defined(close_ns=1_000 * MS)
        session.buy("a", 48, 5)
        session.markets.close[MARKET] = 3_000 * MS
        session.at(2_000).wait(0)
        assert session.ending("a") is None
        session.wait(2_000)
        assert session.ending("a") == "market_closed"

    def test_an_outcome_ends_it_too(self) -> None:
        session = quoted()
        session.buy("a", 48, 5)
        session.at(500).determined()
        session.wait(100)
        assert session.ending("a") == "market_closed"

    def test_an_order_in_flight_finds_it_closed(self) -> None:
        session = quoted()
        session.defined(close_ns=150 * MS)
        session.buy("rests", 48, 5)
        session.at(120).buy("a", 50, 5, IOC)
        session.wait(1_000)
        assert session.ending("rests") == "market_closed"
        assert session.ending("a") == "market_closed"
        assert "OrderRejected" in kinds(session.reports)
        assert not session.busy()

    def test_depth_we_took_is_dropped_with_the_market(self) -> None:
        session = quoted()
        session.defined(close_ns=1_000 * MS)
        session.buy("a", 50, 5, IOC)
        session.at(500).wait(0)
        assert session.busy()
        session.wait(1_000)
        assert not session.busy()

    def test_a_cancel_after_the_close_changes_nothing(self) -> None:
        session = quoted()
        session.defined(close_ns=1_000 * MS)
        session.buy("a", 48, 5)
        session.at(950).cancel("a")
        session.wait(1_000)
        assert session.ending("a") == "market_closed"
        assert session.venue.cancels_too_late == 1


class TestBusy:
    def test_idle_from_the_start(self) -> None:
        assert not quoted().busy()

    def test_until_the_last_report_is_handed_over(self) -> None:
        session = quoted()
        session.sell("a", 40, 1, IOC)
        session.snapshot(no=[(50, 100)])  # the level is gone when the order arrives
        assert session.busy()
        session.at(LATENCY / MS).wait(0)
        assert session.busy()
        session.wait(REPORT_LATENCY / MS)
        assert session.ending("a") is not None
        assert not session.busy()

    def test_while_an_order_rests(self) -> None:
        session = quoted()
        session.buy("a", 48, 1)
        session.wait(10_000)
        assert session.busy()

    def test_events_of_other_kinds_and_markets_are_passed_over(self) -> None:
        session = quoted()
        session.buy("a", 48, 1)
        session.wait(1_000)
        before = list(session.reports)
        session.event(TimerFired(session.now_ns))
        session.event(SpotTrade(session.now_ns, "cb", "BTC-USD", 1.0, 1, session.now_ns))
        session.snapshot(no=[(90, 5)], market="KXOTHER")
        session.delta(1, 90, 5, market="KXOTHER")
        session.wait(1_000)
        assert session.reports == before


class TestTime:
    def test_a_message_with_an_earlier_receive_time_comes_now(self) -> None:
        session = quoted()
        session.at(500).buy("a", 48, 5)
        session.wait(500)
        session.at(300).trade(47, 5, taker=NO)
        session.at(1_100).wait(0)
        assert session.fills("a")[0].recv_ns == 1_000 * MS + REPORT_LATENCY
        times = [report.recv_ns for report in session.reports]
        assert times == sorted(times)

    def test_a_command_sent_in_answer_to_a_report_arrives_in_its_turn(self) -> None:
        session = quoted()
        session.buy("a", 50, 5, IOC)
        answers: list[OrderReport] = []
        for report in session.venue.advance(10_000 * MS):
            answers.append(report)
            if isinstance(report, OrderFilled) and report.client_order_id == "a":
                session.now_ns = report.recv_ns
                session.buy("b", 50, 5, IOC)
        fills = [report for report in answers if isinstance(report, OrderFilled)]
        assert [(fill.client_order_id, fill.recv_ns) for fill in fills] == [
            ("a", LATENCY + REPORT_LATENCY),
            ("b", 2 * (LATENCY + REPORT_LATENCY)),
        ]

    def test_reports_are_in_order_of_time(self) -> None:
        session = quoted()
        for number in range(5):
            session.at(30 * number).buy(f"b{number}", 48, 5)
            session.sell(f"s{number}", 45, 5, IOC)
        session.wait(10_000)
        times = [report.recv_ns for report in session.reports]
        assert times == sorted(times)

    def test_a_command_decided_before_what_we_know_leaves_now(self) -> None:
        session = quoted()
        session.at(500).buy("a", 48, 5)
        session.wait(500)
        session.now_ns = 0
        session.buy("b", 48, 5)
        session.at(5_000).wait(0)
        assert session.reports[-1].recv_ns == 1_000 * MS + LATENCY + REPORT_LATENCY

    def test_no_latency_at_all_still_comes_after_the_decision(self) -> None:
        session = Session(latency_ns=0, report_latency_ns=0)
        session.snapshot(no=[(50, 100)])
        session.buy("a", 50, 5, IOC)
        session.no(50, -100)
        assert session.filled("a") == 5


class TestSelfTrade:
    def test_our_orders_never_meet(self) -> None:
        session = Session()
        session.snapshot(yes=[(40, 10)])
        session.buy("a", 50, 5)
        session.sell("b", 50, 5)
        session.submit("c", Action.BUY, Outcome.NO, 55, 5, IOC)
        session.wait(1_000)
        assert [session.filled(name) for name in "abc"] == [0, 0, 0]
        assert [session.ending(name) for name in "abc"] == [None, "self_trade", "self_trade"]

    def test_the_same_outcome_at_any_price_is_no_self_trade(self) -> None:
        session = Session()
        session.snapshot(yes=[(40, 10)])
        session.buy("a", 50, 5)
        session.buy("b", 60, 5)
        session.wait(1_000)
        assert [session.ending("a"), session.ending("b")] == [None, None]


@pytest.mark.parametrize(
    "wrong",
    [
        {"latency_ns": -1},
        {"report_latency_ns": 10**12},
        {"minimum_quantity": 0},
        {"cash": -1},
        {"max_open_orders": 0},
        {"max_finished_ids": 0},
        {"trade_window_ns": -1},
        {"ticker_window_ns": 10**12},
    ],
)
def test_settings_that_cannot_be_name_themselves(wrong: dict[str, int]) -> None:
    settings = {"latency_ns": 1, "report_latency_ns": 1} | wrong
    with pytest.raises(UsageError, match=next(iter(wrong))):
        PaperSettings(FillModel.REALISTIC, **settings)
