"""Kalshi's websocket: hears what the exchange does, numbers it and sends it to who asked for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from kairos.errors import UsageError
from local.venues.core.clock import SimClock
from local.venues.core.faults import Faults
from local.venues.core.orders import LevelChanged
from local.venues.core.server import Peer
from local.venues.kalshi import frames
from local.venues.kalshi.exchange import Exchange
from local.venues.kalshi.groups import OrderGroup
from local.venues.kalshi.markets import Market, Trade
from local.venues.kalshi.records import FillRecord, OrderRecord, PositionRecord
from local.venues.kalshi.subscriptions import (
    BOOKS,
    FILLS,
    GROUPS,
    INDEX,
    INDEX_5HZ,
    INDEX_CHANNELS,
    LIFECYCLE,
    MARKETS_MAX,
    ORDERS,
    POSITIONS,
    SEQUENCED,
    TICKER,
    TRADES,
    Command,
    CommandError,
    Params,
    Session,
    Subscription,
)
from local.venues.kalshi.text import fp, ms

SESSIONS_MAX: Final = 1_000
INDEX_IDS: Final = ("BRTI",)
_ALL: Final = "all"
_encode: Final = msgspec.json.Encoder().encode
_decoder: Final = msgspec.json.Decoder(Command)


class Stream:
    """Every session of the venue, and the exchange's listener."""

    def __init__(self, exchange: Exchange, faults: Faults, markets_max: int = MARKETS_MAX) -> None:
        self._exchange = exchange
        self._clock: SimClock = exchange.clock
        self._faults = faults
        self._markets_max = markets_max
        self._sessions: dict[str, Session] = {}
        # Who hears about one market, and who hears about all of them, per channel.
        self._one: dict[tuple[str, str], dict[int, Subscription]] = {}
        self._all: dict[str, dict[int, Subscription]] = {}
        self._moved: dict[str, None] = {}
        self._frozen: set[str] = set()
        exchange.listener = self

    @property
    def sessions(self) -> int:
        return len(self._sessions)

    # --- connections --------------------------------------------------------------------------

    def open(self, peer: Peer, account: str) -> None:
        if len(self._sessions) >= SESSIONS_MAX:
            raise UsageError(f"more than {SESSIONS_MAX} websocket sessions")
        self._sessions[peer.conn] = Session(peer, account)

    def close(self, peer: Peer) -> None:
        session = self._sessions.pop(peer.conn, None)
        for subscription in list(session.subscriptions.values()) if session else ():
            self._unlink(subscription, subscription.markets)

    async def hear(self, peer: Peer, text: str) -> None:
        """One frame of a client; it is answered before the next is read."""
        session = self._sessions.get(peer.conn)
        if session is None:
            return
        command_id = 0
        try:
            command = _decoder.decode(text)
            command_id = command.id
            session.count_command(self._clock.now_ns())
            self._obey(session, command)
        except msgspec.MsgspecError:
            session.error(command_id, CommandError(1))
        except CommandError as error:
            session.error(command_id, error)

    def _obey(self, session: Session, command: Command) -> None:
        if command.cmd == "list_subscriptions":
            session.reply("ok", command.id, {"msg": session.listing()})
            return
        handlers: dict[str, Callable[[Session, int, Params], None]] = {
            "subscribe": self._subscribe,
            "unsubscribe": self._unsubscribe,
            "update_subscription": self._update,
        }
        handler = handlers.get(command.cmd)
        if handler is None:
            raise CommandError(5)
        if command.params is None:
            raise CommandError(2)
        handler(session, command.id, command.params)

    # --- commands -----------------------------------------------------------------------------

    def _subscribe(self, session: Session, command_id: int, params: Params) -> None:
        if not params.channels:
            raise CommandError(3)
        for channel in params.channels:
            self._check_room(len(params.tickers()))
            new = session.subscribe(channel, params)
            known, unknown = self._known(new.markets)
            if new.markets is not None:
                new.markets = set(known)
            self._link(new, new.markets)
            confirmed = {"msg": {"channel": channel, "sid": new.sid}}
            session.reply("subscribed", command_id, confirmed)
            self._start(new, known, params.send_initial_snapshot)
            if unknown:
                session.error(command_id, CommandError(11, new.sid, tuple(unknown)))

    def _start(self, new: Subscription, tickers: list[str], wants_tickers: bool) -> None:
        if new.channel == BOOKS:
            self._send_books(new, tickers, 0)
        elif new.channel == TICKER and wants_tickers:
            self._send_tickers(new, tickers)

    def _unsubscribe(self, session: Session, command_id: int, params: Params) -> None:
        if not params.sids:
            raise CommandError(4)
        ending = [session.subscription(sid) for sid in params.sids]
        for subscription in ending:
            self._end(subscription)
            numbers = {"sid": subscription.sid, "seq": subscription.next_seq()}
            session.reply("unsubscribed", command_id, numbers)

    def _update(self, session: Session, command_id: int, params: Params) -> None:
        if params.action is None:
            raise CommandError(15)
        subscription = session.the_one(params)
        if subscription.channel in INDEX_CHANNELS:
            self._update_indices(subscription, command_id, params)
            return
        match params.action:
            case "get_snapshot" if subscription.channel == BOOKS:
                self._send_books(subscription, self._named(params), command_id)
            case "add_markets":
                self._add_markets(subscription, command_id, params)
            case "delete_markets":
                self._unlink(subscription, set(self._named(params)))
                subscription.markets = (subscription.markets or set()) - set(params.tickers())
                self._acknowledge(subscription, command_id)
            case _:
                raise CommandError(13)

    def _named(self, params: Params) -> list[str]:
        tickers = params.tickers()
        if not tickers:
            raise CommandError(14)
        return tickers

    def _add_markets(self, to: Subscription, command_id: int, params: Params) -> None:
        known, unknown = self._known(self._named(params))
        held = to.markets or set()
        self._check_room(len(held) + len(known))
        fresh = [ticker for ticker in known if ticker not in held]
        if to.markets is None:
            self._unlink(to, None)
        to.markets = held | set(fresh)
        self._link(to, set(fresh))
        self._acknowledge(to, command_id)
        self._start(to, fresh, params.send_initial_snapshot)
        if unknown:
            to.session.error(command_id, CommandError(11, to.sid, tuple(unknown)))

    def _check_room(self, markets: int) -> None:
        if markets > self._markets_max:
            raise CommandError(26)

    def _known(self, tickers: Iterable[str] | None) -> tuple[list[str], list[str]]:
        wanted = sorted(set(tickers or ()))
        known = [ticker for ticker in wanted if ticker in self._exchange.markets]
        return known, [ticker for ticker in wanted if ticker not in self._exchange.markets]

    def _acknowledge(self, subscription: Subscription, command_id: int) -> None:
        message: dict[str, Any] = {}
        if not subscription.short_acks:
            message["market_tickers"] = sorted(subscription.markets or ())
        numbers = {"sid": subscription.sid, "seq": subscription.next_seq(), "msg": message}
        subscription.session.reply("ok", command_id, numbers)

    def _update_indices(self, to: Subscription, command_id: int, params: Params) -> None:
        if params.action == "indexlist":
            body = {"sid": to.sid, "seq": to.next_seq(), "msg": {"index_ids": list(INDEX_IDS)}}
            to.session.reply(f"{to.channel}_indexlist", command_id, body)
            return
        if params.action not in ("subscribe_indices", "unsubscribe_indices"):
            raise CommandError(13)
        if not params.index_ids:
            raise CommandError(24)
        asked = set(params.index_ids)
        adds = params.action == "subscribe_indices"
        to.indices = to.indices | asked if adds else to.indices - asked
        shown = [_ALL] if _ALL in to.indices else sorted(to.indices)
        body = {"sid": to.sid, "seq": to.next_seq(), "msg": {"index_ids": shown}}
        to.session.reply("ok", command_id, body)

    # --- who hears what -----------------------------------------------------------------------

    def _link(self, subscription: Subscription, tickers: set[str] | None) -> None:
        key = id(subscription)
        if subscription.markets is None:
            self._all.setdefault(subscription.channel, {})[key] = subscription
            return
        for ticker in tickers or ():
            self._one.setdefault((subscription.channel, ticker), {})[key] = subscription

    def _unlink(self, subscription: Subscription, tickers: set[str] | None) -> None:
        key = id(subscription)
        self._all.get(subscription.channel, {}).pop(key, None)
        for ticker in tickers or ():
            self._one.get((subscription.channel, ticker), {}).pop(key, None)

    def _end(self, subscription: Subscription) -> None:
        self._unlink(subscription, subscription.markets)
        subscription.session.subscriptions.pop(subscription.sid, None)

    def _hearing(self, channel: str, ticker: str) -> list[Subscription]:
        everyone = self._all.get(channel)
        some = self._one.get((channel, ticker))
        return [*(everyone.values() if everyone else ()), *(some.values() if some else ())]

    def _owned(self, channel: str, ticker: str, account: str) -> list[Subscription]:
        return [s for s in self._hearing(channel, ticker) if s.session.account == account]

    # --- sending ------------------------------------------------------------------------------

    def _send(
        self, to: Subscription, kind: str, body: dict[str, Any], ticker: str, command_id: int = 0
    ) -> None:
        """Number a message and queue it."""
        frame: dict[str, Any] = {"type": kind, "sid": to.sid}
        if to.channel in SEQUENCED:
            frame["seq"] = to.next_seq()
        if command_id:
            frame["id"] = command_id
        frame["sending_ts_ms"] = ms(self._clock.now_ns() + self._faults.skew_ns())
        frame["msg"] = body
        if self._faults.is_quiet:
            to.session.peer.send_bytes(_encode(frame))
        else:
            to.session.peer.send(kind, frame, ticker)

    def _publish(self, channel: str, kind: str, ticker: str, body: dict[str, Any]) -> None:
        for subscription in self._hearing(channel, ticker):
            self._send(subscription, kind, body, ticker)

    def _send_books(self, to: Subscription, tickers: list[str], command_id: int) -> None:
        for ticker in tickers:
            market = self._exchange.markets.get(ticker)
            if market is not None and not self._is_frozen(ticker):
                crossed = self._faults.crosses(ticker)
                body = frames.snapshot(market, yes_price=to.yes_price, crossed=crossed)
                self._send(to, "orderbook_snapshot", body, ticker, command_id)

    def _send_tickers(self, to: Subscription, tickers: list[str]) -> None:
        for ticker in tickers or list(self._exchange.markets):
            market = self._exchange.markets[ticker]
            crossed = self._faults.crosses(ticker)
            body = frames.ticker(market, self._clock.now_ns(), crossed=crossed)
            self._send(to, TICKER, body, ticker)

    # --- what the exchange does ---------------------------------------------------------------

    def book_changed(self, market: Market, change: LevelChanged) -> None:
        ticker = market.ticker
        self._moved[ticker] = None
        if self._is_frozen(ticker):
            return
        for to in self._hearing(BOOKS, ticker):
            body = frames.delta(market, change, yes_price=to.yes_price)
            record = self._exchange.records.get(change.order.order_id)
            if record is not None and record.account == to.session.account:
                body |= {"client_order_id": record.client_order_id}
                body |= {"subaccount": record.subaccount}
            self._send(to, BOOKS, body, ticker)

    def _is_frozen(self, ticker: str) -> bool:
        """Once frozen, nothing is said of a market until `thaw` has sent it whole."""
        if ticker in self._frozen or self._faults.is_market_frozen(ticker):
            self._frozen.add(ticker)
            return True
        return False

    def thaw(self) -> None:
        """Send the books of markets that are frozen no more, because much was not said of them."""
        thawed = {t for t in self._frozen if not self._faults.is_market_frozen(t)}
        self._frozen -= thawed
        for ticker in sorted(thawed):
            for to in self._hearing(BOOKS, ticker):
                self._send_books(to, [ticker], 0)

    def traded(self, market: Market, trade: Trade) -> None:
        self._moved[market.ticker] = None
        if not self._is_frozen(market.ticker):
            self._publish(TRADES, "trade", market.ticker, frames.trade(trade))

    def filled(self, fill: FillRecord) -> None:
        record = fill.record
        hearing = self._owned(FILLS, record.ticker, record.account)
        times = 2 if hearing and self._faults.duplicates_fill() else 1
        for to in hearing:
            for _ in range(times):
                self._send(to, "fill", fill.message(), record.ticker)

    def order_changed(self, record: OrderRecord) -> None:
        for to in self._owned(ORDERS, record.ticker, record.account):
            self._send(to, "user_order", record.message(), record.ticker)

    def position_changed(self, account: str, position: PositionRecord) -> None:
        for to in self._owned(POSITIONS, position.ticker, account):
            self._send(to, "market_position", position.message(account), position.ticker)

    def group_changed(self, group: OrderGroup, event: str, ts_ns: int) -> None:
        body: dict[str, Any] = {"event_type": event, "order_group_id": group.group_id}
        if event in ("created", "limit_updated"):
            body["contracts_limit_fp"] = fp(group.limit)
        body["ts_ms"] = ms(ts_ns)
        for to in self._owned(GROUPS, "", group.account):
            self._send(to, "order_group_updates", body, "")

    def lifecycle(self, market: Market, event: str, ts_ns: int) -> None:
        body = frames.lifecycle(market, event, ts_ns)
        self._publish(LIFECYCLE, LIFECYCLE, market.ticker, body)

    def index_printed(self, body: dict[str, Any], *, is_5hz: bool) -> None:
        channel = INDEX_5HZ if is_5hz else INDEX
        for to in self._hearing(channel, ""):
            if _ALL in to.indices or body["index_id"] in to.indices:
                self._send(to, channel, body, "")

    def print_tickers(self) -> None:
        """Every market that moved since the last time, once."""
        moved, self._moved = self._moved, {}
        now_ns = self._clock.now_ns()
        for ticker in moved:
            if self._is_frozen(ticker) or not self._hearing(TICKER, ticker):
                continue
            crossed = self._faults.crosses(ticker)
            body = frames.ticker(self._exchange.markets[ticker], now_ns, crossed=crossed)
            self._publish(TICKER, TICKER, ticker, body)

    def end_failed(self) -> None:
        """Say the terminal errors: those asked for, and those of clients that read too slowly."""
        for error in self._faults.channel_errors():
            for session in self._sessions.values():
                for subscription in list(session.subscriptions.values()):
                    if error.channel in ("*", subscription.channel):
                        self._terminate(subscription, error.code)
        for session in self._sessions.values():
            if session.peer.has_overflowed:
                session.peer.start_over()
                for subscription in list(session.subscriptions.values()):
                    self._terminate(subscription, 25)

    def _terminate(self, subscription: Subscription, code: int) -> None:
        subscription.session.error(0, CommandError(code, subscription.sid))
        self._end(subscription)
