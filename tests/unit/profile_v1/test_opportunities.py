"""Stage 1: gates, sides, the choice between them, and every counter."""

from __future__ import annotations

from typing import Any

import pytest

from kairos.domain.profile_v1.opportunities import COUNTERS, Built, build_opportunities
from kairos.domain.profile_v1.state import OpportunitySettings
from tests.support.profile_v1 import NOW, sigma_meta, snapshot


def build(*snapshots: dict[str, Any], **settings: Any) -> Built:  # noqa: ANN401
    return build_opportunities(snapshots, OpportunitySettings(**settings))


def only(built: Built) -> dict[str, Any]:
    assert len(built.rows) == 1
    return built.rows[0]


def counted(built: Built) -> dict[str, float]:
    return {name: count for name, count in built.counters.items() if count}


def test_a_good_side_is_taken() -> None:
    row = only(build(snapshot(), min_ev=0.05))
    assert (row["side"], row["would_trade"], row["eligible"]) == ("YES", 1, 1)
    assert row["ev_raw"] == pytest.approx(0.6 - 0.5 - 0.02, abs=1e-12)
    assert row["ev_net"] == pytest.approx(0.07, abs=1e-12)
    assert row["raw_json"]["decision"] == "TAKE"
    assert (row["spread"], row["p_market"], row["tau"]) == (5.0, 0.475, 40.0)


def test_the_snapshots_ev_is_trusted_over_its_own_inputs() -> None:
    row = only(build(snapshot(ev_take_yes=0.02, ev_take_no=-0.2)))
    assert (row["ev_raw"], row["reason_not_eligible"]) == (0.02, "ev_below_threshold")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"prob_yes": None}, "missing_prob"),
        ({"spot_age_seconds": 10}, None),
        ({"spot_age_seconds": 11}, "spot_stale"),
        ({"spot_age_seconds": None}, "spot_stale"),
        ({"quote_age_seconds": 10}, None),
        ({"quote_age_seconds": 11}, "quote_stale"),
        ({"quote_age_seconds": None}, "quote_stale"),
        ({"raw_json": sigma_meta(sigma_ok=False)}, "sigma_not_ready"),
        ({"raw_json": sigma_meta(sigma_ok=1)}, "sigma_not_ready"),
        ({"raw_json": sigma_meta(sigma_ok=None)}, "sigma_not_ready"),
        ({"raw_json": sigma_meta(sigma_points_used=9)}, "sigma_points_short"),
        ({"raw_json": sigma_meta(sigma_points_used=10)}, None),
        ({"raw_json": sigma_meta(sigma_points_used=None)}, None),
        ({"raw_json": sigma_meta(sigma_lookback_seconds_used=3599)}, "sigma_history_short"),
        ({"raw_json": sigma_meta(sigma_lookback_seconds_used=3600)}, None),
        ({"raw_json": sigma_meta(min_sigma_lookback_seconds=None)}, None),
        ({"raw_json": '{"sigma_source": "ewma"}'}, "sigma_not_ready"),
        ({"raw_json": '{"sigma_points_used": 1, "min_sigma_points": 10}'}, None),
        ({"raw_json": {"sigma_reason": None}}, "sigma_not_ready"),
        ({"raw_json": None}, None),
        ({"raw_json": "not json"}, None),
        ({"raw_json": "[1]"}, None),
    ],
)
def test_global_gates(changes: dict[str, Any], reason: str | None) -> None:
    built = build(snapshot(**changes))
    row = only(built)
    assert row["reason_not_eligible"] == reason
    if reason is None:
        assert row["would_trade"] == 1
        return
    assert counted(built) == {"snapshots_total": 1, "passes": 1, reason: 1}
    assert (row["side"], row["eligible"], row["ev_net"]) == ("YES", 0, None)
    assert row["raw_json"]["price_used_cents"] is None


