"""When a position is worth more to somebody else: sell at the bid, seen twice, a moment apart."""

from __future__ import annotations

from typing import Final

from hotpath.market import Market
from hotpath.strategies.btc_edge.settings import BtcEdgeSettings
from hotpath.strategies.fee_table import FeeTable
from hotpath.strategies.order_ids import order_id
from kairos.domain.instruments import Action, Outcome
from kairos.domain.units import PRICE_PER_DOLLAR
from kairos.messages.commands import SubmitOrder, TimeInForce

_NS: Final = 1_000_000_000
_DOLLAR: Final = float(PRICE_PER_DOLLAR)


class Exits:
    """Compares what the bid pays after the fee with what holding is worth."""

    def __init__(self, settings: BtcEdgeSettings, token: int) -> None:
        self._token = token
        self._margin = settings.exit_margin
        self._doubt_cost = settings.uncertainty_multiplier
        self._confirm_ns = int(settings.exit_confirm_seconds * _NS)

    def order(
        self, market: Market, fees: FeeTable, now_ns: int, p: float, doubt: float
    ) -> SubmitOrder | None:
        """The order that sells what `market` holds, or None while holding is better."""
        side = Outcome.YES if market.yes_held else Outcome.NO
        book = market.book
        bid = book.yes_bid if side is Outcome.YES else book.no_bid
        if bid is None or market.in_flight:
            return None
        worth = p if side is Outcome.YES else 1.0 - p
        if bid / _DOLLAR - fees[bid] < worth + self._margin + self._doubt_cost * doubt:
            market.exit_seen_ns = None
            return None
        if market.exit_seen_ns is None:
            market.exit_seen_ns = now_ns
        if now_ns - market.exit_seen_ns < self._confirm_ns:
            return None
        market.exit_seen_ns = None
        return SubmitOrder(
            now_ns, order_id("v2", market.market_id, side, Action.SELL, now_ns, self._token),
            market.market_id, side, Action.SELL, bid, market.yes_held or market.no_held,
            TimeInForce.IOC, post_only=False, reduce_only=True,
        )  # fmt: skip
