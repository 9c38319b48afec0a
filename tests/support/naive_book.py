"""An independent book builder for tests: dictionaries, decimals, nothing of the product's code.

It applies what it is given and leaves sequence numbers to whoever chooses the lines. A book that a
reconnect has voided is None until its next snapshot.
"""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import Any

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
    """Books by market over all connections; `None` marks one that a new connection has voided."""

    def __init__(self) -> None:
        self.books: dict[str, NaiveBook | None] = {}
        self._conn_of: dict[str, str] = {}

    def take(self, line: bytes) -> bool:
        """Apply a line; False when it is no message this builder can read: nothing changes then."""
        try:
            envelope = json.loads(line)
            return self._envelope(envelope)
        except (ValueError, KeyError, TypeError, AttributeError, InvalidOperation, RecursionError):
            return False

    def _envelope(self, envelope: dict[str, Any]) -> bool:
        conn = envelope.get("conn") or "kalshi_ws"
        if envelope.get("src") == "recorder":
            if envelope["type"] == "ws_connected":
                self._void(conn)
            return True
        raw = envelope["raw"] if "raw" in envelope else json.loads(envelope["raw_text"])
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
        return True

    def _delta(self, msg: dict[str, Any]) -> None:
        side, price, change = msg["side"], _price(msg["price_dollars"]), _size(msg["delta_fp"])
        book = self.books.get(msg["market_ticker"])
        if book is None:
            return
        levels = {"yes": book.yes, "no": book.no}[side]
        levels[price] = levels.get(price, 0) + change

    def _void(self, conn: str) -> None:
        for market, owner in self._conn_of.items():
            if owner == conn:
                self.books[market] = None


def _side(levels: list[list[str]] | None) -> Side:
    return {_price(price): _size(size) for price, size in levels or []}


def _price(text: str) -> int:
    return _exact(text, 10_000)


def _size(text: str) -> int:
    return _exact(text, 100)


def _exact(text: str, scale: int) -> int:
    if not isinstance(text, str):
        raise TypeError(text)
    value = Decimal(text) * scale
    if value != int(value):
        raise ValueError(text)
    return int(value)
