"""Opinions of both models and of the market at the same moments, collected from recordings.

Both models ride one engine through all files in order and never trade. Once a second every open
market is asked about; a moment counts only when v1, v2 and the market all have an opinion and the
spot is fresh, so that nobody is scored where another was silent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from hotpath.account import Account
from hotpath.assembly import EngineMarkets, RunSettings, kalshi_fees, paper_desk
from hotpath.engine import Engine
from hotpath.feeds.capture_files import Damage, merge_chunks, read_chunks
from hotpath.market import Market
from hotpath.outcomes import KnownOutcome
from hotpath.paper.settings import PaperSettings
from hotpath.paper.venue import PaperVenue
from hotpath.session import Session
from hotpath.spot import Spot
from hotpath.strategies.base import NOTHING, Commands, Strategy
from hotpath.strategies.btc_edge import BtcEdge
from hotpath.strategies.btc_edge_v1 import BtcEdgeV1
from kairos.bootstrap import LineDecoder, ranges_of
from kairos.domain.book import BookState
from kairos.domain.instruments import Outcome
from kairos.domain.units import PRICE_PER_DOLLAR
from kairos.messages.commands import Command
from kairos.messages.events import IndexValue, MarketDetermined, OrderReport, VenueQuote

SPOT_FRESH_NS: Final = 3_000_000_000
QUOTE_FRESH_NS: Final = 3_000_000_000
_SECOND_NS: Final = 1_000_000_000


class Sample(NamedTuple):
    """One market at one moment: seconds to its close and three probabilities of YES."""

    seconds_to_close: float
    v1: float
    v2: float
    market: float


@dataclass(slots=True)
class MarketSamples:
    """A market's samples. `source` says where its mid came from: `book` or `ticker`."""

    market: str
    close_ns: int
    source: str
    outcome: Outcome | None = None
    outcome_source: str = ""
    samples: list[Sample] = field(default_factory=list)


class Panel:
    """Both strategies side by side; what they would do is dropped, what they think is asked."""

    profile = "panel"

    def __init__(self, v1: Strategy, v2: Strategy) -> None:
        self.v1, self.v2 = v1, v2
        self.quotes: dict[str, VenueQuote] = {}

    def settings(self) -> Mapping[str, str]:
        return {
            f"{each.profile}.{name}": value
            for each in (self.v1, self.v2)
            for name, value in each.settings().items()
        }

    def on_market(self, market: Market, now_ns: int) -> None:
        self.v1.on_market(market, now_ns)
        self.v2.on_market(market, now_ns)

    def on_book(self, market: Market, now_ns: int) -> Commands:
        self.v1.on_book(market, now_ns)
        self.v2.on_book(market, now_ns)
        return NOTHING

    def on_state(self, market: Market, now_ns: int) -> Commands:
        self.v1.on_state(market, now_ns)
        self.v2.on_state(market, now_ns)
        return NOTHING

    def on_spot(self, price: float, now_ns: int) -> Commands:
        self.v1.on_spot(price, now_ns)
        self.v2.on_spot(price, now_ns)
        return NOTHING

    def on_index(self, event: IndexValue, now_ns: int) -> Commands:
        self.v1.on_index(event, now_ns)
        self.v2.on_index(event, now_ns)
        return NOTHING

    def on_quote(self, event: VenueQuote, market: Market, now_ns: int) -> Commands:
        self.quotes[event.market] = event
        self.v1.on_quote(event, market, now_ns)
        self.v2.on_quote(event, market, now_ns)
        return NOTHING

    def estimate(self, market: Market, now_ns: int) -> float | None:
        return None

    def on_timer(self, now_ns: int) -> Commands:
        self.v1.on_timer(now_ns)
        self.v2.on_timer(now_ns)
        return NOTHING


