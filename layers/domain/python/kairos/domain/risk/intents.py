"""An order and a position as the risk check sees them."""

from __future__ import annotations

from typing import Final, NamedTuple

from kairos.domain.instruments import Action, Outcome


class Groups(NamedTuple):
    """What a market's exposure counts towards, besides itself and the portfolio."""

    group: str  # a game, or an expiry of an underlying
    correlated: str
    venue: str


class Held(NamedTuple):
    """A market's position as the ledger has it: micro-contracts, and their cost in cash."""

    yes: int
    no: int
    cost: int

    def of(self, outcome: Outcome) -> int:
        return self.yes if outcome is Outcome.YES else self.no


class Intent(NamedTuple):
    """An order as risk sees it; price and quantity in the units of `kairos.domain.units`."""

    client_order_id: str
    market: str
    groups: Groups
    outcome: Outcome
    action: Action
    price: int
    quantity: int


NOTHING_HELD: Final = Held(0, 0, 0)
