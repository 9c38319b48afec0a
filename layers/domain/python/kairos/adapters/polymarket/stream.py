"""The market and user channels as `kairos.ports.VenueStream`: addresses, subscriptions, pulse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from kairos.adapters.polymarket.auth import ApiCredentials
from kairos.adapters.polymarket.config import Hosts
from kairos.adapters.polymarket.parsing import SOURCE
from kairos.messages.streams import Heartbeat, Outgoing, Said, SaidKind, StreamAddress

TOKENS_MAX: Final = 500  # in one message
USER_SOURCE: Final = "polymarket_user_ws"
PING_SECONDS: Final = 10.0
_PULSE: Final = Said(SaidKind.HEARTBEAT, is_noted=False)
_HEARTBEAT: Final = Heartbeat(server_every_s=PING_SECONDS, text=b"PING", text_every_s=PING_SECONDS)


class PolymarketStream:
    """One connection of the market channel. "Markets" are condition ids; `tokens` names the token
    to subscribe to for each: its YES token, of which the NO token's book is the mirror."""

    source = SOURCE
    heartbeat = _HEARTBEAT

    def __init__(self, tokens: Mapping[str, str], url: str = Hosts().market_stream) -> None:
        self._tokens = tokens
        self._url = url
        self._is_first = True

    def address(self, now_ns: int) -> StreamAddress:
        return StreamAddress(self._url)

    def opened(self) -> None:
        self._is_first = True

    def first_frames(self, markets: Sequence[str]) -> Iterator[Outgoing]:
        """The first message opens the subscription, the others add to it."""
        return self._batches("subscribe", markets)

    def add_frames(self, markets: Sequence[str]) -> Iterator[Outgoing]:
        return self._batches("subscribe", markets)

    def drop_frames(self, markets: Sequence[str]) -> Iterator[Outgoing]:
        return self._batches("unsubscribe", markets)

    def resync_frames(self, markets: Sequence[str]) -> Sequence[Outgoing]:
        """Every subscription begins with the whole book: leave, and subscribe anew."""
        return [
            *self._batches("unsubscribe", markets),
            *self._batches("subscribe", markets),
        ]

    def classify(self, message: bytes) -> Said | None:
        return said(message)

    def _batches(self, operation: str, markets: Sequence[str]) -> Iterator[Outgoing]:
        tokens = [self._tokens[market] for market in markets]
        for start in range(0, len(tokens), TOKENS_MAX):
            batch = tokens[start : start + TOKENS_MAX]
            if self._is_first and operation == "subscribe":
                self._is_first = False
                yield Outgoing(first_frame(batch))
            else:
                yield Outgoing(_encode({"operation": operation, "assets_ids": batch}))


class PolymarketUserStream:
    """One connection of the user channel: our orders and trades, in all markets or in some."""

    source = USER_SOURCE
    heartbeat = _HEARTBEAT

    def __init__(self, credentials: ApiCredentials, url: str = Hosts().user_stream) -> None:
        self._credentials = credentials
        self._url = url

    def address(self, now_ns: int) -> StreamAddress:
        return StreamAddress(self._url)

    def opened(self) -> None:
        """Nothing is learnt on a connection."""

    def first_frames(self, markets: Sequence[str]) -> Iterator[Outgoing]:
        """No markets means all of them. It carries the secret: it is never noted."""
        credentials = self._credentials
        frame: dict[str, object] = {
            "type": "user",
            "auth": {
                "apiKey": credentials.key,
                "secret": credentials.secret_text,
                "passphrase": credentials.passphrase,
            },
        }
        if markets:
            frame["markets"] = list(markets)
        yield Outgoing(_encode(frame), is_noted=False)

    def add_frames(self, markets: Sequence[str]) -> Iterator[Outgoing]:
        yield Outgoing(_encode({"operation": "subscribe", "markets": list(markets)}))

    def drop_frames(self, markets: Sequence[str]) -> Iterator[Outgoing]:
        yield Outgoing(_encode({"operation": "unsubscribe", "markets": list(markets)}))

    def resync_frames(self, markets: Sequence[str]) -> Sequence[Outgoing]:
        """What was missed is asked for by REST."""
        return []

    def classify(self, message: bytes) -> Said | None:
        return said(message)

    def __repr__(self) -> str:
        return "PolymarketUserStream(<redacted>)"


def said(message: bytes) -> Said | None:
    """The venue's few words that are not JSON."""
    if message[:1] in (b"{", b"["):
        return None
    if message == b"PONG":
        return _PULSE
    if message.startswith(b"INVALID"):
        return Said(SaidKind.REFUSED, message[:100].decode("ascii", "replace"), is_noted=False)
    return None


def first_frame(tokens: Sequence[str]) -> bytes:
    """Opens the market channel, with best_bid_ask, new_market and market_resolved."""
    return _encode({"type": "market", "assets_ids": list(tokens), "custom_feature_enabled": True})


_encode = msgspec.json.Encoder().encode
