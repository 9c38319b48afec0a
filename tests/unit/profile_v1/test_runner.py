"""Stage 2: each block, its boundary, and the order in which blocks win."""

from __future__ import annotations

from typing import Any

import pytest

from kairos.domain.profile_v1.runner import Key, is_near_expiry, is_thin_tail
from kairos.domain.profile_v1.state import (
    OpportunityTick,
    RunnerArgs,
    recent_take_keys,
    run_opportunities,
)
from tests.support.profile_v1 import NOW, snapshot

MARKET = "KXBTC-26FEB1712-B68125"


def judge(
    *snapshots: dict[str, Any],
    open_keys: tuple[Key, ...] = (),
    recent: tuple[Key, ...] = (),
    now: int = NOW,
    **args: Any,  # noqa: ANN401
) -> OpportunityTick:
    return run_opportunities(snapshots, RunnerArgs(**args), set(open_keys), set(recent), now)


def reasons(tick: OpportunityTick) -> list[tuple[str, str]]:
    return [(row["market_id"], row["reason_not_eligible"]) for row in tick.pass_rows]


def tail(market: str = MARKET, ask: float = 8.0, **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    return snapshot(market_id=market, yes_ask=ask, ev_take_yes=0.06, ev_take_no=-1.0, **changes)


@pytest.mark.parametrize(
    ("ask", "ev_net", "blocked"),
    [
        (10.0, 0.0599, True),
        (10.0, 0.06, False),
        (10.01, 0.03, False),
        (89.99, 0.03, False),
        (90.0, 0.0599, True),
        (90.0, 0.06, False),
        (None, 0.01, False),
    ],
)
def test_tails_need_more_ev(ask: float | None, ev_net: float, blocked: bool) -> None:
    assert is_thin_tail(ask, ev_net) is blocked


@pytest.mark.parametrize(
    ("market", "tau", "blocked"),
    [
        ("KXBTC15M-X", 3.99, True),
        ("KXBTC15M-X", 4.0, False),
        ("KXBTC-X", 9.99, True),
        ("KXBTC-X", 10.0, False),
        ("KXBTCD-X", 9.99, True),
        ("KXBTCD-X", 10.0, False),
        ("KXETH-X", 0.0, False),
        ("KXBTC-X", None, False),
    ],
)
def test_near_expiry_depends_on_the_series(market: str, tau: float | None, blocked: bool) -> None:
    assert is_near_expiry(market, tau) is blocked


def test_a_take_that_nothing_blocks() -> None:
    tick = judge(snapshot())
    assert (len(tick.take_rows), tick.pass_rows, tick.asof_ts) == (1, [], NOW)
    assert (tick.counters["takes"], tick.counters["take_cap_blocked"]) == (1, 0)


@pytest.mark.parametrize(
    ("setup", "reason", "counter"),
    [
        ({"open_keys": ((MARKET, "YES"),)}, "position_open", "open_position_blocked"),
        (
            {"open_keys": ((MARKET, "NO"),)},
            "position_open_opposite_side",
            "open_opposite_side_blocked",
        ),
        (
            {"recent": ((MARKET, "YES"),), "take_cooldown_seconds": 1},
            "cooldown_active",
            "cooldown_blocked",
        ),
        ({"max_takes_per_tick": 0}, "take_cap", "take_cap_blocked"),
    ],
)
def test_blocked_takes_become_ineligible_passes(
    setup: dict[str, Any], reason: str, counter: str
) -> None:
    tick = judge(snapshot(), **setup)
    row = tick.pass_rows[0]
    assert tick.take_rows == []
    assert (row["reason_not_eligible"], row["eligible"], row["would_trade"]) == (reason, 0, 0)
    assert (row["raw_json"]["decision"], row["raw_json"]["decision_reason"]) == ("PASS", reason)
    assert (tick.counters[counter], tick.counters["passes"], tick.counters["takes"]) == (1, 1, 0)


@pytest.mark.parametrize(
    "setup",
    [
        {"open_keys": (("OTHER", "YES"),)},
        {"recent": ((MARKET, "NO"),)},
        {"recent": ((MARKET, "YES"),), "take_cooldown_seconds": 0},
        {"max_takes_per_tick": None},
    ],
)
def test_what_does_not_block(setup: dict[str, Any]) -> None:
    assert len(judge(snapshot(), **setup).take_rows) == 1


def test_blocks_win_in_order() -> None:
    """One row that every filter would block loses them one by one, from the first on."""
    near: dict[str, Any] = {"horizon_seconds": 60}
    everything: dict[str, Any] = {"recent": ((MARKET, "YES"),), "max_takes_per_tick": 0}
    both: dict[str, Any] = everything | {"open_keys": ((MARKET, "YES"), (MARKET, "NO"))}
    opposite: dict[str, Any] = everything | {"open_keys": ((MARKET, "NO"),)}
    assert reasons(judge(tail(**near), **both)) == [(MARKET, "tail_ev_below_threshold")]
    assert reasons(judge(snapshot(**near), **both)) == [(MARKET, "near_expiry")]
    assert reasons(judge(snapshot(), **both)) == [(MARKET, "position_open")]
    assert reasons(judge(snapshot(), **opposite)) == [(MARKET, "position_open_opposite_side")]
    assert reasons(judge(snapshot(), **everything)) == [(MARKET, "cooldown_active")]
    assert reasons(judge(snapshot(), max_takes_per_tick=0)) == [(MARKET, "take_cap")]


def test_the_cap_keeps_the_best_and_blocked_rows_do_not_use_it_up() -> None:
    books = [
        snapshot(market_id="KXBTC-A", prob_yes=0.6),
        snapshot(market_id="KXBTC-B", prob_yes=0.9),
        snapshot(market_id="KXBTC-C", prob_yes=0.7),
    ]
    tick = judge(*books, open_keys=(("KXBTC-B", "YES"),))
    assert [row["market_id"] for row in tick.take_rows] == ["KXBTC-C"]
    assert reasons(tick) == [("KXBTC-B", "position_open"), ("KXBTC-A", "take_cap")]


def test_equal_takes_keep_the_order_they_came_in() -> None:
    tick = judge(snapshot(market_id="KXBTC-Z"), snapshot(market_id="KXBTC-A"))
    assert [row["market_id"] for row in tick.take_rows] == ["KXBTC-Z"]


def test_takes_of_one_tick_do_not_see_each_other() -> None:
    book = snapshot(ev_take_yes=0.08, ev_take_no=0.08)
    tick = judge(book, both_sides=True, max_takes_per_tick=None)
    assert [row["side"] for row in tick.take_rows] == ["YES", "NO"]


def test_passes_are_made_whatever_the_runner_keeps() -> None:
    books = (snapshot(), snapshot(market_id="KXBTC-B", prob_yes=0.52))
    keeping, dropping = RunnerArgs(emit_passes=True), RunnerArgs(emit_passes=False)
    for args in (keeping, dropping):
        tick = run_opportunities(books, args, set(), set(), NOW)
        assert (len(tick.take_rows), len(tick.pass_rows)) == (1, 1)
    assert (tick.rows_to_insert(keeping), tick.rows_to_insert(dropping)) == (2, 1)


@pytest.mark.parametrize(
    ("snapshots", "changes", "error"),
    [
        ([], {}, "no_edge_snapshots"),
        ([snapshot()], {"now": NOW + 60}, None),
        ([snapshot()], {"now": NOW + 61}, "stale_edge_snapshots"),
        ([snapshot(asof_ts=NOW - 61), snapshot()], {}, None),
        ([], {"live": True}, "live_trading_not_supported"),
    ],
)
def test_whole_tick_errors(
    snapshots: list[dict[str, Any]], changes: dict[str, Any], error: str | None
) -> None:
    tick = judge(*snapshots, **changes)
    assert tick.error == error
    if error is not None:
        assert (tick.take_rows, tick.pass_rows, tick.counters) == ([], [], {})


def test_without_a_clock_nothing_is_stale() -> None:
    tick = run_opportunities([snapshot()], RunnerArgs(), set(), set(), None)
    assert tick.error is None


def test_a_take_exactly_as_old_as_the_cool_down_still_counts() -> None:
    takes = [("A", "YES", NOW - 120), ("B", "NO", NOW - 121)]
    assert recent_take_keys(takes, NOW, 120) == {("A", "YES")}
