"""Runs lines through decoder, engine and session without a strategy that would trade."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from hotpath.account import Account
from hotpath.assembly import EngineMarkets, kalshi_fees
from hotpath.engine import Engine, EngineSettings
from hotpath.feeds.capture_files import Chunk
from hotpath.market import Market
from hotpath.outcomes import KnownOutcome
from hotpath.paper.settings import FillModel, PaperSettings
from hotpath.paper.venue import PaperVenue
from hotpath.session import Session
from hotpath.spot import Spot
from hotpath.strategies.base import NOTHING, Commands
from kairos.bootstrap import LineDecoder, ranges_of
from kairos.domain.book import BinaryBook
from kairos.messages.commands import BookStateChanged, Command, MessageRefused
from kairos.messages.events import IndexValue, MarketDetermined, OrderReport, VenueQuote
from tests.support.risk import desk

TAPE = Path("tape.jsonl")


class SilentStrategy:
    """Concludes nothing and remembers what it was told."""

    profile = "silent"

    def __init__(self) -> None:
        self.told: list[str] = []
        self.spots: list[float] = []

    def settings(self) -> Mapping[str, str]:
        return {}

    def on_market(self, market: Market, now_ns: int) -> None:
        self.told.append(f"market {market.market_id}")

    def on_book(self, market: Market, now_ns: int) -> Commands:
        self.told.append(f"book {market.market_id}")
        return NOTHING

    def on_state(self, market: Market, now_ns: int) -> Commands:
        self.told.append(f"state {market.market_id} {market.book.state}")
        return NOTHING

    def on_spot(self, price: float, now_ns: int) -> Commands:
        self.spots.append(price)
        return NOTHING

    def on_index(self, event: IndexValue, now_ns: int) -> Commands:
        return NOTHING

    def on_quote(self, event: VenueQuote, market: Market, now_ns: int) -> Commands:
        return NOTHING

    def estimate(self, market: Market, now_ns: int) -> float | None:
        return None

    def on_timer(self, now_ns: int) -> Commands:
        return NOTHING


class Heard:
    """A sink that keeps everything."""

    def __init__(self) -> None:
        self.said: list[Command] = []
        self.settlements: list[tuple[str, str, str]] = []
        self.timers: list[int] = []

    def commands(self, commands: Sequence[Command]) -> None:
        self.said.extend(commands)

    def report(self, report: OrderReport, engine: Engine) -> None:
        pass

    def settled(self, event: MarketDetermined, yes_held: int, no_held: int, engine: Engine) -> None:
        self.settlements.append((event.market, event.outcome.value, event.source))

    def timer(self, now_ns: int, engine: Engine) -> None:
        self.timers.append(now_ns)

    def states(self, market: str) -> list[str]:
        return [
            f"{said.state}:{said.reason}"
            for said in self.said
            if isinstance(said, BookStateChanged) and said.market == market
        ]

    def refusals(self) -> list[str]:
        return [said.reason for said in self.said if isinstance(said, MessageRefused)]


def new_engine(settings: EngineSettings | None = None) -> Engine:
    settings = settings or EngineSettings()
    account = Account(settings.ledger, settings.opening_cash)
    return Engine(SilentStrategy(), settings, account, Spot(), desk(account), ranges_of)


class Replay:
    """A session over lines given by hand."""

    def __init__(
        self,
        outcomes: Mapping[str, KnownOutcome] | None = None,
        *,
        use_yes_price: bool = False,
        settings: EngineSettings | None = None,
    ) -> None:
        self.engine = new_engine(settings)
        self.heard = Heard()
        paper = PaperVenue(
            PaperSettings(FillModel.REALISTIC, 0, 0),
            EngineMarkets(self.engine),
            lambda market: kalshi_fees(market, self.engine.now_ns),
        )
        self.decoder = LineDecoder(use_yes_price=use_yes_price)
        self.session = Session(self.engine, paper, self.decoder, self.heard, outcomes or {})
        self._line = 1

    def feed(self, *lines: bytes) -> Replay:
        """Take lines as one chunk of a file, numbered on from the last."""
        self.session.feed(Chunk(TAPE, self._line, list(lines), 0))
        self._line += len(lines)
        return self

    def feed_one_by_one(self, lines: Iterable[bytes]) -> Replay:
        for each in lines:
            self.feed(each)
        return self

    def book(self, market: str) -> BinaryBook:
        return self.engine.markets[market].book

    @property
    def quarantined(self) -> dict[str, int]:
        return dict(self.session.quarantine.counts)
