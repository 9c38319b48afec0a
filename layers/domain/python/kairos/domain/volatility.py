"""Annualised volatility of the spot, updated in constant time per tick, and how well it is known.

Prices are averaged once per interval, so that a last trade bouncing between bid and ask does not
count as movement, and squared log returns between averages are weighed against exactly the Brownian
seconds that lie in them. Both decay exponentially. A silence is a gap, not a calm or a jump: the
return across it is not used. A prior stands in while little has been seen; data replace it, and a
silence lets it return.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from kairos.errors import UsageError

SECONDS_PER_YEAR: Final = 365 * 24 * 3600
_NS: Final = 1_000_000_000
_NODE: Final = 2.0 * math.sqrt(3.0)  # log ratio of an outer node's variance, per unit of log sd


@dataclass(frozen=True, slots=True)
class VolatilitySettings:
    """Defaults come from the asset's long-run behaviour, not from any recording in hand."""

    sample_seconds: int = 5
    half_life_seconds: float = 900.0
    gap_seconds: float = 30.0  # a longer silence is bridged, not measured
    return_clip: float = 5.0  # standard deviations a single return may count for
    prior_sigma: float = 0.45
    prior_weight_seconds: float = 60.0  # what prior_log_sd is worth in seconds of data
    prior_log_sd: float = 0.40
    drift_log_sd: float = 0.20  # volatility itself moves over the horizon we price
    kurtosis_factor: float = 2.0  # fat tails make squared returns noisier than normal ones
    floor: float = 0.10
    cap: float = 3.0
    ready_seconds: float = 120.0  # of intervals measured

    def __post_init__(self) -> None:
        """What would divide by nothing, or never forget, is refused at the start."""
        _require("sample_seconds", self.sample_seconds, 1, 3600)
        _require("half_life_seconds", self.half_life_seconds, 1.0, 1e9)
        _require("gap_seconds", self.gap_seconds, self.sample_seconds, 1e6)
        _require("return_clip", self.return_clip, 1.0, 1e6)
        _require("prior_sigma", self.prior_sigma, 0.01, 10.0)
        _require("prior_weight_seconds", self.prior_weight_seconds, 1.0, 1e9)
        _require("prior_log_sd", self.prior_log_sd, 0.0, 3.0)
        _require("drift_log_sd", self.drift_log_sd, 0.0, 3.0)
        _require("kurtosis_factor", self.kurtosis_factor, 0.0, 100.0)
        _require("floor", self.floor, 0.001, 10.0)
        _require("cap", self.cap, self.floor, 100.0)
        _require("ready_seconds", self.ready_seconds, 0.0, 1e6)


def _require(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise UsageError(f"volatility.{name} is {value}: use {least:g} to {most:g}")


class Volatility:
    """Feed `update` with spot prices; read `sigma`, `log_sd`, `spread` and `ready`.

    `spread` is the ratio of variances between the outer and inner nodes of `fair_value`.
    """

    __slots__ = (
        "_before",
        "_bucket",
        "_count",
        "_decay",
        "_first_ns",
        "_last_ns",
        "_lead",
        "_lead_squared",
        "_mean",
        "_prior",
        "_prior_variance",
        "_sample_ns",
        "_samples",
        "_samples_squared",
        "_settings",
        "_sum",
        "_weight",
        "log_sd",
        "ready",
        "sigma",
        "spread",
    )

    def __init__(self, settings: VolatilitySettings) -> None:
        self._settings = settings
        self._sample_ns = settings.sample_seconds * _NS
        self._decay = math.log(2.0) / settings.half_life_seconds
        self._prior_variance = settings.prior_sigma**2 / SECONDS_PER_YEAR
        self._prior = settings.prior_weight_seconds
        self._bucket = -1
        self._before: tuple[float, int, float] | None = None  # mean, last tick, tail of the last
        self._sum = self._weight = self._samples = self._samples_squared = 0.0
        self._first_ns = self._last_ns = self._count = 0
        self._mean = self._lead = self._lead_squared = 0.0
        self.ready = False
        self.sigma = settings.prior_sigma
        self.log_sd = settings.prior_log_sd
        self.spread = 1.0
        self._refresh()

    def update(self, ts_ns: int, price: float) -> bool:
        """Take a price; True when the estimate moved. Ticks that go back in time are ignored."""
        if ts_ns < self._last_ns:
            return False
        bucket = ts_ns // self._sample_ns
        if bucket == self._bucket:
            count, step = self._count, (ts_ns - self._last_ns) / 1e9
            self._lead += count * step
            self._lead_squared += count * count * step
            self._count = count + 1
            self._mean += (price - self._mean) / (count + 1)
            self._last_ns = ts_ns
            return False
        moved = self._bucket >= 0 and self._close_bucket()
        self._bucket = bucket
        self._start(ts_ns, price)
        return moved

    def _start(self, ts_ns: int, price: float) -> None:
        """Begin an interval with its first tick. With ticks 1..n and steps d_k before tick k,
        `_lead` sums (k-1) d_k and `_lead_squared` (k-1)^2 d_k."""
        self._first_ns = self._last_ns = ts_ns
        self._mean = price
        self._count = 1
        self._lead = self._lead_squared = 0.0

    def _close_bucket(self) -> bool:
        """The mean of n ticks moves against its first tick by sum ((n-k+1)/n)^2 d_k seconds of
        Brownian variance, and its last tick against it by sum ((k-1)/n)^2 d_k."""
        count, before = self._count, self._before
        tail = self._lead_squared / (count * count)
        self._before = self._mean, self._last_ns, tail
        if before is None:
            return False
        mean, last_ns, tail_before = before
        silence = (self._first_ns - last_ns) / 1e9
        if silence > self._settings.gap_seconds:
            self._forget(silence)
            self._prior += (self._settings.prior_weight_seconds - self._prior) * (
                1.0 - math.exp(-self._decay * silence)
            )
        else:
            span = (self._last_ns - self._first_ns) / 1e9
            head = span - 2.0 * self._lead / count + tail
            self._prior *= self._forget(silence + span)
            self._add(math.log(self._mean / mean), tail_before + silence + head)
        self._refresh()
        return True

    def _forget(self, seconds: float) -> float:
        decay = math.exp(-self._decay * seconds)
        self._sum *= decay
        self._weight *= decay
        self._samples *= decay
        self._samples_squared *= decay * decay
        return decay

    def _add(self, log_return: float, seconds: float) -> None:
        limit = self._settings.return_clip**2 * self._rate() * seconds
        self._sum += min(log_return * log_return, limit)
        self._weight += seconds
        self._samples += 1.0
        self._samples_squared += 1.0

    def _rate(self) -> float:
        return (self._sum + self._prior_variance * self._prior) / (self._weight + self._prior)

    def _refresh(self) -> None:
        settings = self._settings
        sigma = math.sqrt(self._rate() * SECONDS_PER_YEAR)
        self.sigma = min(max(sigma, settings.floor), settings.cap)
        share = self._weight / (self._weight + self._prior)
        measured = 0.0
        if self._samples_squared:
            effective = self._samples * self._samples / self._samples_squared
            measured = settings.kurtosis_factor / (2.0 * effective)
        self.log_sd = math.sqrt(
            share * share * measured
            + ((1.0 - share) * settings.prior_log_sd) ** 2
            + settings.drift_log_sd**2
        )
        self.spread = math.exp(_NODE * self.log_sd)
        self.ready = self._samples * settings.sample_seconds >= settings.ready_seconds
