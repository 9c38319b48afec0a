"""Which markets the paper venue has business in, and when they close."""

from __future__ import annotations

from typing import Protocol

from hotpath.paper.agenda import NEVER_NS
from hotpath.paper.desk import Desk
from hotpath.paper.settings import PaperSettings
from kairos.domain.book import BinaryBook


class MarketView(Protocol):
    """The engine's knowledge of markets. Read only; `book` is the very book the engine keeps."""

    def book(self, market: str) -> BinaryBook | None:
        """None when nobody ever heard of the market."""
        ...

    def closes_ns(self, market: str) -> int | None:
        """When trading ends, venue time; None while the venue has not said."""
        ...

    def is_open(self, market: str, now_ns: int) -> bool: ...


class Desks:
    """One desk per market with something in it; the rest cost nothing."""

    def __init__(self, settings: PaperSettings, view: MarketView) -> None:
        self.by_market: dict[str, Desk] = {}
        self.next_close_ns = NEVER_NS
        self._settings = settings
        self._view = view

    def open(self, market: str) -> Desk:
        desk = self.by_market.get(market)
        if desk is None:
            desk = Desk(market, self._closes_ns(market), self._settings)
            self.by_market[market] = desk
            self.next_close_ns = min(self.next_close_ns, desk.closes_ns)
        return desk

    def book(self, desk: Desk) -> BinaryBook | None:
        return self._view.book(desk.market)

    def is_closed(self, market: str, now_ns: int) -> bool:
        return self._closes_ns(market) <= now_ns or not self._view.is_open(market, now_ns)

    def closing(self, now_ns: int) -> list[Desk]:
        """Desks whose market is over. A close that was moved is looked up again."""
        for desk in self.by_market.values():
            desk.closes_ns = self._closes_ns(desk.market)
        self._schedule()
        return [desk for desk in self.by_market.values() if desk.closes_ns <= now_ns]

    def reschedule(self, desk: Desk) -> None:
        desk.closes_ns = self._closes_ns(desk.market)
        self._schedule()

    def closed(self, desk: Desk) -> None:
        desk.closes_ns = NEVER_NS
        self._schedule()

    def leave_if_idle(self, desk: Desk) -> None:
        if desk.idle and self.by_market.pop(desk.market, None) is not None:
            self._schedule()

    def _schedule(self) -> None:
        closes = (desk.closes_ns for desk in self.by_market.values())
        self.next_close_ns = min(closes, default=NEVER_NS)

    def _closes_ns(self, market: str) -> int:
        closes_ns = self._view.closes_ns(market)
        return NEVER_NS if closes_ns is None else closes_ns
