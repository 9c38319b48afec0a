"""One websocket session: its subscriptions, their numbers, and the commands that change them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from kairos.domain.units import NANOSECONDS_PER_SECOND
from kairos.errors import KairosError
from local.venues.core.server import Peer

BOOKS: Final = "orderbook_delta"
TICKER: Final = "ticker"
TRADES: Final = "trade"
FILLS: Final = "fill"
ORDERS: Final = "user_orders"
POSITIONS: Final = "market_positions"
LIFECYCLE: Final = "market_lifecycle_v2"
GROUPS: Final = "order_group_updates"
INDEX: Final = "cfbenchmarks_value"
INDEX_5HZ: Final = "cfbenchmarks_value_5hz"
INDEX_CHANNELS: Final = (INDEX, INDEX_5HZ)
CHANNELS: Final = (
    BOOKS, TICKER, TRADES, FILLS, ORDERS, POSITIONS, LIFECYCLE, GROUPS, INDEX, INDEX_5HZ,
    "multivariate_market_lifecycle", "communications",
)  # fmt: skip
# Channels whose messages are numbered; replies on a sid are numbered on every channel.
SEQUENCED: Final = frozenset((BOOKS, TRADES, LIFECYCLE, GROUPS, INDEX, INDEX_5HZ))
# Channels that may be filtered by market; the others ignore what is asked for.
FILTERED: Final = frozenset((BOOKS, TICKER, TRADES, FILLS, ORDERS, POSITIONS))

COMMANDS_PER_SECOND_MAX: Final = 10_000
MARKETS_MAX: Final = 500_000

ERRORS: Final = {
    1: "Unable to process message",
    2: "Params required",
    3: "Channels required",
    4: "Subscription IDs required",
    5: "Unknown command",
    7: "Unknown subscription ID",
    8: "Unknown channel name",
    9: "Authentication required",
    10: "Channel error",
    11: "Invalid parameter",
    12: "Exactly one subscription ID is required",
    13: "Unsupported action",
    14: "Market Ticker required",
    15: "Action required",
    24: "Index IDs required",
    25: "Subscription buffer overflow",
    26: "Subscription market limit exceeded",
    27: "Too many requests",
}


class CommandError(KairosError):
    """A command that cannot be done, by the venue's error code."""

    def __init__(self, code: int, sid: int | None = None, tickers: tuple[str, ...] = ()) -> None:
        super().__init__(ERRORS[code])
        self.code = code
        self.sid = sid
        self.tickers = tickers


class Params(msgspec.Struct, kw_only=True):
    """Everything a command may carry."""

    channels: list[str] | None = None
    market_ticker: str | None = None
    market_tickers: list[str] | None = None
    sid: int | None = None
    sids: list[int] | None = None
    action: str | None = None
    index_ids: list[str] | None = None
    use_yes_price: bool = False
    send_initial_snapshot: bool = False
    skip_ticker_ack: bool = False

    def tickers(self) -> list[str]:
        named = [] if self.market_ticker is None else [self.market_ticker]
        return named + (self.market_tickers or [])


class Command(msgspec.Struct, kw_only=True):
    """A client's frame."""

    cmd: str = ""
    id: int = 0
    params: Params | None = None


@dataclass(slots=True, eq=False)
class Subscription:
    """One sid. `markets` is None for all of them; `seq` numbers what was sent on it."""

    sid: int
    channel: str
    session: Session = field(repr=False)
    markets: set[str] | None = None
    indices: set[str] = field(default_factory=set)
    yes_price: bool = False
    short_acks: bool = False
    seq: int = 0

    def next_seq(self) -> int:
        self.seq += 1
        return self.seq

    def wants(self, ticker: str) -> bool:
        return self.markets is None or ticker in self.markets


@dataclass(slots=True, eq=False)
class Session:
    """One connection of one account."""

    peer: Peer
    account: str
    subscriptions: dict[int, Subscription] = field(default_factory=dict)
    _sids: int = 0
    _second: int = 0
    _commands: int = 0

    def count_command(self, now_ns: int) -> None:
        """Raises CommandError (27) over the limit of one second."""
        second = now_ns // NANOSECONDS_PER_SECOND
        if second != self._second:
            self._second, self._commands = second, 0
        self._commands += 1
        if self._commands > COMMANDS_PER_SECOND_MAX:
            raise CommandError(27)

    def subscribe(self, channel: str, params: Params) -> Subscription:
        """Raises CommandError for a channel that is unknown or wants its markets named."""
        if channel not in CHANNELS:
            raise CommandError(8)
        tickers = params.tickers()
        if channel == BOOKS and not tickers:
            raise CommandError(14)
        if len(tickers) > MARKETS_MAX:
            raise CommandError(26)
        self._sids += 1
        markets = set(tickers) if tickers and channel in FILTERED else None
        new = Subscription(
            self._sids, channel, self, markets, set(params.index_ids or ()),
            params.use_yes_price, params.skip_ticker_ack,
        )  # fmt: skip
        self.subscriptions[new.sid] = new
        return new

    def subscription(self, sid: int) -> Subscription:
        found = self.subscriptions.get(sid)
        if found is None:
            raise CommandError(7)
        return found

    def the_one(self, params: Params) -> Subscription:
        """The subscription an update is about. Raises CommandError (12, 7)."""
        sids = ([] if params.sid is None else [params.sid]) + (params.sids or [])
        if len(sids) != 1:
            raise CommandError(12)
        return self.subscription(sids[0])

    def reply(self, kind: str, command_id: int, extra: dict[str, Any]) -> None:
        frame: dict[str, Any] = {"type": kind, **extra}
        if command_id:
            frame["id"] = command_id
        self.peer.send(kind, frame)

    def error(self, command_id: int, error: CommandError) -> None:
        message: dict[str, Any] = {"code": error.code, "msg": ERRORS[error.code]}
        if error.tickers:
            message["market_tickers"] = list(error.tickers)
        extra: dict[str, Any] = {"msg": message}
        scoped = None if error.sid is None else self.subscriptions.get(error.sid)
        if scoped is not None:
            extra |= {"sid": scoped.sid}
            if scoped.channel in SEQUENCED:
                extra |= {"seq": scoped.next_seq()}
        self.reply("error", command_id, extra)

    def listing(self) -> list[dict[str, Any]]:
        return [{"channel": s.channel, "sid": s.sid} for s in self.subscriptions.values()]


def by_channel(sessions: Iterable[Session], channel: str) -> list[Subscription]:
    return [
        subscription
        for session in sessions
        for subscription in session.subscriptions.values()
        if subscription.channel == channel
    ]
