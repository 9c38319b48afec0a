"""Cash, positions and profit of one venue account, balanced to the micro-dollar.

Cash is micro-dollars, prices 1/10 000 dollar, quantities 1/1 000 000 contract. Cost is average
cost: a sale takes its share of the cost with it, rounded down, and the last contract takes the
rest, so nothing is created or lost. After every change

    cash + cost of what is held == opening cash + realised profit − fees

and `Ledger.check` proves it. What cannot be booked raises Corrupt and changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from kairos.domain.instruments import Action, Outcome
from kairos.domain.units import PRICE_PER_DOLLAR, cash_dollars, contracts
from kairos.errors import Corrupt, Malformed

# At some 400 bytes each. A session that trades more starts a ledger from its closing balances.
FILLS_MAX: Final = 1_000_000


class LedgerRules(NamedTuple):
    """How a venue keeps an account.

    `netting`: buying one outcome while holding the other closes both; each pair pays $1.00 at
    once. Without it both are held until settlement.
    `allow_debt`: cash may fall below zero, for measuring a strategy that has no funds of its own.
    No venue lends, so on a real account debt means that a deposit or a fill was missed.
    """

    netting: bool
    allow_debt: bool


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


@dataclass(slots=True)
class _Holding:
    quantity: int = 0
    cost: int = 0

    def take(self, quantity: int) -> int:
        """Remove contracts and return their share of the cost."""
        cost = self.cost * quantity // self.quantity
        self.quantity -= quantity
        self.cost -= cost
        return cost


@dataclass(slots=True)
class _Market:
    """One market's books. `payout` is what YES paid, once it did."""

    held: dict[Outcome, _Holding] = field(
        default_factory=lambda: {Outcome.YES: _Holding(), Outcome.NO: _Holding()}
    )
    realised: int = 0
    fees: int = 0
    payout: int | None = None


