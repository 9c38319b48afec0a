"""One execution, as the ledger and the lots book it."""

from __future__ import annotations

from dataclasses import dataclass

from kairos.domain.instruments import Action, Outcome
from kairos.domain.units import PRICE_PER_DOLLAR
from kairos.errors import Malformed


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution. `notional` is what the contracts cost or brought, before the fee (≥ 0);
    `fee` may be negative (a rebate). Use `Fill.priced` unless the venue states the notional."""

    fill_id: str
    market: str
    outcome: Outcome
    action: Action
    price: int
    quantity: int
    notional: int
    fee: int

    def __post_init__(self) -> None:
        if not 0 <= self.price <= PRICE_PER_DOLLAR or self.quantity <= 0 or self.notional < 0:
            raise Malformed("bad_fill", "fill", f"{self} is no fill")

    @classmethod
    def priced(
        cls,
        fill_id: str,
        market: str,
        outcome: Outcome,
        action: Action,
        price: int,
        quantity: int,
        fee: int,
    ) -> Fill:
        """A fill at price × quantity; what is finer than a micro-dollar is rounded against us."""
        exact = price * quantity
        notional = (
            -(-exact // PRICE_PER_DOLLAR) if action is Action.BUY else exact // PRICE_PER_DOLLAR
        )
        return cls(fill_id, market, outcome, action, price, quantity, notional, fee)
