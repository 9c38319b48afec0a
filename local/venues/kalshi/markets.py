"""What a simulated Kalshi market is, while it is listed, trades, closes and settles."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from kairos.domain.grid import LINEAR_CENT, Ranges, grid
from kairos.domain.instruments import Outcome
from kairos.domain.units import NANOSECONDS_PER_SECOND, PRICE_PER_DOLLAR
from local.venues.core.matching import MarketBook
from local.venues.core.orders import Side
from local.venues.kalshi.candles import Candles

TRADES_KEPT: Final = 10_000


class Status(StrEnum):
    """The venue's words for where a market stands."""

    INITIALIZED = "initialized"
    INACTIVE = "inactive"
    ACTIVE = "active"
    CLOSED = "closed"
    DETERMINED = "determined"
    FINALIZED = "finalized"


@dataclass(frozen=True, slots=True)
class SeriesSpec:
    """A family of events. `fee_multiplier` is decimal text."""

    ticker: str
    title: str
    category: str
    frequency: str
    exchange_index: int
    fee_type: str = "quadratic"
    fee_multiplier: str = "1"
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MarketSpec:
    """One market as it is listed. Strikes are decimal text; times are UTC nanoseconds.

    `strike_at_open` hides the strike until trading begins, as the quarter-hour series do.
    """

    ticker: str
    event_ticker: str
    series_ticker: str
    market_id: str
    title: str
    open_ns: int
    close_ns: int
    exchange_index: int = 0
    ranges: Ranges = LINEAR_CENT
    structure: str = "linear_cent"
    yes_sub_title: str = ""
    strike_type: str | None = None
    floor_strike: str | None = None
    cap_strike: str | None = None
    strike_at_open: bool = False
    settle_after_ns: int = 5 * NANOSECONDS_PER_SECOND
    list_before_ns: int = 45 * NANOSECONDS_PER_SECOND
    custom_strike: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Trade:
    """One public trade. `taker` is the outcome the aggressor took on."""

    trade_id: str
    ticker: str
    yes_price: int
    quantity: int
    taker: Outcome
    ts_ns: int
    clock: int


@dataclass(slots=True, eq=False)
class Market:
    """A market's changing part: its book, its status, and what has been traded."""

    spec: MarketSpec
    trade_ids: Callable[[], str] = field(repr=False)
    status: Status = Status.INITIALIZED
    close_ns: int = 0
    result: Outcome | None = None
    expiration_value: str = ""
    determined_ns: int = 0
    settled_ns: int = 0
    updated_ns: int = 0
    clock: int = 0
    last_price: int = 0
    last_quantity: int = 0
    volume: int = 0
    open_interest: int = 0
    trades: deque[Trade] = field(default_factory=lambda: deque(maxlen=TRADES_KEPT))
    candles: Candles = field(default_factory=Candles)
    book: MarketBook = field(init=False)

    def __post_init__(self) -> None:
        self.book = MarketBook(self.spec.ticker, self.trade_ids)
        self.close_ns = self.spec.close_ns
        self.updated_ns = self.spec.open_ns - self.spec.list_before_ns

    @property
    def ticker(self) -> str:
        return self.spec.ticker

    @property
    def is_trading(self) -> bool:
        return self.status is Status.ACTIVE

    def accepts(self, yes_price: int) -> bool:
        """Whether a price is on the market's grid."""
        return grid(self.spec.ranges).yes_slot[yes_price] >= 0

    def top(self) -> tuple[int, int, int, int]:
        """Best YES bid, its size, best YES ask, its size; an empty side is 0 or 10 000."""
        bid, ask = self.book.best(Side.BID), self.book.best(Side.ASK)
        bid_size = 0 if bid is None else self.book.quantity_at(Side.BID, bid)
        ask_size = 0 if ask is None else self.book.quantity_at(Side.ASK, ask)
        return bid or 0, bid_size, PRICE_PER_DOLLAR if ask is None else ask, ask_size


def trade_ids(prefix: str) -> Callable[[], str]:
    """Ids that look like the venue's and say nothing: unique within one exchange."""
    numbers = itertools.count(1)
    return lambda: f"{prefix}-{next(numbers):012x}"
