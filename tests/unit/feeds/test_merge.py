"""Two unreliable connections give the book of one perfect connection, or a market is not live."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotpath.feeds.live.merge import ERA_NS, LAG_NS, NO_WHOLE_BOOK, Merge
from kairos.domain.book import BookState
from kairos.domain.instruments import NO_LEG, YES_LEG, Outcome
from kairos.messages.events import (
    BookDelta,
    BookSnapshot,
    ChannelReply,
    ConnectionOpened,
    Event,
    InputQuarantined,
    VenueQuote,
    VenueTrade,
)
from tests.support import tape
from tests.support.engine import new_engine

MARKETS = ("KXBTCD-A", "KXBTCD-B")
MS = tape.MS
Levels = dict[tuple[int, int], int]


@dataclass
class Change:
    clock: int
    leg: int
    price: int
    change: int


@dataclass
class Truth:
    """What really happened to one market. `states[n]` is the book after n changes."""

    changes: list[Change] = field(default_factory=list)
    states: list[Levels] = field(default_factory=lambda: [{}])

    @classmethod
    def random(cls, chance: random.Random, length: int) -> Truth:
        truth, clock = cls(), 100
        for number in range(length):
            clock += chance.choice((0, 0, 1, 1, 3))
            levels = truth.states[-1]
            if levels and chance.random() < 0.4:
                key = chance.choice(sorted(levels))
                change = -levels[key]
            else:
                key = (chance.choice((YES_LEG, NO_LEG)), 100 * chance.randrange(1, 50))
                change = 1_000_000 * (number + 1)
            truth.add(clock, *key, change)
        return truth

    def add(self, clock: int, leg: int, price: int, change: int) -> None:
        self.changes.append(Change(clock, leg, price, change))
        levels = dict(self.states[-1])
        levels[leg, price] = levels.get((leg, price), 0) + change
        self.states.append({key: size for key, size in levels.items() if size})

    def whole(self, at: int) -> tuple[int, Levels]:
        """A snapshot taken after `at` changes: its clock, and everything up to that clock."""
        clock = self.changes[at - 1].clock if at else 0
        return clock, self.states[sum(each.clock <= clock for each in self.changes)]


class LaneFeed:
    """What one connection says about all markets: in order, with its own numbers and faults."""

    def __init__(self, name: str, truths: dict[str, Truth], chance: random.Random) -> None:
        self.name, self.truths, self.chance = name, truths, chance
        self.at = dict.fromkeys(truths, 0)
        self.seq = 0
        self.dead = False

    def open(self) -> Iterator[Event]:
        self.seq = 0
        yield ConnectionOpened(1, self.name)
        for market in self.truths:
            yield from self.snapshot(market)

    def _numbered(self) -> int:
        self.seq += 1
        return self.seq

    def snapshot(self, market: str) -> Iterator[Event]:
        clock, levels = self.truths[market].whole(self.at[market])
        legs = [
            tuple((price, size) for (leg, price), size in levels.items() if leg == wanted)
            for wanted in (YES_LEG, NO_LEG)
        ]
        seq = self._numbered()
        yield BookSnapshot(1, self.name, 2, seq, market, legs[0], legs[1], clock)

    def step(self, drop: float, restart: float, resync: float) -> Iterator[Event]:
        """One more change of some market, with faults: lost, reconnected, asked again."""
        if self.chance.random() < restart:
            yield from self.open()
        market = self.chance.choice(sorted(self.truths))
        truth, at = self.truths[market], self.at[market]
        if at < len(truth.changes):
            self.at[market] = at + 1
            each = truth.changes[at]
            seq = self._numbered()
            if self.chance.random() >= drop:
                yield BookDelta(
                    1, self.name, 2, seq, market, each.leg, each.price, each.change, None,
                    each.clock,
                )  # fmt: skip
        if self.chance.random() < resync:
            yield from self.snapshot(market)

    def reply(self) -> Iterator[Event]:
        yield ChannelReply(1, self.name, 2, self._numbered())

    @property
    def done(self) -> bool:
        return all(self.at[name] == len(truth.changes) for name, truth in self.truths.items())


class Checked:
    """Merged events into a real engine; every live book must be a true one, and never go back."""

    def __init__(self, truths: dict[str, Truth]) -> None:
        self.truths = truths
        self.merge = Merge("k", lambda _conn, _market, _whole: None)
        self.engine = new_engine()
        self.reached = dict.fromkeys(truths, 0)

    def take(self, events: Iterator[Event]) -> None:
        for event in events:
            for said in self.merge.take(event):
                self.engine.handle(said)
                self.check()

    def levels(self, market: str) -> Levels | None:
        """The engine's book, where it is live."""
        found = self.engine.markets.get(market)
        if found is None or found.book.state is not BookState.LIVE:
            return None
        legs = (YES_LEG, NO_LEG)
        return {(leg, price): size for leg in legs for price, size in found.book.bids(leg)}

    def check(self) -> None:
        for market, truth in self.truths.items():
            levels = self.levels(market)
            if levels is None:
                continue
            later = range(self.reached[market], len(truth.states))
            at = next((each for each in later if truth.states[each] == levels), None)
            assert at is not None, f"{market} shows what never was, or went back"
            self.reached[market] = at


