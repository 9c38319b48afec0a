"""Lines between the sockets and whoever takes them: bounded, and honest about how full it was."""

from __future__ import annotations

from collections.abc import Callable

from hotpath.feeds.live.settings import InboxSettings


class Inbox:
    """Holds lines until they are taken. `wake` is called when there is something to take.

    A `wake` that takes at once makes every socket read end in the engine; one that only sets an
    event lets the taker run when it likes. `full` asks the sockets to stop, in either case.
    """

    def __init__(
        self,
        settings: InboxSettings,
        wake: Callable[[], None],
        pause: Callable[[bool], None] = lambda _pause: None,
    ) -> None:
        self._settings = settings
        self._wake = wake
        self._pause = pause
        self._lines: list[bytes] = []
        self._bytes = 0
        self._waking = False
        self._fresh = False  # something was put in since the last wake
        self.paused = False
        self.pauses = 0
        self.lines_high = 0
        self.bytes_high = 0
        self.lines_total = 0

    def __len__(self) -> int:
        return len(self._lines)

    def put(self, lines: list[bytes]) -> None:
        """Add lines in order. Never refuses: the sockets are stopped before it would have to."""
        if not lines:
            return
        self._lines += lines
        self._bytes += sum(map(len, lines))
        self.lines_total += len(lines)
        if len(self._lines) > self.lines_high:
            self.lines_high = len(self._lines)
        if self._bytes > self.bytes_high:
            self.bytes_high = self._bytes
        self._fresh = True
        if not self._waking:
            self._call_wake()
        if self._lines and not self.paused and self._over(1):
            self.paused = True
            self.pauses += 1
            self._pause(True)

    def _call_wake(self) -> None:
        """Once at a time: what a taker itself puts in is taken before `put` returns."""
        self._waking = True
        try:
            while self._fresh:
                self._fresh = False
                self._wake()
        finally:
            self._waking = False

    def take(self, most: int | None = None) -> list[bytes]:
        """The oldest lines, all of them unless `most` is given."""
        if most is None or most >= len(self._lines):
            taken, self._lines = self._lines, []
            self._bytes = 0
        else:
            taken = self._lines[:most]
            del self._lines[:most]
            self._bytes -= sum(map(len, taken))
        if self.paused and not self._over(2):
            self.paused = False
            self._pause(False)
        return taken

    def _over(self, divisor: int) -> bool:
        settings = self._settings
        return (
            len(self._lines) >= settings.lines_max // divisor
            or self._bytes >= settings.bytes_max // divisor
        )
