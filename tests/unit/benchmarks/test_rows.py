"""A ratio that is upside down would praise what is slow: every kind of row, both ways round."""

from __future__ import annotations

import pytest

from benchmarks.rows import (
    Goal,
    Row,
    absolute_row,
    conclusion,
    figure,
    growth_row,
    rate_row,
    speedup_row,
    table,
)


def test_a_rate_below_its_floor_has_a_ratio_below_one() -> None:
    row = rate_row("engine", 300_000, "decode + book", 900_000, Goal("≥", 1 / 3))
    assert row.ratio == pytest.approx(1 / 3)
    assert row.holds is True
    assert row.floor == "decode + book at 900,000"


def test_a_rate_under_the_required_share_does_not_hold() -> None:
    assert rate_row("engine", 299_000, "floor", 900_000, Goal("≥", 1 / 3)).holds is False


def test_a_duration_shorter_than_the_peers_is_a_ratio_above_one() -> None:
    row = speedup_row("tick", 40.0, "us", "original", 24_000.0, Goal("≥", 500))
    assert row.ratio == pytest.approx(600)
    assert row.holds is True


def test_growth_is_judged_against_the_base() -> None:
    row = growth_row("message", 2.4, "us", "fresh engine", 2.0, Goal("≤", 1.10))
    assert row.ratio == pytest.approx(1.2)
    assert row.holds is False


def test_an_absolute_goal_judges_the_value_itself() -> None:
    assert absolute_row("memory", 9.9, "MB", Goal("≤", 10, "MB")).holds is True
    assert absolute_row("memory", 10.1, "MB", Goal("≤", 10, "MB")).holds is False


def test_a_row_without_a_goal_promises_nothing() -> None:
    row = rate_row("engine", 1.0, "floor", 2.0)
    assert (row.goal, row.holds) == ("", None)
    assert "NO" not in table([row])


@pytest.mark.parametrize(("sign", "limit", "value"), [("≥", 2.0, 2.0), ("≤", 2.0, 2.0)])
def test_exactly_the_limit_is_enough(sign: str, limit: float, value: float) -> None:
    assert Goal(sign, limit).met(value)


def test_a_goal_must_say_which_way_it_goes() -> None:
    with pytest.raises(ValueError, match="≥ or ≤"):
        Goal(">", 1.0)


@pytest.mark.parametrize(
    ("value", "text"),
    [(1_234_567.4, "1,234,567"), (0.71234, "0.712"), (12.34, "12.3"), (10, "10"),
     (0.0042, "0.0042"), (0, "0")],
)  # fmt: skip
def test_figures_show_the_digits_that_matter(value: float, text: str) -> None:
    assert figure(value) == text


def test_the_table_aligns_and_says_no_loudly() -> None:
    lines = table(
        [rate_row("a", 1.0, "floor", 4.0, Goal("≥", 0.5)), absolute_row("longer name", 5.0, "us")]
    ).splitlines()
    assert lines[1].endswith("NO")
    assert lines[1].index("msgs/s") == lines[2].index("us")


def test_the_conclusion_names_what_does_not_hold() -> None:
    good = Row("good", 1.0, "x", "", None, "≥ 1", True)
    bad = Row("bad", 1.0, "x", "", None, "≥ 2", False)
    read = Row("read", 1.0, "x", "", None, "", None)
    assert conclusion([good, read]) == "all 1 goals hold here"
    assert conclusion([good, bad, read]) == "1 of 2 goals do not hold here: bad"
