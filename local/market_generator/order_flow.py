"""Who trades in one market and what they do to its book: makers, a crowd, and takers."""

from __future__ import annotations

from typing import Final

from local.market_generator.book import Book
from local.market_generator.chance import Chance
from local.market_generator.contracts import QUARTER_HOUR, Contract
from local.market_generator.kalshi_tape import KalshiTape
from local.market_generator.makers import QUOTE_SIZES, Maker, Quote, makers_of, sizes_at
from local.market_generator.spot_path import SpotPath

# What happens next, as cumulative shares of all actions.
_REVIEW: Final = 0.30
_REVIEW_ON_RUNG: Final = 0.5
_CROWD: Final = 0.84
_FLICKER: Final = 0.95
_MOVES_PER_REVIEW: Final = 3
_LEVELS_PER_REVIEW: Final = 3
_WITHDRAWN_SHARE: Final = 0.65
_CROWD_SIZE: Final = 220
_LEVELS_PER_SWEEP: Final = 3
_CROSSED_SHARE: Final = 0.04

# How far from its leg's best bid the crowd posts, in tenths of a cent.
_DISTANCES: Final = (
    *(0,) * 36, *(10,) * 20, *(20,) * 13, *(30,) * 8, *(40,) * 7, *(50,) * 6,
    *(60, 70, 80, 90, 100) * 2, *(130, 180), *(250, 300, 350, 400, 450),
)  # fmt: skip
_SHIFTED_SIZE: Final = 20_000
_OLD_SIZES: Final = (10_000, 10_000, 10_000, 10_300, 11_000, 20_000, 30_400, 62_500, 100, 145_000)
_CROWD_SIZES: Final = tuple(
    100 * size
    for size in (
        *(1,) * 8, *(2,) * 7, *(10,) * 7, *(5,) * 3, *(20,) * 4, *(40,) * 3, *(50,) * 6,
        *(100,) * 5, 4, 4, 8, 8, 81, 150, 176, 200, 400, 500,
    )
)  # fmt: skip
# Takers buy little: median ten contracts, one in twenty above two hundred.
_TAKEN_SIZES: Final = (
    25, 100, 100, 100, 200, 300, 300, 300, 500, 700, 1_000, 1_000, 1_500, 2_000, 3_000, 4_000,
    4_000, 6_100, 9_300, 10_000, 20_000, 40_000,
)  # fmt: skip


