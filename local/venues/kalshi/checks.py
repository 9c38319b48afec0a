"""Fields of order requests, checked and turned into integers, and what a request filled."""

from __future__ import annotations

from typing import Any

from kairos.domain.instruments import Outcome
from kairos.domain.refusals import Refusal
from kairos.domain.units import NANOSECONDS_PER_SECOND, PRICE_PER_DOLLAR
from kairos.errors import Malformed
from kairos.messages.commands import TimeInForce
from local.venues.core.matching import refused
from local.venues.kalshi.errors import ApiError, from_refusal
from local.venues.kalshi.markets import Market
from local.venues.kalshi.records import FillRecord
from local.venues.kalshi.text import average, count_in, fp, price_in
from local.venues.kalshi.wire import DecreaseOrder


def price_and_count(market: Market, price: str, count: str) -> tuple[int, int]:
    try:
        yes_price, quantity = price_in(price, "price"), count_in(count, "count")
    except Malformed as error:
        raise ApiError(400, "invalid_order", "invalid order", str(error)) from error
    if quantity <= 0:
        raise from_refusal(refused(Refusal.SIZE_BELOW_MINIMUM, count))
    if not market.accepts(yes_price):
        raise from_refusal(refused(Refusal.PRICE_OFF_GRID, price))
    return yes_price, quantity


def own_price(outcome: Outcome, yes_price: int) -> int:
    return yes_price if outcome is Outcome.YES else PRICE_PER_DOLLAR - yes_price


def expiry_ns(expiration: int | None, tif: TimeInForce, now_ns: int) -> int | None:
    if expiration is None:
        return None
    expires_ns = expiration * NANOSECONDS_PER_SECOND
    if tif is not TimeInForce.GTC:
        raise ApiError(400, "invalid_order", "invalid order", "expiration_time needs GTC")
    if expires_ns <= now_ns:
        raise ApiError(400, "invalid_order", "invalid order", "expiration_time is past")
    return expires_ns


def reduction(request: DecreaseOrder, remaining: int) -> int:
    try:
        if request.reduce_by is not None:
            return count_in(request.reduce_by, "reduce_by")
        return remaining - count_in(request.reduce_to or "", "reduce_to")
    except Malformed as error:
        raise ApiError(400, "invalid_parameters", "invalid parameters", str(error)) from error


def group_limit(whole: int | None, text: str | None) -> int:
    try:
        limit = None if text is None else count_in(text, "contracts_limit_fp")
    except Malformed as error:
        raise ApiError(400, "invalid_parameters", "invalid parameters", str(error)) from error
    counted = None if whole is None else count_in(str(whole), "contracts_limit")
    chosen = limit if limit is not None else counted
    if chosen is None or chosen <= 0 or (counted is not None and counted != chosen):
        raise ApiError(400, "invalid_parameters", "invalid parameters", "contracts_limit")
    return chosen


def filled_at_once(fills: list[FillRecord]) -> dict[str, Any]:
    """Counts and averages of what a request filled at once; prices are YES prices."""
    quantity = sum(fill.quantity for fill in fills)
    reply: dict[str, Any] = {"fill_count": fp(quantity)}
    if quantity:
        paid = sum(fill.yes_price * fill.quantity for fill in fills) // PRICE_PER_DOLLAR
        reply["average_fill_price"] = average(paid, quantity)
        reply["average_fee_paid"] = average(sum(fill.fee for fill in fills), quantity)
    return reply
