"""The taker fee per contract at each price, looked up once and remembered for the hot loop."""

from __future__ import annotations

from kairos.domain.fees.schedule import FeeSchedule
from kairos.domain.instruments import Liquidity
from kairos.domain.units import CASH_PER_DOLLAR, QUANTITY_PER_CONTRACT


class FeeTable(dict[int, float]):
    """Price → dollars per contract for an order of `quantity`. At most one entry per price."""

    def __init__(self, schedule: FeeSchedule, quantity: int) -> None:
        super().__init__()
        self._schedule = schedule
        self._quantity = quantity

    def __missing__(self, price: int) -> float:
        fee = self._schedule.fill_fee(price, self._quantity, Liquidity.TAKER)
        per_contract = fee / CASH_PER_DOLLAR / (self._quantity / QUANTITY_PER_CONTRACT)
        self[price] = per_contract
        return per_contract
