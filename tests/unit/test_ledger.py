"""The ledger neither makes nor loses a micro-dollar, and refuses what cannot have happened."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kairos.domain.double_entry import Book
from kairos.domain.instruments import Action, Outcome
from kairos.domain.ledger import Fill, Ledger, LedgerRules, Result
from kairos.errors import Corrupt, KairosError, Malformed

CONTRACT = 1_000_000
DOLLAR = 1_000_000
YES, NO = Outcome.YES, Outcome.NO
BUY, SELL = Action.BUY, Action.SELL

OWN_MONEY = LedgerRules(netting=False, allow_debt=False)
NETTED = LedgerRules(netting=True, allow_debt=False)
rules = st.builds(LedgerRules, netting=st.booleans(), allow_debt=st.just(True))


def fill(
    fill_id: str,
    outcome: Outcome,
    action: Action,
    price: int,
    contracts: int,
    fee: int = 0,
    market: str = "M",
) -> Fill:
    return Fill.priced(fill_id, market, outcome, action, price, contracts * CONTRACT, fee)


# What a fill asks for; a sell is cut to what is held when it is applied.
wishes = st.lists(
    st.tuples(
        st.sampled_from(["A", "B", "C"]),
        st.sampled_from(Outcome),
        st.sampled_from(Action),
        st.integers(0, 10_000),
        st.integers(1, 10**9),
        st.integers(-10_000, 100_000),
    ),
    max_size=40,
)
Wishes = list[tuple[str, Outcome, Action, int, int, int]]
payouts = st.fixed_dictionaries({market: st.sampled_from([0, 5_000, 10_000]) for market in "ABC"})


def grant(ledger: Ledger, wanted: Wishes) -> list[Fill]:
    """Apply the wishes, selling never more than is held; the fills that came of it."""
    booked = []
    for number, (market, outcome, action, price, quantity, fee) in enumerate(wanted):
        if action is SELL:
            quantity = min(quantity, ledger.held(market, outcome))
        if quantity:
            one = Fill.priced(f"f{number}", market, outcome, action, price, quantity, fee)
            assert ledger.apply(one)
            ledger.check()
            booked.append(one)
    return booked


def cash_flow(one: Fill) -> int:
    return (one.notional if one.action is SELL else -one.notional) - one.fee


def net_bought(fills: list[Fill]) -> Counter[tuple[str, Outcome]]:
    bought: Counter[tuple[str, Outcome]] = Counter()
    for one in fills:
        bought[one.market, one.outcome] += one.quantity if one.action is BUY else -one.quantity
    return bought


@given(rules, wishes, payouts)
def test_cash_is_conserved(how: LedgerRules, wanted: Wishes, paid_for_yes: dict[str, int]) -> None:
    ledger = Ledger(how, 0)
    fills = grant(ledger, wanted)
    bought = net_bought(fills)
    # A pair that netting closed left both positions, and paid a micro-dollar per micro-contract.
    pairs = sum(bought[market, YES] - ledger.held(market, YES) for market in "ABC")
    assert how.netting or pairs == 0
    paid = sum(ledger.settle(market, payout) for market, payout in paid_for_yes.items())
    ledger.check()
    assert ledger.cash == sum(map(cash_flow, fills)) + pairs + paid
    assert not list(ledger.positions())
    # With nothing held, all profit is cash.
    assert ledger.result.net == ledger.cash
    assert ledger.result.fees == sum(one.fee for one in fills)


@given(wishes)
def test_positions_are_the_sum_of_their_fills(wanted: Wishes) -> None:
    ledger = Ledger(LedgerRules(netting=False, allow_debt=True), 0)
    bought = net_bought(grant(ledger, wanted))
    for market in "ABC":
        for outcome in Outcome:
            assert ledger.held(market, outcome) == bought[market, outcome]


@given(wishes)
def test_netting_leaves_the_difference_on_one_side(wanted: Wishes) -> None:
    ledger = Ledger(LedgerRules(netting=True, allow_debt=True), 0)
    bought = net_bought(grant(ledger, wanted))
    for market in "ABC":
        yes, no = ledger.held(market, YES), ledger.held(market, NO)
        assert min(yes, no) == 0
        assert yes - no == bought[market, YES] - bought[market, NO]


@given(rules, wishes, st.randoms(use_true_random=False))
def test_buys_may_arrive_in_any_order(how: LedgerRules, wanted: Wishes, shuffler: Random) -> None:
    buys = [(*wish[:2], BUY, *wish[3:]) for wish in wanted]
    ledger, shuffled = Ledger(how, 0), Ledger(how, 0)
    fills = grant(ledger, buys)
    shuffler.shuffle(fills)
    for one in fills:
        shuffled.apply(one)
    for books in (ledger, shuffled):
        books.check()
    assert shuffled.cash == ledger.cash
    assert sorted(p[:3] for p in shuffled.positions()) == sorted(p[:3] for p in ledger.positions())
    for market in "ABC":
        assert shuffled.settle(market, 10_000) == ledger.settle(market, 10_000)
    # Which purchases a pair was made of depends on the order; the profit in the end does not.
    assert shuffled.result == ledger.result


@given(rules, wishes)
def test_markets_do_not_touch_each_other(how: LedgerRules, wanted: Wishes) -> None:
    ledger, grouped = Ledger(how, 0), Ledger(how, 0)
    fills = grant(ledger, wanted)
    for one in sorted(fills, key=lambda one: one.market):
        grouped.apply(one)
    assert grouped.cash == ledger.cash
    assert sorted(grouped.positions()) == sorted(ledger.positions())
    for market in "ABC":
        assert grouped.market_result(market) == ledger.market_result(market)


@given(rules, wishes)
@settings(max_examples=50)
def test_a_repeated_fill_changes_nothing(how: LedgerRules, wanted: Wishes) -> None:
    ledger = Ledger(how, 0)
    fills = grant(ledger, wanted)
    before = (ledger.cash, ledger.result, list(ledger.positions()), ledger.fills())
    assert not any(ledger.apply(one) for one in fills)
    assert (ledger.cash, ledger.result, list(ledger.positions()), ledger.fills()) == before


def test_buy_and_sell_with_fees() -> None:
    ledger = Ledger(OWN_MONEY, 100 * DOLLAR)
    ledger.apply(fill("1", YES, BUY, 4_000, 100, fee=DOLLAR))
    assert ledger.cash == 59 * DOLLAR
    ledger.apply(fill("2", YES, SELL, 6_000, 100, fee=2 * DOLLAR))
    assert ledger.cash == 117 * DOLLAR
    assert ledger.result == Result(realised=20 * DOLLAR, fees=3 * DOLLAR)
    assert ledger.result.net == 17 * DOLLAR
    ledger.check()


def test_a_sale_takes_its_share_of_the_average_cost_and_the_last_takes_the_rest() -> None:
    ledger = Ledger(OWN_MONEY, 100 * DOLLAR)
    for number, price in enumerate((3_333, 3_333, 3_334)):
        ledger.apply(fill(f"b{number}", YES, BUY, price, 1))
    for number in range(3):
        ledger.apply(fill(f"s{number}", YES, SELL, 3_333, 1))
        ledger.check()
    assert ledger.result.realised == -100


def test_a_no_position_is_never_short_yes() -> None:
    ledger = Ledger(OWN_MONEY, 10 * DOLLAR)
    ledger.apply(fill("1", NO, BUY, 4_000, 10))
    with pytest.raises(Corrupt, match=r"sells 10\.00 of M YES, of which 0\.00 is held"):
        ledger.apply(fill("2", YES, SELL, 6_000, 10))
    assert ledger.settle("M", 0) == 10 * DOLLAR


def test_a_netted_pair_pays_a_dollar_at_once() -> None:
    ledger = Ledger(NETTED, 10 * DOLLAR)
    ledger.apply(fill("1", YES, BUY, 5_500, 10))
    ledger.apply(fill("2", NO, BUY, 4_000, 4))
    assert ledger.held("M", YES) == 6 * CONTRACT
    assert ledger.held("M", NO) == 0
    assert ledger.cash == (10_000_000 - 5_500_000) - 1_600_000 + 4_000_000
    assert ledger.result.realised == 4 * 50_000
    ledger.check()


def test_without_netting_both_sides_are_held_to_settlement() -> None:
    ledger = Ledger(OWN_MONEY, 10 * DOLLAR)
    ledger.apply(fill("1", YES, BUY, 5_500, 10))
    ledger.apply(fill("2", NO, BUY, 4_000, 4))
    assert (ledger.held("M", YES), ledger.held("M", NO)) == (10 * CONTRACT, 4 * CONTRACT)
    assert ledger.settle("M", 0) == 4 * DOLLAR
    assert ledger.result.realised == 4 * DOLLAR - 7_100_000


def test_a_netting_buy_may_spend_what_it_frees() -> None:
    ledger = Ledger(NETTED, 5_500_000)
    ledger.apply(fill("1", YES, BUY, 5_500, 10))
    assert ledger.cash == 0
    ledger.apply(fill("2", NO, BUY, 5_000, 10))
    assert ledger.cash == 5 * DOLLAR


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (fill("2", YES, SELL, 5_000, 11), "of which 10.00 is held"),
        (fill("2", NO, SELL, 5_000, 1), "of which 0.00 is held"),
        (fill("2", YES, BUY, 5_000, 11), "reconcile the account"),
        (fill("2", YES, SELL, 0, 1, fee=5 * DOLLAR + 1), "reconcile the account"),
        (fill("1", YES, BUY, 5_000, 10, fee=1), "came as"),
    ],
)
def test_what_cannot_have_happened_is_corrupt_and_changes_nothing(bad: Fill, message: str) -> None:
    ledger = Ledger(OWN_MONEY, 10 * DOLLAR)
    ledger.apply(fill("1", YES, BUY, 5_000, 10))
    with pytest.raises(Corrupt, match=message):
        ledger.apply(bad)
    assert (ledger.cash, ledger.held("M", YES), len(ledger.fills())) == (
        5 * DOLLAR,
        10 * CONTRACT,
        1,
    )
    ledger.check()


def test_debt_is_allowed_only_where_the_rules_say_so() -> None:
    ledger = Ledger(LedgerRules(netting=False, allow_debt=True), 0)
    ledger.apply(fill("1", YES, BUY, 5_000, 10))
    assert ledger.cash == -5 * DOLLAR
    ledger.check()
    with pytest.raises(Corrupt):
        Ledger(OWN_MONEY, -1)


@pytest.mark.parametrize(("yes_payout", "yes", "no"), [(10_000, 3, 0), (0, 0, 2), (5_000, 1.5, 1)])
def test_settlement_pays_each_outcome_its_part_of_the_dollar(
    yes_payout: int, yes: float, no: float
) -> None:
    ledger = Ledger(OWN_MONEY, 10 * DOLLAR)
    ledger.apply(fill("1", YES, BUY, 5_000, 3))
    ledger.apply(fill("2", NO, BUY, 5_000, 2))
    assert ledger.settle("M", yes_payout) == (yes + no) * DOLLAR
    ledger.check()


def test_settling_twice_pays_once_and_a_changed_payout_is_corrupt() -> None:
    ledger = Ledger(OWN_MONEY, 10 * DOLLAR)
    ledger.apply(fill("1", YES, BUY, 5_000, 10))
    assert ledger.settle("M", 10_000) == 10 * DOLLAR
    assert ledger.settle("M", 10_000) == 0
    with pytest.raises(Corrupt, match="paid 10000 for YES and now claims 0"):
        ledger.settle("M", 0)
    assert ledger.cash == 15 * DOLLAR


def test_a_fill_after_settlement_is_corrupt_but_a_repeat_is_not() -> None:
    ledger = Ledger(OWN_MONEY, 10 * DOLLAR)
    first = fill("1", YES, BUY, 5_000, 10)
    ledger.apply(first)
    ledger.settle("M", 0)
    assert not ledger.apply(first)
    with pytest.raises(Corrupt, match="after M was settled"):
        ledger.apply(fill("2", YES, BUY, 5_000, 1))


def test_settling_a_market_never_traded_pays_nothing() -> None:
    ledger = Ledger(OWN_MONEY, DOLLAR)
    assert ledger.settle("elsewhere", 10_000) == 0
    assert ledger.markets() == ()


def test_an_impossible_payout_is_refused() -> None:
    with pytest.raises(Malformed, match="yes_payout"):
        Ledger(OWN_MONEY, DOLLAR).settle("M", 10_001)


def test_a_position_without_a_price_is_listed_not_valued() -> None:
    ledger = Ledger(OWN_MONEY, 100 * DOLLAR)
    ledger.apply(fill("1", YES, BUY, 5_000, 10, fee=DOLLAR, market="A"))
    ledger.apply(fill("2", NO, BUY, 3_000, 10, market="B"))
    valued = ledger.value({("A", YES): 5_600, ("B", YES): 9_999})
    assert (valued.value, valued.unrealised) == (5_600_000, 600_000)
    assert [position[:2] for position in valued.unmarked] == [("B", NO)]


@pytest.mark.parametrize(
    "change",
    [{"price": -1}, {"price": 10_001}, {"quantity": 0}, {"quantity": -1}, {"notional": -1}],
)
def test_what_is_no_fill_cannot_be_built(change: dict[str, int]) -> None:
    with pytest.raises(KairosError, match="bad_fill"):
        replace(fill("1", YES, BUY, 5_000, 1), **change)  # type: ignore[arg-type]


def test_what_is_finer_than_a_micro_dollar_is_rounded_against_us() -> None:
    bought = Fill.priced("1", "M", YES, BUY, 3_301, 1, 0)
    sold = Fill.priced("2", "M", YES, SELL, 3_301, 1, 0)
    assert (bought.notional, sold.notional) == (1, 0)


def test_a_venue_s_own_notional_is_what_is_booked() -> None:
    ledger = Ledger(OWN_MONEY, DOLLAR)
    ledger.apply(Fill("1", "M", YES, BUY, 3_333, 3 * CONTRACT, notional=999_999, fee=0))
    assert ledger.cash == 1
    ledger.check()


def test_the_cost_of_a_market_is_what_its_positions_cost() -> None:
    ledger = Ledger(OWN_MONEY, 10 * DOLLAR)
    ledger.apply(fill("1", YES, BUY, 5_500, 2, fee=DOLLAR))
    ledger.apply(fill("2", NO, BUY, 4_000, 1))
    assert (ledger.cost("M"), ledger.cost("elsewhere")) == (1_500_000, 0)


def test_a_full_ledger_refuses_the_next_fill(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kairos.domain.ledger.FILLS_MAX", 1)
    ledger = Ledger(OWN_MONEY, 10 * DOLLAR)
    first = fill("1", YES, BUY, 5_000, 1)
    ledger.apply(first)
    assert not ledger.apply(first)
    with pytest.raises(Corrupt, match="closing balances"):
        ledger.apply(fill("2", YES, BUY, 5_000, 1))


def test_check_finds_a_micro_dollar_too_many() -> None:
    ledger = Ledger(OWN_MONEY, DOLLAR)
    ledger.apply(fill("1", YES, BUY, 5_000, 1))
    ledger.entries._balances[Book.CASH] += 1
    with pytest.raises(Corrupt, match=r"cash 0\.500001"):
        ledger.check()


def test_check_finds_a_position_its_fills_do_not_explain() -> None:
    ledger = Ledger(OWN_MONEY, DOLLAR)
    ledger.apply(fill("1", YES, BUY, 5_000, 1))
    ledger._markets["M"].held[NO].quantity = 1
    with pytest.raises(Corrupt, match="not the sum of its fills"):
        ledger.check()
