"""Kalshi's private channels and its fast index: fills, orders, positions and groups, told at once.

`fill`, `user_order` and `market_position` carry no sequence number: a loss shows only when REST is
asked. As in `wire`, fills and orders are told as purchases of the outcome they are positioned for.
"""

from __future__ import annotations

from typing import Final

import msgspec

from kairos.adapters.kalshi.schemas import IndexData
from kairos.adapters.kalshi.wire import CASH_PLACES, positioned, size, yes_price
from kairos.domain.instruments import Action, Liquidity, Outcome, Venue
from kairos.domain.units import (
    NANOSECONDS_PER_MILLISECOND,
    notional,
    price_from_dollars,
    quantity_from_contracts,
    scaled,
)
from kairos.errors import Malformed
from kairos.messages.events import ChannelReply, IndexValue
from kairos.messages.trading import (
    FillState,
    OrderStatus,
    VenueFill,
    VenueOrder,
    VenuePosition,
)

# The 5 Hz prints are raw; the settlement averages the 1 Hz index. They are kept apart by name.
FAST_SUFFIX: Final = "_5HZ"
_INDEX_PLACES: Final = 6
_GROUP_EVENTS: Final = frozenset({"created", "triggered", "reset", "deleted", "limit_updated"})
_STATUSES: Final = {
    "resting": OrderStatus.RESTING,
    "canceled": OrderStatus.CANCELED,
    "executed": OrderStatus.FILLED,
    "unknown": OrderStatus.PENDING,
}
_EXPIRED: Final = "ExpiryCancel"


class PrivateFrame(msgspec.Struct, gc=False, tag_field="type"):
    """Unknown fields are ignored: nothing here is told by a field's absence."""


class FillMsg(msgspec.Struct, gc=False):
    trade_id: str
    order_id: str
    market_ticker: str
    is_taker: bool
    yes_price_dollars: str
    count_fp: str
    fee_cost: str
    outcome_side: str
    book_side: str
    ts_ms: int
    client_order_id: str | None = None


class FillFrame(PrivateFrame, tag="fill"):
    sid: int
    msg: FillMsg


class UserOrderMsg(msgspec.Struct, gc=False):
    order_id: str
    ticker: str
    status: str
    outcome_side: str
    book_side: str
    yes_price_dollars: str
    fill_count_fp: str
    remaining_count_fp: str
    initial_count_fp: str
    client_order_id: str
    created_ts_ms: int | None
    expiration_ts_ms: int | None = None
    last_updated_ts_ms: int | None = None
    last_update_reason: str | None = None


class UserOrderFrame(PrivateFrame, tag="user_order"):
    sid: int
    msg: UserOrderMsg


class PositionMsg(msgspec.Struct, gc=False):
    market_ticker: str
    position_fp: str


class PositionFrame(PrivateFrame, tag="market_position"):
    sid: int
    msg: PositionMsg


class GroupMsg(msgspec.Struct, gc=False):
    event_type: str
    order_group_id: str
    ts_ms: int
    contracts_limit_fp: str | None = None


class GroupFrame(PrivateFrame, tag="order_group_updates"):
    sid: int
    seq: int
    msg: GroupMsg


class FastIndexMsg(msgspec.Struct, gc=False):
    index_id: str
    value_usd: str
    source_ts_ms: int
    data: str


class FastIndexFrame(PrivateFrame, tag="cfbenchmarks_value_5hz"):
    sid: int
    seq: int
    msg: FastIndexMsg


class GroupUpdate(msgspec.Struct, gc=False, frozen=True):
    """What happened to an order group; `contracts_limit` in micro-contracts, where it was told."""

    group_id: str
    event: str
    contracts_limit: int | None
    venue_ns: int


AnyPrivateFrame = FillFrame | UserOrderFrame | PositionFrame | GroupFrame | FastIndexFrame
PrivateEvent = VenueFill | VenueOrder | VenuePosition | GroupUpdate | IndexValue | ChannelReply

PRIVATE_TYPES: Final = frozenset(
    {"fill", "user_order", "market_position", "order_group_updates", "cfbenchmarks_value_5hz"}
)
_decode = msgspec.json.Decoder(AnyPrivateFrame).decode
_decode_index = msgspec.json.Decoder(IndexData).decode


def decode(raw: bytes | str) -> AnyPrivateFrame:
    """Raises Malformed (`unreadable`) for anything but one of `PRIVATE_TYPES`, whole."""
    try:
        frame: AnyPrivateFrame = _decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Malformed("unreadable", "frame", str(error)) from error
    return frame


def convert(raw: object) -> AnyPrivateFrame:
    """The same from a message that has been parsed already."""
    try:
        frame: AnyPrivateFrame = msgspec.convert(raw, AnyPrivateFrame)
    except msgspec.ValidationError as error:
        raise Malformed("unreadable", "frame", str(error)) from error
    return frame


def events(recv_ns: int, conn: str, frame: AnyPrivateFrame) -> tuple[PrivateEvent, ...]:
    """What a frame says; frames of sequenced channels also account for their `seq`.

    Raises Malformed.
    """
    match frame:
        case FillFrame():
            return (_fill(frame.msg),)
        case UserOrderFrame():
            return (_order(frame.msg),)
        case PositionFrame():
            return _positions(frame.msg)
        case GroupFrame():
            return ChannelReply(recv_ns, conn, frame.sid, frame.seq), _group(frame.msg)
        case FastIndexFrame():
            index = _index(recv_ns, conn, frame.msg)
            return ChannelReply(recv_ns, conn, frame.sid, frame.seq), index


