"""Which schedule a Kalshi market gets, and what is refused instead of guessed."""

from __future__ import annotations

import pytest

from kairos.domain.fees.kalshi import BalancePrecision, KalshiFees
from kairos.domain.fees.kalshi_series import (
    HISTORY,
    event_schedule,
    published_schedule,
    series_schedule,
)
from kairos.domain.fees.schedule import FeeSchedule, effective_ns
from kairos.domain.instruments import Liquidity
from kairos.errors import Malformed, UsageError

NOW_NS = effective_ns(2026, 10, 20)
HUNDRED = 100_000_000
FCM = BalancePrecision.FCM


def fee_at_half(fees: KalshiFees, liquidity: Liquidity = Liquidity.TAKER) -> int:
    return fees.fill_fee(5_000, HUNDRED, liquidity)


@pytest.mark.parametrize(
    ("series", "taker"),
    [
        ("KXBTC15M", 1_750_000),
        ("KXBTCD", 1_750_000),
        ("KXBTC", 1_750_000),
        ("KXBTCY", 0),
        ("KXINX", 875_000),
        ("KXINXU", 875_000),
        ("KXNASDAQ100D", 875_000),
    ],
)
def test_known_series_have_their_own_fees(series: str, taker: int) -> None:
    fees = series_schedule(series, NOW_NS, FCM)
    assert fee_at_half(fees) == taker
    assert fee_at_half(fees, Liquidity.MAKER) == 0
    assert not fees.assumed


def test_an_unknown_series_gets_the_published_default_and_says_so() -> None:
    fees = series_schedule("KXETH15M", NOW_NS, FCM)
    assert fees.assumed
    assert fee_at_half(fees) == 1_750_000


def test_the_version_names_schedule_type_and_multiplier() -> None:
    assert published_schedule("quadratic", "0.5", NOW_NS, FCM).version == (
        "kalshi-2026-07-07:quadratic:500000"
    )


@pytest.mark.parametrize(
    ("fee_type", "multiplier", "taker", "maker"),
    [
        ("quadratic", "1", 1_750_000, 0),
        ("quadratic_with_maker_fees", "1", 1_750_000, 437_500),
        ("quadratic_with_combo_maker_fees", "1", 1_750_000, 875_000),
        ("quadratic_with_maker_fees", "2.0", 3_500_000, 875_000),
        ("quadratic", "0", 0, 0),
        ("none", "1", 0, 0),
    ],
)
def test_the_venue_s_own_fields_decide(
    fee_type: str, multiplier: str, taker: int, maker: int
) -> None:
    fees = published_schedule(fee_type, multiplier, NOW_NS, FCM)
    assert (fee_at_half(fees), fee_at_half(fees, Liquidity.MAKER)) == (taker, maker)
    assert not fees.assumed


@pytest.mark.parametrize(
    ("fee_type", "multiplier", "reason"),
    [
        ("flat", "1", "unpriced_fee_type"),
        ("margin_market_maker_program_fees", "1", "unknown_fee_type"),
        ("", "1", "unknown_fee_type"),
        ("quadratic", "-1", "rate_out_of_range"),
        ("quadratic", "1e-3", "bad_number"),
        ("quadratic", "", "bad_number"),
    ],
)
def test_fees_that_cannot_be_known_are_refused(fee_type: str, multiplier: str, reason: str) -> None:
    with pytest.raises(Malformed) as refused:
        published_schedule(fee_type, multiplier, NOW_NS, FCM)
    assert refused.value.reason == reason


def test_an_event_override_replaces_the_series_and_clearing_restores_it() -> None:
    series = series_schedule("KXBTCD", NOW_NS, BalancePrecision.DIRECT_MEMBER)
    doubled = event_schedule(series, "quadratic_with_maker_fees", "2", NOW_NS)
    assert fee_at_half(doubled, Liquidity.MAKER) == 875_000
    assert doubled.precision is BalancePrecision.DIRECT_MEMBER
    assert event_schedule(series, None, None, NOW_NS) is series


@pytest.mark.parametrize(("fee_type", "multiplier"), [("quadratic", None), (None, "1")])
def test_half_an_override_is_refused(fee_type: str | None, multiplier: str | None) -> None:
    series = series_schedule("KXBTCD", NOW_NS, FCM)
    with pytest.raises(Malformed, match="half_fee_override"):
        event_schedule(series, fee_type, multiplier, NOW_NS)


def test_the_version_follows_the_date_to_the_nanosecond() -> None:
    change_ns = effective_ns(2026, 7, 7)
    assert series_schedule("KXBTC", change_ns - 1, FCM).version.startswith("kalshi-2025-07-01")
    assert series_schedule("KXBTC", change_ns, FCM).version.startswith("kalshi-2026-07-07")


def test_a_date_before_the_first_schedule_is_an_error_that_names_both_dates() -> None:
    with pytest.raises(UsageError, match=r"2021-06-30.*2021-07-01"):
        series_schedule("KXBTC", effective_ns(2021, 6, 30), FCM)


def test_fees_of_old_tapes_say_that_they_are_assumed() -> None:
    assert series_schedule("KXBTC", effective_ns(2025, 6, 30), FCM).assumed
    assert not series_schedule("KXBTC", effective_ns(2025, 7, 1), FCM).assumed


def test_history_is_in_order() -> None:
    assert [entry.from_ns for entry in HISTORY] == sorted({entry.from_ns for entry in HISTORY})


def test_kalshi_fees_are_a_fee_schedule() -> None:
    schedule: FeeSchedule = series_schedule("KXBTC", NOW_NS, FCM)
    assert schedule.order_fees() is not schedule.order_fees()


def test_dates_are_midnight_in_new_york() -> None:
    assert effective_ns(2026, 7, 7) == 1_783_396_800_000_000_000  # 2026-07-07T04:00:00Z