def test_all_global_reasons_are_joined_in_order() -> None:
    bad_sigma = sigma_meta(sigma_ok=False, sigma_points_used=1, sigma_lookback_seconds_used=1)
    stale = {"spot_age_seconds": 99, "quote_age_seconds": 99}
    row = only(build(snapshot(prob_yes=None, raw_json=bad_sigma, **stale)))
    assert row["reason_not_eligible"] == (
        "missing_prob,spot_stale,quote_stale,sigma_not_ready,sigma_points_short,sigma_history_short"
    )


def test_without_limits_ages_do_not_matter() -> None:
    old = snapshot(spot_age_seconds=None, quote_age_seconds=999)
    assert only(build(old, max_spot_age=None, max_quote_age=None))["would_trade"] == 1


@pytest.mark.parametrize(
    ("ask", "priced"), [(1.0, True), (99.0, True), (0.99, False), (99.01, False), (None, False)]
)
def test_asks_on_the_band_are_priced_and_all_others_are_missing(
    ask: float | None, priced: bool
) -> None:
    built = build(snapshot(yes_ask=ask, no_ask=None))
    assert built.counters["missing_yes_ask"] == (0 if priced else 1)
    assert built.counters["missing_no_ask"] == 1
    if not priced:
        row = only(built)
        assert (row["side"], row["reason_not_eligible"]) == ("YES", "missing_yes_ask")


def test_net_ev_of_exactly_the_minimum_is_enough() -> None:
    """0.5 − 0.25 is exact in binary, so this is equality and nothing else."""
    row = only(build(snapshot(ev_take_yes=0.5), cost_buffer=0.25, min_ev=0.25))
    assert row["would_trade"] == 1
    assert (
        only(build(snapshot(ev_take_yes=0.4999), cost_buffer=0.25, min_ev=0.25))["would_trade"] == 0
    )


def test_a_negative_cost_buffer_is_zero() -> None:
    row = only(build(snapshot(ev_take_yes=0.5), cost_buffer=-1.0))
    assert row["ev_net"] == 0.5


def test_equal_sides_go_to_yes_and_a_better_no_wins() -> None:
    tie = snapshot(ev_take_yes=0.08, ev_take_no=0.08)
    assert only(build(tie))["side"] == "YES"
    better = snapshot(ev_take_yes=0.08, ev_take_no=0.081)
    assert only(build(better))["side"] == "NO"


def test_a_losing_side_is_counted_even_when_the_other_is_taken() -> None:
    assert counted(build(snapshot())) == {
        "snapshots_total": 1,
        "takes": 1,
        "ev_below_threshold": 1,
    }
    both_lose = build(snapshot(prob_yes=0.52))
    assert both_lose.counters["ev_below_threshold"] == 2
    assert both_lose.counters["passes"] == 1


def test_a_best_side_pass_is_recorded_without_its_workings() -> None:
    row = only(build(snapshot(prob_yes=0.52, ev_take_yes=0.0)))
    evidence = row["raw_json"]
    assert (evidence["ev_snapshot"], evidence["ev_recomputed"]) == (None, None)
    assert evidence["ev_invariant_basis"] == "edge_inputs"
    assert (row["ev_raw"], evidence["price_used_cents"], row["eligible"]) == (0.0, 50.0, 0)


def test_both_sides_are_judged_alone_and_a_priced_loser_counts_as_eligible() -> None:
    built = build(snapshot(), best_side_only=False)
    take, loser = built.rows
    assert (take["side"], take["would_trade"]) == ("YES", 1)
    assert (loser["side"], loser["would_trade"], loser["eligible"]) == ("NO", 0, 1)
    assert loser["raw_json"]["ev_recomputed"] == pytest.approx(-0.17, abs=1e-12)


def test_both_sides_with_one_missing() -> None:
    missing, other = build(snapshot(yes_ask=None), best_side_only=False).rows
    assert (missing["reason_not_eligible"], missing["eligible"]) == ("missing_yes_ask", 0)
    assert other["reason_not_eligible"] == "ev_below_threshold"