class Ledger:
    """The books of one account at one venue."""

    def __init__(self, rules: LedgerRules, opening_cash: int) -> None:
        if opening_cash < 0 and not rules.allow_debt:
            raise Corrupt(f"an account cannot open with {cash_dollars(opening_cash)} dollars")
        self._rules = rules
        self._opening_cash = opening_cash
        self._cash = opening_cash
        self._realised = 0
        self._fees = 0
        self._markets: dict[str, _Market] = {}
        self._fills: dict[str, Fill] = {}

    @property
    def cash(self) -> int:
        return self._cash

    @property
    def opening_cash(self) -> int:
        return self._opening_cash

    @property
    def result(self) -> Result:
        """Realised profit and fees over all markets."""
        return Result(self._realised, self._fees)

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

    def held(self, market: str, outcome: Outcome) -> int:
        """Quantity held, ≥ 0."""
        books = self._markets.get(market)
        return books.held[outcome].quantity if books is not None else 0

    def cost(self, market: str) -> int:
        """What is held of a market cost this much, both outcomes together."""
        books = self._markets.get(market)
        return sum(holding.cost for holding in books.held.values()) if books is not None else 0

    def positions(self) -> Iterator[Position]:
        """What is held, in the order the markets were first traded."""
        for market, books in self._markets.items():
            for outcome, holding in books.held.items():
                if holding.quantity:
                    yield Position(market, outcome, holding.quantity, holding.cost)

    def apply(self, fill: Fill) -> bool:
        """Book a fill. False when this very fill was booked before, which changes nothing.

        Raises Corrupt for a fill id used twice, a settled market, more sold than held, and (unless
        debt is allowed) more spent than there is.
        """
        known = self._fills.get(fill.fill_id)
        if known is not None:
            if known != fill:
                raise Corrupt(f"fill {fill.fill_id} came as {known} and again as {fill}")
            return False
        books = self._markets.get(fill.market) or _Market()
        self._require_bookable(fill, books)
        pairs = self._pairs(fill, books)
        cash = self._cash + _cash_change(fill) + pairs
        if cash < 0 and not self._rules.allow_debt:
            raise Corrupt(
                f"fill {fill.fill_id} would leave {cash_dollars(cash)} dollars; a deposit or an "
                "earlier fill is missing: reconcile the account"
            )
        self._realised += _book(fill, books, pairs)
        self._fees += fill.fee
        self._cash = cash
        self._markets[fill.market] = books
        self._fills[fill.fill_id] = fill
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
        before = books.realised
        books.payout = yes_payout
        paid = _pay(books.held[Outcome.YES], yes_payout, books)
        paid += _pay(books.held[Outcome.NO], PRICE_PER_DOLLAR - yes_payout, books)
        self._realised += books.realised - before
        self._cash += paid
        return paid

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
        cost = sum(position.cost for position in self.positions())
        booked = self._opening_cash + self.result.net
        if self._cash + cost != booked:
            raise Corrupt(
                f"cash {cash_dollars(self._cash)} + cost {cash_dollars(cost)} is not "
                f"opening cash + profit − fees {cash_dollars(booked)}"
            )
        markets = self._markets.values()
        by_market = Result(sum(m.realised for m in markets), sum(m.fees for m in markets))
        if by_market != self.result:
            raise Corrupt(f"the markets sum to {by_market}, the account to {self.result}")
        bought = _net_bought(self._fills.values())
        for market, books in self._markets.items():
            self._check_positions(market, books, bought)

    def _check_positions(
        self, market: str, books: _Market, bought: Counter[tuple[str, Outcome]]
    ) -> None:
        """What was bought and is not held was paid out in pairs, so it is the same for both."""
        if books.payout is not None:
            held = sum(holding.quantity for holding in books.held.values())
            if held:
                raise Corrupt(f"{market} is settled and still holds {contracts(held)} contracts")
            return
        gone = [
            bought[market, outcome] - holding.quantity for outcome, holding in books.held.items()
        ]
        if gone[0] != gone[1] or gone[0] < 0 or (gone[0] and not self._rules.netting):
            raise Corrupt(f"positions of {market} are not the sum of its fills: {gone} is missing")

    def _require_bookable(self, fill: Fill, books: _Market) -> None:
        if len(self._fills) >= FILLS_MAX:
            raise Corrupt(f"{FILLS_MAX} fills: start a new ledger from the closing balances")
        if books.payout is not None:
            raise Corrupt(f"fill {fill.fill_id} came after {fill.market} was settled")
        held = books.held[fill.outcome].quantity
        if fill.action is Action.SELL and fill.quantity > held:
            raise Corrupt(
                f"fill {fill.fill_id} sells {contracts(fill.quantity)} of {fill.market} "
                f"{fill.outcome}, of which {contracts(held)} is held"
            )

    def _pairs(self, fill: Fill, books: _Market) -> int:
        """Pairs this fill closes, 1/1 000 000 contract: at $1.00 each, also micro-dollars."""
        if not self._rules.netting or fill.action is Action.SELL:
            return 0
        return min(fill.quantity, books.held[fill.outcome.other].quantity)


def _cash_change(fill: Fill) -> int:
    return (fill.notional if fill.action is Action.SELL else -fill.notional) - fill.fee


def _book(fill: Fill, books: _Market, pairs: int) -> int:
    """Change the market's books; returns the profit realised."""
    holding = books.held[fill.outcome]
    if fill.action is Action.SELL:
        realised = fill.notional - holding.take(fill.quantity)
    else:
        holding.quantity += fill.quantity
        holding.cost += fill.notional
        realised = _close_pairs(pairs, books) if pairs else 0
    books.realised += realised
    books.fees += fill.fee
    return realised


def _close_pairs(pairs: int, books: _Market) -> int:
    return pairs - books.held[Outcome.YES].take(pairs) - books.held[Outcome.NO].take(pairs)


def _pay(holding: _Holding, payout: int, books: _Market) -> int:
    paid = holding.quantity * payout // PRICE_PER_DOLLAR
    books.realised += paid - holding.cost
    holding.quantity = holding.cost = 0
    return paid


def _net_bought(fills: Iterable[Fill]) -> Counter[tuple[str, Outcome]]:
    bought: Counter[tuple[str, Outcome]] = Counter()
    for fill in fills:
        change = fill.quantity if fill.action is Action.BUY else -fill.quantity
        bought[fill.market, fill.outcome] += change
    return bought
