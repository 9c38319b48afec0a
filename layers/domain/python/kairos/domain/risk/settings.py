"""Limits, triggers and what moves together, as one group of settings: `risk`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kairos.domain.risk.limits import RiskLimits, limits_from
from kairos.domain.risk.triggers import TriggerSettings, triggers_from
from kairos.errors import UsageError

_GROUPS = ("correlated", "limits", "triggers")


@dataclass(frozen=True, slots=True)
class RiskSettings:
    """`correlated` names what moves together: (name, series); a series in none is its own group.

    `origin` is the file or the set of options that the limits come from.
    """

    limits: RiskLimits
    triggers: TriggerSettings
    correlated: tuple[tuple[str, tuple[str, ...]], ...]
    origin: str

    def __post_init__(self) -> None:
        seen: dict[str, str] = {}
        for name, series in self.correlated:
            for each in series:
                if each in seen:
                    raise UsageError(
                        f"risk.correlated: {each} is in {seen[each]} and in {name}; choose one"
                    )
                seen[each] = name

    def correlated_of(self) -> dict[str, str]:
        """Series → the name of what it moves together with."""
        return {each: name for name, series in self.correlated for each in series}

    def flat(self) -> Iterator[tuple[str, str]]:
        """All of it as text, for the record of a run."""
        yield "risk.origin", self.origin
        yield from ((f"risk.limits.{name}", value) for name, value in self.limits.flat())
        yield from ((f"risk.triggers.{name}", value) for name, value in self.triggers.flat())
        for name, series in self.correlated:
            yield f"risk.correlated.{name}", ",".join(series)


def risk_from(values: Mapping[str, object], where: str) -> RiskSettings:
    """The group as a file gives it. Raises UsageError naming what is missing or unknown."""
    for name in values:
        if name not in _GROUPS:
            choices = ", ".join(f"risk.{each}" for each in _GROUPS)
            raise UsageError(f"{where}: there is no setting risk.{name}. There are: {choices}")
    for name in ("limits", "correlated"):
        if name not in values:
            raise UsageError(f"{where}: risk.{name} is missing, and without it nothing may trade")
    return RiskSettings(
        limits_from(_table(values["limits"], "limits", where), where),
        triggers_from(_table(values.get("triggers", {}), "triggers", where), where),
        _correlated(_table(values["correlated"], "correlated", where), where),
        where,
    )


def _table(value: object, name: str, where: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise UsageError(f"{where}: risk.{name} is a group; set risk.{name}.<name>")
    return value


def _correlated(
    values: Mapping[str, object], where: str
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((name, _series(value, name, where)) for name, value in values.items())


def _series(value: object, name: str, where: str) -> tuple[str, ...]:
    """A list of series, or their names with commas between them, as an option writes it."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not parts:
        raise UsageError(f"{where}: risk.correlated.{name} is {value!r}: give a list of series")
    series = tuple(each.strip() if isinstance(each, str) else "" for each in parts)
    if not all(series):
        raise UsageError(f"{where}: risk.correlated.{name} is {value!r}: give names of series")
    return series
