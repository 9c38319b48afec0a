"""Time that runs as fast as a simulated venue's, so that a compressed session is a session.

The engine's clock is the receive time of its lines. Where the venue lives faster than we do, lines
are stamped with a clock of the venue's speed: then every age, window and latency means in the
session what it means on a real one.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Final

from hotpath.feeds.live.settings import StreamSettings
from kairos.errors import UsageError

SPEED_MAX: Final = 1_000.0
# What a loaded machine may hold a process up without anybody calling it a dead connection.
_PATIENCE_S: Final = 0.75


class ScaledClock:
    """`kairos.ports.Clock`: `start_ns` when it is made, then `speed` times the machine's pace."""

    def __init__(self, start_ns: int, speed: float) -> None:
        if not 0.01 <= speed <= SPEED_MAX:
            raise UsageError(f"speed {speed} is outside 0.01 to {SPEED_MAX:g}")
        self.speed = speed
        self._start_ns = start_ns
        self._began_ns = time.monotonic_ns()

    def now_ns(self) -> int:
        return self._start_ns + int((time.monotonic_ns() - self._began_ns) * self.speed)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self.speed)


def paced(settings: StreamSettings, speed: float) -> StreamSettings:
    """The same patience in real time on a clock that is faster: nothing comes sooner because
    somebody else's clock runs. At the machine's own pace nothing changes."""
    if speed <= 1.0:
        return settings
    least = _PATIENCE_S * speed
    freeze, resync = settings.freeze, settings.resync
    return replace(
        settings,
        tick_s=max(settings.tick_s, 0.02 * speed),
        freeze=replace(
            freeze,
            missed_heartbeats=max(freeze.missed_heartbeats, least),
            contradicted_s=max(freeze.contradicted_s, least),
            trade_slack_s=max(freeze.trade_slack_s, least),
            silent_s=max(freeze.silent_s, least),
            activity_s=max(freeze.activity_s, least),
            proof_s=max(freeze.proof_s, least),
        ),
        resync=replace(
            resync,
            timeout_s=max(resync.timeout_s, least),
            grace_s=max(resync.grace_s, least),
        ),
    )
