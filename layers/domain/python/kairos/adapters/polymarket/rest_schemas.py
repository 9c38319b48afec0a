"""The CLOB's, Gamma's and the data API's answers as they are on the wire, typed.

Numbers that are JSON numbers are decoded as Decimal, never as float. Fields nobody reads are left
out and tolerated; a missing or mistyped field is an error of the whole answer.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, TypeVar

import msgspec

from kairos.errors import Malformed

T = TypeVar("T")
EXCERPT_CHARACTERS: Final = 200


def decoded(body: bytes, kind: type[T]) -> T:
    """Raises Malformed (`unreadable_answer`) with where it is wrong, never with the body."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        detail = str(error)[:EXCERPT_CHARACTERS]
        raise Malformed("unreadable_answer", kind.__name__, detail) from error


class ClobToken(msgspec.Struct, gc=False):
    t: str
    o: str | None = None


class FeeDetails(msgspec.Struct, gc=False):
    """`r` rate, `e` exponent, `to` whether only takers pay."""

    r: Decimal
    e: Decimal
    to: bool


class ClobMarket(msgspec.Struct, gc=False):
    """`/clob-markets/{condition id}`: `mts` tick, `mos` least order, `tbf` the cap on taker fees.

    The venue leaves flags out that are false.
    """

    t: list[ClobToken]
    mts: Decimal
    mos: Decimal
    fd: FeeDetails | None = None
    tbf: Decimal | None = None
    nr: bool = False
    itode: bool = False


class TickSize(msgspec.Struct, gc=False):
    minimum_tick_size: Decimal


class FeeRate(msgspec.Struct, gc=False):
    base_fee: Decimal


class FeeSchedule(msgspec.Struct, gc=False, rename="camel"):
    rate: Decimal
    exponent: Decimal
    taker_only: bool
    rebate_rate: Decimal | None = None


class GammaSeries(msgspec.Struct, gc=False):
    slug: str | None = None


class GammaEvent(msgspec.Struct, gc=False, rename="camel"):
    slug: str | None = None
    title: str | None = None
    series: list[GammaSeries] | None = None


class GammaMarket(msgspec.Struct, gc=False):
    """A market of Gamma. Lists are JSON text inside JSON, on newer markets plain lists."""

    condition_id: str = msgspec.field(name="conditionId")
    question: str
    active: bool
    closed: bool
    slug: str | None = None
    version: str | None = None
    outcomes: str | list[str] | None = None
    outcome_prices: str | list[str] | None = msgspec.field(name="outcomePrices", default=None)
    clob_token_ids: str | list[str] | None = msgspec.field(name="clobTokenIds", default=None)
    position_ids: str | list[str] | None = msgspec.field(name="positionIds", default=None)
    tick: Decimal | None = msgspec.field(name="orderPriceMinTickSize", default=None)
    order_min_size: Decimal | None = msgspec.field(name="orderMinSize", default=None)
    accepting_orders: bool | None = msgspec.field(name="acceptingOrders", default=None)
    enable_order_book: bool | None = msgspec.field(name="enableOrderBook", default=None)
    neg_risk: bool | None = msgspec.field(name="negRisk", default=None)
    start_date: str | None = msgspec.field(name="startDate", default=None)
    end_date: str | None = msgspec.field(name="endDate", default=None)
    event_start_time: str | None = msgspec.field(name="eventStartTime", default=None)
    game_start_time: str | None = msgspec.field(name="gameStartTime", default=None)
    fees_enabled: bool | None = msgspec.field(name="feesEnabled", default=None)
    fee_schedule: FeeSchedule | None = msgspec.field(name="feeSchedule", default=None)
    fee_type: str | None = msgspec.field(name="feeType", default=None)
    seconds_delay: int | None = msgspec.field(name="secondsDelay", default=None)
    resolution_source: str | None = msgspec.field(name="resolutionSource", default=None)
    sports_market_type: str | None = msgspec.field(name="sportsMarketType", default=None)
    line: Decimal | None = None
    events: list[GammaEvent] | None = None


class GammaPage(msgspec.Struct, gc=False):
    """Markets undecoded: one that we cannot use must not cost the others."""

    markets: list[msgspec.Raw]
    next_cursor: str | None = None


class BookLevel(msgspec.Struct, gc=False):
    price: str
    size: str


class ClobBook(msgspec.Struct, gc=False):
    """`/book?token_id=`; bids ascend and asks descend, so the best is last."""

    market: str
    asset_id: str
    timestamp: str
    bids: list[BookLevel]
    asks: list[BookLevel]
    hash: str | None = None
    min_order_size: str | None = None
    tick_size: str | None = None
    neg_risk: bool | None = None
    last_trade_price: str | None = None


class OrderReply(msgspec.Struct, gc=False, rename="camel"):
    """The answer to a new order. Amounts are decimal text, empty where nothing matched."""

    success: bool
    order_id: str | None = msgspec.field(name="orderID", default=None)
    error_msg: str | None = None
    status: str | None = None
    making_amount: str | None = None
    taking_amount: str | None = None


class CancelReply(msgspec.Struct, gc=False):
    canceled: list[str]
    not_canceled: dict[str, str]


class WireOrder(msgspec.Struct, gc=False):
    """An order of ours, from `/data/orders` or the user channel."""

    id: str
    market: str
    asset_id: str
    side: str
    price: str
    original_size: str
    size_matched: str
    status: str
    order_type: str | None = None
    created_at: str | int | None = None
    expiration: str | int | None = None
    timestamp: str | int | None = None
    type: str | None = None


class OrdersPage(msgspec.Struct, gc=False):
    data: list[WireOrder]
    next_cursor: str


class WireMakerOrder(msgspec.Struct, gc=False):
    order_id: str
    asset_id: str
    matched_amount: str
    price: str
    owner: str | None = None
    maker_address: str | None = None
    side: str | None = None


class WireTrade(msgspec.Struct, gc=False):
    """A trade of ours, from `/data/trades` or the user channel."""

    id: str
    taker_order_id: str
    market: str
    asset_id: str
    side: str
    size: str
    price: str
    status: str
    match_time: str | int
    maker_orders: list[WireMakerOrder]
    owner: str | None = None
    trader_side: str | None = None
    transaction_hash: str | None = None


class TradesPage(msgspec.Struct, gc=False):
    data: list[WireTrade]
    next_cursor: str


class BalanceAllowance(msgspec.Struct, gc=False):
    """Base units as text; `allowances` per exchange contract."""

    balance: str | int
    allowances: dict[str, str | int] | None = None
    allowance: str | int | None = None


class Heartbeat(msgspec.Struct, gc=False):
    heartbeat_id: str
    error_msg: str | None = None


class ClosedOnly(msgspec.Struct, gc=False):
    closed_only: bool


class DataPosition(msgspec.Struct, gc=False):
    """A row of the data API's `/v2/positions`."""

    token_id: str
    condition_id: str
    current_size: Decimal
    outcome_index: int | None = None


class PageMarks(msgspec.Struct, gc=False):
    has_more: bool
    next_cursor: str | None = None


class PositionsPage(msgspec.Struct, gc=False):
    data: list[DataPosition]
    pagination: PageMarks


class GeoblockReply(msgspec.Struct, gc=False):
    blocked: bool
    country: str | None = None
    region: str | None = None
