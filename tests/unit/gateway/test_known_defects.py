"""One test for each way in which other systems lost track of an order; here it must not happen."""

from __future__ import annotations

from hotpath.gateway.books import EngineBooks
from hotpath.strategies.order_ids import order_id
from kairos.domain.amends import AmendPlan, amend_plan
from kairos.domain.instruments import Action, Outcome
from kairos.domain.order_effects import Terms
from kairos.messages.commands import TimeInForce
from kairos.messages.trading import OrderStatus
from kairos.services.breaks import ReconcileSettings
from kairos.services.reconcile import Reconciliation
from tests.support.fake_venue import Fault
from tests.support.gateway import CONTRACT, MARKET, Desk, buy, play


def test_a_timeout_does_not_double_the_order() -> None:
    """POSTs retried on a timeout placed a second order, up to five of them."""

    async def script(desk: Desk) -> None:
        for number in range(5):
            desk.fault("place", Fault.LOSE_REPLY)
            desk.submit(buy(f"c{number}"))
            await desk.wait(20)
        desk.check_exposure()
        assert len(desk.engine.account.orders) == 5

    desk = play(script)
    assert [order.client_order_id for order in desk.venue.placed] == ["c0", "c1", "c2", "c3", "c4"]
    assert desk.venue.calls["place"] == 5


def test_every_attempt_of_a_decision_has_the_same_id() -> None:
    """A fresh random id per attempt defeated the venue's own protection against duplicates."""
    ids = {order_id("v2", MARKET, Outcome.YES, Action.BUY, 7, token=3) for _ in range(5)}
    assert len(ids) == 1

    async def script(desk: Desk) -> None:
        name = ids.pop()
        desk.venue.foreign(buy(name))  # an earlier life of ours sent it
        desk.gateway.submit(buy(name))
        await desk.wait(1)
        assert len(desk.venue.placed) == 1

    play(script)


def test_a_rejected_order_that_had_filled_is_a_position() -> None:
    """Orders were reported rejected, filled all the same, and nobody held the position."""

    async def script(desk: Desk) -> None:
        desk.venue.muted = True
        desk.venue.taken_at_once = 10 * CONTRACT
        desk.fault("place", Fault.REFUSE_THOUGH_DONE)
        desk.submit(buy(tif=TimeInForce.IOC))
        await desk.wait(1)
        assert desk.words() == ["OrderRejected"]
        await _reconcile(desk, 3)
        assert desk.held() == 10 * CONTRACT
        desk.check_settled()

    assert play(script).breaks() == []


def test_an_error_does_not_mean_that_nothing_filled() -> None:
    """Any exception counted as zero filled, which left a naked leg that nobody saw."""

    async def script(desk: Desk) -> None:
        desk.venue.muted = True
        desk.venue.taken_at_once = 7 * CONTRACT
        desk.fault("place", Fault.LOSE_REPLY)
        desk.submit(buy(tif=TimeInForce.IOC))
        await desk.wait()
        assert desk.engine.account.exposure == 5_000_000
        await desk.wait(5)
        desk.check_settled()

    assert play(script).held() == 7 * CONTRACT


def test_a_partial_fill_is_a_position_like_any_other() -> None:
    """Only whole fills opened positions; what was partly filled was held by nobody."""

    async def script(desk: Desk) -> None:
        desk.submit(buy())
        await desk.wait()
        desk.venue.fill("v1", CONTRACT)
        assert desk.held() == CONTRACT
        desk.cancel()
        await desk.wait(2)
        desk.check_settled()

    assert play(script).held() == CONTRACT


def test_nothing_is_guessed_expired_when_the_venue_cannot_be_asked() -> None:
    """Every error was read as an expiry, and the exposure was given back."""

    async def script(desk: Desk) -> None:
        desk.submit(buy())
        await desk.wait()
        desk.fault("cancel", *[Fault.LOSE_REQUEST] * 8)
        desk.fault("order", *[Fault.LOSE_REQUEST] * 30)
        desk.cancel()
        await desk.wait(300)
        assert desk.engine.account.reserved == 5_000_000
        assert "OrderClosed" not in desk.words()

    assert play(script).breaks() == ["cancel_not_proved"]


