"""Annualised volatility from last trades, the event engine's way.

Reproduces although it is wrong: last trades instead of mids (D2); λ per step, so a half-life of
under a minute (D1); a gap counts as one ordinary step (D3); no floor (D4); the span is measured
between the first and the last tick *to arrive*, so late ticks make an hour look like seconds
(D28); and a fallback is priced with as if it were an estimate, marked only by `ok` being false.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import isfinite, log, sqrt
from typing import Any, Final

from kairos.domain.profile_v1.probability import SECONDS_PER_YEAR
from kairos.domain.profile_v1.settings import SigmaSettings
from kairos.domain.profile_v1.spot_history import SpotHistory

STEP_SECONDS_MIN: Final = 1
STEP_SECONDS_MAX: Final = 3600

# What a snapshot says about its sigma, and an opportunity row about its snapshot's.
EVIDENCE_FIELDS: Final = (
    "sigma_source",
    "sigma_ok",
    "sigma_reason",
    "sigma_reason_context",
    "sigma_points_used",
    "min_sigma_points",
    "sigma_lookback_seconds_used",
    "min_sigma_lookback_seconds",
)


@dataclass(frozen=True, slots=True)
class History:
    """What the estimate is made from."""

    raw_points: int
    span_seconds: int
    resampled_points: int
    step_seconds: float | None
    returns: list[float] = field(repr=False)


@dataclass(frozen=True, slots=True)
class SigmaEstimate:
    """The sigma that markets are priced with, where it came from, and why not better.

    `unclamped` is the raw estimate, None where none was made. `source` is ewma, history or
    default; `reason` is None exactly when the source is ewma.
    """

    sigma: float
    unclamped: float | None
    source: str
    reason: str | None
    reason_context: str | None
    history: History
    settings: SigmaSettings

    @property
    def ok(self) -> bool:
        return self.source == "ewma"

    @property
    def quality(self) -> str:
        return "ok" if self.ok else f"fallback_{self.source}"

    def summary(self) -> dict[str, Any]:
        """The fields the original reports beside every tick."""
        step = self.history.step_seconds
        return {
            "sigma": self.sigma,
            "sigma_unclamped": self.unclamped,
            "sigma_source": self.source,
            "sigma_ok": self.ok,
            "sigma_reason": self.reason,
            "sigma_reason_context": self.reason_context,
            "sigma_quality": self.quality,
            "sigma_points_used": len(self.history.returns),
            "sigma_lookback_seconds_used": self.history.span_seconds,
            "sigma_persisted": None,
            "min_sigma_points": self.settings.min_points,
            "min_sigma_lookback_seconds": self.settings.min_sigma_lookback_seconds,
            "raw_points": self.history.raw_points,
            "resampled_points": self.history.resampled_points,
            "resample_seconds": self.settings.resample_seconds,
            "step_seconds": float(self.settings.resample_seconds if step is None else step),
        }


def estimate_sigma(
    spot: SpotHistory,
    settings: SigmaSettings,
    now_ts: int,
    last_good: float | None,
) -> SigmaEstimate:
    """Sigma as of `now_ts`; `last_good` is the memory that is fallen back on.

    Ticks newer than `now_ts` count too. The history holds at most `max_spot_points`.
    """
    history = read_history(spot, settings, now_ts)
    reason = _history_refusal(history, settings)
    unclamped = None
    if reason is None:
        unclamped = _annualised(history, settings)
        reason = _sigma_refusal(unclamped, settings)
    if reason is None and unclamped is not None:
        return SigmaEstimate(unclamped, unclamped, "ewma", None, None, history, settings)
    return _fallback(last_good, unclamped, reason or ("sigma_missing", ""), history, settings)


def read_history(spot: SpotHistory, settings: SigmaSettings, now_ts: int) -> History:
    """Cut to the lookback, resample, and take returns."""
    window = spot.window(now_ts - settings.lookback_seconds, settings.resample_seconds)
    step = upper_median_step([ts for ts, _ in window.resampled])
    returns = log_returns([price for _, price in window.resampled])
    return History(window.raw_points, window.span_seconds, len(window.resampled), step, returns)


def log_returns(prices: Sequence[float]) -> list[float]:
    """Log returns of consecutive positive prices; others are left out before pairing."""
    positive = [price for price in prices if price > 0]
    return [log(after / before) for before, after in pairwise(positive)]


def upper_median_step(timestamps: Sequence[int]) -> float | None:
    """Median of the positive steps in seconds, the higher of the two middle ones; None if none."""
    steps = sorted(after - before for before, after in pairwise(timestamps) if after > before)
    return float(steps[len(steps) // 2]) if steps else None


def ewma_volatility(returns: Sequence[float], decay: float) -> float | None:
    """Volatility per step, seeded with the first squared return; None without returns."""
    if not returns:
        return None
    variance = returns[0] ** 2
    for change in returns[1:]:
        variance = decay * variance + (1.0 - decay) * change**2
    return sqrt(variance)


def _annualised(history: History, settings: SigmaSettings) -> float | None:
    volatility = ewma_volatility(history.returns, settings.ewma_lambda)
    if volatility is None or history.step_seconds is None:
        return None
    return volatility * sqrt(SECONDS_PER_YEAR / history.step_seconds)


def _history_refusal(history: History, settings: SigmaSettings) -> tuple[str, str] | None:
    """The first reason not to estimate at all, with its explanation."""
    points, step = len(history.returns), history.step_seconds
    too_few = f"sigma_points_used={points} < min_points={settings.min_points}"
    if history.raw_points == 0:
        return "insufficient_points", too_few
    if step is None:
        return "missing_step", "resample step is missing or invalid"
    if not STEP_SECONDS_MIN <= step <= STEP_SECONDS_MAX:
        allowed = f"[{STEP_SECONDS_MIN}, {STEP_SECONDS_MAX}]"
        return "bad_step_seconds", f"step_seconds={step} outside {allowed}"
    if points < settings.min_points:
        return "insufficient_points", too_few
    needed = settings.min_sigma_lookback_seconds
    if history.span_seconds < needed:
        span = f"history_span_seconds={history.span_seconds}"
        return "insufficient_history_span", f"{span} < min_sigma_lookback_seconds={needed}"
    return None


def _sigma_refusal(sigma: float | None, settings: SigmaSettings) -> tuple[str, str] | None:
    """The first reason not to believe an estimate, with its explanation."""
    if sigma is None:
        return "sigma_ewma_missing", "there are no returns to weigh"
    if not isfinite(sigma):
        return "nonfinite_sigma", f"sigma_unclamped={sigma} is not finite"
    if sigma <= 0:
        return "nonpositive_sigma", f"sigma_unclamped={sigma} <= 0"
    if sigma > settings.sigma_max:
        return "out_of_bounds", f"sigma_unclamped={sigma} > sigma_max={settings.sigma_max}"
    return None


def _fallback(
    last_good: float | None,
    unclamped: float | None,
    reason: tuple[str, str],
    history: History,
    settings: SigmaSettings,
) -> SigmaEstimate:
    sigma, source = (
        (settings.sigma_default, "default") if last_good is None else (last_good, "history")
    )
    return SigmaEstimate(sigma, unclamped, source, *reason, history, settings)
