"""Kalshi frames become engine events: integers instead of text, and nothing made up.

A frame that cannot be read exactly raises Malformed; the caller quarantines it.
"""

from __future__ import annotations

from typing import Final

import msgspec

from kairos.adapters.kalshi.schemas import (
    CentsDelta,
    CentsSnapshot,
    CfBenchmarksValue,
    Error,
    IndexData,
    KalshiFrame,
    Levels,
    LifecycleMsg,
    MarketLifecycle,
    Ok,
    OrderbookDelta,
    OrderbookSnapshot,
    PriceRange,
    Subscribed,
    Ticker,
    Trade,
    Unsubscribed,
)
from kairos.domain.grid import Ranges, grid
from kairos.domain.instruments import NO_LEG, YES_LEG, Outcome
from kairos.domain.units import (
    NANOSECONDS_PER_MILLISECOND,
    NANOSECONDS_PER_SECOND,
    PRICE_PER_DOLLAR,
    QUANTITY_PER_CONTRACT,
    dollars,
    price_from_dollars,
    quantity_from_contracts,
    scaled,
)
from kairos.errors import Malformed
from kairos.messages.events import (
    BookDelta,
    BookSnapshot,
    ChannelReply,
    ChannelSubscribed,
    Event,
    IndexValue,
    MarketDefined,
    MarketDetermined,
    MarketTrading,
    TimedEvent,
    VenueQuote,
    VenueTrade,
)

Parsed = TimedEvent | tuple[Event, ...]

OUTCOMES: Final = {"yes": Outcome.YES, "no": Outcome.NO}
_MEMO_ENTRIES_MAX: Final = 65_536
_TERMINAL_ERRORS: Final = frozenset({10, 25})
_LIFECYCLE_EVENTS: Final = frozenset(
    {
        "created", "activated", "deactivated", "close_date_updated", "determined", "settled",
        "price_level_structure_updated", "metadata_updated",
    }
)  # fmt: skip
_TRADING: Final = {"activated": True, "deactivated": False}
_CLOSE_TS_MAX: Final = 4_102_444_800  # the year 2100
_decode_index = msgspec.json.Decoder(IndexData).decode


class PriceTable(dict[str, int]):
    """Every price as Kalshi writes it; other spellings of the same number are parsed exactly."""

    def __missing__(self, text: str) -> int:
        return price_from_dollars(text, "price_dollars")


class LegTable(dict[str, int]):
    """The two sides of a book as Kalshi names them."""

    def __missing__(self, side: str) -> int:
        raise Malformed("bad_side", "side", f"{side!r} is neither yes nor no")


class QuantityMemo(dict[str, int]):
    """Remembers parsed sizes; real sessions repeat about 30,000 of them. Bounded: starts over."""

    def __missing__(self, text: str) -> int:
        if len(self) >= _MEMO_ENTRIES_MAX:
            self.clear()
        quantity = self[text] = quantity_from_contracts(text, "delta_fp")
        return quantity


PRICES: Final = PriceTable({dollars(price): price for price in range(PRICE_PER_DOLLAR + 1)})
LEGS: Final = LegTable({"yes": YES_LEG, "no": NO_LEG})


