"""Draws that come out the same on every machine: seeded streams and exact arithmetic only."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeVar

Choice = TypeVar("Choice")

_SQRT_3: Final = math.sqrt(3.0)
# Maths libraries differ in the last bit; nine decimals of their answer do not.
_EXPONENTIAL: Final = tuple(round(-math.log(1 - (i + 0.5) / 256), 9) for i in range(256))
_CDF_LIMIT: Final = 6.0
_CDF_PER_UNIT: Final = 256
_CDF: Final = tuple(
    round(0.5 * math.erfc((_CDF_LIMIT - i / _CDF_PER_UNIT) / math.sqrt(2)), 9)
    for i in range(int(2 * _CDF_LIMIT) * _CDF_PER_UNIT + 2)
)


def normal_cdf(deviate: float) -> float:
    """Standard normal distribution by table; within 1e-6, which is far below one price step."""
    if deviate <= -_CDF_LIMIT:
        return 0.0
    if deviate >= _CDF_LIMIT:
        return 1.0
    position = (deviate + _CDF_LIMIT) * _CDF_PER_UNIT
    index = int(position)
    low = _CDF[index]
    return low + (position - index) * (_CDF[index + 1] - low)


class Chance:
    """One stream of draws. Only `random` and `getrandbits` are used: Python keeps both stable."""

    def __init__(self, seed: int) -> None:
        source = random.Random(seed)  # noqa: S311 - a simulation must be repeatable, not secret
        self.uniform: Callable[[], float] = source.random
        self.bits: Callable[[int], int] = source.getrandbits

    def happens(self, probability: float) -> bool:
        return self.uniform() < probability

    def between(self, low: int, high: int) -> int:
        """An integer from `low` up to, not including, `high`."""
        return low + int(self.uniform() * (high - low))

    def pick(self, options: Sequence[Choice]) -> Choice:
        return options[int(self.uniform() * len(options))]

    def normal(self) -> float:
        """Nearly standard normal: four uniforms, because a logarithm would differ by machine."""
        draw = self.uniform
        return (draw() + draw() + draw() + draw() - 2.0) * _SQRT_3

    def wait(self, mean: float) -> int:
        """A waiting time of a memoryless process, in the unit of `mean`."""
        return int(mean * _EXPONENTIAL[int(self.uniform() * 256)])

    def uuid(self) -> str:
        """Text of a version 4 UUID."""
        text = f"{self.bits(128):032x}"
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


class Streams(NamedTuple):
    """Independent streams, so that switching faults off leaves the market itself unchanged."""

    path: Chance
    contracts: Chance
    orders: Chance
    exchange: Chance
    exchange_link: Chance
    spot: Chance
    spot_link: Chance
    faults: Chance


def streams(seed: int) -> Streams:
    """Every stream of a session, all derived from its one seed."""
    root = Chance(seed)
    return Streams(*(Chance(root.bits(64)) for _ in Streams._fields))
