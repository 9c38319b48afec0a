"""The decoder of a session whose lines may come from redundant connections: it merges them.

Whether there are any is in the lines themselves (`#` in the name of a connection), so a replay
needs no setting to do what the live session did. Without them nothing is slower.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from hotpath.feeds.live.merge import Merge, OnView, group_of
from kairos.bootstrap import LineDecoder, Parsed, Touch
from kairos.messages.events import BookDelta, ConnectionOpened, Event


class Tap(Protocol):
    """Hears what every connection said, before it is merged. It changes nothing of it."""

    def changed(self, conn: str, market: str, recv_ns: int) -> None:
        """One level of a book changed: the short form of a BookDelta."""
        ...

    def event(self, event: Event) -> None:
        """Anything else."""
        ...


def _decline(*_numbers: int | str) -> bool:
    return False


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

    def events(self, lines: list[bytes], touch: Touch) -> Iterator[tuple[int, Parsed]]:
        """As `LineDecoder.events`, after the merge."""
        start = 0
        if not self._merges:
            for index, parsed in self._tapped(lines, touch):
                if _opens_lane(parsed):
                    yield index, self._merged(parsed)
                    start = index + 1
                    break
                yield index, parsed
            else:
                return
        for index, parsed in self._tapped(lines[start:], _decline):
            merged = self._merged(parsed)
            if type(merged) is not BookDelta or not _touched(merged, touch):
                yield start + index, merged

    def _tapped(self, lines: list[bytes], touch: Touch) -> Iterator[tuple[int, Parsed]]:
        tap = self._tap
        if tap is None:
            yield from super().events(lines, touch)
            return
        changed = tap.changed

        def listening(
            recv_ns: int, conn: str, sid: int, seq: int, market: str, leg: int, price: int,
            change: int,
        ) -> bool:  # fmt: skip
            changed(conn, market, recv_ns)
            return touch(recv_ns, conn, sid, seq, market, leg, price, change)

        for index, parsed in super().events(lines, listening):
            for event in parsed if isinstance(parsed, tuple) else (parsed,):
                tap.event(event)
            yield index, parsed

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


def _touched(delta: BookDelta, touch: Touch) -> bool:
    return touch(
        delta.recv_ns, delta.conn, delta.sid, delta.seq, delta.market, delta.leg, delta.price,
        delta.change,
    )  # fmt: skip
