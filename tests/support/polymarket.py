"""Polymarket as tests need it: markets, frames the venue could send, and the engine's books."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from hotpath.books import Books
from kairos.adapters.polymarket.config import Exchange
from kairos.adapters.polymarket.listings import Listing, fees_of
from kairos.adapters.polymarket.parsing import MarketParser
from kairos.domain.book import BookState
from kairos.domain.grid import LINEAR_CENT
from kairos.domain.instruments import NO_LEG, YES_LEG
from kairos.messages.commands import Command
from kairos.messages.events import (
    BookDelta,
    BookSnapshot,
    ChannelReply,
    ChannelSubscribed,
    ConnectionOpened,
    Event,
    InputQuarantined,
    MarketDefined,
)

Frame = dict[str, Any]
MARKET, OTHER = "0x" + "a1" * 32, "0x" + "b2" * 32
# Like the hashes that token ids are: none of their middle bits happen to be all zero.
YES, NO = str(2**256 // 3), str(2**256 // 5)
OTHER_YES, OTHER_NO = str(2**256 // 7), str(2**256 // 9)
T0 = 1_795_000_000_000
CONN = "polymarket-1"


def listing(
    market: str = MARKET,
    yes: str = YES,
    no: str = NO,
    *,
    tick: int = 100,
    exchange: Exchange = Exchange.CTF,
    quantity_min: int = 5_000_000,
    fee_rate: str | None = "0.07",
) -> Listing:
    fees = None if fee_rate is None else fees_of(Decimal(fee_rate), Decimal(1), taker_only=True)
    return Listing(market, yes, no, tick, quantity_min, exchange, fees)


def other() -> Listing:
    return listing(OTHER, OTHER_YES, OTHER_NO)


def encoded(frame: object) -> bytes:
    return json.dumps(frame, separators=(",", ":")).encode()


def levels(pairs: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"price": price, "size": size} for price, size in pairs]


def book(
    bids: Sequence[tuple[str, str]],
    asks: Sequence[tuple[str, str]],
    at: int = 0,
    *,
    market: str = MARKET,
    token: str = YES,
    hashed: bool = True,
) -> Frame:
    """A whole book with the hash that the venue's recipe gives it."""
    frame: Frame = {
        "event_type": "book", "market": market, "asset_id": token, "timestamp": str(T0 + at),
        "hash": "", "bids": levels(bids), "asks": levels(asks),
    }  # fmt: skip
    if hashed:
        frame |= {
            "min_order_size": "5", "tick_size": "0.01", "neg_risk": False,
            "last_trade_price": "0.5",
        }  # fmt: skip
        frame["hash"] = sha1_of_book(frame)
    return frame


def sha1_of_book(frame: Frame) -> str:
    names = (
        "market", "asset_id", "timestamp", "hash", "bids", "asks", "min_order_size", "tick_size",
        "neg_risk", "last_trade_price",
    )  # fmt: skip
    payload = {name: frame[name] for name in names} | {"hash": ""}
    text = json.dumps(payload, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def change(
    price: str,
    size: str,
    side: str,
    top: tuple[str, str] | None,
    *,
    token: str = YES,
) -> Frame:
    entry = {"asset_id": token, "price": price, "size": size, "side": side, "hash": "00"}
    return entry if top is None else entry | {"best_bid": top[0], "best_ask": top[1]}


def price_change(*changes: Frame, at: int = 0, market: str = MARKET) -> Frame:
    return {
        "event_type": "price_change", "market": market, "price_changes": list(changes),
        "timestamp": str(T0 + at),
    }  # fmt: skip


class Fed:
    """A parser and the engine's own books behind it, with everything that came out."""

    def __init__(self, *listings: Listing, check_hashes: bool = True) -> None:
        self.parser = MarketParser(check_hashes=check_hashes)
        self.outbox: list[Command] = []
        self.books = Books(lambda _: LINEAR_CENT, self.outbox)
        self.events: list[Event] = []
        self.ns = T0 * 1_000_000
        for each in listings or (listing(),):
            self.parser.list_market(each)
        self._take(self.parser.opened(self.ns, CONN))

    def feed(self, *frames: bytes | Frame | list[Frame]) -> list[Event]:
        """Events of these frames alone."""
        before = len(self.events)
        for frame in frames:
            self.ns += 1_000_000
            raw = frame if isinstance(frame, bytes) else encoded(frame)
            self._take(self.parser.parse(self.ns, CONN, raw))
        return self.events[before:]

    def reconnect(self) -> None:
        self._take(self.parser.opened(self.ns, CONN))

    def _take(self, events: Iterable[Event]) -> None:
        for event in events:
            self.events.append(event)
            self.books.now_ns = self.ns
            self._tell(event)

    def _tell(self, event: Event) -> None:
        match event:
            case ConnectionOpened():
                self.books.connection_opened(event)
            case ChannelSubscribed():
                self.books.subscribed(event)
            case ChannelReply():
                self.books.reply(event)
            case BookSnapshot():
                self.books.snapshot(event)
            case BookDelta():
                self.books.delta(event)
            case InputQuarantined():
                self.books.quarantined(event)
            case MarketDefined() if event.grid is not None:
                self.books.use_grid(self.books.market(event.market), event.grid)

    def state(self, market: str = MARKET) -> BookState | None:
        found = self.books.markets.get(market)
        return None if found is None else found.book.state

    def shown(self, market: str = MARKET) -> tuple[dict[int, int], dict[int, int]]:
        """The engine's book: bids for YES and bids for NO by price."""
        found = self.books.markets[market].book
        return dict(found.bids(YES_LEG)), dict(found.bids(NO_LEG))

    @property
    def quarantined(self) -> list[InputQuarantined]:
        return [each for each in self.events if isinstance(each, InputQuarantined)]
