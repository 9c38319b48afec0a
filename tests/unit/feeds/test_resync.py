"""Only doubted books are asked for, in bounded batches, a bounded number of times."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hotpath.feeds.live.resync import Absent, Ask, GiveUp, ResyncDesk, Step
from hotpath.feeds.live.settings import ResyncSettings
from kairos.messages.commands import BookStateChanged
from tests.support import tape
from tests.support.engine import Replay

S = 1_000_000_000
SETTINGS = ResyncSettings(batch_max=3, in_flight_max=2, timeout_s=3, attempts_max=3, grace_s=15)
MARKETS = [f"M{number}" for number in range(10)]


def asked(steps: list[Step]) -> list[str]:
    return [market for step in steps if isinstance(step, Ask) for market in step.markets]


def test_a_gap_asks_for_the_markets_of_its_subscription_and_no_other() -> None:
    """Through the real books: two subscriptions, a message lost on one of them."""
    replay = Replay().feed(
        tape.line(tape.snapshot(1, [("0.4000", "5.00")], market="KXBTCD-A", sid=2)),
        tape.line(tape.snapshot(2, [("0.4000", "5.00")], market="KXBTCD-B", sid=2)),
        tape.line(tape.snapshot(1, [("0.4000", "5.00")], market="KXBTCD-C", sid=3)),
        tape.line(tape.delta(4, "0.4000", "1.00", market="KXBTCD-A", sid=2)),
    )
    desk = ResyncDesk(SETTINGS)
    for said in replay.heard.said:
        if isinstance(said, BookStateChanged):
            desk.take(said, "k", S)
    assert desk.due(S) == [Ask("k", ("KXBTCD-A", "KXBTCD-B"), were_there=True)]
    assert replay.book("KXBTCD-C").state == "live"


def test_requests_are_bounded_in_size_and_number() -> None:
    desk = ResyncDesk(SETTINGS)
    desk.doubt("k", MARKETS, 0)
    steps = desk.due(0)
    assert [len(step.markets) for step in steps if isinstance(step, Ask)] == [3, 3]
    assert desk.due(S) == []
    for market in MARKETS[:4]:
        desk.came("k", market)
    assert asked(desk.due(S)) == MARKETS[6:]


def test_a_book_that_does_not_come_is_asked_for_again_and_then_the_connection_is_given_up() -> None:
    desk = ResyncDesk(SETTINGS)
    desk.doubt("k", ["M0"], 0)
    assert [asked(desk.due(second * S)) for second in (0, 1, 3, 6)] == [["M0"], [], ["M0"], ["M0"]]
    assert desk.due(9 * S) == [GiveUp("k", "M0 did not come back after 3 requests")]
    assert desk.due(20 * S) == []


def test_books_of_a_new_subscription_are_asked_for_only_after_their_grace() -> None:
    desk = ResyncDesk(SETTINGS)
    desk.expect("k", MARKETS[:2], 0)
    desk.came("k", "M0")
    assert desk.due(14 * S) == []
    assert desk.due(15 * S) == [Ask("k", ("M1",), were_there=False)]


def test_a_market_that_never_had_a_book_does_not_cost_the_connection() -> None:
    desk = ResyncDesk(SETTINGS)
    desk.expect("k", ["M0"], 0)
    for second in (15, 18, 21):
        assert asked(desk.due(second * S)) == ["M0"]
    assert desk.due(24 * S) == [Absent("k", ("M0",))]
    assert desk.wanted == 0


def test_a_market_that_is_lost_again_and_again_costs_the_connection() -> None:
    desk = ResyncDesk(SETTINGS)
    for second in range(5):
        desk.doubt("k", ["M0"], second * S)
        assert asked(desk.due(second * S)) == ["M0"]
        desk.came("k", "M0")
    desk.doubt("k", ["M0"], 5 * S)
    (step,) = desk.due(5 * S)
    assert isinstance(step, GiveUp)


def test_relapses_long_apart_are_forgiven() -> None:
    desk = ResyncDesk(SETTINGS)
    for second in range(0, 600, 30):
        desk.doubt("k", ["M0"], second * S)
        assert asked(desk.due(second * S)) == ["M0"]
        desk.came("k", "M0")


def test_a_lost_connection_takes_its_requests_with_it() -> None:
    desk = ResyncDesk(SETTINGS)
    desk.doubt("k", MARKETS, 0)
    desk.doubt("other", ["M0"], 0)
    desk.closed("k")
    assert desk.due(0) == [Ask("other", ("M0",), were_there=True)]


def state(market: str, now: str, reason: str) -> BookStateChanged:
    return BookStateChanged(0, market, now, reason)


def test_what_we_unsubscribed_from_is_not_asked_for() -> None:
    desk = ResyncDesk(SETTINGS)
    desk.take(state("M0", "gapped", "sequence_gap:1..1"), "k", 0)
    desk.take(state("M0", "resyncing", "unsubscribed"), "k", 0)
    assert desk.due(100 * S) == []


def test_a_stale_book_is_not_asked_for() -> None:
    desk = ResyncDesk(SETTINGS)
    desk.take(state("M0", "stale", "channel_silent"), "k", 0)
    assert desk.due(100 * S) == []


@given(
    st.lists(
        st.tuples(st.sampled_from(["doubt", "expect", "came"]), st.sampled_from(MARKETS)),
        max_size=80,
    )
)
def test_what_is_outstanding_never_exceeds_the_bound(acts: list[tuple[str, str]]) -> None:
    desk = ResyncDesk(SETTINGS)
    outstanding: set[str] = set()
    for step, (act, market) in enumerate(acts):
        now_ns = step * S // 100  # all within one timeout
        if act == "came":
            desk.came("k", market)
            outstanding.discard(market)
        elif act == "doubt":
            desk.doubt("k", [market], now_ns)
        else:
            desk.expect("k", [market], now_ns)
        steps = desk.due(now_ns)
        if any(isinstance(each, GiveUp) for each in steps):
            return
        fresh = asked(steps)
        assert not outstanding & set(fresh)  # nothing is asked for twice within its time
        outstanding |= set(fresh)
        assert len(outstanding) <= SETTINGS.batch_max * SETTINGS.in_flight_max
