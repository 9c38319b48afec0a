"""One market while it trades: resting quantity per level, and what has been traded."""

from __future__ import annotations

from typing import Any

from kairos.domain.instruments import NO_LEG, YES_LEG
from kairos.domain.units import PRICE_PER_DOLLAR, dollars
from local.market_generator.contracts import Contract

LEGS = ("yes", "no")


def contracts_text(hundredths: int) -> str:
    """-1234 → `"-12.34"`: quantities here are hundredths of a contract, Kalshi's grid."""
    sign, size = ("-", -hundredths) if hundredths < 0 else ("", hundredths)
    return f"{sign}{size // 100}.{size % 100:02d}"


class Book:
    """Bids per leg and level. `best` is the highest occupied level of a leg, -1 when empty.

    Messages are only sent about a book that is `watched`, that is, subscribed to.
    """

    def __init__(self, contract: Contract) -> None:
        grid = contract.series.grid
        self.contract = contract
        self.prices = grid.prices
        self.price_texts = tuple(dollars(price) for price in grid.prices)
        self.last = grid.last
        self.sizes: tuple[list[int], list[int]] = ([0] * (grid.last + 1), [0] * (grid.last + 1))
        self.best = [-1, -1]
        self.watched = False
        self.head = f'"market_ticker":"{contract.ticker}","market_id":"{contract.market_id}"'
        self.clock = 0
        self.changed_ns = 0
        self.ticker_ns = 0
        self.traded = 0
        self.open_interest = 0
        self.last_price = PRICE_PER_DOLLAR // 2
        self.last_count = 0

    def change(self, leg: int, level: int, change: int) -> None:
        """Add to one level; the caller never takes away more than rests there."""
        sizes = self.sizes[leg]
        sizes[level] += change
        best = self.best[leg]
        if level > best:
            self.best[leg] = level
        elif level == best and not sizes[level]:
            while best >= 0 and not sizes[best]:
                best -= 1
            self.best[leg] = best

    def room(self, leg: int) -> int:
        """The highest level at which a bid would rest instead of trading."""
        return self.last - 1 - self.best[1 - leg]

    def record_trade(self, yes_price: int, count: int, opened: int) -> None:
        self.traded += count
        self.open_interest += opened
        self.last_price = yes_price
        self.last_count = count

    def ladder(self, leg: int) -> list[list[str]]:
        """The leg as a snapshot states it, ascending."""
        return [
            [self.price_texts[level], contracts_text(size)]
            for level, size in enumerate(self.sizes[leg])
            if size
        ]

    def quote(self) -> dict[str, Any]:
        """Top of book as the ticker channel writes it: an empty side is 0.0000 or 1.0000."""
        bid, no_bid = self.best
        yes_bid = self.prices[bid] if bid >= 0 else 0
        no_price = self.prices[no_bid] if no_bid >= 0 else 0
        return {
            "yes_bid_dollars": dollars(yes_bid),
            "yes_ask_dollars": dollars(PRICE_PER_DOLLAR - no_price),
            "yes_bid_size_fp": contracts_text(self.sizes[YES_LEG][bid] if bid >= 0 else 0),
            "yes_ask_size_fp": contracts_text(self.sizes[NO_LEG][no_bid] if no_bid >= 0 else 0),
        }