class KalshiParser:
    """Turns frames into events. Knows which connections asked for YES prices on the NO side."""

    def __init__(self, *, use_yes_price: bool = False) -> None:
        self.quantities = QuantityMemo()
        self._use_yes_price = use_yes_price
        self.may_flip = use_yes_price
        self._yes_price_by_conn: dict[str, bool] = {}
        # Set, the lifecycle of other series is not ours: the channel tells of every market.
        self.only_series: frozenset[str] | None = None

    def subscribe_command(self, conn: str, *, use_yes_price: bool) -> None:
        """Note how a connection asked for NO-side prices; Kalshi's default will flip some day."""
        self._yes_price_by_conn[conn] = use_yes_price
        self.may_flip = True

    def delta(self, recv_ns: int, conn: str, frame: OrderbookDelta) -> BookDelta:
        """What `capture.lines` does inline for nine of ten messages."""
        msg = frame.msg
        leg, price = LEGS[msg.side], PRICES[msg.price_dollars]
        return BookDelta(
            recv_ns, conn, frame.sid, frame.seq, msg.market_ticker, leg,
            self.no_price(conn, price) if leg else price, self.quantities[msg.delta_fp],
            None if msg.ts_ms is None else msg.ts_ms * NANOSECONDS_PER_MILLISECOND, msg.clock,
        )  # fmt: skip

    def event(self, recv_ns: int, conn: str, frame: KalshiFrame) -> Parsed:
        match frame:
            case OrderbookDelta():
                return self.delta(recv_ns, conn, frame)
            case OrderbookSnapshot():
                return self._snapshot(recv_ns, conn, frame)
            case Ticker():
                return _quote(recv_ns, conn, frame)
            case Trade():
                return _reply(recv_ns, conn, frame.sid, frame.seq), _trade(recv_ns, conn, frame)
            case Subscribed():
                return ChannelSubscribed(recv_ns, conn, frame.msg.sid, frame.msg.channel)
            case CfBenchmarksValue():
                return _with_seq(recv_ns, conn, frame.sid, frame.seq, _index(recv_ns, conn, frame))
            case MarketLifecycle():
                said = _lifecycle(recv_ns, frame.msg) if self._concerns(frame.msg) else ()
                return _with_seq(recv_ns, conn, frame.sid, frame.seq, *said)
            case Error():
                _refuse_terminal(frame)
                return _with_seq(recv_ns, conn, frame.sid, frame.seq)
            case Unsubscribed():
                return _carries(recv_ns, conn, frame.sid, frame.seq, ())
            case Ok():
                return _carries(recv_ns, conn, frame.sid, frame.seq, _carried(frame.msg))

    def _concerns(self, msg: LifecycleMsg) -> bool:
        wanted = self.only_series
        return wanted is None or msg.market_ticker.partition("-")[0] in wanted

    def cents_delta(self, recv_ns: int, conn: str, frame: CentsDelta) -> BookDelta:
        """The old format: whole cents, whole contracts; where both are present they must agree."""
        msg = frame.msg
        leg = LEGS[msg.side]
        price = _agreed("price", _cents(msg.price), _optional_price(msg.price_dollars))
        if leg:
            price = self.no_price(conn, price)
        change = _agreed(
            "delta",
            None if msg.delta is None else msg.delta * QUANTITY_PER_CONTRACT,
            None if msg.delta_fp is None else self.quantities[msg.delta_fp],
        )
        venue_ns = msg.ts_ms * NANOSECONDS_PER_MILLISECOND if msg.ts_ms is not None else None
        return BookDelta(
            recv_ns, conn, frame.sid, frame.seq, msg.market_ticker, leg, price, change,
            venue_ns, msg.clock,
        )  # fmt: skip

    def cents_snapshot(self, recv_ns: int, conn: str, frame: CentsSnapshot) -> BookSnapshot:
        msg = frame.msg
        yes, no = _interim(msg.yes_dollars), _interim(msg.no_dollars)
        return BookSnapshot(
            recv_ns, conn, frame.sid, frame.seq, msg.market_ticker,
            self._cents_levels(conn, YES_LEG, msg.yes, msg.yes_dollars_fp or yes),
            self._cents_levels(conn, NO_LEG, msg.no, msg.no_dollars_fp or no),
            msg.clock,
        )  # fmt: skip

    def _cents_levels(
        self, conn: str, leg: int, cents: list[tuple[int, int]] | None, exact: Levels | None
    ) -> tuple[tuple[int, int], ...]:
        if exact is not None:
            return self._levels(conn, leg, exact)
        pairs = ((_agreed("price", _cents(price)), size) for price, size in cents or ())
        return tuple(
            (self.no_price(conn, price) if leg else price, size * QUANTITY_PER_CONTRACT)
            for price, size in pairs
        )

    def _snapshot(self, recv_ns: int, conn: str, frame: OrderbookSnapshot) -> BookSnapshot:
        msg = frame.msg
        return BookSnapshot(
            recv_ns, conn, frame.sid, frame.seq, msg.market_ticker,
            self._levels(conn, YES_LEG, msg.yes_dollars_fp or []),
            self._levels(conn, NO_LEG, msg.no_dollars_fp or []),
            msg.clock,
        )  # fmt: skip

    def _levels(self, conn: str, leg: int, levels: Levels) -> tuple[tuple[int, int], ...]:
        """An absent side is an empty side: the venue leaves the key out."""
        bids = ((_price(text), self.quantities[size]) for text, size in levels)
        if leg:
            return tuple((self.no_price(conn, price), size) for price, size in bids)
        return tuple(bids)

    def no_price(self, conn: str, price: int) -> int:
        yes_priced = self._yes_price_by_conn.get(conn, self._use_yes_price)
        return PRICE_PER_DOLLAR - price if yes_priced else price


