"""One stream of book changes out of several connections that carry the same markets.

Kalshi stamps every change with the exchange's clock, the same on every connection, so a place in a
market's history is (clock, how many changes of that clock). Each connection is at some place; the
first to reach a new one is passed on, the others are dropped when they get there. So the fastest
connection leads, message by message, and when one loses messages or dies the other simply goes on:
there is no switch-over that could be late or go back. A market that no connection follows without
a gap is marked not live until one brings a snapshot that is not older than what was passed on.

It sits between the decoder and the engine, not before the journal: the journal keeps what every
connection said, byte for byte, and a replay merges it again. The engine sees one connection with
one subscription whose numbers have no gap. Pure: it looks at events and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from kairos.domain.instruments import YES_LEG
from kairos.messages.events import (
    BookDelta,
    BookSnapshot,
    ChannelReply,
    ChannelSubscribed,
    ConnectionOpened,
    Event,
    IndexValue,
    InputQuarantined,
    VenueQuote,
    VenueTrade,
)

LANE_MARK: Final = "#"  # `kalshi_ws#a` and `kalshi_ws#b` are lanes of `kalshi_ws`
SID: Final = 1
NO_WHOLE_BOOK: Final = "no_whole_book"
# The exchange's clock may start over in a maintenance: after so long an older snapshot is believed.
ERA_NS: Final = 30_000_000_000
# How far a whole lane may be behind what a damaged one has shown.
LAG_NS: Final = 1_000_000_000
_WHOLE: Final = 1 << 62  # all changes of a clock, however many there were
_TRADES_MAX: Final = 65_536
_MARKETS_MAX: Final = 20_000
_BOOK_KINDS: Final = frozenset({"orderbook_delta", "orderbook_snapshot"})
_OTHER_KINDS: Final = frozenset(
    {"ticker", "trade", "market_lifecycle_v2", "cfbenchmarks_value", "subscribed"}
)
_ORIGIN: Final = (-(1 << 63), 0)

Place = tuple[int, int]
Levels = dict[tuple[int, int], int]
# (connection, market, whether it follows the market without a gap from here on)
OnView = Callable[[str, str, bool], None]


def group_of(conn: str) -> str | None:
    """The stream that a connection is a lane of; None when it is no lane."""
    name, mark, _lane = conn.partition(LANE_MARK)
    return name if mark else None


@dataclass(slots=True)
class _View:
    """What one lane knows of one market. `levels` is kept only while it catches up."""

    sid: int
    place: Place
    is_whole: bool = True
    levels: Levels | None = None


@dataclass(slots=True)
class _Lane:
    next_seq: dict[int, int] = field(default_factory=dict)
    channels: dict[int, str] = field(default_factory=dict)
    views: dict[str, _View] = field(default_factory=dict)


@dataclass(slots=True)
class _Market:
    """What was passed on: up to where, and whether it may be priced from."""

    place: Place = _ORIGIN
    is_live: bool = False
    lost_ns: int = 0
    # A lane that lost something has shown a clock that we have not come to: which, and when.
    ahead: tuple[int, int] | None = None


class Merge:
    """The lanes of one stream. `take` an event of any lane, pass on what it returns."""

    def __init__(self, group: str, on_view: OnView = lambda _conn, _market, _whole: None) -> None:
        self._group = group
        self._on_view = on_view
        self._lanes: dict[str, _Lane] = {}
        self._markets: dict[str, _Market] = {}
        self._seq = 0
        self._trades: dict[str, None] = {}
        self._said_ns: dict[str, int] = {}  # venue time of the last quote or index value passed on
        self._now_ns = 0
        self.dropped = 0
        self._handlers: dict[type[Any], Callable[[_Lane, str, Any], list[Event]]] = {
            BookDelta: self._delta,
            BookSnapshot: self._snapshot,
            ChannelReply: self._reply,
            ChannelSubscribed: self._subscribed,
            ConnectionOpened: self._opened,
            InputQuarantined: self._quarantined,
            VenueTrade: self._trade,
            VenueQuote: self._quote,
            IndexValue: self._index,
        }

    def take(self, event: Event) -> list[Event]:
        """What the engine shall hear of it: nothing, the event, or what it changes."""
        handler = self._handlers.get(type(event))
        if handler is None:
            return [event]  # says the same whichever lane it came on
        if event.recv_ns is not None and event.recv_ns > self._now_ns:
            self._now_ns = event.recv_ns
        conn: str = event.conn  # type: ignore[union-attr]
        lane = self._lanes.get(conn)
        if lane is None:
            lane = self._lanes[conn] = _Lane()
        return handler(lane, conn, event)

    def is_whole(self, conn: str, market: str) -> bool:
        """Whether a lane follows a market without a gap."""
        lane = self._lanes.get(conn)
        view = lane.views.get(market) if lane is not None else None
        return view is not None and view.is_whole

    # Connections and sequence numbers, lane by lane

    def _opened(self, lane: _Lane, conn: str, event: ConnectionOpened) -> list[Event]:
        lost = self._lose(lane, conn, lane.views, event.recv_ns, "reconnected")
        self._lanes[conn] = _Lane()
        return lost

    def _subscribed(self, lane: _Lane, conn: str, event: ChannelSubscribed) -> list[Event]:
        """As in the books: a sid or a channel that is in use means a new connection."""
        lost: list[Event] = []
        if event.sid in lane.next_seq or event.channel in lane.channels.values():
            lost = self._lose(lane, conn, lane.views, event.recv_ns, "resubscribed")
            lane = self._lanes[conn] = _Lane()
        lane.channels[event.sid] = event.channel
        return lost

    def _in_sequence(
        self, lane: _Lane, conn: str, sid: int, seq: int, recv_ns: int
    ) -> tuple[bool, list[Event]]:
        """False for a message that was counted before; and what a gap costs."""
        expected = lane.next_seq.get(sid)
        if expected is not None and seq == expected - 1:
            return False, []
        lane.next_seq[sid] = seq + 1
        if expected is None or seq == expected:
            return True, []
        markets = [market for market, view in lane.views.items() if view.sid == sid]
        return seq > expected, self._lose(lane, conn, markets, recv_ns, f"{expected}..{seq - 1}")

    def _reply(self, lane: _Lane, conn: str, event: ChannelReply) -> list[Event]:
        fresh, said = self._in_sequence(lane, conn, event.sid, event.seq, event.recv_ns)
        if not fresh or event.markets is None:
            return said
        carried = frozenset(event.markets)
        gone = [
            market
            for market, view in lane.views.items()
            if view.sid == event.sid and market not in carried
        ]
        for market in gone:
            del lane.views[market]
            self._on_view(conn, market, True)  # nobody wants it any more
        dropped = [market for market in gone if not self._followed(market)]
        for market in dropped:
            self._markets.pop(market, None)
        if dropped:
            said.append(
                ChannelReply(
                    event.recv_ns, self._group, SID, self._next_seq(), tuple(self._markets)
                )
            )
        return said

    def _quarantined(self, lane: _Lane, conn: str, event: InputQuarantined) -> list[Event]:
        """Doubt what the message may have changed on its lane; it is counted either way."""
        said: list[Event] = [event]
        known = event.sid in lane.next_seq
        harmless = event.sid is None or event.kind in _OTHER_KINDS
        if harmless and not known and event.kind not in _BOOK_KINDS:
            return said
        recv_ns = self._now_ns
        if known and event.sid is not None and event.seq is not None:
            fresh, lost = self._in_sequence(lane, conn, event.sid, event.seq, recv_ns)
            said += lost
            if not fresh:
                return said
        doubted = [
            market for market, view in lane.views.items() if not known or event.sid == view.sid
        ]
        if event.market in doubted:
            doubted = [event.market]
        return said + self._lose(lane, conn, doubted, recv_ns, event.reason)

    # Books

    def _snapshot(self, lane: _Lane, conn: str, event: BookSnapshot) -> list[Event]:
        fresh, said = self._in_sequence(lane, conn, event.sid, event.seq, event.recv_ns)
        if not fresh:
            return said
        if event.clock is None:
            return said + self._lose(lane, conn, [event.market], event.recv_ns, "no_clock")
        market = self._market(event.market)
        place = (event.clock, _WHOLE)
        view = lane.views[event.market] = _View(event.sid, place)
        self._on_view(conn, event.market, True)
        if place > market.place or (not market.is_live and place >= market.place):
            return [*said, self._pass_on_book(market, event, place, event.yes, event.no)]
        if not market.is_live:
            view.levels = _levels(event)
            said += self._new_era(market, view, event)
        return said

    def _delta(self, lane: _Lane, conn: str, event: BookDelta) -> list[Event]:
        said: list[Event] = []
        if lane.next_seq.get(event.sid) == event.seq:
            lane.next_seq[event.sid] = event.seq + 1
        else:
            fresh, said = self._in_sequence(lane, conn, event.sid, event.seq, event.recv_ns)
            if not fresh:
                return said
        view, clock = lane.views.get(event.market), event.clock
        if view is None or not view.is_whole or view.sid != event.sid:
            return said + self._look_ahead(event)
        was = view.place
        if clock is None or clock < was[0]:
            reason = "no_clock" if clock is None else "clock_went_back"
            return said + self._lose(lane, conn, [event.market], event.recv_ns, reason)
        if clock == was[0]:
            if was[1] == _WHOLE:
                return said  # the snapshot contained it
            place = (clock, was[1] + 1)
        else:
            place = (clock, 1)
        view.place = place
        return said + self._moved(view, was, place, event)

    def _look_ahead(self, event: BookDelta) -> list[Event]:
        """A lane that lost something still shows how far the market has come: lanes that do not
        get there in time are not whole but dead, and would keep an old book live."""
        market, clock = self._markets.get(event.market), event.clock
        if market is None or not market.is_live or clock is None:
            return []
        if market.ahead is None or market.ahead[0] <= market.place[0]:
            market.ahead = (clock, event.recv_ns) if clock > market.place[0] else None
        elif event.recv_ns - market.ahead[1] > LAG_NS:
            return self._lose_everywhere(event, "lagging")
        return []

    def _moved(self, view: _View, was: Place, place: Place, event: BookDelta) -> list[Event]:
        """A lane took one step: pass it on when nobody was there before."""
        market = self._markets[event.market]
        if not market.is_live:
            return self._catch_up(market, view, event)
        if place <= market.place:
            self.dropped += 1
            return []
        # A snapshot is at the end of its clock: the next step from there is the first of a later.
        reached = market.place
        if was != reached and not (reached[1] == _WHOLE and was <= reached and place[1] == 1):
            # Two lanes without a gap saw different histories: one is wrong, none is sure.
            return self._lose_everywhere(event, "lanes_disagree")
        market.place = place
        return [
            BookDelta(
                event.recv_ns, self._group, SID, self._next_seq(), event.market, event.leg,
                event.price, event.change, event.venue_ns, event.clock,
            )
        ]  # fmt: skip

    def _lose_everywhere(self, event: BookDelta, reason: str) -> list[Event]:
        said: list[Event] = []
        for conn, lane in self._lanes.items():
            said += self._lose(lane, conn, [event.market], event.recv_ns, reason)
        return said

    def _catch_up(self, market: _Market, view: _View, event: BookDelta) -> list[Event]:
        """Follow a snapshot that was older than what was passed on, until it no longer is."""
        levels = view.levels
        if levels is None:
            return []
        key = (event.leg, event.price)
        levels[key] = levels.get(key, 0) + event.change
        if not levels[key]:
            del levels[key]
        if view.place >= market.place:
            return [self._pass_on_levels(market, view, event)]
        return self._new_era(market, view, event)

    def _new_era(
        self, market: _Market, view: _View, event: BookDelta | BookSnapshot
    ) -> list[Event]:
        if event.recv_ns - market.lost_ns <= ERA_NS:
            return []
        return [self._pass_on_levels(market, view, event)]

    def _pass_on_levels(
        self, market: _Market, view: _View, event: BookDelta | BookSnapshot
    ) -> Event:
        legs: tuple[list[tuple[int, int]], list[tuple[int, int]]] = ([], [])
        for (leg, price), quantity in (view.levels or {}).items():
            legs[leg != YES_LEG].append((price, quantity))
        return self._pass_on_book(market, event, view.place, tuple(legs[0]), tuple(legs[1]))

    def _pass_on_book(
        self,
        market: _Market,
        event: BookDelta | BookSnapshot,
        place: Place,
        yes: tuple[tuple[int, int], ...],
        no: tuple[tuple[int, int], ...],
    ) -> Event:
        market.place, market.is_live = place, True
        for conn, lane in self._lanes.items():
            view = lane.views.get(event.market)
            if view is None:
                continue
            view.levels = None
            if view.is_whole and view.place > place:  # of the era before this one
                view.is_whole = False
                self._on_view(conn, event.market, False)
        return BookSnapshot(
            event.recv_ns, self._group, SID, self._next_seq(), event.market, yes, no, event.clock
        )

    def _market(self, name: str) -> _Market:
        found = self._markets.get(name)
        if found is None:
            if len(self._markets) >= _MARKETS_MAX:
                known = self._markets.items()
                self._markets = {each: what for each, what in known if self._followed(each)}
            found = self._markets[name] = _Market()
        return found

    def _followed(self, market: str) -> bool:
        return any(market in lane.views for lane in self._lanes.values())

    def _lose(
        self, lane: _Lane, conn: str, markets: Iterable[str], recv_ns: int, reason: str
    ) -> list[Event]:
        """A lane no longer follows these markets; those that no lane follows are not live."""
        said: list[Event] = []
        for name in list(markets):
            view = lane.views.get(name)
            if view is None or not view.is_whole:
                continue
            view.is_whole, view.levels = False, None
            self._on_view(conn, name, False)
            market = self._markets[name]
            if market.is_live and not any(self.is_whole(each, name) for each in self._lanes):
                market.is_live, market.lost_ns = False, recv_ns
                said.append(self._doubt(name, recv_ns, f"{conn}: {reason}"))
        return said

    def _doubt(self, market: str, recv_ns: int, detail: str) -> Event:
        return InputQuarantined(
            recv_ns, self._group, self._group, NO_WHOLE_BOOK, "conn", detail, "orderbook_delta",
            SID, self._next_seq(), market,
        )  # fmt: skip

    def _next_seq(self) -> int:
        self._seq += 1
        return self._seq

    # What is not about books

    def _trade(self, lane: _Lane, conn: str, event: VenueTrade) -> list[Event]:
        if event.trade_id in self._trades:
            self.dropped += 1
            return []
        self._trades[event.trade_id] = None
        if len(self._trades) > _TRADES_MAX:
            del self._trades[next(iter(self._trades))]
        return [event]

    def _quote(self, lane: _Lane, conn: str, event: VenueQuote) -> list[Event]:
        return self._newer(f"quote {event.market}", event.venue_ns, event)

    def _index(self, lane: _Lane, conn: str, event: IndexValue) -> list[Event]:
        return self._newer(f"index {event.index}", event.venue_ns, event)

    def _newer(self, what: str, venue_ns: int, event: Event) -> list[Event]:
        if venue_ns <= self._said_ns.get(what, -1):
            self.dropped += 1
            return []
        if len(self._said_ns) >= _TRADES_MAX:
            self._said_ns.clear()
        self._said_ns[what] = venue_ns
        return [event]


def _levels(event: BookSnapshot) -> Levels:
    legs = enumerate((event.yes, event.no))
    return {(leg, price): quantity for leg, side in legs for price, quantity in side}
