"""Orders go out in the venue's terms, once, with their safety net; answers prove or do not."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from kairos.bootstrap import KALSHI_DEMO
from kairos.domain.instruments import Action, Outcome, Venue
from kairos.domain.refusals import Refusal
from kairos.errors import OutcomeUnknown, VenueRefused, VenueUnreachable
from kairos.messages.commands import SubmitOrder, TimeInForce
from kairos.messages.trading import OrderStatus, Placement, VenueOrder
from kairos.ports import HttpRequest
from tests.support.kalshi_rest import CLIENT_ID, GROUP, MARKET, submit, trading
from tests.support.rest import Answer, FakeClock, ScriptedTransport, answer

API = "/trade-api/v2/portfolio/events/orders"
LOST = OutcomeUnknown("host", "no_answer", "it broke", "Look")
ABSENT = VenueUnreachable("host", "no_connection", "refused", "Check")
IOC, GTD = TimeInForce.IOC, TimeInForce.GTD


def created(filled: str = "0.00", remaining: str = "10.00", **more: object) -> Answer:
    fields = {"order_id": "o-1", "fill_count": filled, "remaining_count": remaining, "ts_ms": 7}
    return answer(msgspec.json.encode(fields | more), 201)


def place(order: SubmitOrder, *answers: Answer) -> tuple[Placement, dict[str, Any], HttpRequest]:
    transport = ScriptedTransport(answers or [created()])
    placement = asyncio.run(trading(transport).place(order))
    (request,) = transport.requests
    return placement, msgspec.json.decode(request.body), request


def refused(order: SubmitOrder, *answers: Answer) -> tuple[VenueRefused, int]:
    """The refusal and how many requests it took."""
    transport = ScriptedTransport(answers)
    with pytest.raises(VenueRefused) as error:
        asyncio.run(trading(transport).place(order))
    return error.value, len(transport.requests)


@pytest.mark.parametrize(
    ("outcome", "action", "side", "price"),
    [
        (Outcome.YES, Action.BUY, "bid", "0.3100"),
        (Outcome.NO, Action.BUY, "ask", "0.6900"),
        (Outcome.YES, Action.SELL, "ask", "0.3100"),
        (Outcome.NO, Action.SELL, "bid", "0.6900"),
    ],
)
def test_every_order_is_told_in_the_yes_book(
    outcome: Outcome, action: Action, side: str, price: str
) -> None:
    _, body, request = place(submit(outcome, action, price=3_100, quantity=12_500_000))
    assert (request.method, request.path) == ("POST", API)
    assert (body["side"], body["price"], body["count"]) == (side, price, "12.50")
    assert (body["ticker"], body["client_order_id"]) == (MARKET, CLIENT_ID)


def test_a_resting_order_has_its_whole_safety_net() -> None:
    clock = FakeClock()
    _, body, _ = place(submit(post_only=True))
    assert body["time_in_force"] == "good_till_canceled"
    assert body["expiration_time"] == clock.ns // 10**9 + KALSHI_DEMO.lifetime_seconds
    assert body["order_group_id"] == GROUP
    assert body["cancel_order_on_pause"] is True
    assert body["self_trade_prevention_type"] == "taker_at_cross"
    assert body["post_only"] is True
    assert "reduce_only" not in body


def test_an_order_with_an_end_of_its_own_never_outlives_it() -> None:
    clock = FakeClock()
    end_ns = clock.ns + 90_999_999_999
    _, body, _ = place(submit(tif=GTD, expires_ns=end_ns))
    assert body["time_in_force"] == "good_till_canceled"
    assert body["expiration_time"] == clock.ns // 10**9 + 90


@pytest.mark.parametrize("tif", [TimeInForce.IOC, TimeInForce.FOK])
def test_an_order_that_cannot_rest_has_no_end_and_no_group(tif: TimeInForce) -> None:
    _, body, _ = place(submit(tif=tif), created("10.00", "0.00"))
    assert body["time_in_force"] == tif.value
    assert not body.keys() & {"expiration_time", "order_group_id", "cancel_order_on_pause"}


def test_reduce_only_goes_with_immediate_or_cancel_only() -> None:
    _, body, _ = place(submit(tif=IOC, reduce_only=True), created("10.00", "0.00"))
    assert body["reduce_only"] is True
    error, requests = refused(submit(reduce_only=True))
    assert (error.reason, requests) == (Refusal.UNSUPPORTED, 0)


@pytest.mark.parametrize(
    ("order", "refusal"),
    [
        (submit(tif=IOC, post_only=True), Refusal.UNSUPPORTED),
        (submit(tif=GTD), Refusal.INVALID_REQUEST),
        (submit(tif=GTD, expires_ns=1), Refusal.INVALID_REQUEST),
        (submit(price=0), Refusal.PRICE_OFF_GRID),
        (submit(price=10_000), Refusal.PRICE_OFF_GRID),
        (submit(quantity=0), Refusal.SIZE_BELOW_MINIMUM),
        (submit(quantity=5_000), Refusal.DUST),
    ],
)
def test_what_the_venue_cannot_do_is_never_sent(order: SubmitOrder, refusal: Refusal) -> None:
    error, requests = refused(order)
    assert (error.reason, requests) == (refusal, 0)


def test_nothing_rests_without_a_group() -> None:
    transport = ScriptedTransport([created("10.00", "0.00")])
    venue = trading(transport, group="")
    with pytest.raises(VenueRefused, match="order group"):
        asyncio.run(venue.place(submit()))
    asyncio.run(venue.place(submit(tif=IOC)))
    assert len(transport.requests) == 1


@pytest.mark.parametrize(
    ("tif", "filled", "remaining", "status"),
    [
        (TimeInForce.GTC, "0.00", "10.00", OrderStatus.RESTING),
        (TimeInForce.GTC, "4.00", "6.00", OrderStatus.RESTING),
        (TimeInForce.GTC, "10.00", "0.00", OrderStatus.FILLED),
        (TimeInForce.GTC, "4.00", "0.00", OrderStatus.CANCELED),
        (TimeInForce.IOC, "10.00", "0.00", OrderStatus.FILLED),
        (TimeInForce.IOC, "4.00", "0.00", OrderStatus.CANCELED),
        (TimeInForce.IOC, "0.00", "0.00", OrderStatus.CANCELED),
        (TimeInForce.IOC, "4.00", "6.00", OrderStatus.PENDING),
    ],
)
def test_the_answer_says_where_the_order_stands(
    tif: TimeInForce, filled: str, remaining: str, status: OrderStatus
) -> None:
    placement, _, _ = place(submit(tif=tif), created(filled, remaining, client_order_id=CLIENT_ID))
    whole = {"0.00": 0, "4.00": 4_000_000, "6.00": 6_000_000, "10.00": 10_000_000}
    assert placement == Placement("o-1", status, whole[filled], whole[remaining], 7_000_000)


@pytest.mark.parametrize(
    "reply",
    [
        answer("", 201),
        answer("<html>", 200),
        answer("{}", 201),
        answer("null", 201),
        answer(b"\xff", 201),
        answer("[" * 50_000, 201),
        answer('{"error": "soft refusal"}', 200),
        created(remaining="ten"),
        created(remaining="-1.00"),
        created("6.00", "6.00"),
        created(order_id=""),
        created(order_id=None),
        created(ts_ms="now"),
        created(client_order_id="somebody-else's"),
    ],
)
def test_an_answer_that_makes_no_sense_proves_nothing(reply: Answer) -> None:
    transport = ScriptedTransport([reply])
    with pytest.raises(OutcomeUnknown) as unknown:
        asyncio.run(trading(transport).place(submit()))
    assert unknown.value.reason == "unreadable_reply"
    assert len(transport.requests) == 1


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (answer("{}", 500), OutcomeUnknown),
        (answer('{"error":{"code":"exchange_is_paused"}}', 503), OutcomeUnknown),
        (LOST, OutcomeUnknown),
        (ABSENT, VenueUnreachable),
    ],
)
def test_a_create_is_sent_once_whatever_happens(reply: Answer, kind: type[Exception]) -> None:
    transport = ScriptedTransport([reply, created()])
    with pytest.raises(kind):
        asyncio.run(trading(transport).place(submit()))
    assert len(transport.requests) == 1


def test_a_duplicate_id_means_already_there() -> None:
    error, requests = refused(submit(), answer("{}", 409))
    assert (error.reason, requests) == (Refusal.ALREADY_PLACED, 1)
    assert error.status == 409


def test_signed_headers_go_out_and_no_error_shows_them() -> None:
    _, _, request = place(submit())
    assert request.headers is not None
    assert request.headers["KALSHI-ACCESS-KEY"] == "key-id"
    error, _ = refused(submit(), answer("{}", 400))
    assert request.headers["KALSHI-ACCESS-SIGNATURE"] not in str(error)


def batch(*items: dict[str, object]) -> Answer:
    return answer(msgspec.json.encode({"orders": list(items)}), 201)


GOOD_ITEM: dict[str, object] = {
    "order_id": "o-1", "client_order_id": CLIENT_ID, "fill_count": "0.00",
    "remaining_count": "10.00", "ts_ms": 7, "error": None,
}  # fmt: skip


def test_each_order_of_a_batch_has_an_answer_of_its_own() -> None:
    error = {"code": "invalid order", "message": "m", "details": "post only cross"}
    empty = dict.fromkeys(GOOD_ITEM)
    transport = ScriptedTransport(
        [batch(GOOD_ITEM, empty | {"error": error}, GOOD_ITEM | {"ts_ms": None})]
    )
    answers = asyncio.run(trading(transport).place_batch([submit(), submit(), submit()]))
    assert isinstance(answers[0], Placement)
    assert isinstance(answers[1], VenueRefused)
    assert answers[1].reason == Refusal.POST_ONLY_CROSSED
    assert isinstance(answers[2], OutcomeUnknown)
    assert len(msgspec.json.decode(transport.requests[0].body)["orders"]) == 3


def test_a_batch_with_too_few_answers_proves_nothing() -> None:
    transport = ScriptedTransport([batch(GOOD_ITEM)])
    with pytest.raises(OutcomeUnknown):
        asyncio.run(trading(transport).place_batch([submit(), submit()]))


@pytest.mark.parametrize("count", [0, 9])
def test_a_batch_is_bounded(count: int) -> None:
    with pytest.raises(VenueRefused, match=r"1\.\.8"):
        asyncio.run(trading(ScriptedTransport()).place_batch([submit()] * count))


RESTING = VenueOrder(
    Venue.KALSHI, "o-1", CLIENT_ID, MARKET, Outcome.NO, Action.BUY, 4_400, 10_000_000, 2_000_000,
    OrderStatus.RESTING, "", None, None, None,
)  # fmt: skip


def amended(**more: object) -> Answer:
    return answer(msgspec.json.encode({"order_id": "o-1", "ts_ms": 7} | more))


def test_an_amendment_states_the_total_and_the_yes_price() -> None:
    transport = ScriptedTransport([amended()])
    placement = asyncio.run(trading(transport).amend(RESTING, 4_500, 12_000_000))
    (request,) = transport.requests
    assert (request.method, request.path) == ("POST", f"{API}/o-1/amend")
    assert msgspec.json.decode(request.body) == {
        "ticker": MARKET, "side": "ask", "price": "0.5500", "count": "12.00",
    }  # fmt: skip
    assert placement == Placement("o-1", OrderStatus.RESTING, None, None, 7_000_000)


@pytest.mark.parametrize(
    ("more", "status", "remaining"),
    [
        ({"remaining_count": "4.00", "fill_count": "6.00"}, OrderStatus.RESTING, 4_000_000),
        ({"remaining_count": "0.00", "fill_count": "10.00"}, OrderStatus.FILLED, 0),
        ({"remaining_count": "0.00"}, OrderStatus.CANCELED, 0),
    ],
)
def test_an_amendment_may_trade(
    more: dict[str, object], status: OrderStatus, remaining: int
) -> None:
    transport = ScriptedTransport([amended(**more)])
    placement = asyncio.run(trading(transport).amend(RESTING, 4_500, 12_000_000))
    assert (placement.status, placement.remaining) == (status, remaining)


def test_renewing_changes_nothing_but_the_end() -> None:
    clock = FakeClock()
    transport = ScriptedTransport([amended()])
    asyncio.run(trading(transport, clock).renew(RESTING, clock.ns + 30_000_000_000))
    body = msgspec.json.decode(transport.requests[0].body)
    assert (body["price"], body["count"]) == ("0.5600", "10.00")
    assert body["expiration_time"] == clock.ns // 10**9 + 30


def test_an_amendment_is_sent_once() -> None:
    transport = ScriptedTransport([answer("{}", 500), amended()])
    with pytest.raises(OutcomeUnknown):
        asyncio.run(trading(transport).amend(RESTING, 4_500, 12_000_000))
    assert len(transport.requests) == 1


def test_a_decrease_names_the_market_and_tells_what_rests() -> None:
    reply = answer('{"order_id":"o-1","remaining_count":"3.00","ts_ms":7}')
    transport = ScriptedTransport([reply])
    left = asyncio.run(trading(transport).orders.decrease("o-1", MARKET, 3_000_000))
    assert left == 3_000_000
    body = msgspec.json.decode(transport.requests[0].body)
    assert body == {"reduce_to": "3.00", "market_ticker": MARKET}
