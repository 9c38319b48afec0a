"""Losses of the UTC hour and day, and the fall from the highest equity: fees and unrealised too.

Equity is cash plus what positions would bring now; whatever was lost, paid as a fee or is only
lost on paper is missing from it, so one number covers all three.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from kairos.domain.risk.limits import Breach, Limit, RiskLimits
from kairos.domain.units import NANOSECONDS_PER_SECOND

HOUR_NS: Final = 3_600 * NANOSECONDS_PER_SECOND
DAY_NS: Final = 24 * HOUR_NS


class LossState(NamedTuple):
    """What must survive a restart, or a restart would forgive the day's losses.

    `hour` and `day` count from the epoch; the openings, `high_water` and `equity` (the last that
    was seen) are micro-dollars.
    """

    hour: int
    hour_opening: int
    day: int
    day_opening: int
    high_water: int
    equity: int


class Losses:
    """Told the equity, it says which limits of loss are in force.

    A loss that reached its limit stays in force until its hour or day ends, however the prices
    move; a drawdown until `forgive`.
    """

    def __init__(self, limits: RiskLimits, state: LossState | None) -> None:
        self._hourly = limits.cash("loss_hourly_dollars_max")
        self._daily = limits.cash("loss_daily_dollars_max")
        self._drawdown = limits.cash("drawdown_dollars_max")
        self.state = state
        self._judged: LossState | None = None  # with the same equity nothing new comes of it
        self._latched: dict[Limit, Breach] = {}

    @property
    def in_force(self) -> tuple[Breach, ...]:
        return tuple(self._latched.values())

    def observe(self, now_ns: int, equity: int) -> tuple[Breach, ...]:
        """Take the equity in micro-dollars; the limits in force, with what was found first."""
        state = self.state
        if (
            state is not None
            and state is self._judged
            and (state.hour, state.equity) == (now_ns // HOUR_NS, equity)
        ):
            return self.in_force
        state = self.state = self._judged = self._rolled(now_ns, equity)
        self._latch(Limit.LOSS_HOURLY, state.hour_opening - equity, self._hourly)
        self._latch(Limit.LOSS_DAILY, state.day_opening - equity, self._daily)
        self._latch(Limit.DRAWDOWN, state.high_water - equity, self._drawdown)
        return self.in_force

    def transfer(self, amount: int) -> None:
        """Micro-dollars came (or went) that nobody won or lost: a deposit is no profit."""
        if self.state is not None:
            hour, hour_opening, day, day_opening, high_water, equity = self.state
            self.state = LossState(
                hour, hour_opening + amount, day, day_opening + amount,
                high_water + amount, equity + amount,
            )  # fmt: skip

    def forgive(self) -> None:
        """A person decided to go on: the drawdown is counted from the present equity."""
        self._latched.pop(Limit.DRAWDOWN, None)
        if self.state is not None:
            self.state = self.state._replace(high_water=self.state.equity)

    def _rolled(self, now_ns: int, equity: int) -> LossState:
        """A window opens with the last equity seen before it, not with the first one in it."""
        hour, day = now_ns // HOUR_NS, now_ns // DAY_NS
        state = self.state
        if state is None:
            return LossState(hour, equity, day, equity, equity, equity)
        if hour != state.hour:
            state = state._replace(hour=hour, hour_opening=state.equity)
            self._latched.pop(Limit.LOSS_HOURLY, None)
        if day != state.day:
            state = state._replace(day=day, day_opening=state.equity)
            self._latched.pop(Limit.LOSS_DAILY, None)
        if equity > state.high_water:
            return state._replace(high_water=equity, equity=equity)
        return state._replace(equity=equity)

    def _latch(self, limit: Limit, loss: int, most: int) -> None:
        if loss >= most and limit not in self._latched:
            self._latched[limit] = Breach(limit, "", loss, most)
