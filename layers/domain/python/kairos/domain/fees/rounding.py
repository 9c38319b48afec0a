"""The only place where fee arithmetic loses digits, so that every loss has a name."""

from __future__ import annotations

from enum import StrEnum
from typing import assert_never


class Rounding(StrEnum):
    """Which neighbouring integer a quotient becomes."""

    FLOOR = "floor"
    CEILING = "ceiling"
    HALF_UP = "half_up"
    HALF_EVEN = "half_even"


def divide(numerator: int, divisor: int, rounding: Rounding) -> int:
    """`numerator / divisor` as an integer; `divisor` is positive, halves up go to +infinity."""
    match rounding:
        case Rounding.FLOOR:
            return numerator // divisor
        case Rounding.CEILING:
            return -(-numerator // divisor)
        case Rounding.HALF_UP:
            return (2 * numerator + divisor) // (2 * divisor)
        case Rounding.HALF_EVEN:
            return _half_even(numerator, divisor)
        case _:
            assert_never(rounding)


def _half_even(numerator: int, divisor: int) -> int:
    quotient, remainder = divmod(numerator, divisor)
    if 2 * remainder > divisor or (2 * remainder == divisor and quotient % 2):
        return quotient + 1
    return quotient