class OrderFlow:
    """One market's participants. Every action tells the tape what it changed."""

    def __init__(
        self,
        contract: Contract,
        path: SpotPath,
        volatility: float,
        tape: KalshiTape,
        chance: Chance,
    ) -> None:
        self.contract = contract
        self.book = Book(contract)
        self._tape = tape
        self._chance = chance
        self._uniform = chance.uniform
        self._makers = makers_of(contract, path, volatility, chance)
        busy = contract.series is QUARTER_HOUR
        self._review_share = _REVIEW if busy else _REVIEW_ON_RUNG
        self._crowd: list[tuple[int, int, int]] = []
        self._shifting: list[tuple[int, int]] = []

    def open(self, at_ns: int) -> None:
        """Fill the book the way it is found by someone who subscribes a little late."""
        fair = self._makers[0].fair(at_ns)
        self._fill_depth(self._makers[0].targets(fair, self.book))
        for maker in self._makers:
            self._review(maker, at_ns, len(maker.quotes))
        busy = self.contract.series is QUARTER_HOUR
        age_s = max(0, at_ns - self.contract.open_ns) // 1_000_000_000
        self.book.traded = (40_000 if busy else 1_500) * age_s + self._chance.between(0, 90_000)
        self.book.open_interest = self.book.traded // 2
        self.book.last_price = max(10, min(9_990, int(fair * 100) * 100))
        self.book.last_count = self._chance.pick(_TAKEN_SIZES)

    def act(self, at_ns: int) -> int:
        """Let one participant do one thing; returns when it was done with it."""
        draw = self._uniform()
        if draw < self._review_share:
            return self._review(self._next_maker(), at_ns, _MOVES_PER_REVIEW)
        self._tape.action()
        if draw < _CROWD:
            self._crowd_acts(at_ns)
        elif draw < _FLICKER:
            self._flicker(at_ns)
        else:
            self._take(at_ns)
        return at_ns

    def close(self, at_ns: int) -> None:
        """Cancel everything that rests, best first, in one action of the exchange."""
        self._tape.action()
        for leg in (0, 1):
            sizes = self.book.sizes[leg]
            for level in range(self.book.best[leg], -1, -1):
                if sizes[level]:
                    self._tape.delta(self.book, leg, level, -sizes[level], at_ns)

    def fair(self, at_ns: int) -> float:
        return self._makers[0].fair(at_ns)

    def _next_maker(self) -> Maker:
        """The faster a maker is, the more often it looks."""
        draw = self._uniform()
        return self._makers[int(draw * draw * len(self._makers))]

    def _fill_depth(self, tops: tuple[int, int]) -> None:
        """Old orders: nearly every level near the touch, most levels far from it."""
        for leg, top in enumerate(tops):
            for level in range(top - 1, -1, -1):
                if self._uniform() < (0.97 if top - level < 20 else 0.8):
                    size = self._chance.pick(_OLD_SIZES) * (1 if level % 10 else 6)
                    self.book.change(leg, level, size)
        self._shifting = [
            (leg, int(top * self._uniform()) // 2) for leg, top in enumerate(tops) if top > 8
        ]
        for leg, level in self._shifting:
            self.book.change(leg, level, _SHIFTED_SIZE)

    def _review(self, maker: Maker, at_ns: int, moves: int) -> int:
        """A maker looks at the market, takes what is badly mispriced, and moves its quotes.

        Each move is an action of its own, a millisecond or so after the one before.
        """
        fair = maker.fair(at_ns)
        self._correct(fair, at_ns)
        moved = maker.misplaced(maker.targets(fair, self.book))[:moves]
        for quote, wanted in moved:
            self._move(quote, wanted, at_ns)
            at_ns += self._tape.pause()
        if not moved:
            self._refresh(maker, at_ns)
        return at_ns

    def _move(self, quote: Quote, wanted: int, at_ns: int) -> None:
        """Cancel and replace: two changes with one clock."""
        self._tape.action()
        if quote.level >= 0:
            self._remove(quote.leg, quote.level, quote.size, at_ns)
        quote.level = max(-1, min(wanted, self.book.room(quote.leg)))
        if quote.level >= 0:
            self._tape.delta(self.book, quote.leg, quote.level, quote.size, at_ns)

    def _refresh(self, maker: Maker, at_ns: int) -> None:
        """Pull one quote; the next review puts it back with another size."""
        front = self._uniform() < 0.5
        quote = self._chance.pick(maker.quotes[:2] if front else maker.quotes)
        if quote.level >= 0:
            self._remove(quote.leg, quote.level, quote.size, at_ns)
            quote.level = -1
            quote.size = self._chance.pick(sizes_at(quote.offset))

    def _correct(self, fair: float, at_ns: int) -> None:
        """Nobody leaves a price that is worth less than costs and doubt explain.

        Most such orders are withdrawn by whoever posted them; the maker buys the others.
        """
        margin = 0.002 + 0.03 * fair * (1 - fair)
        for leg, value in ((0, fair), (1, 1 - fair)):
            for _ in range(_LEVELS_PER_REVIEW):
                level = self.book.best[1 - leg]
                if level < 0 or value - 1 + self.book.prices[level] / 10_000 <= margin:
                    break
                if self._uniform() < _WITHDRAWN_SHARE:
                    self._tape.action()
                    self._remove(1 - leg, level, self.book.sizes[1 - leg][level], at_ns)
                else:
                    self._buy(leg, self.book.last - level, self._chance.pick(QUOTE_SIZES), at_ns)

    def _crowd_acts(self, at_ns: int) -> None:
        draw = self._uniform()
        share = len(self._crowd) / _CROWD_SIZE
        if draw < 0.38 and self._crowd:
            self._crowd_moves(at_ns)
        elif draw < 0.38 + 0.62 * (1 - 0.5 * share):
            self._crowd_posts(at_ns)
        elif self._crowd:
            leg, level, size = self._crowd_order()
            self._remove(leg, level, size, at_ns)

    def _crowd_moves(self, at_ns: int) -> None:
        """Cancel and replace in one action: two changes, one clock."""
        leg, level, size = self._crowd_order()
        self._remove(leg, level, size, at_ns)
        wanted = min(self._crowd_level(leg), self.book.room(leg))
        if wanted >= 0:
            self._rest(leg, wanted, size, at_ns)

    def _crowd_posts(self, at_ns: int) -> None:
        leg = int(self._uniform() * 2)
        level = min(self._crowd_level(leg), self.book.room(leg))
        if level >= 0:
            size = self._chance.pick(_CROWD_SIZES)
            if self._uniform() < 0.25:
                size = 1 + int(size * self._uniform())
            self._rest(leg, level, size, at_ns)

    def _rest(self, leg: int, level: int, size: int, at_ns: int) -> None:
        self._tape.delta(self.book, leg, level, size, at_ns)
        self._crowd.append((leg, level, size))

    def _crowd_order(self) -> tuple[int, int, int]:
        """Forget one order of the crowd, any."""
        crowd = self._crowd
        index = int(self._uniform() * len(crowd))
        crowd[index], crowd[-1] = crowd[-1], crowd[index]
        return crowd.pop()

    def _crowd_level(self, leg: int) -> int:
        """Relative to the best bid; one in thirty improves on it when there is room."""
        best = self.book.best[leg]
        if best < 0:
            return -1
        distance = self._chance.pick(_DISTANCES)
        if distance == 0:
            eager = 0.3 if 1_000 <= self.book.prices[best] < 9_000 else 0.006
            return best + 1 if self._uniform() < eager else best
        price = self.book.prices[best] // 10 - distance
        if price <= 0:
            return int(self._uniform() * (best + 1))
        return self.contract.series.grid.floor_level[price]

    def _flicker(self, at_ns: int) -> None:
        """Somebody's program shifts a far order to and fro, for reasons of its own."""
        if not self._shifting:
            return
        index = int(self._uniform() * len(self._shifting))
        leg, level = self._shifting[index]
        wanted = level - 1 if self._uniform() < 0.5 and level else level + 1
        if wanted <= self.book.best[leg] and self._remove(leg, level, _SHIFTED_SIZE, at_ns):
            self._tape.delta(self.book, leg, wanted, _SHIFTED_SIZE, at_ns)
            self._shifting[index] = (leg, wanted)

    def _take(self, at_ns: int) -> None:
        """Somebody wants in or out now, whatever it is worth."""
        leg = int(self._uniform() * 2)
        facing = self.book.best[1 - leg]
        if facing < 0:
            return
        size = self._chance.pick(_TAKEN_SIZES)
        if self._uniform() < 0.4:
            size = 1 + int(size * self._uniform())
        self._buy(leg, self.book.last - facing, size, at_ns)

    def _buy(self, leg: int, limit: int, size: int, at_ns: int) -> None:
        """Match an order of `leg` at `limit` against the other leg; a remainder may rest."""
        book = self.book
        self._tape.action()
        facing = book.best[1 - leg]
        rest = size - book.sizes[1 - leg][facing]
        if rest > 0 and book.last - facing == limit and self._uniform() < _CROSSED_SHARE:
            # The venue may publish what rests before what it matched: crossed for one message.
            self._rest(leg, limit, rest, at_ns)
            size -= rest
        for _ in range(_LEVELS_PER_SWEEP):
            facing = book.best[1 - leg]
            if size <= 0 or facing < book.last - limit:
                return
            count = min(size, book.sizes[1 - leg][facing])
            self._tape.trade(book, 1 - leg, facing, count, at_ns)
            size -= count

    def _remove(self, leg: int, level: int, size: int, at_ns: int) -> int:
        """Take away up to `size`: part of an order may have been traded since it was posted."""
        left = min(size, self.book.sizes[leg][level])
        if left:
            self._tape.delta(self.book, leg, level, -left, at_ns)
        return left
