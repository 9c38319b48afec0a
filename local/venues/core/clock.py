"""Time of a simulated venue: it may run faster than ours, or only when a test says so."""

from __future__ import annotations

import time
from typing import Final, Protocol

from kairos.domain.units import NANOSECONDS_PER_SECOND
from kairos.errors import UsageError

_SPEED_MAX: Final = 1_000.0


class SimClock(Protocol):
    """`speed` is simulated seconds per real second."""

    speed: float

    def now_ns(self) -> int: ...


class RunningClock:
    """Starts at `start_ns` and runs `speed` times as fast as the machine's own clock."""

    def __init__(self, start_ns: int | None = None, speed: float = 1.0) -> None:
        if not 0.01 <= speed <= _SPEED_MAX:
            raise UsageError(f"speed must be between 0.01 and {_SPEED_MAX:g}; it is {speed}")
        self.speed = speed
        self._start_ns = time.time_ns() if start_ns is None else start_ns
        self._began_ns = time.monotonic_ns()

    def now_ns(self) -> int:
        passed = time.monotonic_ns() - self._began_ns
        return self._start_ns + (passed if self.speed == 1.0 else int(passed * self.speed))


class ManualClock:
    """Stands still until it is moved; tests use it to make time exact."""

    speed = 1.0

    def __init__(self, start_ns: int | None = None) -> None:
        self._now_ns = time.time_ns() if start_ns is None else start_ns

    def now_ns(self) -> int:
        return self._now_ns

    def advance(self, seconds: float) -> None:
        self._now_ns += int(seconds * NANOSECONDS_PER_SECOND)
