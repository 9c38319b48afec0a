"""How much is ahead of a resting order: an estimate, and the most it can be.

Nothing ever joins ahead of us, so the quantity ahead only falls. Trades take it from the front;
a cancel may have been anywhere, so it is spread in proportion. The estimate can be too kind, so the
provable bound is kept beside it and replaces it whenever part of the story was missed.
"""

from __future__ import annotations


class QueuePosition:
    """Quantities in micro-contracts. Shares are rounded against us."""

    __slots__ = ("_share_ahead", "_share_of", "ahead", "ahead_most")

    def __init__(self, ahead: int) -> None:
        self.ahead = ahead
        self.ahead_most = ahead
        self._share_ahead = 0
        self._share_of = 1

    def canceled(self, quantity: int, before: int, after: int) -> None:
        """The level fell from `before` to `after`; `quantity` of that no trade explains yet."""
        if quantity:
            self._share_ahead, self._share_of = self.ahead, before
            self.ahead -= self._spread(quantity)
        self.ahead = min(self.ahead, after)
        self.ahead_most = min(self.ahead_most, after)

    def traded(self, reaching: int, reclassified: int) -> int:
        """Trades at our price reach the level with `reaching`; returns what gets through to us.

        `reclassified` of the trade was displayed as a decrease before and spread as a cancel; that
        guess is taken back first.
        """
        ahead = self.ahead + self._spread(reclassified)
        self.ahead = max(ahead - reaching, 0)
        self.ahead_most = max(self.ahead_most + reclassified - reaching, self.ahead)
        return max(reaching - ahead, 0)

    def resighted(self, displayed: int) -> None:
        """The level is visible again after a gap: drop the guesses, keep what was proved."""
        self.ahead = self.ahead_most = min(self.ahead_most, displayed)

    def _spread(self, quantity: int) -> int:
        return quantity * self._share_ahead // self._share_of
