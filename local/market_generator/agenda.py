"""What is due when: a bounded list of appointments in order of time."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Final

from kairos.errors import UsageError

Errand = Callable[[int], None]

# A day's session has some two thousand appointments at once; far more means a defect.
APPOINTMENTS_MAX: Final = 100_000


class Agenda:
    """Runs errands in time order; errands of one moment keep the order they were entered in."""

    def __init__(self) -> None:
        self._entries: list[tuple[int, int, Errand]] = []
        self._entered = 0
        self.next_ns = 0

    def at(self, due_ns: int, errand: Errand) -> None:
        if len(self._entries) >= APPOINTMENTS_MAX:
            raise UsageError("generated session: too many markets; choose a shorter session")
        heapq.heappush(self._entries, (due_ns, self._entered, errand))
        self._entered += 1
        self.next_ns = self._entries[0][0]

    def every(self, first_ns: int, period_ns: int, errand: Errand) -> None:
        """Repeat for as long as anyone asks for the next appointment."""

        def repeated(due_ns: int) -> None:
            errand(due_ns)
            self.at(due_ns + period_ns, repeated)

        self.at(first_ns, repeated)

    def run_next(self) -> None:
        due_ns, _, errand = heapq.heappop(self._entries)
        self.next_ns = self._entries[0][0] if self._entries else due_ns
        errand(due_ns)
