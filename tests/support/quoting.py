"""A strategy for live tests: it sends the orders that a test asks for and has no view at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from hotpath.account import Account
from hotpath.assembly import RunSettings, StrategyOf
from hotpath.market import Market
from hotpath.spot import Spot
from hotpath.strategies.base import NOTHING, Commands
from hotpath.strategies.order_ids import order_id
from kairos.domain.book import BookState
from kairos.domain.instruments import Action, Outcome
from kairos.messages.commands import Command, SubmitOrder, TimeInForce
from kairos.messages.events import IndexValue, VenueQuote

CONTRACT = 1_000_000


class Wish(NamedTuple):
    """An order to send. `away` is how far from the price that would take it rests; 0 takes."""

    action: Action
    contracts: int
    tif: TimeInForce
    away: int = 0


class Quoter:
    """Sends the next wish, once a second of session time, in the market that closes last, as soon
    as nothing is in flight there."""

    profile = "quoter"

    def __init__(self, wishes: Sequence[Wish], account: Account) -> None:
        self._wishes = list(wishes)
        self._account = account
        self._markets: dict[str, Market] = {}

    def settings(self) -> Mapping[str, str]:
        return {}

    def on_market(self, market: Market, now_ns: int) -> None:
        self._markets[market.market_id] = market

    def on_book(self, market: Market, now_ns: int) -> Commands:
        return NOTHING

    def on_state(self, market: Market, now_ns: int) -> Commands:
        return NOTHING

    def on_spot(self, price: float, now_ns: int) -> Commands:
        return NOTHING

    def on_index(self, event: IndexValue, now_ns: int) -> Commands:
        return NOTHING

    def on_quote(self, event: VenueQuote, market: Market, now_ns: int) -> Commands:
        return NOTHING

    def estimate(self, market: Market, now_ns: int) -> float | None:
        return 0.5

    def on_timer(self, now_ns: int) -> Commands:
        if not self._wishes or self._account.orders:
            return NOTHING
        usable = [m for m in self._markets.values() if self._is_usable(m, now_ns)]
        if not usable:
            return NOTHING
        market = max(usable, key=lambda each: each.close_ns or 0)
        return (self._order(market, self._wishes.pop(0), now_ns),)

    def _is_usable(self, market: Market, now_ns: int) -> bool:
        book = market.book
        priced = book.yes_bid is not None and book.yes_ask is not None
        return market.is_open(now_ns) and book.state is BookState.LIVE and priced

    def _order(self, market: Market, wish: Wish, now_ns: int) -> Command:
        bid, ask = market.book.yes_bid or 0, market.book.yes_ask or 0
        buys = wish.action is Action.BUY
        wanted = (ask - wish.away) if buys else (bid + wish.away)
        name = order_id(self.profile, market.market_id, Outcome.YES, wish.action, now_ns)
        return SubmitOrder(
            now_ns, name, market.market_id, Outcome.YES, wish.action,
            market.book.grid.yes_price[self._slot(market, wanted)], wish.contracts * CONTRACT,
            wish.tif, post_only=False, reduce_only=False,
        )  # fmt: skip

    @staticmethod
    def _slot(market: Market, wanted: int) -> int:
        prices = market.book.grid.yes_price
        return min(range(len(prices)), key=lambda slot: abs(prices[slot] - wanted))


def quoter(*wishes: Wish) -> StrategyOf:
    def make(_settings: RunSettings, account: Account, _spot: Spot) -> Quoter:
        return Quoter(wishes, account)

    return make
