"""The reference system's pinned settings, one frozen object per process.

Reproduces although it is wrong: λ = 0.94 on 5 s steps, a half-life of 56 s (D1); no sigma floor
(D4); no spread, depth or size limit at all (D10). Defaults are the scripts' own; the deployed
system passed `max_spot_points=60_000` and `status="open"`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

SERIES: Final = ("KXBTC", "KXBTC15M", "KXBTCD")
EXPIRY_TOLERANCE_SECONDS: Final = 5
MODEL_VERSION: Final = 1
STRATEGY_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class SigmaSettings:
    """How volatility is estimated from last trades. Sigmas are annualised."""

    lookback_seconds: int = 3900
    max_spot_points: int = 20_000
    ewma_lambda: float = 0.94
    min_points: int = 10
    min_sigma_lookback_seconds: int = 3600
    resample_seconds: int = 5
    sigma_default: float = 0.6
    sigma_max: float = 5.0


@dataclass(frozen=True, slots=True)
class EdgeSettings:
    """One edge tick: which markets are priced, and against what. Asks in cents."""

    sigma: SigmaSettings = field(default_factory=SigmaSettings)
    product_id: str = "BTC-USD"
    series: tuple[str, ...] = SERIES
    status: str | None = "active"
    pct_band: float = 3.0
    top_n: int = 40
    freshness_seconds: int = 300
    max_horizon_seconds: int = 21_600
    grace_seconds: int = 3600
    min_ask_cents: float = 1.0
    max_ask_cents: float = 99.0
    contracts: int = 1
    require_quotes: bool = True


@dataclass(frozen=True, slots=True)
class OpportunitySettings:
    """Stage 1: when a priced side is worth taking. EVs in dollars, ages in seconds."""

    min_ev: float = 0.03
    cost_buffer: float = 0.01
    min_ask_cents: float = 1.0
    max_ask_cents: float = 99.0
    max_spot_age: int | None = 10
    max_quote_age: int | None = 10
    best_side_only: bool = True
    emit_passes: bool = True
    top_n: int | None = None
    model_version: int = MODEL_VERSION


@dataclass(frozen=True, slots=True)
class RunnerArgs:
    """Stage 2: the runner's own command line on top of stage 1."""

    min_ev: float = 0.03
    cost_buffer: float = 0.01
    min_ask_cents: float = 1.0
    max_ask_cents: float = 99.0
    max_spot_age: int | None = 10
    max_quote_age: int | None = 10
    both_sides: bool = False
    emit_passes: bool = False
    top_n: int | None = None
    max_takes_per_tick: int | None = 1
    take_cooldown_seconds: int = 120
    max_snapshot_age_seconds: int = 60
    live: bool = False

    def stage_one(self) -> OpportunitySettings:
        """The runner always asks for passes; whether they are kept is decided afterwards."""
        return OpportunitySettings(
            min_ev=self.min_ev,
            cost_buffer=self.cost_buffer,
            min_ask_cents=self.min_ask_cents,
            max_ask_cents=self.max_ask_cents,
            max_spot_age=self.max_spot_age,
            max_quote_age=self.max_quote_age,
            best_side_only=not self.both_sides,
            emit_passes=True,
            top_n=self.top_n,
        )


@dataclass(frozen=True, slots=True)
class ExecutionSettings:
    """Paper execution's limits: `max_open_positions` 0 means no limit, prices in cents."""

    max_open_positions: int = 1
    cooldown_seconds: int = 120
    min_entry_cents: float = 15.0
    max_entry_cents: float = 85.0
