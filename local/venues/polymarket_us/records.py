"""What the simulated Polymarket US remembers of members' orders and trades, and how it tells it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from kairos.domain.fees.polymarket_us import PolymarketUsOrderFees
from kairos.domain.instruments import Action, Outcome
from kairos.domain.units import PRICE_PER_DOLLAR, notional
from local.venues.core.orders import Order
from local.venues.polymarket_us import text
from local.venues.polymarket_us.markets import Market

INTENTS: Final = {
    "ORDER_INTENT_BUY_LONG": (Outcome.YES, Action.BUY),
    "ORDER_INTENT_SELL_LONG": (Outcome.YES, Action.SELL),
    "ORDER_INTENT_BUY_SHORT": (Outcome.NO, Action.BUY),
    "ORDER_INTENT_SELL_SHORT": (Outcome.NO, Action.SELL),
}
NEW: Final = "ORDER_STATE_NEW"
PENDING_CANCEL: Final = "ORDER_STATE_PENDING_CANCEL"
PARTIAL: Final = "ORDER_STATE_PARTIALLY_FILLED"
FILLED: Final = "ORDER_STATE_FILLED"
REJECTED: Final = "ORDER_STATE_REJECTED"
OPEN_STATES: Final = frozenset({NEW, PARTIAL, PENDING_CANCEL})


@dataclass(slots=True, eq=False)
class OrderRecord:
    """One order of a member. `filled` follows the reports, one execution after the other."""

    order: Order
    account: str
    market: Market
    intent: str
    kind: str
    tif: str
    fees: PolymarketUsOrderFees
    good_till: str = ""
    state: str = "ORDER_STATE_PENDING_NEW"
    filled: int = 0
    long_cost: int = 0
    commission: int = 0
    updated_ns: int = 0
    visible_ns: int = 0

    @property
    def id(self) -> str:
        return self.order.order_id

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES

    @property
    def is_yes(self) -> bool:
        return self.order.outcome is Outcome.YES

    def fill(self, long_price: int, quantity: int, fee: int, ts_ns: int) -> None:
        self.filled += quantity
        self.long_cost += notional(long_price, quantity)
        self.commission += fee
        self.updated_ns = ts_ns
        is_whole = self.filled >= self.order.quantity
        if is_whole or self.state != PENDING_CANCEL:
            self.state = FILLED if is_whole else PARTIAL

    def body(self) -> dict[str, Any]:
        spec, order = self.market.spec, self.order
        left = order.quantity - self.filled if self.is_open else 0
        body: dict[str, Any] = {
            "id": self.id,
            "marketSlug": spec.slug,
            "side": "ORDER_SIDE_BUY" if order.side.value == "bid" else "ORDER_SIDE_SELL",
            "type": self.kind,
            "price": text.price(text.long_price(order.price, is_yes=self.is_yes)),
            "quantity": text.number(order.quantity),
            "cumQuantity": text.number(self.filled),
            "leavesQuantity": text.number(left),
            "tif": self.tif,
            "intent": self.intent,
            "marketMetadata": text.metadata(
                spec.slug, spec.title, spec.labels[0 if self.is_yes else 1]
            ),
            "state": self.state,
            "createTime": text.moment(order.created_ns),
            "insertTime": text.moment(order.created_ns),
            "lastTransactTime": text.moment(self.updated_ns),
            "commissionNotionalTotalCollected": text.cash(self.commission),
        }
        if self.good_till:
            body["goodTillTime"] = self.good_till
        if self.filled:
            average = self.long_cost * PRICE_PER_DOLLAR // self.filled
            body["avgPx"] = text.price(average)
        return body


@dataclass(frozen=True, slots=True)
class Traded:
    """The part of an execution report that makes it a fill; the price is LONG."""

    trade_id: str
    long_price: int
    quantity: int
    is_aggressor: bool
    fee: int


@dataclass(frozen=True, slots=True)
class Report:
    """One execution report, as it was when it was made."""

    id: str
    record: OrderRecord
    kind: str
    ts_ns: int
    order: dict[str, Any]
    traded: Traded | None = None
    reason: str = ""
    words: str = ""

    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "id": self.id,
            "order": self.order,
            "type": f"EXECUTION_TYPE_{self.kind}",
            "transactTime": text.moment(self.ts_ns),
            "text": self.words,
            "orderRejectReason": self.reason or None,
        }
        if self.traded is not None:
            body |= {
                "lastShares": text.size(self.traded.quantity),
                "lastPx": text.price(self.traded.long_price),
                "tradeId": self.traded.trade_id,
                "aggressor": self.traded.is_aggressor,
                "commissionNotionalCollected": text.cash(self.traded.fee),
            }
        return body


@dataclass(frozen=True, slots=True)
class Activity:
    """A trade as the account's history has it: our side whole, the other hidden."""

    report: Report
    traded: Traded

    def body(self) -> dict[str, Any]:
        traded, report = self.traded, self.report
        theirs = {
            "order": {"intent": "ORDER_INTENT_UNDEFINED"},
            "lastShares": text.size(traded.quantity),
        }
        ours = report.body()
        trade = {
            "id": traded.trade_id,
            "marketSlug": report.record.market.slug,
            "state": "TRADE_STATE_NEW",
            "createTime": text.moment(report.ts_ns),
            "updateTime": text.moment(report.ts_ns),
            "price": text.price(traded.long_price),
            "qty": text.size(traded.quantity),
            "qtyDecimal": text.size(traded.quantity),
            "isAggressor": traded.is_aggressor,
            "aggressorExecution": ours if traded.is_aggressor else theirs,
            "passiveExecution": theirs if traded.is_aggressor else ours,
        }
        return {"type": "ACTIVITY_TYPE_TRADE", "trade": trade}


