"""Waiting is bounded and random; what waits is bounded and says so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotpath.feeds.live.backoff import Backoff, retry_after_s
from hotpath.feeds.live.inbox import Inbox
from hotpath.feeds.live.settings import ConnectionSettings, FreezeSettings, InboxSettings
from kairos.errors import UsageError

SETTINGS = ConnectionSettings(backoff_base_s=0.5, backoff_cap_s=8, retry_after_cap_s=60)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_every_wait_is_a_random_part_of_a_ceiling_that_doubles_up_to_the_cap(
    draws: list[float],
) -> None:
    given_ = iter(draws)
    backoff = Backoff(SETTINGS, lambda: next(given_))
    for attempt, draw in enumerate(draws):
        assert backoff.next_s() == pytest.approx(min(8, 0.5 * 2**attempt) * draw)


def test_after_a_good_connection_it_starts_over() -> None:
    backoff = Backoff(SETTINGS, lambda: 1.0)
    waits = [backoff.next_s() for _ in range(3)]
    backoff.reset()
    assert [*waits, backoff.next_s()] == [0.5, 1.0, 2.0, 0.5]


def test_what_the_venue_asks_for_is_the_least_and_bounded() -> None:
    backoff = Backoff(SETTINGS, lambda: 0.0)
    assert backoff.next_s(7) == 7
    assert backoff.next_s(86_400) == 60


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7", 7.0), (None, None), ("Fri, 20 Nov 2026 10:00:00 GMT", None), ("-1", None), ("٣", None)],
)
def test_a_retry_after_that_is_no_number_of_seconds_is_none(
    text: str | None, seconds: float | None
) -> None:
    assert retry_after_s(text) == seconds


def test_settings_below_zero_are_named() -> None:
    with pytest.raises(UsageError, match=r"streams\.proof_s is 0"):
        FreezeSettings(proof_s=0)


def test_a_full_inbox_stops_the_sockets_until_half_of_it_is_free() -> None:
    stops: list[bool] = []
    inbox = Inbox(InboxSettings(lines_max=10), lambda: None, stops.append)
    inbox.put([b"x"] * 9)
    assert stops == []
    inbox.put([b"x"] * 3)
    inbox.take(6)
    assert stops == [True]
    inbox.take(2)
    assert stops == [True, False]
    assert (len(inbox), inbox.pauses, inbox.lines_high) == (4, 1, 12)


def test_bytes_count_as_well_as_lines() -> None:
    stops: list[bool] = []
    inbox = Inbox(InboxSettings(bytes_max=100), lambda: None, stops.append)
    inbox.put([b"x" * 100])
    assert inbox.take() == [b"x" * 100]
    assert stops == [True, False]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 7)), max_size=40))
def test_lines_come_out_in_order_and_none_is_lost(steps: list[tuple[int, int]]) -> None:
    inbox = Inbox(InboxSettings(lines_max=4), lambda: None)
    put: list[bytes] = []
    taken: list[bytes] = []
    for add, most in steps:
        fresh = [b"%d" % (len(put) + index) for index in range(add)]
        put += fresh
        inbox.put(fresh)
        taken += inbox.take(most)
    assert taken + inbox.take() == put


def test_what_a_taker_puts_in_itself_is_taken_in_its_turn_and_not_inside() -> None:
    depth = [0]
    seen: list[bytes] = []

    def wake() -> None:
        depth[0] += 1
        assert depth[0] == 1
        for line in inbox.take():
            seen.append(line)
            if line == b"first":
                inbox.put([b"second"])
        depth[0] -= 1

    inbox = Inbox(InboxSettings(), wake)
    inbox.put([b"first"])
    assert seen == [b"first", b"second"]
