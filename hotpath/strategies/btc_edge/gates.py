"""What speaks against a trade, as bits of `hotpath.strategies.reasons`, in the order asked."""

from __future__ import annotations

from typing import Final

from hotpath.account import Account
from hotpath.market import Market
from hotpath.strategies import reasons as why
from hotpath.strategies.btc_edge.settings import BtcEdgeSettings
from kairos.domain.book import BinaryBook, BookState
from kairos.domain.instruments import Outcome
from kairos.domain.units import CASH_PER_DOLLAR, PRICE_PER_DOLLAR, QUANTITY_PER_CONTRACT

_NS: Final = 1_000_000_000
_PRICE_PER_CENT: Final = 100
LIVE: Final = BookState.LIVE
_YES: Final = Outcome.YES
_STATE_BITS: Final = {
    BookState.LIVE: 0,
    BookState.RESYNCING: why.BOOK_RESYNCING,
    BookState.GAPPED: why.BOOK_GAPPED,
    BookState.STALE: why.BOOK_STALE,
}


def offered(book: BinaryBook, side: Outcome) -> int:
    """What can be bought of an outcome at its best price: the other leg's best bid."""
    return book.no[book.best_no] if side is _YES else book.yes[book.best_yes]


class Gates:
    """The settings' limits in the units of the hot path."""

    def __init__(self, settings: BtcEdgeSettings, account: Account) -> None:
        self._account = account
        self.min_ev = settings.min_ev
        self.order = settings.order_contracts * QUANTITY_PER_CONTRACT
        self._book_stale_ns = int(settings.book_stale_seconds * _NS)
        self._ask_min = settings.ask_min_cents * _PRICE_PER_CENT
        self._ask_max = settings.ask_max_cents * _PRICE_PER_CENT
        self._spread_max = settings.spread_max_cents * _PRICE_PER_CENT
        self._depth_min = settings.depth_min_contracts * QUANTITY_PER_CONTRACT
        self._position_max = settings.position_max_contracts * QUANTITY_PER_CONTRACT
        self._exposure_max = settings.exposure_max_dollars * CASH_PER_DOLLAR
        self._loss_max = settings.loss_max_dollars * CASH_PER_DOLLAR
        self._cooldown_ns = int(settings.cooldown_seconds * _NS)
        self._close_min_ns = int(settings.seconds_to_close_min * _NS)
        self._close_max_ns = int(settings.seconds_to_close_max * _NS)

    def book(self, market: Market, now_ns: int) -> int:
        """Whether the book may be priced from; silence of its channel makes it stale."""
        state, channel = market.book.state, market.channel
        if state is LIVE and channel and now_ns - channel.last_recv_ns <= self._book_stale_ns:
            return 0
        return _STATE_BITS[state] or why.BOOK_STALE

    def horizon(self, horizon_ns: int) -> int:
        if horizon_ns < self._close_min_ns:
            return why.TOO_CLOSE
        return why.TOO_FAR if horizon_ns > self._close_max_ns else 0

    def quote(self, bid: int | None, ask: int | None, price: int) -> int:
        """The two sides as they stand, and the price we would pay."""
        mask = 0 if self._ask_min <= price <= self._ask_max else why.PRICE_BAND
        if bid is None or ask is None:
            return mask | why.SPREAD_WIDE
        if bid >= ask:
            return mask | why.BOOK_CROSSED
        return mask | why.SPREAD_WIDE if ask - bid > self._spread_max else mask

    def offer(self, horizon_ns: int, bid: int | None, ask: int | None, price: int) -> int:
        """`horizon` and `quote` at once; nothing in the usual case."""
        if (
            bid is not None
            and ask is not None
            and 0 < ask - bid <= self._spread_max
            and self._ask_min <= price <= self._ask_max
            and self._close_min_ns <= horizon_ns <= self._close_max_ns
        ):
            return 0
        return self.horizon(horizon_ns) | self.quote(bid, ask, price)

    def worth_having(self, market: Market, now_ns: int, side: Outcome, price: int) -> int:
        """Asked only when all else is well: depth, what we hold, owe and have lost."""
        account, mask = self._account, 0
        if offered(market.book, side) < self._depth_min:
            mask = why.DEPTH_THIN
        held, other = market.yes_held, market.no_held
        if side is not _YES:
            held, other = other, held
        if other:
            mask |= why.POSITION_OPEN
        if held + self.order > self._position_max:
            mask |= why.POSITION_LIMIT
        if market.in_flight:
            mask |= why.IN_FLIGHT
        if now_ns - market.last_entry_ns < self._cooldown_ns:
            mask |= why.COOLDOWN
        cost = price * self.order // PRICE_PER_DOLLAR
        ledger = account.ledger
        # Twice the cost: the fee is on top, and half of the cash stays free for it and for exits.
        if (
            account.exposure + cost > self._exposure_max
            or 2 * cost + account.reserved > ledger.cash
        ):
            mask |= why.EXPOSURE
        if ledger.result.net <= -self._loss_max:
            mask |= why.LOSS_LIMIT
        return mask
