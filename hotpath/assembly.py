"""Puts an engine, a strategy and a paper venue together; every run is assembled here."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

import hotpath
import kairos
from hotpath.account import Account
from hotpath.engine import Engine, EngineSettings
from hotpath.gateway.factory import TradingMode
from hotpath.outcomes import KnownOutcome
from hotpath.paper.settings import FillModel, PaperSettings
from hotpath.paper.starter import paper_starter
from hotpath.paper.venue import PaperVenue
from hotpath.risk import RiskDesk
from hotpath.risk_measures import MEASURED
from hotpath.risk_positions import kalshi_groups
from hotpath.session import Session, Sink
from hotpath.spot import Spot
from hotpath.strategies.base import Strategy
from hotpath.strategies.btc_edge import BtcEdge, BtcEdgeSettings
from hotpath.strategies.btc_edge_v1 import BtcEdgeV1
from kairos.bootstrap import LineDecoder, ranges_of
from kairos.domain.book import BinaryBook
from kairos.domain.fees.kalshi import BalancePrecision
from kairos.domain.fees.kalshi_series import series_schedule
from kairos.domain.fees.schedule import FeeSchedule
from kairos.domain.risk.settings import RiskSettings
from kairos.domain.risk.trading_state import TradingState
from kairos.domain.risk.triggers import Signal
from kairos.messages.commands import AmendOrder, CancelOrder, SubmitOrder
from kairos.ports import JournalWriter

PROFILES: Final = ("v2", "v1")
# Nobody reports on a run over recordings, so only what the engine measures is watched. v1 is there
# to be compared with: limits hold for it, but what it trades on is not judged by other rules.
WATCHED: Final[dict[str, tuple[Signal, ...]]] = {"v2": MEASURED, "v1": ()}


@dataclass(frozen=True, slots=True)
class RunSettings:
    """Everything that decides what a run does, besides its input."""

    profile: str = "v2"
    fill_model: FillModel = FillModel.REALISTIC
    latency_ms: int = 50
    use_yes_price: bool = False
    engine: EngineSettings = field(default_factory=EngineSettings)
    strategy: BtcEdgeSettings = field(default_factory=BtcEdgeSettings)
    risk: RiskSettings = field(default_factory=paper_starter)


@dataclass(frozen=True, slots=True)
class Role:
    """What a session was besides its settings: where its orders went, what it was allowed to begin
    with, and which signals it waits for. A run over a recording takes them from the recording."""

    mode: TradingMode = TradingMode.PAPER
    wanted: TradingState = TradingState.ACTIVE
    watched: tuple[Signal, ...] = ()  # besides those that the profile itself watches
    token: int = 0  # the fencing token that the ids of its orders carry


RECORDED: Final = Role()
StrategyOf = Callable[[RunSettings, Account, Spot], Strategy]


class Run(NamedTuple):
    """An assembled run: feed the session, read the rest."""

    session: Session
    engine: Engine
    decoder: LineDecoder
    settings: Mapping[str, str]
    paper: PaperVenue


class EngineMarkets:
    """The engine's books as the paper venue sees them (`hotpath.paper.venue.MarketView`)."""

    def __init__(self, engine: Engine) -> None:
        self._markets = engine.markets

    def book(self, market: str) -> BinaryBook | None:
        found = self._markets.get(market)
        return found.book if found is not None else None

    def closes_ns(self, market: str) -> int | None:
        found = self._markets.get(market)
        return found.close_ns if found is not None else None

    def is_open(self, market: str, now_ns: int) -> bool:
        found = self._markets.get(market)
        return found is not None and found.is_open(now_ns)


def kalshi_fees(market: str, ts_ns: int) -> FeeSchedule:
    """The fees of a market's series at a time, for an account held directly."""
    return series_schedule(market.partition("-")[0], ts_ns, BalancePrecision.DIRECT_MEMBER)


def assemble(
    settings: RunSettings,
    sink: Sink,
    outcomes: Mapping[str, KnownOutcome],
    journal: JournalWriter | None = None,
    *,
    role: Role = RECORDED,
    decoder: LineDecoder | None = None,
    strategy: StrategyOf | None = None,
) -> Run:
    """Build everything a run needs; nothing has happened yet.

    `decoder` and `strategy` stand in for the settings' own. Where `role` is not PAPER the session's
    `gateway` must be set, or be left to the reports that its input contains.
    """
    account = Account(settings.engine.ledger, settings.engine.opening_cash)
    spot = Spot()
    chosen = (strategy or _strategy(role.token))(settings, account, spot)
    risk = paper_desk(settings, account, spot, role)
    engine = Engine(chosen, settings.engine, account, spot, risk, ranges_of)
    paper_settings = PaperSettings(
        settings.fill_model,
        settings.latency_ms * 1_000_000,
        settings.latency_ms * 1_000_000,
        cash=settings.engine.opening_cash,
    )
    paper = PaperVenue(
        paper_settings, EngineMarkets(engine), lambda market: kalshi_fees(market, engine.now_ns)
    )
    decoder = decoder or LineDecoder(use_yes_price=settings.use_yes_price)
    session = Session(engine, paper, decoder, sink, outcomes, journal)
    if role.mode is not TradingMode.PAPER:
        session.gateway = Recorded()
    return Run(
        session, engine, decoder, _effective(settings, chosen, paper_settings, role), paper
    )  # fmt: skip


class Recorded:
    """The gateway of a run whose input says what became of its orders: nothing is sent."""

    def submit(self, command: SubmitOrder) -> None: ...

    def cancel(self, command: CancelOrder) -> None: ...

    def amend(self, command: AmendOrder) -> None: ...


def paper_desk(
    settings: RunSettings, account: Account, spot: Spot, role: Role = RECORDED
) -> RiskDesk:
    """The risk desk of a run that has lost nothing yet."""
    groups = kalshi_groups(settings.risk.correlated_of())
    return RiskDesk(
        settings.risk, account, spot, groups, netting=settings.engine.ledger.netting,
        watched=(*WATCHED[settings.profile], *role.watched), wanted=role.wanted, losses=None,
    )  # fmt: skip


def _strategy(token: int) -> StrategyOf:
    def of_profile(settings: RunSettings, account: Account, spot: Spot) -> Strategy:
        if settings.profile == "v1":
            return BtcEdgeV1()
        return BtcEdge(settings.strategy, account, spot, kalshi_fees, token)

    return of_profile


def _effective(
    settings: RunSettings, strategy: Strategy, paper: PaperSettings, role: Role
) -> Mapping[str, str]:
    engine = settings.engine
    flat = {
        "profile": settings.profile,
        "use_yes_price": str(settings.use_yes_price),
        "engine.book_stale_after_ns": str(engine.book_stale_after_ns),
        "engine.opening_cash": str(engine.opening_cash),
    }
    flat |= dict(settings.risk.flat())
    flat["risk.watched"] = ",".join((*WATCHED[settings.profile], *role.watched))
    if role != RECORDED:
        flat |= {"mode": role.mode.value, "wanted": role.wanted.value}
    flat |= {f"strategy.{name}": value for name, value in strategy.settings().items()}
    return flat | {f"paper.{name}": str(value) for name, value in asdict(paper).items()}


def code_version() -> str:
    """Package version and a hash of the sources that decide: equal hashes, equal behaviour."""
    digest = hashlib.sha256()
    for package in (kairos, hotpath):
        root = Path(str(package.__file__)).parent
        for path in sorted(root.rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode())
            digest.update(path.read_bytes())
    return f"{kairos.__version__}+{digest.hexdigest()[:12]}"
