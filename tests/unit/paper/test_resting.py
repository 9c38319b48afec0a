"""What proves that a resting order filled, and how much of it."""

from __future__ import annotations

import pytest

from hotpath.paper.settings import FillModel
from kairos.domain.book import BookState
from kairos.domain.instruments import Liquidity, Outcome
from tests.support.paper import CONTRACT, MS, Session

YES, NO = Outcome.YES, Outcome.NO
PESSIMISTIC, REALISTIC, OPTIMISTIC = FillModel
ALL = list(FillModel)


def resting(
    model: FillModel = REALISTIC, at: float = 50, ahead: float = 10, size: float = 5
) -> Session:
    """A buy of YES resting behind `ahead` contracts; nothing faces it."""
    session = Session(model)
    session.snapshot(yes=[(int(at), int(ahead)), (40, 100)], no=[(40, 50)])
    session.buy("a", at, size)
    session.at(500).wait(0)
    return session


def improving(model: FillModel = REALISTIC) -> Session:
    """A buy of 5 YES at 50, alone at the top of its leg."""
    session = Session(model)
    session.snapshot(yes=[(40, 10)], no=[(40, 10)])
    session.buy("a", 50, 5)
    session.at(500).wait(0)
    return session


class TestTradesAtOurPrice:
    def test_a_trade_takes_what_is_ahead_first(self) -> None:
        session = resting(ahead=10, size=5)
        session.trade(50, 10, taker=NO)
        assert session.wait(20) == []
        session.trade(50, 3, taker=NO)
        session.wait(20)
        assert session.filled("a") == 3
        fill = session.fills("a")[0]
        assert (fill.price, fill.liquidity, fill.evidence) == (5_000, Liquidity.MAKER, "queue")

    def test_a_trade_fills_no_more_than_is_left(self) -> None:
        session = resting(ahead=10, size=5)
        session.trade(50, 40, taker=NO)
        session.wait(20)
        assert (session.filled("a"), session.ending("a")) == (5, "filled")

    def test_the_pessimist_is_behind_everything(self) -> None:
        session = resting(PESSIMISTIC)
        session.trade(50, 100, taker=NO)
        session.wait(20)
        assert session.filled("a") == 0

    def test_the_optimist_is_in_front(self) -> None:
        session = resting(OPTIMISTIC)
        session.trade(50, 2, taker=NO)
        session.wait(20)
        assert session.filled("a") == 2

    def test_a_taker_of_our_own_outcome_hits_the_other_leg(self) -> None:
        session = resting(OPTIMISTIC)
        session.trade(50, 100, taker=YES)
        session.wait(20)
        assert session.filled("a") == 0

    def test_a_resting_sell_of_yes_is_a_bid_on_the_no_leg(self) -> None:
        session = Session()
        session.snapshot(no=[(45, 4)])
        session.sell("a", 55, 5)
        session.at(500).wait(0)
        session.trade(55, 6, taker=YES)
        session.wait(20)
        assert session.filled("a") == 2
        assert session.fills("a")[0].price == 5_500

    def test_two_of_our_orders_share_one_trade(self) -> None:
        session = Session()
        session.snapshot(yes=[(50, 10)])
        session.buy("first", 50, 4)
        session.buy("second", 50, 4)
        session.at(500).wait(0)
        session.trade(50, 15, taker=NO)
        session.wait(20)
        assert session.filled("first") == 4
        assert session.filled("second") == 1


