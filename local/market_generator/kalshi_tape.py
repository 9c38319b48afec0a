"""Kalshi's side of the connection: numbers what it sends, and changes books as it says so."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from kairos.domain.units import (
    NANOSECONDS_PER_MILLISECOND,
    PRICE_PER_DOLLAR,
    dollars,
)
from local.market_generator.book import LEGS, Book, contracts_text
from local.market_generator.chance import Chance
from local.market_generator.clock_text import SecondText
from local.market_generator.kalshi_frames import Frame, snapshot, ticker, trade
from local.market_generator.wire import Link

BOOKS: Final = "orderbook_delta"
TRADES: Final = "trade"
TICKERS: Final = "ticker"
LIFECYCLE: Final = "market_lifecycle_v2"
INDEX_VALUES: Final = "cfbenchmarks_value"
CHANNELS: Final = (TICKERS, BOOKS, TRADES, LIFECYCLE, INDEX_VALUES)

# A few hundred sizes make up almost all changes.
_quantity_text = lru_cache(maxsize=4096)(contracts_text)


class KalshiTape:
    """Writes every message of a connection to its link.

    Books change even while the link is down: the exchange does not wait for its listeners.
    """

    def __init__(self, link: Link, conn: str, chance: Chance) -> None:
        self.link = link
        self.deltas = 0
        self.lose_next_delta = False
        self._chance = chance
        self._delta_head = (
            f'"src":"kalshi_ws","conn":"{conn}","type":"orderbook_delta",'
            f'"raw":{{"type":"orderbook_delta","sending_ts_ms":'
        )
        self._clock = 40_000_000 + chance.between(0, 1_000_000)
        self._sids: dict[str, int] = {}
        self._seqs: dict[str, int] = {}
        self._text = SecondText()
        self._connections = 0

    def connect(self, at_ns: int) -> None:
        """Subscribe to every channel anew: other sids, numbering from 1."""
        # Another order every time, so that a channel has another sid after a reconnect.
        turn = self._connections % len(CHANNELS)
        order = CHANNELS[turn:] + CHANNELS[:turn]
        self._connections += 1
        self._sids = {channel: sid for sid, channel in enumerate(order, start=1)}
        self._seqs = dict.fromkeys(order, 0)
        for channel, sid in self._sids.items():
            self._deliver(at_ns, {
                "id": sid,
                "type": "subscribed",
                "msg": {"channel": channel, "sid": sid},
            })  # fmt: skip

    def action(self) -> int:
        """Advance the exchange's clock; the changes of one action share it."""
        self._clock += 1 + int(self._chance.uniform() * 9)
        return self._clock

    def pause(self) -> int:
        """Nanoseconds between two actions of one participant."""
        return 400_000 + int(self._chance.uniform() * 2_200_000)

    def delta(self, book: Book, leg: int, level: int, change: int, at_ns: int) -> None:
        """Change one level and say so. Text by hand: nine of ten lines are written here."""
        book.change(leg, level, change)
        book.clock = self._clock
        book.changed_ns = at_ns
        self.deltas += 1
        link = self.link
        if link.down or not book.watched:
            return
        seq = self._seqs[BOOKS] = self._seqs[BOOKS] + 1
        if self.lose_next_delta:
            self.lose_next_delta = False
            return
        at_ms = str(at_ns // NANOSECONDS_PER_MILLISECOND)
        link.write(
            at_ns,
            f'{self._delta_head}{at_ms},"sid":{self._sids[BOOKS]},"seq":{seq},'
            f'"msg":{{{book.head},"clock":{self._clock},'
            f'"price_dollars":"{book.price_texts[level]}","delta_fp":"{_quantity_text(change)}",'
            f'"side":"{LEGS[leg]}","ts":"{self._text.to_millisecond(at_ns)}","ts_ms":{at_ms}}}}}}}',
        )

    def trade(self, book: Book, maker_leg: int, level: int, count: int, at_ns: int) -> None:
        """A taker takes `count` from one level: the level shrinks, the trade is announced."""
        self.delta(book, maker_leg, level, -count, at_ns)
        price = book.prices[level]
        yes_price = PRICE_PER_DOLLAR - price if maker_leg else price
        opened = int(count * self._chance.uniform())
        book.record_trade(yes_price, count, opened)
        trade_id = self._chance.uuid()
        if not book.watched:
            return
        self.numbered(TRADES, at_ns, TRADES, trade(
            book.contract.ticker, trade_id, yes_price, count, 1 - maker_leg, at_ns
        ))  # fmt: skip

    def snapshot(self, book: Book, at_ns: int, command: int | None = None) -> None:
        """The whole book; `command` is the id of the request it answers, if there was one."""
        self.numbered(BOOKS, at_ns, "orderbook_snapshot", snapshot(book), command)

    def ticker(self, book: Book, at_ns: int) -> None:
        """Top of book at its last change. This channel is not numbered."""
        text = self._text.to_millisecond(book.changed_ns)
        self._deliver(at_ns, {
            "type": TICKERS,
            "sid": self._sids[TICKERS],
            "msg": ticker(book, book.changed_ns, text),
        })  # fmt: skip

    def market_list(self, at_ns: int, command: int, tickers: list[str]) -> None:
        """The reply to adding or deleting markets; it uses up a number like any message."""
        self.numbered(BOOKS, at_ns, "ok", {"market_tickers": tickers}, command)

    def off_grid_delta(self, book: Book, at_ns: int) -> None:
        """A change at a price the contract does not have; no book changes."""
        price = PRICE_PER_DOLLAR // 2 + 35
        self.numbered(BOOKS, at_ns, "orderbook_delta", {
            "market_ticker": book.contract.ticker,
            "market_id": book.contract.market_id,
            "clock": self._clock,
            "price_dollars": dollars(price),
            "delta_fp": contracts_text(10_000),
            "side": LEGS[0],
            "ts": self._text.to_millisecond(at_ns),
            "ts_ms": at_ns // NANOSECONDS_PER_MILLISECOND,
        })  # fmt: skip

    def numbered(
        self, channel: str, at_ns: int, kind: str, body: Frame, command: int | None = None
    ) -> None:
        """Send a message that consumes the channel's next sequence number."""
        if self.link.down:
            return
        self._seqs[channel] += 1
        frame: Frame = {"type": kind, "sid": self._sids[channel], "seq": self._seqs[channel]}
        if command is not None:
            frame["id"] = command
        self._deliver(at_ns, frame | {"msg": body})

    def _deliver(self, at_ns: int, frame: Frame) -> None:
        frame["sending_ts_ms"] = at_ns // NANOSECONDS_PER_MILLISECOND
        self.link.deliver(at_ns, frame)
