"""Price-time priority matching of one binary market, so that simulated fills are earned.

The book is kept in YES prices: who buys NO at 40 cents sells YES at 60. Every method returns what
happened, in order; nothing is kept about orders that have ended.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from kairos.domain.instruments import NO_LEG, YES_LEG, Outcome
from kairos.domain.refusals import REMEDIES, Refusal
from kairos.domain.units import PRICE_PER_DOLLAR
from kairos.errors import VenueRefused
from kairos.messages.commands import TimeInForce
from local.venues.core.orders import (
    BookEvent,
    Ended,
    Ending,
    LevelChanged,
    Match,
    Order,
    Reduced,
    Rested,
    SelfTrade,
    Side,
)

ORDERS_MAX: Final = 200_000
_IMMEDIATE: Final = (TimeInForce.IOC, TimeInForce.FOK)


def refused(reason: Refusal, detail: str) -> VenueRefused:
    """What a simulated venue raises inside; each server writes it in the venue's own words."""
    return VenueRefused("simulator", reason, detail, REMEDIES[reason])


class _Ladder:
    """One side: prices ascending, and the orders of each price, oldest first."""

    __slots__ = ("levels", "prices", "totals")

    def __init__(self) -> None:
        self.prices: list[int] = []
        self.levels: dict[int, dict[str, Order]] = {}
        self.totals: dict[int, int] = {}

    def add(self, order: Order) -> None:
        price = order.yes_price
        if price not in self.levels:
            insort(self.prices, price)
            self.levels[price] = {}
            self.totals[price] = 0
        self.levels[price][order.order_id] = order
        self.totals[price] += order.remaining

    def shrink(self, price: int, quantity: int) -> None:
        self.totals[price] -= quantity

    def drop(self, order: Order) -> None:
        price = order.yes_price
        level = self.levels[price]
        del level[order.order_id]
        if not level:
            del self.levels[price], self.totals[price]
            self.prices.pop(bisect_left(self.prices, price))


