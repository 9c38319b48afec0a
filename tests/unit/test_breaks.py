"""A difference is a break when it lasts; trading is not, and what can be mended is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos.domain.instruments import Action, Liquidity, Outcome, Venue
from kairos.errors import UsageError
from kairos.messages.trading import (
    FillState,
    OrderStatus,
    VenueFill,
    VenueOrder,
    VenuePosition,
)
from kairos.services.breaks import (
    BreakKind,
    Breaks,
    Cure,
    Difference,
    OurOrder,
    Ours,
    ReconcileSettings,
    Theirs,
    compare,
)
from kairos.services.opening import opening_costs

SECOND = 10**9
CONTRACT = DOLLAR = 1_000_000
SETTINGS = ReconcileSettings(cash_excludes_resting=False, cash_tolerance=0)
YES, NO, BUY, SELL = Outcome.YES, Outcome.NO, Action.BUY, Action.SELL


def ours(**changes: Any) -> Ours:  # noqa: ANN401
    base = Ours((), lambda _fill_id: False, {}, frozenset(), {}, 100 * DOLLAR, 0)
    return base._replace(**changes)


def theirs(**changes: Any) -> Theirs:  # noqa: ANN401
    return Theirs((), (), {}, 100 * DOLLAR)._replace(**changes)


def mine(*, venue_order_id: str | None = "v1", filled: int = 0, certain: bool = True) -> OurOrder:
    return OurOrder("c1", venue_order_id, "M", YES, BUY, 5_000, 10, filled, certain)


def order(filled: int = 0, price: int = 5_000, name: str = "v1") -> VenueOrder:
    return VenueOrder(
        Venue.KALSHI, name, "c1" if name == "v1" else None, "M", YES, BUY, price, 10, filled,
        OrderStatus.RESTING, "", None, None, None,
    )  # fmt: skip


def fill(
    name: str, quantity: int = 10, *, action: Action = BUY, outcome: Outcome = YES,
    state: FillState = FillState.FINAL, price: int = 5_000,
) -> VenueFill:  # fmt: skip
    return VenueFill(
        Venue.KALSHI, name, "v1", None, "M", outcome, action, price, quantity,
        price * quantity // 10_000, 0, Liquidity.MAKER, state, int(name[1:]),
    )  # fmt: skip


def kinds(one: Ours, other: Theirs, settings: ReconcileSettings = SETTINGS) -> list[str]:
    return [difference.kind.value for difference in compare(one, other, settings)]


def test_equal_books_differ_in_nothing() -> None:
    one = ours(orders=(mine(),), expected={"f1": "M"}, booked=lambda _name: True,
               positions={("M", YES): 10})  # fmt: skip
    other = theirs(orders=(order(),), fills=(fill("f1"),), positions={("M", YES): 10})
    assert kinds(one, other) == []


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (ours(orders=(mine(),)), theirs(), [BreakKind.ORDER_MISSING]),
        (ours(orders=(mine(certain=False),)), theirs(), []),
        (ours(orders=(mine(),)), theirs(orders=(order(filled=3),)), [BreakKind.ORDER_DIFFERS]),
        (ours(orders=(mine(),)), theirs(orders=(order(price=4_000),)), [BreakKind.ORDER_DIFFERS]),
        (ours(), theirs(orders=(order(),)), [BreakKind.ORDER_UNKNOWN]),
        (ours(orders=(mine(venue_order_id=None, certain=False),)), theirs(orders=(order(),)), []),
        (ours(), theirs(fills=(fill("f1"),)), [BreakKind.FILL_MISSING]),
        (ours(ignored=frozenset({"f1"})), theirs(fills=(fill("f1"),)), []),
        (ours(), theirs(fills=(fill("f1", state=FillState.VOID),)), []),
        (
            ours(booked=lambda _name: True),
            theirs(fills=(fill("f1", state=FillState.VOID),)),
            [BreakKind.FILL_MISSING],
        ),
        (ours(expected={"f1": "M"}), theirs(), [BreakKind.FILL_UNKNOWN]),
        (ours(positions={("M", YES): 1}), theirs(), [BreakKind.POSITION]),
        (ours(), theirs(positions={("M", NO): 1}), [BreakKind.POSITION]),
        (ours(), theirs(cash=100 * DOLLAR + 1), [BreakKind.CASH]),
    ],
)
def test_each_difference_has_its_kind(one: Ours, other: Theirs, expected: list[BreakKind]) -> None:
    assert kinds(one, other) == expected


def test_cash_is_compared_the_way_the_venue_states_it() -> None:
    after_resting = ReconcileSettings(cash_excludes_resting=True, cash_tolerance=10_000)
    one = ours(reserved=4 * DOLLAR)
    assert kinds(one, theirs(cash=96 * DOLLAR + 9_999), after_resting) == []
    assert kinds(one, theirs(cash=100 * DOLLAR), after_resting) == ["cash"]
    with_fees = replace(after_resting, reserved_fee_percent=7)
    assert kinds(one, theirs(cash=96 * DOLLAR - 280_000), with_fees) == []
    assert kinds(one, theirs(cash=96 * DOLLAR - 300_000), with_fees) == ["cash"]
    assert kinds(one, theirs(cash=96 * DOLLAR + 20_000), with_fees) == ["cash"]
    assert kinds(ours(), theirs(cash=100 * DOLLAR - 20_000), with_fees) == ["cash"]


def cash(by: int, base: int = 100 * DOLLAR) -> Difference:
    return next(compare(ours(cash=base), theirs(cash=base + by), SETTINGS))


def test_a_difference_that_goes_away_in_time_is_waited_out() -> None:
    breaks = Breaks(SETTINGS)
    first = breaks.step(iter([cash(5)]), 0)
    assert (first.found, first.waiting) == ((), 1)
    second = breaks.step(iter([]), 1 * SECOND)
    assert (second.found, second.resolved, second.waited_out) == ((), (), 1)


def test_a_difference_that_lasts_is_a_break_once_and_resolved_once() -> None:
    breaks = Breaks(SETTINGS)
    breaks.step(iter([cash(5)]), 0)
    assert breaks.step(iter([cash(5)]), 4 * SECOND).found == ()
    found = breaks.step(iter([cash(5)]), 5 * SECOND).found
    assert [difference.break_id for difference in found] == ["cash:account"]
    assert breaks.step(iter([cash(7)]), 60 * SECOND).found == ()
    assert [each.theirs for each in breaks.unresolved] == ["100.000007"]
    assert len(breaks.step(iter([]), 120 * SECOND).resolved) == 1
    assert breaks.unresolved == ()


def test_cash_that_moves_is_no_break_but_cash_that_stays_short_is() -> None:
    trading, short = Breaks(SETTINGS), Breaks(SETTINGS)
    for look in range(6):
        assert trading.step(iter([cash(look + 1)]), look * 60 * SECOND).found == ()
        found = short.step(iter([cash(-5, base=(100 + look) * DOLLAR)]), look * 60 * SECOND).found
        assert len(found) == (look == 1)


def test_what_can_be_mended_is_named_until_it_is_mended() -> None:
    breaks = Breaks(SETTINGS)
    for look in range(3):
        differences = compare(ours(), theirs(fills=(fill("f1"),), cash=1), SETTINGS)
        step = breaks.step(differences, look * 60 * SECOND)
        assert [difference.cure for difference in step.mend] == [Cure.TAKE_FILL]


def test_differences_beyond_the_bound_count_as_waiting() -> None:
    breaks = Breaks(ReconcileSettings(
        cash_excludes_resting=False, cash_tolerance=0, breaks_max=2,
    ))  # fmt: skip
    fills = tuple(fill(f"f{number}") for number in range(5))
    assert breaks.step(compare(ours(), theirs(fills=fills), SETTINGS), 0).waiting == 5


@given(st.lists(st.tuples(st.sampled_from([BUY, SELL]), st.integers(1, 9)), max_size=8))
def test_a_position_is_opened_at_what_its_executions_cost(trades: list[tuple[Action, int]]) -> None:
    held, fills = 0, []
    for number, (action, quantity) in enumerate(trades):
        quantity = min(quantity, held) if action is SELL else quantity
        if quantity:
            held += quantity if action is BUY else -quantity
            fills.append(fill(f"f{number}", quantity * CONTRACT, action=action))
    position = VenuePosition(Venue.KALSHI, "M", YES, held * CONTRACT)
    costs = opening_costs([position], fills, netting=False)
    assert costs == ({("M", YES): (held * CONTRACT, held * 500_000)} if held else {})
    more = VenuePosition(Venue.KALSHI, "M", YES, held * CONTRACT + 1)
    assert opening_costs([more], fills, netting=False) == {}, "nothing is guessed"


def test_a_history_that_sells_more_than_it_bought_explains_nothing() -> None:
    position = VenuePosition(Venue.POLYMARKET, "M", YES, 5)
    sold = [fill("f1", 5, action=SELL)]
    assert opening_costs([position], sold, netting=False) == {}


@pytest.mark.parametrize("name", ["interval_seconds", "grace_seconds", "breaks_max"])
def test_a_bound_of_nothing_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=f"reconcile.{name} is 0"):
        ReconcileSettings(cash_excludes_resting=False, cash_tolerance=0, **{name: 0})
