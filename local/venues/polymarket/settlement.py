"""From match to chain: a trade is MATCHED, MINED, CONFIRMED, or it is retried, or it fails.

A trade that fails never was: cash, shares and fee go back, if both sides still have them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal

from kairos.domain.instruments import Action, Outcome
from kairos.domain.units import NANOSECONDS_PER_SECOND, PRICE_PER_DOLLAR, notional
from local.venues.core.accounts import Account, Members, OutOfBalance
from local.venues.core.orders import Match, Order
from local.venues.polymarket.markets import Market
from local.venues.polymarket.records import Made, OrderRecord, TradeRecord
from local.venues.polymarket.signatures import digest_of

TRADES_MAX: Final = 500_000
Ends = Literal["confirm", "retry", "fail"]
_PLANS: Final[dict[Ends, tuple[str, ...]]] = {
    "confirm": ("MINED", "CONFIRMED"),
    "retry": ("RETRYING", "MINED", "CONFIRMED"),
    "fail": ("RETRYING", "FAILED"),
}


class FeeAsset(StrEnum):
    """What the taker's fee of a buy is taken in; of a sale it is always cash."""

    COLLATERAL = "collateral"
    SHARES = "shares"


def withheld(fee: int, price: int) -> int:
    """Micro-contracts worth a fee at a price; part of one counts as a whole one."""
    return -(-fee * PRICE_PER_DOLLAR // price)


@dataclass(slots=True)
class Settlement:
    """Every trade of members and how it goes on. `step_ns` is the time between two states."""

    step_ns: int = 2 * NANOSECONDS_PER_SECOND
    fee_asset: FeeAsset = FeeAsset.COLLATERAL
    trades: dict[str, TradeRecord] = field(default_factory=dict)
    next_ends: deque[Ends] = field(default_factory=lambda: deque(maxlen=10_000))
    _members: Members = field(default_factory=lambda: Members(nets=False))
    _tell: Callable[[TradeRecord], None] = lambda _trade: None
    _pending: dict[str, TradeRecord] = field(default_factory=dict)

    def bind(self, members: Members, tell: Callable[[TradeRecord], None]) -> None:
        self._members, self._tell = members, tell

    def book(
        self, market: Market, group: list[Match], records: Mapping[str, OrderRecord], trade_id: str
    ) -> TradeRecord:
        """Keep what one order took at one price, and charge its fee. Shares and cash have moved."""
        first = group[0]
        makers = [
            Made(m.maker, records.get(m.maker.order_id), m.price_of(m.maker), m.quantity)
            for m in group
        ]
        record = records.get(first.taker.order_id)
        price = first.price_of(first.taker)
        trade = TradeRecord(
            trade_id, market, first.taker, record, price, makers, first.ts_ns,
            updated_ns=first.ts_ns,
        )  # fmt: skip
        if record is not None:
            self._charge(trade)
        if trade.has_member:
            self._keep(trade)
        return trade

    def _keep(self, trade: TradeRecord) -> None:
        if len(self.trades) >= TRADES_MAX:
            raise OutOfBalance(f"more than {TRADES_MAX} trades")
        ends: Ends = self.next_ends.popleft() if self.next_ends else "confirm"
        trade.plan = list(_PLANS[ends])
        trade.due_ns = trade.matched_ns + self.step_ns
        self.trades[trade.id] = self._pending[trade.id] = trade

    def _charge(self, trade: TradeRecord) -> None:
        trade.fee = trade.market.fee_of(trade.price, trade.quantity)
        account = self._members.accounts[trade.taker.owner]
        if trade.taker.action is Action.BUY and self.fee_asset is FeeAsset.SHARES:
            trade.withheld = withheld(trade.fee, trade.price)
            account.give(trade.market.id, trade.taker.outcome, -trade.withheld)
        else:
            account.credit(-trade.fee)
        account.fees_paid += trade.fee

    def advance(self, now_ns: int) -> None:
        """Take every trade as far as it is due."""
        for trade in [each for each in self._pending.values() if each.due_ns <= now_ns]:
            while trade.plan and trade.due_ns <= now_ns:
                self._step(trade, trade.due_ns)
            if not trade.plan:
                del self._pending[trade.id]

    def _step(self, trade: TradeRecord, now_ns: int) -> None:
        status = trade.plan.pop(0)
        if status == "FAILED" and not self._undo(trade):
            status = "MINED"  # somebody has sold on what would have to go back
            trade.plan = ["CONFIRMED"]
        if status == "MINED":
            trade.hash = "0x" + digest_of(trade.id.encode()).hex()
        trade.status, trade.updated_ns = status, now_ns
        trade.due_ns = now_ns + self.step_ns
        self._tell(trade)

    # --- undoing ------------------------------------------------------------------------------

    def _undo(self, trade: TradeRecord) -> bool:
        moves = list(self._moves(trade))
        if not all(_can_give_back(*move) for move in moves):
            return False
        for account, market, outcome, shares, cash in moves:
            account.give(market, outcome, -shares)
            account.credit(-cash)
        self._members.accounts[trade.taker.owner].fees_paid -= trade.fee
        return True

    def _moves(self, trade: TradeRecord) -> Iterator[tuple[Account, str, Outcome, int, int]]:
        """What each side got: (account, market, outcome, shares, cash), negative when given."""
        market = trade.market.id
        for made in trade.makers:
            yield self._side(market, made.order, made.price, [made.quantity])
        parts = [made.quantity for made in trade.makers]
        account, market, outcome, shares, cash = self._side(market, trade.taker, trade.price, parts)
        cash_fee = 0 if trade.withheld else trade.fee
        yield account, market, outcome, shares - trade.withheld, cash - cash_fee

    def _side(
        self, market: str, order: Order, price: int, parts: list[int]
    ) -> tuple[Account, str, Outcome, int, int]:
        sign = 1 if order.action is Action.BUY else -1
        account = self._members.accounts[order.owner]
        value = sum(notional(price, part) for part in parts)
        return account, market, order.outcome, sign * sum(parts), -sign * value


def _can_give_back(account: Account, market: str, outcome: Outcome, shares: int, cash: int) -> bool:
    """What is set aside for open orders is not there to be given back."""
    if account.is_unlimited:
        return True
    return account.free(market, outcome) >= shares and account.available() >= cash
