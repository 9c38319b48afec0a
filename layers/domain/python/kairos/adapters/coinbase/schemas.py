"""Coinbase Exchange websocket messages, typed. Fields that we do not use are ignored by name."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

Aware = Annotated[datetime, msgspec.Meta(tz=True)]


class Match(msgspec.Struct, gc=False, tag_field="type", tag="match"):
    product_id: str
    price: str
    time: Aware
    trade_id: int


class LastMatch(msgspec.Struct, gc=False, tag_field="type", tag="last_match"):
    product_id: str
    price: str
    time: Aware
    trade_id: int


class CoinbaseTicker(msgspec.Struct, gc=False, tag_field="type", tag="ticker"):
    product_id: str
    price: str
    time: Aware
    trade_id: int


class CoinbaseTickerFields(msgspec.Struct, gc=False, forbid_unknown_fields=True, kw_only=True):
    """Every field of a `ticker`, for where it must be told from another venue's."""

    product_id: str | None = None
    price: str | None = None
    time: Aware | None = None
    trade_id: int | None = None
    sequence: int | None = None
    open_24h: str | None = None
    volume_24h: str | None = None
    low_24h: str | None = None
    high_24h: str | None = None
    volume_30d: str | None = None
    best_bid: str | None = None
    best_bid_size: str | None = None
    best_ask: str | None = None
    best_ask_size: str | None = None
    side: str | None = None
    last_size: str | None = None


class Heartbeat(msgspec.Struct, gc=False, tag_field="type", tag="heartbeat"):
    product_id: str
    last_trade_id: int
    time: Aware


class Subscriptions(msgspec.Struct, gc=False, tag_field="type", tag="subscriptions"):
    pass


class SampledMatch(msgspec.Struct, gc=False):
    """A recorder's thinned match: the price without its trade id."""

    product_id: str
    price: str
    time: Aware


CoinbaseMessage = Match | LastMatch | CoinbaseTicker | Heartbeat | Subscriptions