def _fill(msg: FillMsg) -> VenueFill:
    outcome = positioned(msg.outcome_side, msg.book_side)
    price = yes_price(outcome, price_from_dollars(msg.yes_price_dollars, "yes_price_dollars"))
    quantity = size(msg.count_fp, "count_fp")
    return VenueFill(
        venue=Venue.KALSHI,
        fill_id=msg.trade_id,
        venue_order_id=msg.order_id,
        client_order_id=msg.client_order_id or None,
        market=msg.market_ticker,
        outcome=outcome,
        action=Action.BUY,
        price=price,
        quantity=quantity,
        notional=notional(price, quantity),
        fee=scaled(msg.fee_cost, CASH_PLACES, "fee_cost"),
        liquidity=Liquidity.TAKER if msg.is_taker else Liquidity.MAKER,
        state=FillState.FINAL,
        venue_ns=msg.ts_ms * NANOSECONDS_PER_MILLISECOND,
    )


def _order(msg: UserOrderMsg) -> VenueOrder:
    outcome = positioned(msg.outcome_side, msg.book_side)
    filled = size(msg.fill_count_fp, "fill_count_fp")
    rest = size(msg.remaining_count_fp, "remaining_count_fp")
    initial = size(msg.initial_count_fp, "initial_count_fp")
    status = _status(msg)
    return VenueOrder(
        venue=Venue.KALSHI,
        venue_order_id=msg.order_id,
        client_order_id=msg.client_order_id or None,
        market=msg.ticker,
        outcome=outcome,
        action=Action.BUY,
        price=yes_price(outcome, price_from_dollars(msg.yes_price_dollars, "yes_price_dollars")),
        quantity=max(initial, filled) if status.is_final else filled + rest,
        filled=filled,
        status=status,
        reason=msg.last_update_reason or "",
        created_ns=_ns(msg.created_ts_ms),
        expires_ns=_ns(msg.expiration_ts_ms),
        updated_ns=_ns(msg.last_updated_ts_ms),
    )


def _status(msg: UserOrderMsg) -> OrderStatus:
    status = _STATUSES.get(msg.status)
    if status is None:
        raise Malformed("bad_status", "msg.status", f"{msg.status!r} is no status that we know")
    if status is OrderStatus.CANCELED and msg.last_update_reason == _EXPIRED:
        return OrderStatus.EXPIRED
    return status


def _positions(msg: PositionMsg) -> tuple[VenuePosition, VenuePosition]:
    """Both outcomes, because a net position states both: what is not held is held zero times."""
    net = quantity_from_contracts(msg.position_fp, "position_fp")
    held = {Outcome.YES: max(net, 0), Outcome.NO: max(-net, 0)}
    yes, no = (VenuePosition(Venue.KALSHI, msg.market_ticker, each, held[each]) for each in Outcome)
    return yes, no


def _group(msg: GroupMsg) -> GroupUpdate:
    if msg.event_type not in _GROUP_EVENTS:
        raise Malformed("unknown_type", "msg.event_type", f"{msg.event_type!r}")
    told = msg.contracts_limit_fp
    limit = None if told is None else size(told, "contracts_limit_fp")
    venue_ns = msg.ts_ms * NANOSECONDS_PER_MILLISECOND
    return GroupUpdate(msg.order_group_id, msg.event_type, limit, venue_ns)


def _index(recv_ns: int, conn: str, msg: FastIndexMsg) -> IndexValue:
    """One raw print. It is named `BRTI_5HZ` so that no average of `BRTI` ever takes it in."""
    try:
        data = _decode_index(msg.data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Malformed("bad_index_data", "msg.data", str(error)) from error
    if data.id != msg.index_id:
        raise Malformed("conflicting_fields", "index_id", f"{msg.index_id} holds {data.id}")
    value, repeated = _dollars(msg.value_usd, "value_usd"), _dollars(data.value, "data.value")
    if value <= 0 or abs(value - repeated) > 1:
        raise Malformed("bad_number", "value_usd", f"{msg.value_usd} beside {data.value}")
    venue_ns = msg.source_ts_ms * NANOSECONDS_PER_MILLISECOND
    return IndexValue(
        recv_ns, conn, msg.index_id + FAST_SUFFIX, value / 10**_INDEX_PLACES, venue_ns
    )


def _dollars(text: str, field: str) -> int:
    """Micro-dollars of text that may have more zeros than we have places."""
    whole, dot, fraction = text.partition(".")
    finer = fraction[_INDEX_PLACES:]
    if finer and not (finer.isascii() and finer.isdigit()):
        raise Malformed("bad_number", field, f"{text!r} is not a plain decimal")
    return scaled(whole + dot + fraction[:_INDEX_PLACES], _INDEX_PLACES, field)


def _ns(ts_ms: int | None) -> int | None:
    return None if ts_ms is None else ts_ms * NANOSECONDS_PER_MILLISECOND
