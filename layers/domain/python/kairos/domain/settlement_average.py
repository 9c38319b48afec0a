"""The settlement value: the mean of 60 index prints, one a second, over (close - 60 s, close].

Until the window opens all of it is future; inside it, part is realised and only the rest can move.
Prints are the index where we hear it and the spot proxy's last trade otherwise.
"""

from __future__ import annotations

from typing import Final

PRINTS: Final = 60
_NS: Final = 1_000_000_000


def prints_remaining(seconds_to_close: float) -> int:
    """Prints still to come, the one at the close included; 60 before the window opens."""
    if seconds_to_close < 0:
        return 0
    return min(int(seconds_to_close) + 1, PRINTS)


def variance_seconds(seconds_to_close: float, remaining: int) -> float:
    """Seconds of Brownian variance in the mean of the `remaining` prints, the last at the close.

    With n prints at t0, t0+1, … t0+n-1 the mean's variance is t0 + (n-1)(2n-1)/(6n): about T - 40 s
    before the window and about a third of what is left of it inside.
    """
    if remaining <= 0:
        return 0.0
    first = max(seconds_to_close - (remaining - 1), 0.0)
    return first + (remaining - 1) * (2 * remaining - 1) / (6.0 * remaining)


class SettlementWindow:
    """Collects the realised prints of one close; shared by every market that closes then.

    A print heard from the index replaces what the proxy's last trade stood in for.
    """

    __slots__ = ("_last", "_next_ns", "_prints", "close_ns", "count", "missing", "total")

    def __init__(self, close_ns: int) -> None:
        self.close_ns = close_ns
        self.total = 0.0
        self.count = 0
        self.missing = 0
        self._prints: list[float | None] = [None] * PRINTS
        self._next_ns = close_ns - (PRINTS - 1) * _NS
        self._last: float | None = None

    def advance(self, now_ns: int, price: float) -> None:
        """Record the prints that fell due before `now_ns` at the price last known, then `price`.

        A print due before any price was known is counted as missing.
        """
        while self._next_ns <= now_ns and self._next_ns <= self.close_ns:
            slot = (self._next_ns - self.close_ns) // _NS + PRINTS - 1
            if self._last is None:
                self.missing += 1
            elif self._prints[slot] is None:
                self._put(slot, self._last)
            self._next_ns += _NS
        self._last = price

    def take_print(self, venue_ns: int, value: float) -> None:
        """The index itself printed, at its own time; prints outside the window are ignored.

        The slot of second k is (k - 1, k] before the close: 23:59:01.000 and 23:59:00.250 are one.
        """
        slot = -((self.close_ns - venue_ns) // _NS) + PRINTS - 1
        if 0 <= slot < PRINTS:
            self._put(slot, value)

    def _put(self, slot: int, value: float) -> None:
        before = self._prints[slot]
        if before is None:
            self.count += 1
        self.total += value - (before or 0.0)
        self._prints[slot] = value
