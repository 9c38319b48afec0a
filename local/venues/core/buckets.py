"""A token bucket on the machine's own clock: what venues that count requests are made of."""

from __future__ import annotations

from dataclasses import dataclass

from kairos.domain.units import NANOSECONDS_PER_SECOND


@dataclass(slots=True)
class Bucket:
    """Refills continuously, `rate` tokens a second up to `capacity`; takes all or nothing."""

    rate: float
    capacity: float
    tokens: float
    at_ns: int

    @classmethod
    def full(cls, rate: float, capacity: float, now_ns: int) -> Bucket:
        return cls(rate, capacity, capacity, now_ns)

    def take(self, cost: float, now_ns: int) -> bool:
        self.refill(now_ns)
        if cost > self.tokens:
            return False
        self.tokens -= cost
        return True

    def refill(self, now_ns: int) -> None:
        passed = max(0, now_ns - self.at_ns) / NANOSECONDS_PER_SECOND
        self.tokens = min(self.capacity, self.tokens + passed * self.rate)
        self.at_ns = now_ns

    def wait_s(self, cost: float) -> float:
        """Seconds until `cost` tokens are there."""
        return max(0.0, (cost - self.tokens) / self.rate)
