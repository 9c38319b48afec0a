"""What callers may ask of any venue's fees, and which version of them a moment falls under.

Fees are micro-dollars; negative is a rebate. Prices are 1/10 000 dollar, quantities 1/1 000 000
contract (`kairos.domain.units`). Rates are integers too: 0.07 is 70 000 `PARTS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

from kairos.domain.instruments import Action, Liquidity
from kairos.domain.units import NANOSECONDS_PER_SECOND, PRICE_PER_DOLLAR, scaled
from kairos.errors import Malformed, UsageError

PARTS: Final = 1_000_000  # of one: the unit of rates and multipliers
_PARTS_PLACES: Final = 6
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EASTERN_DAYLIGHT_OFFSET_HOURS: Final = 4

T = TypeVar("T")


class OrderFees(Protocol):
    """The fees of one order; some venues round over the fills of an order, so fills share state."""

    def fill(self, price: int, quantity: int, liquidity: Liquidity, action: Action) -> int:
        """What this fill is charged, micro-dollars, rounding and rebates included."""
        ...


class FeeSchedule(Protocol):
    """The fees of one market at one time."""

    @property
    def version(self) -> str:
        """Which published fees these are; goes into reports and the journal."""
        ...

    @property
    def assumed(self) -> bool:
        """True when the venue did not say that these fees hold for this market."""
        ...

    def fill_fee(self, price: int, quantity: int, liquidity: Liquidity) -> int:
        """The fee, micro-dollars, of one fill taken alone.

        Raises Malformed (`bad_fill`) when the price is outside 0..10 000 or nothing was traded.
        """
        ...

    def order_fees(self) -> OrderFees:
        """A fresh accumulator, to be kept for as long as the order can still fill."""
        ...


class IndependentFills:
    """The order fees of a venue that rounds each fill by itself."""

    __slots__ = ("_schedule",)

    def __init__(self, schedule: FeeSchedule) -> None:
        self._schedule = schedule

    def fill(self, price: int, quantity: int, liquidity: Liquidity, action: Action) -> int:
        return self._schedule.fill_fee(price, quantity, liquidity)


class Dated(NamedTuple, Generic[T]):
    """Something that holds from `from_ns` until the next entry of its history."""

    from_ns: int
    value: T


def in_force(history: Sequence[Dated[T]], ts_ns: int, what: str) -> T:
    """The newest entry not after `ts_ns`; `history` is in ascending order.

    Raises UsageError before the first entry: a fee nobody published is not guessed.
    """
    for entry in reversed(history):
        if entry.from_ns <= ts_ns:
            return entry.value
    raise UsageError(
        f"no {what} are known for {_moment(ts_ns)}: the first we know hold from "
        f"{_moment(history[0].from_ns)}. Use later data, or state the fees of the market."
    )


def effective_ns(year: int, month: int, day: int) -> int:
    """00:00 in New York on a day of daylight saving time: venues publish days, never hours."""
    start = datetime(year, month, day, _EASTERN_DAYLIGHT_OFFSET_HOURS, tzinfo=UTC)
    return (start - _EPOCH) // timedelta(seconds=1) * NANOSECONDS_PER_SECOND


def parts(text: str, field: str) -> int:
    """`"0.07"` → 70 000. Raises Malformed (`bad_number`, `rate_out_of_range`)."""
    value = scaled(text, _PARTS_PLACES, field)
    if value < 0:
        raise Malformed("rate_out_of_range", field, f"{text!r} is negative")
    return value


def bad_fill(price: int, quantity: int) -> Malformed:
    """The refusal for a fill that cannot be."""
    return Malformed(
        "bad_fill",
        "price" if not 0 <= price <= PRICE_PER_DOLLAR else "quantity",
        f"{quantity} micro-contracts at {price}/10000 dollar is no fill",
    )


def _moment(ts_ns: int) -> str:
    return (_EPOCH + timedelta(seconds=ts_ns // NANOSECONDS_PER_SECOND)).strftime(
        "%Y-%m-%d %H:%M UTC"
    )
