"""What an order's evidence consists of, and what can follow from a piece of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from kairos.domain.instruments import Liquidity


class Terms(NamedTuple):
    """Limit in the outcome's own units; quantity is filled plus what shall rest."""

    price: int
    quantity: int


@dataclass(frozen=True, slots=True)
class OrderFill:
    """One execution. `notional` and `fee` are micro-dollars; None where the venue has not said."""

    fill_id: str
    venue_order_id: str
    price: int
    quantity: int
    notional: int | None
    fee: int | None
    liquidity: Liquidity


@dataclass(frozen=True, slots=True)
class Accepted:
    """The venue has the order."""

    venue_order_id: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """The venue proved that it never had the order."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """What became of the order is not proved, or not any more."""

    detail: str


@dataclass(frozen=True, slots=True)
class Filled:
    """An execution that was not known before."""

    fill: OrderFill


@dataclass(frozen=True, slots=True)
class Voided:
    """An execution that was announced as `Filled` never settled."""

    fill_id: str


@dataclass(frozen=True, slots=True)
class Charged:
    """The venue said what an execution cost that was announced without a fee, or with another."""

    fill_id: str
    fee: int


@dataclass(frozen=True, slots=True)
class Amended:
    """The order stands at new terms."""

    terms: Terms


@dataclass(frozen=True, slots=True)
class AmendRefused:
    """The order stands at its old terms."""

    reason: str


@dataclass(frozen=True, slots=True)
class Closed:
    """The order has ended and all its fills are known."""

    reason: str


Effect = Accepted | Rejected | Unknown | Filled | Voided | Charged | Amended | AmendRefused | Closed
