"""What a strategy is to the engine: told what changed, it returns what to do about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from hotpath.market import Market
from kairos.messages.commands import Command
from kairos.messages.events import IndexValue, VenueQuote

NOTHING: Final[tuple[Command, ...]] = ()
Commands = Sequence[Command]


class Strategy(Protocol):
    """Pure: every method is told the time, and remembers only what it was told."""

    profile: str

    def settings(self) -> Mapping[str, str]:
        """Effective settings, as text, for the record of the run."""
        ...

    def on_market(self, market: Market, now_ns: int) -> None:
        """A market's contract became known, changed, or the market is over."""
        ...

    def on_book(self, market: Market, now_ns: int) -> Commands:
        """The top of a market's live book changed."""
        ...

    def on_state(self, market: Market, now_ns: int) -> Commands:
        """A market's book became live, stale, gapped or resyncing."""
        ...

    def on_spot(self, price: float, now_ns: int) -> Commands:
        """The underlying traded."""
        ...

    def on_index(self, event: IndexValue, now_ns: int) -> Commands:
        """The settlement index printed."""
        ...

    def on_quote(self, event: VenueQuote, market: Market, now_ns: int) -> Commands:
        """The venue's ticker stated a top of book."""
        ...

    def estimate(self, market: Market, now_ns: int) -> float | None:
        """P(YES) as the strategy sees it now, for scoring; None when it has no opinion."""
        ...

    def on_timer(self, now_ns: int) -> Commands:
        """About once a second, whatever else happens."""
        ...
