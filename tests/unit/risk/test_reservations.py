"""Exposure never exceeds a limit, and ends at nothing when every order has ended."""

from __future__ import annotations

import pytest

from kairos.domain.instruments import Action, Outcome
from kairos.domain.risk.intents import NOTHING_HELD, Groups, Held
from kairos.domain.risk.limits import Breach
from kairos.domain.risk.reservations import Reservations
from kairos.errors import Corrupt
from tests.support.risk import GROUPS, intent, limits

DOLLAR = 1_000_000
CONTRACT = 1_000_000
RICH = 10**12
YES, NO, BUY, SELL = Outcome.YES, Outcome.NO, Action.BUY, Action.SELL


def reservations(**changed: int) -> Reservations:
    return Reservations(limits(**changed), netting=True)


def met(breaches: tuple[Breach, ...]) -> list[str]:
    return [breach.limit.value for breach in breaches]


# Every limit at its boundary: what fits exactly passes, one more does not


def test_contracts_of_an_order() -> None:
    book = reservations(order_contracts_max=10)
    assert book.reserve(intent("a", 10), RICH) == ()
    assert met(book.reserve(intent("b", 11), RICH)) == ["order_contracts"]


def test_dollars_of_an_order() -> None:
    book = reservations(order_dollars_max=5)
    assert book.reserve(intent("a", 10), RICH) == ()
    assert met(book.reserve(intent("b", 10, price=5_001), RICH)) == ["order_dollars"]


