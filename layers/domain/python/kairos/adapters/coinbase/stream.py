"""The Coinbase Exchange feed as `kairos.ports.VenueStream`: trades of products, and their pulse.

`ticker` and `matches` tell the same trades twice, `heartbeat` tells each second which was the
last: `hotpath.spot` counts what was lost by these numbers. Source: docs.cdp.coinbase.com.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from kairos.messages.streams import Heartbeat, Outgoing, Said, SaidKind, StreamAddress

URL: Final = "wss://ws-feed.exchange.coinbase.com"
CHANNELS: Final = ("ticker", "matches", "heartbeat")
# The venue closes a connection that has not subscribed by then.
SUBSCRIBE_WITHIN_SECONDS: Final = 5.0
PRODUCTS_MAX: Final = 100  # in one message
_DETAIL_MAX: Final = 200


class _Signal(msgspec.Struct):
    type: str
    message: str | None = None
    reason: str | None = None


_decode_signal = msgspec.json.Decoder(_Signal).decode


class CoinbaseStream:
    """One connection; "markets" are products (`BTC-USD`). No key is needed."""

    source = "coinbase_ws"
    heartbeat = Heartbeat(server_every_s=1.0)

    def __init__(self, url: str = URL) -> None:
        self._url = url

    def address(self, now_ns: int) -> StreamAddress:
        return StreamAddress(self._url)

    def opened(self) -> None:
        """Nothing is learnt on a connection."""

    def first_frames(self, markets: Sequence[str]) -> Iterator[Outgoing]:
        return _batches("subscribe", markets)

    def add_frames(self, markets: Sequence[str]) -> Iterator[Outgoing]:
        return _batches("subscribe", markets)

    def drop_frames(self, markets: Sequence[str]) -> Iterator[Outgoing]:
        return _batches("unsubscribe", markets)

    def resync_frames(self, markets: Sequence[str]) -> Sequence[Outgoing]:
        """Trades that were lost are not told again."""
        return []

    def classify(self, message: bytes) -> Said | None:
        if b'"match"' in message or b'"ticker"' in message[:40]:
            return None
        try:
            signal = _decode_signal(message)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None
        match signal.type:
            case "heartbeat":
                return _PULSE
            case "subscriptions":
                return _REPLY
            case "error":
                words = ": ".join(each for each in (signal.message, signal.reason) if each)
                return Said(SaidKind.REFUSED, words[:_DETAIL_MAX])
            case _:
                return None


_PULSE: Final = Said(SaidKind.HEARTBEAT)
_REPLY: Final = Said(SaidKind.REPLY)


def subscribe_frame(products: Sequence[str]) -> bytes:
    return _frame("subscribe", products)


def unsubscribe_frame(products: Sequence[str]) -> bytes:
    return _frame("unsubscribe", products)


def _batches(kind: str, products: Sequence[str]) -> Iterator[Outgoing]:
    """Each is answered by one `subscriptions` message."""
    for start in range(0, len(products), PRODUCTS_MAX):
        yield Outgoing(_frame(kind, products[start : start + PRODUCTS_MAX]), replies=1)


def _frame(kind: str, products: Sequence[str]) -> bytes:
    if not 1 <= len(products) <= PRODUCTS_MAX:
        raise ValueError(f"{len(products)} products in one message; 1 to {PRODUCTS_MAX}")
    return msgspec.json.encode(
        {"type": kind, "product_ids": list(products), "channels": list(CHANNELS)}
    )
