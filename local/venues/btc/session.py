"""The price everybody sees, the contracts on it, and what each of them is worth at any moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kairos.domain.instruments import Outcome
from kairos.domain.units import NANOSECONDS_PER_SECOND
from kairos.errors import UsageError
from local.market_generator.chance import streams
from local.market_generator.contracts import Contract, history_begin_ns, listed_contracts
from local.market_generator.makers import Opinion
from local.market_generator.settings import SessionSettings
from local.market_generator.spot_path import SpotPath, simulate_path

_MINUTES_MAX: Final = 1_440
_PATH_MARGIN_S: Final = 120
# How late the other participants see the index, in tenths of a second.
_LAG: Final = 3


@dataclass(frozen=True, slots=True)
class BtcSettings:
    """`start_ns` is UTC nanoseconds; `minutes` of simulated time, after which nothing is listed."""

    seed: int
    start_ns: int
    minutes: int = 240
    ladder: bool = True
    annual_volatility: float = 0.35

    def __post_init__(self) -> None:
        if not 20 <= self.minutes <= _MINUTES_MAX:
            raise UsageError(f"a simulated session lasts 20 to {_MINUTES_MAX} minutes")


class BtcSession:
    """Everything that is decided before the session begins: equal settings, equal session."""

    def __init__(self, settings: BtcSettings) -> None:
        self.settings = settings
        start_ns = settings.start_ns - settings.start_ns % NANOSECONDS_PER_SECOND
        self.generator = SessionSettings(
            seed=settings.seed,
            start_ns=start_ns,
            minutes=settings.minutes,
            annual_volatility=settings.annual_volatility,
            ladder=settings.ladder,
            faults=False,
        )
        self.chances = streams(settings.seed)
        self.path = self._simulate()
        listed = listed_contracts(self.generator, self.path, self.chances.contracts)
        self.contracts = {c.ticker: c for c in listed if c.close_ns <= self.generator.end_ns}
        self._opinions: dict[str, Opinion] = {}

    @property
    def end_ns(self) -> int:
        return self.generator.end_ns

    def fair(self, ticker: str, at_ns: int) -> float:
        """The probability of YES that the other participants believe in."""
        opinion = self._opinions.get(ticker)
        if opinion is None:
            volatility = self.settings.annual_volatility
            opinion = Opinion(self.contracts[ticker], self.path, volatility, _LAG)
            self._opinions[ticker] = opinion
        return opinion.value(min(at_ns, self.end_ns))

    def outcome(self, contract: Contract) -> tuple[Outcome, str]:
        """How a contract settles, and the average that decides it in dollars."""
        average = self.path.minute_average_cents(contract.close_ns)
        outcome = Outcome.YES if contract.settles_yes(average) else Outcome.NO
        return outcome, f"{average // 100}.{average % 100:02d}"

    def _simulate(self) -> SpotPath:
        generator = self.generator
        margin_ns = _PATH_MARGIN_S * NANOSECONDS_PER_SECOND
        return simulate_path(
            history_begin_ns(generator),
            generator.end_ns + margin_ns,
            generator.opening_spot_dollars,
            generator.annual_volatility,
            self.chances.path,
        )
