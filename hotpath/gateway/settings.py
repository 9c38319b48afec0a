"""How long a gateway waits for proof, and how much it takes on at once."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum

from kairos.errors import UsageError


class ForeignOrders(StrEnum):
    """What to do about orders at the venue that nobody here placed; they are reported either way.

    Adopted orders count as ours and may be canceled. Those left alone only have their fills booked,
    because the account's cash and positions follow from them whoever placed the order.
    """

    ADOPT = "adopt"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """Times are seconds. Every number must be more than 0.

    `settle_seconds`: a request that was given up may still reach the venue; only after this long
    does "there is no such order" prove that it never will. `clock_skew_seconds`: how far the
    venue's clock may be from ours when its fills are matched with our orders.
    """

    foreign: ForeignOrders
    requests_max: int = 64  # orders in flight at once
    orders_max: int = 10_000  # orders that have not ended
    ended_max: int = 10_000  # ended orders that late reports may concern; as the account keeps
    orphans_max: int = 1_000  # facts that wait for the order they are about
    answer_seconds: float = 5.0  # for the answer to an order, a cancel or a question
    settle_seconds: float = 10.0
    clock_skew_seconds: float = 5.0
    look_first_seconds: float = 0.25
    look_every_seconds_max: float = 8.0
    looks_max: int = 20  # then it is a break, and reconciliation goes on asking
    cancels_max: int = 8
    absences: int = 2  # times in a row that the venue must say it has no such order

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, int | float) and value <= 0:
                raise UsageError(f"gateway.{field.name} is {value}: use more than 0")

    def pause(self, attempt: int) -> float:
        """Seconds before question number `attempt`, counted from 0."""
        return min(self.look_first_seconds * 2.0 ** min(attempt, 30), self.look_every_seconds_max)
