"""Orders that leave inside `submit`: what is proved of them is what was proved before."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from hotpath.gateway.live import LiveGateway
from hotpath.gateway.settings import ForeignOrders, GatewaySettings
from kairos.domain.instruments import Venue
from kairos.domain.orders import OrderState
from kairos.domain.refusals import Refusal
from kairos.errors import KairosError, OutcomeUnknown, VenueRefused, VenueUnreachable
from kairos.messages.commands import SubmitOrder
from kairos.messages.events import Event
from kairos.messages.trading import OrderStatus, Placement
from tests.support.fake_venue import FakeVenue
from tests.support.gateway import CONTRACT, buy
from tests.support.virtual_clock import VirtualClock

RESTING = Placement("v1", OrderStatus.RESTING, 0, 10 * CONTRACT, None)
Begin = Callable[[SubmitOrder], Awaitable[Placement] | None]


class PromptVenue(FakeVenue):
    """A venue whose `place_now` does what the test says; `slow` counts what went the other way."""

    begin: Begin
    state_then: OrderState | None = None
    look: Callable[[], OrderState]

    def place_now(self, order: SubmitOrder) -> Awaitable[Placement] | None:
        self.state_then = self.look()
        return self.begin(order)


class Bench:
    def __init__(self, begin: Begin) -> None:
        self.clock = VirtualClock()
        self.venue = PromptVenue(self.clock)
        self.venue.begin = begin
        self.heard: list[str] = []
        self.gateway = LiveGateway(
            self.venue, self.clock, self._inbox, GatewaySettings(ForeignOrders.LEAVE),
            lambda _command, _fill: 0,
        )  # fmt: skip
        self.venue.look = lambda: self.state

    def _inbox(self, event: Event) -> None:
        self.heard.append(type(event).__name__)

    @property
    def state(self) -> OrderState:
        tracked = self.gateway.registry.find("c1")
        assert tracked is not None
        return tracked.order.state


def play(begin: Begin, *, turns: int = 3) -> Bench:
    async def scenario() -> Bench:
        bench = Bench(begin)
        bench.gateway.submit(buy())
        for _ in range(turns):
            await asyncio.sleep(0)
        bench.heard.append("|")
        await bench.gateway.close()
        return bench

    return asyncio.run(scenario())


async def answered() -> Placement:
    return RESTING


async def fails(error: KairosError) -> Placement:
    raise error


def test_an_order_leaves_inside_submit_and_counts_as_sent_before() -> None:
    seen: list[str] = []

    async def scenario() -> None:
        def begin(order: SubmitOrder) -> Awaitable[Placement]:
            seen.append(order.client_order_id)
            return answered()

        bench = Bench(begin)
        bench.gateway.submit(buy())
        assert seen == ["c1"], "without a turn of the loop"
        assert bench.venue.state_then is OrderState.SENT
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert bench.heard == ["OrderAccepted"]
        await bench.gateway.close()

    asyncio.run(scenario())


def test_what_cannot_leave_at_once_goes_the_other_way() -> None:
    bench = play(lambda _order: None)
    assert [each.client_order_id for each in bench.venue.placed] == ["c1"]
    assert bench.heard[0] == "OrderAccepted"


@pytest.mark.parametrize("late", [False, True], ids=["inside the call", "in the answer"])
@pytest.mark.parametrize(
    ("error", "heard"),
    [
        (VenueRefused(Venue.KALSHI, Refusal.POST_ONLY_CROSSED, "no", ""), "OrderRejected"),
        (VenueUnreachable(Venue.KALSHI, "no_connection", "no", ""), "OrderRejected"),
        (OutcomeUnknown(Venue.KALSHI, "no_answer", "lost", ""), "OrderUnknown"),
    ],
)
def test_an_error_means_the_same_wherever_it_comes(
    error: KairosError, heard: str, late: bool
) -> None:
    def begin(_order: SubmitOrder) -> Awaitable[Placement]:
        if late:
            return fails(error)
        raise error

    bench = play(begin)
    assert bench.heard[0] == heard
    assert not bench.venue.placed, "never sent again"


def test_a_defect_while_sending_leaves_the_order_unknown() -> None:
    def begin(_order: SubmitOrder) -> Awaitable[Placement]:
        raise ZeroDivisionError("a defect")

    async def scenario() -> None:
        bench = Bench(begin)
        with pytest.raises(ZeroDivisionError):
            bench.gateway.submit(buy())
        assert bench.state is OrderState.UNKNOWN
        assert bench.heard == ["OrderUnknown"]
        await bench.gateway.close()

    asyncio.run(scenario())


def test_a_gateway_that_closes_before_the_answer_says_that_nobody_knows() -> None:
    bench = play(lambda _order: answered(), turns=0)
    assert bench.heard == ["|", "OrderUnknown"]
    assert bench.state is OrderState.UNKNOWN
