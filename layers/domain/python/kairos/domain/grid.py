"""Which prices a market accepts, as data from the venue, and a dense slot number for each.

A slot is the rank of a price on the market's own grid, so a book can be two flat lists whatever
the tick structure is. NO prices are the mirror image: NO slot `s` faces YES slot `size - 1 - s`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from kairos.domain.units import PRICE_PER_DOLLAR
from kairos.errors import Malformed

Ranges = tuple[tuple[int, int, int], ...]

LINEAR_CENT: Final[Ranges] = ((0, 10_000, 100),)
TAPERED_DECI_CENT: Final[Ranges] = ((0, 1_000, 10), (1_000, 9_000, 100), (9_000, 10_000, 10))
# The finest tick any venue uses: accepts everything a venue could send for a market that nobody
# has described, at the price of a large book.
FINEST: Final[Ranges] = ((0, 10_000, 1),)
_OFF_GRID: Final = -1


class PriceGrid:
    """The orderable prices strictly between 0 and 1 dollar, ascending."""

    __slots__ = ("no_price", "no_slot", "size", "yes_price", "yes_slot")

    def __init__(self, ranges: Ranges) -> None:
        prices = sorted({price for start, end, step in ranges for price in _walk(start, end, step)})
        self.size = len(prices)
        self.yes_price = prices
        self.no_price = [PRICE_PER_DOLLAR - price for price in reversed(prices)]
        self.yes_slot = _slots(self.yes_price)
        self.no_slot = _slots(self.no_price)


def _walk(start: int, end: int, step: int) -> range:
    if step <= 0 or not 0 <= start < end <= PRICE_PER_DOLLAR:
        raise Malformed("bad_price_range", "price_ranges", f"{start}..{end} by {step}")
    first = start if start > 0 else step
    return range(first, min(end, PRICE_PER_DOLLAR - 1) + 1, step)


def _slots(prices: list[int]) -> list[int]:
    table = [_OFF_GRID] * (PRICE_PER_DOLLAR + 1)
    for slot, price in enumerate(prices):
        table[price] = slot
    return table


@lru_cache(maxsize=64)
def grid(ranges: Ranges) -> PriceGrid:
    """One shared grid per tick structure; a venue has about a dozen."""
    return PriceGrid(ranges)
