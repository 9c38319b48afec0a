"""A simulated Polymarket US market: one book, of LONG."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from kairos.domain.fees.polymarket_us import PolymarketUsFees, market_schedule
from kairos.domain.units import PRICE_PER_DOLLAR
from local.venues.core.matching import MarketBook
from local.venues.core.orders import Side
from local.venues.polymarket_us import text


class State(StrEnum):
    """The venue's words; only OPEN matches continuously."""

    OPEN = "MARKET_STATE_OPEN"
    PREOPEN = "MARKET_STATE_PREOPEN"
    SUSPENDED = "MARKET_STATE_SUSPENDED"
    HALTED = "MARKET_STATE_HALTED"
    EXPIRED = "MARKET_STATE_EXPIRED"
    TERMINATED = "MARKET_STATE_TERMINATED"
    CLOSED = "MARKET_STATE_CLOSED"


@dataclass(frozen=True, slots=True)
class MarketSpec:
    """One market as it is listed. `tick` in 1/10 000 dollar, `least` micro-contracts,
    `fee_coefficient` decimal text of what takers pay."""

    slug: str
    title: str
    open_ns: int
    close_ns: int
    tick: int = 100
    least: int = 1_000_000
    fee_coefficient: str = "0.0695"
    labels: tuple[str, str] = ("Yes", "No")
    category: str = "crypto"


@dataclass(slots=True, eq=False)
class Market:
    """A market's changing part."""

    spec: MarketSpec
    number: int
    trade_ids: Callable[[], str] = field(repr=False)
    fees: PolymarketUsFees = field(init=False)
    state: State = State.PREOPEN
    last_price: int | None = None
    high: int = 0
    low: int = PRICE_PER_DOLLAR
    traded: int = 0
    settled: int | None = None
    changed_ns: int = 0
    book: MarketBook = field(init=False)

    def __post_init__(self) -> None:
        self.book = MarketBook(self.spec.slug, self.trade_ids)
        self.fees = market_schedule(self.spec.fee_coefficient, self.spec.open_ns)
        self.changed_ns = self.spec.open_ns

    @property
    def slug(self) -> str:
        return self.spec.slug

    @property
    def is_trading(self) -> bool:
        return self.state is State.OPEN

    def levels(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """(bids, offers) in LONG prices, best first."""
        bids, against = self.book.levels(0), self.book.levels(1)
        offers = [(PRICE_PER_DOLLAR - price, quantity) for price, quantity in reversed(against)]
        return list(reversed(bids)), offers

    def top(self) -> tuple[int | None, int | None]:
        return self.book.best(Side.BID), self.book.best(Side.ASK)

    def note_trade(self, price: int, quantity: int) -> None:
        self.last_price, self.traded = price, self.traded + quantity
        self.high, self.low = max(self.high, price), min(self.low, price)

    # --- how it is told -----------------------------------------------------------------------

    def data(self) -> dict[str, Any]:
        """The whole book, as the websocket and the gateway have it."""
        bids, offers = self.levels()
        return {
            "marketSlug": self.slug,
            "bids": [{"px": text.price(p), "qty": text.size(q)} for p, q in bids],
            "offers": [{"px": text.price(p), "qty": text.size(q)} for p, q in offers],
            "state": self.state.value,
            "stats": self._stats(),
            "transactTime": text.moment(self.changed_ns),
        }

    def _stats(self) -> dict[str, Any]:
        stats: dict[str, Any] = {"sharesTraded": text.size(self.traded), "openInterest": "0"}
        if self.last_price is not None:
            stats |= {
                "lastTradePx": text.price(self.last_price),
                "highPx": text.price(self.high),
                "lowPx": text.price(self.low),
            }
        return stats

    def lite(self) -> dict[str, Any]:
        bid, ask = self.top()
        return {
            "marketSlug": self.slug,
            "bestBid": None if bid is None else text.price(bid),
            "bestAsk": None if ask is None else text.price(ask),
            "lastTradePx": None if self.last_price is None else text.price(self.last_price),
        }

    def listing(self) -> dict[str, Any]:
        """As `/v1/markets` has it."""
        spec = self.spec
        is_closed = self.state in (State.CLOSED, State.EXPIRED, State.TERMINATED)
        sides = [{"long": True, "description": spec.labels[0]},
                 {"long": False, "description": spec.labels[1]}]  # fmt: skip
        return {
            "id": self.number,
            "slug": spec.slug,
            "title": spec.title,
            "question": spec.title,
            "status": "MARKET_STATUS_OPEN" if self.is_trading else "MARKET_STATUS_CLOSED",
            "active": not is_closed,
            "closed": is_closed,
            "category": spec.category,
            "eventSlug": spec.slug,
            "orderPriceMinTickSize": spec.tick / PRICE_PER_DOLLAR,
            "minimumTradeQty": text.number(spec.least),
            "feeCoefficient": float(spec.fee_coefficient),
            "startDate": text.moment(spec.open_ns),
            "endDate": text.moment(spec.close_ns),
            "marketSides": sides,
        }
