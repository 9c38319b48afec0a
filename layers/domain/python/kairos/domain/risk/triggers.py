"""When conditions forbid to add risk, and how long they must be good again before it is allowed.

A trigger enters at once, or after it was bad without a break for its hold. From then on nothing is
added until every signal was healthy for `healthy_seconds_min`, and then only in shadow for
`shadow_seconds`: decisions are made and denied, so that somebody can look at them first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Final, NamedTuple

from kairos.domain.risk.limits import whole
from kairos.domain.units import NANOSECONDS_PER_SECOND
from kairos.errors import UsageError

_SECONDS_MOST: Final = 7 * 86_400
_MAY_BE_ZERO: Final = ("state_lag_hold_seconds", "persistence_lag_hold_seconds",
                       "quote_coverage_hold_seconds", "start_healthy_seconds_min")  # fmt: skip


class Signal(StrEnum):
    """What is watched. Values of lags and ages are nanoseconds, that of coverage is percent."""

    STATE_LAG = "state_lag"
    PERSISTENCE_LAG = "persistence_lag"
    SPOT_AGE = "spot_age"
    QUOTE_AGE = "quote_age"
    SNAPSHOT_AGE = "snapshot_age"
    QUOTE_COVERAGE = "quote_coverage"
    PUBLISH = "publish"
    RISK_STORE = "risk_store"
    REST_BUDGET = "rest_budget"
    RECONCILIATION = "reconciliation"
    BREAKS = "breaks"
    LOSSES = "losses"
    EXPOSURE = "exposure"


class Phase(StrEnum):
    """Where the hysteresis stands."""

    STARTING = "starting"
    NO_TRADE = "no_trade"
    SHADOW = "shadow"
    TRADING = "trading"


@dataclass(frozen=True, slots=True)
class TriggerSettings:
    """Seconds and percent, whole numbers. Raises UsageError for what cannot be meant."""

    state_lag_seconds_max: int = 10
    state_lag_hold_seconds: int = 30
    persistence_lag_seconds_max: int = 30
    persistence_lag_hold_seconds: int = 60
    spot_age_seconds_max: int = 10
    quote_age_seconds_max: int = 30
    snapshot_age_seconds_max: int = 60
    quote_coverage_percent_min: int = 80
    quote_coverage_hold_seconds: int = 60
    report_age_seconds_max: int = 60  # silence of whoever reports a signal is a bad signal
    healthy_seconds_min: int = 300
    shadow_seconds: int = 60
    start_healthy_seconds_min: int = 300  # after a start, before the first order

    def __post_init__(self) -> None:
        for name in (field.name for field in fields(self)):
            value = getattr(self, name)
            least = 0 if name in _MAY_BE_ZERO else 1
            most = 100 if name.endswith("percent_min") else _SECONDS_MOST
            if type(value) is not int or not least <= value <= most:
                raise UsageError(f"risk.triggers.{name} is {value!r}: use {least} to {most}")

    def nanoseconds(self, name: str) -> int:
        seconds: int = getattr(self, name)
        return seconds * NANOSECONDS_PER_SECOND

    def flat(self) -> Iterator[tuple[str, str]]:
        """Every setting as text, for the record of a run."""
        return ((field.name, str(getattr(self, field.name))) for field in fields(self))


def triggers_from(values: Mapping[str, object], where: str) -> TriggerSettings:
    """Settings as a file gives them, the rest at their defaults. Raises UsageError."""
    names = [field.name for field in fields(TriggerSettings)]
    for name in values:
        if name not in names:
            raise UsageError(
                f"{where}: there is no setting risk.triggers.{name}. There are: "
                + ", ".join(f"risk.triggers.{each}" for each in sorted(names))
            )
    return TriggerSettings(
        **{name: whole(value, f"risk.triggers.{name}") for name, value in values.items()}
    )


class _Rule(NamedTuple):
    """`most` and `least` bound the signal's value; without either it is its own verdict."""

    most: int | None
    least: int | None
    hold_ns: int
    unit: str

    def allows(self, value: int | None) -> bool:
        if value is None:
            return self.most is None and self.least is None
        return not (
            (self.most is not None and value > self.most)
            or (self.least is not None and value < self.least)
        )


def _rules(settings: TriggerSettings) -> dict[Signal, _Rule]:
    def lag(name: str, hold: str | None = None) -> _Rule:
        held = 0 if hold is None else settings.nanoseconds(hold)
        return _Rule(settings.nanoseconds(name), None, held, "s")

    verdict = _Rule(None, None, 0, "")
    coverage = _Rule(
        None, settings.quote_coverage_percent_min,
        settings.nanoseconds("quote_coverage_hold_seconds"), "%",
    )  # fmt: skip
    return dict.fromkeys(Signal, verdict) | {
        Signal.STATE_LAG: lag("state_lag_seconds_max", "state_lag_hold_seconds"),
        Signal.PERSISTENCE_LAG: lag("persistence_lag_seconds_max", "persistence_lag_hold_seconds"),
        Signal.SPOT_AGE: lag("spot_age_seconds_max"),
        Signal.QUOTE_AGE: lag("quote_age_seconds_max"),
        Signal.SNAPSHOT_AGE: lag("snapshot_age_seconds_max"),
        Signal.QUOTE_COVERAGE: coverage,
    }


