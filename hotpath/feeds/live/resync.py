"""Gets books back that cannot be trusted, and only those: the others keep trading.

The engine says which books it doubts (a sequence gap doubts every market of its subscription, an
impossible change only its own). They are asked for again in bounded batches, a bounded number of
times; a connection that does not bring them back is given up. Pure: time is an argument.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, NamedTuple

from hotpath.feeds.live.settings import ResyncSettings
from kairos.domain.book import BookState
from kairos.messages.commands import BookStateChanged

_SECOND: Final = 1_000_000_000
_REMEMBERED_MAX: Final = 20_000
# Why a book waits for a snapshot that nobody owes us: we asked the venue to stop sending it.
_UNSUBSCRIBED: Final = "unsubscribed"


class Ask(NamedTuple):
    """Request whole books of these markets on `conn`. `were_there`: some of them were live before,
    so that a new connection will bring them if asking cannot."""

    conn: str
    markets: tuple[str, ...]
    were_there: bool


class GiveUp(NamedTuple):
    """Connect `conn` again: asking did not help."""

    conn: str
    reason: str


class Absent(NamedTuple):
    """These markets were subscribed to on `conn` and never had a book: there is none."""

    conn: str
    markets: tuple[str, ...]


Step = Ask | GiveUp | Absent


@dataclass(slots=True)
class _Wanted:
    """A book that is missing. `due_ns`: when to ask (again). `was_there`: it was live before."""

    due_ns: int
    was_there: bool
    asked: int = 0


@dataclass(slots=True)
class _Counter:
    """What is wanted on one connection, and when its markets were doubted lately."""

    wanted: dict[str, _Wanted] = field(default_factory=dict)
    doubted: dict[str, deque[int]] = field(default_factory=dict)


class ResyncDesk:
    """Tell it what the engine says; carry out what `due` returns."""

    def __init__(self, settings: ResyncSettings) -> None:
        self._settings = settings
        self._conns: dict[str, _Counter] = {}

    def take(self, command: BookStateChanged, conn: str, now_ns: int) -> None:
        """A book changed its state; `conn` is the connection that carries it."""
        match BookState(command.state):
            case BookState.LIVE:
                self.came(conn, command.market)
            case BookState.GAPPED:
                self.doubt(conn, (command.market,), now_ns)
            case BookState.RESYNCING:
                if command.reason == _UNSUBSCRIBED:
                    self.came(conn, command.market)
                else:
                    self.expect(conn, (command.market,), now_ns)
            case BookState.STALE:
                pass  # nothing was missed; whether the channel is dead is for the freeze watch

    def doubt(self, conn: str, markets: Iterable[str], now_ns: int) -> None:
        """Books that were there and are not to be trusted: ask at once."""
        counter = self._conns.setdefault(conn, _Counter())
        for market in markets:
            wanted = counter.wanted.get(market)
            if wanted is None:
                counter.wanted[market] = _Wanted(now_ns, was_there=True)
                self._note_doubt(counter, market, now_ns)
            elif not wanted.asked:
                wanted.due_ns = min(wanted.due_ns, now_ns)

    def _note_doubt(self, counter: _Counter, market: str, now_ns: int) -> None:
        times = counter.doubted.get(market)
        if times is None:
            self._forget_old(counter, now_ns)
            times = deque(maxlen=self._settings.relapses_max + 1)
            counter.doubted[market] = times
        times.append(now_ns)

    def _forget_old(self, counter: _Counter, now_ns: int) -> None:
        """Markets come and go for weeks; what they once lost is forgotten in time."""
        if len(counter.doubted) >= _REMEMBERED_MAX:
            since_ns = now_ns - int(self._settings.relapse_s * _SECOND)
            lately = {name: each for name, each in counter.doubted.items() if each[-1] > since_ns}
            counter.doubted = lately

    def expect(self, conn: str, markets: Iterable[str], now_ns: int) -> None:
        """Books that a new subscription brings by itself: ask only if it does not."""
        counter = self._conns.setdefault(conn, _Counter())
        due_ns = now_ns + int(self._settings.grace_s * _SECOND)
        for market in markets:
            counter.wanted.setdefault(market, _Wanted(due_ns, was_there=False))

    def came(self, conn: str, market: str) -> None:
        """The book is live, or not wanted any more."""
        counter = self._conns.get(conn)
        if counter is not None:
            counter.wanted.pop(market, None)

    def closed(self, conn: str) -> None:
        """The connection is gone, and with it all that was asked of it."""
        self._conns.pop(conn, None)

    @property
    def wanted(self) -> int:
        """How many books are missing now."""
        return sum(len(counter.wanted) for counter in self._conns.values())

    def due(self, now_ns: int) -> list[Step]:
        """What to do now; what was returned counts as done."""
        steps: list[Step] = []
        for conn, counter in list(self._conns.items()):
            reason = self._hopeless(counter, now_ns)
            if reason is not None:
                self.closed(conn)
                steps.append(GiveUp(conn, reason))
            elif counter.wanted:
                steps += self._asks(conn, counter, now_ns)
        return steps

    def _hopeless(self, counter: _Counter, now_ns: int) -> str | None:
        settings = self._settings
        since_ns = now_ns - int(settings.relapse_s * _SECOND)
        for market, wanted in counter.wanted.items():
            if wanted.was_there and wanted.asked >= settings.attempts_max:
                if wanted.due_ns <= now_ns:
                    return f"{market} did not come back after {wanted.asked} requests"
            elif wanted.was_there and not wanted.asked:
                times = counter.doubted.get(market, ())
                lately = sum(at > since_ns for at in times)
                if lately > settings.relapses_max:
                    return f"{market} had to be resynced {lately} times in {settings.relapse_s} s"
        return None

    def _asks(self, conn: str, counter: _Counter, now_ns: int) -> list[Step]:
        settings = self._settings
        room = settings.batch_max * settings.in_flight_max
        absent: list[str] = []
        asks: list[str] = []
        for market, wanted in counter.wanted.items():
            if wanted.due_ns > now_ns:
                room -= bool(wanted.asked)
            elif wanted.asked >= settings.attempts_max:
                absent.append(market)
            else:
                asks.append(market)
        for market in absent:
            del counter.wanted[market]
        steps: list[Step] = [Absent(conn, tuple(absent))] if absent else []
        room = max(0, room)
        if len(asks) > room:  # whole batches only, while more is wanted than may be asked for
            room -= room % settings.batch_max
        chosen = iter(asks[:room])
        while batch := tuple(islice(chosen, settings.batch_max)):
            for market in batch:
                wanted = counter.wanted[market]
                wanted.asked += 1
                wanted.due_ns = now_ns + int(settings.timeout_s * _SECOND)
            were_there = any(counter.wanted[market].was_there for market in batch)
            steps.append(Ask(conn, batch, were_there))
        return steps
