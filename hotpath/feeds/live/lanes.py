"""The decoder of a session whose lines may come from redundant connections: it merges them.

Whether there are any is in the lines themselves (`#` in the name of a connection), so a replay
needs no setting to do what the live session did. Without them nothing is slower.
"""

from __future__ import annotations

from typing import Protocol

from hotpath.feeds.live.merge import Merge, OnView, group_of
from kairos.bootstrap import LineDecoder, Parsed
from kairos.messages.events import BookDelta, ConnectionOpened, Event


class Tap(Protocol):
    """Hears what every connection said, before it is merged. It changes nothing of it."""

    def changed(self, conn: str, market: str, recv_ns: int) -> None:
        """One level of a book changed: the short form of a BookDelta."""
        ...

    def event(self, event: Event) -> None:
        """Anything else."""
        ...


class MergingDecoder(LineDecoder):
    """A LineDecoder that merges lanes, and lets `tap` listen."""

    def __init__(
        self,
        *,
        use_yes_price: bool = False,
        on_view: OnView = lambda _conn, _market, _whole: None,
        tap: Tap | None = None,
    ) -> None:
        super().__init__(use_yes_price=use_yes_price)
        self._on_view = on_view
        self._tap = tap
        self._merges: dict[str, Merge] = {}  # by connection; lanes of one stream share theirs

    def decode_many(self, lines: list[bytes]) -> list[Parsed]:
        """As `LineDecoder.decode_many`, after the merge."""
        parsed = super().decode_many(lines)
        if self._tap is not None:
            _listen(self._tap, parsed)
        if not self._merges:
            notes = [each for each in parsed if type(each) is tuple]
            if not any(map(_opens_lane, notes)):
                return parsed
        return list(map(self._merged, parsed))

    def is_whole(self, conn: str, market: str) -> bool:
        """Whether a lane follows a market without a gap."""
        merge = self._merges.get(conn)
        return merge is not None and merge.is_whole(conn, market)

    def _merged(self, parsed: Parsed) -> Parsed:
        if isinstance(parsed, tuple):
            return tuple(said for event in parsed for said in self._take(event))
        said = self._take(parsed)
        if len(said) == 1 and said[0].__class__ is parsed.__class__:
            return said[0]
        return tuple(said)

    def _take(self, event: Event) -> list[Event]:
        conn = getattr(event, "conn", None)
        if conn is None:
            return [event]
        merge = self._merges.get(conn) or self._new_lane(conn)
        return [event] if merge is None else merge.take(event)

    def _new_lane(self, conn: str) -> Merge | None:
        group = group_of(conn)
        if group is None:
            return None
        siblings = (merge for each, merge in self._merges.items() if group_of(each) == group)
        merge = next(siblings, None) or Merge(group, self._on_view)
        self._merges[conn] = merge
        return merge


def _opens_lane(parsed: Parsed) -> bool:
    """A lane begins with the note that it connected, which is never a plain event."""
    return isinstance(parsed, tuple) and any(
        isinstance(event, ConnectionOpened) and group_of(event.conn) is not None for event in parsed
    )


def _listen(tap: Tap, parsed: list[Parsed]) -> None:
    changed = tap.changed
    for each in parsed:
        if type(each) is BookDelta:
            changed(each.conn, each.market, each.recv_ns)
        elif isinstance(each, tuple):
            for event in each:
                tap.event(event)
        else:
            tap.event(each)
