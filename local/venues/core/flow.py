"""Who else trades at a simulated venue: seeded participants around a fair value, or a recording.

A flow is asked to act when its time has come; it places and cancels orders through `FlowDesk`, the
same way members do, and therefore stands in the same queues.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from kairos.domain.grid import PriceGrid
from kairos.domain.instruments import NO_LEG, YES_LEG, Action, Outcome
from kairos.domain.units import NANOSECONDS_PER_SECOND, PRICE_PER_DOLLAR, QUANTITY_PER_CONTRACT
from kairos.errors import VenueRefused
from kairos.messages.commands import TimeInForce
from local.market_generator.chance import Chance
from local.venues.core.matching import MarketBook
from local.venues.core.orders import BookEvent, Ending, Order, SelfTrade, Side

FLOW_OWNER: Final = "others"
LEVELS_PER_LEG: Final = 6
_SIZES: Final = (5, 10, 10, 25, 40, 50, 81, 100, 100, 150, 200, 320, 500)
_TAKEN: Final = (1, 1, 1, 2, 3, 3, 5, 7, 10, 10, 15, 20, 30, 40, 61, 100, 200)
_TAKE_SHARE: Final = 0.08
_ODD_SHARE: Final = 0.25
_ACTIONS_PER_TURN_MAX: Final = 10_000
_LEGS: Final = (YES_LEG, NO_LEG)
# A trade and the change it made are told within this of each other.
_SETTLES_NS: Final = NANOSECONDS_PER_SECOND // 5
_NEVER_NS: Final = 2**63 - 1
OUTCOMES: Final = (Outcome.YES, Outcome.NO)
# Takers are somebody else than makers; makers never trade with each other's stale quotes.
_SELF_TRADES: Final = (SelfTrade.ALLOW, SelfTrade.MAKER)

# market, time -> probability of YES
FairValue = Callable[[str, int], float]


class FlowDesk:
    """The other participants' way into a venue's books; a refusal is None, never an error.

    `on_events` is told everything that happens to a market, members' fills included.
    """

    def __init__(
        self, books: Mapping[str, MarketBook], on_events: Callable[[str, list[BookEvent]], None]
    ) -> None:
        self._books = books
        self._on_events = on_events
        self._placed = 0

    def place(
        self,
        market: str,
        outcome: Outcome,
        price: int,
        quantity: int,
        tif: TimeInForce,
        now_ns: int,
    ) -> str | None:
        """Buy; the id of the order when it rests, else None."""
        self._placed += 1
        order = Order(
            f"flow-{market}-{self._placed}", FLOW_OWNER, outcome, Action.BUY, price, quantity,
            tif, now_ns, self_trade=_SELF_TRADES[tif is TimeInForce.GTC],
        )  # fmt: skip
        try:
            events = self._books[market].submit(order, now_ns)
        except VenueRefused:
            return None
        self._on_events(market, events)
        return order.order_id if order.remaining and tif is TimeInForce.GTC else None

    def cancel(self, market: str, order_id: str, now_ns: int) -> None:
        book = self._books[market]
        if order_id in book.orders:
            self._on_events(market, book.cancel(order_id, now_ns, Ending.CANCELED))

    def reduce(self, market: str, order_id: str, by: int, now_ns: int) -> None:
        """Make a resting order smaller; it keeps its place."""
        book = self._books[market]
        if by > 0 and order_id in book.orders:
            self._on_events(market, book.decrease(order_id, by, now_ns))

    def resting(self, market: str, order_id: str) -> int:
        """What is left of an order; 0 when it has ended."""
        order = self._books[market].orders.get(order_id)
        return 0 if order is None else order.remaining

    def best(self, market: str, leg: int) -> int | None:
        """The best bid of a leg in its own units."""
        side = Side.BID if leg == YES_LEG else Side.ASK
        price = self._books[market].best(side)
        return PRICE_PER_DOLLAR - price if price is not None and leg != YES_LEG else price


class Flow(Protocol):
    """One market's other participants. `next_ns` is when they want to act again."""

    next_ns: int

    def act(self, now_ns: int) -> None: ...

    def stop(self, now_ns: int) -> None:
        """Withdraw everything: the market ends."""
        ...