@pytest.mark.parametrize("best_side_only", [True, False])
def test_without_passes_only_takes_are_emitted_but_everything_is_counted(
    best_side_only: bool,
) -> None:
    snapshots = (snapshot(prob_yes=0.52), snapshot(prob_yes=None), snapshot(market_id="B"))
    built = build(*snapshots, emit_passes=False, best_side_only=best_side_only)
    assert [row["market_id"] for row in built.rows] == ["B"]
    assert counted(built) == {
        "snapshots_total": 3,
        "takes": 1,
        "missing_prob": 1,
        "ev_below_threshold": 3,
    }


def test_snapshots_without_market_or_time_are_skipped_silently() -> None:
    built = build(snapshot(market_id=""), snapshot(asof_ts=None), snapshot(market_id=None))
    assert (built.rows, counted(built)) == ([], {"snapshots_total": 3, "skipped": 3})


def test_top_n_keeps_the_best_and_equals_in_the_order_they_came() -> None:
    three = [
        snapshot(market_id=name, prob_yes=p) for name, p in (("A", 0.6), ("B", 0.6), ("C", 0.7))
    ]
    built = build(*three, top_n=2)
    assert [(row["market_id"], row["reason_not_eligible"]) for row in built.rows] == [
        ("C", None),
        ("A", None),
        ("B", "top_n_cutoff"),
    ]
    cut = built.rows[2]
    assert (cut["eligible"], cut["would_trade"], cut["raw_json"]["decision"]) == (1, 0, "PASS")
    assert (built.counters["takes"], built.counters["passes"]) == (2, 1)
    assert built.counters["top_n_cutoff"] == 1


def test_d17_the_invariant_never_blocks_and_is_blind_without_edge_inputs() -> None:
    seen = sigma_meta(edge_prob_yes=0.6, edge_yes_ask=50.0, edge_no_ask=55.0)
    built = build(snapshot(ev_take_yes=0.1, ev_take_no=-0.17, raw_json=seen))
    evidence = only(built)["raw_json"]
    assert (evidence["ev_invariant_failed"], evidence["decision"]) == (True, "TAKE")
    assert evidence["ev_invariant_basis"] == "edge_inputs"
    assert built.counters["ev_invariant_failed"] == 1
    assert built.counters["ev_invariant_max_diff"] == pytest.approx(0.02, abs=1e-12)
    blind = only(build(snapshot(ev_take_yes=0.1)))["raw_json"]
    assert (blind["ev_invariant_basis"], blind["ev_invariant_failed"]) == ("unavailable", False)


@pytest.mark.parametrize(("drift", "failed"), [(9e-7, False), (1.1e-6, True)])
def test_the_invariant_allows_a_millionth(drift: float, failed: bool) -> None:
    seen = sigma_meta(edge_prob_yes=0.6, edge_yes_ask=50.0)
    row = only(build(snapshot(ev_take_yes=0.08 + drift, raw_json=seen)))
    assert row["raw_json"]["ev_invariant_failed"] is failed


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, 0.475),
        ({"yes_mid": None}, 1 - 0.525),
        ({"yes_mid": None, "no_mid": None, "yes_bid": 40.0}, 0.45),
        ({"yes_mid": None, "no_mid": None, "yes_bid": None, "no_bid": 51.0}, 0.47),
        ({"yes_mid": None, "no_mid": None, "yes_bid": None, "no_bid": None}, None),
    ],
)
def test_market_probability_falls_back_side_by_side(
    changes: dict[str, Any], expected: float | None
) -> None:
    p_market = only(build(snapshot(**changes)))["p_market"]
    assert p_market == (None if expected is None else pytest.approx(expected, abs=1e-12))


def test_an_unknown_horizon_has_no_tau() -> None:
    assert only(build(snapshot(horizon_seconds=None)))["tau"] is None


def test_every_counter_is_always_reported() -> None:
    assert set(build().counters) == {*COUNTERS, "ev_invariant_max_diff"}
    assert only(build(snapshot()))["ts_eval"] == NOW
