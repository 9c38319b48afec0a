"""What the paper venue must be told: how late we are and how much doubt to fill with."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from kairos.domain.units import NANOSECONDS_PER_SECOND
from kairos.errors import UsageError

_LATENCY_NS_MAX: Final = 60 * NANOSECONDS_PER_SECOND


class FillModel(StrEnum):
    """How doubt about a fill is settled. The three together are the result: a range."""

    PESSIMISTIC = "pessimistic"
    REALISTIC = "realistic"
    OPTIMISTIC = "optimistic"


@dataclass(frozen=True, slots=True)
class PaperSettings:
    """Settings of one paper venue.

    Both latencies are on the receive clock (see docs/paper_venue.md): `latency_ns` from a decision
    to the first market data that could show the order, `report_latency_ns` from there to hearing
    of it. `cash` is the micro-dollars the account opens with; None means that the venue does not
    check the balance. Raises UsageError.
    """

    fill_model: FillModel
    latency_ns: int
    report_latency_ns: int
    minimum_quantity: int = 10_000  # Kalshi's granularity: 0.01 contract
    cash: int | None = None
    max_open_orders: int = 1_000  # in flight or resting
    max_finished_ids: int = 100_000  # how far back a reused client order id is noticed
    # How far apart a trade and the book change it caused may be heard, and how late a ticker,
    # which comes once a second, may repeat it.
    trade_window_ns: int = NANOSECONDS_PER_SECOND // 2
    ticker_window_ns: int = 2 * NANOSECONDS_PER_SECOND

    def __post_init__(self) -> None:
        _require("latency_ns", self.latency_ns, 0, _LATENCY_NS_MAX)
        _require("report_latency_ns", self.report_latency_ns, 0, _LATENCY_NS_MAX)
        _require("minimum_quantity", self.minimum_quantity, 1, 10**9)
        _require("max_open_orders", self.max_open_orders, 1, 100_000)
        _require("max_finished_ids", self.max_finished_ids, 1, 10_000_000)
        _require("trade_window_ns", self.trade_window_ns, 0, _LATENCY_NS_MAX)
        _require("ticker_window_ns", self.ticker_window_ns, 0, _LATENCY_NS_MAX)
        if self.cash is not None and self.cash < 0:
            raise UsageError(f"paper setting cash is {self.cash}: use 0 or more, or leave it out")

    @property
    def arrival_latency_ns(self) -> int:
        """From decision to arrival; the pessimist's orders and cancels take twice as long."""
        return self.latency_ns * (2 if self.fill_model is FillModel.PESSIMISTIC else 1)


def _require(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise UsageError(f"paper setting {name} is {value}: use {least} to {most}")
