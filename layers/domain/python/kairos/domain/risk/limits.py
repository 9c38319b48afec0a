"""How much may be at stake. Every limit must be given: a missing one would be no limit at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Final, NamedTuple

from kairos.domain.units import CASH_PER_DOLLAR, cash_dollars, contracts
from kairos.errors import UsageError

_MOST: Final = 1_000_000_000  # a larger number is a slip of the keyboard, or a wish for no limit
# What lies inside what: a limit above the one around it could never bind.
_INSIDE: Final = (
    ("order_dollars_max", "market_dollars_max"),
    ("market_dollars_max", "group_dollars_max"),
    ("group_dollars_max", "correlated_dollars_max"),
    ("correlated_dollars_max", "portfolio_dollars_max"),
    ("market_dollars_max", "venue_dollars_max"),
    ("venue_dollars_max", "portfolio_dollars_max"),
    ("loss_hourly_dollars_max", "loss_daily_dollars_max"),
    ("orders_per_second_max", "orders_per_minute_max"),
)


class Limit(StrEnum):
    """What a breach is named after. Orders are denied under these names."""

    ORDER_INVALID = "order_invalid"
    SELL_EXCEEDS_HELD = "sell_exceeds_held"
    ORDER_CONTRACTS = "order_contracts"
    ORDER_DOLLARS = "order_dollars"
    MARKET_DOLLARS = "market_dollars"
    GROUP_DOLLARS = "group_dollars"
    CORRELATED_DOLLARS = "correlated_dollars"
    VENUE_DOLLARS = "venue_dollars"
    PORTFOLIO_DOLLARS = "portfolio_dollars"
    PORTFOLIO_PERCENT = "portfolio_percent"
    OPEN_POSITIONS = "open_positions"
    ORDERS_PER_SECOND = "orders_per_second"
    ORDERS_PER_MINUTE = "orders_per_minute"
    LOSS_HOURLY = "loss_hourly"
    LOSS_DAILY = "loss_daily"
    DRAWDOWN = "drawdown"


class Breach(NamedTuple):
    """A limit, where it was met, what was asked or found, and the most it allows.

    `value` and `most` are micro-dollars or micro-contracts where the limit is one of dollars or
    contracts, else the limit's own unit.
    """

    limit: Limit
    scope: str
    value: int
    most: int

    def __str__(self) -> str:
        where = f" of {self.scope}" if self.scope else ""
        value, most = _text(self.limit, self.value), _text(self.limit, self.most)
        return f"{self.limit}{where}: {value}, limit {most}"


def _text(limit: Limit, value: int) -> str:
    if limit in (Limit.ORDER_CONTRACTS, Limit.SELL_EXCEEDS_HELD, Limit.ORDER_INVALID):
        return contracts(value)
    if limit.endswith("_dollars") or limit in (Limit.LOSS_HOURLY, Limit.LOSS_DAILY, Limit.DRAWDOWN):
        return f"${cash_dollars(value)}"
    return str(value)


@dataclass(frozen=True, slots=True)
class RiskLimits:
    """Whole dollars, contracts, percent and counts; none has a default.

    Exposure is the cost of positions plus what open orders may still cost, fees apart. Losses are
    realised plus unrealised, after fees. Raises UsageError for a limit that cannot bind.
    """

    order_contracts_max: int
    order_dollars_max: int
    market_dollars_max: int
    group_dollars_max: int  # one game, or one expiry of one underlying
    correlated_dollars_max: int  # one underlying, league, … over all its expiries
    venue_dollars_max: int
    portfolio_dollars_max: int
    portfolio_percent_max: int  # of equity
    open_positions_max: int
    orders_per_second_max: int
    orders_per_minute_max: int
    loss_hourly_dollars_max: int  # since the UTC hour began
    loss_daily_dollars_max: int  # since the UTC day began
    drawdown_dollars_max: int  # from the highest equity

    def __post_init__(self) -> None:
        for name in limit_names():
            value = getattr(self, name)
            if type(value) is not int or not 1 <= value <= _MOST:
                raise UsageError(f"risk.limits.{name} is {value!r}: use a whole number from 1")
        if self.portfolio_percent_max > 100:
            raise UsageError("risk.limits.portfolio_percent_max is over 100: nobody lends to us")
        for inner, outer in _INSIDE:
            if getattr(self, inner) > getattr(self, outer):
                raise UsageError(
                    f"risk.limits.{inner} is {getattr(self, inner)}, above risk.limits.{outer} "
                    f"({getattr(self, outer)}): it could never bind"
                )

    def cash(self, name: str) -> int:
        """A limit of dollars in micro-dollars."""
        dollars: int = getattr(self, name)
        return dollars * CASH_PER_DOLLAR

    def flat(self) -> Iterator[tuple[str, str]]:
        """Every limit as text, for the record of a run."""
        return ((name, str(getattr(self, name))) for name in limit_names())


def limit_names() -> tuple[str, ...]:
    return tuple(field.name for field in fields(RiskLimits))


def limits_from(values: Mapping[str, object], where: str) -> RiskLimits:
    """Limits as a settings file or the command line give them; `where` is named in the error.

    Raises UsageError for a limit that is missing, that does not exist, or that is no number.
    """
    names = limit_names()
    for name in values:
        if name not in names:
            raise UsageError(
                f"{where}: there is no setting risk.limits.{name}. There are: "
                + ", ".join(f"risk.limits.{each}" for each in sorted(names))
            )
    for name in names:
        if name not in values:
            raise UsageError(
                f"{where}: risk.limits.{name} is missing. Give every limit; none has a default"
            )
    return RiskLimits(**{name: whole(values[name], f"risk.limits.{name}") for name in names})


def whole(value: object, name: str) -> int:
    """A whole number, or the text of one. Raises UsageError naming the setting."""
    if type(value) is int:
        return value
    text = value.strip() if isinstance(value, str) else ""
    if text.isascii() and text.isdigit() and len(text) <= 18:
        return int(text)
    raise UsageError(f"setting {name} is {value!r}: use a whole number")
