"""One market's edge, and a whole tick over the live state."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kairos.domain.profile_v1.edges import EdgeInputs, EdgeRow, compute_edge, read_asks
from kairos.domain.profile_v1.state import EdgeSettings, EdgeTick, LiveState, tick_edges
from tests.support.profile_v1 import CLOSE, NOW, SPOT, add_market, state_with_spot

INPUTS = EdgeInputs(NOW, NOW - 2, SPOT, 0.55, 1)
SETTINGS = EdgeSettings(status="open")
QUOTE = {"ts": NOW - 3, "yes_bid": 48, "yes_ask": 52, "no_bid": 48, "no_ask": 52}
CONTRACT = {"ticker": "KXBTC-A", "strike_type": "greater", "lower": SPOT, "close_ts": NOW + 3598}


def edge(
    contract: dict[str, Any] | None = None,
    quote: dict[str, Any] | None = None,
    **inputs: Any,  # noqa: ANN401
) -> EdgeRow | None:
    asks = read_asks(QUOTE | (quote or {}))
    return compute_edge(CONTRACT | (contract or {}), asks, replace(INPUTS, **inputs))


def test_horizon_runs_from_the_spot_tick_so_a_stale_one_lengthens_it() -> None:
    fresh, stale = edge(), edge(spot_ts=NOW - 30)
    assert fresh is not None
    assert stale is not None
    assert (fresh.horizon_seconds, stale.horizon_seconds) == (3600, 3628)


def test_a_close_before_the_spot_tick_is_a_horizon_of_zero() -> None:
    row = edge({"close_ts": NOW - 30, "lower": SPOT - 10})
    assert row is not None
    assert (row.horizon_seconds, row.settlement_ts) == (0, NOW - 30)
    assert row.prob_yes == 1 - 1e-12


def test_each_side_is_worth_its_own_probability() -> None:
    row = edge(spot_ts=NOW - 2)
    assert row is not None
    assert row.ev_take_yes == pytest.approx(-0.04117216859554805, abs=1e-12)
    assert row.ev_take_no == pytest.approx(-0.03882783140445199, abs=1e-12)


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ({"close_ts": 0, "expected_expiration_ts": NOW + 60}, NOW + 60),
        ({"close_ts": None, "settlement_ts": NOW + 70}, NOW + 70),
        ({"close_ts": NOW + 5, "expected_expiration_ts": NOW + 6}, NOW + 5),
    ],
)
def test_the_first_time_that_is_neither_null_nor_zero_decides(
    times: dict[str, int | None], expected: int
) -> None:
    row = edge(times)
    assert row is not None
    assert row.settlement_ts == expected


@pytest.mark.parametrize(
    "contract",
    [
        {"ticker": None},
        {"ticker": 17},
        {"close_ts": None},
        {"strike_type": "custom"},
        {"lower": None},
    ],
)
def test_what_cannot_be_priced_has_no_row(contract: dict[str, Any]) -> None:
    assert edge(contract) is None


def test_market_id_stands_in_for_a_ticker() -> None:
    row = edge({"ticker": None, "market_id": "KXBTC-M"})
    assert row is not None
    assert row.market_id == "KXBTC-M"


def test_one_missing_ask_leaves_the_other_side_and_two_leave_nothing() -> None:
    row = edge(quote={"yes_ask": None})
    assert row is not None
    assert (row.ev_take_yes, row.asks.yes_ask) == (None, None)
    assert row.ev_take_no is not None
    assert edge(quote={"yes_ask": None, "no_ask": 120}) is None
    assert edge(contracts=0) is None


def test_numbers_in_quotes_may_be_text_but_bounds_are_recorded_as_given() -> None:
    row = edge({"lower": "68000"}, {"yes_ask": "52", "no_ask": "52"})
    assert row is not None
    assert (row.asks.yes_ask, row.evidence["lower"]) == (52.0, "68000")


@pytest.mark.parametrize(
    ("yes_ask", "no_ask", "flags"),
    [
        (100, 1, (True, False, False)),
        (0, 100, (True, True, False)),
        (40, 50, (False, False, True)),
        (50, 50, (False, False, False)),
    ],
)
def test_evidence_flags(yes_ask: float, no_ask: float, flags: tuple[bool, bool, bool]) -> None:
    row = edge(quote={"yes_ask": yes_ask, "no_ask": no_ask})
    assert row is not None
    evidence = row.evidence
    found = (evidence["yes_ask_boundary"], evidence["no_ask_boundary"], evidence["crossed_market"])
    assert found == flags


def ticked(state: LiveState, settings: EdgeSettings = SETTINGS) -> EdgeTick:
    return tick_edges(state, settings, NOW)


def test_a_tick_prices_and_explains() -> None:
    state = state_with_spot()
    add_market(state, "KXBTC-A")
    tick = ticked(state)
    row = tick.snapshots[0]
    assert tick.summary["snapshots_total"] == 1
    assert (row["yes_mid"], row["no_mid"]) == (47.5, 52.5)
    assert (row["spot_age_seconds"], row["quote_age_seconds"]) == (0, 2)
    assert row["raw_json"]["selection_horizon_seconds"] == CLOSE - NOW
    assert row["raw_json"]["snapshot_version"] == 1
    assert row["raw_json"]["sigma_ok"] is True


def test_without_spot_nothing_is_priced() -> None:
    state = LiveState(10)
    add_market(state, "KXBTC-A")
    assert ticked(state).summary["error"] == "spot_missing"


def test_without_markets_the_exclusions_become_reasons() -> None:
    state = state_with_spot()
    add_market(state, "KXBTC-A", close_ts=NOW - 6)
    add_market(state, "KXBTC-B", close_ts=None)
    add_market(state, "KXBTC-C", quote_ts=NOW - 301)
    add_market(state, "KXBTC-D", yes=(None, None), no=(None, None))
    summary = ticked(state).summary
    assert summary["error"] == "no_relevant_markets"
    assert summary["skip_reasons"] == {
        "expired_contract": 1,
        "missing_settlement_ts": 1,
        "missing_quote": 1,
        "missing_both_sides": 1,
    }


def test_a_crossed_market_is_selected_but_not_priced() -> None:
    state = state_with_spot()
    add_market(state, "KXBTC-A", yes=(40.0, 49.0), no=(45.0, 50.0))
    tick = ticked(state)
    assert tick.snapshots == []
    assert tick.summary["skip_reasons"] == {"crossed_market": 1}
    assert tick.summary["diagnostics"] == {"crossed_market": 1}
    assert (tick.summary["skipped"], tick.summary["relevant_with_recent_quotes"]) == (1, 0)
    assert tick.summary["latest_quote_ts"] is None


def test_an_untradable_side_is_nulled_counted_and_not_a_skip() -> None:
    state = state_with_spot()
    add_market(state, "KXBTC-A", no=(56.0, 55.0))
    tick = ticked(state)
    row = tick.snapshots[0]
    assert (row["no_ask"], row["no_mid"], row["ev_take_no"]) == (None, None, None)
    assert row["no_bid"] == 56.0
    assert tick.summary["skip_reasons"] == {"missing_no_ask": 1}
    assert tick.summary["skipped"] == 0
    add_market(state, "KXBTC-A", yes=(None, 50.0))
    assert ticked(state).summary["skip_reasons"] == {"missing_yes_ask": 1}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"quote_ts": NOW - 301}, "missing_quote"),
        ({"yes": (None, None), "no": (None, None)}, "missing_both_sides"),
        ({"strike": -1.0}, "invalid_edge"),
    ],
)
def test_reasons_that_only_show_when_quotes_are_not_required(
    changes: dict[str, Any], reason: str
) -> None:
    state = state_with_spot()
    add_market(state, "KXBTC-A", **changes)
    tick = ticked(state, replace(SETTINGS, require_quotes=False))
    assert (tick.summary["skip_reasons"], tick.summary["skipped"]) == ({reason: 1}, 1)


def test_ages_in_the_summary_are_the_oldest() -> None:
    state = state_with_spot()
    add_market(state, "KXBTC-A", quote_ts=NOW - 1)
    add_market(state, "KXBTC-B", quote_ts=NOW - 9)
    summary = ticked(state).summary
    assert (summary["quote_age_seconds"], summary["max_quote_age_seconds"]) == (9, 9)
    assert summary["latest_quote_ts"] == NOW - 1


def test_good_sigma_is_remembered_and_used_when_history_is_short() -> None:
    state = state_with_spot()
    add_market(state, "KXBTC-A")
    good = ticked(state).summary["sigma"]
    later = tick_edges(state, SETTINGS, NOW + 2000)
    assert later.summary["sigma_source"] == "history"
    assert later.summary["sigma"] == good


def test_a_bad_sigma_is_not_remembered() -> None:
    state = LiveState(10)
    state.apply_spot(NOW, SPOT)
    add_market(state, "KXBTC-A")
    assert ticked(state).summary["sigma_source"] == "default"
    assert state.last_good_sigma is None
