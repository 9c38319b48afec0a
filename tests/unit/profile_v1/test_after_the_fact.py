"""Scores, outcomes and execution gates."""

from __future__ import annotations

from math import log
from typing import Any

import pytest

from kairos.domain.profile_v1.execution import (
    PaperBook,
    Position,
    Request,
    entry_price_out_of_band,
    gate,
)
from kairos.domain.profile_v1.scoring import score_snapshot
from kairos.domain.profile_v1.settlement import outcome_of, resolve, settled_at
from kairos.domain.profile_v1.state import ExecutionSettings
from tests.support.profile_v1 import NOW

QUOTED = {"prob_yes": 0.5, "yes_ask": 30, "no_ask": 70}


def test_score_of_a_coin_flip() -> None:
    won, lost = score_snapshot(QUOTED, 1), score_snapshot(QUOTED, 0)
    assert won.pnl_take_yes == pytest.approx(1 - 0.30 - 0.02, abs=1e-12)
    assert lost.pnl_take_yes == pytest.approx(-0.32, abs=1e-12)
    assert won.pnl_take_no == pytest.approx(-0.72, abs=1e-12)
    assert lost.pnl_take_no == pytest.approx(1 - 0.70 - 0.02, abs=1e-12)
    assert (won.brier, won.logloss, won.error) == (0.25, -log(0.5), None)


def test_certainty_is_clamped_before_it_is_scored() -> None:
    wrong = score_snapshot(QUOTED | {"prob_yes": 1}, 0)
    assert wrong.logloss == -log(1.0 - (1.0 - 1e-12))


def test_errors_are_sorted() -> None:
    assert score_snapshot({}, 1).error == "missing_no_ask,missing_prob_yes,missing_yes_ask"
    bad = score_snapshot({"prob_yes": 0.5, "yes_ask": 120, "no_ask": -1}, 0)
    assert bad.error == "invalid_no_fee,invalid_yes_fee"
    assert (bad.pnl_take_yes, bad.brier) == (None, 0.25)


@pytest.mark.parametrize("outcome", [None, 2, -1, "1", 0.5])
def test_an_invalid_outcome_scores_nothing_at_all(outcome: object) -> None:
    score = score_snapshot({}, outcome)
    assert (score.error, score.brier, score.pnl_take_no) == ("invalid_outcome", None, None)


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        (True, 1),
        (False, 0),
        (1, 1),
        (0, 0),
        ("yes", 1),
        (" NO ", 0),
        ("True", 1),
        ("FALSE", 0),
    ],
)
def test_results(result: object, outcome: int) -> None:
    assert outcome_of({"result": result}) == (outcome, [])


@pytest.mark.parametrize(
    ("market", "errors"),
    [
        ({}, ["missing_result", "missing_settlement_value"]),
        ({"result": "void"}, ["invalid_result", "missing_settlement_value"]),
        ({"result": 2, "settlement_value": 5}, ["invalid_result", "unable_to_derive_outcome"]),
        (
            {"settlement_value": 5, "floor_strike": 1, "strike_type": "custom"},
            ["missing_result", "unable_to_derive_outcome"],
        ),
        (
            {"settlement_value": 5, "floor_strike": 1, "strike_type": "between"},
            ["missing_result", "unable_to_derive_outcome"],
        ),
    ],
)
def test_unknown_outcomes_say_why(market: dict[str, Any], errors: list[str]) -> None:
    assert outcome_of(market) == (None, errors)


@pytest.mark.parametrize(
    ("strike_type", "value", "outcome"),
    [
        ("greater", 100, 1),
        ("greater", 99.99, 0),
        ("less", 110, 1),
        ("less", 110.01, 0),
        ("between", 100, 1),
        ("between", 110, 0),
        ("between", 99.99, 0),
    ],
)
def test_derived_outcomes_at_their_boundaries(strike_type: str, value: float, outcome: int) -> None:
    market = {"floor_strike": 100, "cap_strike": 110, "strike_type": strike_type}
    assert outcome_of(market | {"settlement_value": value}) == (outcome, [])


