"""Polymarket US's two websockets as `kairos.ports.VenueStream`: the shell owns the sockets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from kairos.adapters.polymarket_us import parsing, private
from kairos.adapters.polymarket_us.auth import Credentials, signed_headers
from kairos.adapters.polymarket_us.config import MARKETS_PATH, PRIVATE_PATH, STREAM_URL
from kairos.adapters.polymarket_us.subscriptions import Subscriptions, subscribe_frame
from kairos.messages.streams import Heartbeat, Outgoing, Said, SaidKind, StreamAddress

PRIVATE_SOURCE: Final = "polymarket_us_private_ws"

_HEARTBEAT: Final = Said(SaidKind.HEARTBEAT)
_DETAIL_MAX: Final = 200


class _Signal(msgspec.Struct, rename="camel"):
    """What a frame without data may hold."""

    heartbeat: dict[str, Any] | None = None
    error: str | None = None
    request_id: str | None = None


_decode_signal = msgspec.json.Decoder(_Signal).decode


class MarketsStream:
    """Books and trades of markets. The venue answers a subscription with data or with an error;
    it sends heartbeats at times it does not promise."""

    source = parsing.SOURCE
    heartbeat = Heartbeat()

    def __init__(self, credentials: Credentials, url: str = STREAM_URL) -> None:
        self._credentials = credentials
        self._url = url
        self._connections = 0
        self._asked: list[Subscriptions] = []
        self.opened()

    def address(self, now_ns: int) -> StreamAddress:
        headers = signed_headers(self._credentials, now_ns, "GET", MARKETS_PATH)
        return StreamAddress(self._url + MARKETS_PATH, headers)

    def opened(self) -> None:
        """Request ids are never used twice, so that a late answer is not taken for a new one."""
        self._connections += 1
        number = self._connections
        self._asked = [
            Subscriptions(parsing.BOOKS, f"book-{number}"),
            Subscriptions(parsing.TRADES, f"trade-{number}"),
        ]

    def first_frames(self, markets: Sequence[str]) -> Iterator[Outgoing]:
        return self.add_frames(markets)

    def add_frames(self, markets: Sequence[str]) -> Iterator[Outgoing]:
        return (Outgoing(each) for asked in self._asked for each in asked.subscribe(markets))

    def drop_frames(self, markets: Sequence[str]) -> Iterator[Outgoing]:
        return (Outgoing(each) for asked in self._asked for each in asked.unsubscribe(markets))

    def resync_frames(self, markets: Sequence[str]) -> Sequence[Outgoing]:
        """Whole books come with a new subscription; one that shares a request comes along."""
        return [Outgoing(each) for each in self._asked[0].renew(markets)]

    def classify(self, message: bytes) -> Said | None:
        if b'"marketData"' in message or b'"trade"' in message:
            return None
        said = _said(message)
        if said is None or said.error is None:
            return None if said is None else _HEARTBEAT
        gone = [slug for asked in self._asked for slug in asked.refused(said.request_id or "")]
        return _refused(said, f" ({len(gone)} markets: {', '.join(gone)})" if gone else "")


class PrivateStreamOfAccount:
    """Orders, positions and cash of one account; markets are of no account to it."""

    source = PRIVATE_SOURCE
    heartbeat = Heartbeat()

    def __init__(self, credentials: Credentials, url: str = STREAM_URL) -> None:
        self._credentials = credentials
        self._url = url
        self._connections = 0

    def address(self, now_ns: int) -> StreamAddress:
        headers = signed_headers(self._credentials, now_ns, "GET", PRIVATE_PATH)
        return StreamAddress(self._url + PRIVATE_PATH, headers)

    def opened(self) -> None:
        self._connections += 1

    def first_frames(self, markets: Sequence[str]) -> Iterator[Outgoing]:
        return (Outgoing(each) for each in private.subscribe_frames(f"account-{self._connections}"))

    def add_frames(self, markets: Sequence[str]) -> Iterator[Outgoing]:
        return iter(())

    def drop_frames(self, markets: Sequence[str]) -> Iterator[Outgoing]:
        return iter(())

    def resync_frames(self, markets: Sequence[str]) -> Sequence[Outgoing]:
        """All open orders once more."""
        request_id = f"account-{self._connections}-again"
        return [Outgoing(subscribe_frame(request_id, private.ORDER_SNAPSHOT))]

    def classify(self, message: bytes) -> Said | None:
        said = _said(message)
        if said is None:
            return None
        return _HEARTBEAT if said.error is None else _refused(said)


def _said(message: bytes) -> _Signal | None:
    """A heartbeat or an error; None for anything else, readable or not."""
    try:
        signal = _decode_signal(message)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return signal if signal.error or signal.heartbeat is not None else None


def _refused(signal: _Signal, markets: str = "") -> Said:
    return Said(SaidKind.REFUSED, f"{signal.error}{markets}"[:_DETAIL_MAX])
