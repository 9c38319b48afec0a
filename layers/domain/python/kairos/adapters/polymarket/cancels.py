"""Cancels, and what the venue's answer to them proves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from kairos.adapters.http.client import RestClient
from kairos.adapters.polymarket.account import checked_order_id, readable
from kairos.adapters.polymarket.config import BATCH_CANCELS_MAX
from kairos.adapters.polymarket.errors import refused, unknown
from kairos.adapters.polymarket.rest_schemas import CancelReply
from kairos.domain.refusals import Refusal
from kairos.errors import VenueRefused

# An order the venue cannot cancel for one of these reasons has ended already.
_ENDED: Final = ("already canceled", "already cancelled", "matched", "can't be found", "not found")
_STILL_THERE: Final = ("delayed",)


class Cancels:
    """Cancels use the reserve of the budget and are tried again: they are idempotent."""

    def __init__(self, clob: RestClient) -> None:
        self._clob = clob

    async def one(self, order_id: str) -> None:
        """Return when nothing more of the order will be filled; raise what else is proved."""
        body = msgspec.json.encode({"orderID": checked_order_id(order_id)})
        reply = await self._send("/order", body, 1)
        problem = _problem(reply, order_id)
        if problem is not None:
            raise problem

    async def many(self, order_ids: Sequence[str]) -> dict[str, VenueRefused]:
        """Cancel up to 3,000; returns those that did not end, with why.

        Raises OutcomeUnknown when the answer leaves one of them out.
        """
        if not 0 < len(order_ids) <= BATCH_CANCELS_MAX:
            raise refused(
                Refusal.INVALID_REQUEST, f"{len(order_ids)} of 1..{BATCH_CANCELS_MAX} cancels"
            )
        body = msgspec.json.encode([checked_order_id(each) for each in order_ids])
        # The whole list is one request of the bucket here: the reserve must never block it.
        reply = await self._send("/orders", body, 1)
        problems = {each: _problem(reply, each) for each in order_ids}
        return {each: problem for each, problem in problems.items() if problem is not None}

    async def market(self, market: str) -> None:
        """Cancel everything of ours in one market."""
        body = msgspec.json.encode({"market": market})
        _raise_first(await self._send("/cancel-market-orders", body, 1))

    async def everything(self) -> None:
        _raise_first(await self._send("/cancel-all", b"", 1))

    async def _send(self, path: str, body: bytes, count: int) -> CancelReply:
        return readable(
            await self._clob.cancel("DELETE", path, body, f"DELETE {path}", count=count),
            CancelReply,
        )


def _problem(reply: CancelReply, order_id: str) -> VenueRefused | None:
    """None when the order has ended. Raises OutcomeUnknown when the answer does not name it."""
    if any(each.lower() == order_id.lower() for each in reply.canceled):
        return None
    reasons = {each.lower(): reason for each, reason in reply.not_canceled.items()}
    reason = reasons.get(order_id.lower())
    if reason is None:
        raise unknown("not_answered", f"the answer to a cancel does not name {order_id}")
    if has_ended(reason):
        return None
    return refused(Refusal.INVALID_REQUEST, f"{order_id} is not canceled: {reason[:200]}")


def has_ended(reason: str) -> bool:
    """Whether the venue's reason for not canceling proves that the order has ended."""
    lowered = reason.lower()
    return any(each in lowered for each in _ENDED) and not any(
        each in lowered for each in _STILL_THERE
    )


def _raise_first(reply: CancelReply) -> None:
    for order_id in reply.not_canceled:
        problem = _problem(reply, order_id)
        if problem is not None:
            raise problem
