"""The markets and the private websocket: whole books each time, heartbeats, no numbers."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from kairos.domain.units import PRICE_PER_DOLLAR
from local.venues.core.accounts import Account
from local.venues.core.faults import Faults, Frame
from local.venues.core.orders import Match, Order
from local.venues.core.server import Peer
from local.venues.polymarket_us import text
from local.venues.polymarket_us.exchange import Exchange, balance_body
from local.venues.polymarket_us.markets import Market
from local.venues.polymarket_us.records import INTENTS, Position, Report
from local.venues.polymarket_us.wire import Said, Subscribe

_TYPE: Final = "SUBSCRIPTION_TYPE_"
BOOKS: Final = f"{_TYPE}MARKET_DATA"
LITE: Final = f"{_TYPE}MARKET_DATA_LITE"
TRADES: Final = f"{_TYPE}TRADE"
ORDERS: Final = f"{_TYPE}ORDER"
SNAPSHOT: Final = f"{_TYPE}ORDER_SNAPSHOT"
POSITIONS: Final = f"{_TYPE}POSITION"
BALANCES: Final = f"{_TYPE}ACCOUNT_BALANCE"
_MARKET_TYPES: Final = (BOOKS, LITE, TRADES)
_PRIVATE_TYPES: Final = (ORDERS, SNAPSHOT, POSITIONS, BALANCES)
SLUGS_MAX: Final = 100
SNAPSHOT_PAGE: Final = 50
_INTENT_NAMES: Final = {meaning: name for name, meaning in INTENTS.items()}
_decode = msgspec.json.Decoder(Said).decode


@dataclass(slots=True, eq=False)
class _Session:
    """One connection. `account` is empty on the markets websocket; no slugs means all."""

    peer: Peer
    account: str
    asked: dict[str, Subscribe] = field(default_factory=dict)


class Stream:
    """Implements `Listener` for every connection of the venue."""

    def __init__(self, exchange: Exchange, faults: Faults, heartbeat_s: float) -> None:
        self._exchange = exchange
        self._faults = faults
        self._heartbeat_ns = int(heartbeat_s * 1e9)
        self._beat_ns = time.monotonic_ns() + self._heartbeat_ns
        self._sessions: dict[str, _Session] = {}
        exchange.listener = self

    @property
    def sessions(self) -> int:
        return len(self._sessions)

    def open(self, peer: Peer, account: str) -> None:
        self._sessions[peer.conn] = _Session(peer, account)

    def close(self, peer: Peer) -> None:
        self._sessions.pop(peer.conn, None)

    def beat(self) -> None:
        """Say that the connections live, when it is time to."""
        if time.monotonic_ns() < self._beat_ns:
            return
        self._beat_ns = time.monotonic_ns() + self._heartbeat_ns
        for session in self._sessions.values():
            session.peer.send("heartbeat", {"heartbeat": {}})

    # --- what clients say ---------------------------------------------------------------------

    async def hear(self, peer: Peer, words: str) -> None:
        session = self._sessions.get(peer.conn)
        if session is None:
            return
        try:
            said = _decode(words)
        except (msgspec.MsgspecError, RecursionError):
            peer.send("error", {"error": "invalid message"})
            return
        if said.subscribe is not None:
            self._subscribe(session, said.subscribe)
        elif said.unsubscribe is not None:
            session.asked.pop(said.unsubscribe.request_id, None)

    def _subscribe(self, session: _Session, asked: Subscribe) -> None:
        problem = self._problem(session, asked)
        if problem:
            session.peer.send("error", {"requestId": asked.request_id, "error": problem})
            return
        if asked.subscription_type == SNAPSHOT:
            self._send_snapshot(session, asked)
            return
        session.asked[asked.request_id] = asked
        if asked.subscription_type == BALANCES:
            body = {"balances": [self._balance(session.account)]}
            self._send(session, asked, "accountBalancesSnapshot", body)
        for slug in asked.market_slugs:
            self._send_first(session, asked, self._exchange.markets.get(slug))

    def _problem(self, session: _Session, asked: Subscribe) -> str:
        kinds = _PRIVATE_TYPES if session.account else _MARKET_TYPES
        if asked.subscription_type not in kinds:
            return "unknown subscription type"
        if asked.request_id in session.asked or not asked.request_id:
            return "requestId is already in use"
        if len(asked.market_slugs) > SLUGS_MAX:
            return f"too many markets: at most {SLUGS_MAX} in one subscription"
        if session.account:
            return ""
        if not asked.market_slugs:
            return "marketSlugs is required"
        unknown = [slug for slug in asked.market_slugs if slug not in self._exchange.markets]
        if unknown:
            return f"unknown market: {unknown[0]}"
        held = {
            slug
            for each in session.asked.values()
            if each.subscription_type == asked.subscription_type
            for slug in each.market_slugs
        }
        return "already subscribed" if held & set(asked.market_slugs) else ""

    def _send_first(self, session: _Session, asked: Subscribe, market: Market | None) -> None:
        if market is None or self._is_frozen(market):
            return
        if asked.subscription_type == BOOKS:
            self._send(session, asked, "marketData", market.data(), market.slug)
        elif asked.subscription_type == LITE:
            self._send(session, asked, "marketDataLite", market.lite(), market.slug)

    def _send_snapshot(self, session: _Session, asked: Subscribe) -> None:
        rows = [
            record.body()
            for record in self._exchange.open_records(session.account)
            if not asked.market_slugs or record.market.slug in asked.market_slugs
        ]
        for start in range(0, max(1, len(rows)), SNAPSHOT_PAGE):
            page = rows[start : start + SNAPSHOT_PAGE]
            is_last = start + SNAPSHOT_PAGE >= len(rows)
            body = {"orders": page, "eof": is_last}
            self._send(session, asked, "orderSubscriptionSnapshot", body)

    # --- what the exchange says ---------------------------------------------------------------

    def book_changed(self, market: Market) -> None:
        if self._is_frozen(market):
            return
        listeners = list(self._of(BOOKS, market.slug))
        if listeners:
            data = market.data()
            if not self._faults.is_quiet and self._faults.crosses(market.slug):
                data = crossed(data)
            for session, asked in listeners:
                self._send(session, asked, "marketData", data, market.slug)
        for session, asked in self._of(LITE, market.slug):
            self._send(session, asked, "marketDataLite", market.lite(), market.slug)

    def traded(self, market: Market, match: Match) -> None:
        if self._is_frozen(market):
            return
        body = {
            "marketSlug": market.slug,
            "price": text.price(match.yes_price),
            "quantity": {"value": text.size(match.quantity), "currency": "USD"},
            "tradeTime": text.moment(match.ts_ns),
            "maker": _side(match.maker),
            "taker": _side(match.taker),
        }
        for session, asked in self._of(TRADES, market.slug):
            self._send(session, asked, "trade", body, market.slug)

    def reported(self, report: Report) -> None:
        slug = report.record.market.slug
        again = report.traded is not None and self._faults.duplicates_fill()
        body = {"execution": report.body()}
        for session, asked in self._of(ORDERS, slug, report.record.account):
            for _ in range(2 if again else 1):
                self._send(session, asked, "orderSubscriptionUpdate", body, slug)

    def position_changed(self, account: str, before: dict[str, Any], now: Position) -> None:
        body = {
            "beforePosition": before,
            "afterPosition": now.body(),
            "updateTime": text.moment(now.updated_ns),
            "entryType": "LEDGER_ENTRY_TYPE_ORDER_EXECUTION",
            "tradeId": "",
        }
        for session, asked in self._of(POSITIONS, now.market.slug, account):
            self._send(session, asked, "positionSubscription", body, now.market.slug)

    def balance_changed(self, account: Account) -> None:
        listeners = list(self._of(BALANCES, None, account.name))
        if not listeners:
            return
        change = {
            "beforeBalance": None,
            "afterBalance": self._balance(account.name),
            "description": "",
            "entryType": "LEDGER_ENTRY_TYPE_ORDER_EXECUTION",
        }
        for session, asked in listeners:
            self._send(session, asked, "accountBalancesUpdate", {"balanceChange": change})

    # --- inside -------------------------------------------------------------------------------

    def _balance(self, account: str) -> dict[str, Any]:
        now_ns = self._exchange.clock.now_ns()
        return balance_body(self._exchange.members.accounts[account], now_ns)

    def _is_frozen(self, market: Market) -> bool:
        return not self._faults.is_quiet and self._faults.is_market_frozen(market.slug)

    def _of(
        self, kind: str, slug: str | None, account: str = ""
    ) -> Iterable[tuple[_Session, Subscribe]]:
        for session in self._sessions.values():
            if session.account != account:
                continue
            for asked in list(session.asked.values()):
                if asked.subscription_type != kind:
                    continue
                if slug is None or not asked.market_slugs or slug in asked.market_slugs:
                    yield session, asked

    def _send(
        self, session: _Session, asked: Subscribe, name: str, body: Frame,
        slug: str | None = None,
    ) -> None:  # fmt: skip
        frame = {
            "requestId": asked.request_id,
            "subscriptionType": asked.subscription_type,
            name: body,
        }
        session.peer.send(name, frame, slug)


def crossed(data: Frame) -> Frame:
    """The book with its best bid above its best offer."""
    level = {"px": text.price(PRICE_PER_DOLLAR // 2), "qty": "10.00"}
    higher = {"px": text.price(PRICE_PER_DOLLAR // 2 + 100), "qty": "10.00"}
    return {**data, "bids": [higher], "offers": [level]}


def _side(order: Order) -> dict[str, str]:
    side = "ORDER_SIDE_BUY" if order.side.value == "bid" else "ORDER_SIDE_SELL"
    return {"side": side, "intent": _INTENT_NAMES[order.outcome, order.action]}
