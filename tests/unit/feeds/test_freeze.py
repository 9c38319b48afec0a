"""A stream that is open and says nothing is found out; one that has nothing to say is not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hotpath.feeds.live.freeze import Dead, Doubt, FreezeWatch, Suspect, Top, Verdict
from hotpath.feeds.live.settings import FreezeSettings

S = 1_000_000_000
SETTINGS = FreezeSettings()
MARKETS = [f"M{number}" for number in range(20)]


class Watched:
    """A watch over one connection "a" with ten-second pings and twenty markets, opened at 0."""

    def __init__(self, tops: dict[str, Top] | None = None) -> None:
        self.watch = FreezeWatch(SETTINGS)
        self.tops = tops or {}
        self.open("a")

    def open(self, conn: str, at_s: float = 0.0) -> None:
        self.watch.opened(conn, int(at_s * S), 10.0)
        self.watch.carries(conn, MARKETS)

    def check(self, at_s: float) -> list[Verdict]:
        return self.watch.check(int(at_s * S), self.tops.get)


def test_a_connection_without_a_sign_of_life_is_dead_after_two_and_a_half_pings() -> None:
    watched = Watched()
    assert watched.check(25.0) == []
    (verdict,) = watched.check(25.1)
    assert isinstance(verdict, Dead)
    assert verdict.doubt is Doubt.NO_SIGN_OF_LIFE


def test_pings_alone_keep_a_quiet_connection_alive_as_long_as_nobody_else_speaks() -> None:
    watched = Watched()
    for second in range(0, 600, 10):
        watched.watch.heard("a", second * S, 0)
        assert watched.check(second + 9) == []


def test_a_silent_connection_is_asked_for_books_when_others_speak() -> None:
    watched = Watched()
    watched.watch.heard("a", 15 * S, 0)
    watched.watch.active("spot", 15 * S)
    (verdict,) = watched.check(15.5)
    assert verdict == Suspect("a", ("M0", "M1", "M2"), Doubt.SILENT_WHILE_OTHERS_SPEAK)
    assert watched.check(16) == []  # asked once


def test_what_answers_is_alive_and_what_does_not_is_dead() -> None:
    for answers in (True, False):
        watched = Watched()
        watched.watch.heard("a", 15 * S, 0)
        watched.watch.active("spot", 15 * S)
        watched.check(15.5)
        if answers:
            watched.watch.heard("a", 16 * S, 1)
        (*verdicts,) = watched.check(21)
        assert [type(verdict) for verdict in verdicts] == ([] if answers else [Dead])


def test_a_connection_that_never_promised_pings_is_not_missed_for_them() -> None:
    watch = FreezeWatch(SETTINGS)
    watch.opened("coinbase", 0, None)
    assert watch.check(3_600 * S, lambda _: None) == []


def test_a_trade_that_moves_no_book_puts_its_market_in_doubt() -> None:
    watched = Watched()
    watched.watch.changed("a", "M1", 1 * S)
    watched.watch.traded("M1", 10 * S)
    assert watched.check(12.9) == []
    assert watched.check(13) == [Suspect("a", ("M1",), Doubt.TRADE_WITHOUT_CHANGE)]


def test_a_change_shortly_before_or_after_a_trade_explains_it() -> None:
    watched = Watched()
    watched.watch.changed("a", "M1", 9 * S)
    watched.watch.traded("M1", 10 * S)
    watched.watch.traded("M2", 10 * S)
    watched.watch.changed("a", "M2", 12 * S)
    assert watched.check(20) == []


def test_a_doubted_book_that_does_not_come_back_ends_the_connection() -> None:
    watched = Watched()
    watched.watch.traded("M1", 10 * S)
    watched.check(13)
    assert watched.check(18) == []
    (verdict,) = watched.check(18.1)
    assert verdict == Dead("a", Doubt.TRADE_WITHOUT_CHANGE, "M1 did not come back")


def test_a_doubted_book_that_comes_back_is_doubted_no_longer() -> None:
    watched = Watched()
    watched.watch.traded("M1", 10 * S)
    watched.check(13)
    watched.watch.changed("a", "M1", 14 * S)
    assert watched.check(24) == []


def test_a_quote_that_disagrees_with_an_older_book_puts_it_in_doubt() -> None:
    watched = Watched({"M1": (4_000, 4_200), "M2": (None, 4_200)})
    watched.watch.quoted("M1", 4_500, 4_700, 10 * S)
    watched.watch.quoted("M2", 0, 4_200, 10 * S)
    assert watched.check(13) == [Suspect("a", ("M1",), Doubt.QUOTE_CONTRADICTS_BOOK)]


def test_a_quote_that_comes_to_agree_is_no_evidence() -> None:
    watched = Watched({"M1": (4_000, 4_200)})
    watched.watch.quoted("M1", 4_500, 4_700, 10 * S)
    watched.check(12)
    watched.watch.quoted("M1", 4_000, 4_200, 12 * S)
    assert watched.check(20) == []


def test_evidence_against_a_book_that_is_not_live_is_not_needed() -> None:
    watched = Watched()  # no tops: no live book
    watched.watch.quoted("M1", 4_500, 4_700, 10 * S)
    assert watched.check(20) == []


def test_many_doubted_books_among_few_moving_ones_end_the_connection_at_once() -> None:
    watched = Watched()
    for market in MARKETS[:6]:
        watched.watch.traded(market, 10 * S)
    for market in MARKETS[6:10]:
        watched.watch.changed("a", market, 12 * S)
    (verdict,) = watched.check(13)
    assert verdict == Dead("a", Doubt.MANY_BOOKS_IN_DOUBT, "6 in doubt, 4 moving")


def test_a_few_doubted_books_among_many_moving_ones_are_asked_for() -> None:
    watched = Watched()
    for market in MARKETS[:6]:
        watched.watch.traded(market, 10 * S)
    for market in MARKETS[6:]:
        watched.watch.changed("a", market, 12 * S)
    assert watched.check(13) == [Suspect("a", tuple(MARKETS[:6]), Doubt.TRADE_WITHOUT_CHANGE)]


def test_of_two_connections_with_the_same_markets_only_the_frozen_one_is_doubted() -> None:
    watched = Watched()
    watched.open("b")
    watched.watch.traded("M1", 10 * S)
    watched.watch.changed("b", "M1", 10 * S)
    assert watched.check(13) == [Suspect("a", ("M1",), Doubt.TRADE_WITHOUT_CHANGE)]


def test_nothing_is_expected_of_a_closed_connection_or_a_dropped_market() -> None:
    watched = Watched()
    watched.watch.traded("M1", 10 * S)
    watched.watch.traded("M2", 10 * S)
    watched.watch.drops("a", ["M1"])
    assert watched.check(13) == [Suspect("a", ("M2",), Doubt.TRADE_WITHOUT_CHANGE)]
    watched.watch.closed("a")
    assert watched.check(3_600) == []


@given(st.lists(st.tuples(st.sampled_from(MARKETS), st.floats(0, 1.9)), max_size=60))
def test_a_healthy_connection_is_never_doubted(trades: list[tuple[str, float]]) -> None:
    """Whatever trades, each followed by its change in less than the limit; pings as promised."""
    watched = Watched()
    for step, (market, lag_s) in enumerate(trades):
        at_s = step * 2.0
        watched.watch.heard("a", int(at_s * S), 1)
        watched.watch.traded(market, int(at_s * S))
        watched.watch.changed("a", market, int((at_s + lag_s) * S))
        assert watched.check(at_s + lag_s) == []
