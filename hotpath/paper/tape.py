"""Matches trades with the book decreases they caused, so that no contract is counted twice.

A venue sends a trade and its book change on different channels, in either order, and its ticker
repeats the last trade a third time. Whatever comes first is believed; the others only explain it.
"""

from __future__ import annotations

from collections import deque
from typing import Final

_ENTRIES_MAX: Final = 256  # two seconds of a very busy level; beyond it the oldest is written off


class _Recent:
    """Quantities per level that still wait for their other half; old ones are forgotten."""

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries: deque[list[int]] = deque(maxlen=_ENTRIES_MAX)

    def add(self, now_ns: int, key: int, quantity: int) -> None:
        self._entries.append([now_ns, key, quantity])

    def take(self, since_ns: int, key: int, wanted: int) -> int:
        """Remove up to `wanted` of a level, oldest first; returns how much there was."""
        entries = self._entries
        while entries and not entries[0][2]:
            entries.popleft()
        missing = wanted
        for entry in entries:
            if entry[1] == key and entry[0] >= since_ns:
                part = min(entry[2], missing)
                entry[2] -= part
                missing -= part
                if not missing:
                    break
        return wanted - missing

    def clear(self) -> None:
        self._entries.clear()


class Tape:
    """The trades and decreases of one market that matter to our resting orders.

    Levels are `level_key`s, quantities micro-contracts. `sees_trades` turns True with the first
    public trade; from then on the ticker is no evidence any more.
    """

    __slots__ = (
        "_counted",
        "_decreases",
        "_ticker_window_ns",
        "_trade_window_ns",
        "_trades",
        "sees_trades",
    )

    def __init__(self, trade_window_ns: int, ticker_window_ns: int) -> None:
        self.sees_trades = False
        self._trade_window_ns = trade_window_ns
        self._ticker_window_ns = ticker_window_ns
        self._trades = _Recent()
        self._decreases = _Recent()
        self._counted = _Recent()

    def decreased(self, now_ns: int, key: int, quantity: int) -> int:
        """A level fell; returns the part that no trade explains so far."""
        unexplained = quantity - self._trades.take(now_ns - self._trade_window_ns, key, quantity)
        if unexplained:
            self._decreases.add(now_ns, key, unexplained)
        return unexplained

    def traded(
        self, now_ns: int, key: int, quantity: int, *, decrease_follows: bool
    ) -> tuple[int, int]:
        """A public trade; returns how much of it is news, and how much of that fell before.

        `decrease_follows` says that this level's decreases are reported here: what fell before is
        explained by the trade, the rest of the trade waits to explain what falls next.
        """
        self.sees_trades = True
        fresh = quantity - self._counted.take(now_ns - self._ticker_window_ns, key, quantity)
        if not fresh or not decrease_follows:
            return fresh, 0
        fell_before = self._decreases.take(now_ns - self._trade_window_ns, key, fresh)
        if fell_before < fresh:
            self._trades.add(now_ns, key, fresh - fell_before)
        return fresh, fell_before

    def count_as_trade(self, now_ns: int, key: int, quantity: int) -> int:
        """Take decreases as traded on other evidence; their public trade will be no news.

        Returns how much of `quantity` really fell; there is no evidence for more.
        """
        fell = self._decreases.take(now_ns - self._ticker_window_ns, key, quantity)
        if fell:
            self._counted.add(now_ns, key, fell)
        return fell

    def clear(self) -> None:
        """A snapshot replaced the book: what it contains cannot be told apart any more."""
        self._trades.clear()
        self._decreases.clear()
