"""What can be traded: venues, outcomes, and the price grid a market accepts."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NewType

MarketId = NewType("MarketId", str)


class Venue(StrEnum):
    """Where an instrument trades."""

    KALSHI = "kalshi"
    POLYMARKET = "polymarket"
    POLYMARKET_US = "polymarket_us"


class Outcome(StrEnum):
    """The outcome a contract pays on. A NO position is a NO position, never short YES."""

    YES = "YES"
    NO = "NO"

    @property
    def other(self) -> Outcome:
        return Outcome.NO if self is Outcome.YES else Outcome.YES


class Action(StrEnum):
    """Whether an order adds to or takes from the position in its outcome."""

    BUY = "BUY"
    SELL = "SELL"


class Liquidity(StrEnum):
    """Which side of the match a fill was on; venues charge them differently."""

    TAKER = "taker"
    MAKER = "maker"


# Legs of a two-sided binary book: resting bids for YES and resting bids for NO.
YES_LEG: Final = 0
NO_LEG: Final = 1
