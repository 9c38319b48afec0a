"""While we live the venue hears of it; when it does not, nothing new leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from hotpath.gateway.dead_man import DeadMan, DeadManSettings
from kairos.domain.refusals import REMEDIES, Refusal
from kairos.errors import OutcomeUnknown, UsageError, VenueRefused
from kairos.messages.trading import OrderStatus, VenueOrder
from tests.support.fake_venue import Fault
from tests.support.gateway import CONTRACT, Desk, buy, play

LIFETIME = 15


class Ends:
    """The ends of resting orders at the venue, as its matching engine enforces them."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.ends_ns: dict[str, int] = {}
        self.renewals = 0
        self.down = False

    async def renew(self, order: VenueOrder, ends_ns: int) -> None:
        if self.down:
            raise OutcomeUnknown("kalshi", "no_answer", "renew", "Wait")
        if self._desk.venue._orders[order.venue_order_id].order.status.is_final:
            reason = Refusal.NOT_FOUND
            raise VenueRefused("kalshi", reason, "renew", REMEDIES[reason])
        self.renewals += 1
        self.ends_ns[order.venue_order_id] = ends_ns

    def enforce(self) -> None:
        for name, rest in self._desk.venue._orders.items():
            ends_ns = self.ends_ns.get(name, (rest.order.created_ns or 0) + LIFETIME * 10**9)
            if not rest.order.status.is_final and ends_ns <= self._desk.clock.now_ns():
                self._desk.venue.end(name, OrderStatus.EXPIRED)


async def live(desk: Desk, ends: Ends, seconds: int) -> None:
    for _ in range(seconds):
        await desk.wait(1)
        ends.enforce()


def guarded(script: Callable[[Desk, Ends, DeadMan], Awaitable[None]]) -> Desk:
    async def run(desk: Desk) -> None:
        ends = Ends(desk)
        guard = DeadMan(
            desk.venue, desk.clock, desk.gateway, desk._inbox, DeadManSettings(), ends.renew
        )
        beating = asyncio.ensure_future(guard.run())
        try:
            await script(desk, ends, guard)
        finally:
            beating.cancel()
            await asyncio.wait({beating})

    return play(run)


def test_a_resting_order_outlives_its_end_for_as_long_as_we_live() -> None:
    async def script(desk: Desk, ends: Ends, _guard: DeadMan) -> None:
        desk.submit(buy())
        await live(desk, ends, 60)
        assert desk.venue.at("c1").status is OrderStatus.RESTING
        assert 5 <= ends.renewals <= 15

    guarded(script)


def test_nothing_rests_after_our_death() -> None:
    async def script(desk: Desk) -> None:
        desk.submit(buy())
        await desk.wait(5)
        ends = Ends(desk)
        guard = DeadMan(
            desk.venue, desk.clock, desk.gateway, desk._inbox, DeadManSettings(), ends.renew
        )
        await guard.beat()
        await desk.gateway.close()
        await live(desk, ends, LIFETIME + 1)
        assert desk.venue.at("c1").status is OrderStatus.EXPIRED

    play(script)


def test_where_heartbeats_hold_the_net_nothing_is_sent_before_the_first_one() -> None:
    async def script(desk: Desk) -> None:
        guard = DeadMan(desk.venue, desk.clock, desk.gateway, desk._inbox, DeadManSettings())
        desk.submit(buy("early"))
        await desk.wait()
        assert desk.reason("early") == "dead_man"
        desk.fault("keep_alive", Fault.LOSE_REPLY)
        await guard.beat()
        desk.submit(buy("not yet"))
        await desk.wait()
        assert desk.reason("not yet") == "dead_man"
        await guard.beat()
        desk.submit(buy("now"))
        await desk.wait()
        assert desk.venue.at("now").status is OrderStatus.RESTING
        assert len(desk.venue.placed) == 1

    play(script)


def test_signs_of_life_that_fail_stop_new_orders_until_one_is_taken() -> None:
    async def script(desk: Desk, ends: Ends, guard: DeadMan) -> None:
        desk.fault("keep_alive", *[Fault.LOSE_REQUEST] * 4)
        await desk.wait(2)
        assert guard.failures == 1
        desk.submit(buy("c1"))
        await desk.wait(4)
        assert desk.breaks() == ["dead_man"]
        desk.submit(buy("c2"))
        await live(desk, ends, 12)
        desk.submit(buy("c3"))
        await desk.wait(1)
        assert desk.words("c3") == ["OrderAccepted"]

    desk = guarded(script)
    assert desk.reason("c2") == "dead_man"
    assert desk.breaks() == []


def test_renewals_that_fail_stop_new_orders_too() -> None:
    async def script(desk: Desk, ends: Ends, _guard: DeadMan) -> None:
        desk.submit(buy())
        await live(desk, ends, 3)
        ends.down = True
        await live(desk, ends, 12)
        assert desk.breaks() == ["dead_man"]
        await live(desk, ends, 20)
        desk.check_settled()

    desk = guarded(script)
    assert desk.reason() == "expired"


def test_an_order_that_filled_meanwhile_is_no_failure() -> None:
    async def script(desk: Desk, ends: Ends, guard: DeadMan) -> None:
        desk.submit(buy())
        await live(desk, ends, 3)
        desk.venue.muted = True
        desk.venue.fill("v1", 10 * CONTRACT)
        await live(desk, ends, 10)
        assert guard.failures == 0
        desk.check_settled()

    guarded(script)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"interval_seconds": 0}, "more than 0"), ({"interval_seconds": 6.0}, "no second try")],
)
def test_a_net_with_holes_is_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        DeadManSettings(**settings)  # type: ignore[arg-type]
