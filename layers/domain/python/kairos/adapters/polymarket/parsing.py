"""The market channel becomes engine events: one binary market out of the book of its YES token.

YES bids are bids for YES; YES asks are bids for NO at what is left of the dollar. The NO token's
book is the same book mirrored at the venue, so its changes are left out and its top is compared.
Numbers (`sid`, `seq`) are ours, per connection: the venue has none. What cannot be read exactly, or
contradicts the mirror, quarantines the market and asks for a whole book.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

import msgspec

from kairos.adapters.polymarket.amounts import ranges_of_tick
from kairos.adapters.polymarket.books import SID, TokenBooks, buys
from kairos.adapters.polymarket.links import FreshBook, Link, Pairs
from kairos.adapters.polymarket.listings import Listing
from kairos.adapters.polymarket.mirror import Contradicted, level_price, level_size
from kairos.adapters.polymarket.schemas import (
    BestBidAsk,
    Book,
    LastTrade,
    Listed,
    MarketFrame,
    MarketResolved,
    NewMarket,
    PriceChange,
    TickSizeChange,
)
from kairos.adapters.polymarket.times import milliseconds
from kairos.domain.grid import Ranges
from kairos.domain.instruments import Outcome
from kairos.domain.units import PRICE_PER_DOLLAR, scaled
from kairos.errors import Malformed
from kairos.messages.events import (
    ChannelReply,
    ChannelSubscribed,
    ConnectionOpened,
    Event,
    InputQuarantined,
    MarketDefined,
    MarketDetermined,
    VenueTrade,
)

SOURCE: Final = "polymarket_clob_ws"
CHANNEL: Final = "orderbook_delta"  # what the engine calls a channel that carries books
CONNECTIONS_MAX: Final = 64
_COUNTS_MAX: Final = 256
_BOOK_KINDS: Final = frozenset({"book", "price_change"})
_OTHER_KINDS: Final = frozenset(
    {
        "last_trade_price", "tick_size_change", "best_bid_ask", "new_market", "market_resolved",
        "kairos_listing",
    }
)  # fmt: skip
# Whatever a message calls itself: with the first it is about a book, with the second it may be.
_BOOK_FIELDS: Final = frozenset({"price_changes", "changes", "bids", "asks"})
_LEVEL_FIELDS: Final = frozenset({"price", "size"})
_WORDS = re.compile(rb"[A-Z ]{1,64}")  # PONG, INVALID OPERATION
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_decode = msgspec.json.Decoder(list[MarketFrame] | MarketFrame).decode
_decode_any = msgspec.json.Decoder().decode


def listing_frame(listing: Listing) -> bytes:
    """A frame of our own that tells a parser about a market: written into the journal where a
    session learns it, so that the session replays."""
    return msgspec.json.encode(_listed(listing))


def _listed(listing: Listing) -> Listed:
    return Listed(listing.market, listing.yes_token, listing.no_token, listing.tick)


class MarketParser:
    """Frames of the market channel, of any number of connections, in the order they came.

    `counts` is frames by kind, and what was left out by why. `check_hashes` is for the day on which
    the venue changes its recipe: without it a wrong book is only found by its top.
    """

    def __init__(self, *, check_hashes: bool = True) -> None:
        self.counts: Counter[str] = Counter()
        self._pairs = Pairs()
        self._books = TokenBooks(self._pairs, self.counts, check_hashes=check_hashes)
        self._links: dict[str, Link] = {}
        self._requests: dict[tuple[str, str], FreshBook] = {}

    def list_market(self, listing: Listing) -> None:
        """Name the two tokens of a market; frames of markets nobody listed are left out."""
        self._pairs.add(_listed(listing))

    def unlist_market(self, market: str) -> None:
        self._pairs.drop(market)
        for link in self._links.values():
            link.mirrors.pop(market, None)

    def opened(self, recv_ns: int, conn: str) -> tuple[Event, ...]:
        """A connection opened anew: everything learnt on it before is void."""
        if conn not in self._links and len(self._links) >= CONNECTIONS_MAX:
            raise Malformed("too_many_connections", "conn", f"over {CONNECTIONS_MAX}")
        self._links[conn] = Link(conn)
        return ConnectionOpened(recv_ns, conn), ChannelSubscribed(recv_ns, conn, SID, CHANNEL)

    def take_requests(self) -> tuple[FreshBook, ...]:
        """Books to ask for since the last call, one for each market of a connection."""
        taken = tuple(self._requests.values())
        self._requests.clear()
        return taken

    def parse(self, recv_ns: int, conn: str, frame: bytes) -> tuple[Event, ...]:
        """The events a frame holds. Never raises for what a venue can send: what cannot be used
        is an InputQuarantined that says which book it may have changed."""
        opening: tuple[Event, ...] = ()
        if conn not in self._links:
            opening = self.opened(recv_ns, conn)
        link = self._links[conn]
        try:
            decoded = _decode(frame if frame.isascii() else frame.decode().encode())
        except _UNREADABLE:
            return (*opening, *self._unreadable(recv_ns, link, frame))
        frames = decoded if isinstance(decoded, list) else [decoded]
        events = [event for each in frames for event in self._events(recv_ns, link, each)]
        if not events:
            events.append(ChannelReply(recv_ns, conn, SID, link.number()))
        return (*opening, *events)

    def _events(self, recv_ns: int, link: Link, frame: MarketFrame) -> list[Event]:
        """Nothing, for a frame that says nothing we use."""
        try:
            events = self._handled(recv_ns, link, frame)
        except Malformed as problem:
            return self._quarantine(recv_ns, link, msgspec.to_builtins(frame), problem)
        self.counts[str(frame.__struct_config__.tag)] += 1
        return events

    def _handled(self, recv_ns: int, link: Link, frame: MarketFrame) -> list[Event]:
        match frame:
            case PriceChange():
                return self._books.changed(recv_ns, link, frame)
            case Book():
                events = self._books.book(recv_ns, link, frame)
                self._requests.pop((link.conn, frame.market), None)
                return events
            case BestBidAsk():
                return self._books.best(link, frame)
            case LastTrade():
                return self._traded(recv_ns, link, frame)
            case TickSizeChange():
                return self._tick_changed(recv_ns, frame)
            case MarketResolved():
                return self._resolved(recv_ns, frame)
            case NewMarket():
                return []
            case Listed():
                grid = ranges_of_tick(frame.tick)
                self._pairs.add(frame)
                return [_defined(recv_ns, frame.market, grid)]

    # Frames that are not about a book

    def _traded(self, recv_ns: int, link: Link, frame: LastTrade) -> list[Event]:
        pair, is_yes = self._pairs.of(frame.market, frame.asset_id)
        price, size, bought = level_price(frame.price), level_size(frame.size), buys(frame.side)
        time_ns = milliseconds(frame.timestamp, "timestamp")
        if not size:
            raise Malformed("bad_size", "size", "a trade of nothing")
        if pair is None:
            return self._left_out("unlisted")
        # One transaction can settle several trades; the rest of the id keeps them apart.
        trade_id = f"{frame.transaction_hash or frame.timestamp}:{frame.price}:{frame.size}"
        trade = VenueTrade(
            recv_ns, link.conn, pair.market, trade_id,
            price if is_yes else PRICE_PER_DOLLAR - price, size,
            Outcome.YES if bought is is_yes else Outcome.NO, time_ns,
        )  # fmt: skip
        return [ChannelReply(recv_ns, link.conn, SID, link.number()), trade]

    def _tick_changed(self, recv_ns: int, frame: TickSizeChange) -> list[Event]:
        pair, is_yes = self._pairs.of(frame.market, frame.asset_id)
        grid = ranges_of_tick(scaled(frame.new_tick_size, 4, "new_tick_size"))
        milliseconds(frame.timestamp, "timestamp")
        if pair is None or not is_yes:
            return self._left_out("unlisted" if pair is None else "no_token_tick")
        return [_defined(recv_ns, pair.market, grid)]

    def _resolved(self, recv_ns: int, frame: MarketResolved) -> list[Event]:
        pair, is_yes = self._pairs.of(frame.market, frame.winning_asset_id)
        milliseconds(frame.timestamp, "timestamp")
        if pair is None:
            return self._left_out("unlisted")
        outcome = Outcome.YES if is_yes else Outcome.NO
        return [MarketDetermined(recv_ns, pair.market, outcome, "market_resolved")]

    def _left_out(self, why: str) -> list[Event]:
        self.counts[why] += 1
        return []

    # Doubt

    def _unreadable(self, recv_ns: int, link: Link, frame: bytes) -> list[Event]:
        """An array with one bad element still holds good ones."""
        if _WORDS.fullmatch(frame):
            self.counts["words"] += 1
            return [ChannelReply(recv_ns, link.conn, SID, link.number())]
        try:
            raw = _decode_any(frame.decode())
        except _UNREADABLE as error:
            return self._quarantine(
                recv_ns, link, None, Malformed("not_json", "frame", str(error)[:200])
            )
        events: list[Event] = []
        for each in raw if isinstance(raw, list) else [raw]:
            try:
                typed = msgspec.convert(each, MarketFrame)
            except (msgspec.ValidationError, RecursionError) as error:
                problem = Malformed("bad_frame", "frame", str(error)[:200])
                events += self._quarantine(recv_ns, link, each, problem)
            else:
                events += self._events(recv_ns, link, typed)
        return events

    def _quarantine(self, recv_ns: int, link: Link, raw: object, problem: Malformed) -> list[Event]:
        """Doubt whatever the message may have changed, and no more than that."""
        self._count(f"quarantined:{problem.reason}")
        kind = _kind(raw)
        named, is_named = self._pairs.named_in(raw)
        harms = isinstance(problem, Contradicted) or _may_change_books(raw, kind)
        if not harms or (is_named and not named):
            market = named[0] if named else None
            return [_quarantined(recv_ns, link, problem, kind, None, market)]
        known = [each for each in named or link.mirrors if link.live(each) is not None]
        for market in named or known:
            self._give_up(link, market, problem.reason)
        if not named:
            return [_quarantined(recv_ns, link, problem, kind, link.number(), None)]
        if not known:
            return [_quarantined(recv_ns, link, problem, kind, None, named[0])]
        return [
            _quarantined(recv_ns, link, problem, kind, link.number(), market) for market in known
        ]

    def _give_up(self, link: Link, market: str, reason: str) -> None:
        mirror, pair = link.mirrors.get(market), self._pairs.get(market)
        if mirror is not None:
            mirror.give_up()
        if pair is not None:
            wanted = FreshBook(link.conn, market, pair.yes_token, reason)
            self._requests[link.conn, market] = wanted

    def _count(self, name: str) -> None:
        if name in self.counts or len(self.counts) < _COUNTS_MAX:
            self.counts[name] += 1


def _kind(raw: object) -> str | None:
    kind = raw.get("event_type") if isinstance(raw, dict) else None
    return kind if isinstance(kind, str) else None


def _may_change_books(raw: object, kind: str | None) -> bool:
    """A kind that nobody knows is doubted only when it speaks of levels: venues add kinds."""
    if not isinstance(raw, dict) or kind in _BOOK_KINDS or not _BOOK_FIELDS.isdisjoint(raw):
        return True
    return kind not in _OTHER_KINDS and not _LEVEL_FIELDS.isdisjoint(raw)


def _quarantined(
    recv_ns: int, link: Link, problem: Malformed, kind: str | None, seq: int | None,
    market: str | None,
) -> InputQuarantined:  # fmt: skip
    """With a `seq` the engine doubts `market`, or all the connection carries when it is None."""
    return InputQuarantined(
        recv_ns, SOURCE, link.conn, problem.reason, problem.field, problem.detail,
        None if kind is None else kind[:64], None if seq is None else SID, seq, market,
    )  # fmt: skip


def _defined(recv_ns: int, market: str, grid: Ranges) -> MarketDefined:
    return MarketDefined(recv_ns, market, None, None, None, None, grid)
