"""The price everything else in a session follows: spot ten times a second, and the index."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from kairos.domain.units import NANOSECONDS_PER_SECOND
from local.market_generator.chance import Chance

STEPS_PER_SECOND: Final = 10
STEP_NS: Final = NANOSECONDS_PER_SECOND // STEPS_PER_SECOND
AVERAGED_SECONDS: Final = 60
SECONDS_PER_YEAR: Final = 31_557_600

# Share of the variance that arrives in jumps of about a second, one every five minutes or so.
_JUMP_SHARE: Final = 0.12
_JUMP_SECONDS: Final = 300.0
_JUMP_STEPS: Final = 12
# Relative variance: mean reverting over five minutes, standard deviation about 0.6.
_VARIANCE_PULL: Final = 1 / 300
_VARIANCE_NOISE: Final = 0.048
_VARIANCE_RANGE: Final = (0.15, 6.0)
# Mean absolute move over two seconds, per unit of annual volatility.
_USUAL_MOVE: Final = 2.0e-4
_BUSTLE_MAX: Final = 6.0
# The index averages several venues: it trails spot by half a second and sits a few dollars off.
_INDEX_CATCH_UP: Final = 0.17
_BASIS_PULL: Final = 0.001
_BASIS_NOISE: Final = 1.4e-6


@dataclass(frozen=True, slots=True)
class SpotPath:
    """Dollar prices per step from `begin_ns`, and the index in cents on every whole second."""

    begin_ns: int
    annual_volatility: float
    spot: tuple[float, ...]
    reference: tuple[float, ...]
    variance: tuple[float, ...]
    index_cents: tuple[int, ...]
    index_sums: tuple[int, ...]

    def step(self, ns: int) -> int:
        """The last step at or before `ns`."""
        return (ns - self.begin_ns) // STEP_NS

    def second(self, ns: int) -> int:
        """The last whole second at or before `ns`, counted from the beginning of the path."""
        return (ns - self.begin_ns) // NANOSECONDS_PER_SECOND

    def bustle(self, ns: int) -> float:
        """How busy people are: lively when the index moved much in two seconds; about 1."""
        step = self.step(ns)
        price = self.reference[step]
        usual = price * self.annual_volatility * _USUAL_MOVE
        moved = abs(price - self.reference[step - 2 * STEPS_PER_SECOND]) / usual
        return min(_BUSTLE_MAX, 0.25 + moved * (0.45 + 0.18 * moved))

    def index_at(self, ns: int) -> int:
        return self.index_cents[self.second(ns)]

    def sum_until(self, ns: int, count: int) -> int:
        """Cents of the `count` index values that end with the one at `ns`, added up."""
        last = self.second(ns) + 1
        return self.index_sums[last] - self.index_sums[last - count]

    def minute_average_cents(self, close_ns: int) -> int:
        """Mean of the sixty values in (close − 60 s, close], to the nearest cent."""
        total = self.sum_until(close_ns, AVERAGED_SECONDS)
        return (2 * total + AVERAGED_SECONDS) // (2 * AVERAGED_SECONDS)


def simulate_path(
    begin_ns: int, end_ns: int, opening_dollars: int, annual_volatility: float, chance: Chance
) -> SpotPath:
    """Walk from `begin_ns` to `end_ns` inclusive, both on whole seconds."""
    walk = _Walk(float(opening_dollars), annual_volatility, chance)
    seconds = (end_ns - begin_ns) // NANOSECONDS_PER_SECOND + 1
    for _ in range(seconds):
        walk.one_second()
    cents = tuple(int(price * 100 + 0.5) for price in walk.reference[::STEPS_PER_SECOND])
    return SpotPath(
        begin_ns=begin_ns,
        annual_volatility=annual_volatility,
        spot=tuple(walk.spot),
        reference=tuple(walk.reference),
        variance=tuple(walk.variances),
        index_cents=cents,
        index_sums=tuple(accumulate(cents, initial=0)),
    )


class _Walk:
    """Random walk with a varying pace, jumps, and an index that trails behind."""

    def __init__(self, price: float, annual_volatility: float, chance: Chance) -> None:
        self._chance = chance
        self._step_sd = annual_volatility * math.sqrt(
            (1 - _JUMP_SHARE) / (SECONDS_PER_YEAR * STEPS_PER_SECOND)
        )
        self._jump_sd = annual_volatility * math.sqrt(
            _JUMP_SHARE * _JUMP_SECONDS / SECONDS_PER_YEAR
        )
        self._price = price
        self._smooth = price
        self._basis = 0.0
        self._variance = 1.0
        self._jump_steps = 0
        self._jump_size = 0.0
        self.spot: list[float] = []
        self.reference: list[float] = []
        self.variances: list[float] = []

    def one_second(self) -> None:
        self._vary_pace()
        pace = self._step_sd * math.sqrt(self._variance)
        for _ in range(STEPS_PER_SECOND):
            self._step(pace)
        self.variances.append(self._variance)

    def _vary_pace(self) -> None:
        low, high = _VARIANCE_RANGE
        pull = _VARIANCE_PULL * (1 - self._variance)
        noise = _VARIANCE_NOISE * math.sqrt(self._variance) * self._chance.normal()
        self._variance = min(high, max(low, self._variance + pull + noise))
        if self._chance.happens(1 / _JUMP_SECONDS):
            self._jump_steps = _JUMP_STEPS
            self._jump_size = self._jump_sd * self._chance.normal() / _JUMP_STEPS

    def _step(self, pace: float) -> None:
        change = pace * self._chance.normal()
        if self._jump_steps:
            self._jump_steps -= 1
            change += self._jump_size
        self._price *= 1 + change
        self._smooth += _INDEX_CATCH_UP * (self._price - self._smooth)
        self._basis += (
            _BASIS_NOISE * self._price * self._chance.normal() - _BASIS_PULL * self._basis
        )
        self.spot.append(self._price)
        self.reference.append(self._smooth + self._basis)
