"""Why a venue does not take an order, in the order in which it looks."""

from __future__ import annotations

from hotpath.paper.desk import Desk
from hotpath.paper.holdings import Holdings
from hotpath.paper.orders import PaperOrder
from hotpath.paper.reasons import Refusal
from kairos.domain.book import BinaryBook
from kairos.domain.fees.schedule import FeeSchedule
from kairos.domain.grid import PriceGrid
from kairos.domain.instruments import Liquidity, Outcome
from kairos.domain.units import PRICE_PER_DOLLAR
from kairos.messages.commands import SubmitOrder, TimeInForce


def malformed(command: SubmitOrder, grid: PriceGrid, minimum_quantity: int) -> Refusal | None:
    """What no book and no account could make acceptable."""
    if command.quantity <= 0 or command.quantity % minimum_quantity:
        return Refusal.BAD_QUANTITY
    if not _on_grid(command, grid):
        return Refusal.PRICE_OFF_GRID
    if command.reduce_only and command.time_in_force is not TimeInForce.IOC:
        return Refusal.REDUCE_ONLY_WITHOUT_IOC
    return None


def _on_grid(command: SubmitOrder, grid: PriceGrid) -> bool:
    if not 0 < command.price < PRICE_PER_DOLLAR:
        return False
    slots = grid.yes_slot if command.outcome is Outcome.YES else grid.no_slot
    return slots[command.price] >= 0


def unacceptable(
    order: PaperOrder, desk: Desk, book: BinaryBook, holdings: Holdings, fees: FeeSchedule
) -> Refusal | None:
    """What the book and the account say against a well-formed order."""
    if order.command.reduce_only and not holdings.reducible(order):
        return Refusal.INSUFFICIENT_POSITION
    if order.command.post_only and desk.would_cross(order, book):
        return Refusal.POST_ONLY_WOULD_CROSS
    if holdings.cash is not None and not _affordable(order, desk, holdings, fees):
        return Refusal.INSUFFICIENT_BALANCE
    return None


def _affordable(order: PaperOrder, desk: Desk, holdings: Holdings, fees: FeeSchedule) -> bool:
    command = order.command
    fee = fees.fill_fee(command.price, command.quantity, Liquidity.TAKER)
    return holdings.affordable(order, desk.resting_beside(order), fee)
