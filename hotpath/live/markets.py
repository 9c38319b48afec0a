"""Which markets a live session follows: those of its series, as the catalogue lists them.

The catalogue is asked now and then, and at once when the venue announces a market that we do not
follow. What it says of a market becomes a line before its book is subscribed to.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from hotpath.feeds.live.lines import watch_line
from hotpath.live.shell import LiveShell
from kairos.domain.grid import Ranges
from kairos.domain.units import NANOSECONDS_PER_SECOND, dollars
from kairos.errors import KairosError, UsageError
from kairos.messages.events import MarketDetermined
from kairos.messages.trading import VenueMarket
from kairos.ports import MarketCatalogue

_OVERLAP_S: Final = 600  # markets that closed this long ago are still listed, for their result
_RETRY_S: Final = 2.0
_log = logging.getLogger("kairos.markets")


class MarketWatch:
    """A job of the shell. `conns` are the connections that carry books; all follow all markets."""

    def __init__(
        self,
        shell: LiveShell,
        catalogue: MarketCatalogue,
        series: Sequence[str],
        conns: Sequence[str],
    ) -> None:
        self._shell = shell
        self._catalogue = catalogue
        self._series = tuple(series)
        self._conns = tuple(conns)
        self._soon = asyncio.Event()
        self._known: dict[str, VenueMarket] = {}
        self._said: dict[str, bytes] = {}
        self.watched: dict[str, int] = {}  # market: when it closes
        self.failures = 0
        self._is_failing = False
        shell.taps.on_defined = self._announced

    def _announced(self, market: str) -> None:
        if market not in self.watched and market.partition("-")[0] in self._series:
            self._soon.set()

    @property
    def exchange_index(self) -> int | None:
        """The shard that the series' markets are on; None without a market.

        Raises UsageError when they are on several: an order group is on one.
        """
        found = {market.attributes.get("exchange_index", "0") for market in self._known.values()}
        if len(found) > 1:
            raise UsageError(f"the markets are on the shards {', '.join(sorted(found))}: use one")
        return int(next(iter(found))) if found else None

    # The job

    async def run(self) -> None:
        while True:
            self._soon.clear()
            reached = await self.once()
            settings = self._shell.settings
            await self._pause(settings.discover_seconds if reached else _RETRY_S)

    async def _pause(self, seconds: float) -> None:
        """Until it is time or a market is announced, but not so soon that one could storm."""
        await self._shell.clock.sleep(min(seconds, 1.0))
        slept = asyncio.ensure_future(self._shell.clock.sleep(max(seconds - 1.0, 0.0)))
        called = asyncio.ensure_future(self._soon.wait())
        try:
            await asyncio.wait({slept, called}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            slept.cancel()
            called.cancel()

    async def once(self) -> bool:
        """Ask, follow what is new, leave what is over. False when the catalogue gave no answer."""
        now_ns = self._shell.clock.now_ns()
        since_s = now_ns // NANOSECONDS_PER_SECOND - _OVERLAP_S
        try:
            for series in self._series:
                query = {"series_ticker": series, "min_close_ts": str(since_s)}
                for market in await self._catalogue.markets(query):
                    self._known[market.market] = market
        except KairosError as error:
            self._failed(error)
            return False
        self._is_failing = False
        self._follow(self._shell.clock.now_ns())
        self._settle()
        return True

    def _failed(self, error: KairosError) -> None:
        self.failures += 1
        if not self._is_failing:
            self._is_failing = True
            _log.warning("the catalogue does not answer: %s", error)

    # What follows

    def _follow(self, now_ns: int) -> None:
        settings = self._shell.settings
        ahead_ns = now_ns + round(settings.ahead_seconds * NANOSECONDS_PER_SECOND)
        wanted = [
            market for market in self._known.values()
            if market.close_ns is not None and market.close_ns > now_ns
            and (market.is_trading or (market.open_ns or 0) <= ahead_ns)
        ]  # fmt: skip
        wanted.sort(key=lambda market: (market.close_ns or 0, market.market))
        chosen = wanted[: settings.markets_max]
        for market in chosen:
            self._describe(market)
        fresh = [market.market for market in chosen if market.market not in self.watched]
        self.watched |= {market.market: market.close_ns or 0 for market in chosen}
        if fresh:
            for conn in self._conns:
                self._shell.feed.watch(conn, fresh)
        self._leave(now_ns - round(settings.after_seconds * NANOSECONDS_PER_SECOND))

    def _describe(self, market: VenueMarket) -> None:
        """Say what the catalogue says, once, and again when it says something else."""
        strike = None if market.floor_strike is None else float(market.floor_strike)
        facts = watch_line(0, market.market, _text(market.ranges), _time(market.close_ns), strike)
        if self._said.get(market.market) == facts:
            return
        self._said[market.market] = facts
        now_ns = self._shell.clock.now_ns()
        line = watch_line(
            now_ns, market.market, _text(market.ranges), _time(market.close_ns), strike
        )
        self._shell.feed.put([line])

    def _leave(self, before_ns: int) -> None:
        over = [market for market, close_ns in self.watched.items() if close_ns <= before_ns]
        for market in over:
            del self.watched[market]
            self._said.pop(market, None)
        if over:
            for conn in self._conns:
                self._shell.feed.unwatch(conn, over)

    def _settle(self) -> None:
        """The venue's result of a market whose determination nobody heard."""
        for name, market in list(self._known.items()):
            found = self._shell.engine.markets.get(name)
            if market.result is not None and found is not None and found.outcome is None:
                now_ns = self._shell.clock.now_ns()
                self._shell.say(MarketDetermined(now_ns, name, market.result, "catalogue"))
            if market.close_ns is not None and name not in self.watched:
                self._forget(name, market.close_ns)

    def _forget(self, name: str, close_ns: int) -> None:
        if self._shell.clock.now_ns() - close_ns > _OVERLAP_S * NANOSECONDS_PER_SECOND:
            del self._known[name]


def _text(ranges: Ranges | None) -> tuple[tuple[str, str, str], ...] | None:
    if ranges is None:
        return None
    return tuple((dollars(start), dollars(end), dollars(step)) for start, end, step in ranges)


def _time(close_ns: int | None) -> str | None:
    if close_ns is None:
        return None
    return datetime.fromtimestamp(close_ns // NANOSECONDS_PER_SECOND, UTC).isoformat()
