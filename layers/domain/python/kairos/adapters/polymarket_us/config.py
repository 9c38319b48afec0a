"""Where Polymarket US is and what it allows, as data: hosts, rates, batch sizes, windows of time.

Sources: docs.polymarket.us (API reference, rate limits), polymarket-us 2.4.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

VENUE: Final = "polymarket_us"

API_URL: Final = "https://api.polymarket.us"
GATEWAY_URL: Final = "https://gateway.polymarket.us"
STREAM_URL: Final = "wss://api.polymarket.us"
MARKETS_PATH: Final = "/v1/ws/markets"
PRIVATE_PATH: Final = "/v1/ws/private"

BATCH_MAX: Final = 20  # orders in one batched request
SLUGS_PER_SUBSCRIPTION_MAX: Final = 100
SUBSCRIPTIONS_MAX: Final = 1_000  # of one connection; ours, the venue states none
MARKETS_MAX: Final = SLUGS_PER_SUBSCRIPTION_MAX * SUBSCRIPTIONS_MAX
CONNECTIONS_PER_KEY_MAX: Final = 5

# A signature is refused when its time is farther than this from the venue's clock.
SIGNATURE_WINDOW_SECONDS: Final = 30.0
# An order that the exchange has not begun to process by then is rejected ("latency stopgap").
STOPGAP_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Rate:
    """A token bucket: requests a second, and how many at once."""

    per_second: float
    burst: float


@dataclass(frozen=True, slots=True)
class RateLimits:
    """Two published versions exist (440 orders in 10 s; 20 requests/s for everything): this is the
    tighter one. Whether the venue counts in windows or in buckets is not known, so all rates and
    bursts of a key together stay at 20: then no second sees more, however it is counted.
    """

    read: Rate = Rate(5.0, 4.0)
    write: Rate = Rate(6.0, 5.0)
    cancel_reserve: int = 2
    public: Rate = Rate(10.0, 10.0)  # the gateway counts by address, 20/s too
    # After a 429 nothing is sent for at least this long, whatever Retry-After says.
    pause_seconds_min: float = 1.0


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator may change. Times are seconds."""

    api_url: str = API_URL
    gateway_url: str = GATEWAY_URL
    stream_url: str = STREAM_URL
    limits: RateLimits = RateLimits()
    timeout_seconds: float = 10.0
    # Orders that cannot rest are answered once they are done, or after this long.
    synchronous_seconds: int = 3
    # The venue answers 404 for an order it has just taken, and applies a cancel a moment after it
    # has accepted it: reads are repeated this often, this far apart, before they count.
    settle_attempts: int = 6
    settle_seconds: float = 0.5
    # How far the venue's clock may be behind ours when an order is matched with its intent.
    clock_tolerance_seconds: float = 2.0
    # An intent older than this is not sent any more: what is sent late could be accepted late,
    # after its absence was taken for proved.
    send_within_seconds: float = 5.0
    # From an intent on, this long one of its requests might still be accepted: the signature's
    # window, as much again for our clock being ahead, the stopgap, sending late, and becoming
    # visible.
    acceptance_seconds: float = 2 * SIGNATURE_WINDOW_SECONDS + STOPGAP_SECONDS + 15.0
    # The venue cancels nothing when we die, so no order rests longer than this, whatever end of its
    # own it carries. Nothing renews it: a change is a cancel and replace, and would lose its place.
    lifetime_seconds: float = 15.0

    def __post_init__(self) -> None:
        if self.synchronous_seconds >= self.timeout_seconds:
            raise ValueError("synchronous_seconds must leave time for the answer")
        latest = 2 * SIGNATURE_WINDOW_SECONDS + STOPGAP_SECONDS + self.send_within_seconds
        if self.acceptance_seconds < latest:
            raise ValueError("acceptance_seconds is shorter than the venue may take")
        if self.lifetime_seconds <= 0:
            raise ValueError("lifetime_seconds must be more than 0, or nothing can rest")