@settings(max_examples=300, deadline=None)
@given(
    seed=st.integers(0, 1 << 32),
    drop=st.sampled_from((0.0, 0.02, 0.2)),
    restart=st.sampled_from((0.0, 0.05)),
    resync=st.sampled_from((0.0, 0.1, 0.5)),
    bias=st.floats(0.05, 0.95),
    death=st.none() | st.integers(0, 80),
)
def test_two_bad_connections_make_one_true_book(
    seed: int, drop: float, restart: float, resync: float, bias: float, death: int | None
) -> None:
    chance = random.Random(seed)
    truths = {market: Truth.random(chance, 30) for market in MARKETS}
    lanes = [LaneFeed(f"k#{name}", truths, chance) for name in "ab"]
    checked = Checked(truths)
    for lane in lanes:
        checked.take(lane.open())
    step = 0
    while not all(lane.done for lane in lanes if not lane.dead):
        lanes[0].dead = lanes[0].dead or step == death
        lane = lanes[chance.random() < bias]
        if not lane.dead and not lane.done:
            checked.take(lane.step(drop, restart, resync))
        step += 1
    for lane in lanes:  # a death is found out; a number shows whether the last messages were lost
        checked.take(iter([ConnectionOpened(1, lane.name)]) if lane.dead else lane.reply())
    # Whatever was lost, one snapshot of a living connection makes every market right and live.
    for market, truth in truths.items():
        if checked.levels(market) is None:
            checked.take(lanes[1].snapshot(market))
        assert checked.levels(market) == truth.states[-1]


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 1 << 32), bias=st.floats(0.05, 0.95), death=st.integers(0, 80))
def test_while_one_connection_is_whole_nothing_is_ever_not_live(
    seed: int, bias: float, death: int
) -> None:
    """Lane a loses messages, restarts and dies; lane b is merely slow or fast."""
    chance = random.Random(seed)
    truths = {market: Truth.random(chance, 30) for market in MARKETS}
    bad, good = (LaneFeed(f"k#{name}", truths, chance) for name in "ab")
    checked = Checked(truths)
    for lane in (good, bad):
        checked.take(lane.open())
    for step in range(10_000):
        if good.done:
            break
        if chance.random() < bias and step < death:
            checked.take(bad.step(0.2, 0.1, 0.2))
        else:
            checked.take(good.step(0.0, 0.0, 0.1))
        assert all(checked.levels(market) is not None for market in MARKETS)
    assert {market: checked.levels(market) for market in MARKETS} == {
        market: truth.states[-1] for market, truth in truths.items()
    }


# One behaviour each


def snapshot(lane: str, seq: int, clock: int | None, size: int, market: str = "M") -> BookSnapshot:
    return BookSnapshot(1, f"k#{lane}", 2, seq, market, ((4_000, size),), (), clock)


def delta(
    lane: str, seq: int, clock: int | None, change: int, *, recv_ns: int = 1, market: str = "M"
) -> BookDelta:
    return BookDelta(recv_ns, f"k#{lane}", 2, seq, market, YES_LEG, 4_000, change, None, clock)


def sizes(events: list[Event]) -> list[tuple[str, int]]:
    """What was passed on: whole sizes of snapshots, changes of deltas, doubts."""
    said = []
    for event in events:
        match event:
            case BookSnapshot():
                said.append(("book", event.yes[0][1]))
            case BookDelta():
                said.append(("change", event.change))
            case InputQuarantined():
                said.append((event.reason, 0))
    return said


def play(*events: Event, merge: Merge | None = None) -> list[Event]:
    merge = merge or Merge("k")
    return [said for event in events for said in merge.take(event)]