class Sampler:
    """The session's sink: looks at every open market once a second."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self.markets: dict[str, MarketSamples] = {}
        self.silent: Counter[str] = Counter()

    def commands(self, commands: Sequence[Command]) -> None:
        pass

    def report(self, report: OrderReport, engine: Engine) -> None:
        pass

    def settled(self, event: MarketDetermined, yes_held: int, no_held: int, engine: Engine) -> None:
        found = self.markets.get(event.market)
        if found is not None:
            found.outcome, found.outcome_source = event.outcome, event.source

    def timer(self, now_ns: int, engine: Engine) -> None:
        spot_fresh = now_ns - engine.spot.heard_ns <= SPOT_FRESH_NS
        for market in engine.markets.values():
            if market.contract is None or not market.is_open(now_ns):
                continue
            if not spot_fresh:
                self.silent["spot"] += 1
                continue
            self._ask(market, now_ns)

    def _ask(self, market: Market, now_ns: int) -> None:
        contract = market.contract
        if contract is None:
            return
        mid = market_mid(market, self._panel.quotes.get(market.market_id), now_ns)
        v1 = self._panel.v1.estimate(market, now_ns)
        v2 = self._panel.v2.estimate(market, now_ns)
        opinions = {"market": mid and mid[0], "v1": v1, "v2": v2}
        self.silent.update(name for name, opinion in opinions.items() if opinion is None)
        if mid is None or v1 is None or v2 is None:
            return
        found = self.markets.setdefault(
            market.market_id, MarketSamples(market.market_id, contract.close_ns, mid[1])
        )
        seconds = (contract.close_ns - now_ns) / _SECOND_NS
        found.samples.append(Sample(seconds, v1, v2, mid[0]))


def market_mid(market: Market, quote: VenueQuote | None, now_ns: int) -> tuple[float, str] | None:
    """The market's own probability and where it was read: a live book, else a fresh ticker quote.

    None while a side is empty or the sides cross: then the market has no opinion.
    """
    book = market.book
    if book.state is BookState.LIVE:
        bid, ask, source = book.yes_bid, book.yes_ask, "book"
    elif quote is not None and now_ns - quote.recv_ns <= QUOTE_FRESH_NS:
        bid, ask, source = quote.yes_bid or None, quote.yes_ask, "ticker"
    else:
        return None
    if bid is None or ask is None or not bid < ask < PRICE_PER_DOLLAR:
        return None
    return (bid + ask) / (2 * PRICE_PER_DOLLAR), source


@dataclass(slots=True)
class Collected:
    """All markets with samples in order of their close, and what could not be used."""

    markets: list[MarketSamples]
    unsettled: list[str]
    silent: Counter[str]
    damages: list[Damage]


def collect(paths: Sequence[Path], outcomes: Mapping[str, KnownOutcome]) -> Collected:
    """Run all files once. Raises InputError when one of them cannot be used at all."""
    settings = RunSettings()
    account = Account(settings.engine.ledger, settings.engine.opening_cash)
    spot = Spot()
    panel = Panel(BtcEdgeV1(), BtcEdge(settings.strategy, account, spot, kalshi_fees))
    risk = paper_desk(settings, account, spot)
    engine = Engine(panel, settings.engine, account, spot, risk, ranges_of)
    sampler = Sampler(panel)
    session = Session(engine, _idle_venue(engine, settings), LineDecoder(), sampler, outcomes)
    damages: list[Damage] = []
    for chunk in merge_chunks([read_chunks(path, damages.append) for path in paths]):
        session.feed(chunk)
    session.finish()
    found = sorted(sampler.markets.values(), key=lambda each: (each.close_ns, each.market))
    settled = [each for each in found if each.outcome is not None]
    unsettled = [each.market for each in found if each.outcome is None]
    return Collected(settled, unsettled, sampler.silent, damages)


def _idle_venue(engine: Engine, settings: RunSettings) -> PaperVenue:
    """A session needs a venue; nobody here sends it anything."""
    latency_ns = settings.latency_ms * 1_000_000
    paper = PaperSettings(
        settings.fill_model, latency_ns, latency_ns, cash=settings.engine.opening_cash
    )
    return PaperVenue(
        paper, EngineMarkets(engine), lambda market: kalshi_fees(market, engine.now_ns)
    )
