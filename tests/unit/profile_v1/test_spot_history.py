"""The kept history gives exactly what a rescan of a bounded deque would give."""

from __future__ import annotations

from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from kairos.domain.profile_v1.spot_history import SpotHistory, Tick, Window, resample_last


def rescan(ticks: deque[Tick], oldest_ts: int, bucket_seconds: int) -> Window:
    """The definition: cut, take the span in order of arrival, sort, keep each bucket's last."""
    recent = [tick for tick in ticks if tick[0] >= oldest_ts]
    span = recent[-1][0] - recent[0][0] if recent else 0
    return Window(len(recent), span, resample_last(recent, bucket_seconds))


arrivals = st.lists(
    st.tuples(st.integers(-3, 8), st.sampled_from([0.0, 1.0, 2.0, 3.0])), max_size=60
)


@given(
    steps=arrivals,
    cap=st.integers(1, 12),
    lookback=st.integers(-10, 60),
    bucket=st.sampled_from([1, 2, 5]),
    look_every=st.integers(1, 5),
)
def test_windows_equal_a_rescan_whatever_arrives(
    steps: list[tuple[int, float]], cap: int, lookback: int, bucket: int, look_every: int
) -> None:
    history, held = SpotHistory(cap), deque[Tick](maxlen=cap)
    ts = 100
    for index, (step, price) in enumerate(steps):
        ts += step
        history.append(ts, price)
        held.append((ts, price))
        assert len(history) == len(held)
        if index % look_every == 0:
            oldest = ts - lookback
            assert history.window(oldest, bucket) == rescan(held, oldest, bucket)
    assert history.ticks() == list(held)


@given(steps=st.lists(st.integers(0, 4), max_size=80), cap=st.integers(1, 9))
def test_a_changed_bucket_size_is_noticed(steps: list[int], cap: int) -> None:
    history, held = SpotHistory(cap), deque[Tick](maxlen=cap)
    ts = 0
    for index, step in enumerate(steps):
        ts += step
        history.append(ts, float(index + 1))
        held.append((ts, float(index + 1)))
        bucket = 2 + index % 3
        assert history.window(ts - 10, bucket) == rescan(held, ts - 10, bucket)


def test_memory_is_bounded_by_twice_the_cap() -> None:
    history = SpotHistory(10)
    for ts in range(1000):
        history.append(ts, 1.0)
    history.window(0, 5)
    for ts in range(1000, 2000):
        history.append(ts, 1.0)
    assert len(history) == 10
    assert len(history._times) <= 21
    assert len(history._last_in_bucket or {}) <= 21
