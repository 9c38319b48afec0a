"""How long to stay away from a venue that would not have us."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hotpath.feeds.live.settings import ConnectionSettings

_DOUBLINGS_MAX: Final = 30  # beyond it every cap is reached, and numbers need not grow


class Backoff:
    """Full jitter: uniform between nothing and a ceiling that doubles, so that clients that were
    cut off together do not come back together. `uniform` gives numbers in 0..1."""

    def __init__(self, settings: ConnectionSettings, uniform: Callable[[], float]) -> None:
        self._settings = settings
        self._uniform = uniform
        self.failures = 0

    def next_s(self, retry_after_s: float | None = None) -> float:
        """The wait before the next attempt; what the venue asked for is the least."""
        settings = self._settings
        ceiling = min(settings.backoff_cap_s, settings.backoff_base_s * 2.0**self.failures)
        self.failures = min(self.failures + 1, _DOUBLINGS_MAX)
        asked = min(retry_after_s or 0.0, settings.retry_after_cap_s)
        return asked + ceiling * self._uniform()

    def reset(self) -> None:
        self.failures = 0


def retry_after_s(text: str | None) -> float | None:
    """The seconds of a Retry-After header; None when it is absent or a date, which none sends."""
    return float(text) if text is not None and text.isascii() and text.isdigit() else None
