"""Keeps what rests at each price of a YES token, because the venue sends sizes and no changes.

The venue numbers nothing and repeats nothing, so a mirror is believed only as long as everything
that can be checked agrees with it: the top the venue states, the time, the hash of a whole book.
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from kairos.adapters.polymarket.rest_schemas import BookLevel, ClobBook
from kairos.adapters.polymarket.schemas import Book, HashedBook
from kairos.domain.units import PRICE_PER_DOLLAR, price_from_dollars, quantity_from_contracts
from kairos.errors import Malformed

_encode = msgspec.json.Encoder().encode

Top = tuple[int | None, int | None]
Levels = dict[int, int]
_NO_BID: Final = frozenset({"", "0"})
_NO_ASK: Final = frozenset({"", "0", "1"})


class Contradicted(Malformed):
    """A message that reads well and that the mirror cannot be right about."""


class Mirror:
    """Bids and asks of one market's YES token by price; believed while `is_live`."""

    __slots__ = ("asks", "best_ask", "best_bid", "bids", "doubted", "is_live", "time_ns")

    def __init__(self) -> None:
        self.bids: Levels = {}
        self.asks: Levels = {}
        self.best_bid: int | None = None
        self.best_ask: int | None = None
        self.is_live = False
        self.time_ns = 0
        self.doubted = False  # a stated top disagreed once and nothing has explained it since

    def replace(self, bids: Levels, asks: Levels, time_ns: int) -> None:
        self.bids, self.asks = bids, asks
        self.best_bid = max(bids) if bids else None
        self.best_ask = min(asks) if asks else None
        self.time_ns = time_ns
        self.is_live, self.doubted = True, False

    def put(self, price: int, size: int, *, is_bid: bool) -> int:
        """Set what rests at a price; returns the signed change."""
        levels = self.bids if is_bid else self.asks
        before = levels.pop(price, 0)
        if size:
            levels[price] = size
        if is_bid:
            self._bid_changed(price, size)
        else:
            self._ask_changed(price, size)
        return size - before

    def _bid_changed(self, price: int, size: int) -> None:
        best = self.best_bid
        if size and (best is None or price > best):
            self.best_bid = price
        elif not size and price == best:
            self.best_bid = max(self.bids) if self.bids else None

    def _ask_changed(self, price: int, size: int) -> None:
        best = self.best_ask
        if size and (best is None or price < best):
            self.best_ask = price
        elif not size and price == best:
            self.best_ask = min(self.asks) if self.asks else None

    @property
    def top(self) -> Top:
        return self.best_bid, self.best_ask

    def give_up(self) -> None:
        """Only a whole book helps; until then nothing is taken in."""
        self.is_live, self.doubted = False, False

    def yes_bids(self) -> tuple[tuple[int, int], ...]:
        return tuple(self.bids.items())

    def no_bids(self) -> tuple[tuple[int, int], ...]:
        """Asks of YES are bids for NO at what is left of the dollar."""
        return tuple((PRICE_PER_DOLLAR - price, size) for price, size in self.asks.items())


def level_price(text: str, field: str = "price") -> int:
    """A price that an order can rest at. Raises Malformed."""
    price = price_from_dollars(text, field)
    if not 0 < price < PRICE_PER_DOLLAR:
        raise Malformed("price_out_of_range", field, f"nothing rests at {text!r}")
    return price


def level_size(text: str, field: str = "size") -> int:
    """What rests at a price, 0 for nothing. Raises Malformed."""
    size = quantity_from_contracts(text, field)
    if size < 0:
        raise Malformed("bad_size", field, f"{text!r} is negative")
    return size


def levels_of(side: list[BookLevel], field: str) -> Levels:
    """One side of a whole book. Raises Malformed for empty and repeated levels."""
    levels: Levels = {}
    for level in side:
        price, size = level_price(level.price), level_size(level.size)
        if not size:
            raise Malformed("bad_size", field, f"an empty level at {level.price}")
        if price in levels:
            raise Malformed("duplicate_level", field, f"{level.price} appears twice")
        levels[price] = size
    return levels


def stated_top(best_bid: str, best_ask: str) -> Top:
    """The top as the venue words it; an empty side is 0, 1 or nothing. Raises Malformed."""
    return (
        None if best_bid in _NO_BID else level_price(best_bid, "best_bid"),
        None if best_ask in _NO_ASK else level_price(best_ask, "best_ask"),
    )


def book_hash(book: Book | ClobBook) -> str | None:
    """SHA-1 of the book as the venue computes it; None when it left out what belongs to that."""
    least, tick, last = book.min_order_size, book.tick_size, book.last_trade_price
    if least is None or tick is None or last is None or book.neg_risk is None:
        return None
    hashed = HashedBook(
        book.market, book.asset_id, book.timestamp, "", book.bids, book.asks, least, tick,
        book.neg_risk, last,
    )  # fmt: skip
    return hashlib.sha1(_encode(hashed), usedforsecurity=False).hexdigest()
