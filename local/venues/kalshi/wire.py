"""Bodies that clients send, typed; what cannot be read is refused the way the venue refuses it."""

from __future__ import annotations

from typing import Literal, TypeVar

import msgspec

from local.venues.kalshi.errors import ApiError, Unreadable

BookSide = Literal["bid", "ask"]
Tif = Literal["fill_or_kill", "good_till_canceled", "immediate_or_cancel"]
Body = TypeVar("Body")


class CreateOrder(msgspec.Struct, kw_only=True):
    """`CreateOrderV2Request`; the six required fields are checked by name afterwards."""

    ticker: str = ""
    side: BookSide | None = None
    count: str = ""
    price: str = ""
    time_in_force: Tif | None = None
    self_trade_prevention_type: Literal["taker_at_cross", "maker"] | None = None
    client_order_id: str = ""
    expiration_time: int | None = None
    post_only: bool = False
    reduce_only: bool = False
    cancel_order_on_pause: bool = False
    order_group_id: str = ""
    subaccount: int = 0
    exchange_index: int = -1


class AmendOrder(msgspec.Struct, kw_only=True):
    """`AmendOrderV2Request`."""

    ticker: str
    side: BookSide
    price: str
    count: str
    client_order_id: str = ""
    updated_client_order_id: str = ""
    expiration_time: int | None = None
    exchange_index: int = -1


class DecreaseOrder(msgspec.Struct, kw_only=True):
    """`DecreaseOrderV2Request`."""

    reduce_by: str | None = None
    reduce_to: str | None = None
    exchange_index: int | None = None
    market_ticker: str = ""


class CancelItem(msgspec.Struct, kw_only=True):
    """One order of a batch cancel."""

    order_id: str
    subaccount: int = 0
    exchange_index: int | None = None
    market_ticker: str = ""


class CancelBatch(msgspec.Struct):
    """`BatchCancelOrdersV2Request`."""

    orders: list[CancelItem]


class CreateBatch(msgspec.Struct):
    """`BatchCreateOrdersV2Request`."""

    orders: list[CreateOrder]


class CreateGroup(msgspec.Struct, kw_only=True):
    """`CreateOrderGroupRequest`."""

    contracts_limit: int | None = None
    contracts_limit_fp: str | None = None
    subaccount: int = 0
    exchange_index: int = 0


class GroupLimit(msgspec.Struct, kw_only=True):
    """`UpdateOrderGroupLimitRequest`."""

    contracts_limit: int | None = None
    contracts_limit_fp: str | None = None


def read_body(body: bytes, kind: type[Body]) -> Body:
    """Raises Unreadable (400, at the top level)."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        raise Unreadable(str(error)) from error


def check_required(order: CreateOrder) -> None:
    """Raises ApiError; a missing ticker and a missing price have different codes."""
    if not order.ticker:
        raise ApiError(400, "missing_parameters", "missing parameters", "ticker")
    for name in ("side", "count", "price", "time_in_force", "self_trade_prevention_type"):
        if not getattr(order, name):
            raise ApiError(400, "invalid_order", "invalid order", f"missing {name}")
