"""What is at stake, summed by market, group, correlated set, venue and portfolio.

A market's part stays, empty, until it settles: an order finds its totals one look-up away.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from kairos.domain.instruments import Outcome
from kairos.domain.risk.intents import NOTHING_HELD, Groups
from kairos.domain.risk.limits import Limit, RiskLimits
from kairos.errors import Corrupt

PORTFOLIO: Final = "portfolio"
_SCOPES: Final = (
    ("market", Limit.MARKET_DOLLARS),
    ("group", Limit.GROUP_DOLLARS),
    ("correlated", Limit.CORRELATED_DOLLARS),
    ("venue", Limit.VENUE_DOLLARS),
    (PORTFOLIO, Limit.PORTFOLIO_DOLLARS),
)


class Total:
    """Micro-dollars at stake in one scope, and the most that may be. `markets` add to it."""

    __slots__ = ("limit", "markets", "most", "name", "scope", "value")

    def __init__(self, scope: str, name: str, limit: Limit, most: int) -> None:
        self.scope = scope
        self.name = name
        self.limit = limit
        self.most = most
        self.value = 0
        self.markets = 0


class MarketRisk:
    """One market's part: what is held, and how many orders are open and may add.

    `claimed` is what orders in flight that only reduce will take of what is held.
    """

    __slots__ = ("adding", "claimed", "groups", "held", "orders", "totals")

    def __init__(self, groups: Groups, totals: tuple[Total, ...]) -> None:
        self.groups = groups
        self.totals = totals
        self.held = NOTHING_HELD
        self.orders = 0
        self.adding = 0
        self.claimed = {Outcome.YES: 0, Outcome.NO: 0}

    @property
    def is_empty(self) -> bool:
        return not self.orders and self.held == NOTHING_HELD

    def free(self, outcome: Outcome) -> int:
        return self.held.of(outcome) - self.claimed[outcome]

    def add(self, change: int) -> None:
        for total in self.totals:
            total.value += change
            if total.value < 0:
                raise Corrupt(f"the exposure of {total.scope} {total.name} is {total.value}")


class Exposure:
    """Markets with anything at stake, now or before, and the totals they add to."""

    def __init__(self, limits: RiskLimits) -> None:
        self._most = {scope: limits.cash(f"{scope}_dollars_max") for scope, _ in _SCOPES}
        most = self._most[PORTFOLIO]
        self.portfolio = Total(PORTFOLIO, "", Limit.PORTFOLIO_DOLLARS, most)
        self._totals: dict[tuple[str, str], Total] = {(PORTFOLIO, ""): self.portfolio}
        self.markets: dict[str, MarketRisk] = {}
        self.occupied: set[str] = set()  # with a position, or an order that may make one

    def of(self, scope: str, name: str) -> int:
        total = self._totals.get((scope, name))
        return total.value if total is not None else 0

    def overrun(self) -> Iterator[Total]:
        """Totals above what they may be."""
        return (total for total in self._totals.values() if total.value > total.most)

    def market(self, market_id: str, groups: Groups) -> MarketRisk:
        """The market's part, begun where it is new. While anything is at stake its groups stay."""
        market = self.markets.get(market_id)
        if market is not None:
            if market.groups == groups or not market.is_empty:
                return market
            self._forget(market_id, market)
        names = (market_id, groups.group, groups.correlated, groups.venue, "")
        scopes = zip(_SCOPES, names, strict=True)
        totals = tuple(self._total(scope, name, limit) for (scope, limit), name in scopes)
        market = self.markets[market_id] = MarketRisk(groups, totals)
        return market

    def _total(self, scope: str, name: str, limit: Limit) -> Total:
        total = self._totals.get((scope, name))
        if total is None:
            total = self._totals[scope, name] = Total(scope, name, limit, self._most[scope])
        total.markets += 1
        return total

    def note(self, market_id: str, market: MarketRisk) -> None:
        """Count the market as a position as long as it is one or may become one."""
        if market.adding or market.held.yes or market.held.no:
            self.occupied.add(market_id)
        else:
            self.occupied.discard(market_id)

    def settled(self, market_id: str, market: MarketRisk) -> None:
        """Nothing new will come of the market: forget it if nothing is left of it."""
        if market.is_empty:
            self._forget(market_id, market)

    def _forget(self, market_id: str, market: MarketRisk) -> None:
        del self.markets[market_id]
        for total in market.totals:
            total.markets -= 1
            if not total.markets and total is not self.portfolio:
                del self._totals[total.scope, total.name]
