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
from kairos.messages.commands import SubmitOrder, TimeInForce
from kairos.messages.events import OrderAccepted, OrderClosed, OrderFilled, OrderRejected

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
