"""Displayed contracts that we took: a recording still shows them, but they can be taken once."""

from __future__ import annotations


def level_key(leg: int, price: int) -> int:
    """One integer per level of a market: cheaper to hash than a tuple."""
    return price << 1 | leg


class ConsumedDepth(dict[int, int]):
    """Level key → how much of what is displayed there is ours already; never more than that.

    When a level shrinks, what is left is taken to be what we took: of two readings, the one that
    gives us less. So we never take more from a level than was added to it since it was empty.
    A level without an entry is untouched.
    """

    __slots__ = ()

    def left(self, key: int, displayed: int) -> int:
        """What of a displayed quantity can still be taken."""
        return max(displayed - self[key], 0) if key in self else displayed

    def take(self, key: int, quantity: int, displayed: int) -> None:
        taken = self[key] + quantity if key in self else quantity
        self._keep(key, min(taken, displayed))

    def show(self, key: int, displayed: int) -> None:
        """The level displays this much now."""
        if key in self:
            self._keep(key, min(self[key], displayed))

    def _keep(self, key: int, taken: int) -> None:
        if taken > 0:
            self[key] = taken
        else:
            self.pop(key, None)
