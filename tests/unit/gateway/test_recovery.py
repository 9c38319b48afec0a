"""After a crash the journal names every order that may still rest, and only those."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotpath.gateway.recovery import remember, unproved_orders
from hotpath.live.earlier import prove
from kairos.domain.instruments import Liquidity, Outcome
from kairos.errors import Malformed
from kairos.messages import events
from kairos.messages.commands import SubmitOrder
from kairos.messages.journal_lines import ShellEvent, event_line, event_of
from kairos.ports import Clock
from tests.support.fake_venue import FakeVenue, Fault
from tests.support.gateway import CONTRACT, Desk, buy, play

EVENTS: list[ShellEvent] = [
    events.OrderAccepted(1, "c1", "v1"),
    events.OrderRejected(1, "c1", "no"),
    events.OrderFilled(1, "c1", "f1", 5_000, 7, -3, Liquidity.MAKER, "venue", 2),
    events.OrderUnknown(1, "c1", 'a "quoted" detail'),
    events.OrderAmended(1, "c1", 5_000, 7),
    events.FillVoided(1, "c1", "f1", "not_settled"),
    events.PositionAdopted(1, "M", Outcome.NO, 7, 3),
    events.CashAdjusted(1, -5, "withdrawal"),
    events.BreakFound(1, "b", "cash", None, "1", "2"),
    events.MarketDetermined(1, "M", Outcome.YES, "venue"),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_survives_the_journal(event: ShellEvent) -> None:
    line = event_line(event)
    assert event_of(line) == event
    assert msgspec.json.decode(line)["recv_ns"] == 1
    assert b"\n" not in line


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b'{"src":"shell","type":"OrderVanished","data":{}}', "unknown_type"),
        (b'{"src":"shell","type":"OrderClosed","data":{"recv_ns":1}}', "missing required field"),
        (b'{"src":"shell","type":"OrderFilled","data":{"recv_ns":"1"}}', "wrong_type"),
    ],
)
def test_half_an_event_is_malformed(line: bytes, problem: str) -> None:
    with pytest.raises(Malformed, match=problem):
        event_of(line)


@given(st.binary())
def test_other_lines_are_nobody_s_event(line: bytes) -> None:
    assert event_of(line) is None


def submitted(name: str) -> bytes:
    body = msgspec.json.encode(buy(name))
    return b'{"src":"engine","type":"SubmitOrder","data":%b}' % body


def test_orders_without_an_end_are_unproved() -> None:
    records = [
        submitted("ended"),
        submitted("open"),
        submitted("reopened"),
        event_line(events.OrderClosed(1, "ended", "filled")),
        event_line(events.OrderRejected(1, "reopened", "no")),
        event_line(events.OrderUnknown(2, "reopened", "it filled")),
        b'{"src":"kalshi_ws","raw":{"note":"\\"type\\":\\"SubmitOrder\\""}}',
        b'{"recv_ns":1,"src":"kalshi_ws","raw":{"type":"SubmitOrder"}}',
        b"{torn",
    ]
    assert [order.client_order_id for order in unproved_orders(records)] == ["open", "reopened"]


class Remembering(FakeVenue):
    """A venue that keeps no ids of ours."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.told: list[str] = []

    async def remember(self, order: SubmitOrder) -> None:
        self.told.append(order.client_order_id)


def test_a_venue_that_needs_it_is_told_of_the_orders_and_others_are_not_asked() -> None:
    async def script(desk: Desk) -> None:
        await remember(desk.venue, [buy("c1")])
        venue = Remembering(desk.clock)
        await remember(venue, [buy("c1"), buy("c2")])
        assert venue.told == ["c1", "c2"]
        proofs = await prove(venue, desk.clock, [buy("c3")], 0.1)
        assert [proof.status for proof in proofs] == [None]
        assert venue.told[2:] == ["c3"]

    play(script)


def test_resting_orders_are_not_forgotten_at_restart() -> None:
    """A process dies with orders in every state; the next one knows each again."""

    async def script(desk: Desk) -> None:
        venue = desk.venue
        for number, name in enumerate(["rests", "filled", "lost", "never"], 1):
            if name == "lost":
                desk.fault("place", Fault.LOSE_REPLY)
            if name == "never":
                desk.fault("place", Fault.LOSE_REQUEST)
            desk.submit(buy(name, price=4_000 + number))
            await desk.wait()
        venue.fill("v2", 10 * CONTRACT)
        await desk.gateway.close()
        records = [submitted(name) for name in ("rests", "filled", "lost", "never")]
        records += [event_line(event) for event in desk.heard]  # type: ignore[arg-type]
        venue.fill("v1", 3 * CONTRACT)  # while nobody listens

        next_one = Desk(after=desk)
        gateway = next_one.gateway
        gateway.restore(unproved_orders(records), announce=False)
        await next_one.wait(30)
        next_one.check_exposure()
        assert sorted(next_one.engine.account.orders) == ["lost", "rests"]
        assert next_one.held() == 13 * CONTRACT
        assert next_one.reason("never") == "never_arrived"
        assert len(venue.placed) == 3
        await gateway.close()

    play(script)
