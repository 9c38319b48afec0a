"""What the exchange keeps about orders, fills, positions and settlements, and how it shows them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from kairos.domain.fees.kalshi import KalshiOrderFees
from kairos.domain.instruments import Outcome
from kairos.domain.units import CASH_PER_DOLLAR, PRICE_PER_DOLLAR, dollars, notional
from local.venues.core.orders import Ending, Order, Side
from local.venues.kalshi.text import cents, fp, money, ms, opposite, seconds, when

# Why an order changed, in the venue's words.
REASONS: Final = {
    Ending.FILLED: "Trade",
    Ending.DECREASED: "Decrease",
    Ending.EXPIRED: "ExpiryCancel",
    Ending.POST_ONLY_CROSS: "PostOnlyCrossCancel",
    Ending.SELF_TRADE: "SelfTradeCancel",
    Ending.REDUCE_ONLY: "ReduceOnlyCancel",
    Ending.MARKET_CLOSED: "CloseCancel",
    Ending.PAUSED: "HaltCancel",
}


@dataclass(slots=True, eq=False)
class OrderRecord:
    """One member's order for good. `quantity` and `filled` live in `order`."""

    order: Order
    account: str
    ticker: str
    exchange_index: int
    client_order_id: str
    fees: KalshiOrderFees = field(repr=False)
    group_id: str | None
    cancel_on_pause: bool
    subaccount: int
    initial: int
    updated_ns: int
    taker_cost: int = 0
    maker_cost: int = 0
    taker_fees: int = 0
    maker_fees: int = 0
    reason: str = ""

    @property
    def status(self) -> str:
        if self.order.ending is None:
            return "resting"
        return "executed" if self.order.ending is Ending.FILLED else "canceled"

    @property
    def outcome(self) -> str:
        return "yes" if self.order.side is Side.BID else "no"

    def body(self) -> dict[str, Any]:
        """As `GET /portfolio/orders` shows it."""
        order = self.order
        body = {
            "order_id": order.order_id,
            "user_id": self.account,
            "client_order_id": self.client_order_id,
            "ticker": self.ticker,
            "side": self.outcome,
            "action": "buy",
            "outcome_side": self.outcome,
            "book_side": order.side.value,
            "type": "limit",
            "status": self.status,
            "yes_price_dollars": dollars(order.yes_price),
            "no_price_dollars": opposite(order.yes_price),
            "created_time": when(order.created_ns),
            "last_update_time": when(self.updated_ns),
            "self_trade_prevention_type": order.self_trade.value,
            "cancel_order_on_pause": self.cancel_on_pause,
            "subaccount_number": self.subaccount,
            "exchange_index": self.exchange_index,
            **self._amounts(),
        }
        if order.expires_ns is not None:
            body["expiration_time"] = when(order.expires_ns)
        if self.group_id is not None:
            body["order_group_id"] = self.group_id
        return body

    def message(self) -> dict[str, Any]:
        """As the `user_orders` channel shows it."""
        order = self.order
        message = {
            "order_id": order.order_id,
            "user_id": self.account,
            "ticker": self.ticker,
            "exchange_index": self.exchange_index,
            "status": self.status,
            "side": self.outcome,
            "is_yes": self.outcome == "yes",
            "outcome_side": self.outcome,
            "book_side": order.side.value,
            "yes_price_dollars": dollars(order.yes_price),
            "client_order_id": self.client_order_id,
            "self_trade_prevention_type": order.self_trade.value,
            "created_time": when(order.created_ns),
            "created_ts_ms": ms(order.created_ns),
            "last_updated_ts_ms": ms(self.updated_ns),
            "subaccount_number": self.subaccount,
            **self._amounts(),
        }
        if order.expires_ns is not None:
            message["expiration_ts_ms"] = ms(order.expires_ns)
        if self.group_id is not None:
            message["order_group_id"] = self.group_id
        if self.reason:
            message["last_update_reason"] = self.reason
        return message

    def _amounts(self) -> dict[str, str]:
        return {
            "fill_count_fp": fp(self.order.filled),
            "remaining_count_fp": fp(self.order.remaining),
            "initial_count_fp": fp(self.initial),
            "taker_fill_cost_dollars": money(self.taker_cost),
            "maker_fill_cost_dollars": money(self.maker_cost),
            "taker_fees_dollars": money(self.taker_fees),
            "maker_fees_dollars": money(self.maker_fees),
        }


