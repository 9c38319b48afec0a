"""What the venue says we hold is whole or an error; absence is believed only when it is proved."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import pytest

from kairos.adapters.kalshi.portfolio import Settlement
from kairos.domain.instruments import Outcome, Venue
from kairos.domain.refusals import Refusal
from kairos.errors import OutcomeUnknown, VenueRefused, VenueUnreachable
from kairos.messages.trading import OrderStatus, VenueBalance, VenuePosition
from kairos.ports import HttpRequest, HttpResponse
from tests.support.kalshi_rest import CLIENT_ID, MARKET, trading
from tests.support.rest import Answer, FakeClock, ScriptedTransport, answer

LATER = "2099-01-01T00:00:00Z"
EARLIER = "2026-01-01T00:00:00Z"


def reply(fields: object) -> HttpResponse:
    return answer(msgspec.json.encode(fields))


def order(order_id: str, client_id: str = "other", status: str = "resting") -> dict[str, str]:
    return {
        "order_id": order_id, "client_order_id": client_id, "ticker": MARKET, "outcome_side": "yes",
        "book_side": "bid", "status": status, "yes_price_dollars": "0.5600",
        "fill_count_fp": "0.00", "remaining_count_fp": "10.00", "initial_count_fp": "10.00",
    }  # fmt: skip


def orders(*rows: dict[str, str], cursor: str = "") -> HttpResponse:
    return reply({"orders": rows, "cursor": cursor})


def fresh(as_of: str = LATER) -> HttpResponse:
    return reply({"as_of_time": as_of})


def paths(requests: Sequence[HttpRequest]) -> list[str]:
    return [each.path.removeprefix("/trade-api/v2") for each in requests]


def fill(fill_id: str, **more: object) -> dict[str, object]:
    return {
        "fill_id": fill_id, "order_id": "o-1", "ticker": MARKET, "outcome_side": "no",
        "book_side": "ask", "count_fp": "2.00", "yes_price_dollars": "0.5600", "is_taker": True,
        "fee_cost": "0.017500", "created_time": "2026-11-18T10:00:00Z",
    } | more  # fmt: skip


def test_an_order_is_found_by_our_id_on_a_later_page() -> None:
    transport = ScriptedTransport([orders(order("a"), cursor="c1"), orders(order("b", CLIENT_ID))])
    found = asyncio.run(trading(transport).find(CLIENT_ID, MARKET))
    assert found is not None
    assert found.venue_order_id == "b"
    first, second = (dict(parse_qsl(each.query)) for each in transport.requests)
    assert first == {"ticker": MARKET, "limit": "1000"}
    assert second == first | {"cursor": "c1"}


def test_absence_is_proved_by_fresh_data_and_the_archive() -> None:
    transport = ScriptedTransport([orders(order("a")), fresh(), orders(), orders()])
    assert asyncio.run(trading(transport).find(CLIENT_ID, MARKET)) is None
    assert paths(transport.requests) == [
        "/portfolio/orders",
        "/exchange/user_data_timestamp",
        "/portfolio/orders",
        "/historical/orders",
    ]


def test_an_order_that_appears_late_is_still_found() -> None:
    stale = [fresh(EARLIER)] * 3
    late = orders(order("b", CLIENT_ID, "executed"))
    transport = ScriptedTransport([orders(), *stale, fresh(), late])
    found = asyncio.run(trading(transport).find(CLIENT_ID, MARKET))
    assert found is not None
    assert found.status is OrderStatus.FILLED


def test_absence_in_stale_data_proves_nothing() -> None:
    clock = FakeClock()
    transport = ScriptedTransport([orders(), *[fresh(EARLIER)] * 12])
    with pytest.raises(OutcomeUnknown) as unknown:
        asyncio.run(trading(transport, clock).find(CLIENT_ID, MARKET))
    assert unknown.value.reason == "stale_data"
    assert sum(clock.slept) < 10


@pytest.mark.parametrize("broken", [answer("{}", 500), answer("<html>"), answer("{}")])
def test_a_page_that_is_missing_proves_nothing(broken: Answer) -> None:
    transport = ScriptedTransport([orders(cursor="c1"), *[broken] * 4])
    with pytest.raises(OutcomeUnknown):
        asyncio.run(trading(transport).find(CLIENT_ID, MARKET))


def test_an_archived_order_is_found() -> None:
    archived = orders(order("b", CLIENT_ID, "canceled"))
    transport = ScriptedTransport([orders(), fresh(), orders(), archived])
    found = asyncio.run(trading(transport).find(CLIENT_ID, MARKET))
    assert found is not None
    assert found.status is OrderStatus.CANCELED


def test_an_order_is_read_by_the_venues_id() -> None:
    transport = ScriptedTransport([reply({"order": order("o-1")})])
    found = asyncio.run(trading(transport).order("o-1", MARKET))
    assert found is not None
    assert paths(transport.requests) == ["/portfolio/orders/o-1"]


def test_an_order_nobody_has_is_none_once_proved() -> None:
    transport = ScriptedTransport([answer("{}", 404), fresh(), answer("{}", 404), orders()])
    assert asyncio.run(trading(transport).order("o-1", MARKET)) is None


def test_a_refused_look_up_is_no_absence() -> None:
    transport = ScriptedTransport([answer("{}", 401)])
    with pytest.raises(VenueRefused) as error:
        asyncio.run(trading(transport).order("o-1", MARKET))
    assert error.value.reason == Refusal.WRONG_KEY


def test_pages_that_do_not_end_are_an_error() -> None:
    endless = [orders(cursor=f"c{number}") for number in range(100)]
    transport = ScriptedTransport(endless)
    with pytest.raises(OutcomeUnknown, match="100 pages"):
        asyncio.run(trading(transport, FakeClock()).open_orders())


def test_pages_that_go_in_a_circle_are_an_error() -> None:
    transport = ScriptedTransport([orders(cursor="c1"), orders(cursor="c2"), orders(cursor="c1")])
    with pytest.raises(OutcomeUnknown, match="points back"):
        asyncio.run(trading(transport).open_orders())


def test_one_unreadable_order_hides_no_other() -> None:
    broken = order("a") | {"yes_price_dollars": "1.5000"}
    transport = ScriptedTransport([orders(order("b"), broken)])
    with pytest.raises(OutcomeUnknown, match="price_out_of_range"):
        asyncio.run(trading(transport).open_orders())


def test_fills_come_once_each_and_from_before_the_second_asked_for() -> None:
    page = {"fills": [fill("f-1"), fill("f-2"), fill("f-1")], "cursor": ""}
    transport = ScriptedTransport([reply(page)])
    clock = FakeClock()
    since_ns = clock.ns - 5_500_000_000
    found = asyncio.run(trading(transport, clock).fills(since_ns))
    assert [each.fill_id for each in found] == ["f-1", "f-2"]
    query = dict(parse_qsl(transport.requests[0].query))
    assert int(query["min_ts"]) == since_ns // 10**9 - 1


def test_old_fills_are_read_from_the_archive_too() -> None:
    cutoff = {
        "market_settled_ts": LATER, "trades_created_ts": "2026-08-01T00:00:00Z",
        "orders_updated_ts": LATER,
    }  # fmt: skip
    live, archived = {"fills": [fill("f-2")], "cursor": ""}, {"fills": [fill("f-1")], "cursor": ""}
    transport = ScriptedTransport([reply(live), reply(cutoff), reply(archived)])
    found = asyncio.run(trading(transport).fills(0))
    assert {each.fill_id for each in found} == {"f-1", "f-2"}


def test_positions_say_which_outcome_is_held() -> None:
    rows = [
        {"ticker": "A", "position_fp": "3.00"},
        {"ticker": "B", "position_fp": "-2.50"},
        {"ticker": "C", "position_fp": "0.00"},
    ]
    transport = ScriptedTransport([reply({"market_positions": rows, "event_positions": []})])
    assert asyncio.run(trading(transport).positions()) == [
        VenuePosition(Venue.KALSHI, "A", Outcome.YES, 3_000_000),
        VenuePosition(Venue.KALSHI, "B", Outcome.NO, 2_500_000),
    ]


def test_settlements_are_in_our_units() -> None:
    row = {
        "ticker": MARKET, "event_ticker": "E", "market_result": "scalar", "yes_count_fp": "3.00",
        "no_count_fp": "0.00", "revenue": 150, "fee_cost": "0.0100", "value": 50,
        "settled_time": "1970-01-01T00:00:05Z",
    }  # fmt: skip
    transport = ScriptedTransport([reply({"settlements": [row], "cursor": ""})])
    assert asyncio.run(trading(transport).settlements(0)) == [
        Settlement(MARKET, "E", "scalar", 3_000_000, 0, 1_500_000, 10_000, 500_000, 5_000_000_000)
    ]


def test_cash_is_exact() -> None:
    transport = ScriptedTransport([reply({"balance": 1, "balance_dollars": "1234.567890"})])
    balance = asyncio.run(trading(transport).balance())
    assert balance == VenueBalance(Venue.KALSHI, 1_234_567_890)


def test_the_balance_is_asked_for_once_a_second_and_not_more() -> None:
    clock = FakeClock()
    transport = ScriptedTransport([reply({"balance_dollars": "1.00"})] * 2)
    venue = trading(transport, clock)

    async def twice() -> None:
        await venue.balance()
        await venue.balance()

    asyncio.run(twice())
    assert clock.slept == [1.0]


def test_limits_and_costs_are_learnt_from_the_venue() -> None:
    limits: dict[str, Any] = {
        "usage_tier": "advanced", "grants": [],
        "read": {"refill_rate": 300, "bucket_capacity": 900},
        "write": {"refill_rate": 300, "bucket_capacity": 900},
    }  # fmt: skip
    costs = {
        "default_cost": 5,
        "endpoint_costs": [
            {"method": "DELETE", "path": "/portfolio/events/orders/{order_id}", "cost": 1},
            {"method": "get", "path": "/trade-api/v2/portfolio/orders/:order_id", "cost": 3},
        ],
    }
    transport = ScriptedTransport([reply(limits), reply(costs)])
    venue = trading(transport)
    asyncio.run(venue.exchange.learn_limits())
    budget = venue.exchange._calls.client.budget
    assert budget.cost("DELETE /portfolio/events/orders/{}") == 1
    assert budget.cost("GET /portfolio/orders/{}") == 3
    assert budget.cost("POST /portfolio/events/orders") == 5


def test_reads_beyond_the_budget_wait_or_are_not_sent() -> None:
    clock = FakeClock()
    transport = ScriptedTransport([orders()] * 41)
    venue = trading(transport, clock)

    async def many() -> None:
        for _ in range(40):
            await venue.open_orders()

    asyncio.run(many())
    assert clock.slept == []
    asyncio.run(venue.open_orders())
    assert clock.slept == [0.05]


def test_a_venue_that_is_gone_is_unreachable() -> None:
    absent = VenueUnreachable("host", "no_connection", "refused", "Check")
    with pytest.raises(VenueUnreachable) as error:
        asyncio.run(trading(ScriptedTransport([absent] * 4)).balance())
    assert error.value.venue == "kalshi"
