"""The market and user channels: whole books, absolute level sizes, members' orders and trades.

Nothing is numbered and nothing is repeated; PING is answered with PONG.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from kairos.domain.instruments import Outcome
from kairos.domain.units import PRICE_PER_DOLLAR
from local.venues.core.accounts import ApiKey
from local.venues.core.faults import Faults, Frame
from local.venues.core.orders import Side
from local.venues.core.server import Peer
from local.venues.polymarket import text
from local.venues.polymarket.exchange import Exchange
from local.venues.polymarket.keys import Keys
from local.venues.polymarket.market_api import book_body, hashed
from local.venues.polymarket.markets import Market
from local.venues.polymarket.records import OrderRecord, TradeRecord
from local.venues.polymarket.signatures import digest_of
from local.venues.polymarket.wire import Frame as Said

INVALID: Final = b"INVALID OPERATION"
_decode = msgspec.json.Decoder(Said).decode
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True, eq=False)
class _Session:
    """One connection. `key` is set on the user channel; no `markets` means all of them."""

    peer: Peer
    is_user: bool
    tokens: set[str] = field(default_factory=set)
    has_extras: bool = False
    key: ApiKey | None = None
    markets: set[str] | None = None
    is_open: bool = False


class Stream:
    """Implements `Listener` for every connection of the venue."""

    def __init__(self, exchange: Exchange, keys: Keys, faults: Faults) -> None:
        self._exchange = exchange
        self._keys = keys
        self._faults = faults
        self._sessions: dict[str, _Session] = {}
        exchange.listener = self

    @property
    def sessions(self) -> int:
        return len(self._sessions)

    def open(self, peer: Peer, *, is_user: bool) -> None:
        self._sessions[peer.conn] = _Session(peer, is_user)

    def close(self, peer: Peer) -> None:
        self._sessions.pop(peer.conn, None)

    # --- what clients say ---------------------------------------------------------------------

    async def hear(self, peer: Peer, words: str) -> None:
        session = self._sessions.get(peer.conn)
        if session is None:
            return
        if words == "PING":
            peer.send_bytes(b"PONG")
            return
        try:
            said = _decode(words)
        except (msgspec.MsgspecError, RecursionError):
            peer.send_bytes(INVALID)
            return
        if session.is_user:
            self._hear_user(session, said)
        else:
            self._hear_market(session, said)

    def _hear_market(self, session: _Session, said: Said) -> None:
        if said.custom_feature_enabled is not None:
            session.has_extras = said.custom_feature_enabled
        if said.operation == "unsubscribe":
            session.tokens -= set(said.assets_ids)
            return
        is_first = said.type.lower() == "market" and not session.is_open
        if not is_first and said.operation != "subscribe":
            session.peer.send_bytes(INVALID)
            return
        session.is_open = True
        new = [t for t in dict.fromkeys(said.assets_ids) if t not in session.tokens]
        session.tokens |= set(new)
        self._dump(session, new)

    def _dump(self, session: _Session, tokens: Iterable[str]) -> None:
        """Whole books of what was just asked for, in one frame."""
        frames = []
        for token in tokens:
            market = self._exchange.by_token.get(token)
            if market is None or not market.is_trading or self._is_frozen(market):
                continue
            frame: Frame = {"event_type": "book", **book_body(market, token)}
            if not self._faults.is_quiet:
                if self._faults.skips("book", market.id):
                    continue
                frame = self._faults.drifted("book", frame)
            frames.append(frame)
        session.peer.send_bytes(_encode(frames))

    def _hear_user(self, session: _Session, said: Said) -> None:
        if session.key is None:
            auth = said.auth
            key = None if auth is None else self._keys.recognize(
                auth.api_key, auth.secret, auth.passphrase
            )  # fmt: skip
            if key is None:
                session.peer.abort()
                return
            session.key = key
            session.markets = None if said.markets is None else set(said.markets)
        elif said.operation in ("subscribe", "unsubscribe") and said.markets is not None:
            held = session.markets or set()
            adds = said.operation == "subscribe"
            session.markets = held | set(said.markets) if adds else held - set(said.markets)
        else:
            session.peer.send_bytes(INVALID)

    # --- what the exchange says ---------------------------------------------------------------

    def book_changed(self, market: Market, levels: set[tuple[int, int]]) -> None:
        if self._is_frozen(market):
            return
        if not self._faults.is_quiet and self._faults.crosses(market.id):
            self._to_tokens(market, market.spec.tokens, crossed_book(market))
            return
        self._to_tokens(market, market.spec.tokens, price_change(market, levels))
        for token in market.spec.tokens:
            self._to_tokens(market, (token,), best_bid_ask(market, token), extra=True)

    def traded(self, market: Market, price: int, quantity: int, taker: str) -> None:
        if self._is_frozen(market):
            return
        frame = {
            "event_type": "last_trade_price",
            "market": market.id,
            "asset_id": taker,
            "price": text.price(price),
            "size": text.size(quantity),
            "side": market.last_side,
            "fee_rate_bps": "0",
            "timestamp": text.ms(market.changed_ns),
            "transaction_hash": "",
        }
        self._to_tokens(market, market.spec.tokens, frame)

    def tick_changed(self, market: Market, before: int) -> None:
        for token in market.spec.tokens:
            frame = {
                "event_type": "tick_size_change",
                "market": market.id,
                "asset_id": token,
                "old_tick_size": text.price(before),
                "new_tick_size": text.price(market.tick),
                "timestamp": text.ms(self._exchange.clock.now_ns()),
            }
            self._to_tokens(market, (token,), frame)

    def listed(self, market: Market) -> None:
        frame = {
            "event_type": "new_market",
            "id": market.id[-8:],
            "market": market.id,
            "question": market.spec.question,
            "slug": market.spec.slug,
            "assets_ids": list(market.spec.tokens),
            "outcomes": list(market.spec.labels),
            "timestamp": text.ms(self._exchange.clock.now_ns()),
        }
        for session in self._sessions.values():
            if session.is_open and session.has_extras:
                session.peer.send("new_market", frame, market.id)

    def resolved(self, market: Market, result: Outcome) -> None:
        frame = {
            "event_type": "market_resolved",
            "id": market.id[-8:],
            "market": market.id,
            "assets_ids": list(market.spec.tokens),
            "winning_asset_id": market.spec.token(result),
            "winning_outcome": market.spec.label(result),
            "timestamp": text.ms(self._exchange.clock.now_ns()),
        }
        self._to_tokens(market, market.spec.tokens, frame, extra=True)

    def order_changed(self, record: OrderRecord, kind: str) -> None:
        self._to_key(record.api_key, record.market, "order", record.frame(kind))

    def trade_changed(self, trade: TradeRecord) -> None:
        again = trade.status == "MATCHED" and self._faults.duplicates_fill()
        for api_key, side in trade.sides().items():
            for _ in range(2 if again else 1):
                self._to_key(api_key, trade.market, "trade", trade.frame(side))

    # --- inside -------------------------------------------------------------------------------

    def _is_frozen(self, market: Market) -> bool:
        return not self._faults.is_quiet and self._faults.is_market_frozen(market.id)

    def _to_tokens(
        self, market: Market, tokens: tuple[str, ...], frame: Frame, *, extra: bool = False
    ) -> None:
        kind = str(frame["event_type"])
        for session in self._sessions.values():
            if session.tokens.isdisjoint(tokens) or (extra and not session.has_extras):
                continue
            session.peer.send(kind, frame, market.id)

    def _to_key(self, api_key: str, market: Market, kind: str, frame: dict[str, Any]) -> None:
        for session in self._sessions.values():
            if session.key is None or session.key.key_id != api_key:
                continue
            if session.markets is None or market.id in session.markets:
                session.peer.send(kind, frame, market.id)


def price_change(market: Market, levels: set[tuple[int, int]]) -> Frame:
    """Every changed level of both tokens, with the size it has now and the top after it."""
    changes = []
    for leg, price in sorted(levels):
        is_bid = leg == 0
        yes_price = price if is_bid else PRICE_PER_DOLLAR - price
        size = market.book.quantity_at(Side.BID if is_bid else Side.ASK, yes_price)
        for token in market.spec.tokens:
            is_yes = token == market.spec.yes_token
            buys = is_bid is is_yes
            shown = yes_price if is_yes else PRICE_PER_DOLLAR - yes_price
            changes.append(_change(market, token, shown, size, "BUY" if buys else "SELL"))
    return {
        "event_type": "price_change",
        "market": market.id,
        "price_changes": changes,
        "timestamp": text.ms(market.changed_ns),
    }


def _change(market: Market, token: str, price: int, size: int, side: str) -> dict[str, str]:
    bid, ask = market.top(token)
    mark = f"{token}/{price}/{size}/{market.changed_ns}".encode()
    return {
        "asset_id": token,
        "price": text.price(price),
        "size": text.size(size),
        "side": side,
        "hash": digest_of(mark).hex()[:40],
        "best_bid": "0" if bid is None else text.price(bid),
        "best_ask": "1" if ask is None else text.price(ask),
    }


def best_bid_ask(market: Market, token: str) -> Frame:
    bid, ask = market.top(token)
    spread = (PRICE_PER_DOLLAR if ask is None else ask) - (bid or 0)
    return {
        "event_type": "best_bid_ask",
        "market": market.id,
        "asset_id": token,
        "best_bid": "0" if bid is None else text.price(bid),
        "best_ask": "1" if ask is None else text.price(ask),
        "spread": text.price(spread),
        "timestamp": text.ms(market.changed_ns),
    }


def crossed_book(market: Market) -> Frame:
    """A whole book of YES whose best bid is above its best ask."""
    token = market.spec.yes_token
    body = book_body(market, token)
    bid, ask = market.top(token)
    low = 5_000 if ask is None else ask
    high = low + market.tick if bid is None else max(bid, low) + market.tick
    body["bids"] = [{"price": text.price(high), "size": "10"}]
    body["asks"] = [{"price": text.price(low), "size": "10"}]
    return {"event_type": "book", **hashed(body)}
