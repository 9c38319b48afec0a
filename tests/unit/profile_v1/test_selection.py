"""Which markets are priced: each filter, its counter, its boundary, and the cut."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kairos.domain.profile_v1.quotes import is_crossed, is_tradable, validate_quote
from kairos.domain.profile_v1.selection import Selection, select_markets
from kairos.domain.profile_v1.state import EdgeSettings, LiveState
from tests.support.profile_v1 import CLOSE, NOW, SPOT, add_market, state_with_spot

SETTINGS = EdgeSettings(status="open")
LATEST_CLOSE = NOW + SETTINGS.max_horizon_seconds + SETTINGS.grace_seconds


def select(state: LiveState, settings: EdgeSettings = SETTINGS, spot: float = SPOT) -> Selection:
    return select_markets(state, settings, spot, NOW)


def tickers(selection: Selection) -> list[str]:
    return [one.contract.ticker for one in selection.chosen]


def three_markets() -> LiveState:
    state = LiveState(10)
    for name, strike in (("AAA", 102.0), ("BBB", 98.0), ("CCC", 100.0)):
        add_market(state, f"KXBTC-{name}", strike)
    return state


def test_nearest_first_and_equal_distances_by_ticker() -> None:
    chosen = tickers(select(three_markets(), spot=100.0))
    assert chosen == ["KXBTC-CCC", "KXBTC-AAA", "KXBTC-BBB"]


def test_too_few_in_band_means_the_first_top_n() -> None:
    narrow = replace(SETTINGS, pct_band=1.0, top_n=2)
    selection = select(three_markets(), narrow, spot=100.0)
    assert (selection.method, tickers(selection)) == ("top_n", ["KXBTC-CCC", "KXBTC-AAA"])


@pytest.mark.parametrize(("band", "chosen"), [(2.0, 3), (1.999, 1)])
def test_a_market_exactly_on_the_band_is_inside(band: float, chosen: int) -> None:
    on_band = replace(SETTINGS, pct_band=band, top_n=0)
    assert len(select(three_markets(), on_band, spot=100.0).chosen) == chosen


def test_the_band_is_no_cap_in_either_direction() -> None:
    wide = replace(SETTINGS, pct_band=3.0, top_n=1)
    selection = select(three_markets(), wide, spot=100.0)
    assert (selection.method, len(selection.chosen)) == ("pct_band", 3)
    far = replace(SETTINGS, pct_band=0.0, top_n=40)
    selection = select(three_markets(), far, spot=100.0)
    assert (selection.method, len(selection.chosen)) == ("top_n", 3)


def test_exactly_enough_in_band_is_still_the_band() -> None:
    exact = replace(SETTINGS, pct_band=3.0, top_n=3)
    assert select(three_markets(), exact, spot=100.0).method == "pct_band"
    one = replace(SETTINGS, pct_band=0.0, top_n=1)
    selection = select(three_markets(), one, spot=101.0)
    assert (selection.method, len(selection.chosen)) == ("top_n", 1)


def test_without_top_n_an_empty_band_selects_nothing() -> None:
    none = replace(SETTINGS, pct_band=0.0, top_n=0)
    selection = select(three_markets(), none, spot=50.0)
    assert (selection.method, selection.chosen, selection.candidates_seen) == ("pct_band", (), 3)


@pytest.mark.parametrize(
    ("close_ts", "counter"),
    [
        (None, "excluded_missing_close_ts"),
        (0, "excluded_missing_close_ts"),
        (NOW - 5, None),
        (NOW - 6, "excluded_expired"),
        (LATEST_CLOSE, None),
        (LATEST_CLOSE + 1, "excluded_horizon_out_of_range"),
        (NOW + SETTINGS.max_horizon_seconds + 1800, None),
    ],
)
def test_close_time_boundaries(close_ts: int | None, counter: str | None) -> None:
    state = LiveState(10)
    add_market(state, "KXBTC-A", close_ts=close_ts)
    _assert_excluded(select(state), counter)


@pytest.mark.parametrize(
    ("quote_ts", "counter"), [(NOW - 300, None), (NOW - 301, "excluded_missing_recent_quote")]
)
def test_a_quote_exactly_as_old_as_the_limit_is_fresh(quote_ts: int, counter: str | None) -> None:
    state = LiveState(10)
    add_market(state, "KXBTC-A", quote_ts=quote_ts)
    _assert_excluded(select(state), counter)


@pytest.mark.parametrize(
    ("strike_type", "lower", "upper", "counter"),
    [
        ("greater", None, 1.0, "excluded_missing_bounds"),
        ("less", 1.0, None, "excluded_missing_bounds"),
        ("between", 1.0, None, "excluded_missing_bounds"),
        ("between", 2.0, 2.0, "excluded_missing_bounds"),
        ("between", 2.0, 1.0, "excluded_missing_bounds"),
        ("between", 1.0, 2.0, None),
    ],
)
def test_bounds_the_type_needs(
    strike_type: str, lower: float | None, upper: float | None, counter: str | None
) -> None:
    state = LiveState(10)
    add_market(state, "KXBTC-A")
    state.apply_contract("KXBTC-A", NOW, lower=lower, upper=upper, strike_type=strike_type)
    _assert_excluded(select(state), counter)


@pytest.mark.parametrize("strike_type", [None, "custom", "structured"])
def test_an_unknown_strike_type_is_no_candidate(strike_type: str | None) -> None:
    state = LiveState(10)
    add_market(state, "KXBTC-A")
    state.apply_contract("KXBTC-A", NOW, lower=1.0, upper=2.0, strike_type=strike_type)
    assert select(state).candidates_seen == 0


def test_another_series_or_status_is_no_candidate() -> None:
    state = LiveState(10)
    add_market(state, "KXETH-A")
    add_market(state, "KXBTC-A")
    state.apply_lifecycle("KXBTC-A", NOW, "closed")
    assert select(state).candidates_seen == 0


def test_a_market_without_a_tradable_side_is_excluded() -> None:
    state = LiveState(10)
    add_market(state, "KXBTC-A", yes=(30.0, 25.0), no=(75.0, 70.0))
    _assert_excluded(select(state), "excluded_untradable")


def test_without_quotes_required_neither_age_nor_asks_matter() -> None:
    state = LiveState(10)
    add_market(state, "KXBTC-A", quote_ts=NOW - 9999, yes=(None, None), no=(None, None))
    _assert_excluded(select(state, replace(SETTINGS, require_quotes=False)), None)


def test_distances_are_measured_to_the_middle_of_a_bucket() -> None:
    state = LiveState(10)
    add_market(state, "KXBTC-A")
    state.apply_contract("KXBTC-A", NOW, lower=100.0, upper=104.0, strike_type="between")
    assert select(state, spot=100.0).chosen[0].distance_pct == pytest.approx(2.0, abs=1e-12)


def test_summary_of_a_selection() -> None:
    state = state_with_spot()
    add_market(state, "KXBTC-A", close_ts=NOW - 3)
    summary = select(state).summary(SETTINGS, (NOW, SPOT), NOW)
    assert summary["selection_samples"] == [
        {"ticker": "KXBTC-A", "close_ts": NOW - 3, "distance_pct": 0.0, "horizon_seconds": -3}
    ]
    assert summary["series"] == ["KXBTC", "KXBTC15M", "KXBTCD"]
    assert (summary["selected_count"], summary["require_quotes"]) == (1, True)


def test_samples_are_five() -> None:
    state = LiveState(10)
    for index in range(7):
        add_market(state, f"KXBTC-{index}", close_ts=CLOSE)
    assert len(select(state).summary(SETTINGS, (NOW, SPOT), NOW)["selection_samples"]) == 5


@pytest.mark.parametrize(
    ("ask", "bid", "tradable"),
    [
        (None, 10.0, False),
        (-0.1, None, False),
        (100.1, None, False),
        (float("nan"), 1.0, False),
        (0.0, None, True),
        (100.0, None, True),
        (1.0, 0.5, True),
        (99.0, 98.0, True),
        (0.9, 0.5, False),
        (99.5, 99.0, False),
        (50.0, None, False),
        (50.0, 50.0, True),
        (50.0, 50.1, False),
    ],
)
def test_tradable_asks(ask: float | None, bid: float | None, tradable: bool) -> None:
    assert is_tradable(ask, bid, 1.0, 99.0) is tradable


@pytest.mark.parametrize(
    ("yes", "no", "crossed"),
    [
        (49.0, 50.0, True),
        (50.0, 50.0, False),
        (0.0, 99.0, True),
        (99.0, 0.0, True),
        (50.0, -1.0, False),
        (-1.0, 50.0, False),
        (101.0, -50.0, False),
        (None, 50.0, False),
        (50.0, None, False),
    ],
)
def test_crossed_asks(yes: float | None, no: float | None, crossed: bool) -> None:
    assert is_crossed(yes, no) is crossed


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({}, "missing_market_id"),
        ({"market_id": None}, "missing_market_id"),
        ({"market_id": "  ", "yes_bid": 9, "yes_ask": 1}, "missing_market_id"),
        ({"market_id": "A"}, None),
        ({"market_id": "A", "yes_bid": 50, "yes_ask": 50}, None),
        ({"market_id": "A", "yes_bid": 51, "yes_ask": 50, "no_bid": 2}, "yes_bid_gt_yes_ask"),
        ({"market_id": "A", "no_bid": 51, "no_ask": 50, "p_mid": 2}, "no_bid_gt_no_ask"),
        ({"market_id": "A", "no_bid": 51, "no_ask": None}, None),
        ({"market_id": "A", "p_mid": 0}, None),
        ({"market_id": "A", "p_mid": 1}, None),
        ({"market_id": "A", "p_mid": -0.01}, "p_mid_out_of_bounds"),
        ({"market_id": "A", "p_mid": 1.01}, "p_mid_out_of_bounds"),
    ],
)
def test_quotes_are_validated_in_order(row: dict[str, object], code: str | None) -> None:
    assert validate_quote(row) == (code is None, code)


def _assert_excluded(selection: Selection, counter: str | None) -> None:
    counted = {name: count for name, count in selection.excluded.items() if count}
    assert counted == ({} if counter is None else {counter: 1})
    assert len(selection.chosen) == (1 if counter is None else 0)
