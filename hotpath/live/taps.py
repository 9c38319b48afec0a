"""Who listens to a live session besides the engine: the feed to books, others to markets."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hotpath.engine import Engine
from hotpath.feeds.live.lanes import Tap
from hotpath.session import Sink
from kairos.messages.commands import Command
from kairos.messages.events import Event, MarketDefined, MarketDetermined, OrderReport


class Taps:
    """A tap of the decoder: everything to the first, what defines a market to `on_defined`, too."""

    def __init__(self, first: Tap) -> None:
        self.changed = first.changed  # nine of ten events: not a call more than it takes
        self._event = first.event
        self.on_defined: Callable[[str], None] = lambda _market: None

    def event(self, event: Event) -> None:
        self._event(event)
        if type(event) is MarketDefined:
            self.on_defined(event.market)


class Heard:
    """A sink that lets the feed hear the engine's commands after the record."""

    def __init__(self, sink: Sink, observe: Callable[[Sequence[Command]], None]) -> None:
        self._sink = sink
        self._observe = observe
        self.report: Callable[[OrderReport, Engine], None] = sink.report
        self.timer: Callable[[int, Engine], None] = sink.timer

    def commands(self, commands: Sequence[Command]) -> None:
        self._sink.commands(commands)
        self._observe(commands)

    def settled(self, event: MarketDetermined, yes_held: int, no_held: int, engine: Engine) -> None:
        self._sink.settled(event, yes_held, no_held, engine)
