"""Private messages become facts in our units, or are refused with a reason; none is guessed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos.adapters.kalshi import private
from kairos.domain.instruments import Action, Liquidity, Outcome, Venue
from kairos.errors import Malformed
from kairos.messages.events import ChannelReply, IndexValue
from kairos.messages.trading import (
    FillState,
    OrderStatus,
    VenueFill,
    VenueOrder,
    VenuePosition,
)
from tests.support.repository import shared

CONN = "private-1"

FILL: dict[str, Any] = {
    "type": "fill", "sid": 13, "sending_ts_ms": 1,
    "msg": {
        "trade_id": "t-1", "order_id": "o-1", "client_order_id": "c-1", "market_ticker": "M",
        "exchange_index": 2, "is_taker": True, "yes_price_dollars": "0.7500", "count_fp": "278.00",
        "fee_cost": "0.010000", "ts_ms": 1_671_899_397_000, "post_position_fp": "500.00",
        "outcome_side": "yes", "book_side": "bid", "new_field": 1,
    },
}  # fmt: skip
ORDER: dict[str, Any] = {
    "type": "user_order", "sid": 22,
    "msg": {
        "order_id": "o-1", "ticker": "M", "status": "resting", "outcome_side": "no",
        "book_side": "ask", "yes_price_dollars": "0.3500", "fill_count_fp": "2.00",
        "remaining_count_fp": "6.00", "initial_count_fp": "10.00", "client_order_id": "c-1",
        "created_ts_ms": 1, "expiration_ts_ms": 2, "last_updated_ts_ms": 3,
        "last_update_reason": "Decrease",
    },
}  # fmt: skip
POSITION: dict[str, Any] = {
    "type": "market_position", "sid": 14, "msg": {"market_ticker": "M", "position_fp": "-2.50"},
}  # fmt: skip
GROUP: dict[str, Any] = {
    "type": "order_group_updates", "sid": 21, "seq": 7,
    "msg": {
        "event_type": "limit_updated", "order_group_id": "og_1", "contracts_limit_fp": "150.00",
        "ts_ms": 5,
    },
}  # fmt: skip
INDEX: dict[str, Any] = {
    "type": "cfbenchmarks_value_5hz", "sid": 1, "seq": 42,
    "msg": {
        "index_id": "BRTI", "value_usd": "68000.12000000", "source_ts_ms": 323, "received_at": 341,
        "data": '{"type":"value","id":"BRTI","time":323,"value":"68000.12"}',
    },
}  # fmt: skip
EVERY = [FILL, ORDER, POSITION, GROUP, INDEX]


def told(raw: dict[str, Any]) -> tuple[Any, ...]:
    frame = private.decode(msgspec.json.encode(raw))
    assert private.events(9, CONN, private.convert(raw)) == private.events(9, CONN, frame)
    return private.events(9, CONN, frame)


def changed(raw: dict[str, Any], **msg: object) -> dict[str, Any]:
    return raw | {"msg": raw["msg"] | msg}


def test_a_fill_is_told_whole() -> None:
    assert told(FILL) == (
        VenueFill(
            Venue.KALSHI, "t-1", "o-1", "c-1", "M", Outcome.YES, Action.BUY, 7_500, 278_000_000,
            208_500_000, 10_000, Liquidity.TAKER, FillState.FINAL, 1_671_899_397_000_000_000,
        ),
    )  # fmt: skip


def test_a_fill_of_no_has_the_price_of_no() -> None:
    (fill,) = told(changed(FILL, outcome_side="no", book_side="ask", is_taker=False))
    assert (fill.outcome, fill.price, fill.liquidity) == (Outcome.NO, 2_500, Liquidity.MAKER)
    assert fill.notional == 69_500_000


def test_an_order_is_told_whole() -> None:
    assert told(ORDER) == (
        VenueOrder(
            Venue.KALSHI, "o-1", "c-1", "M", Outcome.NO, Action.BUY, 6_500, 8_000_000, 2_000_000,
            OrderStatus.RESTING, "Decrease", 1_000_000, 2_000_000, 3_000_000,
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("status", "reason", "expected"),
    [
        ("executed", "Trade", OrderStatus.FILLED),
        ("canceled", "MarginCancel", OrderStatus.CANCELED),
        ("canceled", "ExpiryCancel", OrderStatus.EXPIRED),
        ("canceled", None, OrderStatus.CANCELED),
        ("unknown", None, OrderStatus.PENDING),
    ],
)
def test_an_order_ends_for_a_reason(status: str, reason: str | None, expected: OrderStatus) -> None:
    (order,) = told(changed(ORDER, status=status, last_update_reason=reason))
    assert (order.status, order.reason) == (expected, reason or "")


def test_a_position_states_both_outcomes() -> None:
    def held(yes: int, no: int) -> tuple[VenuePosition, ...]:
        return (
            VenuePosition(Venue.KALSHI, "M", Outcome.YES, yes),
            VenuePosition(Venue.KALSHI, "M", Outcome.NO, no),
        )

    assert told(POSITION) == held(0, 2_500_000)
    assert told(changed(POSITION, position_fp="0.00")) == held(0, 0)
    assert told(changed(POSITION, position_fp="4.00")) == held(4_000_000, 0)


def test_a_group_update_accounts_for_its_sequence() -> None:
    reply, update = told(GROUP)
    assert reply == ChannelReply(9, CONN, 21, 7)
    assert update == private.GroupUpdate("og_1", "limit_updated", 150_000_000, 5_000_000)
    _, triggered = told(changed(GROUP, event_type="triggered", contracts_limit_fp=None))
    assert triggered.contracts_limit is None


def test_a_fast_index_print_is_kept_apart_from_the_settlement_index() -> None:
    reply, value = told(INDEX)
    assert reply == ChannelReply(9, CONN, 1, 42)
    assert value == IndexValue(9, CONN, "BRTI_5HZ", 68_000.12, 323_000_000)


@pytest.mark.parametrize(
    ("raw", "field", "value"),
    [
        (FILL, "yes_price_dollars", "1.0001"),
        (FILL, "yes_price_dollars", 0.75),
        (FILL, "count_fp", "-1.00"),
        (FILL, "fee_cost", "free"),
        (FILL, "fee_cost", None),
        (FILL, "book_side", "ask"),
        (FILL, "outcome_side", "maybe"),
        (FILL, "is_taker", "yes"),
        (FILL, "ts_ms", None),
        (ORDER, "status", "pending"),
        (ORDER, "remaining_count_fp", None),
        (ORDER, "initial_count_fp", "ten"),
        (POSITION, "position_fp", ""),
        (GROUP, "event_type", "melted"),
        (GROUP, "ts_ms", "5"),
        (INDEX, "value_usd", "0.00000000"),
        (INDEX, "value_usd", "68000.99000000"),
        (INDEX, "value_usd", "68000.12000x"),
        (INDEX, "value_usd", "68000.120000x1"),
        (INDEX, "index_id", "ETHUSD_RTI"),
        (INDEX, "data", "{"),
    ],
)
def test_a_message_that_makes_no_sense_is_refused(
    raw: dict[str, Any], field: str, value: object
) -> None:
    with pytest.raises(Malformed):
        told(changed(raw, **{field: value}))


@pytest.mark.parametrize("raw", EVERY, ids=lambda raw: raw["type"])
def test_a_message_without_one_of_its_facts_is_refused(raw: dict[str, Any]) -> None:
    optional = {
        "client_order_id", "contracts_limit_fp", "exchange_index", "expiration_ts_ms",
        "last_update_reason", "last_updated_ts_ms", "new_field", "post_position_fp", "received_at",
    } - ({"client_order_id"} if raw is ORDER else set())  # fmt: skip
    for field in raw["msg"].keys() - optional:
        less = raw | {"msg": {name: each for name, each in raw["msg"].items() if name != field}}
        with pytest.raises(Malformed):
            told(less)


@given(st.sampled_from(EVERY), st.data())
def test_damaged_bytes_are_refused_or_still_a_message(raw: dict[str, Any], data: Any) -> None:  # noqa: ANN401
    whole = bytearray(msgspec.json.encode(raw))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        events = private.events(9, CONN, private.decode(bytes(whole)))
    except Malformed as refused:
        assert refused.reason
        assert refused.field
    else:
        assert events


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b'{"type":"orderbook_delta"}', b"[" * 50_000])
def test_what_is_no_private_message_is_refused(raw: bytes) -> None:
    with pytest.raises(Malformed, match="unreadable"):
        private.decode(raw)


@pytest.mark.parametrize(
    "name",
    ["fill", "userOrder", "marketPosition", "orderGroupUpdates", "cfbenchmarksValue5Hz"],
)
def test_the_published_examples_are_read(name: str) -> None:
    raw = shared("samples/kalshi/asyncapi_examples_2026-10-26.json").read_bytes()
    for example in msgspec.json.decode(raw)[name]:
        assert told(example["payload"])
        assert example["payload"]["type"] in private.PRIVATE_TYPES