def test_a_failed_cancel_is_not_passed_over() -> None:
    """Cancel, then quote anew every five seconds: a cancel that failed left two orders."""

    async def script(desk: Desk) -> None:
        desk.submit(buy())
        await desk.wait()
        desk.fault("cancel", Fault.LOSE_REQUEST, Fault.LOSE_REQUEST)
        desk.cancel()
        desk.check_exposure()
        assert desk.engine.account.reserved == 5_000_000
        await desk.wait(5)
        desk.check_settled()

    assert play(script).venue.calls["cancel"] == 3


def test_an_amend_never_makes_two_orders() -> None:
    """Cancel and new in one go: after a failed cancel both rested."""
    wanted = Terms(5_100, 10 * CONTRACT)
    assert amend_plan(Terms(5_000, 10 * CONTRACT), wanted, 0) is AmendPlan.REPLACE

    async def script(desk: Desk) -> None:
        desk.submit(buy())
        await desk.wait()
        desk.fault("amend", Fault.LOSE_REPLY)
        desk.amend("c1", 5_100, 10)
        await desk.wait(3)
        resting = [r for r in desk.venue._orders.values() if not r.order.status.is_final]
        assert [rest.order.price for rest in resting] == [5_100]
        desk.check_exposure()

    play(script)


def test_a_decrease_is_an_amend_and_a_dearer_price_is_not() -> None:
    current = Terms(5_000, 10)
    plans = {
        Terms(5_000, 10): AmendPlan.KEEP,
        Terms(5_000, 9): AmendPlan.DECREASE,
        Terms(5_000, 11): AmendPlan.REPLACE,
        Terms(4_900, 5): AmendPlan.REPLACE,
        Terms(4_900, 3): AmendPlan.CANCEL,
        Terms(5_000, 4): AmendPlan.CANCEL,
    }
    assert {wanted: amend_plan(current, wanted, filled=4) for wanted in plans} == plans


def test_fills_in_the_disconnect_window_are_not_lost() -> None:
    """The stream was down while orders filled, and the fills never came."""

    async def script(desk: Desk) -> None:
        for number in range(3):
            desk.submit(buy(f"c{number}"))
        await desk.wait()
        desk.venue.muted = True
        for number in range(3):
            desk.venue.fill(f"v{number + 1}", 5 * CONTRACT)
        desk.venue.end("v2", OrderStatus.EXPIRED)
        desk.venue.muted = False
        await _reconcile(desk, 3)
        desk.check_settled()

    assert play(script).held() == 15 * CONTRACT


def test_the_same_fill_after_a_restart_is_booked_once() -> None:
    """Fills were replayed at the reconnect, and duplicate ids broke or doubled the books."""

    async def script(desk: Desk) -> None:
        desk.submit(buy())
        await desk.wait()
        fill = desk.venue.fill("v1", 10 * CONTRACT)
        await desk.gateway.close()
        after = Desk(after=desk)
        after.venue.stream = None
        for _ in range(3):
            after.hear(fill)
        await after.wait(30)
        assert after.held() == 10 * CONTRACT
        after.engine.account.ledger.check()
        await after.gateway.close()

    play(script)


def test_a_position_that_the_venue_no_longer_shows_is_a_break() -> None:
    """Positions absent from the venue's answer were kept for ever: ghost inventory."""

    async def script(desk: Desk) -> None:
        desk.submit(buy())
        await desk.wait()
        desk.venue.fill("v1", 10 * CONTRACT)
        desk.venue._settled.clear()
        await _reconcile(desk, 3)

    assert "position" in play(script).breaks()


def test_fills_that_revert_on_chain_are_no_positions() -> None:
    """A third of the trades reverted after the match, and stayed in the books as wins."""

    async def script(desk: Desk) -> None:
        desk.venue.fee = 0
        desk.submit(buy(contracts=9))
        await desk.wait()
        fills = [desk.venue.fill("v1", 3 * CONTRACT) for _ in range(3)]
        for fill in fills[:2]:
            desk.venue.void(fill)
        desk.check_settled()

    assert play(script).held() == 3 * CONTRACT


async def _reconcile(desk: Desk, times: int) -> None:
    settings = ReconcileSettings(cash_excludes_resting=False, cash_tolerance=0)
    books = EngineBooks(desk.gateway, desk.engine.account)
    compared = Reconciliation(desk.venue, desk.clock, books, desk._inbox, settings)
    for _ in range(times):
        await compared.once()
        await desk.wait(60)
