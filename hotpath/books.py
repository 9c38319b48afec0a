"""Keeps books true: sequence numbers, epochs, snapshots, gaps; and says what each change means.

Kalshi's rules (AsyncAPI 2026-10-26): `seq` is per sid across markets and replies count; a gap
invalidates every market of the sid until a fresh snapshot; a reconnect starts over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

from hotpath.market import Channel, Market
from kairos.domain.book import DEEP_CHANGE, BinaryBook, BookState
from kairos.domain.grid import FINEST, Ranges, grid
from kairos.domain.instruments import NO_LEG, YES_LEG
from kairos.errors import Malformed
from kairos.messages.commands import BookStateChanged, Command, MessageRefused
from kairos.messages.events import (
    BookDelta,
    BookSnapshot,
    ChannelReply,
    ChannelSubscribed,
    ConnectionOpened,
    InputQuarantined,
)

MARKETS_MAX = 20_000
BOOKS = "orderbook_delta"
# Only these change books. A message whose type cannot be read is doubted like one of them when it
# names a subscription; without one it cannot have been one of them.
_BOOK_KINDS: Final = frozenset({"orderbook_delta", "orderbook_snapshot"})
_OTHER_KINDS: Final = frozenset(
    {"ticker", "trade", "market_lifecycle_v2", "cfbenchmarks_value", "subscribed"}
)


class Books:
    """All markets' books and the channels that feed them. Emits what happened into `outbox`."""

    def __init__(self, ranges_of: Callable[[str], Ranges | None], outbox: list[Command]) -> None:
        self.markets: dict[str, Market] = {}
        self.channels: dict[str, dict[int, Channel]] = {}
        self.epochs: Counter[str] = Counter()
        self.gaps: Counter[str] = Counter()
        self.resyncs: Counter[str] = Counter()
        self._ranges_of = ranges_of
        self._outbox = outbox
        self.now_ns = 0

    def market(self, market_id: str) -> Market:
        found = self.markets.get(market_id)
        if found is None:
            if len(self.markets) >= MARKETS_MAX:
                raise Malformed("too_many_markets", "market_ticker", f"over {MARKETS_MAX}")
            ranges = self._ranges_of(market_id) or FINEST
            found = Market(market_id, BinaryBook(market_id, grid(ranges)))
            self.markets[market_id] = found
        return found

    def use_grid(self, market: Market, ranges: Ranges) -> None:
        """The venue described (or changed) the tick structure: carry the levels over."""
        fresh = grid(ranges)
        old = market.book
        if old.grid is fresh:
            return
        book = BinaryBook(market.market_id, fresh)
        book.state, book.reason = old.state, old.reason
        market.book = book
        try:
            book.replace(old.bids(YES_LEG), old.bids(NO_LEG))
        except Malformed:
            self.set_state(market, BookState.GAPPED, "grid_changed")

    # Connections and channels

    def connection_opened(self, event: ConnectionOpened) -> None:
        self._new_epoch(event.conn, "reconnected")

    def subscribed(self, event: ChannelSubscribed) -> None:
        """A sid or a channel that is already in use means a new connection: all starts over."""
        used = self.channels.get(event.conn, {})
        if event.sid in used or any(_carries(each, event.channel) for each in used.values()):
            self._new_epoch(event.conn, "resubscribed")
        self._open_channel(event.conn, event.sid, event.channel)

    def _new_epoch(self, conn: str, reason: str) -> None:
        self.epochs[conn] += 1
        for channel in self.channels.pop(conn, {}).values():
            self._invalidate(channel.markets.values(), BookState.RESYNCING, reason)

    def _open_channel(self, conn: str, sid: int, name: str) -> Channel:
        channel = Channel(conn, sid, name, self.now_ns)
        self.channels.setdefault(conn, {})[sid] = channel
        return channel

    def _channel(self, conn: str, sid: int) -> Channel:
        found = self.channels.get(conn, {}).get(sid)
        return found if found is not None else self._open_channel(conn, sid, "")

    def _invalidate(self, markets: Iterable[Market], state: BookState, reason: str) -> None:
        for market in list(markets):
            self.set_state(market, state, reason)

    def set_state(self, market: Market, state: BookState, reason: str) -> None:
        book = market.book
        if book.state is state:
            return
        book.state, book.reason = state, reason
        self._outbox.append(BookStateChanged(self.now_ns, market.market_id, state.value, reason))

    # Sequence numbers

    def _in_sequence(self, channel: Channel, seq: int, market: str | None) -> bool:
        """Account for `seq`; False for a message that was already counted."""
        channel.last_recv_ns = self.now_ns
        if channel.silent:
            self.revive(channel)
        expected = channel.next_seq
        if expected is not None and seq < expected:
            self._repeated(channel, seq, expected, market, heard=seq > channel.first_seq)
            return False
        if expected is None or seq > expected:
            channel.first_seq = seq
        channel.next_seq = seq + 1
        if expected is not None and seq > expected:
            self.gaps[channel.conn] += 1
            reason = f"sequence_gap:{expected}..{seq - 1}"
            self._invalidate(channel.markets.values(), BookState.GAPPED, reason)
        return True

    def _repeated(
        self, channel: Channel, seq: int, expected: int, market: str | None, *, heard: bool
    ) -> None:
        """A number below the next one is refused. Unless we have heard that very message, the
        numbers we counted on were wrong or have started over: nothing on the sid is sure."""
        reason = "duplicate_sequence" if seq == expected - 1 else "stale_sequence"
        self.refuse(market, reason, f"seq {seq} after {expected - 1} on sid {channel.sid}")
        if not heard:
            channel.first_seq, channel.next_seq = seq, seq + 1
            self._invalidate(
                channel.markets.values(), BookState.GAPPED, f"sequence_went_back:{expected}..{seq}"
            )

    def refuse(self, market: str | None, reason: str, detail: str) -> None:
        self._outbox.append(MessageRefused(self.now_ns, market, reason, detail))

    def reply(self, event: ChannelReply) -> None:
        channel = self._channel(event.conn, event.sid)
        if not self._in_sequence(channel, event.seq, None) or event.markets is None:
            return
        carried = frozenset(event.markets)  # thousands of them, in each reply to a subscription
        for name in [each for each in channel.markets if each not in carried]:
            self.set_state(channel.markets.pop(name), BookState.RESYNCING, "unsubscribed")

    # Books

    def snapshot(self, event: BookSnapshot) -> Market | None:
        """Take a snapshot; the market when its book is now live, None when it was refused."""
        channel = self._channel(event.conn, event.sid)
        if channel.next_seq is not None and event.seq < channel.next_seq:
            channel.last_recv_ns = self.now_ns
            self._repeated(
                channel, event.seq, channel.next_seq, event.market, heard=self._shows(event)
            )
            return None
        self._in_sequence(channel, event.seq, event.market)
        market = self.market(event.market)
        try:
            market.book.replace(event.yes, event.no)
        except Malformed as problem:
            self.refuse(event.market, problem.reason, problem.detail)
            self.set_state(market, BookState.GAPPED, f"bad_snapshot:{problem.reason}")
            return None
        if market.channel is not channel:
            if market.channel is not None:
                market.channel.markets.pop(market.market_id, None)
            market.channel = channel
        channel.markets[market.market_id] = market
        if market.book.state is BookState.GAPPED:
            self.resyncs[channel.conn] += 1
        self.set_state(market, BookState.LIVE, "snapshot")
        return market

    def _shows(self, event: BookSnapshot) -> bool:
        """Whether the book already is what a repeated snapshot says."""
        market = self.markets.get(event.market)
        return market is not None and (
            sorted(market.book.bids(YES_LEG)) == sorted(event.yes)
            and sorted(market.book.bids(NO_LEG)) == sorted(event.no)
        )

    def delta(self, event: BookDelta) -> tuple[Market | None, int]:
        """The careful way for every delta the engine's fast path did not take."""
        channel = self._channel(event.conn, event.sid)
        if not self._in_sequence(channel, event.seq, event.market):
            return None, DEEP_CHANGE
        market = self.market(event.market)
        book = market.book
        if market.channel is not channel or book.state is BookState.RESYNCING:
            self.refuse(event.market, "delta_before_snapshot", f"seq {event.seq}")
            channel.first_seq = event.seq  # not sure that the number was this message's
            if book.state is not BookState.RESYNCING:
                self.set_state(market, BookState.GAPPED, "changed_on_another_sid")
            return None, DEEP_CHANGE
        if book.state is BookState.GAPPED:
            self.refuse(event.market, "delta_while_gapped", book.reason)
            return None, DEEP_CHANGE
        try:
            return market, book.apply(event.leg, event.price, event.change)
        except Malformed as problem:
            self.break_book(market, problem)
            return None, DEEP_CHANGE

    def break_book(self, market: Market, problem: Malformed) -> None:
        """A delta that the book cannot take: from here on it no longer mirrors the venue."""
        self.refuse(market.market_id, problem.reason, problem.detail)
        self.set_state(market, BookState.GAPPED, problem.reason)

    def revive(self, channel: Channel) -> None:
        """The channel speaks again and missed nothing: its stale books are good again."""
        channel.silent = False
        for market in channel.markets.values():
            if market.book.state is BookState.STALE:
                self.set_state(market, BookState.LIVE, "heard_again")

    def check_stale(self, stale_after_ns: int) -> None:
        """Mark books whose channel has been silent too long."""
        for channels in self.channels.values():
            for channel in channels.values():
                if channel.silent or self.now_ns - channel.last_recv_ns <= stale_after_ns:
                    continue
                channel.silent = True
                for market in channel.markets.values():
                    if market.book.state is BookState.LIVE and market.is_open(self.now_ns):
                        self.set_state(market, BookState.STALE, "channel_silent")

    def quarantined(self, event: InputQuarantined) -> None:
        """Doubt whatever the unreadable message may have changed, and no more than that."""
        by_sid = self.channels.get(event.conn)
        if not by_sid or (event.sid is None and event.kind not in _BOOK_KINDS):
            return
        reason = f"unreadable:{event.reason}"
        channel = by_sid.get(event.sid) if event.sid is not None else None
        if channel is None:
            if event.kind in _OTHER_KINDS:
                return
            for each in by_sid.values():
                self._invalidate(each.markets.values(), BookState.GAPPED, reason)
            return
        if event.seq is not None and not self._in_sequence(channel, event.seq, event.market):
            return
        market = channel.markets.get(event.market) if event.market is not None else None
        doubted = [market] if market is not None else list(channel.markets.values())
        self._invalidate(doubted, BookState.GAPPED, reason)


def _carries(channel: Channel, name: str) -> bool:
    """A channel whose subscription we did not hear is known by the books it carries."""
    return channel.name == name or (name == BOOKS and not channel.name and bool(channel.markets))
