"""Orders in flight and positions move only by what the venue proved."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotpath.account import Account
from hotpath.market import Market
from kairos.domain.book import BinaryBook
from kairos.domain.grid import LINEAR_CENT, grid
from kairos.domain.instruments import Action, Liquidity, Outcome
from kairos.domain.ledger import LedgerRules
from kairos.errors import Corrupt
from kairos.messages.commands import AmendOrder, SubmitOrder, TimeInForce
from kairos.messages.events import (
    AmendRejected,
    CashAdjusted,
    FeeCharged,
    FillVoided,
    OrderAccepted,
    OrderAdopted,
    OrderAmended,
    OrderClosed,
    OrderFilled,
    OrderRejected,
    OrderUnknown,
    PositionAdopted,
)

CONTRACT = 1_000_000
DOLLAR = 1_000_000


def opened() -> tuple[Account, Market]:
    market = Market("A", BinaryBook("A", grid(LINEAR_CENT)))
    return Account(LedgerRules(netting=True, allow_debt=False), 1_000 * DOLLAR), market


def order(
    name: str = "o1",
    price: int = 4_500,
    quantity: int = 10 * CONTRACT,
    *,
    action: Action = Action.BUY,
    outcome: Outcome = Outcome.YES,
) -> SubmitOrder:
    return SubmitOrder(
        0, name, "A", outcome, action, price, quantity, TimeInForce.IOC,
        post_only=False, reduce_only=False,
    )  # fmt: skip


def fill(number: int, quantity: int, price: int = 4_500, name: str = "o1") -> OrderFilled:
    return OrderFilled(0, name, f"f{number}", price, quantity, 0, Liquidity.TAKER, "trade")


def test_a_buy_reserves_its_cost_until_it_is_closed() -> None:
    account, market = opened()
    account.submitted(order(), market)
    assert (account.reserved, market.reserved, market.in_flight) == (4_500_000, 4_500_000, 1)
    assert account.busy == {"A"}
    account.accepted(OrderAccepted(0, "o1", "v1"))
    account.closed(OrderClosed(0, "o1", "expired"))
    assert (account.reserved, market.reserved, market.in_flight) == (0, 0, 0)
    assert account.busy == set()


def test_a_rejected_order_gives_everything_back() -> None:
    account, market = opened()
    account.submitted(order(), market)
    account.rejected(OrderRejected(0, "o1", "post_only_cross"))
    assert (account.exposure, market.in_flight) == (0, 0)


def test_a_sale_reserves_nothing() -> None:
    account, market = opened()
    account.submitted(order(action=Action.SELL), market)
    assert account.reserved == 0


def test_an_order_filled_to_its_end_reserves_nothing_any_more() -> None:
    account, market = opened()
    account.submitted(order(), market)
    for number in range(4):
        account.filled(fill(number, 5 * CONTRACT // 2))
    assert (account.reserved, market.reserved) == (0, 0)
    assert account.exposure == account.cost == 4_500_000


@given(st.lists(st.integers(1, 40), min_size=1, max_size=8), st.integers(1, 9_999))
def test_exposure_never_exceeds_what_was_reserved_however_an_order_fills(
    parts: list[int], price: int
) -> None:
    account, market = opened()
    total = sum(parts) * 10_000
    account.submitted(order(price=price, quantity=total), market)
    limit = account.exposure
    for number, part in enumerate(parts):
        account.filled(fill(number, part * 10_000, price))
        assert account.exposure <= limit + number + 1  # a micro-dollar per fill, rounded against us
    assert account.reserved == 0
    account.closed(OrderClosed(0, "o1", "filled"))
    assert market.yes_held == total


def test_a_better_price_releases_the_whole_reservation() -> None:
    account, market = opened()
    account.submitted(order(), market)
    account.filled(fill(1, 10 * CONTRACT, price=4_000))
    assert (account.reserved, account.cost) == (0, 4_000_000)


def test_the_same_fill_twice_is_booked_once() -> None:
    account, market = opened()
    account.submitted(order(), market)
    account.filled(fill(1, 4 * CONTRACT))
    account.filled(fill(1, 4 * CONTRACT))
    assert market.yes_held == 4 * CONTRACT
    assert account.reserved == 2_700_000


def test_settlement_pays_and_forgets_the_position() -> None:
    account, market = opened()
    account.submitted(order(), market)
    account.filled(fill(1, 10 * CONTRACT))
    account.closed(OrderClosed(0, "o1", "filled"))
    assert account.settled(market, Outcome.YES) == 10 * DOLLAR
    assert account.settled(market, Outcome.YES) == 0
    assert (market.yes_held, account.exposure, account.busy) == (0, 0, set())
    assert account.ledger.result.net == 5_500_000


@pytest.mark.parametrize(
    "report",
    [OrderAccepted(0, "x", "v"), OrderRejected(0, "x", "r"), OrderClosed(0, "x", "r")],
)
def test_a_report_about_an_order_nobody_sent_is_corrupt(
    report: OrderAccepted | OrderRejected | OrderClosed,
) -> None:
    account, _ = opened()
    act = {
        OrderAccepted: account.accepted, OrderRejected: account.rejected,
        OrderClosed: account.closed,
    }[type(report)]  # fmt: skip
    with pytest.raises(Corrupt):
        act(report)  # type: ignore[operator]


def test_more_filled_than_ordered_is_corrupt() -> None:
    account, market = opened()
    account.submitted(order(), market)
    with pytest.raises(Corrupt):
        account.filled(fill(1, 11 * CONTRACT))


def test_an_order_id_used_twice_is_corrupt() -> None:
    account, market = opened()
    account.submitted(order(), market)
    with pytest.raises(Corrupt):
        account.submitted(order(), market)


# What only a live venue does


def live() -> tuple[Account, Market]:
    rules = LedgerRules(netting=True, allow_debt=True, any_order=True)
    return Account(rules, 1_000 * DOLLAR), Market("A", BinaryBook("A", grid(LINEAR_CENT)))


def test_an_unknown_order_keeps_its_reservation() -> None:
    account, market = live()
    account.submitted(order(), market)
    account.in_doubt(OrderUnknown(0, "o1", "timeout"))
    assert (account.reserved, market.in_flight, account.unknown) == (4_500_000, 1, {"o1"})
    account.accepted(OrderAccepted(0, "o1", "v1"))
    assert account.unknown == set()


def test_an_end_that_was_none_is_taken_back() -> None:
    account, market = live()
    account.submitted(order(), market)
    account.rejected(OrderRejected(0, "o1", "no"))
    account.filled(fill(1, 4 * CONTRACT))
    assert (market.yes_held, account.reserved) == (4 * CONTRACT, 0)
    account.in_doubt(OrderUnknown(0, "o1", "it filled"))
    assert (account.reserved, market.in_flight) == (2_700_000, 1)
    account.closed(OrderClosed(0, "o1", "canceled"))
    account.closed(OrderClosed(0, "o1", "canceled"))
    assert (account.reserved, market.in_flight, account.unknown) == (0, 0, set())


def test_reserved_cash_is_the_ledgers_too() -> None:
    account, market = live()
    account.submitted(order(), market)
    assert account.ledger.reserved == account.reserved == 4_500_000
    account.filled(fill(1, 4 * CONTRACT))
    assert account.ledger.reserved == account.reserved == 2_700_000
    account.closed(OrderClosed(0, "o1", "canceled"))
    assert account.ledger.reserved == 0
    account.ledger.check()


def test_while_an_amend_is_open_the_dearer_terms_are_reserved() -> None:
    account, market = live()
    account.submitted(order(), market)
    account.amending(AmendOrder(0, "o1", 5_000, 8 * CONTRACT))
    assert account.reserved == 4_500_000
    account.amending(AmendOrder(0, "o1", 5_000, 12 * CONTRACT))
    assert account.reserved == 6_000_000
    account.amend_rejected(AmendRejected(0, "o1", "no"))
    assert account.reserved == 4_500_000
    account.amending(AmendOrder(0, "o1", 4_500, 2 * CONTRACT))
    account.amended(OrderAmended(0, "o1", 4_500, 2 * CONTRACT))
    assert account.reserved == 900_000
    account.amending(AmendOrder(0, "gone", 4_500, 2 * CONTRACT))
    assert account.reserved == 900_000


def test_a_void_gives_the_position_back_and_reserves_nothing_anew() -> None:
    account, market = live()
    account.submitted(order(), market)
    account.filled(fill(1, 4 * CONTRACT))
    account.fill_voided(FillVoided(0, "o1", "f1", "not_settled"))
    assert (market.yes_held, account.cost, account.reserved) == (0, 0, 2_700_000)
    account.filled(fill(1, 4 * CONTRACT))
    assert market.yes_held == 0


def test_a_fee_that_comes_later_is_what_is_paid() -> None:
    account, market = live()
    account.submitted(order(), market)
    account.filled(fill(1, 4 * CONTRACT))
    account.fee_charged(FeeCharged(0, "o1", "f1", 25))
    assert account.ledger.result.fees == 25


def adoption(*, managed: bool, filled: int = 0) -> OrderAdopted:
    return OrderAdopted(
        0, "x1", "v1", "A", Outcome.YES, Action.BUY, 4_500, 10 * CONTRACT, filled, managed
    )


def test_an_adopted_order_counts_and_one_left_alone_does_not() -> None:
    for managed, reserved in ((True, 2_700_000), (False, 0)):
        account, market = live()
        account.adopted(adoption(managed=managed, filled=4 * CONTRACT), market)
        account.adopted(adoption(managed=managed, filled=4 * CONTRACT), market)
        assert (account.reserved, market.in_flight) == (reserved, int(managed))
        account.filled(fill(1, 6 * CONTRACT, name="x1"))
        assert market.yes_held == 6 * CONTRACT
        account.closed(OrderClosed(0, "x1", "filled"))
        assert (account.reserved, market.in_flight) == (0, 0)


def test_positions_and_cash_from_before_are_exposure_and_no_profit() -> None:
    account, market = live()
    account.position_adopted(PositionAdopted(0, "A", Outcome.NO, 4 * CONTRACT, 2 * DOLLAR), market)
    account.cash_adjusted(CashAdjusted(0, -5 * DOLLAR, "withdrawal"))
    assert (market.no_held, account.exposure, account.busy) == (4 * CONTRACT, 2 * DOLLAR, {"A"})
    assert (account.ledger.cash, account.ledger.result.net) == (995 * DOLLAR, 0)


def test_a_fill_heard_of_after_its_market_settled_is_paid_out() -> None:
    account, market = live()
    account.submitted(order(), market)
    market.outcome = Outcome.YES
    account.settled(market, Outcome.YES)
    account.filled(fill(1, 10 * CONTRACT))
    assert (market.yes_held, account.ledger.cash) == (0, 1_005_500_000)
    account.ledger.check()


def test_only_so_many_ended_orders_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hotpath.account.ENDED_MAX", 2)
    account, market = live()
    for number in range(3):
        account.submitted(order(f"o{number}"), market)
        account.closed(OrderClosed(0, f"o{number}", "canceled"))
    account.filled(fill(1, CONTRACT, name="o1"))
    with pytest.raises(Corrupt, match="o0"):
        account.filled(fill(2, CONTRACT, name="o0"))
