"""Our resting orders in one market, and what market data proves about them.

Evidence, and what it is worth, is written down in docs/paper_venue.md. Every method that takes
market data returns the matches it proves; the orders' remaining quantities are already reduced.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from typing import Final

from hotpath.paper.depth import depth
from hotpath.paper.orders import Match, PaperOrder
from hotpath.paper.overlay import ConsumedDepth, level_key
from hotpath.paper.queue import QueuePosition
from hotpath.paper.reasons import Evidence
from hotpath.paper.settings import FillModel, PaperSettings
from hotpath.paper.taker import allocate, offered, untaken
from hotpath.paper.tape import Tape
from kairos.domain.book import BinaryBook, BookState
from kairos.domain.instruments import NO_LEG, YES_LEG, Liquidity, Outcome
from kairos.domain.units import PRICE_PER_DOLLAR
from kairos.messages.commands import TimeInForce
from kairos.messages.events import BookDelta, VenueQuote, VenueTrade

NO_MATCH: Final[Sequence[Match]] = ()
_LIVE: Final = BookState.LIVE


class Desk:
    """One market at the venue: orders in flight, orders resting per leg, depth we took.

    `legs` hold resting orders best price first, then by arrival. `displayed` is what the book last
    showed on each level where we rest: comparing with it, rather than trusting a delta's number,
    keeps a message that the book refused from counting.
    """

    __slots__ = (
        "_last_trade",
        "_settings",
        "blind",
        "closes_ns",
        "consumed",
        "displayed",
        "in_flight",
        "legs",
        "market",
        "tape",
    )

    def __init__(self, market: str, closes_ns: int, settings: PaperSettings) -> None:
        self.market = market
        self.closes_ns = closes_ns
        self.legs: tuple[list[PaperOrder], list[PaperOrder]] = ([], [])
        self.in_flight: list[PaperOrder] = []
        self.consumed = ConsumedDepth()
        self.displayed: dict[int, int] = {}
        self.blind = False
        self.tape = Tape(settings.trade_window_ns, settings.ticker_window_ns)
        self._settings = settings
        self._last_trade: tuple[int, int] | None = None

    @property
    def idle(self) -> bool:
        return not (self.in_flight or self.legs[0] or self.legs[1] or self.consumed)

    # Arrivals

    def sight(self, order: PaperOrder, book: BinaryBook | None) -> None:
        """Note what an order in flight is decided on; the realist has no use for it."""
        model = self._settings.fill_model
        if model is FillModel.REALISTIC:
            return
        if book is None or book.state is not _LIVE:
            order.saw_no_book = True
            return
        levels = depth(book, order.take_leg, order.take_floor)
        if model is FillModel.OPTIMISTIC:
            levels = untaken(levels, order.take_leg, self.consumed)
        order.sightings.append(levels)

    def knows(self, order: PaperOrder, book: BinaryBook) -> bool:
        """Whether the book may be matched on; the pessimist wants to have seen it all along."""
        if book.state is not _LIVE:
            return False
        return not (order.saw_no_book and self._settings.fill_model is FillModel.PESSIMISTIC)

    def would_cross(self, order: PaperOrder, book: BinaryBook) -> bool:
        """Whether the order would take something on arrival, ours included."""
        if self.crosses_own(order):
            return True
        if book.state is not _LIVE:
            return False
        levels = depth(book, order.take_leg, order.take_floor)
        return any(untaken(levels, order.take_leg, self.consumed).values())

    def crosses_own(self, order: PaperOrder) -> bool:
        facing = self.legs[order.take_leg]
        return bool(facing) and facing[0].rest_price >= order.take_floor

    def resting_beside(self, order: PaperOrder) -> int:
        """What of our orders in the same direction already rests, micro-contracts."""
        return sum(other.remaining for other in self.legs[order.rest_leg])

    def take(self, order: PaperOrder, book: BinaryBook, wanted: int) -> Sequence[Match]:
        """Match an arriving order with displayed contracts, all of it or as much as there is.

        Levels from our own resting order's price on are out of reach: the venue stops there.
        """
        shown = depth(book, order.take_leg, order.take_floor)
        levels = offered(self._settings.fill_model, order, shown, self.consumed)
        if self.crosses_own(order):
            barrier = self.legs[order.take_leg][0].rest_price
            levels = {price: quantity for price, quantity in levels.items() if price > barrier}
        plan = allocate(levels, wanted, self._settings.minimum_quantity)
        if all_or_nothing(order) and sum(quantity for _, quantity in plan) < wanted:
            return NO_MATCH
        return [self._consume(order, book, price, quantity) for price, quantity in plan]

    def _consume(self, order: PaperOrder, book: BinaryBook, price: int, quantity: int) -> Match:
        self._spend(order.take_leg, price, quantity, book)
        order.remaining -= quantity
        return Match(order, order.price_of(price), quantity, Liquidity.TAKER, Evidence.BOOK_CROSS)

    def _spend(self, leg: int, price: int, quantity: int, book: BinaryBook) -> None:
        self.consumed.take(level_key(leg, price), quantity, book.quantity_at(leg, price))
        if self._settings.fill_model is FillModel.OPTIMISTIC:
            for other in self.in_flight:
                if other.take_leg == leg:
                    other.lose_sight_of(price, quantity)

    def rest(self, order: PaperOrder, book: BinaryBook) -> None:
        """Join the book. Whatever still faces the order was not there for it: only more counts."""
        order.sightings.clear()
        order.resting = True
        strictly = self._settings.fill_model is not FillModel.OPTIMISTIC
        order.cross_floor = order.take_floor + strictly
        insort(self.legs[order.rest_leg], order, key=_price_priority)
        if book.state is not _LIVE:
            order.blind = self.blind = True
            return
        leg = order.take_leg
        for price, quantity in depth(book, leg, order.take_floor).items():
            self.consumed.take(level_key(leg, price), quantity, book.quantity_at(leg, price))
        self._place(order, book)

    def _place(self, order: PaperOrder, book: BinaryBook) -> None:
        displayed = book.quantity_at(order.rest_leg, order.rest_price)
        self.displayed[level_key(order.rest_leg, order.rest_price)] = displayed
        match self._settings.fill_model:
            case FillModel.REALISTIC:
                order.queue = QueuePosition(displayed)
            case FillModel.OPTIMISTIC:
                order.queue = QueuePosition(0)

    def leave(self, order: PaperOrder) -> None:
        """Take an order that rests off the book."""
        order.resting = False
        orders = self.legs[order.rest_leg]
        orders.remove(order)
        if not any(other.rest_price == order.rest_price for other in orders):
            self.displayed.pop(level_key(order.rest_leg, order.rest_price), None)

    # Market data, after the engine applied it to the book

    def on_delta(self, event: BookDelta, book: BinaryBook) -> Sequence[Match]:
        if book.state is not _LIVE:
            return NO_MATCH
        if self.blind:
            return self.on_snapshot(book)
        key = event.price << 1 | event.leg
        if key in self.consumed:
            self.consumed.show(key, book.quantity_at(event.leg, event.price))
        matches: Sequence[Match] = NO_MATCH
        if key in self.displayed:
            matches = self._level_changed(event, key, book)
        elif event.change < 0 and not self.tape.sees_trades:
            self._note_decrease(event, key)
        crossed = self._crossed(book)
        return [*matches, *crossed] if matches and crossed else matches or crossed

    def _note_decrease(self, event: BookDelta, key: int) -> None:
        """Below our price a decrease matters only to judge what the ticker says later."""
        orders = self.legs[event.leg]
        if orders and event.price < orders[0].rest_price:
            self.tape.decreased(event.recv_ns, key, -event.change)

    def _level_changed(self, event: BookDelta, key: int, book: BinaryBook) -> Sequence[Match]:
        before, after = self.displayed[key], book.quantity_at(event.leg, event.price)
        self.displayed[key] = after
        if after >= before:
            return NO_MATCH
        unexplained = self.tape.decreased(event.recv_ns, key, before - after)
        if self._may_be_a_trade(event, book):
            guessed = self.tape.count_as_trade(event.recv_ns, key, unexplained)
            return self._hit(
                event.leg, event.price, guessed, 0, Evidence.LEVEL_DECREASE, Evidence.LEVEL_DECREASE
            )
        for order in self.legs[event.leg]:
            if order.rest_price == event.price and order.queue is not None:
                order.queue.canceled(unexplained, after + unexplained, after)
        return NO_MATCH

    def _may_be_a_trade(self, event: BookDelta, book: BinaryBook) -> bool:
        """Where no trades are published, a decrease at the top of a leg may have been one."""
        if self._settings.fill_model is not FillModel.OPTIMISTIC or self.tape.sees_trades:
            return False
        best = book.no_bid if event.leg == NO_LEG else book.yes_bid
        return best is None or best <= event.price

    def on_snapshot(self, book: BinaryBook) -> Sequence[Match]:
        """The book is whole again. Guesses about what happened meanwhile are withdrawn."""
        if book.state is not _LIVE:
            return NO_MATCH
        for key in list(self.consumed):
            self.consumed.show(key, book.quantity_at(key & 1, key >> 1))
        self.tape.clear()
        for order in (*self.legs[YES_LEG], *self.legs[NO_LEG]):
            displayed = book.quantity_at(order.rest_leg, order.rest_price)
            if order.blind:
                self._place(order, book)
            elif order.queue is not None:
                order.queue.resighted(displayed)
            self.displayed[level_key(order.rest_leg, order.rest_price)] = displayed
        matches = self._crossed(book)
        for order in (*self.legs[YES_LEG], *self.legs[NO_LEG]):
            order.blind = False
        self.blind = False
        return matches

    def on_trade(self, event: VenueTrade, book: BinaryBook | None) -> Sequence[Match]:
        """A taker of one outcome hits the bids of the other."""
        if event.taker is Outcome.YES:
            leg, price = NO_LEG, PRICE_PER_DOLLAR - event.yes_price
        else:
            leg, price = YES_LEG, event.yes_price
        key = level_key(leg, price)
        follows = key in self.displayed and book is not None and book.state is _LIVE
        fresh, fell_before = self.tape.traded(
            event.recv_ns, key, event.quantity, decrease_follows=follows
        )
        return self._hit(leg, price, fresh, fell_before, Evidence.QUEUE, Evidence.TRADE_THROUGH)

    def on_quote(self, event: VenueQuote) -> Sequence[Match]:
        """A ticker repeats its last trade without a side, and skips trades in between.

        Believed only where no trades are published, only when it changed while we watched, and
        only as far as contracts at that price left the leg we rest on.
        """
        last, self._last_trade = self._last_trade, (event.last_price, event.last_quantity)
        if self.tape.sees_trades or last is None or last == self._last_trade:
            return NO_MATCH
        matches: list[Match] = []
        for leg, price in (
            (YES_LEG, event.last_price),
            (NO_LEG, PRICE_PER_DOLLAR - event.last_price),
        ):
            if self.legs[leg] and event.last_quantity > 0:
                key = level_key(leg, price)
                fell = self.tape.count_as_trade(event.recv_ns, key, event.last_quantity)
                matches += self._hit(leg, price, fell, fell, Evidence.TICKER, Evidence.TICKER)
        return matches

    # From evidence to matches

    def _hit(
        self,
        leg: int,
        price: int,
        quantity: int,
        reclassified: int,
        at_price: Evidence,
        through: Evidence,
    ) -> Sequence[Match]:
        """Bids of a leg at `price` traded: ours come first where they are better, else in turn."""
        matches = []
        left = quantity
        for order in self.legs[leg]:
            if order.rest_price < price:
                break
            if order.rest_price > price:
                reach, evidence = left, through
            elif order.queue is not None:
                reach, evidence = order.queue.traded(left, reclassified), at_price
            else:
                continue
            match = self._give(order, reach, evidence)
            if match is not None:
                matches.append(match)
                left -= match.quantity
        return matches

    def _give(self, order: PaperOrder, reach: int, evidence: Evidence) -> Match | None:
        """A fill of a resting order at its own limit."""
        quantity = min(reach, order.remaining)
        quantity -= quantity % self._settings.minimum_quantity
        if not quantity:
            return None
        order.remaining -= quantity
        may_have_taken = order.blind and not order.command.post_only
        liquidity = Liquidity.TAKER if may_have_taken else Liquidity.MAKER
        return Match(order, order.command.price, quantity, liquidity, evidence)

    def _crossed(self, book: BinaryBook) -> Sequence[Match]:
        """Bids of the other leg that could not rest there if ours were on the book."""
        yes, no = self.legs
        matches: Sequence[Match] = NO_MATCH
        if yes and book.best_no >= 0 and book.grid.no_price[book.best_no] >= yes[0].cross_floor:
            matches = self._cross(yes, book)
        if no and book.best_yes >= 0 and book.grid.yes_price[book.best_yes] >= no[0].cross_floor:
            matches = [*matches, *self._cross(no, book)]
        return matches

    def _cross(self, orders: list[PaperOrder], book: BinaryBook) -> Sequence[Match]:
        matches = []
        facing = orders[0].take_leg
        levels = depth(book, facing, orders[0].cross_floor)
        for order in orders:
            for price in levels:
                if price < order.cross_floor:
                    break
                left = self.consumed.left(level_key(facing, price), levels[price])
                match = self._give(order, left, Evidence.BOOK_CROSS)
                if match is not None:
                    self._spend(facing, price, match.quantity, book)
                    matches.append(match)
        return matches


def all_or_nothing(order: PaperOrder) -> bool:
    return order.command.time_in_force is TimeInForce.FOK


def _price_priority(order: PaperOrder) -> int:
    return -order.rest_price
