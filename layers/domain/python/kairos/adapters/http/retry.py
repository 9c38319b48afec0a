"""How long to wait before a read or a cancel is tried again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

from kairos.domain.units import NANOSECONDS_PER_SECOND


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential with full jitter: uniform in 0..min(cap, base * 2**attempt).

    `jitter` gives numbers in 0..1; `attempts_max` counts the first attempt too.
    """

    base_seconds: float
    cap_seconds: float
    attempts_max: int
    jitter: Callable[[], float]

    def delay_seconds(self, attempt: int, retry_after_seconds: float | None = None) -> float:
        """Wait after failed attempt number `attempt` (from 0); what the venue asks for wins."""
        if retry_after_seconds is not None:
            return retry_after_seconds
        # 2**attempt is bounded: no attempt is as late as the 64th.
        ceiling: float = min(self.cap_seconds, self.base_seconds * 2 ** min(attempt, 63))
        return ceiling * self.jitter()


def retry_after_seconds(headers: Mapping[str, str], now_ns: int) -> float | None:
    """The Retry-After header, seconds or a date; None when absent or unreadable."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit() and len(text) <= 9:
        return float(text)
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, until.timestamp() - now_ns / NANOSECONDS_PER_SECOND)
