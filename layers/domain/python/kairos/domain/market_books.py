"""What one market did to an account: holdings at average cost, cash moved, profit, fees, payout.

A sale takes its share of the cost with it, rounded down, and the last contract takes the rest, so
nothing is created or lost. Where fills may arrive in another order than they happened, a sale of
what is not held yet waits for its purchase or, on a netting account, opens the other outcome, which
is what the venue does; both ways the result no longer depends on the order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from kairos.domain.fill import Fill
from kairos.domain.instruments import Action, Outcome
from kairos.domain.units import PRICE_PER_DOLLAR, QUANTITY_PER_CONTRACT, contracts
from kairos.errors import Corrupt


class LedgerRules(NamedTuple):
    """How a venue keeps an account.

    `netting`: buying one outcome while holding the other closes both; each pair pays $1.00 at
    once. Without it both are held until settlement.
    `allow_debt`: cash may fall below zero, for measuring a strategy that has no funds of its own.
    No venue lends, so on a real account debt means that a deposit or a fill was missed.
    `any_order`: fills may be heard in another order than they happened, after a settlement even,
    as on a live account. Without it what does not fit is Corrupt at once.
    """

    netting: bool
    allow_debt: bool
    any_order: bool = False


class Totals(NamedTuple):
    """Cash that came in (less what went out), cost of what is held, profit before fees, fees."""

    cash: int
    cost: int
    realised: int
    fees: int

    def less(self, other: Totals) -> Totals:
        return Totals(*(mine - theirs for mine, theirs in zip(self, other, strict=True)))


@dataclass(slots=True)
class Holding:
    quantity: int = 0
    cost: int = 0

    def take(self, quantity: int) -> int:
        """Remove contracts and return their share of the cost."""
        cost = self.cost * quantity // self.quantity
        self.quantity -= quantity
        self.cost -= cost
        return cost


def _nothing_held() -> dict[Outcome, Holding]:
    return {Outcome.YES: Holding(), Outcome.NO: Holding()}


@dataclass(slots=True)
class MarketBooks:
    """One market's books. `payout` is what YES paid, once it did.

    `waiting` are sales heard of before what they sold; they count nowhere yet.
    """

    rules: LedgerRules
    held: dict[Outcome, Holding] = field(default_factory=_nothing_held)
    adopted: dict[Outcome, Holding] = field(default_factory=_nothing_held)
    cash: int = 0
    realised: int = 0
    fees: int = 0
    payout: int | None = None
    waiting: tuple[Fill, ...] = ()

    @property
    def totals(self) -> Totals:
        cost = self.held[Outcome.YES].cost + self.held[Outcome.NO].cost
        return Totals(self.cash, cost, self.realised, self.fees)

    def copy(self) -> MarketBooks:
        held = {outcome: replace(holding) for outcome, holding in self.held.items()}
        adopted = {outcome: replace(holding) for outcome, holding in self.adopted.items()}
        return replace(self, held=held, adopted=adopted)

    def rebuilt(self, fills: Iterable[Fill]) -> MarketBooks:
        """The same market if these had been all its fills."""
        books = MarketBooks(self.rules)
        for outcome, holding in self.adopted.items():
            books.adopt(outcome, holding.quantity, holding.cost)
        for fill in fills:
            books.book(fill)
        if self.payout is not None:
            books.settle(self.payout)
        return books

    def adopt(self, outcome: Outcome, quantity: int, cost: int) -> None:
        for holding in (self.held[outcome], self.adopted[outcome]):
            holding.quantity += quantity
            holding.cost += cost

    def book(self, fill: Fill) -> None:
        """Book a fill before settlement; raises Corrupt for a sale of more than is held."""
        excess = self._oversold(fill)
        if excess and self.rules.any_order and not self.rules.netting:
            self.waiting += (fill,)
            return
        if excess and not self.rules.any_order:
            held = contracts(self.held[fill.outcome].quantity)
            raise Corrupt(
                f"fill {fill.fill_id} sells {contracts(fill.quantity)} of {fill.market} "
                f"{fill.outcome}, of which {held} is held"
            )
        self._book(fill, excess)
        if self.waiting and fill.action is Action.BUY:
            self._book_waiting()

    def charge(self, more: int) -> None:
        """Fees rise by `more`."""
        self.fees += more
        self.cash -= more

    def settle(self, payout: int) -> int:
        """Pay out what is held; the cash paid, rounded down per outcome."""
        self.payout = payout
        paid = self._pay(self.held[Outcome.YES], payout)
        return paid + self._pay(self.held[Outcome.NO], PRICE_PER_DOLLAR - payout)

    def _oversold(self, fill: Fill) -> int:
        if fill.action is Action.BUY:
            return 0
        return max(fill.quantity - self.held[fill.outcome].quantity, 0)

    def _book_waiting(self) -> None:
        """Two sales cannot compete: in the end there is enough for all, and one fits at a time."""
        for fill in self.waiting:
            if not self._oversold(fill):
                self.waiting = tuple(one for one in self.waiting if one is not fill)
                self._book(fill, 0)

    def _book(self, fill: Fill, excess: int) -> None:
        self.charge(fill.fee)
        if fill.action is Action.SELL:
            self._sell(fill, excess)
        else:
            self._buy(fill.outcome, fill.quantity, fill.notional)

    def _sell(self, fill: Fill, excess: int) -> None:
        """What exceeds the holding buys the other outcome: a dollar less what the sale brought."""
        opening = fill.notional * excess // fill.quantity
        closing = fill.notional - opening
        if fill.quantity > excess:
            sold = fill.quantity - excess
            self.realised += closing - self.held[fill.outcome].take(sold)
            self.cash += closing
        if excess:
            self._buy(fill.outcome.other, excess, _dollar_each(excess) - opening)

    def _buy(self, outcome: Outcome, quantity: int, notional: int) -> None:
        holding = self.held[outcome]
        holding.quantity += quantity
        holding.cost += notional
        self.cash -= notional
        if self.rules.netting:
            self._close_pairs()

    def _close_pairs(self) -> None:
        yes, no = self.held[Outcome.YES], self.held[Outcome.NO]
        pairs = min(yes.quantity, no.quantity)
        if pairs:
            paid = _dollar_each(pairs)
            self.realised += paid - yes.take(pairs) - no.take(pairs)
            self.cash += paid

    def _pay(self, holding: Holding, payout: int) -> int:
        paid = holding.quantity * payout // PRICE_PER_DOLLAR
        self.realised += paid - holding.cost
        self.cash += paid
        holding.quantity = holding.cost = 0
        return paid


def _dollar_each(quantity: int) -> int:
    """Micro-dollars for pairs at $1.00: a micro-contract is worth a micro-dollar."""
    return quantity * 1_000_000 // QUANTITY_PER_CONTRACT