def test_d7_a_yes_paid_in_cents_is_taken_for_a_price() -> None:
    """The venue says YES paid 100 cents; v1 reads a bitcoin at 100 dollars and settles it NO."""
    market = {"settlement_value": 100, "floor_strike": 68_000, "strike_type": "greater"}
    assert outcome_of(market) == (0, [])


def test_a_known_outcome_is_kept_unless_forced() -> None:
    assert resolve(None, {"result": "yes"}, force=False).outcome == 1
    kept = resolve(0, {"result": "yes"}, force=False)
    assert (kept.outcome, kept.errors) == (0, ("outcome_conflict",))
    assert resolve(0, {"result": "yes"}, force=True).outcome == 1
    assert resolve(1, {"result": "yes"}, force=False).errors == ()
    assert resolve(1, {}, force=True).outcome == 1


def test_settled_at_is_the_first_readable_time() -> None:
    market = {"settled_time": "soon", "close_time": 7, "result_time": "2026-01-13T03:00:00Z"}
    assert settled_at(market, NOW) == (1_768_273_200, None)
    assert settled_at({}, NOW) == (NOW, "settled_ts_missing")


def asked(**changes: Any) -> Request:  # noqa: ANN401
    base: dict[str, Any] = {
        "market_id": "A",
        "side": "YES",
        "now_ts": 1000,
        "kill_switch_active": False,
        "max_open_positions": 1,
        "cooldown_seconds": 120,
    }
    return Request(**(base | changes))


A_YES, A_NO, B_YES = Position("A", "YES", 990), Position("A", "NO", 990), Position("B", "YES", 990)


@pytest.mark.parametrize(
    ("request_changes", "held", "closed", "reason"),
    [
        ({}, [], [], None),
        ({"kill_switch_active": True, "side": ""}, [A_YES], [], "kill_switch_active"),
        ({"side": ""}, [A_YES], [], "missing_side"),
        ({"side": None}, [], [], "missing_side"),
        ({"side": "MAYBE"}, [], [], "missing_side"),
        ({}, [B_YES, A_YES], [A_YES], "position_open"),
        ({}, [A_NO, A_YES], [], "position_open"),
        ({}, [A_NO], [A_YES], "position_open_opposite_side"),
        ({}, [B_YES], [Position("A", "YES", 880)], "cooldown_active"),
        ({}, [], [Position("A", "YES", 879)], None),
        ({}, [], [Position("A", "NO", 999), Position("B", "YES", 999)], None),
        ({"cooldown_seconds": 0}, [], [Position("A", "YES", 1000)], None),
        ({}, [B_YES], [], "max_open_positions"),
        ({"max_open_positions": 2}, [B_YES], [], None),
        ({"max_open_positions": 0}, [B_YES], [], None),
    ],
)
def test_gates_in_order(
    request_changes: dict[str, Any],
    held: list[Position],
    closed: list[Position],
    reason: str | None,
) -> None:
    assert gate(asked(**request_changes), held, closed) == reason


@pytest.mark.parametrize(
    ("price", "out"),
    [(14.99, True), (15, False), (50, False), (85, False), (85.01, True), (None, False)],
)
def test_both_ends_of_the_entry_band_are_inside(price: float | None, out: bool) -> None:
    assert entry_price_out_of_band(price, ExecutionSettings()) is out


def try_open(book: PaperBook, market: str, side: str, now: int, price: float = 50) -> str | None:
    return book.try_open(market, side, price, now, kill_switch_active=False)


def test_a_position_through_its_life() -> None:
    book = PaperBook(ExecutionSettings())
    assert try_open(book, "A", "YES", 100) is None
    assert try_open(book, "A", "NO", 100) == "position_open_opposite_side"
    assert try_open(book, "B", "YES", 100) == "max_open_positions"
    assert book.close("A") == Position("A", "YES", 100)
    assert book.close("A") is None
    assert try_open(book, "A", "YES", 150) == "cooldown_active"
    assert try_open(book, "A", "YES", 260) is None


def test_the_band_is_the_last_gate_and_a_refusal_opens_nothing() -> None:
    book = PaperBook(ExecutionSettings())
    assert try_open(book, "A", "YES", 100, price=86) == "entry_price_out_of_band"
    assert try_open(book, "A", "YES", 100, price=85) is None
    assert try_open(book, "A", "YES", 100, price=86) == "position_open"
