"""Where Kalshi is and what it allows: facts of the venue as data, replaced by what it tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

API: Final = "/trade-api/v2"
STREAM_PATH: Final = "/trade-api/ws/v2"
DEFAULT_COST: Final = 10


@dataclass(frozen=True, slots=True)
class RateTier:
    """Tokens a second and the most that a bucket holds, for reads and for writes."""

    read_rate: int
    read_capacity: int
    write_rate: int
    write_capacity: int


# Rates as published 2026-07; capacities are the smaller of what was published and seen, because
# the venue's own answer (`Exchange.learn_limits`) replaces them before trading.
TIERS: Final[dict[str, RateTier]] = {
    "basic": RateTier(200, 400, 100, 100),
    "advanced": RateTier(300, 600, 300, 600),
    "expert": RateTier(600, 600, 600, 1_200),
    "premier": RateTier(1_000, 1_000, 1_000, 2_000),
    "paragon": RateTier(2_000, 2_000, 2_000, 4_000),
    "prime": RateTier(4_000, 4_000, 4_000, 8_000),
    "prestige": RateTier(6_000, 6_000, 8_000, 16_000),
}

# Tokens of the endpoints that do not cost the default (OpenAPI 3.34, notes on each endpoint).
ENDPOINT_COSTS: Final[dict[str, int]] = {
    "GET /portfolio/orders/{}": 2,
    "DELETE /portfolio/events/orders": 2,
    "DELETE /portfolio/events/orders/batched": 2,
    "DELETE /portfolio/events/orders/{}": 2,
    "POST /account/api_usage_level/upgrade": 30,
}


@dataclass(frozen=True, slots=True)
class KalshiConfig:
    """One environment and how to behave there. Keys belong to one environment.

    Times are seconds. `cancel_reserve` is in tokens. `lifetime_seconds` bounds how long an order
    rests that names no end of its own: what the venue cancels for us when we are dead.
    """

    rest_origin: str
    stream_url: str
    tier: str = "basic"
    cancel_reserve: int = 20
    timeout_seconds: float = 5.0
    wait_max_seconds: float = 2.0
    attempts_max: int = 4
    backoff_base_seconds: float = 0.1
    backoff_cap_seconds: float = 5.0
    lifetime_seconds: int = 15
    subaccount: int | None = None

    def __post_init__(self) -> None:
        if self.tier not in TIERS:
            raise ValueError(f"{self.tier!r} is none of the tiers {', '.join(TIERS)}")
        if self.lifetime_seconds < 1:
            raise ValueError("an order must rest for a second at least")


PRODUCTION: Final = KalshiConfig(
    rest_origin="https://external-api.kalshi.com",
    stream_url=f"wss://external-api-ws.kalshi.com{STREAM_PATH}",
)
DEMO: Final = KalshiConfig(
    rest_origin="https://external-api.demo.kalshi.co",
    stream_url=f"wss://external-api-ws.demo.kalshi.co{STREAM_PATH}",
)
