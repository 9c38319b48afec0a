"""Where venues differ: buys that spend a sum of cash, and orders found by what was meant."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from kairos.domain.fill import Fill
from kairos.domain.instruments import Action, Liquidity, Outcome
from kairos.domain.order_effects import Amended, Filled, OrderFill, Terms
from kairos.domain.orders import Ending, Order, OrderState
from kairos.errors import Corrupt
from kairos.messages.commands import TimeInForce
from kairos.messages.events import OrderAmended
from tests.support.fake_venue import Fault
from tests.support.gateway import CONTRACT, MARKET, OPENING, Desk, buy, play

IOC = TimeInForce.IOC


def spending(desk: Desk, offered_at: int, contracts: int) -> None:
    desk.venue.buys_spend_cash = True
    desk.venue.offered_at = offered_at
    desk.venue.taken_at_once = contracts * CONTRACT


def test_cash_that_buys_more_contracts_than_were_asked_for_is_booked_as_spent() -> None:
    async def script(desk: Desk) -> None:
        spending(desk, 4_000, 100)
        desk.submit(buy(price=6_000, tif=IOC))  # $6 at 0.40 is 15 contracts, not 10
        desk.check_exposure()
        await desk.wait(2)
        desk.check_settled()

    desk = play(script)
    assert desk.held() == 15 * CONTRACT
    assert desk.words() == ["OrderAccepted", "OrderAmended", "OrderFilled", "OrderClosed"]
    (amended,) = (each for each in desk.heard if isinstance(each, OrderAmended))
    assert (amended.price, amended.quantity) == (4_000, 15 * CONTRACT)
    assert desk.engine.account.reserved == 0
    assert OPENING - desk.engine.account.ledger.cash == 15 * 400_000 + (desk.venue.fee or 0)
    assert desk.breaks() == []


def test_the_same_at_a_venue_that_takes_contracts_is_evidence_that_cannot_be() -> None:
    async def script(desk: Desk) -> None:
        desk.venue.muted = True
        desk.venue.taken_at_once = 10 * CONTRACT
        desk.submit(buy(price=6_000, tif=IOC))
        await desk.wait()
        (heard,) = desk.venue.executions("c1")
        more = msgspec.structs.replace(heard, fill_id="t99", quantity=11 * CONTRACT)
        desk.hear(more)
        assert desk.breaks() == ["evidence"]

    play(script)


def order(budget: int | None) -> Order:
    made = Order("c1", 6_000, 10 * CONTRACT, 0, budget)
    made.sent()
    return made


def fill(number: int, contracts: int, price: int) -> OrderFill:
    quantity = contracts * CONTRACT
    paid = Fill.priced("t", MARKET, Outcome.YES, Action.BUY, price, quantity, 0).notional
    return OrderFill(f"t{number}", "v1", price, quantity, paid, 0, Liquidity.TAKER)


def test_an_order_that_spends_cash_is_not_over_before_its_venue_says_so() -> None:
    made = order(6_000_000)
    made.executed(fill(1, 10, 4_000))
    assert not made.state.is_final
    effects = list(made.executed(fill(2, 5, 4_000)))
    assert effects[:2] == [
        Amended(Terms(4_000, 15 * CONTRACT)), Filled(fill(2, 5, 4_000))
    ]  # fmt: skip
    made.seen("v1", 15 * CONTRACT, Ending.FILLED)
    assert made.state is OrderState.FILLED


def test_no_order_spends_more_cash_than_was_ordered_for() -> None:
    made = order(6_000_000)
    made.executed(fill(1, 14, 4_000))
    with pytest.raises(Corrupt, match="would fill"):
        made.executed(fill(2, 2, 4_000))
    assert made.matched == 14 * CONTRACT


def test_an_order_for_contracts_never_fills_more_however_cheap() -> None:
    made = order(None)
    made.executed(fill(1, 10, 1_000))
    with pytest.raises(Corrupt, match="would fill"):
        made.executed(fill(2, 1, 1_000))


def test_a_repeated_execution_beyond_the_contracts_is_booked_once() -> None:
    made = order(6_000_000)
    made.executed(fill(1, 15, 4_000))
    assert made.executed(fill(1, 15, 4_000)) == ()
    with pytest.raises(Corrupt, match="came as"):
        made.executed(replace(fill(1, 15, 4_000), quantity=CONTRACT))


# Orders found by what was meant


def intending(desk: Desk) -> None:
    desk.venue.finds_by_intent = True
    desk.venue.muted = True


def test_a_venue_that_finds_an_intent_is_asked_for_it_and_not_searched() -> None:
    async def script(desk: Desk) -> None:
        intending(desk)
        desk.venue.foreign(buy("theirs"))  # fits the intent as well as ours does
        desk.fault("place", Fault.LOSE_REPLY)
        desk.submit(buy())
        await desk.wait(2)
        assert desk.words("c1") == ["OrderUnknown", "OrderAccepted"]
        assert desk.venue.calls["find"] == 1
        assert desk.venue.calls["open_orders"] == 0

    play(script, client_ids=False)


def test_absence_counts_only_when_the_venue_can_tell() -> None:
    """Until then nothing is given back, however long it takes."""

    async def script(desk: Desk) -> None:
        intending(desk)
        desk.venue.hidden = 12
        desk.fault("place", Fault.LOSE_REQUEST)
        desk.submit(buy())
        await desk.wait(60)
        assert desk.words("c1") == ["OrderUnknown"]
        assert desk.engine.account.reserved == 5_000_000
        await desk.wait(60)
        assert desk.words("c1") == ["OrderUnknown", "OrderRejected"]
        assert desk.engine.account.reserved == 0

    play(script, client_ids=False)
