"""What the simulated Polymarket remembers of members' orders and trades, and how it tells it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from kairos.domain.instruments import Action, Outcome
from local.venues.core.accounts import FeeOf
from local.venues.core.orders import Ending, Order
from local.venues.polymarket import text
from local.venues.polymarket.errors import FOK_KILLED
from local.venues.polymarket.markets import Market

# The others' API key, as makers of a trade are told.
OTHERS_KEY: Final = "00000000-0000-4000-8000-00000000face"
OTHERS_WALLET: Final = "0x000000000000000000000000000000000000fAcE"
ENDINGS: Final = {
    Ending.FILLED: "MATCHED",
    Ending.EXPIRED: "CANCELED_EXPIRED_ORDER",
    Ending.KILLED: f"CANCELED_{FOK_KILLED}",
    Ending.MARKET_CLOSED: "CANCELED_MARKET_RESOLVED",
}
LIVE: Final = "LIVE"
DELAYED: Final = "DELAYED"


@dataclass(slots=True, eq=False)
class OrderRecord:
    """One order of a member. `wanted` is its size as it was signed, micro-contracts; `fee_of`
    the fee that its funds are reserved for."""

    order: Order
    wallet: str
    owner: str
    api_key: str
    market: Market
    token: str
    order_type: str
    wanted: int
    expiration: int
    fee_of: FeeOf
    status: str = LIVE
    updated_ns: int = 0
    trades: list[str] = field(default_factory=list)
    spent: int = 0
    spend: int | None = None  # of a buy that ends at once: micro-dollars, however many shares

    @property
    def id(self) -> str:
        return self.order.order_id

    @property
    def is_open(self) -> bool:
        return self.status in (LIVE, DELAYED)

    def body(self) -> dict[str, Any]:
        """As `/data/orders` lists it."""
        spec = self.market.spec
        return {
            "id": self.id,
            "status": self.status,
            "owner": self.api_key,
            "maker_address": self.wallet,
            "market": spec.condition_id,
            "asset_id": self.token,
            "side": self.order.action.value,
            "original_size": text.size(self.wanted),
            "size_matched": text.size(self.order.filled),
            "price": text.price(self.order.price),
            "outcome": spec.label(self.order.outcome),
            "expiration": str(self.expiration),
            "order_type": self.order_type,
            "associate_trades": list(self.trades),
            "created_at": int(text.seconds(self.order.created_ns)),
        }

    def frame(self, kind: str) -> dict[str, Any]:
        """As the user channel tells it; `kind` is PLACEMENT, UPDATE or CANCELLATION."""
        return {
            **self.body(),
            "event_type": "order",
            "type": kind,
            "order_owner": self.api_key,
            "created_at": text.seconds(self.order.created_ns),
            "timestamp": text.ms(self.updated_ns),
        }


@dataclass(slots=True, eq=False)
class Made:
    """One maker's part of a trade. `record` is None for the other participants."""

    order: Order
    record: OrderRecord | None
    price: int
    quantity: int

    def body(self, market: Market) -> dict[str, Any]:
        record = self.record
        return {
            "order_id": self.order.order_id,
            "owner": OTHERS_KEY if record is None else record.api_key,
            "maker_address": OTHERS_WALLET if record is None else record.wallet,
            "matched_amount": text.size(self.quantity),
            "price": text.price(self.price),
            "fee_rate_bps": "0",
            "asset_id": market.spec.token(self.order.outcome),
            "outcome": market.spec.label(self.order.outcome),
            "outcome_index": 0 if self.order.outcome is Outcome.YES else 1,
            "side": self.order.action.value,
        }


@dataclass(slots=True, eq=False)
class TradeRecord:
    """What one order took at one price. `price` is in the taker's own units; `fee` micro-dollars,
    `withheld` micro-contracts where the fee was taken in shares."""

    id: str
    market: Market
    taker: Order
    record: OrderRecord | None
    price: int
    makers: list[Made]
    matched_ns: int
    status: str = "MATCHED"
    updated_ns: int = 0
    due_ns: int = 0
    plan: list[str] = field(default_factory=list)
    hash: str = ""
    fee: int = 0
    withheld: int = 0

    @property
    def quantity(self) -> int:
        return sum(made.quantity for made in self.makers)

    @property
    def has_member(self) -> bool:
        return self.record is not None or any(made.record is not None for made in self.makers)

    def side_of(self, api_key: str) -> str:
        """TAKER or MAKER; empty for who had no part in it."""
        return self.sides().get(api_key, "")

    def sides(self) -> dict[str, str]:
        """The API keys that took part, and on which side."""
        told = {made.record.api_key: "MAKER" for made in self.makers if made.record is not None}
        if self.record is not None:
            told[self.record.api_key] = "TAKER"
        return told

    def body(self, trader_side: str) -> dict[str, Any]:
        """As `/data/trades` lists it for one who was on that side."""
        record, spec = self.record, self.market.spec
        return {
            "id": self.id,
            "taker_order_id": self.taker.order_id,
            "market": spec.condition_id,
            "asset_id": spec.token(self.taker.outcome),
            "side": "BUY" if self.taker.action is Action.BUY else "SELL",
            "size": text.size(self.quantity),
            "fee_rate_bps": "0",
            "price": text.price(self.price),
            "status": self.status,
            "match_time": text.seconds(self.matched_ns),
            "last_update": text.seconds(self.updated_ns),
            "outcome": spec.label(self.taker.outcome),
            "bucket_index": 0,
            "owner": OTHERS_KEY if record is None else record.api_key,
            "maker_address": OTHERS_WALLET if record is None else record.wallet,
            "transaction_hash": self.hash,
            "maker_orders": [made.body(self.market) for made in self.makers],
            "trader_side": trader_side,
        }

    def frame(self, trader_side: str) -> dict[str, Any]:
        """As the user channel tells it."""
        body = self.body(trader_side)
        return {
            **body,
            "event_type": "trade",
            "type": "TRADE",
            "trade_owner": body["owner"],
            "timestamp": text.ms(self.updated_ns),
        }
