"""What the venue says of our own orders and fills, on a connection of its own, for the gateway.

Its frames are in the journal as evidence, under a source that a replay passes over: what the
gateway concludes from them is there as events.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable

import msgspec

from hotpath.feeds.live.connection import Opener
from hotpath.feeds.live.feed import LiveFeed, Plan
from hotpath.feeds.live.freeze import Top
from hotpath.feeds.live.settings import StreamSettings
from hotpath.gateway.live import LiveGateway
from kairos.bootstrap import kalshi_private
from kairos.errors import Malformed
from kairos.messages.trading import VenueFill, VenueOrder
from kairos.ports import Clock, JournalWriter, VenueStream

_log = logging.getLogger("kairos.account")


class _Head(msgspec.Struct):
    type: str


class _Line(msgspec.Struct):
    src: str
    recv_ns: int
    type: str | None = None
    raw: msgspec.Raw = msgspec.Raw()
    data: msgspec.Raw = msgspec.Raw()


class _Change(msgspec.Struct):
    change: str


_line_of = msgspec.json.Decoder(_Line).decode
_head_of = msgspec.json.Decoder(_Head).decode
_change_of = msgspec.json.Decoder(_Change).decode


class NoBooks:
    """`hotpath.feeds.live.feed.BooksView` of a connection that carries none."""

    def conn_of(self, market: str) -> str | None:
        return None

    def top_of(self, market: str) -> Top | None:
        return None

    def is_wanted(self, market: str) -> bool:
        return False


class PrivateFeed:
    """Run `feed` beside the shell's. `missed` is called when something may have been said that we
    did not hear; `ended` when the venue took all orders of our group away."""

    def __init__(
        self,
        stream: VenueStream,
        clock: Clock,
        uniform: Callable[[], float],
        settings: StreamSettings,
        journal: JournalWriter,
        opener: Opener,
        gateway: LiveGateway,
        missed: Callable[[], None],
        ended: Callable[[str], None],
    ) -> None:
        plan = Plan(stream.source, stream, ())
        self.feed = LiveFeed([plan], clock, uniform, settings, opener)
        self.feed.attach(NoBooks(), self._take)
        self._journal = journal
        self._gateway = gateway
        self._missed = missed
        self._ended = ended
        self.refused: Counter[str] = Counter()

    def _take(self, lines: list[bytes]) -> None:
        for record in lines:
            line = _line_of(record)
            if line.src == "recorder":
                continue  # it concerns this connection only, and the engine shall not hear of it
            self._journal.append(record)
            if bytes(line.raw):
                self._hear(line.recv_ns, line.raw)
            elif line.type == "stream" and _change_of(line.data).change == "subscribed":
                self._missed()

    def _hear(self, recv_ns: int, raw: msgspec.Raw) -> None:
        try:
            if _head_of(raw).type in kalshi_private.PRIVATE_TYPES:
                frame = kalshi_private.decode(bytes(raw))
                for event in kalshi_private.events(recv_ns, "kalshi_private", frame):
                    self._tell(event)
        except (msgspec.DecodeError, Malformed) as problem:
            self._refuse(problem)

    def _tell(self, event: object) -> None:
        match event:
            case VenueFill():
                self._gateway.on_venue_fill(event)
            case VenueOrder():
                self._gateway.on_venue_order(event)
            case kalshi_private.GroupUpdate(event="triggered", group_id=name):
                self._ended(name)
            case _:
                pass

    def _refuse(self, problem: Exception) -> None:
        """What it said is not known: the account is compared at once, and finds it."""
        reason = problem.reason if isinstance(problem, Malformed) else "not_json"
        if not self.refused[reason]:
            _log.warning("a message about our account cannot be read: %s", problem)
        self.refused[reason] += 1
        self._missed()
