"""Independent book builders for tests: dictionaries, decimals, nothing of the product's code.

`NaiveBooks` applies what it is given. A book that a reconnect has voided is None until its next
snapshot. `NumberedBooks` also follows the venue's numbers, and is sure of a book or not.
"""

from __future__ import annotations

import json
from decimal import Decimal
from functools import lru_cache
from typing import Any

# Sources that a capture may have and that change no book; our own output is among them.
NOT_BOOKS = {"coinbase_ws", "recorder", "engine"}
Side = dict[int, int]  # ten-thousandths of a dollar -> hundredths of a contract


class NaiveBook:
    """Two dictionaries of resting bids."""

    def __init__(self) -> None:
        self.yes: Side = {}
        self.no: Side = {}

    def best(self, side: str) -> int | None:
        levels = self.yes if side == "yes" else self.no
        return max((price for price, size in levels.items() if size), default=None)

    def levels(self, side: str) -> list[tuple[int, int]]:
        """(price, micro-contracts), best first, the product's own units."""
        levels = self.yes if side == "yes" else self.no
        return [(p, levels[p] * 10_000) for p in sorted(levels, reverse=True) if levels[p]]

    @property
    def yes_ask(self) -> int | None:
        best = self.best("no")
        return None if best is None else 10_000 - best


class NaiveBooks:
    """Books by market over all connections; `None` marks one that a new connection has voided,
    unless `last_known` books are asked for."""

    def __init__(self, *, last_known: bool = False) -> None:
        self.books: dict[str, NaiveBook | None] = {}
        self._last_known = last_known
        self._conn_of: dict[str, str] = {}

    def take(self, line: bytes) -> bool:
        """Apply a line; False when it is no message this builder can read: nothing changes then."""
        try:
            return self._envelope(_read(line))
        except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError):
            return False

    def _envelope(self, envelope: dict[str, Any]) -> bool:
        conn = envelope.get("conn") or "kalshi_ws"
        source = envelope["src"]
        if source == "recorder" and envelope["type"] == "ws_connected":
            self._void(conn)
        if source != "kalshi_ws":
            return source in NOT_BOOKS
        raw = envelope["raw"] if "raw" in envelope else json.loads(envelope["raw_text"])
        self._message(conn, raw)
        return True

    def _message(self, conn: str, raw: dict[str, Any]) -> None:
        kind = raw["type"]
        if kind == "orderbook_snapshot":
            msg = raw["msg"]
            book = NaiveBook()
            book.yes = _side(msg.get("yes_dollars_fp"))
            book.no = _side(msg.get("no_dollars_fp"))
            self.books[msg["market_ticker"]] = book
            self._conn_of[msg["market_ticker"]] = conn
        elif kind == "orderbook_delta":
            self._delta(raw["msg"])

    def _delta(self, msg: dict[str, Any]) -> None:
        side, price, change = msg["side"], _price(msg["price_dollars"]), _size(msg["delta_fp"])
        book = self.books.get(msg["market_ticker"])
        if book is None:
            return
        levels = {"yes": book.yes, "no": book.no}[side]
        levels[price] = levels.get(price, 0) + change

    def _void(self, conn: str) -> None:
        for market, owner in self._conn_of.items():
            if owner == conn and not self._last_known:
                self.books[market] = None


class NumberedBooks(NaiveBooks):
    """Sure of a book only while the numbers of its sid run on without a hole.

    A message that comes again word for word is passed over.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sure: dict[str, bool] = {}
        self._next: dict[tuple[str, int], int] = {}
        self._seen: dict[tuple[str, int], set[str]] = {}
        self._carried: dict[str, tuple[str, int]] = {}

    def _message(self, conn: str, raw: dict[str, Any]) -> None:
        sid, seq = raw.get("sid"), raw.get("seq")
        if isinstance(sid, int) and isinstance(seq, int):
            text = repr(raw)
            seen = self._seen.setdefault((conn, sid), set())
            if text in seen:
                return
            seen.add(text)
            if seq != self._next.get((conn, sid), seq):
                self._doubt((conn, sid))
            self._next[conn, sid] = seq + 1
        super()._message(conn, raw)
        if raw["type"] == "orderbook_snapshot":
            market = raw["msg"]["market_ticker"]
            self.sure[market] = True
            self._carried[market] = (conn, raw["sid"])
        elif raw["type"] == "subscribed" and raw["msg"]["channel"] == "orderbook_delta":
            self._void(conn)

    def _doubt(self, channel: tuple[str, int]) -> None:
        for market, carried in self._carried.items():
            if carried == channel:
                self.sure[market] = False

    def _void(self, conn: str) -> None:
        super()._void(conn)
        for channel in [each for each in self._next if each[0] == conn]:
            del self._next[channel], self._seen[channel]


@lru_cache(maxsize=4_096)
def _read(line: bytes) -> dict[str, Any]:
    # A byte that is no text matters where it is used; there it makes another word.
    envelope: dict[str, Any] = json.loads(line.decode(errors="replace"))
    return envelope


def _side(levels: list[list[str]] | None) -> Side:
    return {_price(price): _size(size) for price, size in levels or []}


def _price(text: object) -> int:
    return _exact(text, 10_000)


def _size(text: object) -> int:
    return _exact(text, 100)


@lru_cache(maxsize=100_000)
def _exact(text: object, scale: int) -> int:
    if not isinstance(text, str):
        raise TypeError(text)
    value = Decimal(text) * scale
    if value != int(value):
        raise ValueError(text)
    return int(value)