class TestDecreases:
    def test_cancels_are_spread_over_the_level(self) -> None:
        session = resting(ahead=10, size=5)
        session.yes(50, 10)  # behind us
        session.yes(50, -10)  # half of it may have been ahead
        session.at(2_000).trade(50, 6, taker=NO)
        session.wait(20)
        assert session.filled("a") == 1

    def test_decreases_alone_never_fill_a_realistic_order(self) -> None:
        session = resting(ahead=10, size=5)
        session.yes(50, -10)
        session.wait(20)
        assert session.filled("a") == 0

    def test_spreading_is_rounded_against_us_and_stays_tradable(self) -> None:
        session = resting(ahead=3, size=5)
        session.yes(50, 4)
        session.yes(50, -1)  # 3/7 of a contract, rounded down to 0.42
        session.at(2_000).trade(50, 3, taker=NO)
        session.wait(20)
        assert session.fills("a")[0].quantity == 42 * CONTRACT // 100

    @pytest.mark.parametrize("trade_first", [True, False])
    def test_a_trade_and_its_decrease_count_once_in_either_order(self, trade_first: bool) -> None:
        session = resting(ahead=10, size=5)
        session.yes(50, 10)
        if trade_first:
            session.trade(50, 4, taker=NO)
            session.yes(50, -4)
        else:
            session.yes(50, -4)
            session.trade(50, 4, taker=NO)
        session.at(2_000).trade(50, 8, taker=NO)
        session.wait(20)
        assert session.filled("a") == 2

    def test_a_decrease_long_before_a_trade_was_not_that_trade(self) -> None:
        session = resting(ahead=10, size=5)
        session.yes(50, 10)
        session.yes(50, -4)  # 2 of it ahead of us
        session.at(2_000).trade(50, 4, taker=NO)
        session.trade(50, 5, taker=NO)
        session.wait(20)
        assert session.filled("a") == 1

    def test_a_decrease_explained_by_a_trade_after_the_level_emptied(self) -> None:
        session = resting(ahead=10, size=5)
        session.yes(50, 10)
        session.yes(50, -20)
        session.trade(50, 20, taker=NO)
        session.wait(20)
        assert session.filled("a") == 5

    def test_the_optimist_counts_a_decrease_at_the_top_where_no_trades_are_published(self) -> None:
        session = resting(OPTIMISTIC, ahead=10, size=5)
        session.yes(50, -3)
        session.wait(20)
        assert (session.filled("a"), session.evidence("a")) == (3, ["level_decrease"])

    def test_a_decrease_below_the_top_was_no_trade(self) -> None:
        session = resting(OPTIMISTIC, ahead=10, size=5)
        session.yes(51, 1)
        session.yes(50, -3)
        session.wait(20)
        assert session.filled("a") == 0

    def test_the_optimist_does_not_count_it_again_when_its_trade_comes(self) -> None:
        session = resting(OPTIMISTIC, ahead=10, size=5)
        session.yes(50, -3)
        session.trade(50, 3, taker=NO)
        session.wait(20)
        assert session.filled("a") == 3

    def test_the_optimist_stops_guessing_once_trades_are_published(self) -> None:
        session = resting(OPTIMISTIC, ahead=10, size=5)
        session.trade(55, 1, taker=YES)
        session.yes(50, -3)
        session.wait(20)
        assert session.filled("a") == 0

    def test_a_delta_the_book_refused_does_not_count(self) -> None:
        session = resting(ahead=10, size=5)
        for _ in range(3):
            session.markets.books["KXBTC15M-TEST"].apply(0, 5_000, 4 * CONTRACT)
            session.yes(50, -4)  # net: nothing left the level
        session.trade(50, 11, taker=NO)
        session.wait(20)
        assert session.filled("a") == 1


class TestTradeThrough:
    @pytest.mark.parametrize("model", ALL)
    def test_a_trade_at_a_worse_price_fills_us_first(self, model: FillModel) -> None:
        session = resting(model, size=5)
        session.trade(49, 3, taker=NO)
        session.wait(20)
        assert session.filled("a") == 3
        fill = session.fills("a")[0]
        assert (fill.price, fill.evidence) == (5_000, "trade_through")

    def test_a_trade_at_a_better_price_than_ours_is_no_business_of_ours(self) -> None:
        session = resting(OPTIMISTIC)
        session.trade(51, 100, taker=NO)
        session.wait(20)
        assert session.filled("a") == 0

    @pytest.mark.parametrize("model", ALL)
    def test_one_trade_is_shared_by_price_then_time(self, model: FillModel) -> None:
        session = Session(model)
        session.snapshot(yes=[(40, 10)])
        session.buy("low", 48, 5)
        session.buy("high", 50, 5)
        session.buy("second", 50, 5)
        session.at(500).wait(0)
        session.trade(45, 12, taker=NO)
        session.wait(20)
        assert [session.filled(name) for name in ("high", "second", "low")] == [5, 5, 2]


