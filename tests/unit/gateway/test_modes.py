"""Paper, shadow and live are one port; shadow sends nothing, and no mode stands in for another."""

from __future__ import annotations

import pytest

from hotpath.gateway.factory import GatewayParts, TradingMode, gateway_for
from hotpath.gateway.live import LiveGateway
from hotpath.gateway.paper import PaperGateway
from hotpath.gateway.settings import ForeignOrders, GatewaySettings
from hotpath.gateway.shadow import ShadowGateway
from kairos.domain.order_effects import OrderFill
from kairos.errors import UsageError
from kairos.messages.commands import AmendOrder, CancelOrder, SubmitOrder
from kairos.messages.events import AmendRejected, Event, OrderClosed
from tests.support.engine import new_engine
from tests.support.fake_venue import FakeVenue
from tests.support.gateway import MARKET, buy
from tests.support.paper import Session
from tests.support.virtual_clock import START_NS, VirtualClock


class Lines:
    """`kairos.ports.JournalWriter` in memory."""

    def __init__(self) -> None:
        self.records: list[bytes] = []

    def append_many(self, records: list[bytes]) -> None:
        for record in records:
            self.append(record)

    def append(self, record: bytes) -> None:
        self.records.append(record)

    def flush(self) -> None:
        pass


def no_fee(_command: SubmitOrder, _fill: OrderFill) -> int:
    return 0


def test_shadow_writes_down_what_it_would_send_and_gives_the_exposure_back() -> None:
    engine, journal = new_engine(), Lines()
    inbox: list[Event] = []
    gateway = ShadowGateway(VirtualClock(), inbox.append, journal)
    engine.account.submitted(buy(), engine.books.market(MARKET))
    gateway.submit(buy())
    gateway.cancel(CancelOrder(0, "c1"))
    gateway.amend(AmendOrder(0, "c1", 5_000, 1))
    assert inbox == [OrderClosed(START_NS, "c1", "shadow")]
    assert engine.account.reserved == 5_000_000
    for event in inbox:
        engine.handle(event)
    assert (engine.account.reserved, engine.account.orders) == (0, {})
    assert [line[:41] for line in journal.records] == [
        b'{"src":"kairos","type":"shadow_SubmitOrde', b'{"src":"kairos","type":"shadow_CancelOrde',
        b'{"src":"kairos","type":"shadow_AmendOrder',
    ]  # fmt: skip


def test_paper_takes_orders_through_the_same_port() -> None:
    session = Session()
    session.snapshot(yes=[(40, 10)], no=[(40, 10)])
    inbox: list[Event] = []
    gateway = PaperGateway(session.venue, inbox.append)
    gateway.submit(buy(contracts=1, price=3_000, market=MARKET))
    gateway.cancel(CancelOrder(session.now_ns, "c1"))
    session.wait(1_000)
    assert session.ending("c1") == "canceled"
    gateway.amend(AmendOrder(7, "c1", 3_000, 1))
    assert inbox == [AmendRejected(7, "c1", "unsupported")]


def parts(inbox: list[Event], **has: object) -> GatewayParts:
    return GatewayParts(inbox.append, **has)  # type: ignore[arg-type]


def test_the_factory_gives_each_mode_its_gateway() -> None:
    clock = VirtualClock()
    everything = parts(
        [], clock=clock, journal=Lines(), paper=Session().venue, trading=FakeVenue(clock),
        settings=GatewaySettings(ForeignOrders.LEAVE), estimate_fee=no_fee,
    )  # fmt: skip
    kinds = [type(gateway_for(mode, everything)) for mode in TradingMode]
    assert kinds == [PaperGateway, ShadowGateway, LiveGateway]


@pytest.mark.parametrize("mode", list(TradingMode))
def test_a_mode_without_its_parts_is_an_error_and_never_another_mode(mode: TradingMode) -> None:
    with pytest.raises(UsageError, match=f"mode {mode} needs"):
        gateway_for(mode, parts([]))


@pytest.mark.parametrize("missing", ["clock", "trading", "settings", "estimate_fee"])
def test_live_needs_all_of_its_parts(missing: str) -> None:
    clock = VirtualClock()
    has = {
        "clock": clock, "trading": FakeVenue(clock), "estimate_fee": no_fee,
        "settings": GatewaySettings(ForeignOrders.LEAVE), "paper": Session().venue,
    }  # fmt: skip
    del has[missing]
    with pytest.raises(UsageError, match="mode live needs"):
        gateway_for(TradingMode.LIVE, parts([], **has))


@pytest.mark.parametrize("name", ["requests_max", "answer_seconds", "looks_max", "orphans_max"])
def test_a_setting_that_is_no_bound_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=f"gateway.{name} is 0"):
        GatewaySettings(ForeignOrders.LEAVE, **{name: 0})
