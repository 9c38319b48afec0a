"""Cash, positions and profit of one venue account, balanced to the micro-dollar.

Cash is micro-dollars, prices 1/10 000 dollar, quantities 1/1 000 000 contract. Cost is average
cost. Every change is one entry of a double-entry book (`kairos.domain.double_entry`), and after
every change

    cash + cost of what is held == what was brought in + realised profit − fees

`Ledger.check` proves it. What cannot be booked raises Corrupt and changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from kairos.domain.double_entry import Book, DoubleEntry, Entry, Posting
from kairos.domain.fill import Fill
from kairos.domain.instruments import Action, Outcome
from kairos.domain.market_books import LedgerRules, MarketBooks, Totals
from kairos.domain.units import PRICE_PER_DOLLAR, cash_dollars, contracts
from kairos.errors import Corrupt, Malformed

__all__ = ["FILLS_MAX", "Fill", "Ledger", "LedgerRules", "Position", "Result", "Valuation"]

# At some 400 bytes each. A session that trades more starts a ledger from its closing balances.
FILLS_MAX: Final = 1_000_000


class Position(NamedTuple):
    """What is held of one outcome, and what it cost (fees apart)."""

    market: str
    outcome: Outcome
    quantity: int
    cost: int


class Result(NamedTuple):
    """Profit in micro-dollars. `realised` is gross; `net` is after fees."""

    realised: int
    fees: int

    @property
    def net(self) -> int:
        return self.realised - self.fees


class Valuation(NamedTuple):
    """Open positions at given prices. Those without a price are listed, not valued."""

    value: int
    unrealised: int
    unmarked: tuple[Position, ...]


class Ledger:
    """The books of one account at one venue. `record` hears every entry, if anyone keeps them."""

    def __init__(
        self, rules: LedgerRules, opening_cash: int, record: Callable[[Entry], None] | None = None
    ) -> None:
        if opening_cash < 0 and not rules.allow_debt:
            raise Corrupt(f"an account cannot open with {cash_dollars(opening_cash)} dollars")
        self._rules = rules
        self._opening_cash = opening_cash
        self._markets: dict[str, MarketBooks] = {}
        self._fills: dict[str, Fill] = {}
        self._voided: set[str] = set()
        self._charged: set[str] = set()  # fills whose fee was corrected
        self.entries = DoubleEntry(record)
        self._bring("opening", "account", opening_cash)

    @property
    def cash(self) -> int:
        """All cash, whether or not open buys have set it aside."""
        return self.entries.balance(Book.CASH) + self.entries.balance(Book.RESERVED)

    @property
    def reserved(self) -> int:
        """Cash that open buys may still take."""
        return self.entries.balance(Book.RESERVED)

    @property
    def opening_cash(self) -> int:
        return self._opening_cash

    @property
    def result(self) -> Result:
        """Realised profit and fees over all markets."""
        return Result(-self.entries.balance(Book.REALISED), self.entries.balance(Book.FEES))

    def market_result(self, market: str) -> Result:
        """Realised profit and fees of one market; zero where nothing was traded."""
        books = self._markets.get(market)
        return Result(books.realised, books.fees) if books is not None else Result(0, 0)

    def markets(self) -> tuple[str, ...]:
        """Every market with a fill, in the order they were first traded."""
        return tuple(self._markets)

    def fills(self) -> tuple[Fill, ...]:
        """Every fill booked, in order."""
        return tuple(self._fills.values())

    def booked(self, fill_id: str) -> bool:
        return fill_id in self._fills

    def knows(self, fill_id: str) -> bool:
        """Whether this fill was booked or voided before."""
        return fill_id in self._fills or fill_id in self._voided

    def waiting(self) -> tuple[Fill, ...]:
        """Sales heard of before what they sold; they are in no position and no cash yet."""
        return tuple(fill for books in self._markets.values() for fill in books.waiting)

    def held(self, market: str, outcome: Outcome) -> int:
        """Quantity held, ≥ 0."""
        books = self._markets.get(market)
        return books.held[outcome].quantity if books is not None else 0

    def cost(self, market: str) -> int:
        """What is held of a market cost this much, both outcomes together."""
        books = self._markets.get(market)
        return books.totals.cost if books is not None else 0

    def positions(self) -> Iterator[Position]:
        """What is held, in the order the markets were first traded."""
        for market, books in self._markets.items():
            for outcome, holding in books.held.items():
                if holding.quantity:
                    yield Position(market, outcome, holding.quantity, holding.cost)

    # What happened

    def apply(self, fill: Fill) -> bool:
        """Book a fill. False when this very fill was booked before, which changes nothing.

        A fill that was voided is not booked. Raises Corrupt for a fill id used twice, more spent
        than there is (unless debt is allowed), and, unless fills may come in any order, a settled
        market and more sold than held.
        """
        if fill.fill_id in self._voided:
            return False
        known = self._fills.get(fill.fill_id)
        if known is not None:
            self._require_same(known, fill)
            return False
        if len(self._fills) >= FILLS_MAX:
            raise Corrupt(f"{FILLS_MAX} fills: start a new ledger from the closing balances")
        before = self._markets.get(fill.market) or MarketBooks(self._rules)
        after = self._with(fill, before)
        self._require_funds(fill, after.totals.less(before.totals).cash)
        self._fills[fill.fill_id] = fill
        self._change("fill", fill.fill_id, fill.market, before, after)
        return True

    def void(self, fill_id: str) -> bool:
        """A fill never settled. False when nothing was booked; it will not be booked later."""
        if len(self._voided) >= FILLS_MAX:
            raise Corrupt(f"{FILLS_MAX} voided fills: reconcile the account and start anew")
        fill = self._fills.get(fill_id)
        if fill is None:
            self._voided.add(fill_id)
            return False
        before = self._markets[fill.market]
        after = before.rebuilt(one for one in self._of(fill.market) if one is not fill)
        self._voided.add(fill_id)
        del self._fills[fill_id]
        self._change("void", fill_id, fill.market, before, after)
        return True

    def charge(self, fill_id: str, fee: int) -> bool:
        """The fee the venue charged in the end, in place of the one booked. False: no change."""
        fill = self._fills.get(fill_id)
        if fill is None or fill.fee == fee:
            return False
        self._charged.add(fill_id)
        charged = self._fills[fill_id] = replace(fill, fee=fee)
        before = self._markets[fill.market]
        after = before.copy()
        if fill in before.waiting:
            after.waiting = tuple(charged if one is fill else one for one in before.waiting)
        else:
            after.charge(fee - fill.fee)
        self._change("fee", fill_id, fill.market, before, after)
        return True

    def settle(self, market: str, yes_payout: int) -> int:
        """Pay out a market: YES `yes_payout` price units per contract, NO the rest of a dollar.

        Returns the cash paid, rounded down per outcome (0 and 10 000 are exact). A repeat pays
        nothing; a different payout for a settled market raises Corrupt. A market without a fill
        is not remembered.
        """
        if not 0 <= yes_payout <= PRICE_PER_DOLLAR:
            raise Malformed("price_out_of_range", "yes_payout", f"{yes_payout} is no payout")
        books = self._markets.get(market)
        if books is None or books.payout == yes_payout:
            return 0
        if books.payout is not None:
            raise Corrupt(f"{market} paid {books.payout} for YES and now claims {yes_payout}")
        settled = books.copy()
        paid = settled.settle(yes_payout)
        self._change("settlement", market, market, books, settled)
        return paid

    def reserve(self, reference: str, amount: int) -> None:
        """Set cash aside for an order, or give it back (negative)."""
        self.entries.post(
            "reserve", reference, Posting(Book.CASH, -amount), Posting(Book.RESERVED, amount)
        )

    def adjust(self, amount: int, reason: str) -> None:
        """Cash came or went outside trading: a deposit, a withdrawal, an opening balance."""
        self._bring("adjustment", reason, amount)

    def adopt(self, market: str, outcome: Outcome, quantity: int, cost: int) -> None:
        """Take over a position from before these books; what it cost was brought in."""
        if quantity <= 0 or cost < 0 or self.held(market, outcome.other):
            raise Corrupt(f"{quantity} of {market} {outcome} at cost {cost} cannot be adopted")
        before = self._markets.get(market) or MarketBooks(self._rules)
        after = before.copy()
        after.adopt(outcome, quantity, cost)
        self._markets[market] = after
        postings = Posting(Book.POSITIONS, cost), Posting(Book.EQUITY, -cost)
        self.entries.post("adoption", market, *postings)

    # What it is worth, and whether it is right

    def value(self, marks: Mapping[tuple[str, Outcome], int]) -> Valuation:
        """Value what is held at `marks` (usually bids): (market, outcome) → price."""
        value = unrealised = 0
        unmarked = []
        for position in self.positions():
            mark = marks.get((position.market, position.outcome))
            if mark is None:
                unmarked.append(position)
                continue
            worth = mark * position.quantity // PRICE_PER_DOLLAR
            value += worth
            unrealised += worth - position.cost
        return Valuation(value, unrealised, tuple(unmarked))

    def check(self) -> None:
        """Prove the books: cash balances and positions are the sum of their fills, else Corrupt."""
        self.entries.check()
        totals = [books.totals for books in self._markets.values()]
        by_market = Totals(
            *(sum(column) for column in zip(Totals(0, 0, 0, 0), *totals, strict=True))
        )
        adopted = sum(h.cost for b in self._markets.values() for h in b.adopted.values())
        if by_market.cash + by_market.cost != by_market.realised - by_market.fees + adopted:
            raise Corrupt(f"the markets made and lost something out of nothing: {by_market}")
        booked = (self.entries.balance(Book.POSITIONS), self.result)
        if booked != (by_market.cost, Result(by_market.realised, by_market.fees)):
            raise Corrupt(f"the markets sum to {by_market}, the account to {booked}")
        bought = _net_bought(self._fills.values())
        for market, books in self._markets.items():
            self._check_positions(market, books, bought)

    def _check_positions(
        self, market: str, books: MarketBooks, bought: Counter[tuple[str, Outcome]]
    ) -> None:
        """What was bought and is not held was paid out in pairs, so it is the same for both."""
        if books.payout is not None:
            held = sum(holding.quantity for holding in books.held.values())
            if held:
                raise Corrupt(f"{market} is settled and still holds {contracts(held)} contracts")
            return
        waiting = _net_bought(books.waiting)
        gone = [
            bought[market, outcome]
            + books.adopted[outcome].quantity
            - waiting[market, outcome]
            - holding.quantity
            for outcome, holding in books.held.items()
        ]
        opens_other = self._rules.netting and self._rules.any_order
        if gone[0] != gone[1] or (gone[0] < 0 and not opens_other) or self._unpaired(gone[0]):
            raise Corrupt(f"positions of {market} are not the sum of its fills: {gone} is missing")

    def _unpaired(self, gone: int) -> bool:
        return gone != 0 and not self._rules.netting

    # How it is booked

    def _with(self, fill: Fill, before: MarketBooks) -> MarketBooks:
        if before.payout is not None:
            if not self._rules.any_order:
                raise Corrupt(f"fill {fill.fill_id} came after {fill.market} was settled")
            return before.rebuilt([*self._of(fill.market), fill])
        after = before.copy()
        after.book(fill)
        return after

    def _of(self, market: str) -> list[Fill]:
        return [fill for fill in self._fills.values() if fill.market == market]

    def _require_same(self, known: Fill, fill: Fill) -> None:
        if fill.fill_id in self._charged:
            fill = replace(fill, fee=known.fee)
        if known != fill:
            raise Corrupt(f"fill {fill.fill_id} came as {known} and again as {fill}")

    def _require_funds(self, fill: Fill, change: int) -> None:
        cash = self.cash + change
        if cash < 0 and not self._rules.allow_debt:
            raise Corrupt(
                f"fill {fill.fill_id} would leave {cash_dollars(cash)} dollars; a deposit or an "
                "earlier fill is missing: reconcile the account"
            )

    def _change(
        self, kind: str, reference: str, market: str, before: MarketBooks, after: MarketBooks
    ) -> None:
        change = after.totals.less(before.totals)
        self.entries.post(
            kind,
            reference,
            Posting(Book.CASH, change.cash),
            Posting(Book.POSITIONS, change.cost),
            Posting(Book.FEES, change.fees),
            Posting(Book.REALISED, -change.realised),
        )
        self._markets[market] = after

    def _bring(self, kind: str, reference: str, cash: int) -> None:
        self.entries.post(kind, reference, Posting(Book.CASH, cash), Posting(Book.EQUITY, -cash))


def _net_bought(fills: Iterable[Fill]) -> Counter[tuple[str, Outcome]]:
    bought: Counter[tuple[str, Outcome]] = Counter()
    for fill in fills:
        change = fill.quantity if fill.action is Action.BUY else -fill.quantity
        bought[fill.market, fill.outcome] += change
    return bought
