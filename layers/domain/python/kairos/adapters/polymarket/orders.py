"""Builds what is posted for an order, and reads what the venue answers.

The salt comes from our own id and the timestamp from the order, so that the same journaled order
has the same digest (the venue's id of it) after a restart, and a second send is a duplicate.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import Final

import msgspec

from kairos.adapters.polymarket import amounts
from kairos.adapters.polymarket.config import GTD_SECONDS_MIN
from kairos.adapters.polymarket.eip712 import SALT_MAX, OrderFields, OrderSigner, Side
from kairos.adapters.polymarket.errors import refusal_of, refused, unknown
from kairos.adapters.polymarket.listings import Listing
from kairos.adapters.polymarket.rest_schemas import OrderReply
from kairos.domain.instruments import Action
from kairos.domain.refusals import Refusal
from kairos.domain.units import (
    NANOSECONDS_PER_MILLISECOND,
    NANOSECONDS_PER_SECOND,
    contracts,
    quantity_from_contracts,
)
from kairos.errors import Malformed
from kairos.messages.commands import SubmitOrder, TimeInForce
from kairos.messages.trading import OrderStatus, Placement

ORDER_IDS_MAX: Final = 100_000
ORDER_TYPES: Final = {
    TimeInForce.GTC: "GTC",
    TimeInForce.GTD: "GTD",
    TimeInForce.IOC: "FAK",
    TimeInForce.FOK: "FOK",
}
_IMMEDIATE: Final = frozenset({TimeInForce.IOC, TimeInForce.FOK})
_CAUSES: Final = {"price_off_grid": Refusal.PRICE_OFF_GRID, "dust": Refusal.DUST}


class _WireOrder(msgspec.Struct, gc=False, frozen=True, rename="camel"):
    salt: int
    maker: str
    signer: str
    token_id: str
    maker_amount: str
    taker_amount: str
    side: str
    expiration: str
    signature_type: int
    timestamp: str
    metadata: str
    builder: str
    signature: str


class _Post(msgspec.Struct, gc=False, frozen=True, rename="camel"):
    order: _WireOrder
    owner: str
    order_type: str
    defer_exec: bool
    post_only: bool


_encode = msgspec.json.Encoder().encode


class Prepared(msgspec.Struct, gc=False, frozen=True):
    """An order ready to be sent. `quantity` is what can be filled of it, micro-contracts;
    `ends_at_once` when whatever is not filled at once is gone."""

    order: SubmitOrder
    order_id: str
    body: bytes
    quantity: int
    ends_at_once: bool


def salt_of(client_order_id: str) -> int:
    """The order's salt: 53 bits of our own id's hash."""
    digest = hashlib.sha256(b"polymarket salt\x00" + client_order_id.encode()).digest()
    return int.from_bytes(digest[:8], "big") & SALT_MAX


class OrderBuilder:
    """Turns SubmitOrder into signed bytes, or refuses what the venue would refuse.

    `owner` is the API key's id.
    """

    def __init__(self, signer: OrderSigner, owner: str) -> None:
        self._signer = signer
        self._owner = owner

    def order_id(self, order: SubmitOrder, listing: Listing) -> str:
        """The venue's id of this order, sent or not, whatever the market's grid is by now.

        Of an order that ends at once it holds only while the market keeps its tick, which decides
        how its amounts are rounded.
        """
        if order.time_in_force in _IMMEDIATE:
            fields = _fields(order, listing, _market_amounts(order, listing.tick))
        else:
            exact = amounts.exact_amounts(order.action, order.price, order.quantity)
            fields = _fields(order, listing, exact)
        return self._signer.order_id(fields, listing.exchange)

    def prepare(self, order: SubmitOrder, listing: Listing, now_ns: int) -> Prepared:
        """Raises VenueRefused, with a remedy, before a byte is sent."""
        _check(order, now_ns)
        fields = _fields(order, listing, _amounts(order, listing))
        shares = fields.taker_amount if order.action is Action.BUY else fields.maker_amount
        if order.time_in_force not in _IMMEDIATE and shares < listing.quantity_min:
            asked, least = contracts(shares), contracts(listing.quantity_min)
            raise refused(Refusal.SIZE_BELOW_MINIMUM, f"{asked} is below {least}")
        signed = self._signer.sign(fields, listing.exchange)
        body = post_body(
            self._signer,
            fields,
            signed.signature,
            owner=self._owner,
            order_type=ORDER_TYPES[order.time_in_force],
            expires=_expiration(order),
            post_only=order.post_only,
        )
        at_once = order.time_in_force in _IMMEDIATE
        return Prepared(order, signed.order_id, body, shares, at_once)


def post_body(
    signer: OrderSigner,
    fields: OrderFields,
    signature: str,
    *,
    owner: str,
    order_type: str,
    expires: int,
    post_only: bool,
) -> bytes:
    """The very bytes that are posted and signed for L2; `expires` is unix seconds, 0 for never."""
    wire = _WireOrder(
        fields.salt, signer.maker, signer.signer, fields.token_id, str(fields.maker_amount),
        str(fields.taker_amount), fields.side.name, str(expires), int(signer.signature_type),
        str(fields.timestamp_ms), signer.metadata_hex, signer.builder_hex,
        signature,
    )  # fmt: skip
    return _encode(_Post(wire, owner, order_type, defer_exec=False, post_only=post_only))


def batch_body(prepared: list[Prepared]) -> bytes:
    """`/orders` takes an array of what `/order` takes."""
    return b"[" + b",".join(each.body for each in prepared) + b"]"


def _amounts(order: SubmitOrder, listing: Listing) -> amounts.Amounts:
    try:
        if order.time_in_force in _IMMEDIATE:
            return _market_amounts(order, listing.tick)
        return amounts.limit_amounts(order.action, order.price, order.quantity, listing.tick)
    except Malformed as problem:
        cause = _CAUSES.get(problem.reason, Refusal.INVALID_REQUEST)
        raise refused(cause, f"{order.market}: {problem.detail}") from problem


def _market_amounts(order: SubmitOrder, tick: int) -> amounts.Amounts:
    return amounts.market_amounts(order.action, order.price, order.quantity, tick)


def _fields(order: SubmitOrder, listing: Listing, signed: amounts.Amounts) -> OrderFields:
    return OrderFields(
        salt_of(order.client_order_id),
        listing.token(order.outcome),
        signed.maker,
        signed.taker,
        Side.BUY if order.action is Action.BUY else Side.SELL,
        order.ts_ns // NANOSECONDS_PER_MILLISECOND,
    )


def _check(order: SubmitOrder, now_ns: int) -> None:
    if order.post_only and order.time_in_force in _IMMEDIATE:
        kind = ORDER_TYPES[order.time_in_force]
        raise refused(Refusal.UNSUPPORTED, f"post-only is for orders that rest, not {kind}")
    if order.reduce_only and order.action is Action.BUY:
        raise refused(Refusal.UNSUPPORTED, "only a sale can be reduce-only: nothing is held short")
    if (order.expires_ns is not None) is not (order.time_in_force is TimeInForce.GTD):
        raise refused(Refusal.INVALID_REQUEST, "good-till-date and an expiry belong together")
    if order.expires_ns is not None:
        seconds = (order.expires_ns - now_ns) / NANOSECONDS_PER_SECOND
        if seconds < GTD_SECONDS_MIN:
            raise refused(
                Refusal.INVALID_REQUEST,
                f"expires in {seconds:.0f} s; the venue takes {GTD_SECONDS_MIN} s or more",
            )


def _expiration(order: SubmitOrder) -> int:
    """Unix seconds, never later than asked; the venue ends the order a minute before it."""
    return 0 if order.expires_ns is None else order.expires_ns // NANOSECONDS_PER_SECOND


def placement(prepared: Prepared, reply: OrderReply) -> Placement:
    """What the answer to a new order proves. Raises VenueRefused and OutcomeUnknown."""
    _raise_if_refused(reply)
    if not reply.order_id:
        raise unknown("no_order_id", f"accepted without an id: status {reply.status}")
    filled = _filled(prepared, reply)
    status = _status(prepared, reply.status, filled)
    rest = None if filled is None else max(0, prepared.quantity - filled)
    remaining = 0 if status.is_final else rest
    return Placement(reply.order_id, status, filled, remaining, None)


def _raise_if_refused(reply: OrderReply) -> None:
    text = reply.error_msg or ""
    if reply.success and not text:
        return
    cause = refusal_of(text)
    if cause is None and reply.order_id:
        raise unknown("contradictory_reply", f"success {reply.success}, {text!r}, with an id")
    raise refused(cause or Refusal.INVALID_REQUEST, f"/order: {text}")


def _filled(prepared: Prepared, reply: OrderReply) -> int | None:
    """Contracts that matched at once; None where the venue left the amount empty."""
    buys = prepared.order.action is Action.BUY
    text = reply.taking_amount if buys else reply.making_amount
    if not text:
        return None
    try:
        filled = quantity_from_contracts(text, "amount")
    except Malformed as problem:
        raise unknown("unreadable_answer", f"/order: {problem}") from problem
    if filled < 0:
        raise unknown("unreadable_answer", f"/order: matched {text}")
    return filled


def _status(prepared: Prepared, status: str | None, filled: int | None) -> OrderStatus:
    match (status or "").lower():
        case "live":
            return OrderStatus.RESTING
        case "matched" if filled is None:
            return OrderStatus.PENDING
        case "matched" if filled is not None and filled >= prepared.quantity:
            return OrderStatus.FILLED
        case "matched" if prepared.order.time_in_force is TimeInForce.FOK:
            return OrderStatus.FILLED
        case "matched":
            return OrderStatus.CANCELED if prepared.ends_at_once else OrderStatus.RESTING
        case "delayed" | "unmatched":
            # Delayed orders wait 250 ms and more and cannot be canceled; "unmatched" is described
            # both as placed and as refused. Either way the venue knows the id: look it up.
            return OrderStatus.PENDING
        case other:
            raise unknown("unknown_status", f"/order: status {other!r}")


class OrderIds:
    """Our ids and the venue's, both ways, with the order itself; bounded, oldest first."""

    def __init__(self, most: int = ORDER_IDS_MAX) -> None:
        self._most = most
        self._venue_ids: OrderedDict[str, tuple[str, SubmitOrder]] = OrderedDict()
        self._own_ids: dict[str, str] = {}

    def add(self, order: SubmitOrder, order_id: str) -> None:
        before = self._venue_ids.pop(order.client_order_id, None)
        if before is not None:
            self._own_ids.pop(before[0], None)
        self._venue_ids[order.client_order_id] = (order_id.lower(), order)
        self._own_ids[order_id.lower()] = order.client_order_id
        while len(self._venue_ids) > self._most:
            _, (forgotten, _order) = self._venue_ids.popitem(last=False)
            self._own_ids.pop(forgotten, None)

    def venue_id(self, client_order_id: str) -> str | None:
        found = self._venue_ids.get(client_order_id)
        return None if found is None else found[0]

    def client_id(self, order_id: str) -> str | None:
        return self._own_ids.get(order_id.lower())

    def sent(self, order_id: str) -> SubmitOrder | None:
        """The order behind a venue id, when it is one of ours."""
        own = self._own_ids.get(order_id.lower())
        return None if own is None else self._venue_ids[own][1]
