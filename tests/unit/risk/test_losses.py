"""Losses count fees and what is only lost on paper, by the UTC hour and day, and stay in force."""

from __future__ import annotations

import pytest

from kairos.domain.risk.losses import DAY_NS, HOUR_NS, Losses
from tests.support.risk import limits

DOLLAR = 1_000_000
MIDNIGHT = 20_778 * DAY_NS
NOON = MIDNIGHT + 12 * HOUR_NS


def losses(hourly: int = 10, daily: int = 20, drawdown: int = 30) -> Losses:
    return Losses(
        limits(
            loss_hourly_dollars_max=hourly,
            loss_daily_dollars_max=daily,
            drawdown_dollars_max=drawdown,
        ),
        None,
    )


def in_force(book: Losses, now_ns: int, dollars: float) -> list[str]:
    return [each.limit.value for each in book.observe(now_ns, int(dollars * DOLLAR))]


def test_a_loss_is_in_force_from_the_limit_on() -> None:
    book = losses()
    assert in_force(book, NOON, 1_000) == []
    assert in_force(book, NOON + 1, 990.000001) == []
    assert in_force(book, NOON + 2, 990) == ["loss_hourly"]


def test_a_loss_of_the_hour_stays_in_force_until_the_utc_hour_ends() -> None:
    book = losses()
    in_force(book, NOON, 1_000)
    in_force(book, NOON + 1, 985)
    assert in_force(book, NOON + 2, 1_000) == ["loss_hourly"], "prices came back"
    assert in_force(book, NOON + HOUR_NS - 1, 1_000) == ["loss_hourly"]
    assert in_force(book, NOON + HOUR_NS, 1_000) == []


def test_the_day_adds_up_what_the_hours_allow() -> None:
    book = losses()
    assert in_force(book, NOON, 1_000) == []
    assert in_force(book, NOON + HOUR_NS - 1, 991) == []
    assert in_force(book, NOON + 2 * HOUR_NS, 982) == []
    assert in_force(book, NOON + 3 * HOUR_NS, 980) == ["loss_daily"]
    assert in_force(book, MIDNIGHT + DAY_NS - 1, 980) == ["loss_daily"]
    assert in_force(book, MIDNIGHT + DAY_NS, 980) == []


def test_a_window_opens_with_the_last_equity_before_it() -> None:
    """What was lost while nobody looked belongs to the new hour, not to no hour at all."""
    book = losses()
    in_force(book, NOON, 1_000)
    assert in_force(book, NOON + HOUR_NS + 5, 990) == ["loss_hourly"]


def test_a_drawdown_is_from_the_highest_equity_and_stays_until_somebody_decides() -> None:
    book = losses(hourly=1_000, daily=1_000)
    in_force(book, NOON, 1_000)
    in_force(book, NOON + DAY_NS, 1_050)
    assert in_force(book, NOON + 2 * DAY_NS, 1_020.000001) == []
    assert in_force(book, NOON + 3 * DAY_NS, 1_020) == ["drawdown"]
    assert in_force(book, NOON + 30 * DAY_NS, 1_100) == ["drawdown"]
    book.forgive()
    assert in_force(book, NOON + 31 * DAY_NS, 1_100) == []
    assert in_force(book, NOON + 32 * DAY_NS, 1_070) == ["drawdown"]


def test_forgiving_a_drawdown_does_not_forgive_the_day() -> None:
    book = losses(hourly=20, daily=20, drawdown=20)
    in_force(book, NOON, 1_000)
    in_force(book, NOON + 1, 980)
    book.forgive()
    assert in_force(book, NOON + 2, 980) == ["loss_hourly", "loss_daily"]


@pytest.mark.parametrize("amount", [500, -500])
def test_money_paid_in_or_out_is_neither_profit_nor_loss(amount: int) -> None:
    book = losses()
    in_force(book, NOON, 1_000)
    book.transfer(amount * DOLLAR)
    assert in_force(book, NOON + 1, 1_000 + amount) == []
    assert in_force(book, NOON + 2, 990 + amount) == ["loss_hourly"]


def test_a_restart_does_not_forget_the_losses_of_the_day() -> None:
    before = losses()
    in_force(before, NOON, 1_000)
    in_force(before, NOON + 1, 985)
    after = Losses(limits(loss_hourly_dollars_max=10, loss_daily_dollars_max=20), before.state)
    assert in_force(after, NOON + 2, 985) == ["loss_hourly"]
    assert in_force(after, NOON + 3, 980) == ["loss_hourly", "loss_daily"]
