"""Gateway, Polymarket adapter and engine over real sockets against the simulated venue. No stream
is connected: what is heard comes from answers, look-ups and reconciliation."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from hotpath.gateway.recovery import remember, unproved_orders
from hotpath.gateway.settings import ForeignOrders
from kairos.domain.instruments import Action, Outcome
from kairos.domain.ledger import LedgerRules
from kairos.domain.refusals import Refusal
from kairos.messages.commands import SubmitOrder, TimeInForce
from kairos.ports import VenueTrading
from kairos.services.breaks import ReconcileSettings
from local.venues.polymarket.server import ServerSettings
from tests.support.gateway_desk import CONTRACT, OPENING, Desk, VenueTime
from tests.support.journal_lines import journaled
from tests.support.ours_against_simulators import polymarket
from tests.support.sim_polymarket import RAIN, Venue, run, venue

MARKET: Final = RAIN.condition_id
IOC, FOK = TimeInForce.IOC, TimeInForce.FOK
STILL: Final = ServerSettings(is_driven=False, settle_s=1, heartbeat_s=100_000)
# Cash is paid to the micro-dollar, and the venue's balance holds what rests.
COMPARE: Final = ReconcileSettings(cash_excludes_resting=False, cash_tolerance=0, grace_seconds=1)
RULES: Final = LedgerRules(netting=False, allow_debt=True, any_order=True)


class Us:
    """Our account at the venue; `life` starts another process of ours at it."""

    def __init__(self, at: Venue, trading: VenueTrading, time: VenueTime) -> None:
        self.at, self.trading, self.time = at, trading, time
        self.desk = self.life()

    def life(
        self, foreign: ForeignOrders = ForeignOrders.LEAVE, trading: VenueTrading | None = None
    ) -> Desk:
        return Desk(trading or self.trading, self.time, MARKET, COMPARE, RULES, foreign)

    async def fault(self, **fault: object) -> None:
        url = f"{self.at.server.url}/_sim/faults"
        async with self.at.http.post(url, json=fault) as reply:
            assert reply.status == 200, await reply.text()

    async def offers(self, price: str, size: str) -> None:
        self.at.give(self.at.bob, 100)
        await self.at.bob.placed("SELL", price, size)


@asynccontextmanager
async def account() -> AsyncIterator[Us]:
    async with venue(RAIN, settings=STILL) as at:
        time = VenueTime(at.clock.now_ns, at.pass_time)
        async with time.moving(), polymarket(at.alice, clock=time) as connection:
            us = Us(at, connection.trading, time)
            yield us
            await us.desk.gateway.close()


async def agrees(us: Us, desk: Desk) -> None:
    """Ours and theirs, to the micro-dollar and the micro-contract."""
    report = await desk.reconciliation.once()
    assert report.agrees, report
    assert desk.ledger.cash == await us.at.alice.cash()
    assert desk.held() == await us.at.alice.shares()


def test_an_order_rests_fills_in_part_and_is_canceled() -> None:
    async def scenario() -> None:
        async with account() as us:
            desk = us.desk
            desk.buy("c1", 4_000, 10)
            await desk.until("c1", "OrderAccepted")
            assert desk.reserved == 4_000_000
            await us.offers("0.40", "6")
            desk.cancel("c1")
            await desk.until("c1", "OrderClosed")
            assert (desk.reason("c1"), desk.held(), desk.reserved) == ("canceled", 6 * CONTRACT, 0)
            assert desk.ledger.cash == OPENING - 2_400_000
            await agrees(us, desk)

    run(scenario)


def test_a_taken_order_pays_its_fee_to_the_micro_dollar() -> None:
    async def scenario() -> None:
        async with account() as us:
            desk = us.desk
            await us.offers("0.53", "7.31")
            desk.buy("t1", 5_300, 7, IOC)
            await desk.until("t1", "OrderClosed")
            assert desk.reason("t1") == "filled"
            assert desk.ledger.cash < OPENING - 3_710_000
            await agrees(us, desk)

    run(scenario)


def test_an_order_whose_answer_was_lost_is_found_and_never_sent_again() -> None:
    async def scenario() -> None:
        async with account() as us:
            desk = us.desk
            await us.fault(fault="lose_replies", count=1, path="/order", method="POST")
            desk.buy("lost", 4_000, 10)
            await desk.until("lost", "OrderAccepted")
            assert desk.words("lost") == ["OrderUnknown", "OrderAccepted"]
            await us.fault(fault="fail_replies", status=500, count=1, path="/order", method="POST")
            desk.buy("denied", 3_000, 10)
            await desk.until("denied", "OrderAccepted")
            assert len(us.at.server.exchange.records) == 2
            assert desk.reserved == 7_000_000
            await agrees(us, desk)

    run(scenario)


def test_a_filled_order_whose_answer_was_lost_is_booked_once() -> None:
    async def scenario() -> None:
        async with account() as us:
            desk = us.desk
            await us.offers("0.50", "10")
            await us.fault(fault="lose_replies", count=1, path="/order", method="POST")
            desk.buy("lost", 5_000, 10, IOC)
            await desk.until("lost", "OrderClosed")
            assert desk.words("lost").count("OrderFilled") == 1
            assert (desk.held(), desk.reserved) == (10 * CONTRACT, 0)
            await agrees(us, desk)

    run(scenario)


def test_a_503_is_unknown_until_the_venue_has_none_and_a_425_is_refused() -> None:
    async def scenario() -> None:
        async with account() as us:
            desk = us.desk
            await us.fault(fault="fail", status=503, count=1, path="/order", method="POST")
            desk.buy("gone", 4_000, 10)
            await desk.until("gone", "OrderUnknown")
            assert desk.reserved == 4_000_000
            us.time.speed = 20
            await desk.until("gone", "OrderRejected")
            assert desk.reason("gone") == "never_arrived"
            us.time.speed = 2
            await us.at.control("restart", seconds=2, post_only_seconds=0)
            desk.buy("early", 4_000, 10)
            await desk.until("early", "OrderRejected")
            assert desk.words("early") == ["OrderRejected"]
            assert desk.reason("early") == Refusal.RESTARTING
            assert (desk.reserved, us.at.server.exchange.records) == (0, {})
            await agrees(us, desk)

    run(scenario)


def test_an_unknown_order_blocks_its_market_until_it_is_proved() -> None:
    async def scenario() -> None:
        async with account() as us:
            desk = us.desk
            await us.fault(fault="fail", status=503, count=1, path="/order", method="POST")
            desk.buy("gone", 4_000, 10)
            await desk.until("gone", "OrderUnknown")
            desk.buy("next", 4_000, 10)
            assert desk.reason("next") == "market_blocked_by_unknown_order"

    run(scenario)


def test_a_settlement_that_fails_takes_the_fill_back() -> None:
    async def scenario() -> None:
        async with account() as us:
            desk = us.desk
            await us.at.control("settlement", ends="fail", count=1)
            await us.offers("0.50", "10")
            desk.buy("t1", 5_000, 10, IOC)
            await desk.until("t1", "OrderFilled")
            assert desk.held() == 10 * CONTRACT
            us.time.speed = 10
            await us.time.sleep(4)
            (trade,) = us.at.server.exchange.settlement.trades.values()
            assert trade.status == "FAILED"
            await desk.reconciliation.once()
            assert "FillVoided" in desk.words("t1")
            assert (desk.held(), desk.ledger.cash, desk.reserved) == (0, OPENING, 0)
            await agrees(us, desk)

    run(scenario)


def test_a_settlement_that_is_retried_keeps_the_fill() -> None:
    async def scenario() -> None:
        async with account() as us:
            us.time.speed, desk = 10, us.desk
            await us.at.control("settlement", ends="retry", count=1)
            await us.offers("0.50", "10")
            desk.buy("t1", 5_000, 10, IOC)
            await desk.until("t1", "OrderClosed")
            await us.time.sleep(5)
            await agrees(us, desk)
            assert "FillVoided" not in desk.words("t1")
            assert desk.held() == 10 * CONTRACT

    run(scenario)


def test_the_start_takes_over_positions_and_the_orders_of_others() -> None:
    async def scenario() -> None:
        async with account() as us:
            await us.offers("0.50", "10")
            us.desk.buy("t1", 5_000, 10, IOC)
            await us.desk.until("t1", "OrderClosed")
            theirs = await us.at.alice.placed("BUY", "0.30", "10")
            for foreign, managed in ((ForeignOrders.LEAVE, 0), (ForeignOrders.ADOPT, 3_000_000)):
                after = us.life(foreign)
                opened = await after.open()
                assert (opened.positions, opened.orders, opened.unexplained) == (1, 1, ())
                assert after.held() == 10 * CONTRACT
                assert after.reserved == managed
                kept = {"adopted"} if managed else {"left_alone"}
                assert set(after.resolutions()) == kept
                await agrees(us, after)
                if managed:
                    after.cancel(f"ext-{theirs}")
                    await after.until(f"ext-{theirs}", "OrderClosed")
                await after.gateway.close()
            assert (await us.at.alice.order(theirs))["status"] == "CANCELED"

    run(scenario)


def test_an_order_of_another_that_appears_later_is_reported_and_its_fills_are_booked() -> None:
    async def scenario() -> None:
        async with account() as us:
            theirs = await us.at.alice.placed("BUY", "0.30", "10")
            await us.desk.reconciliation.once()
            await us.desk.until(f"ext-{theirs}", "OrderAdopted")
            assert us.desk.resolutions() == ["left_alone"]
            await us.offers("0.30", "6")
            await us.desk.reconciliation.once()
            await us.time.sleep(2)
            assert us.desk.held() == 6 * CONTRACT
            await agrees(us, us.desk)

    run(scenario)


def test_the_next_life_proves_what_became_of_the_orders_of_the_last() -> None:
    async def scenario() -> None:
        async with account() as us:
            before = us.desk
            await us.offers("0.50", "10")
            await us.fault(fault="lose_replies", count=1, path="/order", method="POST")
            sent = [before.buy("filled", 5_000, 10, IOC)]
            await before.until("filled", "OrderUnknown")
            await before.gateway.close()
            left = await _rest_and_die(us)
            async with polymarket(us.at.alice, clock=us.time) as connection:
                await _take_over(us, connection.trading, [*sent, left, _never_sent(us)])

    run(scenario)


async def _rest_and_die(us: Us) -> SubmitOrder:
    """An order that arrives just before the process ends."""
    dying = us.life()
    left = dying.buy("rests", 2_000, 5)
    await dying.until("rests", "OrderAccepted")
    await dying.gateway.close()
    return left


def _never_sent(us: Us) -> SubmitOrder:
    """Journaled, and the process ended before a byte left."""
    return SubmitOrder(
        us.time.now_ns(), "never", MARKET, Outcome.YES, Action.BUY, 1_000, 5 * CONTRACT,
        TimeInForce.GTC, post_only=False, reduce_only=False,
    )  # fmt: skip


async def _take_over(us: Us, trading: VenueTrading, sent: list[SubmitOrder]) -> None:
    unproved = unproved_orders(journaled(sent, ()))
    assert [order.client_order_id for order in unproved] == ["filled", "rests", "never"]
    after = us.life(trading=trading)
    await remember(trading, unproved)
    after.gateway.restore(unproved, announce=True)
    await after.until("rests", "OrderAccepted")
    await after.until("filled", "OrderClosed")
    us.time.speed = 20
    await after.until("never", "OrderRejected")
    assert after.reason("filled") == "filled"
    assert (after.held(), after.reserved) == (10 * CONTRACT, 1_000_000)
    assert len(us.at.server.exchange.open_records()) == 1
    await agrees(us, after)
    await after.gateway.close()