def test_the_faster_connection_is_passed_on_and_the_slower_one_dropped() -> None:
    said = play(
        snapshot("a", 1, 10, 5), snapshot("b", 1, 10, 5),
        delta("a", 2, 11, 1), delta("b", 2, 11, 1), delta("b", 3, 12, 2), delta("a", 3, 12, 2),
    )  # fmt: skip
    assert sizes(said) == [("book", 5), ("change", 1), ("change", 2)]


def test_the_engine_sees_one_connection_whose_numbers_have_no_gap() -> None:
    said = play(
        snapshot("a", 1, 10, 5), snapshot("b", 7, 10, 5), delta("b", 8, 11, 1), delta("a", 2, 11, 1)
    )
    seen = [(e.conn, e.sid, e.seq) for e in said if isinstance(e, BookSnapshot | BookDelta)]
    assert seen == [("k", 1, 1), ("k", 1, 2)]


def test_changes_that_share_a_clock_are_told_apart_by_their_number() -> None:
    said = play(
        snapshot("a", 1, 10, 5), snapshot("b", 1, 10, 5),
        delta("a", 2, 11, 1), delta("a", 3, 11, 2), delta("b", 2, 11, 1), delta("b", 3, 11, 2),
        delta("b", 4, 11, 3), delta("a", 4, 11, 3),
    )  # fmt: skip
    assert sizes(said) == [("book", 5), ("change", 1), ("change", 2), ("change", 3)]


def test_a_snapshot_contains_every_change_of_its_clock() -> None:
    said = play(snapshot("a", 1, 11, 8), delta("a", 2, 11, 2), delta("a", 3, 12, 1))
    assert sizes(said) == [("book", 8), ("change", 1)]


def test_a_gap_on_one_connection_costs_nothing_while_the_other_is_whole() -> None:
    said = play(
        snapshot("a", 1, 10, 5), snapshot("b", 1, 10, 5),
        delta("a", 2, 11, 1), delta("a", 4, 13, 4), delta("b", 2, 11, 1), delta("b", 3, 12, 2),
        delta("b", 4, 13, 4),
    )  # fmt: skip
    assert sizes(said) == [("book", 5), ("change", 1), ("change", 2), ("change", 4)]


def test_a_gap_on_the_last_whole_connection_makes_the_market_not_live() -> None:
    said = play(snapshot("a", 1, 10, 5), delta("a", 3, 12, 1), delta("a", 4, 13, 1))
    assert sizes(said) == [("book", 5), (NO_WHOLE_BOOK, 0)]


def test_a_lost_market_never_goes_back_to_an_older_snapshot() -> None:
    merge = Merge("k")
    play(snapshot("a", 1, 10, 5), delta("a", 2, 20, 1), delta("a", 4, 22, 1), merge=merge)
    assert sizes(play(snapshot("b", 1, 15, 5), merge=merge)) == []
    assert sizes(play(delta("b", 2, 20, 1), merge=merge)) == [("book", 6)]
    assert sizes(play(delta("b", 3, 21, 1), merge=merge)) == [("change", 1)]


def test_a_level_that_was_emptied_while_a_lane_caught_up_is_gone() -> None:
    merge = Merge("k")
    play(snapshot("a", 1, 10, 5), delta("a", 2, 20, 1), delta("a", 4, 22, 1), merge=merge)
    (book,) = play(snapshot("b", 1, 15, 5), delta("b", 2, 20, -5), merge=merge)
    assert isinstance(book, BookSnapshot)
    assert book.yes == ()


def test_a_clock_that_started_over_is_believed_in_the_end() -> None:
    merge = Merge("k")
    play(snapshot("a", 1, 1_000, 5), delta("a", 3, 1_002, 1), merge=merge)
    play(snapshot("a", 4, 10, 7), merge=merge)
    assert play(delta("a", 5, 11, 1, recv_ns=ERA_NS), merge=merge) == []
    assert sizes(play(delta("a", 6, 12, 1, recv_ns=ERA_NS + 2), merge=merge)) == [("book", 9)]


def test_a_clock_that_goes_back_without_a_snapshot_is_not_believed() -> None:
    said = play(snapshot("a", 1, 10, 5), delta("a", 2, 9, 1))
    assert sizes(said) == [("book", 5), (NO_WHOLE_BOOK, 0)]


def test_two_whole_connections_that_disagree_are_both_doubted() -> None:
    said = play(
        snapshot("a", 1, 10, 5), snapshot("b", 1, 10, 5), delta("a", 2, 11, 1), delta("b", 2, 12, 1)
    )
    assert sizes(said) == [("book", 5), ("change", 1), (NO_WHOLE_BOOK, 0)]


