"""Kalshi's REST requests and replies (OpenAPI 3.34.0): the fields we send and the fields we read.

Unknown fields are ignored; a missing or mistyped one makes the reply unreadable. Numbers stay text
here and become integers where a reply is mapped.
"""

from __future__ import annotations

import msgspec


class CreateOrder(msgspec.Struct, omit_defaults=True, kw_only=True):
    ticker: str
    side: str
    count: str
    price: str
    time_in_force: str
    self_trade_prevention_type: str
    client_order_id: str
    expiration_time: int | None = None
    post_only: bool | None = None
    reduce_only: bool | None = None
    cancel_order_on_pause: bool | None = None
    order_group_id: str | None = None
    subaccount: int | None = None


class CreateOrders(msgspec.Struct):
    orders: list[CreateOrder]


class Created(msgspec.Struct):
    order_id: str
    fill_count: str
    remaining_count: str
    ts_ms: int
    client_order_id: str | None = None


class ItemError(msgspec.Struct):
    code: str | None = None
    message: str | None = None
    details: str | None = None


class CreatedItem(msgspec.Struct):
    order_id: str | None = None
    client_order_id: str | None = None
    fill_count: str | None = None
    remaining_count: str | None = None
    ts_ms: int | None = None
    error: ItemError | None = None


class CreatedItems(msgspec.Struct):
    orders: list[CreatedItem]


class Canceled(msgspec.Struct):
    order_id: str
    reduced_by: str
    ts_ms: int
    client_order_id: str | None = None


class CancelItem(msgspec.Struct, omit_defaults=True):
    order_id: str
    market_ticker: str
    subaccount: int | None = None


class CancelItems(msgspec.Struct):
    orders: list[CancelItem]


class CanceledItem(msgspec.Struct):
    order_id: str
    reduced_by: str
    error: ItemError | None = None


class CanceledItems(msgspec.Struct):
    orders: list[CanceledItem]


class AmendOrderBody(msgspec.Struct, omit_defaults=True, kw_only=True):
    ticker: str
    side: str
    price: str
    count: str
    expiration_time: int | None = None


class Amended(msgspec.Struct):
    order_id: str
    ts_ms: int
    remaining_count: str | None = None
    fill_count: str | None = None


class DecreaseOrder(msgspec.Struct, omit_defaults=True, kw_only=True):
    reduce_to: str
    market_ticker: str


class Decreased(msgspec.Struct):
    order_id: str
    remaining_count: str
    ts_ms: int


class CreateGroup(msgspec.Struct, omit_defaults=True, kw_only=True):
    contracts_limit_fp: str
    exchange_index: int | None = None
    subaccount: int | None = None


class CreatedGroup(msgspec.Struct):
    order_group_id: str


class LimitGroup(msgspec.Struct):
    contracts_limit_fp: str


class Group(msgspec.Struct):
    is_auto_cancel_enabled: bool
    orders: list[str]
    contracts_limit_fp: str | None = None
    exchange_index: int | None = None


class Order(msgspec.Struct):
    order_id: str
    client_order_id: str
    ticker: str
    outcome_side: str
    book_side: str
    status: str
    yes_price_dollars: str
    fill_count_fp: str
    remaining_count_fp: str
    initial_count_fp: str
    expiration_time: str | None = None
    created_time: str | None = None
    last_update_time: str | None = None


class OrderReply(msgspec.Struct):
    order: Order


class OrdersPage(msgspec.Struct):
    orders: list[Order]
    cursor: str


class Fill(msgspec.Struct):
    fill_id: str
    order_id: str
    ticker: str
    outcome_side: str
    book_side: str
    count_fp: str
    yes_price_dollars: str
    is_taker: bool
    fee_cost: str
    created_time: str | None = None
    ts: int | None = None


class FillsPage(msgspec.Struct):
    fills: list[Fill]
    cursor: str


class Position(msgspec.Struct):
    ticker: str
    position_fp: str


class PositionsPage(msgspec.Struct):
    market_positions: list[Position]
    cursor: str | None = None


class Settlement(msgspec.Struct):
    ticker: str
    event_ticker: str
    market_result: str
    yes_count_fp: str
    no_count_fp: str
    revenue: int
    fee_cost: str
    settled_time: str
    value: int | None = None


class SettlementsPage(msgspec.Struct):
    settlements: list[Settlement]
    cursor: str | None = None


class Balance(msgspec.Struct):
    balance_dollars: str


class BucketLimit(msgspec.Struct):
    refill_rate: int
    bucket_capacity: int


class AccountLimits(msgspec.Struct):
    usage_tier: str
    read: BucketLimit
    write: BucketLimit


class EndpointCost(msgspec.Struct):
    method: str
    path: str
    cost: int


class EndpointCosts(msgspec.Struct):
    default_cost: int
    endpoint_costs: list[EndpointCost]


class IndexStatus(msgspec.Struct):
    exchange_index: int
    exchange_active: bool
    trading_active: bool


class ExchangeStatus(msgspec.Struct):
    exchange_active: bool
    trading_active: bool
    exchange_estimated_resume_time: str | None = None
    exchange_index_statuses: list[IndexStatus] | None = None


class DaySession(msgspec.Struct):
    open_time: str
    close_time: str


class WeekHours(msgspec.Struct):
    """Hours in US Eastern time, from `start_time` to `end_time`."""

    start_time: str
    end_time: str
    monday: list[DaySession]
    tuesday: list[DaySession]
    wednesday: list[DaySession]
    thursday: list[DaySession]
    friday: list[DaySession]
    saturday: list[DaySession]
    sunday: list[DaySession]


class MaintenanceWindow(msgspec.Struct):
    start_datetime: str
    end_datetime: str


class Schedule(msgspec.Struct):
    standard_hours: list[WeekHours]
    maintenance_windows: list[MaintenanceWindow]


class ScheduleReply(msgspec.Struct):
    schedule: Schedule


class UserDataTimestamp(msgspec.Struct):
    as_of_time: str


class HistoricalCutoff(msgspec.Struct):
    market_settled_ts: str
    trades_created_ts: str
    orders_updated_ts: str
