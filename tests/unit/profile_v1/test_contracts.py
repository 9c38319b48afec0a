"""Envelopes, payloads and idempotency keys, and what the keys fail to tell apart."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from kairos.domain.profile_v1.contracts import REGISTRY, build_event, digest_source, parse_event
from kairos.errors import Malformed
from tests.support.profile_v1 import NOW

SPOT: dict[str, Any] = {"ts": NOW, "product_id": "BTC-USD", "price": 68_000.0}
REQUIRED: dict[str, dict[str, Any]] = {
    "spot_tick": SPOT,
    "quote_update": {"ts": NOW, "market_id": "A"},
    "market_lifecycle": {"market_id": "A", "status": "open"},
    "contract_update": {"ticker": "A"},
    "edge_snapshot": {
        "asof_ts": NOW,
        "market_id": "A",
        "prob_yes": 0.5,
        "ev_take_yes": 0.0,
        "ev_take_no": 0.0,
        "sigma_annualized": 0.5,
        "spot_price": 1.0,
    },
    "opportunity_decision": {
        "ts_eval": NOW,
        "market_id": "A",
        "eligible": True,
        "would_trade": False,
    },
    "execution_order": {
        "ts_order": NOW,
        "order_id": "o",
        "market_id": "A",
        "side": "YES",
        "status": "filled",
    },
    "execution_fill": {
        "ts_fill": NOW,
        "fill_id": "f",
        "order_id": "o",
        "market_id": "A",
        "side": "YES",
    },
}


def digest(event_type: str, **changes: Any) -> str:  # noqa: ANN401
    payload = REQUIRED[event_type] | changes
    return build_event(event_type, payload, source="t", ts_event=NOW).digest_source


def refused(event_type: str, payload: dict[str, Any]) -> Malformed:
    with pytest.raises(Malformed) as caught:
        build_event(event_type, payload, source="t", ts_event=NOW)
    return caught.value


def test_every_type_has_its_contract_here() -> None:
    assert set(REQUIRED) == set(REGISTRY)


@pytest.mark.parametrize("event_type", sorted(REGISTRY))
def test_each_required_field_is_missed_by_name(event_type: str) -> None:
    for name in REQUIRED[event_type]:
        payload = {key: value for key, value in REQUIRED[event_type].items() if key != name}
        error = refused(event_type, payload)
        assert (error.reason, error.field) == ("missing_field", name)
        assert refused(event_type, payload | {name: None}).field == name


@pytest.mark.parametrize("event_type", sorted(REGISTRY))
def test_extra_fields_are_forbidden(event_type: str) -> None:
    error = refused(event_type, REQUIRED[event_type] | {"surprise": 1})
    assert (error.reason, error.field) == ("unexpected_field", "surprise")


@pytest.mark.parametrize(
    ("event_type", "changes", "expected"),
    [
        ("spot_tick", {"sequence_num": 0}, f"BTC-USD|{NOW}|0"),
        ("quote_update", {"source_msg_id": " 17 "}, f"A|{NOW}|17"),
        ("market_lifecycle", {"close_ts": 5}, "A|open|5|||"),
        ("market_lifecycle", {"status": "open", "settlement_ts": 7}, "A|open||||7"),
        ("contract_update", {"outcome": 0, "settled_ts": 9}, "A||||9|0"),
        ("edge_snapshot", {}, f"{NOW}|A|v1"),
        ("opportunity_decision", {"side": "YES"}, f"{NOW}|A|YES|v1"),
        ("opportunity_decision", {"side": "NO", "strategy_version": 2}, f"{NOW}|A|NO|2"),
        ("execution_order", {}, "o|filled"),
        ("execution_fill", {}, "f"),
    ],
)
def test_key_parts(event_type: str, changes: dict[str, Any], expected: str) -> None:
    assert digest(event_type, **changes) == expected


@pytest.mark.parametrize(
    ("event_type", "changes"),
    [
        ("spot_tick", {}),
        ("spot_tick", {"sequence_num": 1, "product_id": " "}),
        ("quote_update", {"source_msg_id": ""}),
        ("opportunity_decision", {}),
        ("contract_update", {"ticker": " "}),
    ],
)
def test_a_blank_part_falls_back_on_the_whole_payload(
    event_type: str, changes: dict[str, Any]
) -> None:
    assert digest(event_type, **changes).startswith("{")


def test_canonical_payload_is_sorted_compact_ascii_and_full_of_nulls() -> None:
    assert digest("spot_tick", product_id="BTC-€") == (
        '{"ask_qty":null,"best_ask":null,"best_bid":null,"bid_qty":null,"price":68000.0,'
        '"product_id":"BTC-\\u20ac","sequence_num":null,"ts":1771300000}'
    )


def test_the_key_is_24_digits_of_the_digest() -> None:
    event = build_event("execution_fill", REQUIRED["execution_fill"], source="t", ts_event=NOW)
    assert event.idempotency_key == f"execution_fill:v1:{hashlib.sha256(b'f').hexdigest()[:24]}"
    assert (event.subject, event.dead_letter_subject) == ("execution.fills", "dlq.execution.fills")


def test_d20_open_closed_open_ends_on_closed() -> None:
    """The third event has the first one's key, so it is dropped as a duplicate."""
    assert digest("market_lifecycle", status="open") == digest("market_lifecycle", status="open")
    assert digest("market_lifecycle", status="open") != digest("market_lifecycle", status="closed")


