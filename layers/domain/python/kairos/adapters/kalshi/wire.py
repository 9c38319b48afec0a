"""Our orders in Kalshi's terms and back: one YES book, decimal text, RFC 3339 times.

Kalshi has bids and asks for YES only. Buying NO at p is an ask at 1 - p, selling NO a bid at 1 - p,
and the venue does not keep which of the two an order was: what it reports is told as a purchase of
the outcome that the order is positioned for. Whoever sent the order knows better.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from kairos.adapters.kalshi.errors import refused
from kairos.adapters.kalshi.parsing import OUTCOMES
from kairos.adapters.kalshi.rest_schemas import Fill, Order
from kairos.domain.instruments import Action, Liquidity, Outcome, Venue
from kairos.domain.refusals import Refusal
from kairos.domain.units import (
    NANOSECONDS_PER_SECOND,
    PRICE_PER_DOLLAR,
    contracts,
    dollars,
    notional,
    price_from_dollars,
    quantity_from_contracts,
    scaled,
)
from kairos.errors import Malformed
from kairos.messages.trading import FillState, OrderStatus, VenueFill, VenueOrder

# The venue trades hundredths of a contract.
QUANTITY_STEP: Final = 10_000
CASH_PLACES: Final = 6
BID: Final = "bid"
ASK: Final = "ask"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_BOOK_SIDES: Final = {Outcome.YES: BID, Outcome.NO: ASK}
_STATUSES: Final = {
    "resting": OrderStatus.RESTING,
    "canceled": OrderStatus.CANCELED,
    "executed": OrderStatus.FILLED,
}


def book_side(outcome: Outcome, action: Action) -> str:
    """`bid` for what gains when YES is paid, `ask` for what gains when NO is."""
    return BID if (outcome is Outcome.YES) == (action is Action.BUY) else ASK


def yes_price(outcome: Outcome, price: int) -> int:
    """The YES price of a price in the outcome's own units, and back: it is its own inverse."""
    return price if outcome is Outcome.YES else PRICE_PER_DOLLAR - price


def price_text(outcome: Outcome, price: int) -> str:
    """The price that goes on the wire. Raises VenueRefused off 0..1 dollar; nothing is sent."""
    if not 0 < price < PRICE_PER_DOLLAR:
        raise refused(Refusal.PRICE_OFF_GRID, f"{price} is not between 0 and {PRICE_PER_DOLLAR}")
    return dollars(yes_price(outcome, price))


def count_text(quantity: int) -> str:
    """The count that goes on the wire. Raises VenueRefused for what the venue cannot trade."""
    if quantity <= 0:
        raise refused(Refusal.SIZE_BELOW_MINIMUM, f"{quantity} micro-contracts is no order")
    if quantity % QUANTITY_STEP:
        detail = f"{contracts(quantity)} contracts is finer than hundredths"
        raise refused(Refusal.DUST, detail)
    return contracts(quantity)


def time_ns(text: str, field: str) -> int:
    """`"2026-09-19T01:30:00Z"` to nanoseconds, exact to the microsecond."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Malformed("bad_time", field, f"{text!r} is no time") from error
    if moment.tzinfo is None:
        raise Malformed("bad_time", field, f"{text!r} names no zone")
    return (moment - _EPOCH) // _MICROSECOND * 1_000


def optional_time_ns(text: str | None, field: str) -> int | None:
    return None if text is None else time_ns(text, field)


def positioned(outcome_side: str, side: str) -> Outcome:
    """The outcome a venue's order or fill is positioned for; both spellings must agree."""
    outcome = OUTCOMES.get(outcome_side)
    if outcome is None:
        raise Malformed("bad_side", "outcome_side", f"{outcome_side!r} is neither yes nor no")
    if _BOOK_SIDES[outcome] != side:
        raise Malformed("conflicting_fields", "book_side", f"{side!r} with {outcome_side!r}")
    return outcome


def venue_order(order: Order) -> VenueOrder:
    """Raises Malformed. While it rests, `quantity` is what has filled plus what rests now."""
    outcome = positioned(order.outcome_side, order.book_side)
    status = _STATUSES.get(order.status)
    if status is None:
        raise Malformed("bad_status", "status", f"{order.status!r} is no status that we know")
    filled = size(order.fill_count_fp, "fill_count_fp")
    rest = size(order.remaining_count_fp, "remaining_count_fp")
    initial = size(order.initial_count_fp, "initial_count_fp")
    return VenueOrder(
        venue=Venue.KALSHI,
        venue_order_id=order.order_id,
        client_order_id=order.client_order_id or None,
        market=order.ticker,
        outcome=outcome,
        action=Action.BUY,
        price=yes_price(outcome, price_from_dollars(order.yes_price_dollars, "yes_price_dollars")),
        quantity=filled + rest if status is OrderStatus.RESTING else max(initial, filled),
        filled=filled,
        status=status,
        reason="",
        created_ns=optional_time_ns(order.created_time, "created_time"),
        expires_ns=optional_time_ns(order.expiration_time, "expiration_time"),
        updated_ns=optional_time_ns(order.last_update_time, "last_update_time"),
    )


def venue_fill(fill: Fill) -> VenueFill:
    """Raises Malformed. REST fills do not name our order id; match them by the venue's."""
    outcome = positioned(fill.outcome_side, fill.book_side)
    price = yes_price(outcome, price_from_dollars(fill.yes_price_dollars, "yes_price_dollars"))
    quantity = size(fill.count_fp, "count_fp")
    return VenueFill(
        venue=Venue.KALSHI,
        fill_id=fill.fill_id,
        venue_order_id=fill.order_id,
        client_order_id=None,
        market=fill.ticker,
        outcome=outcome,
        action=Action.BUY,
        price=price,
        quantity=quantity,
        notional=notional(price, quantity),
        fee=scaled(fill.fee_cost, CASH_PLACES, "fee_cost"),
        liquidity=Liquidity.TAKER if fill.is_taker else Liquidity.MAKER,
        state=FillState.FINAL,
        venue_ns=_fill_ns(fill),
    )


def _fill_ns(fill: Fill) -> int:
    if fill.created_time is not None:
        return time_ns(fill.created_time, "created_time")
    if fill.ts is None:
        raise Malformed("missing_field", "created_time", "neither it nor ts is present")
    return fill.ts * NANOSECONDS_PER_SECOND


def size(text: str, field: str) -> int:
    quantity = quantity_from_contracts(text, field)
    if quantity < 0:
        raise Malformed("bad_size", field, f"{text!r} is negative")
    return quantity
