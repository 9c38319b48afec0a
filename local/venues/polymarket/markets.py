"""A simulated Polymarket market: two tokens, one book, a tick that may become finer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from kairos.domain.fees.polymarket import OBSERVED_ROUNDING, PolymarketFees, market_schedule
from kairos.domain.instruments import Liquidity, Outcome
from kairos.domain.units import PRICE_PER_DOLLAR
from local.venues.core.matching import MarketBook
from local.venues.core.orders import Side
from local.venues.polymarket.signatures import CTF, NEG_RISK, POSITIONS, Contract

# Ids of the second protocol keep these bits at zero.
_POSITION_ZEROS: Final = ((1 << 64) - 1) << 40
_BINARY_MODULE: Final = 1
TICKS: Final = (1_000, 100, 50, 25, 10, 1)


class Status(StrEnum):
    """Where a market stands; only an open one takes orders."""

    UNOPENED = "unopened"
    OPEN = "open"
    CLOSED = "closed"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class MarketSpec:
    """One market as it is listed. `tick` in 1/10 000 dollar, `quantity_min` micro-contracts,
    `fee_rate` decimal text (empty: no fees), `delay_ns` how long marketable orders wait."""

    condition_id: str
    yes_token: str
    no_token: str
    question: str
    slug: str
    open_ns: int
    close_ns: int
    tick: int = 100
    quantity_min: int = 5_000_000
    neg_risk: bool = False
    fee_rate: str = "0.07"
    delay_ns: int = 0
    labels: tuple[str, str] = ("Yes", "No")
    series: str = ""
    resolve_after_ns: int = 5_000_000_000

    @property
    def is_position(self) -> bool:
        """Of the second protocol: settled by the third exchange."""
        return int(self.yes_token) & _POSITION_ZEROS == 0

    @property
    def contract(self) -> Contract:
        if self.is_position:
            return POSITIONS
        return NEG_RISK if self.neg_risk else CTF

    @property
    def tokens(self) -> tuple[str, str]:
        return self.yes_token, self.no_token

    def token(self, outcome: Outcome) -> str:
        return self.yes_token if outcome is Outcome.YES else self.no_token

    def outcome(self, token: str) -> Outcome:
        return Outcome.YES if token == self.yes_token else Outcome.NO

    def label(self, outcome: Outcome) -> str:
        return self.labels[0] if outcome is Outcome.YES else self.labels[1]


def ids_of(slug: str) -> tuple[str, str, str]:
    """(condition id, YES token, NO token) that belong to a slug, as the first protocol has them."""
    condition, yes, no = (
        hashlib.sha256(f"{part}/{slug}".encode()).digest() for part in ("c", "yes", "no")
    )
    return f"0x{condition.hex()}", str(int.from_bytes(yes, "big")), str(int.from_bytes(no, "big"))


def position_ids_of(slug: str) -> tuple[str, str, str]:
    """The same of the second protocol: module, 31 bytes of condition, and the outcome."""
    word = int.from_bytes(hashlib.sha256(f"p/{slug}".encode()).digest(), "big")
    base = (word & ~_POSITION_ZEROS & ~0xFF & ((1 << 248) - 1)) | (_BINARY_MODULE << 248)
    return f"0x{base >> 8:062x}", str(base), str(base | 1)


@dataclass(slots=True, eq=False)
class Market:
    """A market's changing part. `tick` may differ from the one it was listed with."""

    spec: MarketSpec
    trade_ids: Callable[[], str] = field(repr=False)
    status: Status = Status.UNOPENED
    tick: int = 0
    last_price: int | None = None
    last_side: str = ""
    volume: int = 0
    result: Outcome | None = None
    changed_ns: int = 0
    fees: PolymarketFees | None = None
    book: MarketBook = field(init=False)

    def __post_init__(self) -> None:
        self.tick = self.spec.tick
        self.book = MarketBook(self.spec.condition_id, self.trade_ids)
        if self.spec.fee_rate:
            self.fees = market_schedule(
                self.spec.fee_rate, 1, taker_only=True, rounding=OBSERVED_ROUNDING
            )

    @property
    def id(self) -> str:
        return self.spec.condition_id

    @property
    def is_trading(self) -> bool:
        return self.status is Status.OPEN

    def levels(self, token: str) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """(bids, asks) of a token as (price, quantity): bids ascend, asks descend."""
        yes, no = self.book.levels(0), self.book.levels(1)
        bids, facing = (yes, no) if token == self.spec.yes_token else (no, yes)
        return bids, [(PRICE_PER_DOLLAR - price, quantity) for price, quantity in facing]

    def top(self, token: str) -> tuple[int | None, int | None]:
        """Best bid and best ask of a token."""
        bid, ask = self.book.best(Side.BID), self.book.best(Side.ASK)
        if token == self.spec.yes_token:
            return bid, ask
        return mirrored(ask), mirrored(bid)

    def last_of(self, token: str) -> int | None:
        """The last trade's price in a token's own units."""
        return self.last_price if token == self.spec.yes_token else mirrored(self.last_price)

    def fee_of(self, price: int, quantity: int) -> int:
        """The taker's fee in micro-dollars."""
        return 0 if self.fees is None else self.fees.fill_fee(price, quantity, Liquidity.TAKER)


def mirrored(price: int | None) -> int | None:
    return None if price is None else PRICE_PER_DOLLAR - price
