"""One event in, commands out: what the engine knows about markets, spot and orders."""

from __future__ import annotations

import pytest

from hotpath.engine import EngineSettings
from kairos.domain.instruments import Outcome
from kairos.errors import Corrupt, UsageError
from kairos.messages.commands import BookStateChanged, MessageRefused
from kairos.messages.events import (
    BookDelta,
    BookSnapshot,
    Event,
    MarketDefined,
    MarketDetermined,
    MarketTrading,
    OrderFilled,
    SpotTrade,
    TimerFired,
    VenueTrade,
)
from tests.support.engine import SilentStrategy, new_engine
from tests.support.tape import MARKET, SECOND, START_NS

CLOSE = START_NS + 600 * SECOND
DEFINED = MarketDefined(START_NS, MARKET, "greater_or_equal", "81087.33", None, CLOSE, None)


def snapshot(seq: int = 1, at: int = START_NS) -> BookSnapshot:
    return BookSnapshot(at, "c", 2, seq, MARKET, ((4_400, 10**6),), ((5_300, 10**6),), None)


def delta(seq: int, price: int = 4_500, change: int = 10**6, at: int = START_NS) -> BookDelta:
    return BookDelta(at, "c", 2, seq, MARKET, 0, price, change, None, None)


def test_equal_events_give_equal_commands() -> None:
    events: list[Event] = [DEFINED, snapshot(), delta(2), delta(4), snapshot(5), delta(6, 4_455)]
    first, second = new_engine(), new_engine()
    assert [list(first.handle(e)) for e in events] == [list(second.handle(e)) for e in events]


def test_what_the_books_say_comes_out_once() -> None:
    engine = new_engine()
    (live,) = engine.handle(snapshot())
    assert live == BookStateChanged(START_NS, MARKET, "live", "snapshot")
    assert list(engine.handle(delta(2))) == []


def test_engine_time_never_goes_back() -> None:
    engine = new_engine()
    engine.handle(snapshot(at=START_NS + 5 * SECOND))
    gap, *_ = engine.handle(delta(9, at=START_NS))
    assert isinstance(gap, BookStateChanged)
    assert gap.ts_ns == engine.now_ns == START_NS + 5 * SECOND


def test_the_strategy_hears_of_tops_and_states_not_of_deep_changes() -> None:
    engine = new_engine()
    strategy = engine.strategy
    assert isinstance(strategy, SilentStrategy)
    engine.handle(snapshot())
    strategy.told.clear()
    engine.handle(delta(2, 4_300))
    assert strategy.told == []
    engine.handle(delta(3, 4_500))
    assert strategy.told == [f"book {MARKET}"]
    engine.handle(delta(5))
    assert strategy.told[-1] == f"state {MARKET} gapped"


def test_a_contract_is_made_of_what_was_said_in_parts() -> None:
    engine = new_engine()
    created = MarketDefined(START_NS, MARKET, "greater_or_equal", None, None, CLOSE, None)
    assert list(engine.handle(created)) == [], "a strike that is not set yet is no error"
    assert engine.markets[MARKET].contract is None
    engine.handle(MarketDefined(START_NS, MARKET, None, "81087.33", None, None, None))
    contract = engine.markets[MARKET].contract
    assert contract is not None
    assert (contract.lower, contract.close_ns) == (81_087.325, CLOSE)


def test_what_a_message_leaves_out_is_not_taken_away() -> None:
    engine = new_engine()
    engine.handle(DEFINED)
    engine.handle(MarketDefined(START_NS, MARKET, None, None, None, None, ((0, 10_000, 100),)))
    market = engine.markets[MARKET]
    assert market.definition is not None
    assert market.definition.floor_strike == "81087.33"
    assert market.contract is not None


def test_a_moved_close_moves_the_contract_too() -> None:
    engine = new_engine()
    engine.handle(DEFINED)
    engine.handle(MarketDefined(START_NS, MARKET, None, None, None, CLOSE + SECOND, None))
    market = engine.markets[MARKET]
    assert market.contract is not None
    assert market.close_ns == market.contract.close_ns == CLOSE + SECOND