def test_d20_a_corrected_strike_has_the_same_key() -> None:
    assert digest("contract_update", lower=1.0) == digest("contract_update", lower=2.0)


@pytest.mark.parametrize("event_type", ["execution_order", "execution_fill"])
def test_execution_defaults_and_the_smallest_quantity(event_type: str) -> None:
    payload = build_event(event_type, REQUIRED[event_type], source="t", ts_event=NOW).payload
    assert (payload["action"], payload["quantity"], payload["paper"]) == ("open", 1, True)
    one = build_event(event_type, REQUIRED[event_type] | {"quantity": 1}, source="t", ts_event=NOW)
    assert one.payload["quantity"] == 1
    assert refused(event_type, REQUIRED[event_type] | {"quantity": 0}).reason == "too_small"


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"quantity": 0}, "too_small", "quantity"),
        ({"quantity": None}, "missing_field", "quantity"),
        ({"paper": "maybe"}, "wrong_type", "paper"),
        ({"paper": 2}, "wrong_type", "paper"),
        ({"ts_order": 1.5}, "wrong_type", "ts_order"),
        ({"ts_order": "soon"}, "wrong_type", "ts_order"),
        ({"ts_order": [1]}, "wrong_type", "ts_order"),
        ({"order_id": 7}, "wrong_type", "order_id"),
        ({"price_cents": "fifty"}, "wrong_type", "price_cents"),
    ],
)
def test_values_outside_the_contract_are_refused(
    changes: dict[str, Any], reason: str, field: str
) -> None:
    error = refused("execution_order", REQUIRED["execution_order"] | changes)
    assert (error.reason, error.field) == (reason, field)


def test_values_are_converted_where_that_loses_nothing() -> None:
    event = build_event(
        "spot_tick",
        {"ts": "1771300000", "product_id": "B", "price": 68_000, "sequence_num": 3.0},
        source="t",
        ts_event=NOW,
    )
    assert event.payload["ts"] == NOW
    assert type(event.payload["price"]) is float
    assert event.digest_source == f"B|{NOW}|3"
    decided = REQUIRED["opportunity_decision"] | {"eligible": "no", "would_trade": 1, "strike": 5}
    payload = build_event("opportunity_decision", decided, source="t", ts_event=NOW).payload
    assert (payload["eligible"], payload["would_trade"], payload["strike"]) == (False, True, 5)
    decided |= {"eligible": 0, "would_trade": "Yes"}
    payload = build_event("opportunity_decision", decided, source="t", ts_event=NOW).payload
    assert (payload["eligible"], payload["would_trade"]) == (False, True)


def envelope(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "event_type": "spot_tick",
        "schema_version": 1,
        "ts_event": NOW - 9,
        "source": "t",
        "payload": SPOT,
    } | changes


def test_an_envelope_keeps_its_own_key_and_gets_one_otherwise() -> None:
    assert parse_event(envelope(idempotency_key="mine"), NOW).idempotency_key == "mine"
    made = parse_event(envelope(idempotency_key=None), NOW)
    assert made.idempotency_key.startswith("spot_tick:v1:")
    assert made.envelope()["ts_event"] == NOW - 9


def test_an_envelope_without_time_gets_the_producers() -> None:
    assert parse_event(envelope(ts_event=None), NOW).ts_event == NOW


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"event_type": "trade"}, "event_type"),
        ({"schema_version": 2}, "schema_version"),
        ({"schema_version": None}, "schema_version"),
        ({"source": None}, "source"),
        ({"payload": None}, "payload"),
        ({"payload": [1]}, "payload"),
        ({"note": "x"}, "note"),
    ],
)
def test_a_bad_envelope_names_its_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_event(envelope(**changes), NOW)
    assert caught.value.field == field


def test_digest_of_an_unknown_type_is_refused() -> None:
    with pytest.raises(Malformed):
        digest_source("trade", {})
