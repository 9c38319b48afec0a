"""What a leg of a book offers at a limit, less the contracts that are about to be gone."""

from __future__ import annotations

from hotpath.paper.orders import Levels
from kairos.domain.book import BinaryBook
from kairos.domain.instruments import NO_LEG
from kairos.domain.units import PRICE_PER_DOLLAR


def depth(book: BinaryBook, leg: int, floor: int) -> Levels:
    """The bids of a leg at `floor` or better, best first.

    A crossed book is a match that the venue has not finished telling: an aggressor is displayed for
    a message or two before it trades. Those contracts are no offer, so both sides are netted.
    """
    if leg == NO_LEG:
        prices, quantities, best = book.grid.no_price, book.no, book.best_no
    else:
        prices, quantities, best = book.grid.yes_price, book.yes, book.best_yes
    levels: Levels = {}
    for slot in range(best, -1, -1):
        price = prices[slot]
        if price < floor:
            break
        if quantities[slot]:
            levels[price] = quantities[slot]
    return _uncrossed(levels, book.bids(1 - leg)) if book.crossed else levels


def _uncrossed(levels: Levels, facing: list[tuple[int, int]]) -> Levels:
    left = dict(levels)
    for facing_price, facing_quantity in facing:
        for price in levels:
            if price + facing_price < PRICE_PER_DOLLAR:
                break
            matched = min(left[price], facing_quantity)
            left[price] -= matched
            facing_quantity -= matched
    return {price: quantity for price, quantity in left.items() if quantity}
