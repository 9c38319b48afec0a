"""Frames of the markets websocket as engine events.

Every book message is a whole book and carries no number, so a connection is given one synthetic
subscription and its messages are numbered here as they come: nothing is lost on a TCP stream, and
a frame that cannot be read takes down the book that it may have been, until the next whole one.
"""

from __future__ import annotations

from typing import Final

import msgspec

from kairos.adapters.polymarket_us import amounts
from kairos.adapters.polymarket_us.config import MARKETS_MAX
from kairos.adapters.polymarket_us.schemas import (
    Amount,
    Level,
    MarketData,
    MarketDataLite,
    MarketFrame,
    PublicTrade,
    TradeSide,
)
from kairos.domain.instruments import Outcome
from kairos.domain.units import (
    PRICE_PER_DOLLAR,
    dollars,
    price_from_dollars,
    quantity_from_contracts,
)
from kairos.errors import Malformed
from kairos.messages.events import (
    BookSnapshot,
    ChannelReply,
    ChannelSubscribed,
    ConnectionOpened,
    InputQuarantined,
    MarketTrading,
    VenueTrade,
)

SOURCE: Final = "polymarket_us_ws"
SID: Final = 1  # the one synthetic subscription of a connection
CHANNEL: Final = "market_data"

BOOKS: Final = "SUBSCRIPTION_TYPE_MARKET_DATA"
LITE: Final = "SUBSCRIPTION_TYPE_MARKET_DATA_LITE"
TRADES: Final = "SUBSCRIPTION_TYPE_TRADE"

# Every price as the venue may write it; other spellings take the exact parser.
_PRICES: Final = {
    dollars(price)[: 6 - cut]: price
    for cut, step in ((0, 1), (1, 10), (2, 100))
    for price in range(0, PRICE_PER_DOLLAR + 1, step)
}
TRADING: Final = {
    "MARKET_STATE_OPEN": True,
    "MARKET_STATE_PREOPEN": False,
    "MARKET_STATE_SUSPENDED": False,
    "MARKET_STATE_HALTED": False,
    "MARKET_STATE_EXPIRED": False,
    "MARKET_STATE_TERMINATED": False,
    "MARKET_STATE_MATCH_AND_CLOSE_AUCTION": False,
    "MARKET_STATE_CLOSED": False,
}
# What the taker bought, in terms of the LONG book and in terms of its intent.
_SIDES: Final = {"ORDER_SIDE_BUY": Outcome.YES, "ORDER_SIDE_SELL": Outcome.NO}
_INTENTS: Final = {
    "ORDER_INTENT_BUY_LONG": Outcome.YES,
    "ORDER_INTENT_SELL_LONG": Outcome.NO,
    "ORDER_INTENT_BUY_SHORT": Outcome.NO,
    "ORDER_INTENT_SELL_SHORT": Outcome.YES,
}
_KINDS: Final = {"market_data": BOOKS, "market_data_lite": LITE, "trade": TRADES}


class LiteQuote(msgspec.Struct, gc=False, frozen=True):
    """Best LONG prices of the lite channel, None for an empty side. It has neither sizes nor a
    time, so it is evidence that a book is alive and never a book."""

    recv_ns: int
    conn: str
    market: str
    bid: int | None
    ask: int | None
    last: int | None


class StreamRefused(msgspec.Struct, gc=False, frozen=True):
    """The venue turned a subscription down, or ended it."""

    recv_ns: int
    conn: str
    request_id: str | None
    message: str


MarketEvent = (
    BookSnapshot
    | ChannelReply
    | MarketTrading
    | VenueTrade
    | LiteQuote
    | StreamRefused
    | InputQuarantined
)

_decode = msgspec.json.Decoder(MarketFrame).decode
_decode_any = msgspec.json.Decoder().decode