@pytest.mark.parametrize(
    ("strike_type", "floor", "reason"),
    [
        ("structured", "1", "unsupported_strike_type"),
        ("greater", "-5", "bad_strike"),
        ("greater", "1e5", "bad_number"),
    ],
)
def test_a_contract_that_cannot_be_judged_is_refused_and_counted(
    strike_type: str, floor: str, reason: str
) -> None:
    engine = new_engine()
    event = MarketDefined(START_NS, MARKET, strike_type, floor, None, CLOSE, None)
    (refused,) = engine.handle(event)
    assert isinstance(refused, MessageRefused)
    assert (refused.reason, refused.market) == (reason, MARKET)
    assert engine.markets[MARKET].contract is None


def test_a_price_structure_that_is_none_is_refused_not_raised() -> None:
    engine = new_engine()
    event = MarketDefined(START_NS, MARKET, None, None, None, None, ((0, 10_000, 0),))
    (refused,) = engine.handle(event)
    assert isinstance(refused, MessageRefused)
    assert refused.reason == "bad_price_range"


def test_the_first_outcome_stands_and_another_is_a_conflict() -> None:
    engine = new_engine()
    assert list(engine.handle(MarketDetermined(START_NS, MARKET, Outcome.YES, "lifecycle"))) == []
    assert list(engine.handle(MarketDetermined(START_NS, MARKET, Outcome.YES, "lifecycle"))) == []
    (refused,) = engine.handle(MarketDetermined(START_NS, MARKET, Outcome.NO, "file"))
    assert isinstance(refused, MessageRefused)
    assert refused.reason == "outcome_conflict"
    assert engine.markets[MARKET].outcome is Outcome.YES


def test_a_market_is_open_until_its_close_its_pause_or_its_outcome() -> None:
    engine = new_engine()
    engine.handle(DEFINED)
    market = engine.markets[MARKET]
    assert market.is_open(CLOSE - 1)
    assert not market.is_open(CLOSE)
    seen = []
    for active in (False, True):
        engine.handle(MarketTrading(START_NS, MARKET, active))
        seen.append(market.is_open(START_NS))
    engine.handle(MarketDetermined(START_NS, MARKET, Outcome.NO, "lifecycle"))
    assert [*seen, market.is_open(START_NS)] == [False, True, False]


def test_a_wild_print_reaches_no_strategy() -> None:
    engine = new_engine()
    strategy = engine.strategy
    assert isinstance(strategy, SilentStrategy)
    for number, price in enumerate([81_000.0, 81_010.0, 8_101.0, 81_020.0]):
        engine.handle(SpotTrade(START_NS + number, "s", "BTC-USD", price, number + 1, START_NS))
    assert strategy.spots == [81_000.0, 81_010.0, 81_020.0]


def test_a_fill_that_cannot_be_booked_stops_the_engine() -> None:
    """An order nobody knows has filled: going on would mean a position nobody counts."""
    with pytest.raises(Corrupt):
        new_engine().handle(
            OrderFilled(START_NS, "kr-unknown", "f1", 5_000, 10**6, 0, "taker", "trade")  # type: ignore[arg-type]
        )


def test_every_event_there_is_has_a_handler() -> None:
    """Deltas, nine of ten events, go first and need not be looked up."""
    assert set(Event.__args__) - {BookDelta} <= set(new_engine()._handlers)


def test_trades_and_timers_alone_say_nothing() -> None:
    engine = new_engine()
    trade = VenueTrade(START_NS, "c", MARKET, "t", 5_000, 10**6, Outcome.YES, START_NS)
    assert list(engine.handle(trade)) == []
    assert list(engine.handle(TimerFired(START_NS))) == []


@pytest.mark.parametrize("wrong", [{"book_stale_after_ns": 0}, {"opening_cash": -1}])
def test_settings_that_cannot_work_are_refused_by_name(wrong: dict[str, int]) -> None:
    with pytest.raises(UsageError, match=f"engine.{next(iter(wrong))}"):
        EngineSettings(**wrong)  # type: ignore[arg-type]
