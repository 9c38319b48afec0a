"""The budget never lets more through than the venue allows, and cancels always have some left."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos.adapters.http.limits import Budget, TokenBucket
from kairos.errors import VenueUnreachable
from tests.support.rest import FakeClock

SECOND = 1_000_000_000
steps = st.lists(st.tuples(st.integers(0, 3 * SECOND), st.integers(1, 30)), max_size=60)


def budget(clock: FakeClock, *, rate: float = 100, capacity: float = 100) -> Budget:
    return Budget(
        TokenBucket(200, 200, clock),
        TokenBucket(rate, capacity, clock),
        {"cancel": 2, "batch": 10},
        default_cost=10,
        cancel_reserve=20,
    )


def write(budget: Budget, count: int = 1, wait: float = 0.0) -> None:
    asyncio.run(budget.take("create", kind="write", count=count, wait_max_seconds=wait))


def cancel(budget: Budget, count: int = 1, wait: float = 0.0) -> None:
    asyncio.run(budget.take("cancel", kind="cancel", count=count, wait_max_seconds=wait))


@given(st.integers(1, 500), st.integers(1, 100), steps)
def test_never_more_than_the_capacity_plus_what_flowed_in(
    rate: int, capacity: int, steps: list[tuple[int, int]]
) -> None:
    clock = FakeClock()
    bucket = TokenBucket(rate, capacity, clock)
    start, taken = clock.ns, 0
    for elapsed_ns, cost in steps:
        clock.ns += elapsed_ns
        taken += cost if bucket.try_take(cost) else 0
        assert taken * SECOND <= capacity * SECOND + (clock.ns - start) * rate
        assert 0 <= bucket.tokens <= capacity


@given(st.integers(1, 500), st.integers(1, 100), st.integers(1, 100), st.integers(0, 50))
def test_the_wait_it_names_is_enough_and_the_least(
    rate: int, capacity: int, cost: int, floor: int
) -> None:
    clock = FakeClock()
    bucket = TokenBucket(rate, capacity, clock)
    bucket.empty()
    wait = bucket.seconds_until(cost, floor)
    if cost + floor > capacity:
        assert wait == float("inf")
        return
    clock.ns += round(wait * SECOND) - 1
    assert not bucket.try_take(cost, floor)
    clock.ns += 1
    assert bucket.try_take(cost, floor)
    assert bucket.tokens >= floor


@given(steps)
def test_asking_often_changes_nothing(steps: list[tuple[int, int]]) -> None:
    clock = FakeClock()
    asked, quiet = TokenBucket(7.3, 40, clock), TokenBucket(7.3, 40, clock)
    for elapsed_ns, cost in steps:
        for part in (elapsed_ns // 3, elapsed_ns - elapsed_ns // 3):
            clock.ns += part
            assert asked.tokens >= 0
        assert asked.try_take(cost) == quiet.try_take(cost)
    assert asked.tokens == quiet.tokens


def test_a_clock_set_back_adds_nothing_and_stops_nothing() -> None:
    clock = FakeClock()
    bucket = TokenBucket(10, 10, clock)
    bucket.empty(5.0)
    clock.ns -= 3_600 * SECOND
    assert bucket.tokens == 0
    assert bucket.seconds_until(10) == 6.0
    clock.advance(6.0)
    assert bucket.try_take(10)


def test_a_refusal_blocks_until_the_venue_said() -> None:
    clock = FakeClock()
    limits = budget(clock)
    limits.refused("write", 3.0)
    clock.advance(2.9)
    with pytest.raises(VenueUnreachable) as refused:
        cancel(limits)
    assert refused.value.reason == "rate_limited"
    clock.advance(0.1 + 0.02)
    cancel(limits)


def test_a_refusal_without_a_time_empties_the_bucket() -> None:
    clock = FakeClock()
    limits = budget(clock)
    limits.refused("write", None)
    with pytest.raises(VenueUnreachable):
        cancel(limits)
    clock.advance(0.02)
    cancel(limits)


def test_writes_leave_the_reserve_to_cancels() -> None:
    clock = FakeClock()
    limits = budget(clock)
    write(limits, count=8)
    with pytest.raises(VenueUnreachable, match="rate_limited"):
        write(limits)
    cancel(limits, count=10)
    with pytest.raises(VenueUnreachable):
        cancel(limits)


def test_it_waits_as_long_as_needed_but_not_longer_than_allowed() -> None:
    clock = FakeClock()
    limits = budget(clock)
    write(limits, count=8)
    write(limits, wait=0.1)
    assert clock.slept == [0.1]
    with pytest.raises(VenueUnreachable):
        write(limits, wait=0.09)
    assert clock.slept == [0.1]


def test_a_batch_that_can_never_fit_is_refused_at_once() -> None:
    clock = FakeClock()
    with pytest.raises(VenueUnreachable, match="more than there can ever be"):
        write(budget(clock), count=9, wait=1e9)
    assert clock.slept == []


def test_concurrent_takers_together_stay_within_the_rate() -> None:
    clock = FakeClock()
    limits = budget(clock)
    start = clock.ns

    async def all_at_once() -> None:
        calls = [limits.take("create", kind="write", wait_max_seconds=60.0) for _ in range(30)]
        await asyncio.gather(*calls)

    asyncio.run(all_at_once())
    assert clock.ns - start >= (300 - 80) * SECOND // 100


def test_what_the_venue_tells_replaces_what_was_assumed() -> None:
    clock = FakeClock()
    limits = budget(clock)
    limits.update(write=(300, 600), costs={"create": 1}, default_cost=5)
    assert (limits.cost("create"), limits.cost("cancel"), limits.cost("other")) == (1, 2, 5)
    clock.advance(2.0)
    write(limits, count=580)
    with pytest.raises(VenueUnreachable):
        write(limits)


@pytest.mark.parametrize(("rate", "capacity"), [(0, 10), (-1, 10), (10, 0)])
def test_limits_that_let_nothing_through_are_a_mistake(rate: float, capacity: float) -> None:
    with pytest.raises(ValueError, match="lets nothing through"):
        TokenBucket(rate, capacity, FakeClock())


def test_a_reserve_as_large_as_the_bucket_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="leaves nothing for writes"):
        budget(FakeClock(), capacity=20)
    with pytest.raises(ValueError, match="not above the cancel reserve"):
        budget(FakeClock()).update(write=(1, 20))


def test_a_venue_that_counts_cancels_apart_takes_them_while_it_refuses_orders() -> None:
    clock = FakeClock()
    apart = Budget(
        TokenBucket(200, 200, clock), TokenBucket(100, 100, clock), {}, 1, 0,
        TokenBucket(5, 5, clock),
    )  # fmt: skip
    apart.refused("write", 3.0)
    with pytest.raises(VenueUnreachable):
        write(apart)
    cancel(apart, count=5)
    with pytest.raises(VenueUnreachable):
        cancel(apart)
