"""Gateway, engine and reconciliation against a venue: what was missed is found, and said."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from weakref import WeakKeyDictionary

import pytest
from msgspec.structs import replace

from hotpath.gateway.books import EngineBooks
from hotpath.gateway.settings import ForeignOrders
from kairos.messages.events import BreakResolved
from kairos.messages.trading import OrderStatus
from kairos.services.breaks import ReconcileSettings
from kairos.services.opening import open_account
from kairos.services.reconcile import Reconciliation, Report
from tests.support.fake_venue import FakeVenue, Fault
from tests.support.gateway import CONTRACT, DOLLAR, MARKET, OPENING, Desk, buy, play

SETTINGS = ReconcileSettings(cash_excludes_resting=False, cash_tolerance=0)


def reconciliation(desk: Desk) -> Reconciliation:
    books = EngineBooks(desk.gateway, desk.engine.account)
    return Reconciliation(desk.venue, desk.clock, books, desk._inbox, SETTINGS)


_COMPARED: WeakKeyDictionary[Desk, Reconciliation] = WeakKeyDictionary()


async def look(desk: Desk, times: int, every: float = 60.0) -> Report:
    """Reconcile; the same desk goes on with what earlier looks saw."""
    compared = _COMPARED.setdefault(desk, reconciliation(desk))
    for _ in range(times):
        report: Report = await compared.once()
        await desk.wait(every)
    return report


def deaf(story: Callable[[Desk, FakeVenue], Awaitable[None]]) -> Desk:
    """The stream says nothing at all; after the story reconciliation looks three times."""

    async def script(desk: Desk) -> None:
        desk.venue.muted = True
        await story(desk, desk.venue)
        report = await look(desk, 3)
        assert report.agrees, report
        desk.check_settled()

    return play(script)


def test_fills_that_the_stream_lost_are_booked() -> None:
    async def story(desk: Desk, venue: FakeVenue) -> None:
        desk.submit(buy())
        await desk.wait()
        venue.fill("v1", 4 * CONTRACT)
        venue.fill("v1", 6 * CONTRACT)

    desk = deaf(story)
    assert desk.held() == 10 * CONTRACT
    assert desk.breaks() == []


def test_an_order_that_ended_unheard_is_found_to_have_ended() -> None:
    async def story(desk: Desk, venue: FakeVenue) -> None:
        desk.submit(buy())
        await desk.wait()
        venue.fill("v1", 4 * CONTRACT)
        venue.end("v1", OrderStatus.EXPIRED)

    assert deaf(story).reason() == "expired"


def test_a_void_and_a_fee_that_nobody_announced_are_booked() -> None:
    async def story(desk: Desk, venue: FakeVenue) -> None:
        venue.fee = None
        desk.submit(buy())
        desk.submit(buy("c2"))
        await desk.wait()
        charged = venue.fill("v1", 10 * CONTRACT)
        void = venue.fill("v2", 10 * CONTRACT)
        await look(desk, 2)
        venue.charge(charged, 17_500)
        venue.void(void)

    desk = deaf(story)
    assert desk.held() == 10 * CONTRACT
    assert {"FeeCharged", "FillVoided"} <= set(desk.words())


def test_orders_of_others_are_adopted_and_reported() -> None:
    async def story(desk: Desk, venue: FakeVenue) -> None:
        venue.foreign(buy("theirs"), "web-1")
        await look(desk, 1)
        assert desk.engine.account.reserved == 5_000_000
        venue.end("v1", OrderStatus.CANCELED)

    assert deaf(story).words()[:3] == ["OrderAdopted", "BreakFound", "BreakResolved"]


def test_cash_that_is_not_ours_is_a_break_until_it_is_explained() -> None:
    async def script(desk: Desk) -> None:
        desk.venue.cash -= 5 * DOLLAR
        report = await look(desk, 1)
        assert (desk.breaks(), report.agrees) == ([], False)
        report = await look(desk, 2)
        assert desk.breaks() == ["cash"]
        assert [(b.ours, b.theirs) for b in report.unresolved] == [("1000.000000", "995.000000")]
        desk.venue.cash += 5 * DOLLAR
        assert (await look(desk, 1)).agrees

    desk = play(script)
    assert desk.breaks() == []
    resolved = [event for event in desk.heard if isinstance(event, BreakResolved)]
    assert [event.resolution for event in resolved] == ["waited_out"]


def test_a_position_that_no_fill_explains_is_a_break() -> None:
    async def script(desk: Desk) -> None:
        desk.venue._settled[MARKET, buy().outcome] += 5
        await look(desk, 3)

    assert play(script).breaks() == ["position"]


def test_an_order_we_ended_that_still_rests_is_a_break() -> None:
    """Locally closed, still open at the venue: nobody may trade on as if it were gone."""

    async def script(desk: Desk) -> None:
        desk.submit(buy())
        await desk.wait()
        resting = desk.venue.at("c1")
        desk.hear(replace(resting, status=OrderStatus.CANCELED))
        assert desk.words()[-1] == "OrderClosed"
        await look(desk, 3)

    assert play(script).breaks() == ["order_unknown"]


def test_a_venue_that_cannot_be_asked_is_a_break_until_it_answers() -> None:
    async def script(desk: Desk) -> None:
        desk.fault("open_orders", *[Fault.LOSE_REQUEST] * 4)
        await look(desk, 2)
        assert desk.breaks() == []
        await look(desk, 2)
        assert desk.breaks() == ["venue_silent"]
        assert (await look(desk, 1)).agrees

    assert play(script).breaks() == []


def test_while_we_trade_nothing_is_called_a_break() -> None:
    async def script(desk: Desk) -> None:
        for number in range(20):
            desk.submit(buy(f"c{number}", contracts=2))
            await desk.wait(1)
            if number % 3:
                desk.venue.fill(f"v{number + 1}", CONTRACT)
            if number % 4 == 0:
                desk.cancel(f"c{number}")
            await look(desk, 1, every=2)
        assert (await look(desk, 2)).agrees

    desk = play(script)
    assert "BreakFound" not in desk.words()


def test_start_up_waits_for_what_is_under_way_and_then_agrees() -> None:
    async def script(desk: Desk) -> None:
        desk.venue.muted = True
        desk.fault("place", Fault.LOSE_REPLY)
        desk.submit(buy())
        await desk.wait(0)
        desk.venue.fill("v1", 10 * CONTRACT)
        reports: list[Report] = []

        async def start() -> None:
            reports.append(await reconciliation(desk).start_up())

        task = asyncio.ensure_future(start())
        await desk.wait(60)
        await task
        assert reports[0].agrees
        desk.check_settled()

    play(script)


def test_an_account_with_a_history_is_taken_over_whole() -> None:
    """Cash, a position at its cost, a half-filled resting order; then its next fill is booked."""

    async def script(first: Desk) -> None:
        venue = first.venue
        first.submit(buy("old"))
        await first.wait()
        venue.fill("v1", 10 * CONTRACT)
        first.submit(buy("rests", price=4_000))
        await first.wait()
        venue.fill("v2", 3 * CONTRACT)
        await first.gateway.close()

        desk = Desk()
        desk.venue.stream = None
        after = await _taken_over(desk, venue, first)
        account = after.engine.account
        assert account.ledger.cash == venue.cash
        assert account.ledger.cost(MARKET) == 5_000_000 + 1_200_000
        assert (account.reserved, account.ledger.result.net) == (2_800_000, 0)
        assert (await look(after, 2)).agrees
        venue.fill("v2", 7 * CONTRACT)
        await after.wait(2)
        after.engine.account.ledger.check()
        assert after.held() == 20 * CONTRACT
        assert (await look(after, 2)).agrees
        await after.gateway.close()

    play(script)


async def _taken_over(desk: Desk, venue: FakeVenue, first: Desk) -> Desk:
    after = Desk(after=first, foreign=ForeignOrders.ADOPT)
    after.engine = desk.engine  # knows nothing
    opened = await open_account(
        venue, after.clock, after.gateway.foreign, after._inbox, cash=OPENING, netting=False
    )
    assert (opened.positions, opened.orders, opened.unexplained) == (1, 1, ())
    return after


@pytest.mark.parametrize("foreign", list(ForeignOrders))
def test_cash_that_a_resting_order_of_others_holds_is_no_break(foreign: ForeignOrders) -> None:
    """A venue whose balance is what is left after resting orders, taken over with one there."""

    async def script(first: Desk) -> None:
        venue = first.venue
        venue.stream = None
        order = venue.foreign(buy("theirs", price=3_000), "web-1")
        venue.cash -= 3 * DOLLAR
        after = Desk(after=first, foreign=foreign)
        await open_account(
            venue, after.clock, after.gateway.foreign, after._inbox, cash=OPENING,
            netting=False, cash_excludes_resting=True,
        )  # fmt: skip
        assert after.engine.account.ledger.cash == OPENING
        settings = ReconcileSettings(cash_excludes_resting=True, cash_tolerance=0)
        books = EngineBooks(after.gateway, after.engine.account)
        compared = Reconciliation(venue, after.clock, books, after._inbox, settings)
        assert (await compared.once()).agrees
        venue.end(order.venue_order_id, OrderStatus.CANCELED)
        venue.cash += 3 * DOLLAR
        after.gateway.look_up("web-1")
        await after.wait(2)
        assert (await compared.once()).agrees
        await after.gateway.close()

    play(script)