class _Reading:
    """The last that was heard of a signal, and since when it is bad."""

    __slots__ = ("bad_since_ns", "detail", "heard_ns")

    def __init__(self) -> None:
        self.heard_ns: int | None = None
        self.bad_since_ns: int | None = None
        self.detail = "never heard"


class Triggers:
    """Told every signal as it comes and the time about once a second, it knows the phase.

    `watched` must be heard of before the first order and ever after; any other signal counts from
    the first time it is heard. With nothing watched there is nothing to wait for.
    """

    def __init__(self, settings: TriggerSettings, watched: Iterable[Signal]) -> None:
        self._rules = _rules(settings)
        self._silence_ns = settings.nanoseconds("report_age_seconds_max")
        self._healthy_ns = settings.nanoseconds("healthy_seconds_min")
        self._shadow_ns = settings.nanoseconds("shadow_seconds")
        self._start_ns = settings.nanoseconds("start_healthy_seconds_min")
        self._readings = {signal: _Reading() for signal in Signal if signal in set(watched)}
        self._healthy_since_ns: int | None = None
        self.phase = Phase.STARTING if self._readings else Phase.TRADING
        self.entered: tuple[Signal, ...] = ()
        self._bad: tuple[Signal, ...] = ()

    def observe(self, signal: Signal, value: int | None, now_ns: int, *, healthy: bool) -> None:
        """One reading. A bounded signal needs its value: a missing one is not a good one."""
        reading = self._readings.get(signal)
        if reading is None:
            reading = self._readings[signal] = _Reading()
        reading.heard_ns = now_ns
        rule = self._rules[signal]
        if healthy and rule.allows(value):
            reading.bad_since_ns = None
            return
        reading.detail = _detail(rule, value)
        if reading.bad_since_ns is None:
            reading.bad_since_ns = now_ns

    def advance(self, now_ns: int) -> Phase:
        """The phase as of now; `entered` names the triggers that are in force."""
        if not self._bad and self.is_calm(now_ns):
            return self.phase
        self._bad = bad = tuple(
            signal for signal, reading in self._readings.items() if self._is_bad(reading, now_ns)
        )
        self.entered = tuple(signal for signal in bad if self._has_entered(signal, now_ns))
        if self.phase is Phase.TRADING:
            if self.entered:
                self.phase, self._healthy_since_ns = Phase.NO_TRADE, None
            return self.phase
        if bad:
            self._healthy_since_ns = None
            if self.phase is Phase.SHADOW:
                self.phase = Phase.NO_TRADE
            return self.phase
        if self._healthy_since_ns is None:
            self._healthy_since_ns = now_ns
        self.phase = self._recovered(now_ns - self._healthy_since_ns)
        return self.phase

    def verdict(self, signal: Signal, now_ns: int, *, healthy: bool) -> None:
        """`observe` for what is judged here: while it never was bad it need not be heard."""
        if not healthy or signal in self._readings:
            self.observe(signal, None, now_ns, healthy=healthy)

    def is_calm(self, now_ns: int) -> bool:
        """Trading, every signal good and heard of lately: the usual case, and quick to see."""
        if self.phase is not Phase.TRADING:
            return False
        oldest_ns = now_ns - self._silence_ns
        for reading in self._readings.values():
            if reading.bad_since_ns is not None or (reading.heard_ns or 0) < oldest_ns:
                return False
        return True

    def evidence(self) -> str:
        """What is bad, as text."""
        return "; ".join(f"{signal} {self._readings[signal].detail}" for signal in self._bad)

    def reasons(self) -> tuple[str, ...]:
        """Why risk may not be added: the triggers in force, or where the recovery stands."""
        if self.phase is Phase.TRADING:
            return ()
        if self.phase is Phase.NO_TRADE:
            return tuple(signal.value for signal in self.entered) or ("recovering",)
        return (self.phase.value,)

    def _has_entered(self, signal: Signal, now_ns: int) -> bool:
        since_ns = self._readings[signal].bad_since_ns
        return since_ns is not None and now_ns - since_ns >= self._rules[signal].hold_ns

    def _is_bad(self, reading: _Reading, now_ns: int) -> bool:
        if reading.bad_since_ns is not None:
            return True
        if reading.heard_ns is None:
            return True  # only before the first order: nothing can enter that was never heard
        if now_ns - reading.heard_ns > self._silence_ns:
            reading.bad_since_ns = now_ns
            reading.detail = f"unheard for {_seconds(now_ns - reading.heard_ns)}"
            return True
        return False

    def _recovered(self, healthy_ns: int) -> Phase:
        if self.phase is Phase.STARTING:
            return Phase.TRADING if healthy_ns >= self._start_ns else Phase.STARTING
        if healthy_ns < self._healthy_ns:
            return Phase.NO_TRADE
        return Phase.SHADOW if healthy_ns < self._healthy_ns + self._shadow_ns else Phase.TRADING


def _detail(rule: _Rule, value: int | None) -> str:
    if value is None:
        return "failed" if rule.unit == "" else "unknown"
    if rule.unit == "s":
        return f"{_seconds(value)} over {_seconds(rule.most or 0)}"
    return f"{value}{rule.unit}" + (f" under {rule.least}{rule.unit}" if rule.least else "")


def _seconds(value_ns: int) -> str:
    return f"{value_ns / NANOSECONDS_PER_SECOND:.1f} s"
