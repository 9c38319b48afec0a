"""What a generated session is made of; refused here when it cannot be generated."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from kairos.domain.units import NANOSECONDS_PER_SECOND
from kairos.errors import UsageError

MINUTE_NS: Final = 60 * NANOSECONDS_PER_SECOND
# 2026-11-18 14:16:05 UTC: the three windows 14:30, 14:45 and 15:00 and the hourly ladder all
# close and settle before the 45 minutes are over.
_DEFAULT_START_NS: Final = 1_795_011_365 * NANOSECONDS_PER_SECOND


class FaultKind(StrEnum):
    """What can be made to go wrong in a session, once each."""

    MALFORMED = "malformed_message"
    SEQUENCE_GAP = "sequence_gap"
    SPOT_SILENCE = "spot_silence"
    RECONNECT = "reconnect"
    UNKNOWN_TYPE = "unknown_message_type"


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """One session; equal settings give equal bytes on any machine.

    `start_ns` is UTC nanoseconds on a whole second. `deltas_per_second` is what the quarter-hour
    market averages; a ladder adds nearly half of it. `faults` is True for all of them.
    """

    seed: int
    start_ns: int = _DEFAULT_START_NS
    minutes: int = 45
    annual_volatility: float = 0.35
    deltas_per_second: float = 85.0
    matches_per_second: float = 7.0
    ladder: bool = True
    faults: bool | tuple[FaultKind, ...] = True
    opening_spot_dollars: int = 81_250

    def __post_init__(self) -> None:
        _require(self.start_ns % NANOSECONDS_PER_SECOND == 0, "start_ns", "a whole second")
        _require(self.start_ns > 0, "start_ns", "after 1970")
        _require(4 <= self.minutes <= 1440, "minutes", "between 4 and 1440")
        _require(0.05 <= self.annual_volatility <= 3.0, "annual_volatility", "in 0.05..3.0")
        _require(1 <= self.deltas_per_second <= 1000, "deltas_per_second", "in 1..1000")
        _require(0.5 <= self.matches_per_second <= 200, "matches_per_second", "in 0.5..200")
        _require(self.opening_spot_dollars >= 10_000, "opening_spot_dollars", "10000 or more")

    @property
    def end_ns(self) -> int:
        return self.start_ns + self.minutes * MINUTE_NS

    @property
    def fault_kinds(self) -> tuple[FaultKind, ...]:
        """The faults asked for, each once, in the order they are declared."""
        if isinstance(self.faults, bool):
            return tuple(FaultKind) if self.faults else ()
        return tuple(kind for kind in FaultKind if kind in self.faults)


def _require(holds: bool, field: str, wanted: str) -> None:
    if not holds:
        raise UsageError(f"generated session: {field} must be {wanted}; change {field}")
