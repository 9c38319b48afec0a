"""The other participants: seeded ones that follow a fair value, and recorded ones."""

from __future__ import annotations

import itertools

from kairos.domain.grid import LINEAR_CENT, grid
from kairos.domain.instruments import NO_LEG, YES_LEG, Action, Outcome
from kairos.messages.commands import TimeInForce
from local.market_generator.chance import Chance
from local.venues.core.flow import FlowDesk, FlowSettings, Level, Print, ReplayFlow, SeededFlow
from local.venues.core.matching import MarketBook
from local.venues.core.orders import BookEvent, LevelChanged, Match, Order, Side

MARKET = "M"
UNIT = 1_000_000
SECOND = 1_000_000_000


class Place:
    """A book with a desk, and everything that happened in it."""

    def __init__(self) -> None:
        numbers = itertools.count()
        self.book = MarketBook(MARKET, lambda: f"t{next(numbers)}")
        self.events: list[BookEvent] = []
        self.desk = FlowDesk({MARKET: self.book}, lambda _market, e: self.events.extend(e))

    def fills_of(self, order: Order) -> int:
        fills = [e for e in self.events if isinstance(e, Match)]
        return sum(e.quantity for e in fills if order in (e.taker, e.maker))

    def mine(self, outcome: Outcome, price: int, contracts: int) -> Order:
        order = Order(
            "mine", "me", outcome, Action.BUY, price, contracts * UNIT, TimeInForce.GTC, 0
        )
        self.events += self.book.submit(order, 0)
        return order


def seeded(place: Place, seed: int, fair: float = 0.4) -> SeededFlow:
    settings = FlowSettings(actions_per_second=20)
    prices = grid(LINEAR_CENT)
    return SeededFlow(MARKET, prices, lambda _m, _t: fair, place.desk, settings, Chance(seed), 0)


def changes(place: Place) -> list[tuple[int, int, int]]:
    return [(e.leg, e.price, e.change) for e in place.events if isinstance(e, LevelChanged)]


def test_one_seed_gives_one_market_whatever_the_steps_of_the_clock() -> None:
    fine, coarse, other = Place(), Place(), Place()
    flow = seeded(fine, 1)
    for tick in range(1, 101):
        flow.act(tick * SECOND // 10)
    seeded(coarse, 1).act(10 * SECOND)
    seeded(other, 2).act(10 * SECOND)
    assert changes(fine) == changes(coarse)
    assert changes(fine) != changes(other)
    assert len(changes(fine)) > 100


def test_makers_surround_the_fair_value_and_somebody_trades() -> None:
    place = Place()
    seeded(place, 3).act(30 * SECOND)
    bid, ask = place.book.best(Side.BID), place.book.best(Side.ASK)
    assert bid is not None
    assert ask is not None
    assert 3_500 <= bid < 4_000 < ask <= 4_500
    assert any(isinstance(event, Match) for event in place.events)


def test_a_flow_that_stops_leaves_nothing_behind() -> None:
    place = Place()
    flow = seeded(place, 3)
    flow.act(10 * SECOND)
    flow.stop(10 * SECOND)
    assert not place.book.orders


def test_a_recording_rests_what_it_recorded() -> None:
    place = Place()
    flow = ReplayFlow(
        MARKET,
        [
            Level(1, YES_LEG, 4_000, 10 * UNIT),
            Level(1, NO_LEG, 5_500, 4 * UNIT),
            Level(2, YES_LEG, 4_000, 25 * UNIT),
            Level(3, YES_LEG, 4_000, 5 * UNIT),
            Level(4, NO_LEG, 5_500, 0),
        ],
        place.desk,
    )
    seen = []
    for now in (1, 2, 3, 4):
        flow.act(now)
        seen.append((place.book.levels(YES_LEG), place.book.levels(NO_LEG)))
    assert seen == [
        ([(4_000, 10 * UNIT)], [(5_500, 4 * UNIT)]),
        ([(4_000, 25 * UNIT)], [(5_500, 4 * UNIT)]),
        ([(4_000, 5 * UNIT)], [(5_500, 4 * UNIT)]),
        ([(4_000, 5 * UNIT)], []),
    ]
    assert flow.next_ns > 10**18


def test_a_recorded_trade_fills_a_member_only_in_its_turn() -> None:
    place = Place()
    flow = ReplayFlow(
        MARKET,
        [
            Level(1, YES_LEG, 4_000, 10 * UNIT),
            Print(3, NO_LEG, 6_000, 8 * UNIT),
            Print(4, NO_LEG, 6_000, 5 * UNIT),
        ],
        place.desk,
    )
    flow.act(1)
    member = place.mine(Outcome.YES, 4_000, 6)
    flow.act(3)
    assert place.fills_of(member) == 0
    flow.act(4)
    assert place.fills_of(member) == 3 * UNIT


def test_what_others_take_away_comes_off_the_back_of_the_queue() -> None:
    place = Place()
    steps = [Level(1, YES_LEG, 4_000, 10 * UNIT), Level(2, YES_LEG, 4_000, 30 * UNIT),
             Level(3, YES_LEG, 4_000, 10 * UNIT)]  # fmt: skip
    flow = ReplayFlow(MARKET, steps, place.desk)
    flow.act(1)
    member = place.mine(Outcome.YES, 4_000, 6)
    flow.act(3)
    assert place.book.ahead_of(member) == 10 * UNIT
    assert place.book.quantity_at(Side.BID, 4_000) == 16 * UNIT
