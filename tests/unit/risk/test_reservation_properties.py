"""Over any sequence of intents, fills, rejections and unknowns: limits hold, sums end at nothing.

A model venue holds the truth: what is open, what was filled. The reservations see what they would
be told, in any order, and never see the outcome of an unknown order before it is proved.
"""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from kairos.domain.instruments import Action, Outcome
from kairos.domain.ledger import Fill, Ledger, LedgerRules
from kairos.domain.risk.intents import Groups, Held, Intent
from kairos.domain.risk.limits import RiskLimits
from kairos.domain.risk.reservations import Reservations
from tests.support.risk import limits

EQUITY = 100_000_000
GRID = 10_000  # 0.01 contract, on which cost is exact
MARKETS = {
    "A": Groups("G1", "X", "kalshi"),
    "B": Groups("G1", "X", "kalshi"),
    "C": Groups("G2", "X", "kalshi"),
    "D": Groups("G3", "Y", "polymarket"),
}
LIMITS: RiskLimits = limits(
    order_contracts_max=40, order_dollars_max=8, market_dollars_max=10, group_dollars_max=15,
    correlated_dollars_max=20, venue_dollars_max=20, portfolio_dollars_max=25,
    portfolio_percent_max=24, open_positions_max=3,
)  # fmt: skip


class Trading(RuleBasedStateMachine):
    """Random orders in four markets of three groups, two correlated sets and two venues."""

    orders = Bundle("orders")

    def __init__(self) -> None:
        super().__init__()
        self.book = Reservations(LIMITS, netting=True)
        self.ledger = Ledger(LedgerRules(netting=True, allow_debt=False), 1_000_000_000)
        self.open: dict[str, Intent] = {}
        self.filled: dict[str, int] = {}
        self.settled: set[str] = set()
        self.number = 0

    @rule(
        target=orders,
        market=st.sampled_from(sorted(MARKETS)),
        outcome=st.sampled_from(Outcome),
        action=st.sampled_from(Action),
        price=st.integers(1, 9_999),
        quantity=st.integers(1, 5_000),
    )
    def send(
        self, market: str, outcome: Outcome, action: Action, price: int, quantity: int
    ) -> str | None:
        self.number += 1
        name = f"o{self.number}"
        intent = Intent(name, market, MARKETS[market], outcome, action, price, quantity * GRID)
        if market in self.settled:
            return None
        reducing = self.only_reduces(intent)
        breaches = self.book.reserve(intent, EQUITY)
        assert not (reducing and breaches), "the reducing side is never blocked"
        if breaches:
            assert name not in self.book
            return None
        assert reducing or action is Action.BUY
        self.open[name], self.filled[name] = intent, 0
        return name

    def only_reduces(self, intent: Intent) -> bool:
        """Our own account of it: even if every other exit fills, this one has enough to take."""
        source = intent.outcome if intent.action is Action.SELL else intent.outcome.other
        free = self.ledger.held(intent.market, source)
        for name, other in self.open.items():
            if other.market == intent.market and self.book.only_reduces(name):
                takes = other.outcome if other.action is Action.SELL else other.outcome.other
                free -= (other.quantity - self.filled[name]) if takes is source else 0
        return intent.quantity <= free

    @rule(name=orders, part=st.integers(1, 100), better=st.integers(0, 500))
    def fill(self, name: str | None, part: int, better: int) -> None:
        if name is None or name not in self.open:
            return
        intent = self.open[name]
        if intent.market in self.settled:
            return
        rest = intent.quantity - self.filled[name]
        quantity = -(-rest * part // 100 // GRID) * GRID
        if intent.action is Action.SELL:  # only what is held can have been sold
            quantity = min(quantity, self.ledger.held(intent.market, intent.outcome))
        if quantity <= 0 or quantity > rest:
            return
        price = max(intent.price - better, 1) if intent.action is Action.BUY else intent.price
        self.filled[name] += quantity
        self.ledger.apply(
            Fill.priced(f"{name}:{self.filled[name]}", intent.market, intent.outcome,
                        intent.action, price, quantity, 0)
        )  # fmt: skip
        self.book.fill(name, self.filled[name])
        self.tell(intent.market)

    @rule(name=consumes(orders))
    def close(self, name: str | None) -> None:
        """Proved: rejected, canceled, expired or done. Until then it is in flight or unknown."""
        if name is not None and name in self.open:
            del self.open[name]
            self.book.release(name)

    @rule(market=st.sampled_from(sorted(MARKETS)), payout=st.sampled_from([0, 10_000]))
    def settle(self, market: str, payout: int) -> None:
        if market not in self.settled and self.ledger.held(market, Outcome.YES):
            self.settled.add(market)
            self.ledger.settle(market, payout)
            self.tell(market)

    def tell(self, market: str) -> None:
        yes, no = (self.ledger.held(market, outcome) for outcome in Outcome)
        self.book.position(market, MARKETS[market], Held(yes, no, self.ledger.cost(market)))

    def truth(self, markets: set[str]) -> int:
        """The most that can be lost if every open order that adds fills at its limit."""
        adding = sum(
            intent.price * (intent.quantity - self.filled[name]) // 10_000
            for name, intent in self.open.items()
            if intent.market in markets and not self.book.only_reduces(name)
        )
        return adding + sum(self.ledger.cost(market) for market in markets)

    @invariant()
    def exposure_is_what_it_is_and_within_every_limit(self) -> None:
        scopes = {("market", market): {market} for market in MARKETS}
        scopes["portfolio", ""] = set(MARKETS)
        for number, scope in enumerate(("group", "correlated", "venue")):
            for market, groups in MARKETS.items():
                scopes.setdefault((scope, groups[number]), set()).add(market)
        for (scope, name), markets in scopes.items():
            truth = self.truth(markets)
            assert 0 <= self.book.exposure(scope, name) == truth
            assert truth <= LIMITS.cash(f"{scope}_dollars_max")
        assert self.book.portfolio * 100 <= LIMITS.portfolio_percent_max * EQUITY
        assert self.book.open_positions <= LIMITS.open_positions_max
        assert self.book.overruns(EQUITY) == ()

    @invariant()
    def nothing_is_reserved_below_zero(self) -> None:
        assert self.book.orders == len(self.open)
        assert all(self.book.reserved(name) >= 0 for name in self.open)

    def teardown(self) -> None:
        """When every order is proved closed and every market settled, nothing is left."""
        for name in list(self.open):
            del self.open[name]
            self.book.release(name)
        assert self.book.portfolio == sum(self.ledger.cost(market) for market in MARKETS)
        for market in MARKETS:
            if market not in self.settled:
                self.ledger.settle(market, 0)
                self.tell(market)
        assert (self.book.portfolio, self.book.orders, self.book.open_positions) == (0, 0, 0)
        self.ledger.check()


TestTrading = Trading.TestCase
TestTrading.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
