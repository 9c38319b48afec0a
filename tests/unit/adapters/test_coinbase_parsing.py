"""Coinbase Exchange messages become spot events, exactly or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from kairos.bootstrap import LineDecoder
from kairos.messages.events import InputQuarantined, SpotHeartbeat, SpotTrade
from tests.support import tape

VENUE_NS = 1_795_013_165_763_416_000


def decoded(raw: dict[str, Any]) -> Any:  # noqa: ANN401
    return LineDecoder().decode(tape.line(raw, src="coinbase_ws", conn=None))


@pytest.mark.parametrize("kind", ["match", "last_match", "ticker"])
def test_every_way_of_telling_a_trade_is_a_trade(kind: str) -> None:
    assert decoded(tape.match("81356.97", 1_017_512_769, kind=kind)) == SpotTrade(
        tape.START_NS, "coinbase_ws", "BTC-USD", 81_356.97, 1_017_512_769, VENUE_NS
    )


def test_heartbeat_announces_the_last_trade() -> None:
    event = decoded(tape.heartbeat(1_017_512_769))
    assert isinstance(event, SpotHeartbeat)
    assert event.last_trade_id == 1_017_512_769


def test_venue_time_keeps_its_microseconds_and_its_zone() -> None:
    event = decoded(tape.match("1", 1) | {"time": "2026-11-18T15:46:05.763416+01:00"})
    assert event.venue_ns == VENUE_NS


def test_subscriptions_are_no_event() -> None:
    assert decoded({"type": "subscriptions", "channels": []}) == ()


def test_a_thinned_match_without_number_is_a_trade_without_number() -> None:
    raw = tape.match("81356.97", 1)
    del raw["type"], raw["trade_id"]
    assert decoded(raw).trade_id is None


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"price": "0"}, "bad_number"),
        ({"price": "-1"}, "bad_number"),
        ({"price": "1e5"}, "bad_number"),
        ({"price": "nan"}, "bad_number"),
        ({"price": ""}, "bad_number"),
        ({"price": "9" * 13}, "bad_number"),
        ({"price": 81356.97}, "wrong_type"),
        ({"price": None}, "wrong_type"),
        ({"trade_id": "7"}, "wrong_type"),
        ({"time": "yesterday"}, "wrong_type"),
        ({"time": "2026-11-18T14:46:05"}, "wrong_type"),
        ({"type": "l2update"}, "unknown_type"),
    ],
)
def test_a_trade_that_cannot_be_trusted_is_refused(fields: dict[str, Any], reason: str) -> None:
    (event,) = decoded(tape.match("1", 1) | fields)
    assert isinstance(event, InputQuarantined)
    assert event.reason == reason


@pytest.mark.parametrize("name", ["product_id", "price", "time", "trade_id"])
def test_nothing_is_made_up_for_a_missing_field(name: str) -> None:
    raw = tape.match("1", 1)
    del raw[name]
    (event,) = decoded(raw)
    assert event.reason == "missing_field"
