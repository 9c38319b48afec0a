"""Rows that other people's recorders kept instead of frames: tops of books, indexes, polls.

A row that states the best level of both sides and their sizes is a book of one level; one whose
size nobody recorded puts the book in doubt until the next whole row. What has no size at all is
counted and passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec

from kairos.adapters.capture.envelope import from_validation
from kairos.adapters.coinbase.parsing import spot_price
from kairos.domain.units import (
    NANOSECONDS_PER_MILLISECOND,
    PRICE_PER_DOLLAR,
    price_from_dollars,
    quantity_from_contracts,
)
from kairos.errors import Malformed
from kairos.messages.events import (
    BookSnapshot,
    ChannelSubscribed,
    ConnectionOpened,
    Event,
    IndexValue,
    InputQuarantined,
)

# Polls and game clocks without sizes: nothing in them makes a book.
_PASSED_OVER: Final = frozenset(
    {
        "kalshi_rest_candles", "kalshi_rest+polymarket_rest", "mlb_statsapi",
        "polymarket_gamma_rest+kalshi_rest", "polymarket_us_rest",
    }
)  # fmt: skip
CHAINLINK: Final = "polymarket_rtds_chainlink"
_TOPS: Final = "polymarket_clob_ws+chainlink_rtds"
_WEBSOCKETS: Final = frozenset({"kalshi_ws", "polymarket_clob_ws", "polymarket_us_ws"})
_ROWS: Final = {"tob", "book", "price_change", "last_trade_price"}
_INVERSE: Final = "-inverse"
_SID: Final = 1
_CHANNEL: Final = "orderbook_delta"
_MARKETS_MAX: Final = 20_000
_LEVELS_MAX: Final = 10_000

_PLAIN_MAX: Final = 8
_NOISE_PLACES: Final = 6  # what a float may be wrong by is ten decimals farther on
_LONG_DECIMAL = re.compile(r"[01]\.[0-9]{7,20}", re.ASCII)

Level = tuple[int, int]


class TopRow(msgspec.Struct, gc=False):
    """Best bid and ask with sizes, as text; None for an empty side."""

    market: str
    bid: str | None
    bid_sz: str | None
    ask: str | None
    ask_sz: str | None


class LevelRow(msgspec.Struct, gc=False):
    """One level of a book that was never recorded whole, beside the best prices."""

    market: str
    price: str
    side: str
    size: str
    best_bid: str
    best_ask: str


class FiveRow(msgspec.Struct, gc=False):
    """Five levels of the token that pays when the price is up: (price, size) as JSON numbers."""

    condition_id: str
    up_bids: list[tuple[float, float]]
    up_asks: list[tuple[float, float]]


class ChainlinkRow(msgspec.Struct, gc=False):
    symbol: str
    price: str
    feed_ts_ms: int


class _Sides(NamedTuple):
    bids: dict[int, int]
    asks: dict[int, int]


class Rows:
    """The rows of one session, in order."""

    def __init__(self) -> None:
        self._seq: dict[str, int] = {}
        self._sides: dict[str, _Sides] = {}
        self._last_ns: int | None = None

    @staticmethod
    def is_row(source: str, fields: dict[str, Any]) -> bool:
        if source in (_TOPS, CHAINLINK):
            return True
        kind = fields.get("type")
        return (
            source in _WEBSOCKETS
            and isinstance(kind, str)
            and kind in _ROWS
            and not any(name in fields for name in ("raw", "raw_text", "raw_base64"))
        )

    def borrowed_ns(self, fields: dict[str, Any]) -> int | None:
        """The time of the row before, for one whose recorder says that it kept none."""
        return self._last_ns if fields.get("venue_ts_missing") is True else None

    def take(self, source: str, recv_ns: int, fields: dict[str, Any]) -> tuple[Event, ...]:
        """A row that cannot be used puts the book in doubt that it may have been about."""
        self._last_ns = recv_ns
        conn = f"{source}/rows"
        try:
            return self._read(source, recv_ns, conn, fields)
        except msgspec.ValidationError as error:
            problem = from_validation(error)
        except Malformed as refused:
            problem = refused
        market = fields.get("condition_id" if source == _TOPS else "market")
        named = market.removesuffix(_INVERSE) if isinstance(market, str) else None
        if named is not None and fields.get("type") in ("book", "price_change"):
            named = _name(source, named)
        return self._doubt(recv_ns, conn, source, named, problem)

    def _read(
        self, source: str, recv_ns: int, conn: str, fields: dict[str, Any]
    ) -> tuple[Event, ...]:
        if source == CHAINLINK:
            return (_index(recv_ns, msgspec.convert(fields, ChainlinkRow)),)
        if source == _TOPS:
            return self._five(recv_ns, conn, msgspec.convert(fields, FiveRow))
        if fields["type"] == "tob":
            return self._top(recv_ns, conn, msgspec.convert(fields, TopRow))
        if fields["type"] == "last_trade_price":
            return ()  # of a trade that also was told as a change
        row = msgspec.convert(fields, LevelRow)
        signed = source == "kalshi_ws" and fields["type"] == "price_change"
        return self._level(recv_ns, conn, source, row, signed=signed)

    def _top(self, recv_ns: int, conn: str, row: TopRow) -> tuple[Event, ...]:
        bids = _one_level(row.bid, row.bid_sz, "bid")
        asks = _one_level(row.ask, row.ask_sz, "ask")
        if row.market.endswith(_INVERSE):  # the same book, seen from the other outcome
            bids, asks = _turned(asks), _turned(bids)
        return self._book(recv_ns, conn, row.market.removesuffix(_INVERSE), bids, asks)

    def _five(self, recv_ns: int, conn: str, row: FiveRow) -> tuple[Event, ...]:
        bids = tuple(_number_level(each, "up_bids") for each in row.up_bids)
        asks = tuple(_number_level(each, "up_asks") for each in row.up_asks)
        return self._book(recv_ns, conn, row.condition_id, bids, asks)

    def _level(
        self, recv_ns: int, conn: str, source: str, row: LevelRow, *, signed: bool
    ) -> tuple[Event, ...]:
        market = _name(source, row.market)
        sides = self._sides_of(market)
        levels = {"BUY": sides.bids, "SELL": sides.asks}.get(row.side)
        if levels is None:
            raise Malformed("bad_side", "side", f"{row.side[:20]!r} is neither BUY nor SELL")
        _put(levels, _rounded(row.price), quantity_from_contracts(row.size), signed=signed)
        bid, ask = (_rounded(each) for each in (row.best_bid, row.best_ask))
        _drop(sides.bids, lambda price: price > bid)
        _drop(sides.asks, lambda price: price < ask)
        best_bid = _best(sides.bids, bid, empty=0)
        best_ask = _best(sides.asks, ask, empty=PRICE_PER_DOLLAR)
        if best_bid is None or best_ask is None:
            raise Malformed("incomplete_row", "best_bid", "the size at the best price is not known")
        return self._book(recv_ns, conn, market, best_bid, best_ask)

    def _sides_of(self, market: str) -> _Sides:
        if market not in self._sides:
            if len(self._sides) >= _MARKETS_MAX:
                raise Malformed("too_many_markets", "market", f"over {_MARKETS_MAX}")
            self._sides[market] = _Sides({}, {})
        return self._sides[market]

    def _book(
        self, recv_ns: int, conn: str, market: str, bids: tuple[Level, ...], asks: tuple[Level, ...]
    ) -> tuple[Event, ...]:
        opening, seq = self._next(recv_ns, conn)
        book = BookSnapshot(recv_ns, conn, _SID, seq, market, bids, _turned(asks), None)
        return (*opening, book)

    def _doubt(
        self, recv_ns: int, conn: str, source: str, market: str | None, problem: Malformed
    ) -> tuple[Event, ...]:
        opening, seq = self._next(recv_ns, conn)
        doubt = InputQuarantined(
            recv_ns, source, conn, problem.reason, problem.field, problem.detail, None, _SID, seq,
            market,
        )  # fmt: skip
        return (*opening, doubt)

    def _next(self, recv_ns: int, conn: str) -> tuple[tuple[Event, ...], int]:
        if conn in self._seq:
            self._seq[conn] += 1
            return (), self._seq[conn]
        self._seq[conn] = 1
        opening = ConnectionOpened(recv_ns, conn), ChannelSubscribed(recv_ns, conn, _SID, _CHANNEL)
        return opening, 1


def is_passed_over(source: str, fields: dict[str, Any]) -> bool:
    """Whether a line holds no book and no price of now; the head of a file has no time either."""
    return source in _PASSED_OVER or (source == "recorder" and fields.get("type") == "header")


def _name(source: str, market: str) -> str:
    """Recorders gave the markets of both venues one name."""
    return f"{source}/{market}"


def _index(recv_ns: int, row: ChainlinkRow) -> IndexValue:
    value, venue_ns = spot_price(row.price), row.feed_ts_ms * NANOSECONDS_PER_MILLISECOND
    return IndexValue(recv_ns, CHAINLINK, f"CHAINLINK {row.symbol[:20]}", value, venue_ns)


def _rounded(text: str) -> int:
    """A price that a recorder took from one dollar in binary floats: `"0.16000000000000003"`."""
    if len(text) <= _PLAIN_MAX:
        return price_from_dollars(text)
    if _LONG_DECIMAL.fullmatch(text) is None:
        raise Malformed("bad_number", "price", f"{text[:40]!r} is not a plain decimal")
    return price_from_dollars(format(round(float(text), _NOISE_PLACES), f".{_NOISE_PLACES}f"))


def _put(levels: dict[int, int], price: int, size: int, *, signed: bool) -> None:
    """`signed`: a change of what rests, which is no use where nobody said what rested."""
    if signed and price not in levels:
        return
    rests = levels[price] + size if signed else size
    levels.pop(price, None)
    if rests > 0 and len(levels) < _LEVELS_MAX:
        levels[price] = rests


def _drop(levels: dict[int, int], gone: Callable[[int], bool]) -> None:
    """Nothing rests beyond the best price that the row states."""
    for price in [each for each in levels if gone(each)]:
        del levels[price]


def _best(levels: dict[int, int], price: int, *, empty: int) -> tuple[Level, ...] | None:
    """The best level, nothing for an empty side, None where its size is not known."""
    if price == empty:
        return ()
    return ((price, levels[price]),) if price in levels else None


def _one_level(price: str | None, size: str | None, field: str) -> tuple[Level, ...]:
    if price is None and size is None:
        return ()
    if price is None or size is None:
        raise Malformed("missing_field", field, "a price without a size, or the other way round")
    return (_level_of(price, size, field),)


def _number_level(level: tuple[float, float], field: str) -> Level:
    """JSON numbers as they were written: the shortest text that is the same float."""
    price, size = level
    return _level_of(str(price), str(size), field)


def _level_of(price: str, size: str, field: str) -> Level:
    found = price_from_dollars(price, field), quantity_from_contracts(size, field)
    if not 0 < found[0] < PRICE_PER_DOLLAR:
        raise Malformed("price_out_of_range", field, f"nothing rests at {price}")
    if found[1] <= 0:
        raise Malformed("bad_size", field, f"a level of {size}")
    return found


def _turned(levels: tuple[Level, ...]) -> tuple[Level, ...]:
    """An offer of one outcome at p is a bid for the other at 1 - p."""
    return tuple((PRICE_PER_DOLLAR - price, size) for price, size in levels)
