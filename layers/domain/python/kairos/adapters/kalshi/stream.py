"""What is said to Kalshi's websocket and which reply answers what; no socket, no clock.

One subscription (`sid`) carries many markets, and its number is known only from the reply. So a
subscription starts with a bounded batch; the batches after it are given out one at a time, each
when the one before was confirmed, and the connection is read all the while.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import msgspec

from kairos.adapters.kalshi.schemas import (
    Error,
    KalshiFrame,
    Ok,
    OrderbookSnapshot,
    Subscribed,
    Unsubscribed,
)
from kairos.errors import Malformed

BATCH_MAX: Final = 200
PENDING_MAX: Final = 1_024
# Kalshi's default will flip some day: what a NO price means is said in every subscription.
USE_YES_PRICE: Final = False
ORDERBOOK: Final = "orderbook_delta"
INDEX_CHANNELS: Final = frozenset({"cfbenchmarks_value", "cfbenchmarks_value_5hz"})


class ErrorKind(StrEnum):
    """What an error frame asks of us."""

    RESUBSCRIBE = "resubscribe"  # the subscription is over; its markets' books are void
    RETRY = "retry"  # the same command again, later
    WRONG_KEY = "wrong_key"
    TOO_MANY_MARKETS = "too_many_markets"  # another connection or subscription has to take them
    UNKNOWN_SID = "unknown_sid"  # the subscription we meant does not exist any more
    DEFECT = "defect"  # the command was wrong; the same again is wrong again


_KINDS: Final = {
    1: ErrorKind.RETRY,
    7: ErrorKind.UNKNOWN_SID,
    9: ErrorKind.WRONG_KEY,
    10: ErrorKind.RESUBSCRIBE,
    18: ErrorKind.RETRY,
    25: ErrorKind.RESUBSCRIBE,
    26: ErrorKind.TOO_MANY_MARKETS,
    27: ErrorKind.RETRY,
}


def classify(code: int) -> ErrorKind:
    """Kind of an error code of the AsyncAPI table; codes nobody knows are defects."""
    return _KINDS.get(code, ErrorKind.DEFECT)


@dataclass(frozen=True, slots=True)
class Command:
    """A command and the very bytes to send, which belong into the journal.

    `use_yes_price` is what was asked for NO prices, None where there are none.
    """

    id: int
    cmd: str
    frame: bytes
    channels: tuple[str, ...] = ()
    action: str = ""
    sid: int | None = None
    markets: tuple[str, ...] = ()
    use_yes_price: bool | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply matched with its command, where it has one; `send` is what to send next.

    `done` says that nothing more will come for the command. `error` and `code` are set for error
    frames; `sid` is what the frame is about.
    """

    command: Command | None
    done: bool
    sid: int | None = None
    channel: str = ""
    error: ErrorKind | None = None
    code: int | None = None
    detail: str = ""
    send: tuple[Command, ...] = ()


@dataclass(slots=True)
class _Pending:
    """A command that waits: for so many channels, these snapshots, or just one reply."""

    command: Command
    channels_left: set[str] = field(default_factory=set)
    snapshots_left: set[str] = field(default_factory=set)
    batches: deque[tuple[str, ...]] = field(default_factory=deque)