@pytest.mark.parametrize(
    ("changed", "other", "limit"),
    [
        ({"order_dollars_max": 5, "market_dollars_max": 5}, ("M", GROUPS), "market_dollars"),
        (
            {"order_dollars_max": 5, "market_dollars_max": 5, "group_dollars_max": 5},
            ("N", Groups("G", "D", "polymarket")),
            "group_dollars",
        ),
        (
            {
                "order_dollars_max": 5, "market_dollars_max": 5, "group_dollars_max": 5,
                "correlated_dollars_max": 5,
            },
            ("N", Groups("H", "C", "polymarket")),
            "correlated_dollars",
        ),
        (
            {"order_dollars_max": 5, "market_dollars_max": 5, "venue_dollars_max": 5},
            ("N", Groups("H", "D", "kalshi")),
            "venue_dollars",
        ),
        (
            {
                "order_dollars_max": 5, "market_dollars_max": 5, "group_dollars_max": 5,
                "correlated_dollars_max": 5, "venue_dollars_max": 5, "portfolio_dollars_max": 5,
            },
            ("N", Groups("H", "D", "polymarket")),
            "portfolio_dollars",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_dollars_of_a_scope_count_positions_and_orders(
    changed: dict[str, int], other: tuple[str, Groups], limit: str
) -> None:
    book = reservations(**changed)
    assert book.reserve(intent("a", 4), RICH) == ()
    book.position("M", GROUPS, Held(2 * CONTRACT, 0, 1 * DOLLAR))
    market, groups = other
    assert book.reserve(intent("b", 4, market=market, groups=groups), RICH) == ()
    assert limit in met(book.reserve(intent("c", 1, price=1, market=market, groups=groups), RICH))


def test_percent_of_equity() -> None:
    book = reservations(portfolio_percent_max=50)
    assert met(book.reserve(intent("a", 10), 10 * DOLLAR - 1)) == ["portfolio_percent"]
    assert book.reserve(intent("a", 10), 10 * DOLLAR) == ()


@pytest.mark.parametrize("equity", [0, -5 * DOLLAR])
def test_without_equity_nothing_may_be_added(equity: int) -> None:
    assert met(reservations().reserve(intent("a", 1), equity)) == ["portfolio_percent"]


def test_open_positions_count_orders_that_may_become_one() -> None:
    book = reservations(open_positions_max=2)
    assert book.reserve(intent("a", 1, market="A"), RICH) == ()
    assert book.reserve(intent("b", 1, market="B"), RICH) == ()
    assert met(book.reserve(intent("c", 1, market="C"), RICH)) == ["open_positions"]
    assert book.reserve(intent("d", 1, market="B"), RICH) == (), "that one is counted already"
    book.release("a")
    assert book.reserve(intent("c", 1, market="C"), RICH) == ()


@pytest.mark.parametrize(("price", "contracts"), [(0, 1), (10_000, 1), (-1, 1), (5_000, 0)])
def test_what_is_no_order_is_not_let_out(price: int, contracts: int) -> None:
    book = reservations()
    assert met(book.reserve(intent("a", contracts, price=price), RICH)) == ["order_invalid"]
    assert met(book.reserve(intent("a", -1), RICH)) == ["order_invalid"]
    assert book.portfolio == 0


def test_every_limit_that_is_met_is_named() -> None:
    book = reservations(order_contracts_max=1, order_dollars_max=1, open_positions_max=1)
    book.reserve(intent("a", 1), RICH)
    assert met(book.reserve(intent("b", 3, market="N"), RICH)) == [
        "order_contracts", "order_dollars", "open_positions",
    ]  # fmt: skip


# What happens to a reservation


def test_an_order_nobody_proved_to_have_ended_stays_reserved() -> None:
    book = reservations()
    book.reserve(intent("a", 10), RICH)
    book.fill("a", 4 * CONTRACT)
    book.position("M", GROUPS, Held(4 * CONTRACT, 0, 2 * DOLLAR))
    assert (book.reserved("a"), book.portfolio) == (3 * DOLLAR, 5 * DOLLAR)
    book.settle("M")
    assert (book.reserved("a"), book.portfolio) == (3 * DOLLAR, 3 * DOLLAR)
    book.release("a")
    assert (book.portfolio, book.orders, book.open_positions) == (0, 0, 0)


def test_a_fill_heard_twice_counts_once() -> None:
    book = reservations()
    book.reserve(intent("a", 10), RICH)
    book.fill("a", 4 * CONTRACT)
    book.fill("a", 4 * CONTRACT)
    book.fill("a", 3 * CONTRACT)
    assert book.reserved("a") == 3 * DOLLAR


def test_a_fill_of_an_order_that_was_amended_down_meanwhile_frees_all_of_it() -> None:
    book = reservations()
    book.reserve(intent("a", 10), RICH)
    book.amend("a", 5_000, 5 * CONTRACT, RICH)
    book.stand("a", 5_000, 5 * CONTRACT)
    book.fill("a", 6 * CONTRACT)
    assert book.reserved("a") == 0


@pytest.mark.parametrize("broken", ["release", "fill", "twice", "adopted"])
def test_what_cannot_be_is_corrupt(broken: str) -> None:
    book = reservations()
    book.reserve(intent("a", 10), RICH)
    with pytest.raises(Corrupt):
        match broken:
            case "release":
                book.release("b")
            case "fill":
                book.fill("b", 1)
            case "twice":
                book.reserve(intent("a", 1), RICH)
            case "adopted":
                book.adopt(intent("b", 10), 11 * CONTRACT)
    assert book.portfolio == 5 * DOLLAR


def test_until_an_amend_is_answered_the_dearer_terms_are_reserved() -> None:
    book = reservations()
    book.reserve(intent("a", 10), RICH)
    assert book.amend("a", 6_000, 5 * CONTRACT, RICH) == ()
    assert book.reserved("a") == 6 * DOLLAR
    book.stand_as_before("a")
    assert book.reserved("a") == 5 * DOLLAR
    book.amend("a", 6_000, 5 * CONTRACT, RICH)
    book.fill("a", 1 * CONTRACT)
    book.stand("a", 6_000, 5 * CONTRACT)
    assert book.reserved("a") == 2_400_000


def test_an_amend_that_does_not_fit_changes_nothing() -> None:
    book = reservations(order_dollars_max=6)
    book.reserve(intent("a", 10), RICH)
    assert met(book.amend("a", 6_100, 10 * CONTRACT, RICH)) == ["order_dollars"]
    assert met(book.amend("a", 0, 10 * CONTRACT, RICH)) == ["order_invalid"]
    assert (book.reserved("a"), book.portfolio) == (5 * DOLLAR, 5 * DOLLAR)


def test_an_order_that_exists_is_reserved_for_whether_it_fits_or_not() -> None:
    book = reservations(order_dollars_max=1)
    book.adopt(intent("theirs", 10), 2 * CONTRACT)
    assert book.portfolio == 4 * DOLLAR


def test_exposure_that_grew_past_a_limit_is_found() -> None:
    book = reservations(order_dollars_max=1, market_dollars_max=3, open_positions_max=1)
    book.adopt(intent("theirs", 10), 0)
    book.adopt(intent("another", 1, market="N"), 0)
    assert met(book.overruns(RICH)) == ["market_dollars", "open_positions"]
    assert met(book.overruns(1 * DOLLAR))[-1] == "portfolio_percent"


# Reducing


def held_ten(**changed: int) -> Reservations:
    book = reservations(**{"order_contracts_max": 1, "order_dollars_max": 1, **changed})
    book.position("M", GROUPS, Held(10 * CONTRACT, 0, 5 * DOLLAR))
    return book


@pytest.mark.parametrize(("outcome", "action"), [(YES, SELL), (NO, BUY)])
def test_an_order_that_only_reduces_meets_no_limit(outcome: Outcome, action: Action) -> None:
    book = held_ten(market_dollars_max=1, open_positions_max=1)
    order = intent("exit", 10, outcome=outcome, action=action, price=9_000)
    assert book.reduces(order)
    assert book.reserve(order, -RICH) == ()
    assert (book.reserved("exit"), book.portfolio) == (0, 5 * DOLLAR)


def test_two_orders_cannot_reduce_the_same_contracts() -> None:
    book = held_ten()
    assert book.reserve(intent("a", 6, action=SELL), RICH) == ()
    assert met(book.reserve(intent("b", 5, action=SELL), RICH)) == ["sell_exceeds_held"]
    assert not book.reduces(intent("c", 5, outcome=NO))
    assert book.reserve(intent("d", 4, outcome=NO), RICH) == ()
    book.release("a")
    assert book.reduces(intent("e", 6, action=SELL))


def test_without_netting_the_other_outcome_is_a_position_of_its_own() -> None:
    book = Reservations(limits(), netting=False)
    book.position("M", GROUPS, Held(10 * CONTRACT, 0, 5 * DOLLAR))
    assert not book.reduces(intent("a", 1, outcome=NO))
    assert book.reduces(intent("b", 1, action=SELL))


def test_a_reducing_order_cannot_be_amended_into_one_that_adds() -> None:
    book = held_ten()
    book.reserve(intent("a", 10, outcome=NO), RICH)
    assert book.still_reduces("a", 10 * CONTRACT)
    assert not book.still_reduces("a", 11 * CONTRACT)
    assert met(book.amend("a", 5_000, 11 * CONTRACT, RICH)) == [
        "order_contracts", "order_dollars",
    ]  # fmt: skip
    assert book.only_reduces("a")


def test_a_partly_filled_exit_may_still_change_its_price() -> None:
    book = held_ten()
    book.reserve(intent("a", 10, action=SELL), RICH)
    book.fill("a", 4 * CONTRACT)
    book.position("M", GROUPS, Held(6 * CONTRACT, 0, 3 * DOLLAR))
    assert book.amend("a", 4_000, 10 * CONTRACT, RICH) == ()
    assert book.only_reduces("a")


def test_a_market_is_forgotten_when_nothing_is_left_of_it() -> None:
    book = reservations()
    book.position("M", GROUPS, Held(1, 0, 1))
    book.position("M", GROUPS, NOTHING_HELD)
    assert book.open_positions == 0
    assert book.exposure("group", "G") == 0
