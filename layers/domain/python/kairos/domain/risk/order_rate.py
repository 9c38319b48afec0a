"""How many orders left in the last second and minute, so that a strategy gone wild is stopped."""

from __future__ import annotations

from collections import deque
from typing import Final

from kairos.domain.risk.limits import Breach, Limit, RiskLimits
from kairos.domain.units import NANOSECONDS_PER_SECOND

MINUTE_NS: Final = 60 * NANOSECONDS_PER_SECOND


class OrderRate:
    """Sliding windows. Orders that only reduce are counted and never refused."""

    def __init__(self, limits: RiskLimits) -> None:
        self._windows = (
            (Limit.ORDERS_PER_SECOND, limits.orders_per_second_max, NANOSECONDS_PER_SECOND),
            (Limit.ORDERS_PER_MINUTE, limits.orders_per_minute_max, MINUTE_NS),
        )
        self._first = limits.orders_per_second_max  # the first window that can be full
        self._times: deque[int] = deque(maxlen=limits.orders_per_minute_max)

    def check(self, now_ns: int) -> tuple[Breach, ...]:
        """The windows that are full; an order as old as a window is outside of it."""
        times = self._times
        if len(times) < self._first:
            return ()
        return tuple(
            Breach(limit, "", most + 1, most)
            for limit, most, window_ns in self._windows
            if len(times) >= most and now_ns - times[-most] < window_ns
        )

    def count(self, now_ns: int) -> None:
        self._times.append(now_ns)
