"""What rests in a simulated book and what matching says about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from kairos.domain.instruments import Action, Liquidity, Outcome
from kairos.domain.units import PRICE_PER_DOLLAR
from kairos.messages.commands import TimeInForce


class SelfTrade(StrEnum):
    """What happens when both orders of a match have one owner."""

    TAKER_AT_CROSS = "taker_at_cross"  # what is left of the incoming order ends
    MAKER = "maker"  # the resting order ends, matching goes on
    ALLOW = "allow"


class Ending(StrEnum):
    """Why nothing more will happen to an order."""

    FILLED = "filled"
    CANCELED = "canceled"
    DECREASED = "decreased"
    EXPIRED = "expired"
    NOT_FILLED = "not_filled"  # what an immediate order could not get
    KILLED = "killed"  # fill or kill, and it could not be filled whole
    POST_ONLY_CROSS = "post_only_cross"
    SELF_TRADE = "self_trade"
    REDUCE_ONLY = "reduce_only"
    MARKET_CLOSED = "market_closed"
    PAUSED = "paused"
    GROUP_TRIGGERED = "group_triggered"


class Side(StrEnum):
    """The side of the YES book: buying YES or selling NO is a bid, the others are asks."""

    BID = "bid"
    ASK = "ask"

    @property
    def other(self) -> Side:
        return Side.ASK if self is Side.BID else Side.BID


@dataclass(slots=True, eq=False)
class Order:
    """One order. `price` is in the outcome's own units; `quantity` is everything ever asked for.

    `ending` is None while it can still trade. `tag` is the venue's own record of the order.
    """

    order_id: str
    owner: str
    outcome: Outcome
    action: Action
    price: int
    quantity: int
    time_in_force: TimeInForce
    created_ns: int
    expires_ns: int | None = None
    post_only: bool = False
    self_trade: SelfTrade = SelfTrade.TAKER_AT_CROSS
    filled: int = 0
    ending: Ending | None = None
    tag: Any = field(default=None, repr=False)
    priority: int = 0

    @property
    def remaining(self) -> int:
        """What can still trade; 0 once the order has ended."""
        return 0 if self.ending is not None else self.quantity - self.filled

    @property
    def side(self) -> Side:
        buys_yes = (self.outcome is Outcome.YES) is (self.action is Action.BUY)
        return Side.BID if buys_yes else Side.ASK

    @property
    def yes_price(self) -> int:
        return self.price if self.outcome is Outcome.YES else PRICE_PER_DOLLAR - self.price


@dataclass(frozen=True, slots=True)
class Match:
    """One trade, at the resting order's price. `yes_price` is in YES units."""

    ts_ns: int
    trade_id: str
    market: str
    taker: Order
    maker: Order
    yes_price: int
    quantity: int

    def order(self, liquidity: Liquidity) -> Order:
        return self.taker if liquidity is Liquidity.TAKER else self.maker

    def price_of(self, order: Order) -> int:
        """What the order traded at, in its own outcome's units."""
        yes = order.outcome is Outcome.YES
        return self.yes_price if yes else PRICE_PER_DOLLAR - self.yes_price


@dataclass(frozen=True, slots=True)
class Rested:
    """An order entered the book, anew or again after it lost its priority."""

    ts_ns: int
    market: str
    order: Order
    quantity: int


@dataclass(frozen=True, slots=True)
class Ended:
    """An order ended with `quantity` of it never traded."""

    ts_ns: int
    market: str
    order: Order
    ending: Ending
    quantity: int


@dataclass(frozen=True, slots=True)
class Reduced:
    """A resting order became smaller by `quantity` and keeps its place."""

    ts_ns: int
    market: str
    order: Order
    quantity: int


@dataclass(frozen=True, slots=True)
class LevelChanged:
    """Resting quantity changed: bids of `leg` at `price` in the leg's own units.

    `order` is whose doing it was.
    """

    ts_ns: int
    market: str
    leg: int
    price: int
    change: int
    order: Order


BookEvent = Match | Rested | Ended | Reduced | LevelChanged