class TestBookCross:
    @pytest.mark.parametrize("model", ALL)
    def test_an_ask_below_our_bid_could_not_have_rested(self, model: FillModel) -> None:
        session = improving(model)
        session.no(51, 3)
        session.wait(20)
        assert session.filled("a") == 3
        fill = session.fills("a")[0]
        assert (fill.price, fill.liquidity, fill.evidence) == (
            5_000,
            Liquidity.MAKER,
            "book_cross",
        )

    def test_the_same_displayed_contracts_fill_us_once(self) -> None:
        session = improving()
        session.no(51, 3)
        session.no(30, 1)
        session.yes(30, 1)
        session.wait(20)
        assert session.filled("a") == 3
        session.no(51, 1)
        session.wait(20)
        assert session.filled("a") == 4

    @pytest.mark.parametrize(
        ("model", "expected"), [(PESSIMISTIC, 0), (REALISTIC, 0), (OPTIMISTIC, 3)]
    )
    def test_an_ask_at_our_price_is_proof_to_the_optimist_only(
        self, model: FillModel, expected: float
    ) -> None:
        session = improving(model)
        session.no(50, 3)
        session.wait(20)
        assert session.filled("a") == expected

    def test_an_aggressor_that_will_hit_those_ahead_does_not_fill_us(self) -> None:
        session = resting(at=50, ahead=10, size=5)
        session.no(52, 12)  # displayed crossing for one message; 10 of it belong to the queue
        session.wait(20)
        assert session.filled("a") == 2

    def test_contracts_that_filled_a_resting_order_cannot_be_taken(self) -> None:
        session = improving()
        session.no(52, 8)
        session.wait(20)
        assert session.filled("a") == 5
        session.buy("b", 60, 20)
        session.wait(200)
        assert [fill.quantity // CONTRACT for fill in session.fills("b")] == [3, 10]

    def test_the_remainder_of_a_taker_rests_and_waits_for_new_contracts(self) -> None:
        session = Session()
        session.snapshot(yes=[(40, 10)], no=[(50, 3)])
        session.buy("a", 52, 10)
        session.at(500).wait(0)
        session.yes(39, 1)
        assert session.filled("a") == 3
        session.no(50, 2)
        session.wait(20)
        assert session.filled("a") == 5
        assert [fill.price for fill in session.fills("a")] == [5_000, 5_200]
        assert [str(fill.liquidity) for fill in session.fills("a")] == ["taker", "maker"]


class TestTicker:
    """Recordings without a trade channel still repeat the last trade once a second."""

    def test_a_ticker_explains_a_decrease_at_our_price(self) -> None:
        session = resting(ahead=10, size=5)
        session.quote(55, 1)
        session.yes(50, 10)
        session.yes(50, -12)
        session.quote(50, 12)
        session.wait(20)
        assert (session.filled("a"), session.evidence("a")) == (2, ["ticker"])

    @pytest.mark.parametrize("model", ALL)
    def test_a_ticker_below_our_price_fills_as_far_as_contracts_left(
        self, model: FillModel
    ) -> None:
        session = resting(model, at=50, size=50)
        session.quote(55, 1)
        session.yes(40, -30)
        session.quote(40, 100)
        session.wait(20)
        assert (session.filled("a"), session.evidence("a")) == (30, ["ticker"])

    def test_a_ticker_without_a_decrease_on_our_leg_proves_nothing(self) -> None:
        session = resting(OPTIMISTIC, at=50, size=50)
        session.quote(55, 1)
        session.quote(40, 100)
        session.quote(50, 100)
        session.wait(20)
        assert session.filled("a") == 0

    def test_the_first_ticker_may_be_about_the_past(self) -> None:
        session = resting(at=50, size=50)
        session.yes(40, -30)
        session.quote(40, 30)
        session.wait(20)
        assert session.filled("a") == 0

    def test_a_repeated_ticker_is_one_trade(self) -> None:
        session = resting(at=50, size=50)
        session.quote(55, 1)
        session.yes(40, -30)
        session.quote(40, 10)
        session.quote(40, 10)
        session.wait(20)
        assert session.filled("a") == 10

    @pytest.mark.parametrize("ticker_first", [True, False])
    def test_a_trade_and_its_ticker_count_once(self, ticker_first: bool) -> None:
        session = resting(at=50, size=50)
        session.quote(55, 1)
        session.yes(40, -10)
        if ticker_first:
            session.quote(40, 10)
            session.trade(40, 10, taker=NO)
        else:
            session.trade(40, 10, taker=NO)
            session.quote(40, 10)
        session.wait(20)
        assert session.filled("a") == 10


class TestGaps:
    def test_after_a_gap_guesses_are_withdrawn_and_proofs_kept(self) -> None:
        session = resting(ahead=10, size=5)
        session.yes(50, 10)
        session.trade(50, 2, taker=NO)
        session.yes(50, -2)
        session.yes(50, -9)  # 4 of it guessed to be ahead of us: 4 left ahead, 8 at most
        session.lose_book()
        session.snapshot(yes=[(50, 30)])
        session.trade(50, 9, taker=NO)
        session.wait(20)
        assert session.filled("a") == 1

    def test_trades_count_in_the_proof_after_cancels_too(self) -> None:
        session = resting(ahead=10, size=5)
        session.yes(50, 10)
        session.yes(50, -10)  # 5 left ahead, 10 at most
        session.at(2_000).trade(50, 2, taker=NO)
        session.yes(50, -2)
        session.lose_book()
        session.snapshot(yes=[(50, 30)])
        session.trade(50, 9, taker=NO)
        session.wait(20)
        assert session.filled("a") == 1

    def test_what_is_ahead_cannot_exceed_what_is_displayed(self) -> None:
        session = resting(ahead=10, size=5)
        session.lose_book()
        session.snapshot(yes=[(50, 4)])
        session.trade(50, 6, taker=NO)
        session.wait(20)
        assert session.filled("a") == 2

    def test_deltas_of_a_lost_book_prove_nothing(self) -> None:
        session = resting(OPTIMISTIC, ahead=10, size=5)
        session.lose_book()
        session.yes(50, -10)
        session.no(60, 5)
        session.wait(20)
        assert session.filled("a") == 0

    def test_trades_still_do(self) -> None:
        session = resting(ahead=10, size=5)
        session.lose_book()
        session.trade(49, 2, taker=NO)
        session.trade(50, 11, taker=NO)
        session.wait(20)
        assert session.evidence("a") == ["trade_through", "queue"]
        assert session.filled("a") == 3

    def test_an_order_that_arrived_blind_is_at_the_back_when_the_book_returns(self) -> None:
        session = Session()
        session.snapshot(yes=[(50, 10)])
        session.lose_book()
        session.buy("a", 50, 5)
        session.at(500).wait(0)
        session.trade(50, 100, taker=NO)
        session.wait(20)
        assert session.filled("a") == 0
        session.snapshot(yes=[(50, 7)])
        session.trade(50, 8, taker=NO)
        session.wait(20)
        assert session.filled("a") == 1

    def test_an_order_that_arrived_blind_queues_like_any_other_from_then_on(self) -> None:
        session = Session()
        session.snapshot(yes=[(50, 10)])
        session.lose_book()
        session.buy("a", 50, 5)
        session.at(500).wait(0)
        session.snapshot(yes=[(50, 10)])
        session.yes(50, 10)
        session.yes(50, -10)
        session.at(2_000).trade(50, 6, taker=NO)
        session.wait(20)
        assert session.filled("a") == 1

    def test_an_order_that_arrived_at_a_stale_book_is_placed_when_it_is_heard_again(self) -> None:
        session = Session()
        session.snapshot(yes=[(50, 10)])
        session.lose_book(BookState.STALE)
        session.buy("a", 50, 5)
        session.at(500).wait(0)
        session.lose_book(BookState.LIVE)
        session.yes(30, 1)
        session.trade(50, 11, taker=NO)
        session.wait(20)
        assert session.filled("a") == 1

    def test_an_order_that_arrived_blind_pays_the_worst_of_both(self) -> None:
        session = Session()
        session.snapshot(no=[(60, 10)])
        session.lose_book()
        session.buy("a", 50, 5)
        session.at(500).wait(0)
        session.snapshot(no=[(60, 2)])
        session.no(60, 1)
        session.wait(20)
        fills = session.fills("a")
        assert [(fill.price, str(fill.liquidity)) for fill in fills] == [
            (5_000, "taker"),
            (5_000, "maker"),
        ]

    def test_a_book_that_is_heard_again_goes_on_where_it_was(self) -> None:
        session = resting(ahead=10, size=5)
        session.lose_book(BookState.STALE)
        session.lose_book(BookState.LIVE)
        session.trade(50, 11, taker=NO)
        session.wait(20)
        assert session.filled("a") == 1


def test_latency_decides_whether_an_order_was_resting_in_time() -> None:
    session = Session(REALISTIC)
    session.snapshot(yes=[(40, 10)])
    session.buy("a", 50, 5)
    session.at(99).trade(45, 5, taker=NO)
    session.at(101).trade(45, 2, taker=NO)
    session.wait(100)
    assert session.filled("a") == 2
    assert session.fills("a")[0].recv_ns == 111 * MS
