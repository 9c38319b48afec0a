"""What a venue says about our orders, fills, positions and cash, in our units, whatever its own.

A fact that a venue did not state is None, never zero. Identity is the venue's.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from kairos.domain.grid import Ranges
from kairos.domain.instruments import Action, Liquidity, Outcome, Venue


class OrderStatus(StrEnum):
    """Where an order stands at the venue."""

    PENDING = "pending"  # taken in, not yet matched or resting (delayed, in a risk check)
    RESTING = "resting"
    FILLED = "filled"
    CANCELED = "canceled"
    REJECTED = "rejected"
    EXPIRED = "expired"

    @property
    def is_final(self) -> bool:
        return self not in (OrderStatus.PENDING, OrderStatus.RESTING)


class FillState(StrEnum):
    """Whether a fill may still be undone: on-chain settlement can fail after the match."""

    PENDING = "pending"
    FINAL = "final"
    VOID = "void"


class Placement(msgspec.Struct, gc=False, frozen=True):
    """The venue's answer to a new order: proof that it has it.

    `filled` and `remaining` are micro-contracts at the time of the answer.
    """

    venue_order_id: str
    status: OrderStatus
    filled: int | None
    remaining: int | None
    venue_ns: int | None


class VenueOrder(msgspec.Struct, gc=False, frozen=True):
    """An order as the venue reports it. `price` is in the outcome's own units."""

    venue: Venue
    venue_order_id: str
    client_order_id: str | None
    market: str
    outcome: Outcome
    action: Action
    price: int
    quantity: int
    filled: int
    status: OrderStatus
    reason: str
    created_ns: int | None
    expires_ns: int | None
    updated_ns: int | None


class VenueFill(msgspec.Struct, gc=False, frozen=True):
    """One execution as the venue reports it. `notional` and `fee` are micro-dollars; a negative
    fee is a rebate. `fee` is None where the venue has not said it yet."""

    venue: Venue
    fill_id: str
    venue_order_id: str
    client_order_id: str | None
    market: str
    outcome: Outcome
    action: Action
    price: int
    quantity: int
    notional: int
    fee: int | None
    liquidity: Liquidity
    state: FillState
    venue_ns: int


class VenuePosition(msgspec.Struct, gc=False, frozen=True):
    """What the venue says we hold of one outcome."""

    venue: Venue
    market: str
    outcome: Outcome
    quantity: int


class VenueBalance(msgspec.Struct, gc=False, frozen=True):
    """Cash in micro-dollars that the venue says we may trade with."""

    venue: Venue
    cash: int


class VenueMarket(msgspec.Struct, gc=False, frozen=True):
    """A market of a venue's catalogue. `instruments` are the venue's ids of (YES, NO) where each
    outcome has one of its own. `ranges` is the price grid, `quantity_min` the least order."""

    venue: Venue
    market: str
    title: str
    status: str
    is_trading: bool
    instruments: tuple[str, str] | None
    ranges: Ranges | None
    quantity_min: int | None
    open_ns: int | None
    close_ns: int | None
    strike_type: str | None
    floor_strike: str | None
    cap_strike: str | None
    result: Outcome | None
    attributes: dict[str, str]
