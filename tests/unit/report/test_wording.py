"""How amounts, shares and times read on the page."""

from __future__ import annotations

import pytest

from cli.report import wording


@pytest.mark.parametrize(
    ("micro_dollars", "exact", "rounded"),
    [
        (0, "$0.00", "$0.00"),
        (1_750_000, "+$1.75", "+$1.75"),
        (-1_750_000, "−$1.75", "−$1.75"),
        (1_041_300, "+$1.0413", "+$1.04"),
        (1_005_000, "+$1.005", "+$1.01"),
        (-1_005_000, "−$1.005", "−$1.01"),
        (-1, "−$0.000001", "−$0.000001"),
        (4_999, "+$0.004999", "+$0.004999"),
        (5_000, "+$0.005", "+$0.01"),
        (1_234_567_890_000, "+$1,234,567.89", "+$1,234,567.89"),
    ],
)
def test_cash_is_exact_and_cents_are_rounded_away_from_zero(
    micro_dollars: int, exact: str, rounded: str
) -> None:
    assert wording.cash(micro_dollars) == exact
    assert wording.cents(micro_dollars) == rounded


@pytest.mark.parametrize(
    ("part", "whole", "words"),
    [
        (0, 0, "–"),
        (0, 10, "0.0 %"),
        (1, 3, "33.3 %"),
        (1, 1_000_000, "< 0.1 %"),
        (999_999, 1_000_000, "> 99.9 %"),
        (10, 10, "100 %"),
    ],
)
def test_a_share_never_rounds_something_to_nothing_or_to_all(
    part: int, whole: int, words: str
) -> None:
    assert wording.share(part, whole) == words


@pytest.mark.parametrize(
    ("ns", "words"),
    [
        (0, "0.0 s"),
        (1_250_000_000, "1.2 s"),
        (59_999_999_999, "59.9 s"),
        (60_000_000_000, "1 min 00 s"),
        (3_599_000_000_000, "59 min 59 s"),
        (7_380_000_000_000, "2 h 03 min"),
        (93_600_000_000_000, "1 d 2 h"),
    ],
)
def test_durations_use_two_units_at_most(ns: int, words: str) -> None:
    assert wording.duration(ns) == words


def test_times_are_utc_and_cut_to_milliseconds() -> None:
    assert wording.utc(1_778_685_721_250_999_999) == "2026-05-13 15:22:01.250"
    assert wording.utc(-1) == "1969-12-31 23:59:59.999"


def test_a_span_repeats_the_day_only_when_it_changes() -> None:
    day_ns = 86_400 * 10**9
    assert wording.span(0, 10**9) == "1970-01-01 00:00:00 to 00:00:01 UTC"
    assert wording.span(0, day_ns) == "1970-01-01 00:00:00 to 1970-01-02 00:00:00 UTC"


def test_nouns_follow_their_number() -> None:
    assert wording.counted(1, "order") == "1 order"
    assert wording.counted(1_200, "order") == "1,200 orders"
    assert wording.counted(2, "clock anomaly", "clock anomalies") == "2 clock anomalies"


def test_an_unknown_number_is_shown_as_unknown() -> None:
    assert wording.number(None, 2) == "–"
    assert wording.number(-1234.5, 2) == "−1,234.50"
