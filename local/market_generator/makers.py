"""The market makers of a generated market: late, a little wrong, and quoting all the time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from local.market_generator.book import Book
from local.market_generator.chance import Chance
from local.market_generator.contracts import QUARTER_HOUR, TAPERED, Contract
from local.market_generator.fair_value import clipped, probability
from local.market_generator.settings import MINUTE_NS
from local.market_generator.spot_path import STEPS_PER_SECOND, SpotPath

# Steps of a ladder below a maker's best bid, and how far a quote may be off before it moves.
_OFFSETS: Final = (0, 1, 2, 4, 7, 12)
_TOLERANCES: Final = (0, 0, 1, 2, 3, 6)
_FRONT_SIZES: Final = (200, 500, 1_000, 2_000, 4_000, 5_000, 8_100, 10_000, 15_000, 25_100, 40_000)
# Levels that makers leave free between the best bid and the best offer near certainty.
_APART: Final = 4
# What observers make of the current pace: how much of it they notice, how long it lasts.
_NOTICED: Final = 0.8
_STORM_S: Final = 300.0
# Reaction times in tenths of a second, fastest first.
_LAGS: Final = (3, 6, 10, 15)
# Private errors of opinion: about 0.4 cents, forgotten within a minute of reviews.
_OPINION_PULL: Final = 0.02
_OPINION_NOISE: Final = 0.0008

# Hundredths of a contract, as often as recordings show them.
QUOTE_SIZES: Final = tuple(
    100 * size
    for size in (
        *(50,) * 8, *(100,) * 7, *(500,) * 7, *(400,) * 7, *(40,) * 5, *(200,) * 4, *(1000,) * 5,
        *(10,) * 5, *(81,) * 3, *(150,) * 3, *(320,) * 2, *(800,) * 2, 176, 251, 350, 1100, 1500,
    )
)  # fmt: skip


@dataclass(slots=True)
class Quote:
    """One resting order of a maker; `level` is -1 while it is not in the book."""

    leg: int
    offset: int
    tolerance: int
    size: int
    level: int = -1


def sizes_at(offset: int) -> tuple[int, ...]:
    """Makers show less in front than behind."""
    return QUOTE_SIZES if offset else _FRONT_SIZES


class Opinion:
    """What one observer of the index believes, with its delay and its error of volatility."""

    def __init__(self, contract: Contract, path: SpotPath, volatility: float, lag: int) -> None:
        self._contract = contract
        self._path = path
        self._volatility = volatility
        self._lag = lag
        self._strike = contract.strike_cents / 100

    def value(self, at_ns: int) -> float:
        """Probability of YES as seen `lag` tenths of a second late."""
        path, close_ns = self._path, self._contract.close_ns
        step = path.step(at_ns) - self._lag
        second = step // STEPS_PER_SECOND
        remaining_s = (close_ns - at_ns) / 1_000_000_000
        # The observer notices most of a calm or a storm, and expects it to pass in five minutes.
        lasting = _NOTICED / (1 + remaining_s / (2 * _STORM_S))
        pace = 1 + lasting * (path.variance[second] - 1)
        return probability(
            path.reference[step],
            self._strike,
            remaining_s,
            self._seen(second),
            self._volatility * math.sqrt(pace),
        )

    def _seen(self, second: int) -> tuple[int, float]:
        path = self._path
        begin = path.second(self._contract.close_ns - MINUTE_NS)
        count = second - begin
        if count <= 0:
            return 0, 0.0
        return count, (path.index_sums[second + 1] - path.index_sums[begin + 1]) / 100


class Maker:
    """Keeps a ladder of bids on both legs around its own opinion."""

    def __init__(self, opinion: Opinion, width: float, chance: Chance) -> None:
        self._opinion = opinion
        self._width = width
        self._chance = chance
        self._error = 0.004 * chance.normal()
        self.quotes = [
            Quote(leg, offset, tolerance, chance.pick(sizes_at(offset)))
            for offset, tolerance in zip(_OFFSETS, _TOLERANCES, strict=True)
            for leg in (0, 1)
        ]

    def fair(self, at_ns: int) -> float:
        """The maker's current opinion, error included. The error is smaller near certainty."""
        self._error += _OPINION_NOISE * self._chance.normal() - _OPINION_PULL * self._error
        value = self._opinion.value(at_ns)
        return clipped(value + 4 * self._error * value * (1 - value))

    def targets(self, fair: float, book: Book) -> tuple[int, int]:
        """The best bid level per leg that this opinion allows without trading; -1 for none.

        Where the grid is fine, makers keep their distance from each other instead of closing in.
        """
        margin = self._width * min(0.0045, 0.0004 + 0.09 * fair * (1 - fair))
        grid = book.contract.series.grid
        apart = _APART if grid is TAPERED and 0.004 < fair * (1 - fair) < 0.09 else 0
        floor_level = grid.floor_level
        return (
            min(floor_level[max(0, int((fair - margin) * 1000))], book.room(0) - apart),
            min(floor_level[max(0, int((1 - fair - margin) * 1000))], book.room(1) - apart),
        )

    def misplaced(self, targets: tuple[int, int]) -> list[tuple[Quote, int]]:
        """Quotes to move and where to; those that others could pick off come first."""
        exposed, behind = [], []
        for quote in self.quotes:
            base = targets[quote.leg]
            wanted = base - quote.offset if base >= quote.offset else -1
            if quote.level > wanted + quote.tolerance or (wanted < 0 <= quote.level):
                exposed.append((quote, wanted))
            elif quote.level < wanted - quote.tolerance:
                behind.append((quote, wanted))
        return exposed + behind


def makers_of(
    contract: Contract, path: SpotPath, volatility: float, chance: Chance
) -> tuple[Maker, ...]:
    """Four for the quarter-hour market, two wider and slower ones for a rung of the ladder."""
    busy = contract.series is QUARTER_HOUR
    lags = _LAGS if busy else _LAGS[1:3]
    return tuple(
        Maker(
            Opinion(contract, path, volatility * (0.94 + 0.16 * chance.uniform()), lag),
            (1.0 if busy else 2.2) * (0.8 + 0.5 * chance.uniform()),
            chance,
        )
        for lag in lags
    )
