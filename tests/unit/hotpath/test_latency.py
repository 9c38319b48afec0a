"""Latency percentiles from histograms of fixed size."""

from __future__ import annotations

import pytest

from hotpath.latency import LatencyTable


def test_percentiles_are_the_upper_edges_of_their_buckets() -> None:
    table = LatencyTable()
    for nanoseconds in range(1_000, 101_000, 100):
        table.add("BookDelta", nanoseconds)
    told = table.percentiles()["BookDelta"]
    assert told["count"] == 1_000
    for name, exact_us in (("p50_us", 51.0), ("p90_us", 91.0), ("p99_us", 100.0)):
        assert exact_us <= told[name] * 1.001 <= exact_us * 1.06


def test_one_slow_message_shows_in_the_tail_only() -> None:
    table = LatencyTable()
    for _ in range(999):
        table.add("BookDelta", 1_000)
    table.add("BookDelta", 5_000_000)
    told = table.percentiles()["BookDelta"]
    assert told["p99_us"] < 1.1
    assert told["p999_us"] < 1.1
    table.add("BookDelta", 5_000_000)
    assert table.percentiles()["BookDelta"]["p999_us"] > 4_900


@pytest.mark.parametrize("nanoseconds", [0, 1, 10**12])
def test_times_outside_the_table_are_counted_at_its_ends(nanoseconds: int) -> None:
    table = LatencyTable()
    table.add("BookDelta", nanoseconds)
    assert table.percentiles()["BookDelta"]["count"] == 1


def test_kinds_are_kept_apart_and_in_order() -> None:
    table = LatencyTable()
    table.add("SpotTrade", 100)
    table.add("BookDelta", 100)
    assert list(table.percentiles()) == ["BookDelta", "SpotTrade"]
