"""The same evidence proves the same state, in whatever order it arrives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import permutations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kairos.domain.instruments import Liquidity
from kairos.domain.order_effects import (
    Accepted,
    Amended,
    AmendRefused,
    Charged,
    Closed,
    Effect,
    Filled,
    OrderFill,
    Rejected,
    Terms,
    Unknown,
    Voided,
)
from kairos.domain.orders import Ending, Need, Order, OrderState
from kairos.errors import Corrupt

QUANTITY = 10
Evidence = Callable[[Order], Sequence[Effect]]


def execution(number: int, quantity: int, fee: int | None = 1, venue_id: str = "v1") -> OrderFill:
    return OrderFill(f"f{number}", venue_id, 5_000, quantity, None, fee, Liquidity.MAKER)


def fill(number: int, quantity: int, venue_id: str = "v1") -> Evidence:
    return lambda order: order.executed(execution(number, quantity, venue_id=venue_id))


def void(number: int) -> Evidence:
    return lambda order: order.voided(f"f{number}")


def seen(filled: int | None, ending: Ending | None = None) -> Evidence:
    return lambda order: order.seen("v1", filled, ending)


def refused(reason: str = "no") -> Evidence:
    return lambda order: order.refused(reason)


def unknown(order: Order) -> Sequence[Effect]:
    return order.unknown("timeout")


def cancel_answered(order: Order) -> Sequence[Effect]:
    return order.canceled("v1")


def amended(order: Order) -> Sequence[Effect]:
    return order.amended("v1")


def in_flight() -> Order:
    order = Order("c1", 5_000, QUANTITY)
    order.sent()
    return order


class Follower:
    """Believes the effects only, as the engine does; what it holds must be what the order holds."""

    def __init__(self) -> None:
        self.position = 0
        self.open = True
        self.fills: dict[str, int] = {}

    def hear(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            match effect:
                case Filled(one):
                    assert one.fill_id not in self.fills
                    self.fills[one.fill_id] = one.quantity
                    self.position += one.quantity
                case Voided(fill_id):
                    self.position -= self.fills[fill_id]
                case Closed() | Rejected():
                    assert self.open, "it ended twice"
                    self.open = False
                case Unknown():
                    self.open = True
                case _:
                    pass


Proved = tuple[OrderState, int, int, Need, frozenset[str], Terms]


def proved(order: Order) -> Proved:
    return (
        order.state, order.filled, order.outstanding, order.needs, frozenset(order.fills),
        order.terms,
    )  # fmt: skip


def run(evidence: Iterable[Evidence], order: Order, truth: int | None) -> Proved:
    """Check after every step what must hold at every step."""
    follower = Follower()
    for one in evidence:
        follower.hear(one(order))
        assert 0 <= order.filled <= order.matched <= QUANTITY
        assert follower.position == order.filled
        assert follower.open == (not order.state.is_final)
        assert not (order.state.is_final and order.outstanding)
        if truth is not None:
            assert order.matched + order.outstanding >= truth, "exposure is unaccounted for"
    return proved(order)


F, C, X, R = Ending.FILLED, Ending.CANCELED, Ending.EXPIRED, Ending.REJECTED
# evidence, the state it proves, what was filled in all
SCENARIOS: dict[str, tuple[list[Evidence], OrderState, int]] = {
    "filled in three": (
        [seen(0), fill(1, 4), fill(2, 3), fill(3, 3), seen(10, F)], OrderState.FILLED, 10),
    "fills alone": ([fill(1, 6), fill(2, 4), unknown], OrderState.FILLED, 10),
    "resting": ([seen(0), seen(0), unknown], OrderState.WORKING, 0),
    "partly filled and resting": (
        [seen(0), fill(1, 4), fill(1, 4), seen(4), unknown], OrderState.PARTIALLY_FILLED, 10),
    "canceled after a fill": (
        [seen(0), fill(1, 4), cancel_answered, seen(4, C), fill(1, 4)], OrderState.CANCELED, 4),
    "canceled, the total never said": (
        [seen(0), fill(1, 4), cancel_answered], OrderState.CLOSING, 4),
    "cancel and last fill cross": (
        [seen(0), fill(1, 4), fill(2, 6), cancel_answered, seen(10, F)], OrderState.FILLED, 10),
    "canceled and expired at once": (
        [seen(0), fill(1, 1), cancel_answered, seen(1, X), seen(1, C)], OrderState.EXPIRED, 1),
    "ended, one fill missing": (
        [seen(0), seen(4, C), fill(1, 3), unknown], OrderState.CLOSING, 4),
    "an answer at once, immediate or cancel": (
        [seen(7, C), fill(1, 3), fill(2, 4), fill(2, 4)], OrderState.CANCELED, 7),
    "rejected late by the venue": ([seen(None), seen(0, R), unknown], OrderState.REJECTED, 0),
    "refused": ([refused(), refused("again")], OrderState.REJECTED, 0),
    "timeout, then proved refused": ([unknown, refused()], OrderState.REJECTED, 0),
    "refused, and yet it fills": ([refused(), fill(1, 4)], OrderState.UNKNOWN, 4),
    "refused, and yet it rests": ([refused(), fill(1, 4), seen(4)], OrderState.PARTIALLY_FILLED, 4),
    "refused, and yet all of it fills": (
        [refused(), fill(1, 4), fill(2, 6), seen(10, F)], OrderState.FILLED, 10),
    "one fill void": (
        [seen(0), fill(1, 4), fill(2, 6), void(1), seen(10, F)], OrderState.FILLED, 10),
    "void twice and canceled": (
        [seen(0), fill(1, 4), void(1), void(1), seen(4, C), fill(1, 4)], OrderState.CANCELED, 4),
}  # fmt: skip


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_order_of_arrival_proves_the_same(name: str) -> None:
    evidence, state, truth = SCENARIOS[name]
    at_least = None if "refused" in name or state is OrderState.PARTIALLY_FILLED else truth
    results = {run(sequence, in_flight(), at_least) for sequence in permutations(evidence)}
    assert len(results) == 1, results
    assert results.pop()[0] is state


@pytest.mark.parametrize("name", SCENARIOS)
def test_evidence_heard_twice_proves_no_more(name: str) -> None:
    evidence, _, _ = SCENARIOS[name]
    once = run(evidence, in_flight(), None)
    assert run([*evidence, *evidence], in_flight(), None) == once
    assert run([one for each in evidence for one in (each, each)], in_flight(), None) == once


AMENDS: dict[str, tuple[list[Evidence], OrderState, int | None]] = {
    "smaller, while it fills": (
        [seen(0), fill(1, 3), fill(2, 1), amended, seen(4)], OrderState.PARTIALLY_FILLED, 4),
    "smaller, and it is all filled by then": (
        [seen(0), fill(1, 5), fill(2, 1), amended], OrderState.FILLED, 6),
    "smaller, and it filled beyond": (
        [seen(0), fill(1, 5), fill(2, 4), amended, seen(9, F)], OrderState.FILLED, None),
    "and canceled": ([fill(1, 3), amended, seen(3, C)], OrderState.CANCELED, 3),
}  # fmt: skip


@pytest.mark.parametrize("name", AMENDS)
def test_amends_cross_with_fills_in_any_order(name: str) -> None:
    evidence, state, truth = AMENDS[name]
    results = set()
    for sequence in permutations(evidence):
        order = in_flight()
        order.wants_amend(5_000, 6)
        results.add(run(sequence, order, truth))
    assert len(results) == 1, results
    assert results.pop()[0] is state


parts = st.lists(st.integers(1, 4), max_size=6).filter(lambda sizes: sum(sizes) <= QUANTITY)


@st.composite
def stories(draw: st.DrawFn) -> tuple[list[Evidence], int]:
    """Everything a venue may say about one order that ends, with repeats; and what it filled."""
    sizes = draw(parts)
    total = sum(sizes)
    evidence: list[Evidence] = [fill(number, size) for number, size in enumerate(sizes)]
    evidence += [seen(sum(sizes[:n])) for n in draw(st.lists(st.integers(0, len(sizes))))]
    ending = F if total == QUANTITY else draw(st.sampled_from([C, X]))
    evidence.append(seen(total, ending))
    if draw(st.booleans()):
        evidence.append(cancel_answered)
    if draw(st.booleans()):
        evidence.append(unknown)
    evidence += [void(n) for n in draw(st.lists(st.integers(0, 7), max_size=3)) if n < len(sizes)]
    evidence += draw(st.lists(st.sampled_from(evidence), max_size=6))
    return evidence, total


@given(stories(), st.randoms(use_true_random=False))
@settings(max_examples=300, deadline=None)
def test_long_stories_prove_the_same_in_any_order(
    story: tuple[list[Evidence], int], shuffler: Random
) -> None:
    evidence, total = story
    expected = run(evidence, in_flight(), total)
    shuffled = list(evidence)
    shuffler.shuffle(shuffled)
    assert run(shuffled, in_flight(), total) == expected
    assert expected[0].is_final
    assert expected[2] == 0


def test_a_timeout_is_no_rejection() -> None:
    order = in_flight()
    assert order.unknown("timeout") == [Unknown("timeout")]
    assert order.state is OrderState.UNKNOWN
    assert (order.outstanding, order.needs) == (QUANTITY, Need.LOOK_UP)


def test_a_fill_after_a_rejection_reopens_the_order() -> None:
    order = in_flight()
    assert order.refused("no") == [Rejected("no")]
    effects = order.executed(execution(1, 4))
    assert [type(each) for each in effects] == [Accepted, Filled, Unknown]
    assert (order.state, order.outstanding, order.needs) == (OrderState.UNKNOWN, 6, Need.LOOK_UP)


def test_a_late_fill_after_the_end_is_announced_and_ends_nothing_twice() -> None:
    order = in_flight()
    order.seen("v1", 0, C)
    effects = order.executed(execution(1, 4))
    assert effects == [Filled(execution(1, 4))]
    assert (order.state, order.filled) == (OrderState.CANCELED, 4)


def test_an_answered_cancel_does_not_say_what_was_filled() -> None:
    order = in_flight()
    order.seen("v1", 0)
    assert order.canceled("v1") == []
    assert (order.state, order.needs, order.outstanding) == (
        OrderState.CLOSING, Need.LOOK_UP, QUANTITY,
    )  # fmt: skip
    assert order.seen("v1", 0, C) == [Closed("canceled")]


def test_a_venue_that_filled_more_than_we_booked_is_asked_for_the_fills() -> None:
    order = in_flight()
    order.seen("v1", 3)
    assert (order.state, order.needs) == (OrderState.WORKING, Need.FILLS)
    order.executed(execution(1, 3))
    assert order.needs is Need.NOTHING


def test_gone_with_all_fills_known_ends_an_order() -> None:
    order = in_flight()
    order.executed(execution(1, 3))
    assert order.gone("not_found") == [Closed("not_found")]
    never = in_flight()
    never.unknown("timeout")
    assert never.gone("never_arrived") == [Rejected("never_arrived")]


def test_more_filled_than_ordered_is_corrupt_and_changes_nothing() -> None:
    order = in_flight()
    order.executed(execution(1, 8))
    with pytest.raises(Corrupt, match="11 of 10"):
        order.executed(execution(2, 3))
    assert order.filled == 8


def test_one_fill_id_with_two_contents_is_corrupt() -> None:
    order = in_flight()
    order.executed(execution(1, 8))
    with pytest.raises(Corrupt, match="came as"):
        order.executed(execution(1, 7))


def test_a_fee_that_comes_later_is_announced_once() -> None:
    order = in_flight()
    order.executed(execution(1, 8, fee=None))
    assert order.executed(execution(1, 8, fee=7)) == (Charged("f1", 7),)
    assert order.executed(execution(1, 8, fee=7)) == ()
    assert order.executed(execution(1, 8, fee=None)) == ()


def test_a_void_heard_before_its_fill_keeps_it_from_being_announced() -> None:
    order = in_flight()
    order.voided("f1")
    assert order.executed(execution(1, 4)) == [Accepted("v1")]
    assert (order.filled, order.outstanding) == (0, 6)


def test_a_report_of_the_new_terms_proves_an_unanswered_amend() -> None:
    order = in_flight()
    order.seen("v1", 0)
    order.wants_amend(5_000, 6)
    order.amend_unknown()
    assert (order.needs, order.outstanding) == (Need.LOOK_UP, 10)
    assert order.seen("v1", 0, terms=Terms(5_000, 6)) == [Amended(Terms(5_000, 6))]
    assert (order.needs, order.outstanding) == (Need.NOTHING, 6)


def test_a_refused_amend_leaves_the_order_as_it_was() -> None:
    order = in_flight()
    order.seen("v1", 0)
    order.wants_amend(5_000, 16)
    assert order.outstanding == 16
    assert order.amend_refused("closed") == [AmendRefused("closed")]
    assert (order.state, order.outstanding) == (OrderState.WORKING, 10)


def test_the_end_of_an_id_that_an_amend_replaced_is_not_the_end_of_the_order() -> None:
    results = set()
    evidence: list[Evidence] = [
        lambda order: order.amended("v2"),
        lambda order: order.seen("v1", 2, C),
        fill(1, 2),
        fill(2, 3, "v2"),
    ]
    for sequence in permutations(evidence):
        order = in_flight()
        order.seen("v1", 0)
        order.wants_amend(5_100, 8)
        results.add(run(sequence, order, 8))
    assert len(results) == 1, results
    assert results.pop()[:3] == (OrderState.PARTIALLY_FILLED, 5, 3)


def test_the_notional_of_a_repeat_is_not_compared() -> None:
    order = in_flight()
    order.executed(execution(1, 4))
    assert order.executed(replace(execution(1, 4), notional=2)) == ()
