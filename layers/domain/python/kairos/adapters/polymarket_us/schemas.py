"""Polymarket US messages as they are on the wire: the fields we read, and only those.

Fields are in camel case there. Numbers are JSON numbers in some places and text in others; they
are decoded exactly either way. Source: polymarket-us 2.4.1, docs.polymarket.us.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec


class Wire(msgspec.Struct, gc=False, rename="camel", kw_only=True):
    """Everything the venue sends; fields it adds are ignored by name."""


class Amount(Wire):
    """Dollars; a price is always that of the LONG (YES) side."""

    value: Decimal
    currency: str | None = None


# Markets websocket


class LevelPrice(msgspec.Struct, gc=False):
    """An Amount kept as text: nine of ten numbers of the feed come this way."""

    value: str
    currency: str


class Level(msgspec.Struct, gc=False):
    px: LevelPrice
    qty: str


class MarketData(Wire):
    """A whole book. A side that is absent is a side that we cannot read: nothing stands for it."""

    market_slug: str
    bids: list[Level]
    offers: list[Level]
    state: str | None = None
    transact_time: str | None = None


class MarketDataLite(Wire):
    """An empty side is null; one that is not there is not empty."""

    market_slug: str
    best_bid: Amount | None
    best_ask: Amount | None
    last_trade_px: Amount | None = None


class TradeSide(Wire):
    side: str | None = None
    intent: str | None = None


class PublicTrade(Wire):
    market_slug: str
    price: Amount
    quantity: Amount
    trade_time: str
    taker: TradeSide


class MarketFrame(Wire):
    """Whatever the markets websocket sends: exactly one of the last five is there."""

    request_id: str | None = None
    subscription_type: str | None = None
    market_data: MarketData | None = None
    market_data_lite: MarketDataLite | None = None
    trade: PublicTrade | None = None
    heartbeat: dict[str, Any] | None = None
    error: str | None = None


# Orders


class Order(Wire):
    id: str
    market_slug: str
    intent: str
    state: str
    price: Amount | None = None
    quantity: Decimal | None = None
    cum_quantity: Decimal | None = None
    leaves_quantity: Decimal | None = None
    tif: str | None = None
    good_till_time: str | None = None
    insert_time: str | None = None
    create_time: str | None = None
    last_transact_time: str | None = None


class Execution(Wire):
    id: str
    type: str
    order: Order
    last_shares: Decimal | None = None
    last_px: Amount | None = None
    text: str | None = None
    order_reject_reason: str | None = None
    transact_time: str | None = None
    trade_id: str | None = None
    aggressor: bool | None = None
    commission_notional_collected: Amount | None = None


class Created(Wire):
    """Answer to a new order or to closing a position."""

    id: str
    executions: list[Execution] | None = None


class CreatedMany(Wire):
    created_order_ids: list[str]


class CanceledMany(Wire):
    """Ids that were asked to be canceled; whether they are, only the orders themselves say."""

    canceled_order_ids: list[str]


class ModifiedMany(Wire):
    modified_order_ids: list[str]


class OpenOrders(Wire):
    orders: list[Order]


class OneOrder(Wire):
    order: Order


class PreviewOrder(Wire):
    """An order that is not placed has no id and no state."""

    market_slug: str
    price: Amount | None = None
    quantity: Decimal | None = None
    cash_order_qty: Amount | None = None


class Preview(Wire):
    order: PreviewOrder


# Account


class OwnOrder(Wire):
    """The order inside a trade of ours; of the other side's, the venue hides most."""

    id: str | None = None
    intent: str | None = None


class OwnExecution(Wire):
    order: OwnOrder | None = None
    last_shares: Decimal | None = None
    last_px: Amount | None = None
    trade_id: str | None = None
    transact_time: str | None = None
    commission_notional_collected: Amount | None = None


class OwnTrade(Wire):
    id: str
    market_slug: str
    state: str
    create_time: str
    is_aggressor: bool
    aggressor_execution: OwnExecution | None = None
    passive_execution: OwnExecution | None = None


class Activity(Wire):
    type: str
    trade: OwnTrade | None = None


class Activities(Wire):
    activities: list[Activity]
    next_cursor: str | None = None
    eof: bool | None = None


class MarketMetadata(Wire):
    slug: str


class Position(Wire):
    """`net_position_decimal` is empty where the venue has not filled it in yet."""

    net_position: Decimal | None = None
    net_position_decimal: str | None = None
    market_metadata: MarketMetadata | None = None
    update_time: str | None = None


class Positions(Wire):
    positions: dict[str, Position]
    next_cursor: str | None = None
    eof: bool | None = None


class Balance(Wire):
    buying_power: Decimal
    currency: str


class Balances(Wire):
    balances: list[Balance]


# Private websocket


class OrderSnapshot(Wire):
    orders: list[Order]
    eof: bool


class OrderUpdate(Wire):
    execution: Execution


class PositionSnapshot(Wire):
    positions: dict[str, Position]
    eof: bool


class PositionUpdate(Wire):
    before_position: Position | None
    after_position: Position | None
    update_time: str | None = None
    trade_id: str | None = None


class BalanceChange(Wire):
    after_balance: Balance | None


class BalanceUpdate(Wire):
    balance_change: BalanceChange


class PrivateFrame(Wire):
    """Whatever the private websocket sends. RFQ events are for market makers of combos."""

    request_id: str | None = None
    subscription_type: str | None = None
    order_subscription_snapshot: OrderSnapshot | None = None
    order_subscription_update: OrderUpdate | None = None
    position_subscription_snapshot: PositionSnapshot | None = None
    position_subscription: PositionUpdate | None = None
    account_balances_snapshot: Balances | None = None
    account_balances_update: BalanceUpdate | None = None
    rfq_event: dict[str, Any] | None = None
    heartbeat: dict[str, Any] | None = None
    error: str | None = None


# Catalogue


class MarketSide(Wire):
    long: bool | None = None
    description: str | None = None


class ListedMarket(Wire):
    slug: str
    title: str | None = None
    question: str | None = None
    status: str | None = None
    active: bool | None = None
    closed: bool | None = None
    category: str | None = None
    event_slug: str | None = None
    game_id: int | str | None = None
    sports_market_type: str | None = None
    order_price_min_tick_size: Decimal | None = None
    minimum_trade_qty: Decimal | None = None
    fee_coefficient: Decimal | None = None
    start_date: str | None = None
    end_date: str | None = None
    game_start_time: str | None = None
    market_sides: list[MarketSide] | None = None


class Markets(Wire):
    """Each market is read by itself: one that cannot be read does not take the others with it."""

    markets: list[msgspec.Raw]


class OneMarket(Wire):
    market: ListedMarket


class ListedEvent(Wire):
    slug: str
    title: str | None = None
    start_time: str | None = None
    end_time: str | None = None
    active: bool | None = None
    closed: bool | None = None
    markets: list[ListedMarket] | None = None


class Events(Wire):
    events: list[ListedEvent]


class OneEvent(Wire):
    event: ListedEvent


class BookReply(Wire):
    market_data: MarketData


class BboReply(Wire):
    market_data: MarketDataLite


class Settlement(Wire):
    slug: str
    settlement: Decimal
