"""A promise that is judged the wrong way round would praise a slow order."""

from __future__ import annotations

from benchmarks.tick_to_wire import (
    BUSY,
    INLINE,
    LOOP,
    OURS,
    POLLING,
    USUAL,
    Case,
    Times,
    percentile,
    rows,
)
from benchmarks.wire_bare import _Book
from benchmarks.wire_venue import changes, snapshot


def times(wrote_us: int, took_us: int) -> Times:
    return Times([[wrote_us * 1_000] * 10], [[took_us * 1_000] * 10])


def test_ours_is_judged_against_the_better_floor_and_the_usual_stack() -> None:
    found = {
        LOOP: times(20, 60), POLLING: times(10, 30), USUAL: times(0, 300),
        OURS: times(21, 100), INLINE: times(90, 400), BUSY: times(5, 20),
    }  # fmt: skip
    judged = {
        row.name: row for row in rows({Case(2_000, tls=False): found}) if row.holds is not None
    }
    assert {name: row.holds for name, row in judged.items()} == {
        "plain 2,000/s, read to wire, p50, ours": False,  # 2.1 times the better floor
        "plain 2,000/s, read to wire, p99, ours": True,
        "plain 2,000/s, venue to venue, p50, ours": True,  # exactly three times
        "plain 2,000/s, venue to venue, p99, ours": True,
    }


def test_a_percentile_is_in_microseconds_and_inside_the_values() -> None:
    values = list(range(1_000, 101_000, 1_000))
    assert percentile([values], 0.5) == 51
    assert percentile([values], 0.99) == 100
    assert percentile([[5_000], [4_000]], 0.999) == 4, "the better round"


def test_the_venue_moves_the_best_price_with_every_nth_message_only() -> None:
    book = _Book()
    book.take(snapshot(1))
    moved = [book.take(frame[4:]) for frame in changes(1_000, 20)]
    assert [number for number, each in enumerate(moved, 1) if each] == list(range(20, 1_001, 20))
