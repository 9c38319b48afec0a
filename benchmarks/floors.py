"""The least that decode and book can cost in CPython: what the engine is measured against.

Lean structs that name only what a book needs, prices by table, sizes by memo, both legs of a market
in one object, the best kept as an index and walked down when it empties. No sequence check, no
staleness, no grid, no error is looked for; that is what makes it a floor.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Final

import msgspec

_TICKS: Final = 1001  # tenths of a cent
_PRICES: Final = {
    text: tick for tick in range(_TICKS) for text in (f"{tick / 1000:.4f}", f"{tick / 1000:.3f}")
}


class Memo(dict[str, int]):
    """Sizes in hundredths of a contract; text is parsed once."""

    def __missing__(self, text: str) -> int:
        size = self[text] = round(float(text) * 100)
        return size


class _DeltaMsg(msgspec.Struct, gc=False):
    market_ticker: str
    price_dollars: str
    delta_fp: str
    side: str


class _SnapshotMsg(msgspec.Struct, gc=False):
    market_ticker: str
    yes_dollars_fp: list[tuple[str, str]] = []
    no_dollars_fp: list[tuple[str, str]] = []


class _Frame(msgspec.Struct, gc=False, tag_field="type"):
    """What is read of a frame; a frame read for nothing but its type has no fields."""


class _Delta(_Frame, tag="orderbook_delta"):
    seq: int
    msg: _DeltaMsg


class _Snapshot(_Frame, tag="orderbook_snapshot"):
    seq: int
    msg: _SnapshotMsg


class _Match(_Frame, tag="match"):
    price: str


class _LastMatch(_Frame, tag="last_match"):
    price: str


class _Ticker(_Frame, tag="ticker"):
    """Kalshi's quote, which a floor has no use for, or Coinbase's, which carries the spot."""

    price: str | None = None


class _Trade(_Frame, tag="trade"):
    pass


class _Subscribed(_Frame, tag="subscribed"):
    pass


class _Ok(_Frame, tag="ok"):
    pass


class _Heartbeat(_Frame, tag="heartbeat"):
    pass


class _Subscriptions(_Frame, tag="subscriptions"):
    pass


class _Lifecycle(_Frame, tag="market_lifecycle_v2"):
    pass


class _Index(_Frame, tag="cfbenchmarks_value"):
    pass


_AnyFrame = (
    _Delta | _Snapshot | _Match | _LastMatch | _Ticker | _Trade | _Subscribed | _Ok | _Heartbeat
    | _Subscriptions | _Lifecycle | _Index
)  # fmt: skip


class _Line(msgspec.Struct, gc=False):
    recv_ns: int
    raw: _AnyFrame | None = None


class _RawLine(msgspec.Struct, gc=False):
    raw: msgspec.Raw = msgspec.Raw()


_decode_frame = msgspec.json.Decoder(_AnyFrame).decode
_decode_line = msgspec.json.Decoder(_Line).decode
_decode_raw = msgspec.json.Decoder(_RawLine).decode
_frame_of: Final = attrgetter("raw")


class Legs:
    """Both legs of a market: hundredths of contracts by tenth of a cent, and the best of each."""

    __slots__ = ("best_no", "best_yes", "no", "yes")

    def __init__(self) -> None:
        self.yes = [0] * _TICKS
        self.no = [0] * _TICKS
        self.best_yes = -1
        self.best_no = -1

    def replace(self, msg: _SnapshotMsg, memo: Memo) -> None:
        self.yes, self.best_yes = _levels(msg.yes_dollars_fp, memo)
        self.no, self.best_no = _levels(msg.no_dollars_fp, memo)


def _levels(levels: Sequence[tuple[str, str]], memo: Memo) -> tuple[list[int], int]:
    sizes = [0] * _TICKS
    for price, size in levels:
        sizes[_PRICES[price]] = memo[size]
    return sizes, max((tick for tick in range(_TICKS) if sizes[tick]), default=-1)


class Floor:
    """Books by ticker, and the last spot price."""

    def __init__(self) -> None:
        self.books: dict[str, Legs] = {}
        self.spot = 0.0
        self._memo = Memo()

    def frames(self, frames: Iterable[bytes]) -> None:
        """Decode and apply venue frames."""
        self._apply(map(_decode_frame, frames))

    def lines(self, lines: Iterable[bytes]) -> None:
        """Decode and apply capture lines: the same, out of its envelope."""
        self._apply(map(_frame_of, map(_decode_line, lines)))

    def _apply(self, frames: Iterable[_AnyFrame | None]) -> None:  # noqa: C901
        memo, prices, books = self._memo, _PRICES, self.books
        last, book = "", Legs()
        for frame in frames:
            if isinstance(frame, _Delta):
                msg = frame.msg
                ticker = msg.market_ticker
                if ticker != last:
                    last, book = ticker, books[ticker]
                tick = prices[msg.price_dollars]
                if msg.side == "yes":
                    levels, best = book.yes, book.best_yes
                    size = levels[tick] = levels[tick] + memo[msg.delta_fp]
                    if tick > best:
                        if size:
                            book.best_yes = tick
                    elif tick == best and not size:
                        while best >= 0 and not levels[best]:
                            best -= 1
                        book.best_yes = best
                else:
                    levels, best = book.no, book.best_no
                    size = levels[tick] = levels[tick] + memo[msg.delta_fp]
                    if tick > best:
                        if size:
                            book.best_no = tick
                    elif tick == best and not size:
                        while best >= 0 and not levels[best]:
                            best -= 1
                        book.best_no = best
            elif isinstance(frame, _Match | _LastMatch | _Ticker):
                if frame.price is not None:
                    self.spot = float(frame.price)
            elif isinstance(frame, _Snapshot):
                ticker = frame.msg.market_ticker
                books.setdefault(ticker, Legs()).replace(frame.msg, memo)


def venue_frame(line: bytes) -> bytes | None:
    """The venue's own message inside a capture line; None for what the recorder wrote itself."""
    raw = bytes(_decode_raw(line).raw)
    return raw or None