@dataclass(frozen=True, slots=True)
class FlowSettings:
    """`margin` is half the makers' spread in price units; `step_quantity` the market's grid."""

    actions_per_second: float
    margin: int = 100
    step_quantity: int = QUANTITY_PER_CONTRACT // 100


class _Quote(NamedTuple):
    order_id: str
    price: int


class SeededFlow:
    """Makers on both legs around a fair value, and takers who cross now and then."""

    def __init__(
        self, market: str, grid: PriceGrid, fair: FairValue, desk: FlowDesk,
        settings: FlowSettings, chance: Chance, start_ns: int,
    ) -> None:  # fmt: skip
        self.market = market
        self.next_ns = start_ns
        self._prices = (grid.yes_price, grid.no_price)
        self._fair = fair
        self._desk = desk
        self._settings = settings
        self._chance = chance
        self._error = 0.0
        self._quotes: dict[tuple[int, int], _Quote] = {}

    def act(self, now_ns: int) -> None:
        """Everything that is due up to now, oldest first; what is too much is skipped."""
        if not self._quotes:
            self._open(self.next_ns)
        for _ in range(_ACTIONS_PER_TURN_MAX):
            if self.next_ns > now_ns:
                return
            self._one(self.next_ns)
            self.next_ns += 1_000 + self._chance.wait(
                NANOSECONDS_PER_SECOND / self._settings.actions_per_second
            )
        self.next_ns = now_ns

    def stop(self, now_ns: int) -> None:
        for quote in self._quotes.values():
            self._desk.cancel(self.market, quote.order_id, now_ns)
        self._quotes.clear()

    def _open(self, now_ns: int) -> None:
        for offset in range(LEVELS_PER_LEG):
            for leg in _LEGS:
                self._requote(leg, offset, now_ns)

    def _one(self, now_ns: int) -> None:
        if self._chance.happens(_TAKE_SHARE):
            self._take(now_ns)
            return
        # Front levels are moved most; a square prefers small offsets.
        draw = self._chance.uniform()
        self._requote(self._chance.between(0, 2), int(draw * draw * LEVELS_PER_LEG), now_ns)

    def _believed(self, now_ns: int) -> float:
        self._error = 0.98 * self._error + 0.0008 * self._chance.normal()
        fair = self._fair(self.market, now_ns)
        return min(0.999, max(0.001, fair + 4 * self._error * fair * (1 - fair)))

    def _target(self, leg: int, now_ns: int) -> int:
        """The slot of the leg's best bid that the makers' opinion allows; -1 for none."""
        fair = self._believed(now_ns)
        value = fair if leg == YES_LEG else 1 - fair
        limit = int(value * PRICE_PER_DOLLAR) - self._settings.margin
        facing = self._desk.best(self.market, 1 - leg)
        if facing is not None:
            limit = min(limit, PRICE_PER_DOLLAR - facing - 1)
        return _last_at_most(self._prices[leg], limit)

    def _requote(self, leg: int, offset: int, now_ns: int) -> None:
        key = (leg, offset)
        wanted = self._target(leg, now_ns) - offset
        old = self._quotes.pop(key, None)
        if old is not None:
            self._desk.cancel(self.market, old.order_id, now_ns)
        if wanted < 0:
            return
        price = self._prices[leg][wanted]
        order_id = self._buy(leg, price, self._size(_SIZES), TimeInForce.GTC, now_ns)
        if order_id is not None:
            self._quotes[key] = _Quote(order_id, price)

    def _take(self, now_ns: int) -> None:
        leg = self._chance.between(0, 2)
        facing = self._desk.best(self.market, 1 - leg)
        if facing is not None:
            price = PRICE_PER_DOLLAR - facing
            self._buy(leg, price, self._size(_TAKEN), TimeInForce.IOC, now_ns)

    def _buy(
        self, leg: int, price: int, quantity: int, tif: TimeInForce, now_ns: int
    ) -> str | None:
        return self._desk.place(self.market, OUTCOMES[leg], price, quantity, tif, now_ns)

    def _size(self, options: tuple[int, ...]) -> int:
        """Mostly whole contracts, sometimes an odd fraction, always on the market's grid."""
        quantity = self._chance.pick(options) * QUANTITY_PER_CONTRACT
        if self._chance.happens(_ODD_SHARE):
            quantity = int(quantity * (0.2 + 0.8 * self._chance.uniform()))
        step = self._settings.step_quantity
        return max(step, quantity - quantity % step)