@dataclass(frozen=True, slots=True)
class FillRecord:
    """One execution of one member's order. `fee` and `cost` are micro-dollars."""

    trade_id: str
    record: OrderRecord
    yes_price: int
    quantity: int
    is_taker: bool
    fee: int
    cost: int
    position_after: int
    ts_ns: int

    def body(self) -> dict[str, Any]:
        record = self.record
        return {
            "fill_id": self.trade_id,
            "trade_id": self.trade_id,
            "exchange_index": record.exchange_index,
            "order_id": record.order.order_id,
            "ticker": record.ticker,
            "market_ticker": record.ticker,
            "side": record.outcome,
            "action": "buy",
            "outcome_side": record.outcome,
            "book_side": record.order.side.value,
            "count_fp": fp(self.quantity),
            "yes_price_dollars": dollars(self.yes_price),
            "no_price_dollars": opposite(self.yes_price),
            "is_taker": self.is_taker,
            "created_time": when(self.ts_ns),
            "fee_cost": money(self.fee),
            "subaccount_number": record.subaccount,
            "ts": seconds(self.ts_ns),
        }

    def message(self) -> dict[str, Any]:
        record = self.record
        return {
            "trade_id": self.trade_id,
            "order_id": record.order.order_id,
            "client_order_id": record.client_order_id,
            "market_ticker": record.ticker,
            "exchange_index": record.exchange_index,
            "is_taker": self.is_taker,
            "side": record.outcome,
            "yes_price_dollars": dollars(self.yes_price),
            "count_fp": fp(self.quantity),
            "fee_cost": money(self.fee),
            "action": "buy",
            "ts": seconds(self.ts_ns),
            "ts_ms": ms(self.ts_ns),
            "post_position_fp": fp(self.position_after),
            "purchased_side": record.outcome,
            "outcome_side": record.outcome,
            "book_side": record.order.side.value,
            "subaccount": record.subaccount,
        }


@dataclass(slots=True)
class PositionRecord:
    """One member's position in one market: `position` is YES minus NO, `cost` what it cost."""

    ticker: str
    event_ticker: str
    exchange_index: int
    position: int = 0
    cost: int = 0
    realized: int = 0
    fees: int = 0
    fees_open: int = 0
    traded: int = 0
    volume: int = 0
    updated_ns: int = 0
    is_settled: bool = False

    def fill(self, outcome: Outcome, price: int, quantity: int, fee: int, ts_ns: int) -> None:
        """Book a purchase of `outcome` at its own price."""
        sign = 1 if outcome is Outcome.YES else -1
        closing = min(quantity, max(0, -sign * self.position))
        if closing:
            self._close(closing, PRICE_PER_DOLLAR - price)
        self.cost += notional(price, quantity - closing)
        self.position += sign * quantity
        self.fees += fee
        self.fees_open = self.fees_open + fee if self.position else 0
        self.traded += notional(price, quantity)
        self.volume += quantity
        self.updated_ns = ts_ns

    def settle(self, yes_price: int, ts_ns: int) -> None:
        if self.position:
            price = yes_price if self.position > 0 else PRICE_PER_DOLLAR - yes_price
            self._close(abs(self.position), price)
        self.position = 0
        self.is_settled = True
        self.updated_ns = ts_ns

    def _close(self, quantity: int, price: int) -> None:
        """Give up `quantity` of what is held at `price` of its own outcome."""
        held = abs(self.position)
        share = self.cost * quantity // held
        self.cost -= share
        self.realized += notional(price, quantity) - share

    def body(self) -> dict[str, Any]:
        return {
            "ticker": self.ticker,
            "exchange_index": self.exchange_index,
            "total_traded_dollars": money(self.traded),
            "position_fp": fp(self.position),
            "market_exposure_dollars": money(self.cost),
            "realized_pnl_dollars": money(self.realized),
            "fees_paid_dollars": money(self.fees),
            "last_updated_ts": when(self.updated_ns),
        }

    def message(self, account: str) -> dict[str, Any]:
        return {
            "user_id": account,
            "market_ticker": self.ticker,
            "position_fp": fp(self.position),
            "position_cost_dollars": money(self.cost),
            "realized_pnl_dollars": money(self.realized),
            "fees_paid_dollars": money(self.fees),
            "position_fee_cost_dollars": money(self.fees_open),
            "volume_fp": fp(self.volume),
            "subaccount": 0,
        }


@dataclass(frozen=True, slots=True)
class SettlementRecord:
    """What one settled market paid one member; cash in micro-dollars."""

    ticker: str
    event_ticker: str
    exchange_index: int
    result: Outcome
    yes_quantity: int
    yes_cost: int
    no_quantity: int
    no_cost: int
    revenue: int
    fees: int
    ts_ns: int

    def body(self) -> dict[str, Any]:
        return {
            "ticker": self.ticker,
            "exchange_index": self.exchange_index,
            "event_ticker": self.event_ticker,
            "market_result": self.result.value.lower(),
            "yes_count_fp": fp(self.yes_quantity),
            "yes_total_cost_dollars": money(self.yes_cost),
            "no_count_fp": fp(self.no_quantity),
            "no_total_cost_dollars": money(self.no_cost),
            "revenue": cents(self.revenue),
            "settled_time": when(self.ts_ns),
            "fee_cost": money(self.fees),
            "value": cents(CASH_PER_DOLLAR if self.result is Outcome.YES else 0),
        }
