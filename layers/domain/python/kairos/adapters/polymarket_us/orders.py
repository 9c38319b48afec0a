"""Our orders in Polymarket US's terms and back.

The venue has one book per market, of the LONG (YES) side. Every price on its wire is a price of
that book: to buy NO at p is to send ORDER_INTENT_BUY_SHORT at 1 - p.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from kairos.adapters.polymarket_us import amounts
from kairos.adapters.polymarket_us.config import VENUE
from kairos.adapters.polymarket_us.errors import refuse, rejected
from kairos.adapters.polymarket_us.schemas import Created, Execution, Order
from kairos.domain.grid import grid
from kairos.domain.instruments import Action, Liquidity, Outcome, Venue
from kairos.domain.refusals import Refusal
from kairos.domain.units import (
    NANOSECONDS_PER_SECOND,
    PRICE_PER_DOLLAR,
    contracts,
    dollars,
    notional,
)
from kairos.errors import Malformed
from kairos.messages.commands import SubmitOrder, TimeInForce
from kairos.messages.trading import (
    FillState,
    OrderStatus,
    Placement,
    VenueFill,
    VenueMarket,
    VenueOrder,
)

INTENTS: Final[dict[tuple[Outcome, Action], str]] = {
    (Outcome.YES, Action.BUY): "ORDER_INTENT_BUY_LONG",
    (Outcome.YES, Action.SELL): "ORDER_INTENT_SELL_LONG",
    (Outcome.NO, Action.BUY): "ORDER_INTENT_BUY_SHORT",
    (Outcome.NO, Action.SELL): "ORDER_INTENT_SELL_SHORT",
}
_MEANINGS: Final = {intent: meaning for meaning, intent in INTENTS.items()}

_TIMES: Final = {
    TimeInForce.GTC: "TIME_IN_FORCE_GOOD_TILL_CANCEL",
    TimeInForce.GTD: "TIME_IN_FORCE_GOOD_TILL_DATE",
    TimeInForce.IOC: "TIME_IN_FORCE_IMMEDIATE_OR_CANCEL",
    TimeInForce.FOK: "TIME_IN_FORCE_FILL_OR_KILL",
}
_IMMEDIATE: Final = frozenset({TimeInForce.IOC, TimeInForce.FOK})

STATUSES: Final = {
    "ORDER_STATE_PENDING_NEW": OrderStatus.PENDING,
    "ORDER_STATE_PENDING_RISK": OrderStatus.PENDING,
    "ORDER_STATE_NEW": OrderStatus.RESTING,
    "ORDER_STATE_PARTIALLY_FILLED": OrderStatus.RESTING,
    # Until the venue has done it, it can still be filled.
    "ORDER_STATE_PENDING_REPLACE": OrderStatus.RESTING,
    "ORDER_STATE_PENDING_CANCEL": OrderStatus.RESTING,
    "ORDER_STATE_FILLED": OrderStatus.FILLED,
    "ORDER_STATE_CANCELED": OrderStatus.CANCELED,
    "ORDER_STATE_REPLACED": OrderStatus.CANCELED,
    "ORDER_STATE_REJECTED": OrderStatus.REJECTED,
    "ORDER_STATE_EXPIRED": OrderStatus.EXPIRED,
}
_EXECUTIONS: Final = frozenset(
    {
        "EXECUTION_TYPE_NEW", "EXECUTION_TYPE_PARTIAL_FILL", "EXECUTION_TYPE_FILL",
        "EXECUTION_TYPE_CANCELED", "EXECUTION_TYPE_REPLACE", "EXECUTION_TYPE_REJECTED",
        "EXECUTION_TYPE_EXPIRED", "EXECUTION_TYPE_DONE_FOR_DAY",
    }
)  # fmt: skip
_FILLS: Final = frozenset({"EXECUTION_TYPE_PARTIAL_FILL", "EXECUTION_TYPE_FILL"})


def intent_of(outcome: Outcome, action: Action) -> str:
    return INTENTS[outcome, action]


def meaning_of(intent: str) -> tuple[Outcome, Action]:
    """Raises Malformed (`bad_intent`) for an order whose direction the venue does not tell."""
    found = _MEANINGS.get(intent)
    if found is None:
        raise Malformed("bad_intent", "intent", f"{intent[:40]!r} says no direction")
    return found


def long_price(outcome: Outcome, price: int) -> int:
    """The price of the LONG book that is `price` of the outcome; the same the other way round."""
    return price if outcome is Outcome.YES else PRICE_PER_DOLLAR - price


def order_body(order: SubmitOrder, synchronous_seconds: int) -> bytes:
    """The body of `POST /v1/orders`. Raises VenueRefused for what the venue cannot express."""
    return msgspec.json.encode(order_fields(order, synchronous_seconds))


def order_fields(order: SubmitOrder, synchronous_seconds: int) -> dict[str, Any]:
    """One order of a request.

    An order that cannot rest is answered once it is done, with its executions; a resting one is
    answered at once with its id alone, which proves that it arrived and not that it rests.
    """
    _refuse_impossible(order)
    fields: dict[str, Any] = {
        "marketSlug": order.market,
        "intent": intent_of(order.outcome, order.action),
        "type": "ORDER_TYPE_LIMIT",
        "price": amount(long_price(order.outcome, order.price)),
        "quantity": number(order.quantity),
        "tif": _TIMES[time_in_force(order)],
        "participateDontInitiate": order.post_only,
        "manualOrderIndicator": "MANUAL_ORDER_INDICATOR_AUTOMATIC",
        "synchronousExecution": order.time_in_force in _IMMEDIATE,
    }
    if order.time_in_force in _IMMEDIATE:
        fields["maxBlockTime"] = str(synchronous_seconds)
    if order.expires_ns is not None and order.time_in_force not in _IMMEDIATE:
        fields["goodTillTime"] = moment(order.expires_ns)
    return fields


def time_in_force(order: SubmitOrder) -> TimeInForce:
    """An order with an end is good till then, whatever else it is called."""
    ends = order.time_in_force is TimeInForce.GTC and order.expires_ns is not None
    return TimeInForce.GTD if ends else order.time_in_force


def mortal(order: SubmitOrder, latest_ns: int) -> SubmitOrder:
    """The order as it is sent: what may rest ends at `latest_ns`, or at an earlier end of its own.

    One that asks for an end and names none stays as it is, to be refused: nobody chose that end.
    """
    nameless = order.time_in_force is TimeInForce.GTD and order.expires_ns is None
    if order.time_in_force in _IMMEDIATE or nameless:
        return order
    own_ns = latest_ns if order.expires_ns is None else order.expires_ns
    return msgspec.structs.replace(order, expires_ns=min(own_ns, latest_ns))


def amount(price: int) -> dict[str, str]:
    return {"value": dollars(price).rstrip("0"), "currency": "USD"}


def number(quantity: int) -> msgspec.Raw:
    """Contracts as an exact JSON number: `12` or `0.25`."""
    text = contracts(quantity)
    return msgspec.Raw(text.rstrip("0").rstrip(".").encode())


def moment(ns: int) -> str:
    """RFC 3339 in UTC, down to the microsecond and never later than asked."""
    seconds, rest = divmod(ns, NANOSECONDS_PER_SECOND)
    whole = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{rest // 1000:06d}Z"


def refuse_off_grid(order: SubmitOrder, market: VenueMarket) -> None:
    """The venue shortens what is too fine instead of refusing it, so it is refused here."""
    if market.ranges is not None:
        price = long_price(order.outcome, order.price)
        if grid(market.ranges).yes_slot[price] < 0:
            raise refuse(Refusal.PRICE_OFF_GRID, f"{dollars(price)} LONG in {order.market}")
    least = market.quantity_min
    if least is not None and (order.quantity < least or order.quantity % least):
        raise refuse(
            Refusal.SIZE_BELOW_MINIMUM,
            f"{contracts(order.quantity)} is no multiple of {contracts(least)} in {order.market}",
        )


def placement(reply: Created) -> Placement:
    """What the answer to a new order proves. Raises VenueRefused where the exchange rejected it."""
    executions = reply.executions or []
    for each in executions:
        _known(each)
        if each.type == "EXECUTION_TYPE_REJECTED" or status_of(each.order) is OrderStatus.REJECTED:
            raise rejected(each)
    if not executions:
        return Placement(reply.id, OrderStatus.PENDING, None, None, None)
    last = executions[-1]
    if last.order.id != reply.id:
        raise Malformed("conflicting_fields", "executions", "are those of another order")
    status = status_of(last.order)
    filled = _optional_quantity(last.order.cum_quantity, "cumQuantity")
    left = (
        0 if status.is_final else _optional_quantity(last.order.leaves_quantity, "leavesQuantity")
    )
    at = amounts.optional_nanoseconds(last.transact_time, "transactTime")
    return Placement(reply.id, status, filled, left, at)


def status_of(order: Order) -> OrderStatus:
    found = STATUSES.get(order.state)
    if found is None:
        raise Malformed(
            "bad_state", "state", f"{order.state[:40]!r} is no order state that we know"
        )
    return found


def venue_order(order: Order, client_order_id: str | None) -> VenueOrder:
    """Raises Malformed where price, quantity or what is filled is missing or impossible."""
    outcome, action = meaning_of(order.intent)
    if order.price is None or order.quantity is None or order.cum_quantity is None:
        raise Malformed("missing_field", "order", f"{order.id} has no price, quantity or fills")
    status = status_of(order)
    quantity = amounts.quantity(order.quantity, "quantity")
    filled = amounts.quantity(order.cum_quantity, "cumQuantity")
    if filled > quantity or quantity == 0:
        raise Malformed("bad_size", "cumQuantity", f"{filled} of {quantity} filled")
    created = order.create_time or order.insert_time
    return VenueOrder(
        Venue.POLYMARKET_US, order.id, client_order_id, order.market_slug, outcome, action,
        long_price(outcome, amounts.price(order.price, "price")), quantity, filled, status,
        order.state if status.is_final else "",
        amounts.optional_nanoseconds(created, "createTime"),
        amounts.optional_nanoseconds(order.good_till_time, "goodTillTime"),
        amounts.optional_nanoseconds(order.last_transact_time, "lastTransactTime"),
    )  # fmt: skip


def fill_of(execution: Execution, client_order_id: str | None) -> VenueFill | None:
    """The fill an execution report brings, None when it reports something else.

    The exchange reports a trade once it is done; only a bust, seen in the account's activities,
    undoes it.
    """
    _known(execution)
    if execution.type not in _FILLS:
        return None
    order, px, shares = execution.order, execution.last_px, execution.last_shares
    if px is None or shares is None or execution.aggressor is None or not execution.trade_id:
        raise Malformed(
            "missing_field", "execution", f"fill {execution.id} lacks what makes it one"
        )
    if not execution.transact_time:
        raise Malformed("missing_field", "transactTime", f"fill {execution.id} has no time")
    outcome, action = meaning_of(order.intent)
    price = long_price(outcome, amounts.price(px, "lastPx"))
    quantity = positive(amounts.quantity(shares, "lastShares"), "lastShares")
    fee = execution.commission_notional_collected
    return VenueFill(
        Venue.POLYMARKET_US, execution.trade_id, order.id, client_order_id, order.market_slug,
        outcome, action, price, quantity, notional(price, quantity),
        None if fee is None else amounts.cash(fee, "commissionNotionalCollected"),
        Liquidity.TAKER if execution.aggressor else Liquidity.MAKER, FillState.FINAL,
        amounts.nanoseconds(execution.transact_time, "transactTime"),
    )  # fmt: skip


def positive(quantity: int, field: str) -> int:
    if quantity <= 0:
        raise Malformed("bad_size", field, "nothing was traded")
    return quantity


def _known(execution: Execution) -> None:
    if execution.type not in _EXECUTIONS:
        raise Malformed("bad_type", "type", f"{execution.type[:40]!r} is no execution we know")


def _optional_quantity(value: Any, field: str) -> int | None:  # noqa: ANN401
    return None if value is None else amounts.quantity(value, field)


def _refuse_impossible(order: SubmitOrder) -> None:
    if not 0 < order.price < PRICE_PER_DOLLAR:
        raise refuse(Refusal.PRICE_OFF_GRID, f"{dollars(order.price)} is not between 0 and 1")
    if order.quantity <= 0:
        raise refuse(Refusal.SIZE_BELOW_MINIMUM, f"{contracts(order.quantity)} is nothing to trade")
    if order.post_only and order.time_in_force in _IMMEDIATE:
        raise refuse(
            Refusal.UNSUPPORTED, f"an order that must rest cannot be {order.time_in_force}"
        )
    if order.time_in_force is TimeInForce.GTD and order.expires_ns is None:
        raise refuse(Refusal.INVALID_REQUEST, "good till date without a date")
    if order.reduce_only and order.action is Action.BUY:
        raise refuse(Refusal.UNSUPPORTED, f"{VENUE} has no reduce-only; sell the position instead")
