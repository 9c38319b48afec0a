"""What a benchmark reports: a value, what it was measured against, and whether the goal holds."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

_COMPARE: Final[dict[str, Callable[[float, float], bool]]] = {"≥": operator.ge, "≤": operator.le}


@dataclass(frozen=True, slots=True)
class Goal:
    """`sign` is ≥ or ≤. Printed as it is judged, so that the text and the verdict cannot differ."""

    sign: str
    limit: float
    unit: str = ""

    def __post_init__(self) -> None:
        if self.sign not in _COMPARE:
            raise ValueError(f"a goal compares with ≥ or ≤, not {self.sign!r}")

    def met(self, value: float) -> bool:
        return _COMPARE[self.sign](value, self.limit)

    def __str__(self) -> str:
        return f"{self.sign} {figure(self.limit)} {self.unit}".rstrip()


class Row(NamedTuple):
    """One line of the table.

    `ratio` is value over floor (or floor over value where less is better), None where the row is an
    absolute figure. `holds` is None for a row that is there to be read and promises nothing.
    """

    name: str
    value: float
    unit: str
    floor: str
    ratio: float | None
    goal: str
    holds: bool | None


def rate_row(
    name: str, rate: float, floor: str, floor_rate: float, goal: Goal | None = None
) -> Row:
    """Messages per second against a floor's; the goal is about the ratio."""
    ratio = rate / floor_rate
    return Row(
        name, rate, "msgs/s", f"{floor} at {figure(floor_rate)}", ratio,
        "" if goal is None else str(goal), None if goal is None else goal.met(ratio),
    )  # fmt: skip


def speedup_row(
    name: str, value: float, unit: str, peer: str, peer_value: float, goal: Goal | None = None
) -> Row:
    """A duration against a slower peer's: how many times faster; the goal is about that."""
    ratio = peer_value / value
    return Row(
        name, value, unit, f"{peer} at {figure(peer_value)} {unit}", ratio,
        "" if goal is None else str(goal), None if goal is None else goal.met(ratio),
    )  # fmt: skip


def growth_row(name: str, value: float, unit: str, base: str, base_value: float, goal: Goal) -> Row:
    """The same work under more load against the same under less; the goal is about value / base."""
    ratio = value / base_value
    floor = f"{base} at {figure(base_value)} {unit}"
    return Row(name, value, unit, floor, ratio, str(goal), goal.met(ratio))


def absolute_row(
    name: str, value: float, unit: str, goal: Goal | None = None, note: str = ""
) -> Row:
    """A figure of this machine; the goal, if any, is about the figure itself."""
    return Row(
        name, value, unit, note, None,
        "" if goal is None else str(goal), None if goal is None else goal.met(value),
    )  # fmt: skip


def figure(value: float) -> str:
    """Three to four digits that matter: 1234567 → 1,234,567; 0.71234 → 0.712."""
    if value and abs(value) < 0.01:
        return f"{value:.2g}"
    if abs(value) >= 1000 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


_HEADINGS: Final = ("measured", "value", "", "ratio", "against", "goal", "holds")


def table(rows: Sequence[Row]) -> str:
    """Aligned columns; `holds` says yes, NO, or - for what promises nothing."""
    cells = [_HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEADINGS))]
    return "\n".join(_aligned(line, widths) for line in cells)


def _cells(row: Row) -> tuple[str, ...]:
    ratio = "-" if row.ratio is None else f"{figure(row.ratio)}x"
    holds = "-" if row.holds is None else "yes" if row.holds else "NO"
    return row.name, figure(row.value), row.unit, ratio, row.floor, row.goal, holds


def _aligned(line: Sequence[str], widths: Sequence[int]) -> str:
    right = {1, 3}
    return "  ".join(
        text.rjust(width) if column in right else text.ljust(width)
        for column, (text, width) in enumerate(zip(line, widths, strict=True))
    ).rstrip()


def conclusion(rows: Sequence[Row]) -> str:
    """One sentence: how many goals hold, and the names of those that do not."""
    judged = [row for row in rows if row.holds is not None]
    failed = [row.name for row in judged if not row.holds]
    if not failed:
        return f"all {len(judged)} goals hold here"
    return f"{len(failed)} of {len(judged)} goals do not hold here: {'; '.join(failed)}"
