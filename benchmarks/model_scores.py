"""Scores of three opinions with intervals that know how few markets there were, and what they say.

A market's moments stand or fall together, so intervals come from drawing whole markets. Lower is
better for both scores; a difference `a-b` below zero means that a was better.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from benchmarks.model_samples import MarketSamples, Sample
from kairos.domain.instruments import Outcome
from kairos.domain.scoring import CLAMP, Calibration, CalibrationSums
from kairos.services.score import Cluster, Interval, SplitMix64, bootstrap_ci

FORECASTERS: Final = ("v1", "v2", "market")
PAIRS: Final = (("v2", "v1"), ("v2", "market"), ("v1", "market"))
SCORES: Final = ("brier", "log_loss")
LEVEL: Final = 0.95
RESAMPLES: Final = 10_000
SEED: Final = 20_260_513
# Fewer than this and the bootstrap's own interval is known to be too narrow to be read at all.
MARKETS_MIN: Final = 10
BUCKETS: Final = ((0, 60), (60, 180), (180, 420), (420, 900))

_PROBABILITY: Final[dict[str, Callable[[Sample], float]]] = {
    "v1": lambda sample: sample.v1,
    "v2": lambda sample: sample.v2,
    "market": lambda sample: sample.market,
}


def loss(score: str, probability: float, outcome: Outcome) -> float:
    """Brier or log loss of one opinion."""
    p = min(max(probability, CLAMP), 1.0 - CLAMP)
    right = p if outcome is Outcome.YES else 1.0 - p
    return (1.0 - right) ** 2 if score == "brier" else -math.log(right)


class Group(NamedTuple):
    """Some of the markets, or some of their moments."""

    name: str
    markets: Sequence[MarketSamples]
    seconds: tuple[int, int] | None = None

    def moments(self, market: MarketSamples) -> list[Sample]:
        if self.seconds is None:
            return market.samples
        low, high = self.seconds
        return [sample for sample in market.samples if low <= sample.seconds_to_close < high]


@dataclass(frozen=True, slots=True)
class Figures:
    """A group's scores: intervals by `v1`, …, `v2-v1`, …; None where there are too few markets."""

    name: str
    markets: int
    moments: int
    intervals: Mapping[str, Mapping[str, Interval | None]]


def groups(markets: Sequence[MarketSamples]) -> Iterator[Group]:
    """All; where the mid came from; the two chronological halves; by time to the close."""
    yield Group("all markets", markets)
    for source in ("book", "ticker"):
        some = [each for each in markets if each.source == source]
        if some and len(some) < len(markets):
            yield Group(f"mid from the {source}", some)
    half = (len(markets) + 1) // 2
    yield Group("first half of the markets", markets[:half])
    yield Group("second half of the markets", markets[half:])
    for low, high in BUCKETS:
        yield Group(f"{low} to {high} s before the close", markets, (low, high))


def figures(group: Group, resamples: int = RESAMPLES, seed: int = SEED) -> Figures:
    """Score a group. The same seed everywhere: paired differences see the same draws."""
    kept = [
        (each.market, each.outcome, moments)
        for each in group.markets
        if each.outcome is not None and (moments := group.moments(each))
    ]
    intervals: dict[str, dict[str, Interval | None]] = {}
    for score in SCORES:
        losses = {
            who: {
                market: [loss(score, _PROBABILITY[who](sample), outcome) for sample in moments]
                for market, outcome, moments in kept
            }
            for who in FORECASTERS
        }
        clusters = {who: _clusters(each) for who, each in losses.items()}
        clusters |= {f"{a}-{b}": _difference(losses[a], losses[b]) for a, b in PAIRS}
        intervals[score] = {
            name: bootstrap_ci(each, SplitMix64(seed), resamples, LEVEL)
            for name, each in clusters.items()
        }
    return Figures(group.name, len(kept), sum(len(m) for _, _, m in kept), intervals)


def _clusters(losses: Mapping[str, Sequence[float]]) -> dict[str, Cluster]:
    return {market: Cluster.of(values) for market, values in losses.items()}


def _difference(
    mine: Mapping[str, Sequence[float]], theirs: Mapping[str, Sequence[float]]
) -> dict[str, Cluster]:
    return {
        market: Cluster.of(a - b for a, b in zip(values, theirs[market], strict=True))
        for market, values in mine.items()
    }


def calibration(markets: Sequence[MarketSamples]) -> dict[str, Calibration]:
    """By forecaster: how often YES came when it said so."""
    tables = {who: Calibration() for who in FORECASTERS}
    for market in markets:
        if market.outcome is None:
            continue
        for who, table in tables.items():
            sums = CalibrationSums()
            for sample in market.samples:
                sums.add(_PROBABILITY[who](sample))
            table.resolve(sums, market.outcome)
    return tables


def verdicts(found: Figures) -> list[str]:
    """What the Brier differences of a group show, in plain words, and what they do not."""
    if found.markets < MARKETS_MIN:
        return [f"{found.markets} markets: too few to say anything; {MARKETS_MIN} are the least"]
    intervals = ((a, b, found.intervals["brier"][f"{a}-{b}"]) for a, b in PAIRS)
    return [_verdict(a, b, each) for a, b, each in intervals if each is not None]


def _verdict(a: str, b: str, interval: Interval) -> str:
    low, mean, high = interval.low, interval.mean, interval.high
    better, worse = (a, b) if mean < 0 else (b, a)
    lead = (
        f"{interval.clusters} markets: {_named(better)} is {abs(mean):.4f} Brier better than "
        f"{_named(worse)} ({interval.level:.0%} interval of {a}-{b}: {low:+.4f} to {high:+.4f})"
    )
    if low > 0 or high < 0:
        return f"{lead}, more than chance explains"
    return f"{lead}, which may be chance: the sample is too small to tell{_enough(interval)}"


def _named(who: str) -> str:
    return "the market" if who == "market" else who


def _enough(interval: Interval) -> str:
    """How many markets would show a difference of this size; intervals narrow with their root."""
    if interval.mean == 0:
        return ""
    half = (interval.high - interval.low) / 2
    needed = math.ceil(interval.clusters * (half / abs(interval.mean)) ** 2)
    return f"; about {needed:,} markets like these would"


def as_json(found: Figures) -> dict[str, Any]:
    """A group's figures as plain data."""
    return {
        "name": found.name,
        "markets": found.markets,
        "moments": found.moments,
        "intervals": {
            score: {name: None if each is None else each._asdict() for name, each in named.items()}
            for score, named in found.intervals.items()
        },
        "verdicts": verdicts(found),
    }
