"""Series, strikes and times as v1 reads them, wrong guesses included."""

from __future__ import annotations

from typing import Any

import pytest

from kairos.domain.profile_v1.coercion import parse_timestamp, to_float, to_int
from kairos.domain.profile_v1.settings import SERIES
from kairos.domain.profile_v1.strikes import bounds_payload, bounds_ticker, in_series, market_times


@pytest.mark.parametrize(
    ("market", "expected"),
    [
        ({"floor_strike": 91_000, "cap_strike": 91_249, "strike_type": "custom"}, "between"),
        ({"floor_strike": 91_000, "cap_strike": 91_249}, "between"),
        ({"floor_strike": 91_000, "cap_strike": 91_249, "strike_type": "greater"}, "greater"),
        ({"floor_strike": 91_000, "strike_type": "greater_or_equal"}, "greater"),
        ({"floor_strike": 91_000, "strike_type": "less"}, "less"),
        ({"cap_strike": "5", "floor_strike": "x"}, "less"),
        ({"strike_type": "structured"}, "structured"),
        ({"strike_type": "GREATER", "cap_strike": 5}, "less"),
        ({}, None),
    ],
)
def test_a_known_type_wins_and_any_other_is_inferred(
    market: dict[str, Any], expected: str | None
) -> None:
    assert bounds_payload(market)[2] == expected


def test_bounds_are_what_float_makes_of_them() -> None:
    market = {"floor_strike": "68000", "cap_strike": 68_249.99, "strike_type": "between"}
    assert bounds_payload(market) == (68_000.0, 68_249.99, "between")
    assert bounds_payload({"floor_strike": "", "cap_strike": None}) == (None, None, None)


@pytest.mark.parametrize(
    ("ticker", "expected"),
    [
        ("KXBTC-24JUN28-B65000", (None, 65_000.0, "less")),
        ("KXETH-1-A70000", (70_000.0, None, "greater")),
        ("KXETH-1-A70000.5", (70_000.5, None, "greater")),
        ("KXBTCD-26FEB1712-T67999.99", (None, None, None)),
        ("KXETH-B65000-X", (None, None, None)),
        ("KXETH-1-B", (None, None, None)),
        ("KXETH-1-b65000", (None, None, None)),
    ],
)
def test_d6_tickers_are_read_as_floors_and_caps(ticker: str, expected: object) -> None:
    """B is the centre of a bucket at this venue, not a cap."""
    assert bounds_ticker(ticker) == expected


@pytest.mark.parametrize(
    ("ticker", "expected"),
    [
        ("KXBTC", True),
        ("KXBTC-26FEB1712-B68125", True),
        ("KXBTCD-26FEB1712-T1", True),
        ("KXBTC15M-1", True),
        ("KXBTCX-1", False),
        ("KXETH-KXBTC-1", False),
        ("", False),
    ],
)
def test_a_series_owns_itself_and_what_follows_a_dash(ticker: str, expected: bool) -> None:
    assert in_series(ticker, SERIES) is expected


def test_times_of_a_market() -> None:
    market = {
        "close_time": "2026-01-13T03:00:00Z",
        "expected_expiration_time": "2026-01-13T03:05:00Z",
        "expiration_time": "2026-01-20T03:00Z",
    }
    assert market_times(market) == (1_768_273_200, 1_768_273_500, 1_768_878_000)
    assert market_times({"expected_expiration_time": 5}) == (5, 5, None)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1_768_273_200, 1_768_273_200),
        (1_768_273_200.9, 1_768_273_200),
        ("1768273200", 1_768_273_200),
        ("2026-01-13T03:00:00", 1_768_273_200),
        ("2026-01-13T05:00:00+02:00", 1_768_273_200),
        ("soon", None),
        ("", None),
        (None, None),
        (True, None),
        (float("nan"), None),
    ],
)
def test_timestamps_come_in_several_forms(value: object, expected: int | None) -> None:
    assert parse_timestamp(value) == expected


def test_numbers_are_read_loosely() -> None:
    assert (to_float("52"), to_float(True), to_float(None), to_float([])) == (52.0, 1.0, None, None)
    assert (to_int("7.9"), to_int(float("inf")), to_int(10**18 + 1)) == (7, None, 10**18 + 1)
