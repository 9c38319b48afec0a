"""The underlying's price as heard on a spot feed: no trade twice, no wild print, losses counted."""

from __future__ import annotations

from typing import Final

from kairos.messages.events import SpotHeartbeat, SpotTrade

# A print this far from the last one is believed only when others confirm it.
JUMP_RATIO: Final = 0.02
CONFIRMATIONS: Final = 3


class Spot:
    """Last good price and when it was heard. `take` returns False for what must not be used."""

    __slots__ = ("_doubted", "_doubts", "duplicates", "heard_ns", "missed", "outliers", "price",
                 "trade_id")  # fmt: skip

    def __init__(self) -> None:
        self.price: float | None = None
        self.heard_ns = 0
        self.trade_id: int | None = None
        self.missed = 0
        self.duplicates = 0
        self.outliers = 0
        self._doubted = 0.0
        self._doubts = 0

    def take(self, event: SpotTrade, now_ns: int) -> bool:
        trade_id, last = event.trade_id, self.trade_id
        if trade_id is not None:
            if last is not None:
                if trade_id <= last:
                    self.duplicates += 1
                    return False
                self.missed += trade_id - last - 1
            self.trade_id = trade_id
        price = self.price
        wild = price is not None and abs(event.price - price) > JUMP_RATIO * price
        if wild and not self._confirmed(event.price):
            self.outliers += 1
            return False
        self._doubts = 0
        self.price = event.price
        self.heard_ns = now_ns
        return True

    def _confirmed(self, price: float) -> bool:
        near = self._doubts > 0 and abs(price - self._doubted) <= JUMP_RATIO * self._doubted
        self._doubts = self._doubts + 1 if near else 1
        self._doubted = price
        return self._doubts >= CONFIRMATIONS

    def heartbeat(self, event: SpotHeartbeat, now_ns: int) -> None:
        """The feed is alive: with nothing missed, the last price is still the price."""
        if self.trade_id is not None and event.last_trade_id > self.trade_id:
            self.missed += event.last_trade_id - self.trade_id
            self.trade_id = event.last_trade_id
            return
        if self.price is not None:
            self.heard_ns = now_ns
