"""What goes wrong in a session, and when: planned ahead, so that it can be announced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kairos.domain.units import NANOSECONDS_PER_MILLISECOND, NANOSECONDS_PER_SECOND
from local.market_generator.chance import Chance
from local.market_generator.clock_text import second_text
from local.market_generator.contracts import QUARTER_NS
from local.market_generator.settings import FaultKind, SessionSettings

# After a gap or a bad message the recorder asks for fresh snapshots; the reply takes this long.
RECOVERY_NS: Final = 420 * NANOSECONDS_PER_MILLISECOND
# Faults stay clear of the opening and closing minutes, where they would hide the settlement.
_CLEARANCE_NS: Final = 100 * NANOSECONDS_PER_SECOND
# One fault is over before the next begins, or the reconnect would swallow it.
_APART_NS: Final = 3 * NANOSECONDS_PER_SECOND

# Earliest share of the session, shortest and longest duration in milliseconds, explanation.
_PLANS: Final[dict[FaultKind, tuple[float, int, int, str]]] = {
    FaultKind.MALFORMED: (
        0.14, 420, 420,
        "one book change at 0.5035, a price the contract does not have; "
        "a fresh snapshot of that market follows",
    ),
    FaultKind.SEQUENCE_GAP: (
        0.30, 420, 420,
        "one book change never arrives, so the sequence number skips one; "
        "fresh snapshots of every market of the subscription follow",
    ),
    FaultKind.SPOT_SILENCE: (
        0.47, 12_000, 12_600,
        "the spot connection goes silent, heartbeats included; trades made meanwhile are lost",
    ),
    FaultKind.RECONNECT: (
        0.64, 4_000, 7_000,
        "the Kalshi connection drops and comes back with other subscription ids, "
        "numbering from 1 and whole books",
    ),
    FaultKind.UNKNOWN_TYPE: (
        0.81, 0, 0,
        "one message of a type that no documentation mentions",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PlannedFault:
    """One fault. From `start_ns` (venue time) until `end_ns`, when the session is whole again."""

    kind: FaultKind
    start_ns: int
    end_ns: int
    explanation: str

    def __str__(self) -> str:
        when = second_text(self.start_ns // NANOSECONDS_PER_SECOND)
        return f"{when}Z {self.kind}: {self.explanation}"


def plan_faults(settings: SessionSettings, chance: Chance) -> tuple[PlannedFault, ...]:
    """The session's faults by time. Which of them are wanted does not move the others."""
    planned: list[PlannedFault] = []
    free_ns = settings.start_ns
    for start_ns, kind in sorted((_start(kind, settings, chance), kind) for kind in FaultKind):
        fault = _plan(kind, max(start_ns, free_ns), chance)
        planned.append(fault)
        free_ns = fault.end_ns + _APART_NS
    return tuple(fault for fault in planned if fault.kind in settings.fault_kinds)


def _start(kind: FaultKind, settings: SessionSettings, chance: Chance) -> int:
    share = _PLANS[kind][0] + 0.07 * chance.uniform()
    at_ns = settings.start_ns + int((settings.end_ns - settings.start_ns) * share)
    return _away_from_closes(at_ns, settings)


def _plan(kind: FaultKind, start_ns: int, chance: Chance) -> PlannedFault:
    _, shortest_ms, longest_ms, explanation = _PLANS[kind]
    duration_ns = chance.between(shortest_ms, longest_ms + 1) * NANOSECONDS_PER_MILLISECOND
    return PlannedFault(kind, start_ns, start_ns + duration_ns, explanation)


def _away_from_closes(at_ns: int, settings: SessionSettings) -> int:
    """Push a fault out of the minutes around a quarter hour, unless the session is too short."""
    before = at_ns % QUARTER_NS
    shift = 0
    if before < _CLEARANCE_NS:
        shift = _CLEARANCE_NS - before
    elif before > QUARTER_NS - _CLEARANCE_NS:
        shift = QUARTER_NS - _CLEARANCE_NS - before
    moved = at_ns + shift
    return moved if settings.start_ns < moved < settings.end_ns - 2 * RECOVERY_NS else at_ns
