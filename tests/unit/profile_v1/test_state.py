"""What each market event does to the live state, out of order and with nulls."""

from __future__ import annotations

import pytest

from kairos.domain.profile_v1.contracts import build_event
from kairos.domain.profile_v1.live_state import normal_status
from kairos.domain.profile_v1.state import LiveState
from tests.support.profile_v1 import NOW


def contract(state: LiveState, ts_event: int, **changes: int | float | str | None) -> None:
    event = build_event("contract_update", {"ticker": "A", **changes}, source="t", ts_event=NOW)
    state.apply_payload("contract_update", ts_event, event.payload)


def test_spot_of_an_equal_second_wins_and_of_an_older_one_does_not() -> None:
    state = LiveState(10)
    for ts, price in ((5, 1.0), (5, 2.0), (4, 3.0)):
        state.apply_spot(ts, price)
    assert state.spot == (5, 2.0)
    assert state.spot_history.ticks() == [(5, 1.0), (5, 2.0), (4, 3.0)]


def test_spot_is_bounded_and_keeps_what_arrived_last() -> None:
    state = LiveState(2)
    for ts in (1, 2, 3):
        state.apply_spot(ts, float(ts))
    assert state.spot_history.ticks() == [(2, 2.0), (3, 3.0)]


def test_d19_a_senseless_price_becomes_the_spot() -> None:
    state = LiveState(10)
    state.apply_spot(1, 68_000.0)
    state.apply_spot(2, 0.01)
    assert state.spot == (2, 0.01)


def test_spot_of_another_product_is_not_ours() -> None:
    state = LiveState(10, "BTC-USD")
    state.apply_payload("spot_tick", NOW, {"product_id": "ETH-USD", "ts": 1, "price": 2.0})
    assert state.spot is None


def test_an_older_quote_is_ignored_and_an_equal_one_replaces_all_of_it() -> None:
    state = LiveState(10)
    state.apply_quote("A", 10, yes_bid=1.0, yes_ask=2.0, no_bid=3.0, no_ask=4.0)
    state.apply_quote("A", 9, yes_bid=9.0, yes_ask=9.0, no_bid=9.0, no_ask=9.0)
    assert state.quotes["A"].yes_bid == 1.0
    state.apply_quote("A", 10, yes_bid=5.0, yes_ask=None, no_bid=None, no_ask=None)
    held = state.quotes["A"]
    assert (held.yes_bid, held.yes_ask, held.no_ask) == (5.0, None, None)


def test_d21_a_failed_fetch_wipes_the_strikes_but_not_the_times() -> None:
    state = LiveState(10)
    contract(state, 1, lower=1.0, upper=2.0, strike_type="between", close_ts=50, outcome=1)
    contract(state, 1)
    held = state.contracts["A"]
    assert (held.lower, held.upper, held.strike_type) == (None, None, None)
    assert (held.close_ts, held.outcome) == (50, 1)


def test_an_older_contract_update_is_ignored() -> None:
    state = LiveState(10)
    contract(state, 5, lower=1.0, strike_type="greater")
    contract(state, 4, lower=9.0, strike_type="less")
    assert state.contracts["A"].lower == 1.0


def test_lifecycle_keeps_times_it_is_not_told_and_ignores_the_past() -> None:
    state = LiveState(10)
    state.apply_lifecycle("A", 5, " Active ", close_ts=50)
    state.apply_lifecycle("A", 5, "CLOSED", settlement_ts=60)
    state.apply_lifecycle("A", 4, "open", close_ts=99)
    held = state.markets["A"]
    assert (held.status, held.close_ts, held.settlement_ts) == ("closed", 50, 60)


@pytest.mark.parametrize(("status", "normal"), [("ACTIVE", "open"), ("Open", "open"), ("x", "x")])
def test_active_is_open(status: str, normal: str) -> None:
    assert normal_status(status) == normal


@pytest.mark.parametrize(
    ("own", "market", "expected"),
    [
        ({"close_ts": 1, "expected_expiration_ts": 2}, {"close_ts": 3}, 1),
        ({"expected_expiration_ts": 2}, {"close_ts": 3}, 2),
        ({"close_ts": 0, "expected_expiration_ts": 0}, {"close_ts": 3}, 3),
        ({}, {"expected_expiration_ts": 4, "settlement_ts": 5}, 4),
        ({}, {"settlement_ts": 5}, 5),
        ({"expiration_ts": 9}, {"expiration_ts": 9}, None),
    ],
)
def test_the_close_time_is_the_contracts_own_before_the_markets(
    own: dict[str, int], market: dict[str, int], expected: int | None
) -> None:
    state = LiveState(10)
    contract(state, 1, **own)
    state.apply_lifecycle("A", 1, "open", **market)
    assert state.close_time(state.contracts["A"]) == expected


@pytest.mark.parametrize(
    ("known", "wanted", "listed"),
    [
        ("active", "open", True),
        ("open", "active", True),
        ("closed", "open", False),
        (None, "open", True),
        ("closed", None, True),
        ("closed", "", True),
    ],
)
def test_only_a_known_other_status_hides_a_contract(
    known: str | None, wanted: str | None, listed: bool
) -> None:
    state = LiveState(10)
    contract(state, 1)
    if known is not None:
        state.apply_lifecycle("A", 1, known)
    assert bool(list(state.open_contracts(wanted))) is listed


def test_events_that_are_not_about_the_market_change_nothing() -> None:
    state = LiveState(10)
    state.apply_payload("execution_fill", NOW, {"fill_id": "x"})
    assert (state.spot, state.quotes, state.contracts) == (None, {}, {})
