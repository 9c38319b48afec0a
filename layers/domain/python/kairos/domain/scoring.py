"""How good probabilities were, scored after the fact without keeping every one of them.

A market is evaluated thousands of times before its outcome is known. Sums are kept for both
possible outcomes; when the market settles, the matching half is the score. Probabilities are of
YES, floats in 0..1, clamped to 1e-12 from either end as the original system did.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from kairos.domain.instruments import Outcome
from kairos.errors import Malformed

CLAMP: Final = 1e-12
BIN_COUNT: Final = 10


class Score(NamedTuple):
    """Sums over resolved evaluations. Add two with `plus`; the means are None over nothing."""

    evaluations: int
    brier_sum: float
    log_loss_sum: float

    @property
    def brier(self) -> float | None:
        """Mean of (p − y)²; lower is better."""
        return self.brier_sum / self.evaluations if self.evaluations else None

    @property
    def log_loss(self) -> float | None:
        """Mean of −ln of the probability given to what happened; lower is better."""
        return self.log_loss_sum / self.evaluations if self.evaluations else None

    def plus(self, other: Score) -> Score:
        return Score(
            self.evaluations + other.evaluations,
            self.brier_sum + other.brier_sum,
            self.log_loss_sum + other.log_loss_sum,
        )


NOTHING_SCORED: Final = Score(0, 0.0, 0.0)


@dataclass(slots=True)
class ScoreSums:
    """Evaluations of one market waiting for its outcome, in six numbers.

    Σ(1−p)² is kept beside Σp² because n − 2Σp + Σp² loses every digit when all p are near 1.
    """

    count: int = 0
    p: float = 0.0
    p_squared: float = 0.0
    q_squared: float = 0.0
    ln_p: float = 0.0
    ln_q: float = 0.0

    def add(self, probability: float) -> None:
        """Count one evaluation. Raises Malformed (`bad_probability`) outside 0..1."""
        p = _clamped(probability)
        q = 1.0 - p
        self.count += 1
        self.p += p
        self.p_squared += p * p
        self.q_squared += q * q
        self.ln_p += math.log(p)
        self.ln_q += math.log(q)

    def merge(self, other: ScoreSums) -> None:
        """Add another part of the same market's evaluations."""
        self.count += other.count
        self.p += other.p
        self.p_squared += other.p_squared
        self.q_squared += other.q_squared
        self.ln_p += other.ln_p
        self.ln_q += other.ln_q

    def resolve(self, outcome: Outcome) -> Score:
        """The score now that the outcome is known."""
        if outcome is Outcome.YES:
            return Score(self.count, self.q_squared, -self.ln_p)
        return Score(self.count, self.p_squared, -self.ln_q)


class CalibrationBin(NamedTuple):
    """Evaluations with low ≤ p < high (the last bin includes 1): did YES come as often as said?"""

    low: float
    high: float
    evaluations: int
    mean_probability: float | None
    yes_rate: float | None


def _zero_counts() -> list[int]:
    return [0] * BIN_COUNT


def _zero_sums() -> list[float]:
    return [0.0] * BIN_COUNT


@dataclass(slots=True)
class CalibrationSums:
    """Evaluations of one market by tenth of probability, waiting for its outcome."""

    counts: list[int] = field(default_factory=_zero_counts)
    p: list[float] = field(default_factory=_zero_sums)

    def add(self, probability: float) -> None:
        """Count one evaluation. Raises Malformed (`bad_probability`) outside 0..1."""
        index = min(BIN_COUNT - 1, int(_checked(probability) * BIN_COUNT))
        self.counts[index] += 1
        self.p[index] += probability


@dataclass(slots=True)
class Calibration:
    """Resolved evaluations by tenth of probability, over any number of markets."""

    counts: list[int] = field(default_factory=_zero_counts)
    p: list[float] = field(default_factory=_zero_sums)
    yes: list[int] = field(default_factory=_zero_counts)

    def resolve(self, sums: CalibrationSums, outcome: Outcome) -> None:
        """Add a market's evaluations now that its outcome is known."""
        for index, count in enumerate(sums.counts):
            self.counts[index] += count
            self.p[index] += sums.p[index]
            self.yes[index] += count if outcome is Outcome.YES else 0

    def merge(self, other: Calibration) -> None:
        """Add the markets of another table."""
        for index in range(BIN_COUNT):
            self.counts[index] += other.counts[index]
            self.p[index] += other.p[index]
            self.yes[index] += other.yes[index]

    def bins(self) -> tuple[CalibrationBin, ...]:
        """All ten bins, lowest first; the means of an empty one are None."""
        return tuple(self._bin(index) for index in range(BIN_COUNT))

    def _bin(self, index: int) -> CalibrationBin:
        low, high, count = index / BIN_COUNT, (index + 1) / BIN_COUNT, self.counts[index]
        if not count:
            return CalibrationBin(low, high, 0, None, None)
        return CalibrationBin(low, high, count, self.p[index] / count, self.yes[index] / count)


def _clamped(probability: float) -> float:
    return min(max(_checked(probability), CLAMP), 1.0 - CLAMP)


def _checked(probability: float) -> float:
    if not 0.0 <= probability <= 1.0:  # also refuses NaN
        raise Malformed("bad_probability", "probability", f"{probability!r} is outside 0..1")
    return probability