def test_a_lane_that_stays_behind_what_a_damaged_one_shows_keeps_no_old_book_live() -> None:
    merge = Merge("k")
    play(snapshot("a", 1, 10, 5), snapshot("b", 1, 10, 5), delta("b", 3, 12, 1), merge=merge)
    late = [delta("b", 4, 13, 1, recv_ns=LAG_NS), delta("b", 5, 14, 1, recv_ns=LAG_NS + 2)]
    assert sizes(play(late[0], merge=merge)) == []
    assert sizes(play(late[1], merge=merge)) == [(NO_WHOLE_BOOK, 0)]
    assert not merge.is_whole("k#a", "M")


def test_a_lane_that_is_behind_for_a_moment_goes_on() -> None:
    said = play(
        snapshot("a", 1, 10, 5), snapshot("b", 1, 10, 5), delta("b", 3, 12, 1),
        delta("a", 2, 11, 1), delta("a", 3, 12, 1),
        delta("b", 4, 13, 1, recv_ns=LAG_NS + 2), delta("a", 4, 13, 1, recv_ns=LAG_NS + 3),
    )  # fmt: skip
    assert sizes(said) == [("book", 5), ("change", 1), ("change", 1), ("change", 1)]


def test_without_a_clock_nothing_can_be_merged() -> None:
    assert sizes(play(snapshot("a", 1, None, 5))) == []
    said = play(snapshot("a", 1, 10, 5), delta("a", 2, None, 1))
    assert sizes(said) == [("book", 5), (NO_WHOLE_BOOK, 0)]


def test_a_lost_connection_costs_the_markets_that_only_it_followed() -> None:
    said = play(
        snapshot("a", 1, 10, 5), snapshot("b", 1, 10, 5), snapshot("a", 2, 10, 3, "N"),
        ConnectionOpened(2, "k#a"), delta("b", 2, 11, 1),
    )  # fmt: skip
    doubts = [event.market for event in said if isinstance(event, InputQuarantined)]
    assert doubts == ["N"]
    assert sizes(said)[-1] == ("change", 1)


def test_an_unreadable_message_is_counted_once_and_doubts_its_lane_only() -> None:
    bad = InputQuarantined(
        1, "kalshi_ws", "k#a", "bad_number", "delta_fp", "", "orderbook_delta", 2, 2, "M"
    )
    said = play(snapshot("a", 1, 10, 5), snapshot("b", 1, 10, 5), bad, delta("b", 2, 11, 1))
    assert sizes(said) == [("book", 5), ("bad_number", 0), ("change", 1)]


def test_a_repeated_message_changes_nothing() -> None:
    said = play(snapshot("a", 1, 10, 5), delta("a", 2, 11, 1), delta("a", 2, 11, 1))
    assert sizes(said) == [("book", 5), ("change", 1)]


def test_a_market_that_was_unsubscribed_everywhere_is_not_doubted_but_dropped() -> None:
    merge = Merge("k")
    play(snapshot("a", 1, 10, 5), snapshot("a", 2, 10, 5, "N"), merge=merge)
    (said,) = play(ChannelReply(1, "k#a", 2, 3, ("M",)), merge=merge)
    assert said == ChannelReply(1, "k", 1, 3, ("M",))


def test_public_trades_and_quotes_are_heard_once() -> None:
    def trade(lane: str, trade_id: str) -> VenueTrade:
        return VenueTrade(1, f"k#{lane}", "M", trade_id, 4_000, 1, Outcome.YES, 1)

    def quote(lane: str, venue_ns: int) -> VenueQuote:
        return VenueQuote(1, f"k#{lane}", "M", 4_000, 4_200, 4_100, 1, venue_ns)

    said = play(
        trade("a", "t1"), trade("b", "t1"), trade("b", "t2"), trade("a", "t2"),
        quote("a", 10), quote("b", 10), quote("a", 12), quote("b", 11),
    )  # fmt: skip
    assert [getattr(event, "trade_id", None) for event in said] == ["t1", "t2", None, None]


@pytest.mark.parametrize("whole", [True, False])
def test_whoever_asks_for_books_hears_which_lane_lacks_which(whole: bool) -> None:
    heard: list[tuple[str, str, bool]] = []
    merge = Merge("k", lambda *what: heard.append(what))
    play(snapshot("a", 1, 10, 5), delta("a", 3, 12, 1), merge=merge)
    if whole:
        play(snapshot("a", 4, 12, 5), merge=merge)
    assert heard == [("k#a", "M", True), ("k#a", "M", False)] + [("k#a", "M", True)] * whole
    assert merge.is_whole("k#a", "M") is whole
