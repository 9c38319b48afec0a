"""Every limit is asked for by name, and one that cannot bind is refused at the start."""

from __future__ import annotations

import pytest

from hotpath.paper.starter import ORIGIN, paper_starter, starter_values
from kairos.domain.risk.limits import Breach, Limit, limit_names, limits_from
from kairos.domain.risk.order_rate import OrderRate
from kairos.domain.risk.settings import risk_from
from kairos.errors import UsageError
from tests.support.risk import WIDE, limits

SECOND = 1_000_000_000


@pytest.mark.parametrize("name", limit_names())
def test_a_missing_limit_is_an_error_that_names_it(name: str) -> None:
    given = {each: value for each, value in WIDE.items() if each != name}
    with pytest.raises(UsageError, match=rf"here: risk\.limits\.{name} is missing"):
        limits_from(given, "here")


def test_an_unknown_limit_is_an_error_that_names_it_and_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"no setting risk\.limits\.max_loss.*daily"):
        limits_from({**WIDE, "max_loss": 5}, "here")


@pytest.mark.parametrize("name", limit_names())
@pytest.mark.parametrize("value", [0, -1, 1.5, True, "five", "1e3", "", None, 10**10, [1]])
def test_a_limit_is_a_whole_number_from_one(name: str, value: object) -> None:
    with pytest.raises(UsageError, match=rf"risk\.limits\.{name}"):
        limits_from({**WIDE, name: value}, "here")


def test_text_of_a_number_is_taken_as_an_option_writes_it() -> None:
    taken = limits_from({**WIDE, "order_dollars_max": " 7 "}, "--set")
    assert taken.order_dollars_max == 7
    assert taken.cash("order_dollars_max") == 7_000_000


@pytest.mark.parametrize(
    ("inner", "outer"),
    [
        ("order_dollars_max", "market_dollars_max"),
        ("market_dollars_max", "group_dollars_max"),
        ("group_dollars_max", "correlated_dollars_max"),
        ("correlated_dollars_max", "portfolio_dollars_max"),
        ("venue_dollars_max", "portfolio_dollars_max"),
        ("loss_hourly_dollars_max", "loss_daily_dollars_max"),
        ("orders_per_second_max", "orders_per_minute_max"),
    ],
)
def test_a_limit_above_the_one_around_it_could_never_bind(inner: str, outer: str) -> None:
    with pytest.raises(UsageError, match=f"{inner}.*{outer}"):
        limits(**{inner: WIDE[outer] + 1})


def test_more_than_all_equity_is_refused() -> None:
    with pytest.raises(UsageError, match="portfolio_percent_max"):
        limits(portfolio_percent_max=101)


def test_the_paper_starter_gives_every_limit_and_says_where_it_is_from() -> None:
    starter = paper_starter()
    assert starter.origin == ORIGIN
    assert set(starter_values()["limits"]) == set(limit_names())
    assert starter.correlated_of()["KXBTC15M"] == starter.correlated_of()["KXBTCD"] == "BTC"


@pytest.mark.parametrize("group", ["limits", "correlated"])
def test_a_missing_group_is_an_error(group: str) -> None:
    values = starter_values()
    del values[group]
    with pytest.raises(UsageError, match=rf"risk\.{group} is missing"):
        risk_from(values, "here")


@pytest.mark.parametrize(
    ("group", "value", "named"),
    [
        ("limit", {}, r"no setting risk\.limit\b"),
        ("limits", 5, r"risk\.limits is a group"),
        ("triggers", {"spot_age": 5}, r"no setting risk\.triggers\.spot_age\b"),
        ("triggers", {"spot_age_seconds_max": 0}, "spot_age_seconds_max"),
        ("triggers", {"shadow_seconds": 0}, "shadow_seconds"),
        ("triggers", {"healthy_seconds_min": "soon"}, "healthy_seconds_min"),
        ("triggers", {"quote_coverage_percent_min": 101}, "quote_coverage_percent_min"),
        ("correlated", {"BTC": []}, r"risk\.correlated\.BTC"),
        ("correlated", {"BTC": ["A", 5]}, r"risk\.correlated\.BTC"),
        ("correlated", {"BTC": ["A"], "ALL": ["A"]}, "A is in BTC and in ALL"),
    ],
)
def test_what_cannot_be_used_is_named(group: str, value: object, named: str) -> None:
    with pytest.raises(UsageError, match=named):
        risk_from({**starter_values(), group: value}, "here")


def test_a_breach_reads_as_a_sentence() -> None:
    dollars = Breach(Limit.MARKET_DOLLARS, "M", 101_500_000, 100_000_000)
    assert str(dollars) == "market_dollars of M: $101.500000, limit $100.000000"
    assert str(Breach(Limit.OPEN_POSITIONS, "", 4, 3)) == "open_positions: 4, limit 3"


# Order rate


def test_the_order_after_the_last_of_a_second_is_one_too_many() -> None:
    rate = OrderRate(limits(orders_per_second_max=2, orders_per_minute_max=3))
    for at in (0, 1):
        assert rate.check(at) == ()
        rate.count(at)
    (breach,) = rate.check(SECOND - 1)
    assert breach.limit is Limit.ORDERS_PER_SECOND
    assert rate.check(SECOND) == (), "an order a whole second old is outside"


def test_the_minute_is_counted_apart_from_the_second() -> None:
    rate = OrderRate(limits(orders_per_second_max=2, orders_per_minute_max=3))
    for at in (0, 10, 20):
        rate.count(at * SECOND)
    assert [each.limit for each in rate.check(59 * SECOND)] == [Limit.ORDERS_PER_MINUTE]
    assert rate.check(60 * SECOND) == ()
