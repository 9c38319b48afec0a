"""The order book of a binary market: bids for YES and bids for NO, exact and honest about itself.

Asks are the other leg's bids seen from this side: YES ask = 1 - best NO bid. A book says whether it
may be priced from (`state`); only LIVE may. Levels survive a gap, so that "last known" stays known.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from enum import StrEnum

from kairos.domain.grid import PriceGrid
from kairos.domain.instruments import NO_LEG, YES_LEG
from kairos.errors import Malformed


class BookState(StrEnum):
    """Whether a book may be priced from."""

    LIVE = "live"
    STALE = "stale"  # nothing heard on its channel for too long
    GAPPED = "gapped"  # a message was lost or unreadable; only a fresh snapshot helps
    RESYNCING = "resyncing"  # subscribed, no snapshot yet


# What `BinaryBook.apply` reports about the top of the touched leg.
DEEP_CHANGE = 0
TOP_SIZE_CHANGE = 1
TOP_PRICE_CHANGE = 2


class BinaryBook:
    """Two flat lists of micro-contracts by price slot, with the best slot of each leg kept.

    A best of -1 means the leg is empty. Add above the best: it moves up. The best empties: walk
    down. That walk is short in practice and bounded by the grid's size.
    """

    __slots__ = (
        "best_no", "best_yes", "grid", "market", "no", "no_slot", "reason", "state", "yes",
        "yes_slot",
    )  # fmt: skip

    def __init__(self, market: str, grid: PriceGrid) -> None:
        self.market = market
        self.grid = grid
        self.yes_slot = grid.yes_slot
        self.no_slot = grid.no_slot
        self.yes = [0] * grid.size
        self.no = [0] * grid.size
        self.best_yes = -1
        self.best_no = -1
        self.state = BookState.RESYNCING
        self.reason = "no_snapshot"

    def apply(self, leg: int, price: int, change: int) -> int:
        """Add a signed change to one level and say what it did to the top.

        Raises Malformed (`price_off_grid`, `negative_level`) and leaves the book as it was.
        """
        if leg:
            levels, best, slot = self.no, self.best_no, self.grid.no_slot[price]
        else:
            levels, best, slot = self.yes, self.best_yes, self.grid.yes_slot[price]
        if slot < 0:
            raise Malformed("price_off_grid", "price", f"{price} is not on {self.market}'s grid")
        quantity = levels[slot] + change
        if quantity < 0:
            raise Malformed("negative_level", "delta", f"{self.market} {price} would be {quantity}")
        levels[slot] = quantity
        if slot < best:
            return DEEP_CHANGE
        if quantity:
            if slot == best:
                return TOP_SIZE_CHANGE
            best = slot
        elif slot > best:
            return DEEP_CHANGE
        else:
            while best >= 0 and not levels[best]:
                best -= 1
        if leg:
            self.best_no = best
        else:
            self.best_yes = best
        return TOP_PRICE_CHANGE

    def replace(self, yes: Iterable[tuple[int, int]], no: Iterable[tuple[int, int]]) -> None:
        """Take a snapshot. Raises Malformed and leaves the book as it was when it is impossible."""
        fresh_yes = self._levels(yes, self.grid.yes_slot)
        fresh_no = self._levels(no, self.grid.no_slot)
        self.yes, self.best_yes = fresh_yes
        self.no, self.best_no = fresh_no

    def _levels(self, bids: Iterable[tuple[int, int]], slots: list[int]) -> tuple[list[int], int]:
        levels, best = [0] * self.grid.size, -1
        for price, quantity in bids:
            slot = slots[price]
            if slot < 0:
                raise Malformed("price_off_grid", "price", f"{price} is not on the grid")
            if quantity <= 0:
                raise Malformed("bad_size", "quantity", f"level {price} has {quantity}")
            if levels[slot]:
                raise Malformed("duplicate_level", "price", f"level {price} appears twice")
            levels[slot] = quantity
            best = max(best, slot)
        return levels, best

    def top(self) -> tuple[int | None, int | None]:
        """Best YES bid and ask; None for an empty side."""
        best_yes, best_no, prices = self.best_yes, self.best_no, self.grid.yes_price
        return (
            prices[best_yes] if best_yes >= 0 else None,
            prices[-1 - best_no] if best_no >= 0 else None,
        )

    @property
    def yes_bid(self) -> int | None:
        return self.grid.yes_price[self.best_yes] if self.best_yes >= 0 else None

    @property
    def yes_ask(self) -> int | None:
        return self.grid.yes_price[-1 - self.best_no] if self.best_no >= 0 else None

    @property
    def no_bid(self) -> int | None:
        return self.grid.no_price[self.best_no] if self.best_no >= 0 else None

    @property
    def no_ask(self) -> int | None:
        return self.grid.no_price[-1 - self.best_yes] if self.best_yes >= 0 else None

    @property
    def crossed(self) -> bool:
        """A YES bid at or above the YES ask: legal for single deltas, never a state to price."""
        return (
            self.best_yes + self.best_no >= self.grid.size - 1
            and min(self.best_yes, self.best_no) >= 0
        )

    def quantity_at(self, leg: int, price: int) -> int:
        """Micro-contracts resting at a leg's price; 0 off the grid."""
        if leg == NO_LEG:
            slot = self.grid.no_slot[price]
            return self.no[slot] if slot >= 0 else 0
        slot = self.grid.yes_slot[price]
        return self.yes[slot] if slot >= 0 else 0

    def bids(self, leg: int) -> list[tuple[int, int]]:
        """Non-empty levels of a leg as (price, quantity), best first."""
        if leg == YES_LEG:
            prices, levels, best = self.grid.yes_price, self.yes, self.best_yes
        else:
            prices, levels, best = self.grid.no_price, self.no, self.best_no
        return [(prices[slot], levels[slot]) for slot in range(best, -1, -1) if levels[slot]]

    def sha256(self) -> str:
        """Hash of `yes price:quantity,…|no price:quantity,…` in integer units, best first."""
        legs = (
            name + " " + ",".join(f"{price}:{quantity}" for price, quantity in self.bids(leg))
            for name, leg in (("yes", YES_LEG), ("no", NO_LEG))
        )
        return hashlib.sha256("|".join(legs).encode()).hexdigest()