@dataclass(slots=True)
class Position:
    """What an account holds of a market: YES minus NO, and what that cost."""

    market: Market
    net: int = 0
    bought: int = 0
    sold: int = 0
    cost: int = 0
    realized: int = 0
    fees: int = 0
    updated_ns: int = 0

    def fill(self, order: Order, own_price: int, quantity: int, fee: int, ts_ns: int) -> None:
        """Buying YES adds to the net, buying NO takes from it; the same of selling, reversed."""
        is_yes = order.outcome is Outcome.YES
        buys = order.action is Action.BUY
        change = quantity if is_yes is buys else -quantity
        price = own_price if is_yes else PRICE_PER_DOLLAR - own_price
        closing = min(quantity, abs(self.net)) if self.net * change < 0 else 0
        if closing:
            paid = self.cost * closing // abs(self.net)
            worth = price if self.net > 0 else PRICE_PER_DOLLAR - price
            self.realized += notional(worth, closing) - paid
            self.cost -= paid
        opening = quantity - closing
        self.cost += notional(price if change > 0 else PRICE_PER_DOLLAR - price, opening)
        self.net += change
        self.bought, self.sold = self.bought + max(0, change), self.sold + max(0, -change)
        self.fees += fee
        self.updated_ns = ts_ns

    def body(self) -> dict[str, Any]:
        spec = self.market.spec
        whole = {
            "netPosition": self.net, "qtyBought": self.bought, "qtySold": self.sold,
            "bodPosition": 0, "qtyAvailable": abs(self.net),
        }  # fmt: skip
        return {
            **{name: str(abs(q) // 1_000_000 * (-1 if q < 0 else 1)) for name, q in whole.items()},
            **{f"{name}Decimal": text.size(q) for name, q in whole.items()},
            "cost": text.cash(self.cost),
            "realized": text.cash(self.realized),
            "fees": text.cash(self.fees),
            "expired": self.market.settled is not None,
            "updateTime": text.moment(self.updated_ns),
            "marketMetadata": text.metadata(spec.slug, spec.title, spec.labels[0]),
        }
