"""Coinbase messages become spot events."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from kairos.adapters.coinbase.schemas import (
    CoinbaseMessage,
    CoinbaseTicker,
    Heartbeat,
    LastMatch,
    Match,
    SampledMatch,
    Subscriptions,
)
from kairos.errors import Malformed
from kairos.messages.events import Event, SpotHeartbeat, SpotTrade, TimedEvent

_MICROSECOND: Final = timedelta(microseconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MEMO_ENTRIES_MAX: Final = 16_384
_PRICE = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,12})?", re.ASCII)


def nanoseconds(moment: datetime) -> int:
    """An aware datetime as integer nanoseconds; exact, because datetimes hold microseconds."""
    return (moment - _EPOCH) // _MICROSECOND * 1_000


class PriceMemo(dict[str, float]):
    """Remembers parsed prices; trades bounce between few of them. Bounded: starts over."""

    def __missing__(self, text: str) -> float:
        if len(self) >= _MEMO_ENTRIES_MAX:
            self.clear()
        price = self[text] = spot_price(text)
        return price


def spot_price(text: str) -> float:
    """A positive decimal price in dollars. Raises Malformed (`bad_number`)."""
    plain = len(text) <= 12 and text.isascii() and text.replace(".", "0", 1).isdigit()
    if (not plain or text[0] == "." or text[-1] == ".") and _PRICE.fullmatch(text) is None:
        raise Malformed("bad_number", "price", f"{text!r} is not a plain decimal")
    price = float(text)
    if price <= 0:
        raise Malformed("bad_number", "price", "a spot price of 0 cannot be")
    return price


_prices = PriceMemo()


def trade(recv_ns: int, conn: str, message: Match | LastMatch | CoinbaseTicker) -> SpotTrade:
    return SpotTrade(
        recv_ns,
        conn,
        message.product_id,
        _prices[message.price],
        message.trade_id,
        (message.time - _EPOCH) // _MICROSECOND * 1_000,
    )


def sampled_trade(recv_ns: int, conn: str, message: SampledMatch) -> SpotTrade:
    return SpotTrade(
        recv_ns, conn, message.product_id, spot_price(message.price), None,
        nanoseconds(message.time),
    )  # fmt: skip


def event(recv_ns: int, conn: str, message: CoinbaseMessage) -> TimedEvent | tuple[Event, ...]:
    match message:
        case Match() | LastMatch() | CoinbaseTicker():
            return trade(recv_ns, conn, message)
        case Heartbeat():
            return SpotHeartbeat(
                recv_ns, conn, message.product_id, message.last_trade_id, nanoseconds(message.time)
            )
        case Subscriptions():
            return ()
