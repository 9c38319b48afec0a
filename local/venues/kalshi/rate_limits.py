"""Kalshi's token buckets: one for reads, one for writes, one for the balance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from kairos.domain.units import NANOSECONDS_PER_SECOND
from local.venues.kalshi.errors import TooManyRequests

DEFAULT_COST: Final = 10
CANCEL_COST: Final = 2
_CREATE: Final = "/trade-api/v2/portfolio/events/orders"

# Endpoints that do not cost the default, as `GET /account/endpoint_costs` lists them.
ENDPOINT_COSTS: Final = (
    ("DELETE", _CREATE, CANCEL_COST),
    ("DELETE", f"{_CREATE}/{{order_id}}", CANCEL_COST),
    ("DELETE", f"{_CREATE}/batched", CANCEL_COST),
    ("POST", "/trade-api/v2/account/api_usage_level/upgrade", 30),
    ("GET", "/trade-api/v2/cfbenchmarks/values", 50),
)


class Tier(NamedTuple):
    """Tokens per second, and how many seconds of them a bucket holds."""

    name: str
    read: int
    write: int
    read_seconds: int
    write_seconds: int
    balance_per_second: int


TIERS: Final = {
    tier.name: tier
    for tier in (
        Tier("basic", 200, 100, 2, 1, 1),
        Tier("advanced", 300, 300, 2, 2, 1),
        Tier("expert", 600, 600, 1, 2, 5),
        Tier("premier", 1_000, 1_000, 1, 2, 5),
        Tier("paragon", 2_000, 2_000, 1, 2, 5),
        Tier("prime", 4_000, 4_000, 1, 2, 5),
        Tier("prestige", 6_000, 8_000, 1, 2, 5),
    )
}


@dataclass(slots=True)
class Bucket:
    """Refills continuously on the machine's own clock; takes all or nothing."""

    rate: int
    capacity: int
    tokens: float
    at_ns: int

    def take(self, cost: int, now_ns: int) -> bool:
        passed = max(0, now_ns - self.at_ns) / NANOSECONDS_PER_SECOND
        self.tokens = min(float(self.capacity), self.tokens + passed * self.rate)
        self.at_ns = now_ns
        if cost > self.tokens:
            return False
        self.tokens -= cost
        return True


class RateLimits:
    """The buckets of one account. `is_enforced` off is for load tests only."""

    def __init__(self, tier: Tier, now_ns: int, is_enforced: bool = True) -> None:
        self.tier = tier
        self.is_enforced = is_enforced
        self._read = _bucket(tier.read, tier.read_seconds, now_ns)
        self._write = _bucket(tier.write, tier.write_seconds, now_ns)
        self._balance = _bucket(tier.balance_per_second, 1, now_ns)

    def read(self, now_ns: int, cost: int = DEFAULT_COST) -> None:
        """Raises TooManyRequests."""
        self._take(self._read, cost, now_ns)

    def write(self, now_ns: int, cost: int) -> None:
        self._take(self._write, cost, now_ns)

    def balance(self, now_ns: int) -> None:
        self._take(self._balance, 1, now_ns)

    def body(self) -> dict[str, Any]:
        """What `GET /account/limits` says."""
        return {
            "usage_tier": self.tier.name,
            "read": _limit(self._read),
            "write": _limit(self._write),
            "grants": [
                {
                    "exchange_instance": "event_contract",
                    "level": self.tier.name,
                    "source": "manual",
                }
            ],
        }

    def _take(self, bucket: Bucket, cost: int, now_ns: int) -> None:
        if self.is_enforced and not bucket.take(cost, now_ns):
            raise TooManyRequests


def _bucket(rate: int, hold_seconds: int, now_ns: int) -> Bucket:
    return Bucket(rate, rate * hold_seconds, float(rate * hold_seconds), now_ns)


def _limit(bucket: Bucket) -> dict[str, int]:
    return {"refill_rate": bucket.rate, "bucket_capacity": bucket.capacity}
