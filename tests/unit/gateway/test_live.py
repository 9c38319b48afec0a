"""The live gateway under lost, late, repeated and lying answers: nothing ends without proof."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from hotpath.gateway.settings import ForeignOrders
from kairos.domain.instruments import Action
from kairos.domain.orders import OrderState
from kairos.domain.refusals import Refusal
from kairos.messages.commands import TimeInForce
from kairos.messages.events import FeeCharged, OrderAmended, OrderFilled
from kairos.messages.trading import OrderStatus
from tests.support.fake_venue import Fault
from tests.support.gateway import CONTRACT, ESTIMATED_FEE, MARKET, Desk, buy, play

IOC = TimeInForce.IOC


def test_an_order_is_accepted_filled_and_closed() -> None:
    async def script(desk: Desk) -> None:
        desk.submit(buy())
        await desk.wait()
        desk.venue.fill("v1", 10 * CONTRACT)
        desk.check_settled()
        assert desk.words() == ["OrderAccepted", "OrderFilled", "OrderClosed"]

    desk = play(script)
    assert desk.held() == 10 * CONTRACT
    assert desk.venue.calls["find"] == desk.venue.calls["order"] == 0, "nothing had to be asked"


def test_a_refusal_gives_the_reservation_back() -> None:
    async def script(desk: Desk) -> None:
        desk.fault("place", Fault.REFUSE)
        desk.submit(buy())
        await desk.wait()
        desk.check_settled()

    assert play(script).reason() == Refusal.POST_ONLY_CROSSED


def test_an_order_of_which_not_a_byte_left_is_rejected() -> None:
    async def script(desk: Desk) -> None:
        desk.fault("place", Fault.UNREACHABLE)
        desk.submit(buy())
        await desk.wait()
        desk.check_settled()

    assert play(script).reason() == "unreachable"


@pytest.mark.parametrize("fault", [Fault.LOSE_REPLY, Fault.HANG_THEN_DO])
def test_an_unanswered_order_keeps_its_exposure_until_it_is_found(fault: Fault) -> None:
    async def script(desk: Desk) -> None:
        desk.venue.muted = True
        desk.fault("place", fault)
        desk.submit(buy())
        for _ in range(7):
            await desk.wait(1)
            desk.check_exposure()
            assert desk.engine.account.reserved == 5_000_000
        assert desk.gateway.registry.open["c1"].order.state is OrderState.WORKING

    desk = play(script)
    assert desk.words()[:2] == ["OrderUnknown", "OrderAccepted"]
    assert len(desk.venue.placed) == 1


def test_an_order_that_never_arrived_is_given_up_only_when_it_cannot_arrive_any_more() -> None:
    async def script(desk: Desk) -> None:
        desk.fault("place", Fault.LOSE_REQUEST)
        desk.submit(buy())
        await desk.wait(9)
        assert desk.words() == ["OrderUnknown"]
        assert desk.engine.account.reserved == 5_000_000
        await desk.wait(20)
        desk.check_settled()

    assert play(script).reason() == "never_arrived"


def test_a_duplicate_client_id_means_already_there() -> None:
    """The venue has the id from a life before this one: look it up, never send it again."""

    async def script(desk: Desk) -> None:
        desk.venue.muted = True
        desk.venue.foreign(buy())
        desk.submit(buy())
        await desk.wait(1)
        desk.check_exposure()
        assert desk.words() == ["OrderUnknown", "OrderAccepted"]
        assert len(desk.venue.placed) == 1

    play(script)


def test_the_same_order_submitted_twice_is_sent_once() -> None:
    async def script(desk: Desk) -> None:
        desk.submit(buy())
        desk.gateway.submit(buy())
        await desk.wait()
        desk.gateway.submit(buy())
        await desk.wait()

    assert len(play(script).venue.placed) == 1


def test_a_fill_heard_of_before_the_answer_is_booked_at_once() -> None:
    async def script(desk: Desk) -> None:
        desk.venue.taken_at_once = 4 * CONTRACT
        desk.fault("place", Fault.HANG_THEN_DO)
        desk.submit(buy())
        await desk.wait()
        assert desk.held() == 4 * CONTRACT
        desk.check_exposure()

    assert play(script).words()[:2] == ["OrderAccepted", "OrderFilled"]


def test_without_client_ids_facts_wait_for_the_answer_that_says_whose_they_are() -> None:
    async def script(desk: Desk) -> None:
        desk.venue.taken_at_once = 4 * CONTRACT
        desk.submit(buy())
        await desk.wait()
        desk.check_exposure()

    desk = play(script, client_ids=False)
    assert desk.words() == ["OrderAccepted", "OrderFilled"]
    assert desk.breaks() == []


def test_an_immediate_order_waits_for_the_fills_that_its_answer_claims() -> None:
    async def script(desk: Desk) -> None:
        desk.venue.muted = True
        desk.venue.taken_at_once = 4 * CONTRACT
        desk.submit(buy(tif=IOC))
        await desk.wait()
        assert desk.words() == ["OrderAccepted"], "it ended, and what it filled is not booked"
        desk.check_exposure()
        await desk.wait(1)
        desk.check_settled()

    desk = play(script)
    assert desk.words() == ["OrderAccepted", "OrderFilled", "OrderClosed"]
    assert desk.held() == 4 * CONTRACT


def test_a_cancel_while_the_id_is_unknown_is_sent_when_it_is_known() -> None:
    async def script(desk: Desk) -> None:
        desk.venue.muted = True
        desk.fault("place", Fault.LOSE_REPLY)
        desk.submit(buy())
        desk.cancel()
        assert desk.venue.calls["cancel"] == 0
        await desk.wait(5)
        desk.check_settled()

    desk = play(script)
    assert desk.venue.at("c1").status is OrderStatus.CANCELED
    assert desk.reason() == "canceled"


def test_a_canceled_order_ends_when_its_fills_are_known() -> None:
    async def script(desk: Desk) -> None:
        desk.submit(buy())
        await desk.wait()
        desk.venue.muted = True
        desk.venue.fill("v1", 3 * CONTRACT)
        desk.cancel()
        await desk.wait()
        assert desk.words() == ["OrderAccepted"]
        desk.check_exposure()
        await desk.wait(2)
        desk.check_settled()

    assert play(script).held() == 3 * CONTRACT


def test_a_cancel_that_is_too_late_finds_out_that_it_filled() -> None:
    async def script(desk: Desk) -> None:
        desk.submit(buy())
        await desk.wait()
        desk.venue.muted = True
        desk.venue.fill("v1", 10 * CONTRACT)
        desk.cancel()
        await desk.wait(2)
        desk.check_settled()

    desk = play(script)
    assert (desk.reason(), desk.held()) == ("filled", 10 * CONTRACT)


@pytest.mark.parametrize("fault", [Fault.LOSE_REPLY, Fault.LOSE_REQUEST, Fault.UNREACHABLE])
def test_an_unproved_cancel_is_repeated(fault: Fault) -> None:
    async def script(desk: Desk) -> None:
        desk.submit(buy())
        await desk.wait()
        desk.venue.muted = True
        desk.fault("cancel", fault)
        desk.cancel()
        await desk.wait(3)
        desk.check_settled()

    assert play(script).reason() == "canceled"


def test_a_cancel_that_the_venue_keeps_losing_becomes_a_break() -> None:
    async def script(desk: Desk) -> None:
        desk.submit(buy())
        await desk.wait()
        desk.fault("cancel", *[Fault.LOSE_REQUEST] * 8)
        desk.cancel()
        await desk.wait(60)
        assert desk.breaks() == ["cancel_not_proved"]
        desk.check_exposure()
        desk.cancel()
        await desk.wait(3)
        desk.check_settled()

    assert play(script).breaks() == []


def test_an_order_nobody_can_tell_about_becomes_a_break_and_keeps_its_exposure() -> None:
    async def script(desk: Desk) -> None:
        desk.venue.muted = True
        desk.fault("place", Fault.LOSE_REPLY)
        desk.fault("find", *[Fault.LOSE_REQUEST] * 20)
        desk.submit(buy())
        await desk.wait(300)
        assert desk.breaks() == ["unknown_order"]
        assert desk.engine.account.reserved == 5_000_000
        desk.gateway.look_up("c1")
        await desk.wait(1)
        desk.venue.fill("v1", 10 * CONTRACT)
        desk.venue.muted = False
        desk.hear(desk.venue.at("c1"))
        await desk.wait(2)
        desk.check_settled()

    assert play(script).breaks() == []


def test_a_venue_without_client_ids_is_searched_by_the_intent() -> None:
    async def script(desk: Desk) -> None:
        desk.venue.muted = True
        desk.fault("place", Fault.LOSE_REPLY)
        desk.submit(buy())
        await desk.wait(1)
        assert desk.words() == ["OrderUnknown", "OrderAccepted"]
        desk.check_exposure()

    play(script, client_ids=False)


def test_without_client_ids_an_order_that_filled_meanwhile_is_found_by_its_fill() -> None:
    async def script(desk: Desk) -> None:
        desk.venue.muted = True
        desk.venue.taken_at_once = 10 * CONTRACT
        desk.fault("place", Fault.LOSE_REPLY)
        desk.submit(buy())
        await desk.wait(3)
        desk.check_settled()

    assert play(script, client_ids=False).held() == 10 * CONTRACT


def test_without_client_ids_an_unknown_order_blocks_its_market_and_no_other() -> None:
    async def script(desk: Desk) -> None:
        desk.fault("place", Fault.LOSE_REQUEST)
        desk.submit(buy())
        await desk.wait()
        desk.submit(buy("c2", price=6_000))
        desk.submit(buy("c3", market="ELSEWHERE"))
        await desk.wait()
        assert desk.reason("c2") == "market_blocked_by_unknown_order"
        assert desk.words("c3") == ["OrderAccepted"]
        await desk.wait(30)
        desk.submit(buy("c4"))
        await desk.wait()
        assert desk.words("c4") == ["OrderAccepted"]

    play(script, client_ids=False)


def test_two_orders_that_fit_the_same_intent_prove_nothing() -> None:
    async def script(desk: Desk) -> None:
        desk.venue.muted = True
        desk.venue.foreign(buy("theirs"))
        desk.fault("place", Fault.LOSE_REPLY)
        desk.submit(buy())
        await desk.wait(300)
        assert desk.words("c1") == ["OrderUnknown"]
        assert desk.breaks() == ["unknown_order"]
        assert desk.engine.account.reserved == 5_000_000

    play(script, client_ids=False)


def test_a_decrease_is_amended_in_place() -> None:
    async def script(desk: Desk) -> None:
        desk.submit(buy())
        await desk.wait()
        desk.amend("c1", 5_000, 4)
        desk.check_exposure()
        await desk.wait()
        assert desk.engine.account.reserved == 2_000_000
        desk.venue.fill("v1", 4 * CONTRACT)
        desk.check_settled()

    desk = play(script)
    amends = [event for event in desk.heard if isinstance(event, OrderAmended)]
    assert [(one.price, one.quantity) for one in amends] == [(5_000, 4 * CONTRACT)]
    assert desk.venue.calls["place"] == 1


def test_while_an_amend_is_unanswered_the_dearer_terms_are_reserved() -> None:
    async def script(desk: Desk) -> None:
        desk.submit(buy())
        await desk.wait()
        desk.venue.muted = True
        desk.fault("amend", Fault.LOSE_REPLY)
        desk.amend("c1", 6_000, 12)
        await desk.wait()
        assert desk.engine.account.reserved == 7_200_000
        await desk.wait(2)
        assert desk.engine.account.reserved == 7_200_000
        assert "OrderAmended" in desk.words()
        desk.amend("c1", 6_000, 2)
        await desk.wait(2)
        assert desk.engine.account.reserved == 1_200_000

    play(script)


def test_an_amend_that_never_arrived_leaves_the_order_as_it_was() -> None:
    async def script(desk: Desk) -> None:
        desk.submit(buy())
        await desk.wait()
        desk.fault("amend", Fault.LOSE_REQUEST)
        desk.amend("c1", 6_000, 12)
        await desk.wait(5)
        assert desk.words()[-1] == "AmendRejected"
        assert desk.engine.account.reserved == 5_000_000

    play(script)


def test_an_amend_to_what_is_filled_already_cancels_the_rest() -> None:
    async def script(desk: Desk) -> None:
        desk.submit(buy())
        await desk.wait()
        desk.venue.fill("v1", 5 * CONTRACT)
        desk.amend("c1", 5_000, 5)
        await desk.wait(2)
        desk.check_settled()

    desk = play(script)
    assert (desk.held(), desk.venue.calls["amend"]) == (5 * CONTRACT, 0)


def test_a_fee_said_later_replaces_the_estimate() -> None:
    async def script(desk: Desk) -> None:
        desk.venue.fee = None
        desk.submit(buy(contracts=1))
        await desk.wait()
        fill = desk.venue.fill("v1", CONTRACT)
        assert [e.fee for e in desk.heard if isinstance(e, OrderFilled)] == [ESTIMATED_FEE]
        desk.venue.charge(fill, 17_500)
        desk.check_settled()

    desk = play(script)
    assert [event.fee for event in desk.heard if isinstance(event, FeeCharged)] == [17_500]


def test_a_void_takes_the_position_back() -> None:
    async def script(desk: Desk) -> None:
        desk.submit(buy())
        await desk.wait()
        fill = desk.venue.fill("v1", 4 * CONTRACT, times=3)
        desk.venue.fill("v1", 6 * CONTRACT)
        desk.venue.fee = 0
        desk.venue.void(fill)
        assert desk.held() == 6 * CONTRACT
        desk.check_settled()

    play(script)


def test_stopped_sending_rejects_new_orders_and_lets_cancels_go() -> None:
    async def script(desk: Desk) -> None:
        desk.submit(buy())
        await desk.wait()
        desk.gateway.stop_sending("lease_lost")
        desk.submit(buy("c2"))
        desk.cancel()
        await desk.wait(2)
        desk.check_settled()
        desk.gateway.resume_sending()
        desk.submit(buy("c3"))
        await desk.wait()

    desk = play(script)
    assert desk.reason("c2") == "lease_lost"
    assert desk.words("c3") == ["OrderAccepted"]
    assert len(desk.venue.placed) == 2


def test_more_requests_than_the_bound_are_rejected_unsent() -> None:
    async def script(desk: Desk) -> None:
        for number in range(70):
            desk.submit(buy(f"c{number}", contracts=1))
        await desk.wait()
        assert len(desk.venue.placed) == 64
        assert desk.reason("c64") == "too_many_requests"
        desk.check_exposure()

    play(script)


def test_a_venue_that_says_no_and_fills_is_found_out() -> None:
    async def script(desk: Desk) -> None:
        desk.venue.muted = True
        desk.venue.taken_at_once = 4 * CONTRACT
        desk.fault("place", Fault.REFUSE_THOUGH_DONE)
        desk.submit(buy())
        await desk.wait()
        assert desk.words() == ["OrderRejected"]
        desk.hear(desk.venue.executions("c1")[0])
        await desk.wait(1)
        desk.check_exposure()
        assert desk.held() == 4 * CONTRACT
        assert desk.gateway.registry.open["c1"].order.state is OrderState.PARTIALLY_FILLED

    desk = play(script)
    assert desk.words()[1:4] == ["OrderAccepted", "OrderFilled", "OrderUnknown"]


def test_what_cannot_be_is_a_break_and_is_not_booked() -> None:
    async def script(desk: Desk) -> None:
        desk.submit(buy())
        await desk.wait()
        fill = desk.venue.fill("v1", 4 * CONTRACT)
        for more in range(2, 5):
            impossible = replace(fill, fill_id=f"x{more}", quantity=7 * CONTRACT)
            desk.gateway.on_venue_fill(impossible)

    desk = play(script)
    assert desk.breaks() == ["evidence"] * 3
    assert desk.held() == 4 * CONTRACT


@pytest.mark.parametrize("foreign", list(ForeignOrders))
def test_an_order_we_did_not_place_is_reported_and_its_fills_are_booked(
    foreign: ForeignOrders,
) -> None:
    async def script(desk: Desk) -> None:
        order = desk.venue.foreign(buy("theirs"), "web-1")
        adopted = foreign is ForeignOrders.ADOPT
        assert desk.engine.account.reserved == (5_000_000 if adopted else 0)
        desk.venue.fill(order.venue_order_id, 4 * CONTRACT)
        desk.venue.end(order.venue_order_id, OrderStatus.CANCELED)
        await desk.wait(1)
        desk.check_settled()

    desk = play(script, foreign=foreign)
    assert desk.words()[:3] == ["OrderAdopted", "BreakFound", "BreakResolved"]
    assert desk.breaks() == []


def test_a_fill_of_an_order_nobody_here_placed_leads_to_the_order() -> None:
    async def script(desk: Desk) -> None:
        desk.venue.muted = True
        order = desk.venue.foreign(buy("theirs"), None)
        fill = desk.venue.fill(order.venue_order_id, 4 * CONTRACT)
        desk.hear(fill)
        await desk.wait(1)
        assert desk.held() == 4 * CONTRACT
        desk.check_exposure()

    play(script)


def test_closing_leaves_what_is_in_flight_unknown() -> None:
    async def script(desk: Desk) -> None:
        desk.fault("place", Fault.HANG_THEN_DO)
        desk.venue.muted = True
        desk.submit(buy())
        await desk.wait(1)

    desk = play(script)
    assert desk.words() == ["OrderUnknown"]
    assert desk.engine.account.reserved == 5_000_000


def test_a_sale_needs_no_reservation_and_ends_like_any_other() -> None:
    async def script(desk: Desk) -> None:
        desk.submit(buy())
        await desk.wait()
        desk.venue.fill("v1", 10 * CONTRACT)
        desk.fault("place", Fault.LOSE_REPLY)
        desk.venue.muted = True
        desk.submit(buy("c2", 10, 6_000, action=Action.SELL))
        await desk.wait(2)
        desk.venue.fill("v2", 10 * CONTRACT)
        desk.gateway.look_up("c2")
        await desk.wait(2)
        desk.check_settled()

    desk = play(script)
    assert desk.held() == 0
    assert desk.engine.account.ledger.market_result(MARKET).realised == 1_000_000
