"""One Kalshi websocket connection as `kairos.ports.VenueStream`: the shell owns the socket.

Batches are separate commands, each sent when the one before was answered, so that one that fails
takes no other along. What failed is tried once more; books that still do not come are asked for.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from kairos.adapters.kalshi import tolerance
from kairos.adapters.kalshi.auth import KalshiKey
from kairos.adapters.kalshi.config import STREAM_PATH
from kairos.adapters.kalshi.schemas import KalshiFrame
from kairos.adapters.kalshi.stream import (
    BATCH_MAX,
    INDEX_CHANNELS,
    ORDERBOOK,
    Answer,
    Command,
    ErrorKind,
    KalshiCommands,
)
from kairos.domain.units import NANOSECONDS_PER_MILLISECOND
from kairos.errors import Malformed
from kairos.messages.streams import Heartbeat, Outgoing, Said, SaidKind, StreamAddress

SOURCE: Final = "kalshi_ws"
PRIVATE_SOURCE: Final = "kalshi_private"
PING_SECONDS: Final = 10.0  # with the body `heartbeat`
# Channels that are subscribed to market by market; the others tell of all markets, or of us.
BY_MARKET: Final = frozenset({ORDERBOOK, "ticker", "trade"})
MARKET_CHANNELS: Final = (ORDERBOOK, "ticker", "trade", "market_lifecycle_v2")
PRIVATE_CHANNELS: Final = ("fill", "user_orders", "order_group_updates")
_DATA: Final = (
    b'{"type":"orderbook_delta"', b'{"type":"ticker"', b'{"type":"trade"',
)  # fmt: skip
_REPLIES: Final = frozenset({"subscribed", "ok", "unsubscribed", "error"})
_SNAPSHOT: Final = "orderbook_snapshot"
_ENDED: Final = frozenset({ErrorKind.RESUBSCRIBE, ErrorKind.UNKNOWN_SID, ErrorKind.WRONG_KEY})
_REPLY: Final = Said(SaidKind.REPLY)


class _Head(msgspec.Struct):
    type: str
    id: int | None = None


_head_of = msgspec.json.Decoder(_Head).decode
_any_of = msgspec.json.Decoder(dict[str, Any]).decode


class KalshiStream:
    """Channels of one connection. `key` signs the upgrade; every channel needs it."""

    source = SOURCE
    heartbeat = Heartbeat(server_every_s=PING_SECONDS)

    def __init__(
        self,
        url: str,
        key: KalshiKey,
        channels: Sequence[str] = MARKET_CHANNELS,
        index_ids: Sequence[str] = (),
        batch_max: int = BATCH_MAX,
    ) -> None:
        self._url = url
        self._key = key
        self._channels = tuple(channels)
        self._index_ids = tuple(index_ids)
        self._batch_max = batch_max
        self.unknown_fields: Counter[str] = Counter()
        self.opened()

    def address(self, now_ns: int) -> StreamAddress:
        headers = self._key.headers("GET", STREAM_PATH, now_ns // NANOSECONDS_PER_MILLISECOND)
        return StreamAddress(self._url, headers)

    def opened(self) -> None:
        self._commands = KalshiCommands(batch_max=self._batch_max)
        self._sids: dict[str, int] = {}
        self._failed: deque[Command] = deque()

    # Subscribing

    def first_frames(self, markets: Sequence[str]) -> Iterator[Outgoing]:
        for channel in self._channels:
            if channel in BY_MARKET and markets:
                yield from self._start_by_market(channel, markets)
            elif channel in INDEX_CHANNELS:
                yield _outgoing(self._commands.subscribe(channel, (), self._index_ids))
            elif channel not in BY_MARKET:
                yield _outgoing(self._commands.subscribe(channel))
        yield from self._once_more()

    def _start_by_market(self, channel: str, markets: Sequence[str]) -> Iterator[Outgoing]:
        """The first batch makes the subscription, the others join it."""
        batches = iter(self._batches(markets))
        for batch in batches:
            yield _outgoing(self._commands.subscribe(channel, batch))
            if channel in self._sids:
                break
        for batch in batches:
            yield _outgoing(self._commands.add_markets(self._sids[channel], batch))

    def add_frames(self, markets: Sequence[str]) -> Iterator[Outgoing]:
        for channel in (each for each in self._channels if each in BY_MARKET):
            if channel in self._sids:
                for batch in self._batches(markets):
                    yield _outgoing(self._commands.add_markets(self._sids[channel], batch))
            else:
                yield from self._start_by_market(channel, markets)
        yield from self._once_more()

    def drop_frames(self, markets: Sequence[str]) -> Iterator[Outgoing]:
        for channel in BY_MARKET.intersection(self._sids):
            for batch in self._batches(markets):
                yield _outgoing(self._commands.delete_markets(self._sids[channel], batch))
        self._failed.clear()

    def _once_more(self) -> Iterator[Outgoing]:
        """Batches that failed for no fault of theirs (a timeout, too many commands at once)."""
        again, self._failed = self._failed, deque()
        for command in again:
            if command.action == "add_markets" and command.sid is not None:
                yield _outgoing(self._commands.add_markets(command.sid, command.markets))
        self._failed.clear()

    def _batches(self, markets: Sequence[str]) -> Iterator[Sequence[str]]:
        for start in range(0, len(markets), self._batch_max):
            yield markets[start : start + self._batch_max]

    def resync_frames(self, markets: Sequence[str]) -> Sequence[Outgoing]:
        """Only these markets; the subscription and its other markets go on meanwhile."""
        sid = self._sids.get(ORDERBOOK)
        if sid is None:
            return ()
        try:
            commands = [self._commands.get_snapshot(sid, each) for each in self._batches(markets)]
        except OverflowError:  # nothing is answered any more
            return ()
        return [Outgoing(command.frame) for command in commands]

    # Hearing

    def classify(self, message: bytes) -> Said | None:
        if message.startswith(_DATA):
            return None
        try:
            head = _head_of(message)
            if head.type not in _REPLIES and (head.type != _SNAPSHOT or head.id is None):
                return None
            answer = self._commands.answer(self._frame(message))
        except (msgspec.MsgspecError, UnicodeDecodeError, Malformed):
            return None  # the decoder of lines says what is wrong with it
        return None if answer is None else self._said(answer)

    def _frame(self, message: bytes) -> KalshiFrame:
        return tolerance.convert(_any_of(message), self.unknown_fields)

    def _said(self, answer: Answer) -> Said | None:
        command = answer.command
        if answer.error is not None:
            return self._refused(answer, answer.error)
        if answer.channel and answer.sid is not None:
            self._sids[answer.channel] = answer.sid
        is_snapshot = command is not None and command.action == "get_snapshot"
        return None if is_snapshot else _REPLY

    def _refused(self, answer: Answer, error: ErrorKind) -> Said:
        detail = f"{answer.code} {error}: {answer.detail}"
        if error in _ENDED:
            return Said(SaidKind.ENDED, detail)
        if error is ErrorKind.RETRY and answer.command is not None:
            self._failed.append(answer.command)
        return Said(SaidKind.REFUSED, detail)


class KalshiPrivateStream(KalshiStream):
    """What the venue says of our account: a connection of its own, so that no flood of books is
    before it. Its messages are the gateway's to read, not the engine's."""

    source = PRIVATE_SOURCE

    def __init__(self, url: str, key: KalshiKey) -> None:
        super().__init__(url, key, PRIVATE_CHANNELS)


def _outgoing(command: Command) -> Outgoing:
    return Outgoing(command.frame, replies=1)