def _price(text: str, field: str = "price_dollars") -> int:
    price = PRICES.get(text)
    return price_from_dollars(text, field) if price is None else price


def _cents(value: int | None) -> int | None:
    if value is None:
        return None
    if not 0 <= value <= 100:
        raise Malformed("price_out_of_range", "price", f"{value} is outside 0..100 cents")
    return value * 100


def _interim(levels: list[tuple[str, int | str]] | None) -> Levels | None:
    """Levels of the months when prices were dollars and sizes still whole numbers."""
    return None if levels is None else [(price, str(size)) for price, size in levels]


def _optional_price(text: str | None) -> int | None:
    return None if text is None else _price(text)


def _agreed(field: str, *values: int | None) -> int:
    """The one value that all the spellings present agree on."""
    present = {value for value in values if value is not None}
    if not present:
        raise Malformed("missing_field", field, "no spelling of it is present")
    if len(present) > 1:
        raise Malformed("conflicting_fields", field, f"spellings disagree: {sorted(present)}")
    return present.pop()


def _reply(recv_ns: int, conn: str, sid: int, seq: int) -> ChannelReply:
    return ChannelReply(recv_ns, conn, sid, seq)


def _with_seq(
    recv_ns: int, conn: str, sid: int | None, seq: int | None, *events: Event
) -> tuple[Event, ...]:
    """Account for the sequence number a message consumed, whatever else it says."""
    if sid is None or seq is None:
        return events
    return (_reply(recv_ns, conn, sid, seq), *events)


def _carries(
    recv_ns: int, conn: str, sid: int | None, seq: int | None, markets: tuple[str, ...] | None
) -> tuple[Event, ...]:
    if sid is None or seq is None:
        return ()
    return (ChannelReply(recv_ns, conn, sid, seq, markets),)


def _carried(msg: object) -> tuple[str, ...] | None:
    """The full list of markets in a reply to update_subscription; None when it has none."""
    tickers = msg.get("market_tickers") if isinstance(msg, dict) else None
    if tickers is None:
        return None
    if not isinstance(tickers, list) or not all(isinstance(each, str) for each in tickers):
        raise Malformed("wrong_type", "msg.market_tickers", "is not a list of text")
    return tuple(tickers)


def _quote(recv_ns: int, conn: str, frame: Ticker) -> Parsed:
    msg = frame.msg
    quote = VenueQuote(
        recv_ns,
        conn,
        msg.market_ticker,
        _price(msg.yes_bid_dollars, "yes_bid_dollars"),
        _price(msg.yes_ask_dollars, "yes_ask_dollars"),
        _price(msg.price_dollars),
        _size(msg.last_trade_size_fp, "last_trade_size_fp"),
        msg.ts_ms * NANOSECONDS_PER_MILLISECOND,
    )
    if frame.sid is None or frame.seq is None:
        return quote
    return _reply(recv_ns, conn, frame.sid, frame.seq), quote


def _size(text: str, field: str) -> int:
    quantity = quantity_from_contracts(text, field)
    if quantity < 0:
        raise Malformed("bad_size", field, f"{text!r} is negative")
    return quantity