class MarketStream:
    """Turns the frames of one markets connection into events; `conn` names it.

    A heartbeat becomes a ChannelReply: it proves that the connection lives and changes no book.
    """

    def __init__(self, conn: str) -> None:
        self._conn = conn
        self._seq = 0
        self._trading: dict[str, bool] = {}
        self.quarantined = 0

    def opened(self, recv_ns: int) -> tuple[ConnectionOpened, ChannelSubscribed]:
        """A connection was made: what was learnt on the one before is void."""
        self._seq = 0
        self._trading.clear()
        conn = self._conn
        return ConnectionOpened(recv_ns, conn), ChannelSubscribed(recv_ns, conn, SID, CHANNEL)

    def take(self, recv_ns: int, raw: bytes) -> tuple[MarketEvent, ...]:
        """The events of a frame; one that cannot be read becomes an InputQuarantined."""
        try:
            return self.events(recv_ns, raw)
        except Malformed as problem:
            self.quarantined += 1
            return (_quarantine(recv_ns, self._conn, raw, problem),)

    def events(self, recv_ns: int, raw: bytes) -> tuple[MarketEvent, ...]:
        """Raises Malformed when anything in the frame is not exactly what it should be."""
        frame = _frame(raw)
        if frame.market_data is not None:
            return self._book(recv_ns, frame.market_data)
        if frame.trade is not None:
            return (_trade(recv_ns, self._conn, frame.trade),)
        if frame.market_data_lite is not None:
            return (_lite(recv_ns, self._conn, frame.market_data_lite),)
        if frame.heartbeat is not None:
            return (ChannelReply(recv_ns, self._conn, SID, self._next()),)
        return (StreamRefused(recv_ns, self._conn, frame.request_id, (frame.error or "")[:200]),)

    def _book(self, recv_ns: int, data: MarketData) -> tuple[MarketEvent, ...]:
        market = _slug(data.market_slug)
        yes, no = book_levels(data)
        trading = self._changed(market, data.state)
        amounts.optional_nanoseconds(data.transact_time, "transactTime")
        book = BookSnapshot(recv_ns, self._conn, SID, self._next(), market, yes, no, None)
        if trading is None:
            return (book,)
        return book, MarketTrading(recv_ns, market, trading)

    def _changed(self, market: str, state: str | None) -> bool | None:
        """Whether the market trades from here on; None where that is no news."""
        if state is None:
            return None
        trading = is_trading(state)
        if self._trading.get(market) is trading:
            return None
        if market not in self._trading and len(self._trading) >= MARKETS_MAX:
            raise Malformed("too_many_markets", "marketSlug", f"over {MARKETS_MAX}")
        self._trading[market] = trading
        return trading

    def _next(self) -> int:
        self._seq += 1
        return self._seq


def book_levels(
    data: MarketData,
) -> tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]:
    """(YES bids, NO bids): who offers YES at p bids 1 - p for NO."""
    yes = tuple(_level(each, "bids") for each in data.bids)
    asks = (_level(each, "offers") for each in data.offers)
    return yes, tuple((PRICE_PER_DOLLAR - price, size) for price, size in asks)


def is_trading(state: str) -> bool:
    """Whether orders match continuously. Raises Malformed for a state that we do not know."""
    trading = TRADING.get(state)
    if trading is None:
        raise Malformed("bad_state", "state", f"{state[:40]!r} is no market state that we know")
    return trading


def _level(level: Level, field: str) -> tuple[int, int]:
    if level.px.currency != "USD":
        raise Malformed("bad_currency", field, f"{level.px.currency[:8]!r} is not USD")
    price = _PRICES.get(level.px.value)
    if price is None:
        price = price_from_dollars(level.px.value, field)
    size = quantity_from_contracts(level.qty, field)
    if not 0 < price < PRICE_PER_DOLLAR:
        raise Malformed("price_out_of_range", field, f"nothing can rest at {level.px.value}")
    if size <= 0:
        raise Malformed("bad_size", field, f"a level of {level.qty} contracts")
    return price, size