class KalshiCommands:
    """The commands of one connection. A new connection needs a new one: ids and sids start anew."""

    def __init__(self, *, batch_max: int = BATCH_MAX, pending_max: int = PENDING_MAX) -> None:
        self._batch_max = batch_max
        self._pending_max = pending_max
        self._pending: dict[int, _Pending] = {}
        self._next_id = 1

    @property
    def pending(self) -> tuple[Command, ...]:
        """Commands without their whole answer, oldest first."""
        return tuple(each.command for each in self._pending.values())

    def subscribe(
        self,
        channel: str,
        markets: Sequence[str] = (),
        index_ids: Sequence[str] = (),
        *,
        send_initial_snapshot: bool = False,
    ) -> Command:
        """Start one channel; markets beyond the first batch follow as its answers come in."""
        batches = deque(self._batches(markets))
        first = batches.popleft() if batches else ()
        params: dict[str, Any] = {"channels": [channel]}
        if first:
            params["market_tickers"] = first
        if index_ids:
            params["index_ids"] = list(index_ids)
        if channel == ORDERBOOK:
            params["use_yes_price"] = USE_YES_PRICE
        if send_initial_snapshot:
            params["send_initial_snapshot"] = True
        command = self._command(
            "subscribe", params, channels=(channel,), markets=first,
            use_yes_price=USE_YES_PRICE if channel == ORDERBOOK else None,
        )  # fmt: skip
        self._wait(_Pending(command, channels_left={channel}, batches=batches))
        return command

    def add_markets(self, sid: int, markets: Sequence[str]) -> Command:
        """The first batch; those after it follow as its answers come in."""
        return self._update(sid, "add_markets", deque(self._batches(markets)))

    def delete_markets(self, sid: int, markets: Sequence[str]) -> Command:
        return self._update(sid, "delete_markets", deque(self._batches(markets)))

    def get_snapshot(self, sid: int, markets: Sequence[str]) -> Command:
        """Ask for whole books, to mend a gap in some markets while the others go on."""
        return self._update(sid, "get_snapshot", deque(self._batches(markets)))

    def index_ids(self, sid: int, action: str, index_ids: Sequence[str]) -> Command:
        """`action` is subscribe_indices or unsubscribe_indices."""
        params = {"sid": sid, "action": action, "index_ids": list(index_ids)}
        command = self._command("update_subscription", params, action=action, sid=sid)
        self._wait(_Pending(command))
        return command

    def unsubscribe(self, sids: Sequence[int]) -> Command:
        command = self._command("unsubscribe", {"sids": list(sids)})
        self._wait(_Pending(command, channels_left={str(sid) for sid in sids}))
        return command

    def list_subscriptions(self) -> Command:
        command = self._command("list_subscriptions", None)
        self._wait(_Pending(command))
        return command

    def answer(self, frame: KalshiFrame) -> Answer | None:
        """What a frame answers, or None for market data. Raises Malformed for an error frame
        without a code."""
        match frame:
            case Subscribed():
                return self._subscribed(frame)
            case Ok():
                return self._confirmed(frame.id, frame.sid)
            case Unsubscribed():
                return self._ended(frame)
            case Error():
                return self._failed(frame)
            case OrderbookSnapshot() if frame.id:
                return self._snapshot(frame)
            case _:
                return None

    def _subscribed(self, frame: Subscribed) -> Answer:
        waiting = self._pending.get(frame.id or 0)
        sid, channel = frame.msg.sid, frame.msg.channel
        if waiting is None:
            return Answer(None, done=True, sid=sid, channel=channel)
        waiting.channels_left.discard(channel)
        send = self._rest(waiting, sid, "add_markets")
        if not waiting.channels_left:
            del self._pending[waiting.command.id]
        return Answer(waiting.command, not waiting.channels_left, sid, channel, send=send)

    def _confirmed(self, command_id: int | None, sid: int | None) -> Answer:
        waiting = self._pending.get(command_id or 0)
        if waiting is None or waiting.snapshots_left:
            return Answer(waiting.command if waiting else None, done=waiting is None, sid=sid)
        del self._pending[waiting.command.id]
        command = waiting.command
        about = sid if sid is not None else command.sid
        send = () if about is None else self._rest(waiting, about, command.action)
        return Answer(command, done=True, sid=about, send=send)

    def _ended(self, frame: Unsubscribed) -> Answer:
        waiting = self._pending.get(frame.id or 0)
        if waiting is None:
            return Answer(None, done=True, sid=frame.sid)
        waiting.channels_left.discard(str(frame.sid))
        if not waiting.channels_left:
            del self._pending[waiting.command.id]
        return Answer(waiting.command, not waiting.channels_left, frame.sid)

    def _snapshot(self, frame: OrderbookSnapshot) -> Answer:
        waiting = self._pending.get(frame.id or 0)
        if waiting is None:
            return Answer(None, done=True, sid=frame.sid)
        waiting.snapshots_left.discard(frame.msg.market_ticker)
        if waiting.snapshots_left:
            return Answer(waiting.command, done=False, sid=frame.sid)
        del self._pending[waiting.command.id]
        send = self._rest(waiting, frame.sid, "get_snapshot")
        return Answer(waiting.command, done=True, sid=frame.sid, send=send)

    def _failed(self, frame: Error) -> Answer:
        """A failed batch takes the batches behind it along: the caller knows what it wanted."""
        waiting = self._pending.pop(frame.id or 0, None)
        msg = frame.msg or {}
        code = msg.get("code")
        if type(code) is not int:
            raise Malformed("wrong_type", "msg.code", f"is {type(code).__name__}, not an integer")
        return Answer(
            waiting.command if waiting else None, done=True, sid=frame.sid, error=classify(code),
            code=code, detail=str(msg.get("msg", ""))[:200],
        )  # fmt: skip

    def _update(self, sid: int, action: str, batches: deque[tuple[str, ...]]) -> Command:
        if not batches:
            raise ValueError(f"{action} of no market")
        markets = batches.popleft()
        params = {"sid": sid, "action": action, "market_tickers": markets}
        command = self._command(
            "update_subscription", params, action=action, sid=sid, markets=markets
        )
        wanted = set(markets) if action == "get_snapshot" else set()
        self._wait(_Pending(command, snapshots_left=wanted, batches=batches))
        return command

    def _rest(self, waiting: _Pending, sid: int, action: str) -> tuple[Command, ...]:
        return (self._update(sid, action, waiting.batches),) if waiting.batches else ()

    def _batches(self, markets: Sequence[str]) -> Iterator[tuple[str, ...]]:
        for start in range(0, len(markets), self._batch_max):
            yield tuple(markets[start : start + self._batch_max])

    def _command(
        self, cmd: str, params: object, *, channels: tuple[str, ...] = (), action: str = "",
        sid: int | None = None, markets: tuple[str, ...] = (), use_yes_price: bool | None = None,
    ) -> Command:  # fmt: skip
        number, self._next_id = self._next_id, self._next_id + 1
        fields = {"id": number, "cmd": cmd} | ({} if params is None else {"params": params})
        return Command(
            number, cmd, msgspec.json.encode(fields), channels, action, sid, markets, use_yes_price
        )

    def _wait(self, waiting: _Pending) -> None:
        """A connection that answers nothing is frozen: better to say so than to pile up."""
        if len(self._pending) >= self._pending_max:
            raise OverflowError(f"{self._pending_max} commands are without an answer")
        self._pending[waiting.command.id] = waiting
