"""Positions as the risk desk sees them: told by the account, grouped, and valued at the bids."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set

from hotpath.market import Market
from kairos.domain.book import BookState
from kairos.domain.contract import Contract
from kairos.domain.risk.intents import Groups, Held
from kairos.domain.risk.reservations import Reservations
from kairos.domain.units import PRICE_PER_DOLLAR

GroupsOf = Callable[[Market], Groups]


def kalshi_groups(correlated: Mapping[str, str]) -> GroupsOf:
    """What a Kalshi market's exposure counts towards, read from its contract and ticker.

    A contract on a value belongs to its underlying at the moment it closes, whatever the series;
    any other market to its game, which is the ticker's second part. `correlated` is series → name.
    """

    def groups_of(market: Market) -> Groups:
        series, _, rest = market.market_id.partition("-")
        together = correlated.get(series, series)
        if market.contract is not None:
            return Groups(f"{together}@{market.contract.close_ns}", together, "kalshi")
        return Groups(rest.partition("-")[0] or series, together, "kalshi")

    return groups_of


class Positions:
    """Every market where something is held or in flight."""

    def __init__(self, reservations: Reservations, groups_of: GroupsOf) -> None:
        self._reservations = reservations
        self._groups_of = groups_of
        self._markets: dict[str, Market] = {}
        self._marks: dict[str, tuple[int, int]] = {}
        self._groups: dict[str, tuple[Contract | None, Groups]] = {}

    def __len__(self) -> int:
        return len(self._markets)

    def groups(self, market: Market) -> Groups:
        known = self._groups.get(market.market_id)
        if known is None or known[0] is not market.contract:
            known = market.contract, self._groups_of(market)
            self._groups[market.market_id] = known
        return known[1]

    def note(self, market: Market) -> None:
        """Something is held of the market, or an order for it is open."""
        self._markets[market.market_id] = market

    def tell(self, market: Market) -> None:
        """The account's position in a market is what counts, from now on."""
        name = market.market_id
        held = Held(market.yes_held, market.no_held, market.cost)
        self._reservations.position(name, self.groups(market), held)
        if market.yes_held or market.no_held or market.in_flight:
            self._markets[name] = market
        else:
            self._markets.pop(name, None)
            self._marks.pop(name, None)

    def tell_all(self, markets: Mapping[str, Market], busy: Set[str]) -> None:
        """Every market where something is held or in flight, and those where it was."""
        for name in sorted(busy - self._markets.keys()):
            self.note(markets[name])
        for market in list(self._markets.values()):
            self.tell(market)

    def value(self, now_ns: int) -> int:
        """Micro-dollars that everything held would bring at the best bids, rounded down.

        A book that is not live, a market that is closed or paused and a book without any bid say
        nothing, and the last mark stays. A side without bids in a book that has some brings
        nothing. A position that never had a mark counts for nothing: no more is sure of it.
        """
        total = 0
        for name, market in self._markets.items():
            book = market.book
            yes, no = book.yes_bid, book.no_bid
            priced = yes is not None or no is not None
            if priced and book.state is BookState.LIVE and market.is_open(now_ns):
                self._marks[name] = yes or 0, no or 0
            mark = self._marks.get(name)
            if mark is not None:
                total += (mark[0] * market.yes_held + mark[1] * market.no_held) // PRICE_PER_DOLLAR
        return total