def _trade(recv_ns: int, conn: str, trade: PublicTrade) -> VenueTrade:
    """The feed gives no trade id: what it says of a trade has to be its name."""
    price = amounts.long_price(trade.price, "price")
    size = amounts.quantity(trade.quantity.value, "quantity")
    if size == 0:
        raise Malformed("bad_size", "quantity", "nothing was traded")
    taker = _bought(trade.taker)
    name = f"{trade.trade_time}/{price}/{size}/{taker}"
    return VenueTrade(
        recv_ns, conn, _slug(trade.market_slug), name, price, size, taker,
        amounts.nanoseconds(trade.trade_time, "tradeTime"),
    )  # fmt: skip


def _bought(taker: TradeSide) -> Outcome:
    """Side and intent must agree; an intent may be hidden (ORDER_INTENT_UNDEFINED)."""
    told = {
        outcome
        for outcome in (_SIDES.get(taker.side or ""), _INTENTS.get(taker.intent or ""))
        if outcome is not None
    }
    if len(told) != 1:
        reason = "conflicting_fields" if told else "bad_side"
        raise Malformed(reason, "taker", f"side {taker.side!r}, intent {taker.intent!r}"[:120])
    return told.pop()


def _lite(recv_ns: int, conn: str, data: MarketDataLite) -> LiteQuote:
    return LiteQuote(
        recv_ns, conn, _slug(data.market_slug), _optional(data.best_bid, "bestBid"),
        _optional(data.best_ask, "bestAsk"), _optional(data.last_trade_px, "lastTradePx"),
    )  # fmt: skip


def _optional(amount: Amount | None, field: str) -> int | None:
    return None if amount is None else amounts.price(amount, field)


def _slug(slug: str) -> str:
    if not slug:
        raise Malformed("missing_field", "marketSlug", "is empty")
    return slug


def _frame(raw: bytes) -> MarketFrame:
    try:
        frame = _decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise decoding_problem(error) from error
    payloads = [name for name in _KINDS if getattr(frame, name) is not None]
    if frame.heartbeat is not None:
        payloads.append("heartbeat")
    check_payloads(payloads, frame.error, frame.subscription_type, _KINDS)
    return frame


def check_payloads(
    payloads: list[str], error: str | None, kind: str | None, kinds: dict[str, str]
) -> None:
    """One frame says one thing, and what its subscription is for."""
    if not payloads and not error:
        raise Malformed("unknown_type", "frame", "holds nothing that we know")
    if len(payloads) + bool(error) > 1:
        raise Malformed("conflicting_fields", "frame", "holds several messages")
    expected = kinds.get(payloads[0]) if payloads else None
    if kind is not None and expected is not None and kind != expected:
        raise Malformed("conflicting_fields", "subscriptionType", f"{kind[:60]!r}: not of its kind")


def decoding_problem(error: Exception) -> Malformed:
    reason = "wrong_type" if isinstance(error, msgspec.ValidationError) else "not_json"
    if "missing required field" in str(error):
        reason = "missing_field"
    return Malformed(reason, "frame", str(error)[:200])


def _quarantine(recv_ns: int, conn: str, raw: bytes, problem: Malformed) -> InputQuarantined:
    kind, market = _glimpse(raw)
    # Only a frame that cannot have been a book leaves all books alone.
    sid = None if kind in ("trade", "marketDataLite", "heartbeat", "error") else SID
    return InputQuarantined(
        recv_ns, SOURCE, conn, problem.reason, problem.field, problem.detail, kind, sid, None,
        market,
    )  # fmt: skip


def _glimpse(raw: bytes) -> tuple[str | None, str | None]:
    """(payload, market) of a frame that cannot be trusted, as far as they can be read."""
    try:
        fields = _decode_any(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None, None
    if not isinstance(fields, dict):
        return None, None
    names = [each for each in fields if each not in ("requestId", "subscriptionType")]
    if len(names) != 1:
        return None, None
    payload = fields[names[0]]
    market = payload.get("marketSlug") if isinstance(payload, dict) else None
    return names[0], market if isinstance(market, str) and market else None
