"""The private websocket: frames about our orders, positions and cash.

`SUBSCRIPTION_TYPE_ORDER` sends changes only; the state they change is asked for once a connection
with `SUBSCRIPTION_TYPE_ORDER_SNAPSHOT`, whose last frame says `eof`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from kairos.adapters.polymarket_us.account import balance_of, net_position
from kairos.adapters.polymarket_us.errors import rejected
from kairos.adapters.polymarket_us.orders import fill_of, venue_order
from kairos.adapters.polymarket_us.parsing import (
    StreamRefused,
    check_payloads,
    decoding_problem,
)
from kairos.adapters.polymarket_us.schemas import (
    Execution,
    Position,
    PositionUpdate,
    PrivateFrame,
)
from kairos.adapters.polymarket_us.subscriptions import subscribe_frame
from kairos.errors import Malformed
from kairos.messages.trading import VenueBalance, VenueFill, VenueOrder

ORDERS: Final = "SUBSCRIPTION_TYPE_ORDER"
ORDER_SNAPSHOT: Final = "SUBSCRIPTION_TYPE_ORDER_SNAPSHOT"
POSITIONS: Final = "SUBSCRIPTION_TYPE_POSITION"
BALANCES: Final = "SUBSCRIPTION_TYPE_ACCOUNT_BALANCE"

_KINDS: Final = {
    "order_subscription_update": ORDERS,
    "position_subscription_snapshot": POSITIONS,
    "position_subscription": POSITIONS,
    "account_balances_snapshot": BALANCES,
    "account_balances_update": BALANCES,
}
# The documentation has shown snapshots under either name.
_SNAPSHOT: Final = "order_subscription_snapshot"
_SNAPSHOT_KINDS: Final = frozenset({ORDERS, ORDER_SNAPSHOT, None})
_UNUSED: Final = ("rfq_event", "heartbeat")


class Alive(msgspec.Struct, gc=False, frozen=True):
    """A heartbeat: the connection lives."""

    recv_ns: int
    conn: str


class OrdersListed(msgspec.Struct, gc=False, frozen=True):
    """A page of all open orders; `is_last` ends them."""

    recv_ns: int
    conn: str
    orders: tuple[VenueOrder, ...]
    is_last: bool


class OrderChanged(msgspec.Struct, gc=False, frozen=True):
    """One execution report: the order after it, its fill if it is one, and the `Refusal` with the
    exchange's words if it turned the order away."""

    recv_ns: int
    conn: str
    execution_id: str
    order: VenueOrder
    fill: VenueFill | None
    refusal: str | None
    detail: str


class PositionChanged(msgspec.Struct, gc=False, frozen=True):
    """Micro-contracts held after a change: positive YES, negative NO."""

    recv_ns: int
    conn: str
    market: str
    net: int


class BalanceChanged(msgspec.Struct, gc=False, frozen=True):
    recv_ns: int
    conn: str
    balance: VenueBalance


PrivateEvent = (
    Alive | OrdersListed | OrderChanged | PositionChanged | BalanceChanged | StreamRefused
)

_decode = msgspec.json.Decoder(PrivateFrame).decode


def subscribe_frames(prefix: str) -> list[bytes]:
    """Everything of the account. The changes are asked for before the snapshot: none is missed."""
    asked = {"orders": ORDERS, "snapshot": ORDER_SNAPSHOT, "positions": POSITIONS, "cash": BALANCES}
    return [subscribe_frame(f"{prefix}-{name}", kind) for name, kind in asked.items()]


class PrivateStream:
    """Turns the frames of one private connection into events.

    `client_order_id` finds our id of a venue's order; the venue knows none.
    """

    def __init__(self, conn: str, client_order_id: Callable[[str], str | None]) -> None:
        self._conn = conn
        self._client_order_id = client_order_id

    def events(self, recv_ns: int, raw: bytes) -> tuple[PrivateEvent, ...]:
        """Raises Malformed: what the frame said must then be looked up by REST."""
        frame = _frame(raw)
        conn = self._conn
        if frame.order_subscription_update is not None:
            return (self._changed(recv_ns, frame.order_subscription_update.execution),)
        if (page := frame.order_subscription_snapshot) is not None:
            orders = tuple(
                venue_order(each, self._client_order_id(each.id)) for each in page.orders
            )
            return (OrdersListed(recv_ns, conn, orders, page.eof),)
        if frame.position_subscription is not None:
            return (_position(recv_ns, conn, frame.position_subscription),)
        if (held := frame.position_subscription_snapshot) is not None:
            return tuple(
                PositionChanged(recv_ns, conn, market, net_position(position))
                for market, position in held.positions.items()
            )
        return _cash_or_signal(recv_ns, conn, frame)

    def _changed(self, recv_ns: int, execution: Execution) -> OrderChanged:
        client_order_id = self._client_order_id(execution.order.id)
        refused = rejected(execution) if execution.type == "EXECUTION_TYPE_REJECTED" else None
        return OrderChanged(
            recv_ns, self._conn, execution.id, venue_order(execution.order, client_order_id),
            fill_of(execution, client_order_id),
            None if refused is None else refused.reason, "" if refused is None else refused.detail,
        )  # fmt: skip


def _cash_or_signal(recv_ns: int, conn: str, frame: PrivateFrame) -> tuple[PrivateEvent, ...]:
    if frame.account_balances_snapshot is not None:
        return (
            BalanceChanged(recv_ns, conn, balance_of(frame.account_balances_snapshot.balances)),
        )
    if frame.account_balances_update is not None:
        after = frame.account_balances_update.balance_change.after_balance
        if after is None:
            raise Malformed("missing_field", "afterBalance", "a change to nothing")
        return (BalanceChanged(recv_ns, conn, balance_of([after])),)
    if frame.heartbeat is not None:
        return (Alive(recv_ns, conn),)
    if frame.rfq_event is not None:
        return ()
    return (StreamRefused(recv_ns, conn, frame.request_id, (frame.error or "")[:200]),)


def _position(recv_ns: int, conn: str, change: PositionUpdate) -> PositionChanged:
    """A position that is not there any more is one of nothing."""
    after, before = change.after_position, change.before_position
    net = 0 if after is None else net_position(after)
    market = _market(after) or _market(before)
    if market is None:
        raise Malformed("missing_field", "marketMetadata", "the position is of no market")
    return PositionChanged(recv_ns, conn, market, net)


def _market(position: Position | None) -> str | None:
    metadata = None if position is None else position.market_metadata
    return None if metadata is None else metadata.slug or None


def _frame(raw: bytes) -> PrivateFrame:
    try:
        frame = _decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise decoding_problem(error) from error
    names = (*_KINDS, _SNAPSHOT, *_UNUSED)
    payloads = [name for name in names if getattr(frame, name) is not None]
    check_payloads(payloads, frame.error, frame.subscription_type, _KINDS)
    if payloads == [_SNAPSHOT] and frame.subscription_type not in _SNAPSHOT_KINDS:
        raise Malformed("conflicting_fields", "subscriptionType", "is not one of orders")
    return frame
