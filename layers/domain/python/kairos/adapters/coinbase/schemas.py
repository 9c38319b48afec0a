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
