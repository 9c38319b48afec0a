"""Gateway, Polymarket US adapter and engine over real sockets against the simulated venue. No
stream is connected: what is heard comes from answers, look-ups and reconciliation."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from hotpath.gateway.recovery import remember, unproved_orders
from hotpath.gateway.settings import ForeignOrders
from kairos.domain.instruments import Action, Outcome
from kairos.domain.ledger import LedgerRules
from kairos.messages.commands import SubmitOrder, TimeInForce
from kairos.ports import VenueTrading
from kairos.services.breaks import ReconcileSettings
from tests.support.gateway_desk import CONTRACT, OPENING, Desk, VenueTime
from tests.support.journal_lines import journaled
from tests.support.ours_against_simulators import polymarket_us
from tests.support.sim_polymarket import run
from tests.support.sim_polymarket_us import SLUG, STEADY, Venue, venue

IOC: Final = TimeInForce.IOC
NO: Final = Outcome.NO
# What an order sets aside, its fee included, is missing from the buying power that is read as cash.
COMPARE: Final = ReconcileSettings(
    cash_excludes_resting=True, cash_tolerance=0, reserved_fee_percent=7, grace_seconds=1
)
RULES: Final = LedgerRules(netting=True, allow_debt=True, any_order=True)
LONG_LIFE: Final = 1_000.0  # no order ends by itself while something else is looked at


class Us:
    """Our account at the venue; `life` starts another process of ours at it."""

    def __init__(self, at: Venue, trading: VenueTrading, time: VenueTime) -> None:
        self.at, self.trading, self.time = at, trading, time
        self.desk = self.life()

    def life(
        self, foreign: ForeignOrders = ForeignOrders.LEAVE, trading: VenueTrading | None = None
    ) -> Desk:
        return Desk(trading or self.trading, self.time, SLUG, COMPARE, RULES, foreign)

    async def fault(self, **fault: object) -> None:
        url = f"{self.at.server.url}/_sim/faults"
        async with self.at.http.post(url, json=fault) as reply:
            assert reply.status == 200, await reply.text()

    async def agrees(self, desk: Desk) -> None:
        """Ours and theirs, to the micro-dollar and the micro-contract."""
        report = await desk.reconciliation.once()
        assert report.agrees, report
        account = self.at.server.exchange.members.accounts["alice"]
        assert desk.ledger.cash == account.cash
        for outcome in Outcome:
            assert desk.held(outcome) == account.position(SLUG, outcome)


@asynccontextmanager
async def account(lifetime: float = LONG_LIFE) -> AsyncIterator[Us]:
    async with venue(STEADY) as at:
        time = VenueTime(at.clock.now_ns, at.pass_time)
        connected = polymarket_us(at.alice, clock=time, lifetime_seconds=lifetime)
        async with time.moving(), connected as connection:
            us = Us(at, connection.trading, time)
            yield us
            await us.desk.gateway.close()


def test_an_order_for_no_rests_fills_in_part_and_is_canceled() -> None:
    async def scenario() -> None:
        async with account() as us:
            desk = us.desk
            desk.buy("c1", 4_000, 10, outcome=NO)
            await desk.until("c1", "OrderAccepted")
            assert desk.reserved == 4_000_000
            await us.at.bob.take("BUY_LONG", "0.60", 4)
            desk.cancel("c1")
            await desk.until("c1", "OrderClosed")
            assert (desk.reason("c1"), desk.held(NO), desk.reserved) == (
                "canceled", 4 * CONTRACT, 0,
            )  # fmt: skip
            assert desk.ledger.cash > OPENING - 1_600_000  # the maker's rebate
            await us.agrees(desk)

    run(scenario)


def test_an_order_whose_answer_was_lost_is_found_by_its_intent_and_never_sent_again() -> None:
    async def scenario() -> None:
        async with account() as us:
            desk = us.desk
            await us.fault(fault="lose_replies", count=1, path="/v1/orders", method="POST")
            desk.buy("lost", 4_000, 10)
            await desk.until("lost", "OrderAccepted")
            assert desk.words("lost") == ["OrderUnknown", "OrderAccepted"]
            await us.fault(
                fault="fail_replies", status=503, count=1, path="/v1/orders", method="POST"
            )
            desk.buy("denied", 3_000, 10)
            await desk.until("denied", "OrderAccepted")
            assert len(us.at.server.exchange.records) == 2
            assert desk.reserved == 7_000_000
            await us.agrees(desk)

    run(scenario)


def test_a_filled_order_whose_answer_was_lost_is_booked_once() -> None:
    async def scenario() -> None:
        async with account() as us:
            desk = us.desk
            await us.at.bob.placed("BUY_SHORT", "0.50", 10)
            await us.fault(fault="lose_replies", count=1, path="/v1/orders", method="POST")
            desk.buy("lost", 5_000, 10, IOC)
            await desk.until("lost", "OrderClosed")
            assert desk.words("lost").count("OrderFilled") == 1
            assert (desk.held(), desk.reserved) == (10 * CONTRACT, 0)
            assert desk.ledger.cash < OPENING - 5_000_000  # the taker's fee
            await us.agrees(desk)

    run(scenario)


def test_a_503_is_unknown_and_blocks_its_market_until_nothing_can_arrive_any_more() -> None:
    async def scenario() -> None:
        async with account() as us:
            desk = us.desk
            await us.fault(fault="fail", status=503, count=1, path="/v1/orders", method="POST")
            sent = desk.buy("gone", 4_000, 10)
            await desk.until("gone", "OrderUnknown")
            desk.buy("next", 4_000, 10)
            assert desk.reason("next") == "market_blocked_by_unknown_order"
            assert desk.reserved == 4_000_000
            us.time.speed = 40
            await desk.until("gone", "OrderRejected")
            assert desk.reason("gone") == "never_arrived"
            assert us.time.now_ns() - sent.ts_ns > 80 * 10**9
            assert (desk.reserved, us.at.server.exchange.records) == (0, {})

    run(scenario)


def test_a_refusal_for_too_many_requests_is_a_rejection_and_nothing_arrived() -> None:
    async def scenario() -> None:
        async with account() as us:
            await us.fault(fault="fail", status=429, count=1, path="/v1/orders", method="POST")
            us.desk.buy("c1", 4_000, 10)
            await us.desk.until("c1", "OrderRejected")
            assert us.desk.words("c1") == ["OrderRejected"]
            await us.agrees(us.desk)

    run(scenario)


def test_a_resting_order_ends_by_itself_and_its_exposure_with_it() -> None:
    async def scenario() -> None:
        async with account(lifetime=5) as us:
            desk = us.desk
            desk.buy("c1", 4_000, 10)
            await desk.until("c1", "OrderAccepted")
            us.time.speed = 8
            await us.time.sleep(6)
            us.time.speed = 2
            assert us.at.server.exchange.open_records("alice") == []
            await desk.reconciliation.once()  # nobody told us: no stream is connected
            await desk.until("c1", "OrderClosed")
            assert (desk.reason("c1"), desk.reserved) == ("ORDER_STATE_EXPIRED", 0)
            await us.agrees(desk)

    run(scenario)


def test_the_start_takes_over_positions_and_the_orders_of_others() -> None:
    async def scenario() -> None:
        async with account() as us:
            await us.at.bob.placed("BUY_SHORT", "0.50", 10)
            us.desk.buy("t1", 5_000, 10, IOC)
            await us.desk.until("t1", "OrderClosed")
            theirs = await us.at.alice.placed("BUY_LONG", "0.30", 10)
            for foreign, managed in ((ForeignOrders.LEAVE, 0), (ForeignOrders.ADOPT, 3_000_000)):
                after = us.life(foreign)
                opened = await after.open()
                assert (opened.positions, opened.orders, opened.unexplained) == (1, 1, ())
                assert (after.held(), after.reserved) == (10 * CONTRACT, managed)
                assert after.resolutions() == ["adopted" if managed else "left_alone"]
                # What the order holds is ours, whoever placed it; its fee may be held as well.
                assert (await after.reconciliation.once()).agrees
                if managed:
                    after.cancel(f"ext-{theirs}")
                    await after.until(f"ext-{theirs}", "OrderClosed")
                await after.gateway.close()
            assert us.at.server.exchange.open_records("alice") == []

    run(scenario)


def test_the_next_life_proves_what_became_of_the_orders_of_the_last() -> None:
    async def scenario() -> None:
        async with account() as us:
            sent = [await _fill_and_lose(us), await _rest_and_die(us), _never_sent(us)]
            unproved = unproved_orders(journaled(sent, ()))
            async with polymarket_us(us.at.alice, clock=us.time) as connection:
                after = us.life(trading=connection.trading)
                await remember(connection.trading, unproved)
                after.gateway.restore(unproved, announce=True)
                await after.until("rests", "OrderAccepted")
                await after.until("filled", "OrderClosed")
                us.time.speed = 40
                await after.until("never", "OrderRejected")
                assert after.reason("never") == "never_arrived"
                assert (after.held(), after.reserved) == (10 * CONTRACT, 1_000_000)
                assert len(us.at.server.exchange.open_records("alice")) == 1
                await us.agrees(after)
                await after.gateway.close()

    run(scenario)


async def _fill_and_lose(us: Us) -> SubmitOrder:
    """An order that filled, and the process ended before anybody told it."""
    await us.at.bob.placed("BUY_SHORT", "0.50", 10)
    await us.fault(fault="lose_replies", count=1, path="/v1/orders", method="POST")
    order = us.desk.buy("filled", 5_000, 10, IOC)
    await us.desk.until("filled", "OrderUnknown")
    await us.desk.gateway.close()
    return order


async def _rest_and_die(us: Us) -> SubmitOrder:
    """An order that arrives just before the process ends."""
    dying = us.life()
    order = dying.buy("rests", 2_000, 5)
    await dying.until("rests", "OrderAccepted")
    await dying.gateway.close()
    return order


def _never_sent(us: Us) -> SubmitOrder:
    """Journaled, and the process ended before a byte left."""
    return SubmitOrder(
        us.time.now_ns(), "never", SLUG, Outcome.YES, Action.BUY, 1_000, 5 * CONTRACT,
        TimeInForce.GTC, post_only=False, reduce_only=False,
    )  # fmt: skip
