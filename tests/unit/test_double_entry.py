"""Whatever an account goes through, in whatever order it is heard, its entries balance."""

from __future__ import annotations

from itertools import permutations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kairos.domain.double_entry import Book, DoubleEntry, Entry, Posting
from kairos.domain.fill import Fill
from kairos.domain.instruments import Action, Outcome
from kairos.domain.ledger import Ledger, LedgerRules
from kairos.errors import Corrupt

CONTRACT = DOLLAR = 1_000_000
YES, NO, BUY, SELL = Outcome.YES, Outcome.NO, Action.BUY, Action.SELL
LIVE_NETTED = LedgerRules(netting=True, allow_debt=True, any_order=True)
LIVE_APART = LedgerRules(netting=False, allow_debt=True, any_order=True)
State = tuple[int, int, int, int]


def fill(
    name: str, outcome: Outcome, action: Action, price: int, quantity: int, fee: int = 0
) -> Fill:
    return Fill.priced(name, "M", outcome, action, price, quantity, fee)


def state(ledger: Ledger) -> State:
    """What must not depend on the order: cash, both positions, fees."""
    ledger.check()
    return ledger.cash, ledger.held("M", YES), ledger.held("M", NO), ledger.result.fees


def test_an_entry_that_does_not_balance_is_corrupt_and_moves_nothing() -> None:
    entries = DoubleEntry()
    with pytest.raises(Corrupt, match="does not balance"):
        entries.post("fill", "f1", Posting(Book.CASH, -5), Posting(Book.POSITIONS, 4))
    assert set(entries.balances.values()) == {0}


def test_every_entry_is_told_with_what_it_moved() -> None:
    told: list[Entry] = []
    ledger = Ledger(LedgerRules(netting=True, allow_debt=False), 10 * DOLLAR, told.append)
    ledger.reserve("c1", 5 * DOLLAR)
    ledger.apply(fill("f1", YES, BUY, 5_000, CONTRACT, fee=7))
    ledger.reserve("c1", -5 * DOLLAR)
    assert [entry.kind for entry in told] == ["opening", "reserve", "fill", "reserve"]
    assert told[2].postings == (
        Posting(Book.CASH, -500_007), Posting(Book.POSITIONS, 500_000), Posting(Book.FEES, 7),
    )  # fmt: skip
    assert all(sum(posting.amount for posting in entry.postings) == 0 for entry in told)


def test_cash_set_aside_is_still_cash() -> None:
    ledger = Ledger(LIVE_NETTED, 10 * DOLLAR)
    ledger.reserve("c1", 4 * DOLLAR)
    assert (ledger.cash, ledger.reserved) == (10 * DOLLAR, 4 * DOLLAR)
    assert ledger.entries.balance(Book.CASH) == 6 * DOLLAR
    ledger.check()


def test_a_fee_that_arrives_later_corrects_the_one_booked() -> None:
    ledger = Ledger(LIVE_NETTED, 10 * DOLLAR)
    ledger.apply(fill("f1", YES, BUY, 5_000, CONTRACT, fee=20_000))
    assert ledger.charge("f1", 17_500)
    assert not ledger.charge("f1", 17_500)
    assert (ledger.cash, ledger.result.fees) == (9_482_500, 17_500)
    assert not ledger.apply(fill("f1", YES, BUY, 5_000, CONTRACT, fee=20_000))
    ledger.check()


def test_a_void_takes_back_position_cash_and_fee() -> None:
    ledger = Ledger(LIVE_APART, 10 * DOLLAR)
    before = state(ledger)
    one = fill("f1", YES, BUY, 5_000, CONTRACT, fee=7)
    ledger.apply(one)
    assert ledger.void("f1")
    assert state(ledger) == before
    assert not ledger.apply(one), "a voided fill came back"
    assert not ledger.void("f1")


def test_a_void_that_comes_first_keeps_the_fill_out() -> None:
    ledger = Ledger(LIVE_APART, 10 * DOLLAR)
    assert not ledger.void("f1")
    assert not ledger.apply(fill("f1", YES, BUY, 5_000, CONTRACT))
    assert ledger.held("M", YES) == 0


def test_a_sale_heard_of_before_its_purchase_waits_for_it() -> None:
    ledger = Ledger(LIVE_APART, 0)
    ledger.apply(fill("s", YES, SELL, 6_000, CONTRACT))
    assert (len(ledger.waiting()), ledger.cash) == (1, 0)
    ledger.apply(fill("b", YES, BUY, 5_000, CONTRACT))
    assert (ledger.waiting(), ledger.cash, ledger.held("M", YES)) == ((), 100_000, 0)
    ledger.check()


def test_on_a_netting_account_selling_what_is_not_held_opens_the_other_outcome() -> None:
    ledger = Ledger(LIVE_NETTED, 0)
    ledger.apply(fill("s", YES, SELL, 6_000, CONTRACT))
    assert (ledger.held("M", NO), ledger.cash) == (CONTRACT, -400_000)
    assert ledger.settle("M", 0) == DOLLAR
    ledger.check()


