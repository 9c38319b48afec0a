"""The underlying's price as heard on a spot feed: no trade twice, no wild print, losses counted."""

from __future__ import annotations

from typing import Final

from kairos.messages.events import SpotHeartbeat, SpotTrade

# A print this far from the last one is believed only when others confirm it.
JUMP_RATIO: Final = 0.02
CONFIRMATIONS: Final = 3
# A trade id this far from the last one (more than a day of trades) needs the next one to agree.
ID_JUMP: Final = 1_000_000
PRODUCT: Final = "BTC-USD"


class Spot:
    """Last good price and when it was heard. `take` returns False for what must not be used.

    Other products than `product` are counted and change nothing.
    """

    __slots__ = ("_announced", "_doubted", "_doubted_id", "_doubts", "_lost", "_numbered",
                 "_product", "duplicates", "heard_ns", "other_products", "outliers", "price",
                 "trade_id")  # fmt: skip

    def __init__(self, product: str = PRODUCT) -> None:
        self.price: float | None = None
        self.heard_ns = 0
        self.trade_id: int | None = None
        self.duplicates = 0
        self.outliers = 0
        self.other_products = 0
        self._product = product
        self._lost = 0
        self._announced = 0
        self._numbered = False  # two ids in a row agreed
        self._doubted = 0.0
        self._doubts = 0
        self._doubted_id: int | None = None

    @property
    def missed(self) -> int:
        """Trades that happened and were not heard, as far as numbers and heartbeats tell."""
        return self._lost + max(self._announced - (self.trade_id or self._announced), 0)

    def take(self, event: SpotTrade, now_ns: int) -> bool:
        if event.product != self._product:
            self.other_products += 1
            return False
        trade_id = event.trade_id
        if trade_id is not None:
            if self._numbered and trade_id - 1 == self.trade_id:
                self.trade_id = trade_id
            elif not self._count(trade_id):
                return False
        price = self.price
        wild = price is not None and abs(event.price - price) > JUMP_RATIO * price
        if wild and not self._confirmed(event.price):
            self.outliers += 1
            return False
        self._doubts = 0
        self.price = event.price
        self.heard_ns = now_ns
        return True

    def _count(self, trade_id: int) -> bool:
        """Account for a trade's number; False when it was heard before or is not to be believed."""
        last = self.trade_id
        if last is not None:
            step = trade_id - last
            if abs(step) > ID_JUMP and not (step < 0 and self._numbered):
                if not self._confirmed_id(trade_id):
                    self.outliers += 1
                    return False
            elif step <= 0:
                self.duplicates += 1
                return False
            self._lost += max(step - 1, 0)
            self._numbered = True
        self.trade_id = trade_id
        return True

    def _confirmed_id(self, trade_id: int) -> bool:
        last, self._doubted_id = self._doubted_id, trade_id
        return last is not None and 0 < trade_id - last <= ID_JUMP

    def _confirmed(self, price: float) -> bool:
        near = self._doubts > 0 and abs(price - self._doubted) <= JUMP_RATIO * self._doubted
        self._doubts = self._doubts + 1 if near else 1
        self._doubted = price
        return self._doubts >= CONFIRMATIONS

    def heartbeat(self, event: SpotHeartbeat, now_ns: int) -> None:
        """The feed is alive: with nothing missed, the last price is still the price.

        A trade that it announces may still be under way on its own channel.
        """
        if event.product != self._product:
            self.other_products += 1
            return
        self._announced = event.last_trade_id
        if self.trade_id is not None and event.last_trade_id > self.trade_id:
            return
        if self.price is not None:
            self.heard_ns = now_ns