def _trade(recv_ns: int, conn: str, frame: Trade) -> VenueTrade:
    msg = frame.msg
    side = msg.taker_outcome_side or msg.taker_side
    if side is None:
        raise Malformed("missing_field", "taker_outcome_side", "no spelling of it is present")
    if side not in OUTCOMES:
        raise Malformed("bad_side", "taker_outcome_side", f"{side!r} is neither yes nor no")
    quantity = _size(msg.count_fp, "count_fp")
    if not quantity:
        raise Malformed("bad_size", "count_fp", "a trade of nothing")
    return VenueTrade(
        recv_ns,
        conn,
        msg.market_ticker,
        msg.trade_id,
        _price(msg.yes_price_dollars, "yes_price_dollars"),
        quantity,
        OUTCOMES[side],
        msg.ts_ms * NANOSECONDS_PER_MILLISECOND,
    )


def _index(recv_ns: int, conn: str, frame: CfBenchmarksValue) -> IndexValue:
    try:
        data = _decode_index(frame.msg.data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Malformed("bad_index_data", "msg.data", str(error)) from error
    if data.id != frame.msg.index_id:
        raise Malformed("conflicting_fields", "index_id", f"{frame.msg.index_id} holds {data.id}")
    value = scaled(data.value, 6, "value") / 1_000_000
    if value <= 0:
        raise Malformed("bad_number", "value", f"an index of {data.value} cannot be")
    return IndexValue(recv_ns, conn, data.id, value, data.time * NANOSECONDS_PER_MILLISECOND)


def _lifecycle(recv_ns: int, msg: LifecycleMsg) -> tuple[Event, ...]:
    if msg.event_type not in _LIFECYCLE_EVENTS:
        raise Malformed("unknown_type", "msg.event_type", f"{msg.event_type!r}")
    if msg.event_type in ("determined", "settled") and msg.result:
        if msg.result not in OUTCOMES:
            raise Malformed("unsupported_result", "msg.result", f"{msg.result!r} pays neither side")
        outcome = OUTCOMES[msg.result]
        return (MarketDetermined(recv_ns, msg.market_ticker, outcome, "lifecycle"),)
    trading: tuple[Event, ...] = ()
    if msg.event_type in _TRADING:
        active = _TRADING[msg.event_type]
        trading = (MarketTrading(recv_ns, msg.market_ticker, active),)
    return (*_definition(recv_ns, msg), *trading)


def _definition(recv_ns: int, msg: LifecycleMsg) -> tuple[Event, ...]:
    meta = msg.additional_metadata
    strike_type = msg.strike_type or (meta.strike_type if meta else None)
    floor = _first(msg.floor_strike, meta.floor_strike if meta else None)
    cap = _first(msg.cap_strike, meta.cap_strike if meta else None)
    ranges = price_ranges(msg.price_ranges) if msg.price_ranges else None
    if all(each is None for each in (strike_type, floor, cap, msg.close_ts, ranges)):
        return ()
    return (
        MarketDefined(
            recv_ns, msg.market_ticker, strike_type, strike_text(floor), strike_text(cap),
            _close_ns(msg.close_ts), ranges,
        ),
    )  # fmt: skip


def _close_ns(close_ts: int | None) -> int | None:
    if close_ts is None:
        return None
    if not 0 < close_ts < _CLOSE_TS_MAX:
        raise Malformed("time_out_of_range", "msg.close_ts", f"{close_ts} is no time of a close")
    return close_ts * NANOSECONDS_PER_SECOND


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)


def price_ranges(ranges: list[PriceRange]) -> Ranges:
    """`price_ranges` of a market object in price units. Raises Malformed when they make no grid."""
    known = tuple(
        (_price(each.start, "start"), _price(each.end, "end"), _price(each.step, "step"))
        for each in ranges
    )
    grid(known)
    return known


def strike_text(value: float | None) -> str | None:
    """A strike as the shortest decimal text that names it: 80077.29 → `"80077.29"`."""
    if value is None:
        return None
    return str(int(value)) if value == int(value) else repr(float(value))


def _refuse_terminal(frame: Error) -> None:
    """Codes 10 and 25 end the subscription: what it carried can no longer be trusted."""
    if frame.msg is None:
        return
    code = frame.msg.get("code")
    if type(code) is not int:
        raise Malformed("wrong_type", "msg.code", f"is {type(code).__name__}, not an integer")
    if code in _TERMINAL_ERRORS:
        raise Malformed(f"channel_error_{code}", "msg.code", "the venue ended the subscription")