def test_a_void_of_what_was_sold_since_makes_the_sale_wait_for_its_own_void() -> None:
    ledger = Ledger(LIVE_APART, 0)
    ledger.apply(fill("b", YES, BUY, 5_000, CONTRACT))
    ledger.apply(fill("s", YES, SELL, 6_000, CONTRACT))
    ledger.void("b")
    assert (len(ledger.waiting()), ledger.cash) == (1, 0)
    ledger.void("s")
    assert (ledger.waiting(), state(ledger)) == ((), (0, 0, 0, 0))


def test_a_void_that_cannot_be_is_corrupt_and_changes_nothing() -> None:
    ledger = Ledger(LedgerRules(netting=False, allow_debt=True), 0)
    ledger.apply(fill("b", YES, BUY, 5_000, CONTRACT))
    ledger.apply(fill("s", YES, SELL, 6_000, CONTRACT))
    with pytest.raises(Corrupt, match="of which"):
        ledger.void("b")
    assert len(ledger.fills()) == 2
    ledger.check()


def test_a_position_from_before_is_equity_not_profit() -> None:
    ledger = Ledger(LIVE_NETTED, DOLLAR)
    ledger.adopt("M", YES, 4 * CONTRACT, 2 * DOLLAR)
    ledger.adjust(3 * DOLLAR, "deposit")
    assert (ledger.cash, ledger.cost("M"), ledger.result.net) == (4 * DOLLAR, 2 * DOLLAR, 0)
    ledger.apply(fill("s", YES, SELL, 6_000, 4 * CONTRACT))
    assert ledger.result.realised == 400_000
    ledger.check()
    with pytest.raises(Corrupt, match="cannot be adopted"):
        ledger.adopt("M", YES, 0, 0)


HISTORY = [
    fill("b1", YES, BUY, 4_000, 3 * CONTRACT, fee=11),
    fill("s1", YES, SELL, 6_000, 2 * CONTRACT, fee=5),
    fill("n1", NO, BUY, 3_000, 4 * CONTRACT, fee=-3),
    fill("s2", NO, SELL, 3_500, CONTRACT, fee=2),
    fill("b2", YES, BUY, 6_600, CONTRACT + 10_000, fee=1),
]


@pytest.mark.parametrize("rules", [LIVE_NETTED, LIVE_APART], ids=["netted", "apart"])
@pytest.mark.parametrize("settled_after", [None, 1, 3, 5])
def test_fills_fees_voids_and_the_payout_count_the_same_in_any_order(
    rules: LedgerRules, settled_after: int | None
) -> None:
    results = set()
    for history in permutations(HISTORY):
        ledger = Ledger(rules, 10 * DOLLAR)
        for number, one in enumerate(history, 1):
            ledger.apply(one)
            if number == settled_after:
                ledger.settle("M", 10_000)
            ledger.check()
        ledger.charge("s1", 50)
        ledger.void("b2")
        assert not ledger.waiting()
        results.add(state(ledger))
    assert len(results) == 1, results


wishes = st.lists(
    st.tuples(
        st.sampled_from(Outcome), st.sampled_from(Action), st.integers(0, 10_000),
        st.integers(1, 10**7), st.integers(-500, 500),
    ),
    max_size=12,
)  # fmt: skip


@given(
    wishes,
    st.booleans(),
    st.sets(st.integers(0, 11), max_size=3),
    st.randoms(use_true_random=False),
)
@settings(max_examples=200, deadline=None)
def test_long_histories_count_the_same_in_any_order(
    wanted: list[tuple[Outcome, Action, int, int, int]],
    netting: bool,
    voids: set[int],
    shuffler: Random,
) -> None:
    """Fills and voids; on an account that does not net, sales only of what was bought."""
    rules = LIVE_NETTED if netting else LIVE_APART
    fills: list[Fill] = []
    held = {YES: 0, NO: 0}
    for number, (outcome, action, price, quantity, fee) in enumerate(wanted):
        if action is SELL and not netting:
            quantity = min(quantity, held[outcome])
        if quantity:
            held[outcome] += quantity if action is BUY else -quantity
            fills.append(fill(f"f{number}", outcome, action, price, quantity, fee))
    results = set()
    for _ in range(3):
        ledger = Ledger(rules, 0)
        steps = [("fill", one) for one in fills]
        steps += [("void", fills[n]) for n in voids if n < len(fills)]
        shuffler.shuffle(steps)
        for step, one in steps:
            ledger.apply(one) if step == "fill" else ledger.void(one.fill_id)
            ledger.check()
        results.add(
            (state(ledger), frozenset(w.fill_id for w in ledger.waiting()) if netting else 0)
        )
    if netting or not voids:
        assert len(results) == 1, results
