"""The first look at an account that has a history: what it holds becomes our opening books.

Positions are taken over at what the venue's own executions say they cost. Where those do not add up
to the position, nothing is guessed: it is left out, and reconciliation reports it as a break.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol

from kairos.domain.fill import Fill
from kairos.domain.instruments import Action
from kairos.domain.lots import TimedFill, match_lots
from kairos.domain.units import PRICE_PER_DOLLAR
from kairos.errors import Corrupt
from kairos.messages.events import CashAdjusted, Event, PositionAdopted
from kairos.messages.trading import FillState, VenueFill, VenueOrder, VenuePosition
from kairos.ports import Clock, VenueTrading
from kairos.services.breaks import Instrument


class Adopter(Protocol):
    """Where orders of an earlier life are taken over; the gateway's `foreign` is one."""

    def booked_before(self, fill_ids: Iterable[str]) -> None: ...

    def adopt(self, order: VenueOrder, before: int) -> None: ...


class Opened(NamedTuple):
    """What was taken over, and the positions whose cost nobody knows."""

    positions: int
    orders: int
    unexplained: tuple[Instrument, ...]


async def open_account(
    trading: VenueTrading,
    clock: Clock,
    adopter: Adopter,
    inbox: Callable[[Event], None],
    *,
    cash: int,
    netting: bool,
    cash_excludes_resting: bool = False,
) -> Opened:
    """Take over cash, positions and resting orders before anything is sent.

    `cash` is what our books open with, micro-dollars; the difference is booked as brought in.
    `cash_excludes_resting`: the venue's balance is without what resting orders hold, which is ours
    all the same until they fill; what it may hold for their fees is not stated and not added.
    Raises what the venue raises: an account that cannot be read is not opened.
    """
    orders = await trading.open_orders()
    balance = await trading.balance()
    positions = await trading.positions()
    fills = await trading.fills(0)
    now_ns = clock.now_ns()
    theirs = balance.cash + (resting_cost(orders) if cash_excludes_resting else 0)
    if theirs != cash:
        inbox(CashAdjusted(now_ns, theirs - cash, "opening balance"))
    costs = opening_costs(positions, fills, netting=netting)
    for (market, outcome), (quantity, cost) in costs.items():
        inbox(PositionAdopted(now_ns, market, outcome, quantity, cost))
    adopter.booked_before(fill.fill_id for fill in fills)
    for order in orders:
        adopter.adopt(order, order.filled)
    held = [(each.market, each.outcome) for each in positions if each.quantity]
    return Opened(len(costs), len(orders), tuple(key for key in held if key not in costs))


def resting_cost(orders: Iterable[VenueOrder]) -> int:
    """Micro-dollars that the rest of these orders may take, as they are stated; sales take none."""
    return sum(
        -(-each.price * (each.quantity - each.filled) // PRICE_PER_DOLLAR)
        for each in orders
        if each.action is Action.BUY
    )


def opening_costs(
    positions: Sequence[VenuePosition], fills: Sequence[VenueFill], *, netting: bool
) -> dict[Instrument, tuple[int, int]]:
    """(quantity, cost without fees) of every position that its executions explain exactly."""
    by_market: defaultdict[str, list[TimedFill]] = defaultdict(list)
    for fill in fills:
        if fill.state is not FillState.VOID:
            by_market[fill.market].append(_timed(fill))
    return {
        (each.market, each.outcome): (each.quantity, cost)
        for each in positions
        if each.quantity
        and (cost := _cost(each, by_market[each.market], netting=netting)) is not None
    }


def _cost(position: VenuePosition, fills: list[TimedFill], *, netting: bool) -> int | None:
    try:
        lots = match_lots(fills, (), netting=netting).open
    except Corrupt:
        return None  # more was sold than these executions bought: they are not all
    mine = [lot for lot in lots if lot.outcome is position.outcome]
    if sum(lot.quantity for lot in mine) != position.quantity:
        return None
    return sum(lot.cost for lot in mine)


def _timed(fill: VenueFill) -> TimedFill:
    """Fees are no part of the cost here, so none is claimed."""
    booked = Fill(
        fill.fill_id, fill.market, fill.outcome, fill.action, fill.price, fill.quantity,
        fill.notional, fee=0,
    )  # fmt: skip
    return TimedFill(fill.venue_ns, booked)
