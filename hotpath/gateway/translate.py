"""Between a venue's words and ours: its messages become evidence, what follows becomes events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from kairos.domain import order_effects as effects
from kairos.domain.fill import Fill
from kairos.domain.order_effects import Effect, OrderFill, Terms
from kairos.domain.orders import Ending
from kairos.domain.units import PRICE_PER_DOLLAR
from kairos.messages.commands import SubmitOrder, TimeInForce
from kairos.messages.events import (
    AmendRejected,
    FeeCharged,
    FillVoided,
    OrderAccepted,
    OrderAdopted,
    OrderAmended,
    OrderClosed,
    OrderFilled,
    OrderRejected,
    OrderReport,
    OrderUnknown,
)
from kairos.messages.trading import OrderStatus, VenueFill, VenueOrder

# What a fill costs where the venue has not said it yet; replaced by a FeeCharged when it does.
FeeEstimate = Callable[[SubmitOrder, OrderFill], int]

ENDINGS: Final[dict[OrderStatus, Ending | None]] = {
    OrderStatus.PENDING: None,
    OrderStatus.RESTING: None,
    OrderStatus.FILLED: Ending.FILLED,
    OrderStatus.CANCELED: Ending.CANCELED,
    OrderStatus.REJECTED: Ending.REJECTED,
    OrderStatus.EXPIRED: Ending.EXPIRED,
}
EVIDENCE: Final = "venue"


def order_fill(fill: VenueFill, command: SubmitOrder) -> OrderFill:
    """An execution in the terms of the order that was sent: a venue with one book may tell the sale
    of one outcome as the purchase of the other."""
    price, notional = fill.price, fill.notional
    if fill.outcome is not command.outcome:
        # The pair pays a dollar a contract, so that the two add up to it, to the micro-dollar.
        price, notional = PRICE_PER_DOLLAR - price, fill.quantity - notional
    return OrderFill(
        fill.fill_id, fill.venue_order_id, price, fill.quantity, notional, fill.fee, fill.liquidity
    )


def terms_of(order: VenueOrder, command: SubmitOrder) -> Terms | None:
    """What an ended order says of its size is not what rests, so it proves no amend."""
    if order.status.is_final:
        return None
    same = order.outcome is command.outcome
    return Terms(order.price if same else PRICE_PER_DOLLAR - order.price, order.quantity)


def as_submitted(order: VenueOrder, client_order_id: str, now_ns: int) -> SubmitOrder:
    """An order that somebody else placed, as if it were ours; how long it may rest is not ours."""
    return SubmitOrder(
        now_ns, client_order_id, order.market, order.outcome, order.action, order.price,
        order.quantity, TimeInForce.GTC, post_only=False, reduce_only=False,
        expires_ns=order.expires_ns,
    )  # fmt: skip


def adoption(
    command: SubmitOrder, now_ns: int, venue_order_id: str, before: int, *, managed: bool
) -> OrderAdopted:
    """`before` was filled and is booked already."""
    return OrderAdopted(
        now_ns, command.client_order_id, venue_order_id, command.market, command.outcome,
        command.action, command.price, command.quantity, before, managed,
    )  # fmt: skip


def report(effect: Effect, command: SubmitOrder, now_ns: int, estimate: FeeEstimate) -> OrderReport:
    """The engine's event for what followed from a piece of evidence."""
    name = command.client_order_id
    match effect:
        case effects.Accepted(venue_order_id):
            return OrderAccepted(now_ns, name, venue_order_id)
        case effects.Rejected(reason):
            return OrderRejected(now_ns, name, reason)
        case effects.Unknown(detail):
            return OrderUnknown(now_ns, name, detail)
        case effects.Filled(fill):
            return _filled(fill, command, now_ns, estimate)
        case effects.Voided(fill_id):
            return FillVoided(now_ns, name, fill_id, "not_settled")
        case effects.Charged(fill_id, fee):
            return FeeCharged(now_ns, name, fill_id, fee)
        case effects.Amended(terms):
            return OrderAmended(now_ns, name, terms.price, terms.quantity)
        case effects.AmendRefused(reason):
            return AmendRejected(now_ns, name, reason)
        case effects.Closed(reason):
            return OrderClosed(now_ns, name, reason)


def _filled(
    fill: OrderFill, command: SubmitOrder, now_ns: int, estimate: FeeEstimate
) -> OrderFilled:
    fee = estimate(command, fill) if fill.fee is None else fill.fee
    usual = Fill.priced(
        fill.fill_id, command.market, command.outcome, command.action, fill.price, fill.quantity,
        fee,
    ).notional  # fmt: skip
    return OrderFilled(
        now_ns, command.client_order_id, fill.fill_id, fill.price, fill.quantity, fee,
        fill.liquidity, EVIDENCE, None if fill.notional == usual else fill.notional,
    )  # fmt: skip
