"""Cancels name their market, persist until proved and always have budget; groups end together."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import pytest

from kairos.domain.refusals import Refusal
from kairos.errors import OutcomeUnknown, VenueRefused
from tests.support.kalshi_rest import CLIENT_ID, MARKET, submit, trading
from tests.support.rest import Answer, FakeClock, ScriptedTransport, answer

API = "/trade-api/v2/portfolio/events/orders"
LOST = OutcomeUnknown("host", "no_answer", "it broke", "Look")


def created(filled: str = "0.00", remaining: str = "10.00", **more: object) -> Answer:
    fields = {"order_id": "o-1", "fill_count": filled, "remaining_count": remaining, "ts_ms": 7}
    return answer(msgspec.json.encode(fields | more), 201)


def canceled(order_id: str = "o-1") -> Answer:
    return answer(f'{{"order_id":"{order_id}","reduced_by":"10.00","ts_ms":7}}')


def order_reply(status: str) -> Answer:
    return answer(msgspec.json.encode({"order": order_fields(status)}))


def order_fields(status: str, order_id: str = "o-1") -> dict[str, str]:
    return {
        "order_id": order_id, "client_order_id": CLIENT_ID, "ticker": MARKET, "outcome_side": "yes",
        "book_side": "bid", "status": status, "yes_price_dollars": "0.5600",
        "fill_count_fp": "0.00", "remaining_count_fp": "10.00", "initial_count_fp": "10.00",
    }  # fmt: skip


def test_a_cancel_names_its_market() -> None:
    transport = ScriptedTransport([canceled()])
    asyncio.run(trading(transport).cancel("o-1", MARKET))
    (request,) = transport.requests
    assert (request.method, request.path) == ("DELETE", f"{API}/o-1")
    assert dict(parse_qsl(request.query)) == {"market_ticker": MARKET}


def test_a_cancel_is_tried_again_until_it_is_proved() -> None:
    transport = ScriptedTransport([LOST, answer("{}", 500), canceled()])
    asyncio.run(trading(transport).cancel("o-1", MARKET))
    assert len(transport.requests) == 3


def test_a_cancel_that_finds_nothing_is_done_when_the_order_has_ended() -> None:
    transport = ScriptedTransport([LOST, answer("{}", 404), order_reply("canceled")])
    asyncio.run(trading(transport).cancel("o-1", MARKET))


def test_a_cancel_that_finds_nothing_is_refused_while_the_order_rests() -> None:
    transport = ScriptedTransport([answer("{}", 404), order_reply("resting")])
    with pytest.raises(VenueRefused) as error:
        asyncio.run(trading(transport).cancel("o-1", MARKET))
    assert error.value.reason == Refusal.NOT_FOUND


@pytest.mark.parametrize("reply", [canceled("another"), answer("<html>")])
def test_a_cancel_answered_about_something_else_proves_nothing(reply: Answer) -> None:
    with pytest.raises(OutcomeUnknown):
        asyncio.run(trading(ScriptedTransport([reply])).cancel("o-1", MARKET))


def test_cancelling_everything_is_one_request() -> None:
    transport = ScriptedTransport([answer(b"", 204)])
    asyncio.run(trading(transport).cancel_all())
    assert [(each.method, each.path) for each in transport.requests] == [("DELETE", API)]


def test_cancelling_a_market_ends_each_of_its_orders() -> None:
    page = {"orders": [order_fields("resting", each) for each in ("o-1", "o-2")], "cursor": ""}
    error = {"code": "not_found", "message": "", "details": ""}
    done: dict[str, Any] = {
        "orders": [
            {"order_id": "o-2", "reduced_by": "0.00", "error": error},
            {"order_id": "o-1", "reduced_by": "10.00"},
        ]
    }
    replies = [answer(msgspec.json.encode(each)) for each in (page, done)]
    transport = ScriptedTransport([*replies, canceled("o-2")])
    asyncio.run(trading(transport).cancel_all(MARKET))
    listing, batched, single = transport.requests
    assert dict(parse_qsl(listing.query))["status"] == "resting"
    assert msgspec.json.decode(batched.body)["orders"] == [
        {"order_id": "o-1", "market_ticker": MARKET},
        {"order_id": "o-2", "market_ticker": MARKET},
    ]
    assert single.path == f"{API}/o-2"


def test_a_batch_of_cancels_answered_about_others_proves_nothing() -> None:
    reply = answer('{"orders":[{"order_id":"x","reduced_by":"1.00"}]}')
    with pytest.raises(OutcomeUnknown):
        asyncio.run(trading(ScriptedTransport([reply])).orders.cancel_batch([("o-1", MARKET)]))


def test_cancels_still_pass_when_orders_have_used_up_their_part() -> None:
    clock = FakeClock()
    transport = ScriptedTransport([*[created()] * 8, *[canceled()] * 10])
    venue = trading(transport, clock)

    async def burst() -> None:
        for _ in range(8):
            await venue.place(submit())
        for _ in range(10):
            await venue.cancel("o-1", MARKET)

    asyncio.run(burst())
    assert clock.slept == []


def test_groups_live_on_their_shard() -> None:
    transport = ScriptedTransport([answer('{"order_group_id":"og_9","subaccount":0}', 201)])
    assert asyncio.run(trading(transport).groups.create(100_000_000)) == "og_9"
    body = msgspec.json.decode(transport.requests[0].body)
    assert body == {"contracts_limit_fp": "100.00", "exchange_index": 2}


@pytest.mark.parametrize(
    ("call", "method", "path"),
    [
        ("trigger", "PUT", "/og_9/trigger"),
        ("reset", "PUT", "/og_9/reset"),
        ("delete", "DELETE", "/og_9"),
    ],
)
def test_group_calls_name_the_shard(call: str, method: str, path: str) -> None:
    transport = ScriptedTransport([answer("{}")])
    asyncio.run(getattr(trading(transport).groups, call)("og_9"))
    (request,) = transport.requests
    assert (request.method, request.query) == (method, "exchange_index=2")
    assert request.path.endswith(f"/portfolio/order_groups{path}")


def test_triggering_a_group_is_tried_again_and_resetting_it_is_not() -> None:
    transport = ScriptedTransport([answer("{}", 500), answer("{}"), answer("{}", 500)])
    venue = trading(transport)
    asyncio.run(venue.groups.trigger("og_9"))
    with pytest.raises(OutcomeUnknown):
        asyncio.run(venue.groups.reset("og_9"))
    assert len(transport.requests) == 3
