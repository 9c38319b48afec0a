"""The market channel's frames as they are on the wire, typed; `kairos_listing` is our own.

A field that may be missing is one the venue leaves out in some messages; none of them is a price,
a size or a side of the book. Unknown fields are tolerated.
"""

from __future__ import annotations

import msgspec

from kairos.adapters.polymarket.rest_schemas import BookLevel


class Frame(msgspec.Struct, gc=False, tag_field="event_type"):
    """Every frame names its kind in `event_type`."""


class Book(Frame, tag="book"):
    """The whole book of one token; times are milliseconds as text."""

    market: str
    asset_id: str
    bids: list[BookLevel]
    asks: list[BookLevel]
    timestamp: str
    hash: str | None = None
    min_order_size: str | None = None
    tick_size: str | None = None
    neg_risk: bool | None = None
    last_trade_price: str | None = None


class Change(msgspec.Struct, gc=False):
    """`size` is what rests at the price from now on, 0 for nothing; `side` BUY is a bid."""

    asset_id: str
    price: str
    size: str
    side: str
    best_bid: str | None = None
    best_ask: str | None = None


class PriceChange(Frame, tag="price_change"):
    market: str
    price_changes: list[Change]
    timestamp: str


class LastTrade(Frame, tag="last_trade_price"):
    market: str
    asset_id: str
    price: str
    size: str
    side: str
    timestamp: str
    transaction_hash: str | None = None


class TickSizeChange(Frame, tag="tick_size_change"):
    market: str
    asset_id: str
    new_tick_size: str
    timestamp: str


class BestBidAsk(Frame, tag="best_bid_ask"):
    market: str
    asset_id: str
    best_bid: str
    best_ask: str
    timestamp: str


class NewMarket(Frame, tag="new_market"):
    market: str
    question: str
    assets_ids: list[str]


class MarketResolved(Frame, tag="market_resolved"):
    market: str
    winning_asset_id: str
    timestamp: str


class Listed(Frame, tag="kairos_listing"):
    """Written into a journal by us: which two tokens make one market, so that it replays."""

    market: str
    yes_token: str
    no_token: str
    tick: int


MarketFrame = (
    Book
    | PriceChange
    | LastTrade
    | TickSizeChange
    | BestBidAsk
    | NewMarket
    | MarketResolved
    | Listed
)


class HashedBook(msgspec.Struct, gc=False):
    """What the venue hashes of a book, in this order; `hash` is empty while it does."""

    market: str
    asset_id: str
    timestamp: str
    hash: str
    bids: list[BookLevel]
    asks: list[BookLevel]
    min_order_size: str
    tick_size: str
    neg_risk: bool
    last_trade_price: str