class Level(NamedTuple):
    """A recorded level: bids of `leg` at `price` add up to `quantity` from `ts_ns` on."""

    ts_ns: int
    leg: int
    price: int
    quantity: int


class Print(NamedTuple):
    """A recorded trade: somebody bought `leg` at `price` (the leg's own units)."""

    ts_ns: int
    leg: int
    price: int
    quantity: int


class ReplayFlow:
    """A recorded market as the flow: the same levels rest and the same trades happen here.

    A member's order in between is really in the queue: a recorded trade fills it when its turn
    comes. Recordings tell a trade and the change it made one after the other, in either order, so
    a level that was traded at is brought back to what was recorded a moment later.
    """

    def __init__(self, market: str, recorded: Iterable[Level | Print], desk: FlowDesk) -> None:
        self.market = market
        self.next_ns = 0
        self._desk = desk
        self._steps = iter(recorded)
        self._next: Level | Print | None = None
        self._resting: dict[tuple[int, int], list[str]] = {}
        self._recorded: dict[tuple[int, int], int] = {}
        self._traded: dict[tuple[int, int], int] = {}
        self._advance()

    def act(self, now_ns: int) -> None:
        while self._next is not None and self._next.ts_ns <= now_ns:
            step = self._next
            self._heal(step.ts_ns)
            if isinstance(step, Print):
                self._print(step)
            else:
                self._traded.pop((step.leg, step.price), None)
                self._set_level(step)
            self._advance()
        self._heal(now_ns)
        self._plan()

    def stop(self, now_ns: int) -> None:
        for orders in self._resting.values():
            for order_id in orders:
                self._desk.cancel(self.market, order_id, now_ns)
        self._resting.clear()
        self._traded.clear()
        self._next = None

    def _print(self, step: Print) -> None:
        self._desk.place(
            self.market, OUTCOMES[step.leg], step.price, step.quantity,
            TimeInForce.IOC, step.ts_ns,
        )  # fmt: skip
        self._traded[(1 - step.leg, PRICE_PER_DOLLAR - step.price)] = step.ts_ns

    def _heal(self, now_ns: int) -> None:
        """Set levels that were traded at, and of which nothing was said since, as recorded."""
        due = [key for key, ts_ns in self._traded.items() if ts_ns + _SETTLES_NS <= now_ns]
        for key in due:
            del self._traded[key]
            self._set_level(Level(now_ns, *key, self._recorded.get(key, 0)))

    def _set_level(self, step: Level) -> None:
        """Add at the back of the queue, or take away from the back."""
        self._recorded[(step.leg, step.price)] = step.quantity
        orders = self._resting.pop((step.leg, step.price), [])
        left = {o: quantity for o in orders if (quantity := self._desk.resting(self.market, o))}
        excess = sum(left.values()) - step.quantity
        for order_id, quantity in reversed(left.items()):
            taken = min(quantity, max(0, excess))
            self._desk.reduce(self.market, order_id, taken, step.ts_ns)
            excess -= taken
        kept = [o for o in left if self._desk.resting(self.market, o)]
        if excess < 0 and (added := self._add(step, -excess)) is not None:
            kept.append(added)
        if kept:
            self._resting[(step.leg, step.price)] = kept

    def _add(self, step: Level, quantity: int) -> str | None:
        outcome = OUTCOMES[step.leg]
        return self._desk.place(
            self.market, outcome, step.price, quantity, TimeInForce.GTC, step.ts_ns
        )

    def _advance(self) -> None:
        self._next = next(self._steps, None)
        self._plan()

    def _plan(self) -> None:
        coming = [] if self._next is None else [self._next.ts_ns]
        coming += [ts_ns + _SETTLES_NS for ts_ns in self._traded.values()]
        self.next_ns = min(coming, default=_NEVER_NS)


def _last_at_most(prices: list[int], limit: int) -> int:
    low, high = 0, len(prices)
    while low < high:
        middle = (low + high) // 2
        if prices[middle] <= limit:
            low = middle + 1
        else:
            high = middle
    return low - 1
