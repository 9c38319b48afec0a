"""What will happen at the venue and on the way back from it, in order of time."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Final

from kairos.messages.events import OrderReport

NEVER_NS: Final = 2**63 - 1

# Either something to do, or a report to hand over (returned).
Step = Callable[[], OrderReport | None]


class Agenda:
    """Steps by due time; what is due at the same time happens in the order it was added.

    Bounded by what the session sends: an order has a handful of steps at any time, the orders that
    may exist are limited, and one too many costs the single step that refuses it.
    """

    __slots__ = ("_added", "_steps", "next_ns")

    def __init__(self) -> None:
        self.next_ns = NEVER_NS  # kept rather than computed: it is read for every message
        self._steps: list[tuple[int, int, Step]] = []
        self._added = 0

    def __len__(self) -> int:
        return len(self._steps)

    def add(self, due_ns: int, step: Step) -> None:
        self._added += 1
        heappush(self._steps, (due_ns, self._added, step))
        self.next_ns = self._steps[0][0]

    def pop(self) -> Step:
        step = heappop(self._steps)[2]
        self.next_ns = self._steps[0][0] if self._steps else NEVER_NS
        return step
