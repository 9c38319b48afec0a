"""A strategy without opinions: what is left of the engine's cost is the engine."""

from __future__ import annotations

from collections.abc import Mapping

from hotpath.market import Market
from hotpath.strategies.base import NOTHING, Commands
from kairos.messages.events import IndexValue, VenueQuote


class SilentStrategy:
    """Hears everything and concludes nothing."""

    profile = "silent"

    def settings(self) -> Mapping[str, str]:
        return {}

    def on_market(self, market: Market, now_ns: int) -> None:
        return None

    def on_book(self, market: Market, now_ns: int) -> Commands:
        return NOTHING

    def on_state(self, market: Market, now_ns: int) -> Commands:
        return NOTHING

    def on_spot(self, price: float, now_ns: int) -> Commands:
        return NOTHING

    def on_index(self, event: IndexValue, now_ns: int) -> Commands:
        return NOTHING

    def on_quote(self, event: VenueQuote, market: Market, now_ns: int) -> Commands:
        return NOTHING

    def estimate(self, market: Market, now_ns: int) -> float | None:
        return None

    def on_timer(self, now_ns: int) -> Commands:
        return NOTHING
