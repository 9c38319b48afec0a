"""Money of simulated members: nothing appears, nothing disappears, nothing is spent twice."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kairos.domain.instruments import Action, Liquidity, Outcome
from kairos.domain.units import CASH_PER_DOLLAR
from kairos.errors import VenueRefused
from kairos.messages.commands import TimeInForce
from local.venues.core.accounts import Account
from local.venues.core.matching import MarketBook
from local.venues.core.orders import BookEvent, Ended, Match, Order, SelfTrade

MARKET = "M"
UNIT = 1_000_000


def no_fee(_price: int, _quantity: int, _liquidity: Liquidity) -> int:
    return 0


def buy(
    outcome: Outcome, price: int, contracts: int, order_id: str = "o", owner: str = "a"
) -> Order:
    return Order(
        order_id, owner, outcome, Action.BUY, price, contracts * UNIT, TimeInForce.GTC, 0,
        self_trade=SelfTrade.MAKER,
    )  # fmt: skip


def sell(outcome: Outcome, price: int, contracts: int) -> Order:
    return Order("s", "a", outcome, Action.SELL, price, contracts * UNIT, TimeInForce.GTC, 0)


def test_an_open_order_sets_its_cost_and_its_dearest_fee_aside() -> None:
    account = Account("a", 10 * CASH_PER_DOLLAR, nets=True)
    account.reserve(buy(Outcome.YES, 6_000, 10), MARKET, lambda *_: 50_000)
    assert account.available() == 10_000_000 - 6_000_000 - 50_000
    with pytest.raises(VenueRefused, match="insufficient_balance"):
        account.reserve(buy(Outcome.YES, 6_000, 10, "p"), MARKET, no_fee)
    account.release("o")
    assert account.available() == 10 * CASH_PER_DOLLAR


def test_closing_a_netted_position_needs_no_cash() -> None:
    account = Account("a", 6 * CASH_PER_DOLLAR, nets=True)
    account.fill(buy(Outcome.YES, 6_000, 10), MARKET, 6_000, 10 * UNIT, 0, no_fee)
    assert (account.cash, account.net_position(MARKET)) == (0, 10 * UNIT)
    closing = buy(Outcome.NO, 3_000, 10, "c")
    account.reserve(closing, MARKET, no_fee)
    with pytest.raises(VenueRefused):
        account.reserve(buy(Outcome.NO, 3_000, 1, "d"), MARKET, no_fee)
    account.fill(closing, MARKET, 3_000, 10 * UNIT, 0, no_fee)
    assert (account.cash, account.positions) == (7 * CASH_PER_DOLLAR, {})
    assert account.available() == 7 * CASH_PER_DOLLAR


def test_who_does_not_net_must_have_shares_to_sell() -> None:
    account = Account("a", CASH_PER_DOLLAR, nets=False)
    with pytest.raises(VenueRefused):
        account.reserve(sell(Outcome.NO, 4_000, 1), MARKET, no_fee)
    account.give(MARKET, Outcome.NO, 2 * UNIT)
    account.reserve(sell(Outcome.NO, 4_000, 2), MARKET, no_fee)
    assert account.free(MARKET, Outcome.NO) == 0
    account.fill(sell(Outcome.NO, 4_000, 2), MARKET, 4_000, 2 * UNIT, 0, no_fee)
    assert (account.cash, account.positions) == (1_800_000, {})


def test_settlement_pays_a_dollar_for_the_right_outcome() -> None:
    account = Account("a", 0, nets=False)
    account.give(MARKET, Outcome.YES, 3 * UNIT)
    account.give(MARKET, Outcome.NO, 2 * UNIT)
    assert [payout.cash for payout in account.settle(MARKET, 10_000)] == [3 * CASH_PER_DOLLAR, 0]
    assert (account.cash, account.positions) == (3 * CASH_PER_DOLLAR, {})


ORDERS = st.tuples(
    st.sampled_from("ab"), st.sampled_from(Outcome), st.integers(1, 9), st.integers(1, 9)
)


@settings(max_examples=80, deadline=None)
@given(st.lists(ORDERS, max_size=30), st.sampled_from((0, 10_000)))
def test_cash_is_conserved_whatever_two_members_do(
    orders: list[tuple[str, Outcome, int, int]], result: int
) -> None:
    accounts = {name: Account(name, 20 * CASH_PER_DOLLAR, nets=True) for name in "ab"}
    numbers = itertools.count()
    book = MarketBook(MARKET, lambda: f"t{next(numbers)}")
    for owner, outcome, dimes, contracts in orders:
        order = buy(outcome, dimes * 1_000, contracts, f"o{next(numbers)}", owner)
        try:
            accounts[owner].reserve(order, MARKET, no_fee)
        except VenueRefused:
            continue
        book_events(accounts, book.submit(order, 0))
        assert all(account.available() >= 0 for account in accounts.values())
    assert sum(account.net_position(MARKET) for account in accounts.values()) == 0
    for account in accounts.values():
        account.settle(MARKET, result)
    assert sum(account.cash for account in accounts.values()) == 40 * CASH_PER_DOLLAR


def book_events(accounts: dict[str, Account], events: list[BookEvent]) -> None:
    for event in events:
        if isinstance(event, Match):
            for order in (event.taker, event.maker):
                price = event.price_of(order)
                accounts[order.owner].fill(order, MARKET, price, event.quantity, 0, no_fee)
        elif isinstance(event, Ended):
            accounts[event.order.owner].release(event.order.order_id)
