"""The matching that simulated fills come from, against its own rules and against arithmetic."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kairos.domain.instruments import NO_LEG, YES_LEG, Action, Outcome
from kairos.errors import VenueRefused
from kairos.messages.commands import TimeInForce
from local.venues.core.matching import MarketBook
from local.venues.core.orders import (
    BookEvent,
    Ended,
    Ending,
    LevelChanged,
    Match,
    Order,
    SelfTrade,
    Side,
)

NOW = 1_000_000_000
UNIT = 1_000_000
_ids = itertools.count()


def book() -> MarketBook:
    numbers = itertools.count(1)
    return MarketBook("M", lambda: f"t{next(numbers)}")


def order(
    outcome: Outcome = Outcome.YES,
    price: int = 5_000,
    contracts: int = 10,
    *,
    owner: str = "a",
    action: Action = Action.BUY,
    tif: TimeInForce = TimeInForce.GTC,
    post_only: bool = False,
    self_trade: SelfTrade = SelfTrade.TAKER_AT_CROSS,
    expires_ns: int | None = None,
) -> Order:
    return Order(
        f"o{next(_ids)}", owner, outcome, action, price, contracts * UNIT, tif, NOW,
        expires_ns=expires_ns, post_only=post_only, self_trade=self_trade,
    )  # fmt: skip


def matches(events: list[BookEvent]) -> list[Match]:
    return [event for event in events if isinstance(event, Match)]


def endings(events: list[BookEvent]) -> list[Ending]:
    return [event.ending for event in events if isinstance(event, Ended)]


def test_buying_both_outcomes_for_a_dollar_trades_at_the_resting_price() -> None:
    market = book()
    resting, taking = order(Outcome.NO, 4_000), order(Outcome.YES, 6_500, 4, owner="b")
    market.submit(resting, NOW)
    trade = matches(market.submit(taking, NOW))[0]
    assert (trade.yes_price, trade.quantity) == (6_000, 4 * UNIT)
    assert (trade.price_of(resting), trade.price_of(taking)) == (4_000, 6_000)
    assert market.levels(NO_LEG) == [(4_000, 6 * UNIT)]
    assert market.levels(YES_LEG) == []


def test_best_price_goes_first_then_the_oldest_order() -> None:
    market = book()
    late_best, first, second = (
        order(Outcome.NO, 4_500, 1),
        order(Outcome.NO, 4_000, 2),
        order(Outcome.NO, 4_000, 3, owner="c"),
    )
    for resting in (first, second, late_best):
        market.submit(resting, NOW)
    events = market.submit(order(Outcome.YES, 6_500, 4, owner="b"), NOW)
    assert [(m.maker, m.quantity // UNIT) for m in matches(events)] == [
        (late_best, 1),
        (first, 2),
        (second, 1),
    ]


def test_immediate_orders_never_rest() -> None:
    market = book()
    market.submit(order(Outcome.NO, 4_000, 3), NOW)
    events = market.submit(order(Outcome.YES, 6_000, 5, owner="b", tif=TimeInForce.IOC), NOW)
    assert endings(events) == [Ending.FILLED, Ending.NOT_FILLED]
    assert not market.orders


def test_fill_or_kill_trades_whole_or_not_at_all() -> None:
    market = book()
    market.submit(order(Outcome.NO, 4_000, 3), NOW)
    killed = market.submit(order(Outcome.YES, 6_000, 5, owner="b", tif=TimeInForce.FOK), NOW)
    assert endings(killed) == [Ending.KILLED]
    filled = market.submit(order(Outcome.YES, 6_000, 3, owner="b", tif=TimeInForce.FOK), NOW)
    assert endings(filled) == [Ending.FILLED, Ending.FILLED]


def test_post_only_that_would_cross_ends_untouched() -> None:
    market = book()
    market.submit(order(Outcome.NO, 4_000), NOW)
    crossing = market.submit(order(Outcome.YES, 6_000, owner="b", post_only=True), NOW)
    assert endings(crossing) == [Ending.POST_ONLY_CROSS]
    market.submit(order(Outcome.YES, 5_990, owner="b", post_only=True), NOW)
    assert market.best(Side.BID) == 5_990


@pytest.mark.parametrize(
    ("mode", "resting_ends", "incoming_rests"),
    [(SelfTrade.TAKER_AT_CROSS, False, False), (SelfTrade.MAKER, True, True)],
)
def test_nobody_trades_with_oneself(
    mode: SelfTrade, resting_ends: bool, incoming_rests: bool
) -> None:
    market = book()
    resting, incoming = order(Outcome.NO, 4_000), order(Outcome.YES, 6_000, self_trade=mode)
    market.submit(resting, NOW)
    events = market.submit(incoming, NOW)
    assert not matches(events)
    assert (resting.ending is Ending.SELF_TRADE) is resting_ends
    assert (incoming.order_id in market.orders) is incoming_rests


def test_smaller_keeps_its_place_and_anything_else_loses_it() -> None:
    market = book()
    first, second = order(Outcome.NO, 4_000, 10), order(Outcome.NO, 4_000, 10, owner="c")
    market.submit(first, NOW)
    market.submit(second, NOW)
    market.amend(first.order_id, 4_000, 6 * UNIT, NOW)
    assert market.ahead_of(second) == 6 * UNIT
    market.decrease(first.order_id, 1 * UNIT, NOW)
    assert market.ahead_of(second) == 5 * UNIT
    market.amend(first.order_id, 4_000, 7 * UNIT, NOW)
    assert (market.ahead_of(second), market.ahead_of(first)) == (0, 10 * UNIT)


def test_amend_counts_what_has_filled_already() -> None:
    market = book()
    resting = order(Outcome.YES, 5_000, 10)
    market.submit(resting, NOW)
    market.submit(order(Outcome.NO, 5_000, 4, owner="b", tif=TimeInForce.IOC), NOW)
    market.amend(resting.order_id, 5_000, 7 * UNIT, NOW)
    assert (resting.filled, resting.remaining) == (4 * UNIT, 3 * UNIT)
    assert endings(market.amend(resting.order_id, 5_000, 4 * UNIT, NOW)) == [Ending.DECREASED]


def test_an_amended_price_that_crosses_trades() -> None:
    market = book()
    market.submit(order(Outcome.NO, 4_000, 3), NOW)
    moved = order(Outcome.YES, 5_000, 5, owner="b")
    market.submit(moved, NOW)
    assert len(matches(market.amend(moved.order_id, 6_000, 5 * UNIT, NOW))) == 1
    assert market.levels(YES_LEG) == [(6_000, 2 * UNIT)]


def test_orders_end_when_their_time_is_up() -> None:
    market = book()
    ends, stays = order(expires_ns=NOW + 10), order(price=4_000, expires_ns=NOW + 11)
    market.submit(ends, NOW)
    market.submit(stays, NOW)
    assert endings(market.expire(NOW + 10)) == [Ending.EXPIRED]
    assert list(market.orders) == [stays.order_id]
    assert endings(market.submit(order(expires_ns=NOW), NOW)) == [Ending.EXPIRED]


def test_reduce_only_is_cut_to_the_position() -> None:
    market = book()
    market.submit(order(Outcome.NO, 4_000, 10), NOW)
    taking = order(Outcome.YES, 6_000, 8, owner="b", tif=TimeInForce.IOC)
    events = market.submit(taking, NOW, reducible=3 * UNIT)
    assert taking.filled == 3 * UNIT
    assert taking.ending is Ending.NOT_FILLED
    flat = market.submit(order(Outcome.YES, 6_000, owner="b"), NOW, reducible=0)
    assert endings(flat) == [Ending.REDUCE_ONLY]
    assert sum(m.quantity for m in matches(events)) == 3 * UNIT


def test_an_unknown_order_is_refused_by_name() -> None:
    with pytest.raises(VenueRefused, match="not_found"):
        book().cancel("nothing", NOW, Ending.CANCELED)


# --- properties ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """One thing somebody does; `which` picks a resting order."""

    kind: str
    owner: str
    outcome: Outcome
    action: Action
    price: int
    contracts: int
    tif: TimeInForce
    post_only: bool
    self_trade: SelfTrade
    which: int


STEPS = st.builds(
    Step,
    kind=st.sampled_from(["submit"] * 5 + ["cancel", "decrease", "amend"]),
    owner=st.sampled_from("abc"),
    outcome=st.sampled_from(Outcome),
    action=st.sampled_from(Action),
    price=st.integers(1, 9).map(lambda dime: dime * 1_000),
    contracts=st.integers(1, 9),
    tif=st.sampled_from([TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK]),
    post_only=st.booleans(),
    self_trade=st.sampled_from(SelfTrade),
    which=st.integers(0, 50),
)


def do(market: MarketBook, step: Step, asked: dict[str, int]) -> list[BookEvent]:
    """Perform a step and keep count of what each order asked for in all."""
    if step.kind == "submit":
        new = order(
            step.outcome, step.price, step.contracts, owner=step.owner, action=step.action,
            tif=step.tif, post_only=step.post_only, self_trade=step.self_trade,
        )  # fmt: skip
        asked[new.order_id] = new.quantity
        return market.submit(new, NOW)
    if not market.orders:
        return []
    chosen = list(market.orders.values())[step.which % len(market.orders)]
    size = step.contracts * UNIT
    if step.kind == "cancel":
        return market.cancel(chosen.order_id, NOW, Ending.CANCELED)
    if step.kind == "decrease":
        return market.decrease(chosen.order_id, size, NOW)
    try:
        return market.amend(chosen.order_id, step.price, size, NOW)
    except VenueRefused:
        return []


def check_levels(market: MarketBook, seen: dict[tuple[int, int], int]) -> None:
    """The published changes add up to the book, and the book to its orders."""
    for leg, side in ((YES_LEG, Side.BID), (NO_LEG, Side.ASK)):
        published = {price: q for (at, price), q in seen.items() if at == leg and q}
        assert published == dict(market.levels(leg))
        resting = sum(o.remaining for o in market.orders.values() if o.side is side)
        assert resting == sum(published.values())


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, max_size=40))
def test_no_crossed_book_rests_and_quantity_is_conserved(steps: list[Step]) -> None:
    market, asked = book(), dict[str, int]()
    filled: dict[str, int] = {}
    seen: dict[tuple[int, int], int] = {}
    for step in steps:
        for event in do(market, step, asked):
            if isinstance(event, Match):
                assert event.taker.owner != event.maker.owner or (
                    event.taker.self_trade is SelfTrade.ALLOW
                )
                for one in (event.taker, event.maker):
                    filled[one.order_id] = filled.get(one.order_id, 0) + event.quantity
            elif isinstance(event, LevelChanged):
                key = (event.leg, event.price)
                seen[key] = seen.get(key, 0) + event.change
                assert seen[key] >= 0
        bid, ask = market.best(Side.BID), market.best(Side.ASK)
        assert bid is None or ask is None or bid < ask
        check_levels(market, seen)
        for resting in market.orders.values():
            assert resting.filled == filled.get(resting.order_id, 0) < resting.quantity


@settings(max_examples=100, deadline=None)
@given(st.lists(STEPS, max_size=40))
def test_every_match_is_with_the_best_price_and_the_oldest_order(steps: list[Step]) -> None:
    market = book()
    for step in steps:
        before = sorted(
            market.orders.values(),
            key=lambda o: (-o.yes_price if o.side is Side.BID else o.yes_price, o.priority),
        )
        queues = {side: [o for o in before if o.side is side] for side in Side}
        done = matches(do(market, step, {}))
        for trade in done:
            queue = queues[trade.maker.side]
            while queue[0] is not trade.maker:
                # Only the taker's own orders may be passed over, and only by ending.
                assert queue[0].ending is Ending.SELF_TRADE or queue[0] is trade.taker
                queue.pop(0)
            limit = trade.taker.yes_price
            bought = trade.taker.side is Side.BID
            assert trade.yes_price <= limit if bought else trade.yes_price >= limit
            if not trade.maker.remaining:
                queue.pop(0)