class MarketBook:
    """One market. Trade ids come from `trade_ids`; times are given, never read."""

    def __init__(
        self, market: str, trade_ids: Callable[[], str], orders_max: int = ORDERS_MAX
    ) -> None:
        self.market = market
        self.orders: dict[str, Order] = {}
        self._trade_ids = trade_ids
        self._orders_max = orders_max
        self._sides = {Side.BID: _Ladder(), Side.ASK: _Ladder()}
        self._entered = 0
        self._expiring: dict[str, Order] = {}

    # --- looking ------------------------------------------------------------------------------

    def best(self, side: Side) -> int | None:
        """The best YES price of a side, None when it is empty."""
        prices = self._sides[side].prices
        if not prices:
            return None
        return prices[-1] if side is Side.BID else prices[0]

    def levels(self, leg: int) -> list[tuple[int, int]]:
        """Bids of a leg as (price in its own units, quantity), ascending: the best is last."""
        if leg == YES_LEG:
            ladder = self._sides[Side.BID]
            return [(price, ladder.totals[price]) for price in ladder.prices]
        ladder = self._sides[Side.ASK]
        return [
            (PRICE_PER_DOLLAR - price, ladder.totals[price]) for price in reversed(ladder.prices)
        ]

    def quantity_at(self, side: Side, yes_price: int) -> int:
        return self._sides[side].totals.get(yes_price, 0)

    def queue(self, side: Side, yes_price: int) -> Iterator[Order]:
        """The orders of a level, first to be filled first."""
        return iter(self._sides[side].levels.get(yes_price, {}).values())

    def ahead_of(self, order: Order) -> int:
        """Micro-contracts that will trade before the order does, at its own price."""
        ahead = 0
        for other in self.queue(order.side, order.yes_price):
            if other is order:
                return ahead
            ahead += other.remaining
        return ahead

    def would_cross(self, side: Side, yes_price: int) -> bool:
        facing = self.best(side.other)
        return facing is not None and _meets(side, yes_price, facing)

    # --- orders -------------------------------------------------------------------------------

    def submit(self, order: Order, now_ns: int, reducible: int | None = None) -> list[BookEvent]:
        """Match the order and let the rest of it rest, if it may.

        `reducible` is set for reduce-only orders: more than this much is cut off. Raises
        VenueRefused for an id that rests already, a price or size that cannot be, a full book.
        """
        self._check(order)
        if order.expires_ns is not None and order.expires_ns <= now_ns:
            return [self._end(order, Ending.EXPIRED, now_ns)]
        if reducible is not None and reducible <= 0:
            return [self._end(order, Ending.REDUCE_ONLY, now_ns)]
        if order.post_only and self.would_cross(order.side, order.yes_price):
            return [self._end(order, Ending.POST_ONLY_CROSS, now_ns)]
        if order.time_in_force is TimeInForce.FOK and not self._can_fill(order, reducible):
            return [self._end(order, Ending.KILLED, now_ns)]
        events: list[BookEvent] = []
        self._match(order, now_ns, reducible, events)
        self._rest_or_end(order, now_ns, reducible is not None, events)
        return events

    def cancel(self, order_id: str, now_ns: int, ending: Ending) -> list[BookEvent]:
        """End a resting order. Raises VenueRefused (NOT_FOUND) when it does not rest here."""
        order = self._resting(order_id)
        level = self._withdraw(order, now_ns)
        return [self._end(order, ending, now_ns), level]

    def cancel_where(
        self, matches: Callable[[Order], bool], now_ns: int, ending: Ending
    ) -> list[BookEvent]:
        """End every resting order that matches, oldest first."""
        chosen = [order for order in self.orders.values() if matches(order)]
        return _flat(self.cancel(order.order_id, now_ns, ending) for order in chosen)

    def decrease(self, order_id: str, by: int, now_ns: int) -> list[BookEvent]:
        """Make a resting order smaller where it is; down to nothing ends it."""
        order = self._resting(order_id)
        if by <= 0:
            raise refused(Refusal.INVALID_REQUEST, f"cannot decrease by {by}")
        if by >= order.remaining:
            return self.cancel(order_id, now_ns, Ending.DECREASED)
        order.quantity -= by
        self._sides[order.side].shrink(order.yes_price, by)
        return [
            Reduced(now_ns, self.market, order, by),
            self._level(order.side, order.yes_price, -by, order, now_ns),
        ]

    def amend(self, order_id: str, price: int, quantity: int, now_ns: int) -> list[BookEvent]:
        """Change price (own units) or whole size (filled plus resting) of a resting order.

        Smaller at the same price keeps its place; anything else goes to the back and may trade.
        """
        order = self._resting(order_id)
        if not 0 < price < PRICE_PER_DOLLAR:
            raise refused(Refusal.PRICE_OFF_GRID, f"price {price}")
        if quantity <= order.filled:
            return self.cancel(order_id, now_ns, Ending.DECREASED)
        if price == order.price and quantity <= order.quantity:
            by = order.quantity - quantity
            return self.decrease(order_id, by, now_ns) if by else []
        if order.post_only and self.would_cross(order.side, _yes(order, price)):
            raise refused(Refusal.POST_ONLY_CROSSED, "the amended price would cross")
        return self._enter_again(order, price, quantity, now_ns)

    def set_expiry(self, order_id: str, expires_ns: int | None) -> None:
        """Change only when a resting order ends; it keeps its place."""
        order = self._resting(order_id)
        order.expires_ns = expires_ns
        self._note_expiry(order)

    def expire(self, now_ns: int) -> list[BookEvent]:
        """End every resting order whose time is at or before `now_ns`."""
        due = [o for o in self._expiring.values() if (o.expires_ns or 0) <= now_ns]
        return _flat(self.cancel(order.order_id, now_ns, Ending.EXPIRED) for order in due)

    # --- inside -------------------------------------------------------------------------------

    def _check(self, order: Order) -> None:
        if order.order_id in self.orders:
            raise refused(Refusal.ALREADY_PLACED, order.order_id)
        if not 0 < order.price < PRICE_PER_DOLLAR:
            raise refused(Refusal.PRICE_OFF_GRID, f"price {order.price}")
        if order.quantity <= 0:
            raise refused(Refusal.SIZE_BELOW_MINIMUM, f"quantity {order.quantity}")
        if len(self.orders) >= self._orders_max:
            raise refused(Refusal.INVALID_REQUEST, "the market has too many resting orders")

    def _resting(self, order_id: str) -> Order:
        order = self.orders.get(order_id)
        if order is None:
            raise refused(Refusal.NOT_FOUND, order_id)
        return order

    def _can_fill(self, order: Order, reducible: int | None) -> bool:
        """Whether all of a fill-or-kill order would trade at once."""
        wanted = order.remaining
        if reducible is not None and reducible < wanted:
            return False
        for resting in self._facing(order):
            if _is_own(order, resting):
                if order.self_trade is SelfTrade.TAKER_AT_CROSS:
                    return False
                continue
            wanted -= resting.remaining
            if wanted <= 0:
                return True
        return False

    def _facing(self, order: Order) -> Iterator[Order]:
        """Everything the order would meet, in the order it would meet it."""
        ladder = self._sides[order.side.other]
        prices = ladder.prices if order.side is Side.BID else reversed(ladder.prices)
        for price in prices:
            if not _meets(order.side, order.yes_price, price):
                return
            yield from ladder.levels[price].values()

    def _match(
        self, order: Order, now_ns: int, reducible: int | None, events: list[BookEvent]
    ) -> None:
        side, limit = order.side, order.yes_price
        left = order.remaining if reducible is None else min(order.remaining, reducible)
        while left > 0:
            facing = self.best(side.other)
            if facing is None or not _meets(side, limit, facing):
                return
            resting = next(self.queue(side.other, facing))
            if _is_own(order, resting):
                if self._prevent_self_trade(order, resting, now_ns, events):
                    return
                continue
            left -= self._trade(order, resting, min(left, resting.remaining), now_ns, events)

    def _prevent_self_trade(
        self, order: Order, resting: Order, now_ns: int, events: list[BookEvent]
    ) -> bool:
        """True when the incoming order is what ends."""
        if order.self_trade is SelfTrade.MAKER:
            events.extend(self.cancel(resting.order_id, now_ns, Ending.SELF_TRADE))
            return False
        events.append(self._end(order, Ending.SELF_TRADE, now_ns))
        return True

    def _trade(
        self, taker: Order, maker: Order, quantity: int, now_ns: int, events: list[BookEvent]
    ) -> int:
        side, price = maker.side, maker.yes_price
        self._sides[side].shrink(price, quantity)
        taker.filled += quantity
        maker.filled += quantity
        events.append(Match(now_ns, self._trade_ids(), self.market, taker, maker, price, quantity))
        if not maker.remaining:
            self._forget(maker)
            events.append(self._end(maker, Ending.FILLED, now_ns))
        events.append(self._level(side, price, -quantity, maker, now_ns))
        return quantity

    def _rest_or_end(
        self, order: Order, now_ns: int, is_reduce_only: bool, events: list[BookEvent]
    ) -> None:
        if order.ending is not None:
            return
        if not order.remaining:
            events.append(self._end(order, Ending.FILLED, now_ns))
        elif order.time_in_force in _IMMEDIATE:
            events.append(self._end(order, Ending.NOT_FILLED, now_ns))
        elif is_reduce_only:
            events.append(self._end(order, Ending.REDUCE_ONLY, now_ns))
        else:
            self._rest(order, now_ns, events)

    def _rest(self, order: Order, now_ns: int, events: list[BookEvent]) -> None:
        self._entered += 1
        order.priority = self._entered
        self.orders[order.order_id] = order
        self._note_expiry(order)
        self._sides[order.side].add(order)
        events.append(Rested(now_ns, self.market, order, order.remaining))
        events.append(self._level(order.side, order.yes_price, order.remaining, order, now_ns))

    def _enter_again(self, order: Order, price: int, quantity: int, now_ns: int) -> list[BookEvent]:
        events: list[BookEvent] = [self._withdraw(order, now_ns)]
        order.price, order.quantity = price, quantity
        self._match(order, now_ns, None, events)
        self._rest_or_end(order, now_ns, False, events)
        return events

    def _withdraw(self, order: Order, now_ns: int) -> LevelChanged:
        side, price, left = order.side, order.yes_price, order.remaining
        self._sides[side].shrink(price, left)
        self._forget(order)
        return self._level(side, price, -left, order, now_ns)

    def _forget(self, order: Order) -> None:
        self._sides[order.side].drop(order)
        del self.orders[order.order_id]
        self._expiring.pop(order.order_id, None)

    def _note_expiry(self, order: Order) -> None:
        if order.expires_ns is None:
            self._expiring.pop(order.order_id, None)
        else:
            self._expiring[order.order_id] = order

    def _end(self, order: Order, ending: Ending, now_ns: int) -> Ended:
        left = order.quantity - order.filled
        order.ending = ending
        return Ended(now_ns, self.market, order, ending, left)

    def _level(
        self, side: Side, yes_price: int, change: int, order: Order, now_ns: int
    ) -> LevelChanged:
        if side is Side.BID:
            return LevelChanged(now_ns, self.market, YES_LEG, yes_price, change, order)
        price = PRICE_PER_DOLLAR - yes_price
        return LevelChanged(now_ns, self.market, NO_LEG, price, change, order)


def _meets(side: Side, limit: int, facing: int) -> bool:
    return facing <= limit if side is Side.BID else facing >= limit


def _is_own(order: Order, resting: Order) -> bool:
    return order.owner == resting.owner and order.self_trade is not SelfTrade.ALLOW


def _yes(order: Order, price: int) -> int:
    return price if order.outcome is Outcome.YES else PRICE_PER_DOLLAR - price


def _flat(batches: Iterable[list[BookEvent]]) -> list[BookEvent]:
    return [event for batch in batches for event in batch]
