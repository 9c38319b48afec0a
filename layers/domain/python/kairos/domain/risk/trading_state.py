"""ACTIVE, REDUCING, HALTED: what may leave, who or what decided so, when, and on what evidence."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class TradingState(StrEnum):
    """What may leave: any order; orders that only reduce a position; nothing but cancels."""

    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"
    HALTED = "HALTED"


class Transition(NamedTuple):
    """A change of state, or of the reason for it."""

    ts_ns: int
    before: TradingState
    state: TradingState
    reason: str
    evidence: str


class TradingStateMachine:
    """What people want, and what conditions allow; the stricter of the two holds.

    `wanted` comes from a durable store, so it is asked for: there is no state to assume. Only
    `control` changes it, so only `control` leaves HALTED. A condition makes it at least REDUCING.
    """

    def __init__(self, wanted: TradingState) -> None:
        self._wanted = wanted
        self._condition: tuple[str, str] | None = None
        self.state = wanted  # read it; the methods below change it

    @property
    def wanted(self) -> TradingState:
        return self._wanted

    def permits(self, *, reducing: bool) -> bool:
        """Whether an order may leave."""
        state = self.state
        return state is TradingState.ACTIVE or (reducing and state is TradingState.REDUCING)

    def control(self, wanted: TradingState, evidence: str, now_ns: int) -> Transition | None:
        """Somebody decided; None when that was wanted already."""
        if wanted is self._wanted:
            return None
        self._wanted = wanted
        return self._changed(now_ns, "control", evidence)

    def block(self, reason: str, evidence: str, now_ns: int) -> Transition | None:
        """What conditions say against trading now; None when they said so before."""
        if self._condition == (reason, evidence):
            return None
        self._condition = (reason, evidence)
        return self._changed(now_ns, reason, evidence)

    def unblock(self, reason: str, evidence: str, now_ns: int) -> Transition | None:
        """Conditions allow trading again; None when nothing was blocked."""
        if self._condition is None:
            return None
        self._condition = None
        return self._changed(now_ns, reason, evidence)

    def _changed(self, now_ns: int, reason: str, evidence: str) -> Transition:
        before, self.state = self.state, self._wanted
        if self._wanted is TradingState.ACTIVE and self._condition is not None:
            self.state = TradingState.REDUCING
        return Transition(now_ns, before, self.state, reason, evidence)
