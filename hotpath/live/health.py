"""What the shell measures of itself, as events that the engine judges (docs/risk.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from hotpath.live.control import Control, Wanted
from hotpath.live.shell import LiveShell
from kairos.domain.risk.triggers import Signal
from kairos.errors import InputError
from kairos.messages.events import ControlChanged, HealthObserved

# What every live session reports of itself, and what one with an account at a venue adds.
MEASURED: Final = (Signal.STATE_LAG, Signal.PERSISTENCE_LAG, Signal.RISK_STORE)
WITH_ACCOUNT: Final = (Signal.REST_BUDGET, Signal.RECONCILIATION)


class Health:
    """Reports at once and then every `health_seconds`; flushes the journal; reads the control.

    `budget` says whether a request could be sent now, `reconciled` whether the venue's books could
    be compared with ours lately.
    """

    def __init__(
        self,
        shell: LiveShell,
        control: Control,
        budget: Callable[[], bool] | None = None,
        reconciled: Callable[[], bool] | None = None,
    ) -> None:
        self._shell = shell
        self._control = control
        self._wanted = shell.role.wanted
        self._verdicts: dict[Signal, Callable[[], bool]] = {
            Signal.RISK_STORE: lambda: self._readable
        }
        if budget is not None:
            self._verdicts[Signal.REST_BUDGET] = budget
        if reconciled is not None:
            self._verdicts[Signal.RECONCILIATION] = reconciled
        self._readable = True
        self._said: Wanted | None = None
        self._flushed = 0
        self._flushed_ns = shell.clock.now_ns()

    # Jobs of the shell

    async def flush(self) -> None:
        while True:
            self._flush()
            await self._shell.clock.sleep(self._shell.settings.flush_seconds)

    async def report(self) -> None:
        while True:
            for event in self.observe():
                self._shell.say(event)
            await self._shell.clock.sleep(self._shell.settings.health_seconds)

    async def follow_control(self) -> None:
        while True:
            self.read_control()
            await self._shell.clock.sleep(self._shell.settings.control_seconds)

    # What they do

    def _flush(self) -> None:
        journal = self._shell.journal
        journal.flush()
        self._flushed, self._flushed_ns = journal.records, self._shell.clock.now_ns()

    def observe(self) -> Iterator[HealthObserved]:
        now_ns, engine = self._shell.clock.now_ns(), self._shell.engine
        if engine.now_ns:  # before the first line there is no state that could be behind
            behind_ns = max(0, now_ns - engine.now_ns)
            yield HealthObserved(now_ns, Signal.STATE_LAG, healthy=True, value_ns=behind_ns)
        waiting = self._shell.journal.records - self._flushed
        unsafe_ns = now_ns - self._flushed_ns if waiting else 0
        yield HealthObserved(now_ns, Signal.PERSISTENCE_LAG, healthy=True, value_ns=unsafe_ns)
        for signal, holds in self._verdicts.items():
            yield HealthObserved(now_ns, signal, healthy=holds(), value_ns=None)

    def read_control(self) -> None:
        """A decision that changed is said to the engine; one that nobody can read stops new risk
        at once, and is not taken for the last one known."""
        try:
            wanted = self._control.read()
        except InputError:
            if self._readable:
                self._readable = False
                self._say_readable()
            return
        if not self._readable:
            self._readable = True
            self._say_readable()
        if wanted.state is not self._wanted:
            self._wanted = wanted.state
            now_ns = self._shell.clock.now_ns()
            self._shell.say(ControlChanged(now_ns, wanted.state, wanted.who, wanted.why))

    def _say_readable(self) -> None:
        now_ns = self._shell.clock.now_ns()
        self._shell.say(HealthObserved(now_ns, Signal.RISK_STORE, self._readable, None))


def keep_well(shell: LiveShell, health: Health) -> None:
    """Give the shell the jobs that every live session has."""
    for job in (health.flush, health.report, health.follow_control):
        shell.add(job)
