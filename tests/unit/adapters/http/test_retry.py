"""Waits are random within their bound, and what the venue asks for wins."""

from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos.adapters.http.retry import Backoff, retry_after_seconds

NOW = 1_795_000_000


@given(st.floats(0, 1), st.integers(0, 10_000), st.floats(0.001, 5), st.floats(0.001, 60))
def test_full_jitter_is_between_zero_and_the_bound(
    draw: float, attempt: int, base: float, cap: float
) -> None:
    backoff = Backoff(base, cap, 5, lambda: draw)
    delay = backoff.delay_seconds(attempt)
    assert 0 <= delay <= min(cap, base * 2 ** min(attempt, 63))
    assert delay == pytest.approx(min(cap, base * 2 ** min(attempt, 63)) * draw)


def test_retry_after_wins_over_the_bound() -> None:
    assert Backoff(0.1, 2.0, 5, lambda: 1.0).delay_seconds(0, 7.0) == 7.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("3", 3.0),
        (" 0 ", 0.0),
        (formatdate(NOW + 12, usegmt=True), 12.0),
        (formatdate(NOW - 12, usegmt=True), 0.0),
        ("soon", None),
        ("", None),
        ("-1", None),
        ("99999999999999999999", None),
    ],
)
def test_retry_after_is_read_in_both_forms(text: str, seconds: float | None) -> None:
    assert retry_after_seconds({"retry-after": text}, NOW * 1_000_000_000) == seconds


def test_no_header_is_no_wish() -> None:
    assert retry_after_seconds({}, NOW) is None
