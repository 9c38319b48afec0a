"""What an operator may choose about a live process, apart from what decides (`RunSettings`)."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from hotpath.feeds.live.settings import StreamSettings
from kairos.errors import UsageError


@dataclass(frozen=True, slots=True)
class ShellSettings:
    """Seconds of the session's clock, unless they say otherwise. All must be more than 0.

    * `flush_seconds`: the longest that a record waits for the file when no order makes it go.
    * `health_seconds`: how often we report on ourselves; `control_seconds`: how often the trading
      state is read.
    * `discover_seconds`: how often the catalogue is asked; a market is subscribed to
      `ahead_seconds` before it opens and left `after_seconds` after its close.
    * `stop_seconds`: how long resting orders may take to be canceled when we are told to stop.
    * `maintain_seconds`: how often closed segments of the journal are compressed.
    """

    flush_seconds: float = 0.2
    health_seconds: float = 5.0
    control_seconds: float = 1.0
    discover_seconds: float = 20.0
    ahead_seconds: float = 90.0
    after_seconds: float = 90.0
    markets_max: int = 500
    stop_seconds: float = 5.0
    maintain_seconds: float = 60.0
    streams: StreamSettings = field(default_factory=StreamSettings)

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, int | float) and value <= 0:
                raise UsageError(f"shell.{each.name} is {value}: use more than 0")
