"""Which client order ids are in use, and which were: the venue takes each of them once."""

from __future__ import annotations

from hotpath.paper.orders import PaperOrder
from hotpath.paper.reasons import Refusal


class Registry:
    """Open orders by client order id, and the ids of the last ones that ended.

    When the finished ids are full the oldest is forgotten, so that an id reused after that many
    orders is taken as new; our ids contain a decision key and never are.
    """

    def __init__(self, max_open: int, max_finished: int) -> None:
        self._open: dict[str, PaperOrder] = {}
        self._finished: dict[str, None] = {}
        self._max_open = max_open
        self._max_finished = max_finished

    def claim(self, order: PaperOrder) -> Refusal | None:
        """Take the order's id, or say what the venue will answer when the order arrives."""
        client_order_id = order.command.client_order_id
        if client_order_id in self._open or client_order_id in self._finished:
            return Refusal.DUPLICATE_CLIENT_ORDER_ID
        if len(self._open) >= self._max_open:
            return Refusal.TOO_MANY_ORDERS
        self._open[client_order_id] = order
        return None

    def find(self, client_order_id: str) -> PaperOrder | None:
        return self._open.get(client_order_id)

    def finish(self, client_order_id: str) -> None:
        del self._open[client_order_id]
        self._finished[client_order_id] = None
        if len(self._finished) > self._max_finished:
            del self._finished[next(iter(self._finished))]
