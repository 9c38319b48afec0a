"""Kalshi's private REST endpoints that change something: orders and order groups."""

from __future__ import annotations

import time
from typing import Any, Final

from local.venues.kalshi.errors import ApiError
from local.venues.kalshi.groups import OrderGroup
from local.venues.kalshi.rate_limits import CANCEL_COST, DEFAULT_COST
from local.venues.kalshi.rest import PREFIX, READ, TRADE, Answer, Call, Gate, Route
from local.venues.kalshi.wire import (
    AmendOrder,
    CancelBatch,
    CancelItem,
    CreateBatch,
    CreateGroup,
    CreateOrder,
    DecreaseOrder,
    GroupLimit,
    read_body,
)

_ORDERS: Final = f"{PREFIX}/portfolio/events/orders"
_GROUPS: Final = f"{PREFIX}/portfolio/order_groups"
_PORTFOLIO: Final = f"{PREFIX}/portfolio"
_LEGACY: Final = "deprecated_v1_order_endpoint"


class OrdersApi:
    """Order entry of members; every request is signed."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._exchange = gate.exchange
        self._entry = gate.entry

    def routes(self) -> list[Route]:
        return [*self._order_routes(), *self._group_routes()]

    def _order_routes(self) -> list[Route]:
        one = f"{_ORDERS}/{{order_id}}"
        return [
            Route("POST", _ORDERS, self.create, TRADE, is_write=True),
            Route("DELETE", _ORDERS, self.cancel_all, TRADE, CANCEL_COST, is_write=True),
            Route("POST", f"{_ORDERS}/batched", self.create_batch, TRADE, 0, is_write=True),
            Route("DELETE", f"{_ORDERS}/batched", self.cancel_batch, TRADE, 0, is_write=True),
            Route("DELETE", one, self.cancel, TRADE, CANCEL_COST, is_write=True),
            Route("POST", f"{one}/amend", self.amend, TRADE, is_write=True),
            Route("POST", f"{one}/decrease", self.decrease, TRADE, is_write=True),
            Route("POST", f"{_PORTFOLIO}/orders", self.gone, TRADE, is_write=True),
            Route("DELETE", f"{_PORTFOLIO}/orders/{{order_id}}", self.gone, TRADE, is_write=True),
        ]

    def _group_routes(self) -> list[Route]:
        one = f"{_GROUPS}/{{group_id}}"
        return [
            Route("GET", _GROUPS, self.groups, READ),
            Route("POST", f"{_GROUPS}/create", self.create_group, TRADE, is_write=True),
            Route("GET", one, self.group, READ),
            Route("DELETE", one, self.delete_group, TRADE, is_write=True),
            Route("PUT", f"{one}/reset", self.reset_group, TRADE, is_write=True),
            Route("PUT", f"{one}/trigger", self.trigger_group, TRADE, is_write=True),
            Route("PUT", f"{one}/limit", self.limit_group, TRADE, is_write=True),
        ]

    # --- orders -------------------------------------------------------------------------------

    def create(self, call: Call) -> Answer:
        return Answer(self._entry.create(call.account, read_body(call.body, CreateOrder)), 201)

    def create_batch(self, call: Call) -> Answer:
        batch = read_body(call.body, CreateBatch)
        self._charge_items(call, len(batch.orders), DEFAULT_COST)
        return Answer({"orders": [self._create_item(call, item) for item in batch.orders]}, 201)

    def _create_item(self, call: Call, item: CreateOrder) -> dict[str, Any]:
        try:
            return self._entry.create(call.account, item)
        except ApiError as error:
            return {
                "client_order_id": item.client_order_id or None,
                "fill_count": None,
                "remaining_count": None,
                "average_fill_price": None,
                "average_fee_paid": None,
                "ts_ms": None,
                "error": error.item(),
            }

    def amend(self, call: Call) -> Answer:
        request = read_body(call.body, AmendOrder)
        return Answer(self._entry.amend(call.account, call.path("order_id"), request))

    def decrease(self, call: Call) -> Answer:
        request = read_body(call.body, DecreaseOrder)
        return Answer(self._entry.decrease(call.account, call.path("order_id"), request))

    def cancel(self, call: Call) -> Answer:
        item = CancelItem(
            order_id=call.path("order_id"),
            exchange_index=call.whole("exchange_index"),
            market_ticker=call.text("market_ticker"),
        )
        return Answer(self._entry.cancel(call.account, item))

    def cancel_all(self, call: Call) -> Answer:
        self._entry.cancel_all(call.account)
        return Answer(None, 204)

    def cancel_batch(self, call: Call) -> Answer:
        batch = read_body(call.body, CancelBatch)
        self._charge_items(call, len(batch.orders), CANCEL_COST)
        return Answer({"orders": [self._cancel_item(call, item) for item in batch.orders]})

    def _cancel_item(self, call: Call, item: CancelItem) -> dict[str, Any]:
        try:
            return self._entry.cancel(call.account, item)
        except ApiError as error:
            return {
                "order_id": item.order_id,
                "reduced_by": "0.00",
                "ts_ms": None,
                "error": error.item(),
            }

    def _charge_items(self, call: Call, count: int, cost: int) -> None:
        """A batch takes the tokens of all its items, or nothing happens."""
        self._gate.limits(call.account).write(time.monotonic_ns(), max(1, count) * cost)

    def gone(self, _call: Call) -> Answer:
        raise ApiError(410, _LEGACY, "use /portfolio/events/orders")

    # --- order groups -------------------------------------------------------------------------

    def groups(self, call: Call) -> Answer:
        mine = [g for g in self._exchange.groups.values() if g.account == call.account]
        return Answer({"order_groups": [group.body(with_orders=False) for group in mine]})

    def create_group(self, call: Call) -> Answer:
        request = read_body(call.body, CreateGroup)
        group = self._entry.create_group(call.account, request)
        reply = {
            "order_group_id": group.group_id,
            "subaccount": request.subaccount,
            "exchange_index": group.exchange_index,
        }
        return Answer(reply, 201)

    def group(self, call: Call) -> Answer:
        group = self._entry.group(call.account, call.path("group_id"))
        return Answer(group.body(with_orders=True))

    def delete_group(self, call: Call) -> Answer:
        self._entry.delete_group(self._addressed(call))
        return Answer({})

    def reset_group(self, call: Call) -> Answer:
        self._entry.reset_group(self._addressed(call))
        return Answer({})

    def trigger_group(self, call: Call) -> Answer:
        self._exchange.trigger(self._addressed(call))
        return Answer({})

    def limit_group(self, call: Call) -> Answer:
        self._entry.set_limit(
            self._entry.group(call.account, call.path("group_id")),
            read_body(call.body, GroupLimit),
        )
        return Answer({})

    def _addressed(self, call: Call) -> OrderGroup:
        """The group, if it lives on the index that was asked: that is 0 unless it was said."""
        group = self._entry.group(call.account, call.path("group_id"))
        if (call.whole("exchange_index") or 0) != group.exchange_index:
            raise ApiError(404, "not_found", "order group not found")
        return group
