"""Rate limits as data: what a venue allows, with a part kept back so that cancels always pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from kairos.domain.units import NANOSECONDS_PER_SECOND
from kairos.errors import VenueUnreachable
from kairos.ports import Clock

Kind = Literal["read", "write", "cancel"]

# The level is kept in whole 1e-15 tokens: nanoseconds times 1e-6 tokens a second, exactly.
_RATE_UNITS: Final = 1_000_000
_LEVEL_UNITS: Final = _RATE_UNITS * NANOSECONDS_PER_SECOND
_REMEDY: Final = "Send less, or ask the venue for a higher tier; nothing was sent"


class TokenBucket:
    """`rate_per_second` tokens flow in up to `capacity`; it starts full.

    A clock that is set back adds no tokens and lengthens no wait.
    """

    def __init__(self, rate_per_second: float, capacity: float, clock: Clock) -> None:
        self.clock = clock
        self._rate, self._capacity = _checked(rate_per_second, capacity)
        self._level = self._capacity
        self._now_ns = clock.now_ns()
        self._blocked_until_ns = self._now_ns

    @property
    def capacity(self) -> float:
        return self._capacity / _LEVEL_UNITS

    @property
    def tokens(self) -> float:
        """What is in the bucket now."""
        self._refill()
        return self._level / _LEVEL_UNITS

    def try_take(self, cost: int, floor: int = 0) -> bool:
        """Take `cost` tokens if at least `floor` are left afterwards."""
        self._refill()
        if self._level < (cost + floor) * _LEVEL_UNITS or self._blocked_until_ns > self._now_ns:
            return False
        self._level -= cost * _LEVEL_UNITS
        return True

    def seconds_until(self, cost: int, floor: int = 0) -> float:
        """How long until `try_take` can succeed: 0 now, infinite when it never can."""
        self._refill()
        needed = (cost + floor) * _LEVEL_UNITS
        if needed > self._capacity:
            return float("inf")
        missing = max(0, needed - self._level)
        wait_ns = max(0, self._blocked_until_ns - self._now_ns) - (-missing // self._rate)
        return wait_ns / NANOSECONDS_PER_SECOND

    def empty(self, seconds: float = 0.0) -> None:
        """The venue said no: nothing is left, and nothing flows in for `seconds`."""
        self._refill()
        self._level = 0
        until_ns = self._now_ns + round(seconds * NANOSECONDS_PER_SECOND)
        self._blocked_until_ns = max(self._blocked_until_ns, until_ns)

    def resize(self, rate_per_second: float, capacity: float) -> None:
        """Take over what the venue tells; tokens above the new capacity are lost."""
        self._refill()
        self._rate, self._capacity = _checked(rate_per_second, capacity)
        self._level = min(self._level, self._capacity)

    def _refill(self) -> None:
        now_ns = self.clock.now_ns()
        if now_ns < self._now_ns:
            self._blocked_until_ns -= self._now_ns - now_ns
            self._now_ns = now_ns
            return
        elapsed_ns = max(0, now_ns - max(self._now_ns, self._blocked_until_ns))
        self._level = min(self._capacity, self._level + elapsed_ns * self._rate)
        self._now_ns = now_ns


class Budget:
    """What may be sent, and when. Costs are the venue's tokens per endpoint.

    Reads and writes have a bucket each. Writes leave `cancel_reserve` tokens of theirs untouched;
    cancels use the same bucket to the bottom, or `cancel`, where the venue counts them apart: a
    refusal of writes then leaves cancels alone.
    """

    def __init__(
        self,
        read: TokenBucket,
        write: TokenBucket,
        costs: Mapping[str, int],
        default_cost: int,
        cancel_reserve: int,
        cancel: TokenBucket | None = None,
    ) -> None:
        if not 0 <= cancel_reserve < write.capacity:
            raise ValueError(f"a cancel reserve of {cancel_reserve} leaves nothing for writes")
        self._buckets: dict[Kind, TokenBucket] = {
            "read": read, "write": write, "cancel": write if cancel is None else cancel,
        }  # fmt: skip
        self._costs = dict(costs)
        self._default_cost = default_cost
        self._cancel_reserve = cancel_reserve

    def cost(self, endpoint: str) -> int:
        return self._costs.get(endpoint, self._default_cost)

    @property
    def has_room(self) -> bool:
        """Whether a call of usual cost could be sent now, a read and a write."""
        read, write, cost = self._buckets["read"], self._buckets["write"], self._default_cost
        return not (read.seconds_until(cost) or write.seconds_until(cost, self._cancel_reserve))

    def try_take(self, endpoint: str, *, kind: Kind, count: int = 1) -> bool:
        """Count `count` calls of `endpoint` as sent if they may be sent now."""
        floor = self._cancel_reserve if kind == "write" else 0
        return self._buckets[kind].try_take(self.cost(endpoint) * count, floor)

    async def take(
        self, endpoint: str, *, kind: Kind, count: int = 1, wait_max_seconds: float
    ) -> None:
        """Wait until `count` calls of `endpoint` may be sent, and count them as sent.

        Raises VenueUnreachable (`rate_limited`) when that takes longer than `wait_max_seconds`.
        """
        bucket, cost = self._buckets[kind], self.cost(endpoint) * count
        floor = self._cancel_reserve if kind == "write" else 0
        waited = 0.0
        while not bucket.try_take(cost, floor):
            wait = bucket.seconds_until(cost, floor)
            if waited + wait > wait_max_seconds:
                raise VenueUnreachable(
                    "budget", "rate_limited", _why(endpoint, cost, wait), _REMEDY
                )
            waited += wait
            await bucket.clock.sleep(wait)

    def update(
        self,
        *,
        read: tuple[float, float] | None = None,
        write: tuple[float, float] | None = None,
        costs: Mapping[str, int] | None = None,
        default_cost: int | None = None,
    ) -> None:
        """Take over what the venue tells: (rate per second, capacity) and costs per endpoint."""
        if write is not None and write[1] <= self._cancel_reserve:
            raise ValueError(f"a capacity of {write[1]} is not above the cancel reserve")
        if read is not None:
            self._buckets["read"].resize(*read)
        if write is not None:
            self._buckets["write"].resize(*write)
        if default_cost is not None:
            self._default_cost = default_cost
        if costs is not None:
            self._costs |= costs

    def refused(self, kind: Kind, retry_after_seconds: float | None) -> None:
        """The venue answered 429: believe it rather than our own count."""
        self._buckets[kind].empty(retry_after_seconds or 0.0)


def _checked(rate_per_second: float, capacity: float) -> tuple[int, int]:
    rate = round(rate_per_second * _RATE_UNITS)
    if rate <= 0 or capacity < 1:
        raise ValueError(f"{rate_per_second} a second up to {capacity} lets nothing through")
    return rate, round(capacity * _LEVEL_UNITS)


def _why(endpoint: str, cost: int, wait: float) -> str:
    if wait == float("inf"):
        return f"{endpoint} costs {cost} tokens, more than there can ever be"
    return f"{endpoint} costs {cost} tokens, which takes {wait:.3f} s more"
