"""The engine's books as a live feed sees them (`hotpath.feeds.live.feed.BooksView`)."""

from __future__ import annotations

from hotpath.engine import Engine
from hotpath.feeds.live.freeze import Top
from kairos.domain.book import BookState


class EngineBooks:
    """Reads; changes nothing."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def conn_of(self, market: str) -> str | None:
        found = self._engine.markets.get(market)
        return found.channel.conn if found is not None and found.channel is not None else None

    def top_of(self, market: str) -> Top | None:
        found = self._engine.markets.get(market)
        if found is None or found.book.state is not BookState.LIVE:
            return None
        return found.book.top()

    def is_wanted(self, market: str) -> bool:
        found = self._engine.markets.get(market)
        return found is not None and found.is_open(self._engine.now_ns)
