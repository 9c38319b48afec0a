"""First in, first out, and not a micro-dollar of gain that the cash does not show."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kairos.domain.fill import Fill
from kairos.domain.instruments import Action, Outcome
from kairos.domain.ledger import Ledger, LedgerRules
from kairos.domain.lot_rows import COLUMNS, rows
from kairos.domain.lots import How, Lots, Payout, TimedFill, match_lots
from kairos.errors import Corrupt

CONTRACT = DOLLAR = 1_000_000
YES, NO, BUY, SELL = Outcome.YES, Outcome.NO, Action.BUY, Action.SELL
DAY = 86_400 * 10**9


def fill(
    ts_ns: int, name: str, outcome: Outcome, action: Action, price: int, contracts: int,
    fee: int = 0,
) -> TimedFill:  # fmt: skip
    quantity = contracts * CONTRACT
    return TimedFill(ts_ns, Fill.priced(name, "M", outcome, action, price, quantity, fee))


def gains(lots: Lots) -> list[tuple[int, int]]:
    return [(disposal.lot.quantity // CONTRACT, disposal.gain) for disposal in lots.closed]


def test_the_oldest_lot_is_sold_first() -> None:
    lots = match_lots(
        [
            fill(1, "a", YES, BUY, 4_000, 2),
            fill(2, "b", YES, BUY, 5_000, 2),
            fill(3, "c", YES, SELL, 6_000, 3),
        ],
        [], netting=False,
    )  # fmt: skip
    assert gains(lots) == [(2, 400_000), (1, 100_000)]
    assert [(lot.quantity, lot.cost, lot.fill_id) for lot in lots.open] == [
        (CONTRACT, 500_000, "b")
    ]
    assert [disposal.fill_id for disposal in lots.closed] == ["c", "c"]


def test_fills_are_matched_by_time_not_by_when_they_were_heard_of() -> None:
    early, late = fill(1, "a", YES, BUY, 4_000, 1), fill(2, "b", YES, BUY, 5_000, 1)
    sale = fill(3, "c", YES, SELL, 6_000, 1)
    assert match_lots([sale, late, early], [], netting=False) == match_lots(
        [early, late, sale], [], netting=False
    )


def test_fees_of_both_ends_are_part_of_the_gain() -> None:
    lots = match_lots(
        [fill(1, "a", YES, BUY, 4_000, 3, fee=10), fill(2, "b", YES, SELL, 5_000, 2, fee=7)],
        [], netting=False,
    )  # fmt: skip
    assert gains(lots) == [(2, 200_000 - 6 - 7)]
    assert lots.open[0].fees == 4


def test_settlement_ends_every_lot() -> None:
    lots = match_lots(
        [fill(1, "a", YES, BUY, 4_000, 3), fill(2, "b", NO, BUY, 5_000, 1)],
        [Payout(9, "M", 10_000)], netting=False,
    )  # fmt: skip
    assert gains(lots) == [(3, 1_800_000), (1, -500_000)]
    assert {disposal.how for disposal in lots.closed} == {How.SETTLEMENT}
    assert lots.open == ()


def test_a_netted_purchase_of_the_other_outcome_sells_the_pair() -> None:
    lots = match_lots(
        [fill(1, "a", YES, BUY, 4_000, 3), fill(2, "b", NO, BUY, 3_500, 5, fee=5)],
        [], netting=True,
    )  # fmt: skip
    assert gains(lots) == [(3, 3 * 250_000 - 3)]
    assert [(lot.outcome, lot.quantity, lot.cost, lot.fees) for lot in lots.open] == [
        (NO, 2 * CONTRACT, 700_000, 2)
    ]


def test_a_netted_sale_of_what_is_not_held_opens_the_other_outcome() -> None:
    lots = match_lots([fill(1, "a", YES, SELL, 6_000, 2)], [], netting=True)
    assert [(lot.outcome, lot.quantity, lot.cost) for lot in lots.open] == [
        (NO, 2 * CONTRACT, 800_000)
    ]


def test_selling_what_was_never_bought_is_corrupt_without_netting() -> None:
    with pytest.raises(Corrupt, match=r"of which 0\.00 was bought"):
        match_lots([fill(1, "a", YES, SELL, 6_000, 2)], [], netting=False)


@pytest.mark.parametrize(
    ("days", "term"), [(0, "short"), (365, "short"), (366, "long"), (400, "long")]
)
def test_the_term_is_long_after_more_than_a_year(days: int, term: str) -> None:
    start = 1_735_732_800 * 10**9  # 2025-01-01T12:00Z
    lots = match_lots(
        [fill(start, "a", YES, BUY, 4_000, 1), fill(start + days * DAY, "b", YES, SELL, 5_000, 1)],
        [], netting=False,
    )  # fmt: skip
    row = dict(zip(COLUMNS, next(iter(rows(lots, "kalshi"))), strict=True))
    assert row["term"] == term
    assert (row["acquired_at"], row["quantity"]) == ("2025-01-01T12:00:00+00:00", "1.00")
    assert (row["proceeds"], row["cost_basis"], row["gain"]) == (
        "0.500000", "0.400000", "0.100000",
    )  # fmt: skip


def test_a_market_name_is_never_a_spreadsheet_formula() -> None:
    bought = Fill.priced("a", "=cmd", YES, BUY, 4_000, CONTRACT, 0)
    lots = match_lots([TimedFill(1, bought)], [Payout(2, "=cmd", 0)], netting=False)
    assert next(iter(rows(lots, "kalshi")))[1] == "'=cmd"


def test_gains_that_the_cash_does_not_show_are_corrupt() -> None:
    lots = match_lots([fill(1, "a", YES, BUY, 4_000, 1)], [], netting=False)
    lots.explain(-400_000)
    with pytest.raises(Corrupt, match=r"-0\.400000.*-0\.400001"):
        lots.explain(-400_001)


wishes = st.lists(
    st.tuples(
        st.sampled_from("AB"), st.sampled_from(Outcome), st.sampled_from(Action),
        st.integers(0, 10_000), st.integers(1, 10**8), st.integers(-500, 5_000),
    ),
    max_size=30,
)  # fmt: skip


@given(wishes, st.booleans(), st.dictionaries(st.sampled_from("AB"), st.integers(0, 10_000)))
@settings(max_examples=200, deadline=None)
def test_fifo_gains_and_open_lots_are_the_ledger_s_cash(
    wanted: list[tuple[str, Outcome, Action, int, int, int]],
    netting: bool,
    payouts: dict[str, int],
) -> None:
    ledger = Ledger(LedgerRules(netting=netting, allow_debt=True, any_order=True), 0)
    fills = []
    for number, (market, outcome, action, price, quantity, fee) in enumerate(wanted):
        if action is SELL and not netting:
            quantity = min(quantity, ledger.held(market, outcome))
        if quantity:
            one = Fill.priced(f"f{number}", market, outcome, action, price, quantity, fee)
            ledger.apply(one)
            fills.append(TimedFill(number, one))
    ends = [Payout(10**6, market, payout) for market, payout in payouts.items()]
    for end in ends:
        ledger.settle(end.market, end.yes_payout)
    lots = match_lots(fills, ends, netting=netting)
    lots.explain(ledger.cash)
    held = {(lot.market, lot.outcome): 0 for lot in lots.open}
    for lot in lots.open:
        held[lot.market, lot.outcome] += lot.quantity
    assert held == {(p.market, p.outcome): p.quantity for p in ledger.positions()}
    assert sum(row.gain for row in lots.closed) == lots.gain
