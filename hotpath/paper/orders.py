"""One order at the paper venue, and where it stands on the two-legged book.

Buying an outcome takes the other leg's bids at one dollar minus their price, and rests on its own
leg. Selling takes its own leg's bids, and rests on the other leg at one dollar minus the limit.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from hotpath.paper.queue import QueuePosition
from hotpath.paper.reasons import Evidence, Refusal
from kairos.domain.fees.schedule import OrderFees
from kairos.domain.instruments import NO_LEG, YES_LEG, Action, Liquidity, Outcome
from kairos.domain.units import PRICE_PER_DOLLAR
from kairos.messages.commands import SubmitOrder, TimeInForce

# Levels of one leg, best first: price in the leg's units → micro-contracts.
Levels = dict[int, int]

# An enum member looked up on its class is slow enough to see in the cost of a message.
_BUY: Final = Action.BUY
_YES: Final = Outcome.YES


class PaperOrder:
    """An order in flight or resting. Leg prices are in the leg's own units.

    `take_floor` is the worst price of the taken leg that the limit still allows, `cross_floor` the
    worst at which a displayed bid there proves a fill of the resting order. `queue` is None while
    trades at our own price prove nothing: we are behind everything, or our place is unknown.
    `refused` is what the venue will answer whatever it finds; `blind` says that the book was never
    seen since the order arrived. `remaining` is what may still match, `filled` what was reported.
    `sightings` are the levels it was decided on; `saw_no_book` says that one of them is missing.
    """

    __slots__ = (
        "blind",
        "command",
        "cross_floor",
        "fees",
        "filled",
        "fills",
        "queue",
        "refused",
        "remaining",
        "reserved",
        "rest_leg",
        "rest_price",
        "resting",
        "saw_no_book",
        "sightings",
        "take_floor",
        "take_leg",
        "venue_order_id",
    )

    def __init__(self, command: SubmitOrder) -> None:
        own_leg = YES_LEG if command.outcome is _YES else NO_LEG
        buys = command.action is _BUY
        self.command = command
        self.rest_leg = own_leg if buys else 1 - own_leg
        self.rest_price = command.price if buys else PRICE_PER_DOLLAR - command.price
        self.take_leg = 1 - self.rest_leg
        self.take_floor = PRICE_PER_DOLLAR - self.rest_price
        self.cross_floor = self.take_floor
        self.remaining = command.quantity
        self.filled = 0
        self.reserved = 0
        self.fees: OrderFees | None = None
        self.venue_order_id = ""
        self.fills = 0
        self.queue: QueuePosition | None = None
        self.refused: Refusal | None = None
        self.resting = False
        self.blind = False
        self.saw_no_book = False
        self.sightings: list[Levels] = []

    @property
    def may_rest(self) -> bool:
        return self.command.time_in_force is TimeInForce.GTC

    @property
    def adds_yes(self) -> bool:
        """True when its fills move the position towards YES."""
        return self.rest_leg == YES_LEG

    def price_of(self, level: int) -> int:
        """The price, in the outcome's own units, of taking a bid at `level`."""
        return PRICE_PER_DOLLAR - level if self.command.action is _BUY else level

    def lose_sight_of(self, price: int, quantity: int) -> None:
        """Another of our orders took this from a level that this one saw."""
        for sighting in self.sightings:
            if price in sighting:
                sighting[price] = max(sighting[price] - quantity, 0)


class Match(NamedTuple):
    """What the market data gave an order. `price` in the outcome's own units."""

    order: PaperOrder
    price: int
    quantity: int
    liquidity: Liquidity
    evidence: Evidence
