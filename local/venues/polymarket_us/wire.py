"""Bodies that clients send, typed."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, TypeVar

import msgspec

from local.venues.polymarket_us.errors import INVALID, ApiError

Body = TypeVar("Body")
Tif = Literal[
    "TIME_IN_FORCE_DAY",
    "TIME_IN_FORCE_GOOD_TILL_CANCEL",
    "TIME_IN_FORCE_GOOD_TILL_DATE",
    "TIME_IN_FORCE_IMMEDIATE_OR_CANCEL",
    "TIME_IN_FORCE_FILL_OR_KILL",
]


class Amount(msgspec.Struct):
    """Dollars; a price is always that of LONG."""

    value: Decimal
    currency: str = "USD"


class Slippage(msgspec.Struct, rename="camel", kw_only=True):
    """How far from a LONG price a market order may trade."""

    current_price: Amount
    bips: int = 0
    ticks: int = 0


class CreateOrder(msgspec.Struct, rename="camel", kw_only=True):
    """`CreateOrderParams`."""

    market_slug: str
    intent: Literal[
        "", "ORDER_INTENT_BUY_LONG", "ORDER_INTENT_SELL_LONG", "ORDER_INTENT_BUY_SHORT",
        "ORDER_INTENT_SELL_SHORT",
    ] = ""  # fmt: skip
    outcome_side: Literal["", "OUTCOME_SIDE_YES", "OUTCOME_SIDE_NO"] = ""
    action: Literal["", "ORDER_ACTION_BUY", "ORDER_ACTION_SELL"] = ""
    type: Literal["ORDER_TYPE_LIMIT", "ORDER_TYPE_MARKET"] = "ORDER_TYPE_LIMIT"
    price: Amount | None = None
    quantity: Decimal | None = None
    tif: Tif = "TIME_IN_FORCE_GOOD_TILL_CANCEL"
    participate_dont_initiate: bool = False
    good_till_time: str = ""
    cash_order_qty: Amount | None = None
    manual_order_indicator: str = ""
    synchronous_execution: bool = False
    max_block_time: str = ""
    slippage_tolerance: Slippage | None = None

    def meant(self) -> str:
        """The intent, however it was written. Raises ApiError."""
        if self.intent:
            return self.intent
        if not (self.outcome_side and self.action):
            raise ApiError(INVALID, "intent is required")
        side = "LONG" if self.outcome_side.endswith("YES") else "SHORT"
        return f"ORDER_INTENT_{self.action.removeprefix('ORDER_ACTION_')}_{side}"


class CreateMany(msgspec.Struct):
    orders: list[CreateOrder]


class Preview(msgspec.Struct):
    request: CreateOrder


class CancelOrder(msgspec.Struct, rename="camel"):
    market_slug: str


class CancelItem(msgspec.Struct, rename="camel"):
    order_id: str
    market_slug: str


class CancelMany(msgspec.Struct):
    orders: list[CancelItem]


class CancelAll(msgspec.Struct):
    slugs: list[str] = []


class ModifyOrder(msgspec.Struct, rename="camel", kw_only=True):
    """`ModifyOrderParams`; in a batch with the order's id."""

    market_slug: str
    order_id: str = ""
    price: Amount | None = None
    quantity: Decimal | None = None


class ModifyMany(msgspec.Struct):
    orders: list[ModifyOrder]


class ClosePosition(msgspec.Struct, rename="camel", kw_only=True):
    market_slug: str
    synchronous_execution: bool = False
    slippage_tolerance: Slippage | None = None


class Subscribe(msgspec.Struct, rename="camel", kw_only=True):
    request_id: str
    subscription_type: str
    market_slugs: list[str] = []


class Unsubscribe(msgspec.Struct, rename="camel"):
    request_id: str


class Said(msgspec.Struct):
    """A client's frame: exactly one of the two."""

    subscribe: Subscribe | None = None
    unsubscribe: Unsubscribe | None = None


def read_body(body: bytes, kind: type[Body]) -> Body:
    """Raises ApiError (400)."""
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ApiError(INVALID, f"invalid request body: {error}"[:200]) from error
