"""Candlesticks of one market by the minute, and longer ones made of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from kairos.domain.units import NANOSECONDS_PER_SECOND, dollars
from local.venues.kalshi.text import average, fp

MINUTES_KEPT: Final = 10_000
_MINUTE_NS: Final = 60 * NANOSECONDS_PER_SECOND


@dataclass(slots=True)
class Range:
    """Open, low, high and close of one quantity; prices in 1/10 000 dollar."""

    open: int
    low: int
    high: int
    close: int

    def see(self, value: int) -> None:
        self.low = min(self.low, value)
        self.high = max(self.high, value)
        self.close = value

    def followed_by(self, later: Range) -> Range:
        return Range(self.open, min(self.low, later.low), max(self.high, later.high), later.close)

    def body(self) -> dict[str, str]:
        return {
            "open_dollars": dollars(self.open),
            "low_dollars": dollars(self.low),
            "high_dollars": dollars(self.high),
            "close_dollars": dollars(self.close),
        }


@dataclass(slots=True)
class Candle:
    """One period. `price` is None when nothing traded; `paid` is price times quantity."""

    end_s: int
    bid: Range
    ask: Range
    price: Range | None = None
    volume: int = 0
    paid: int = 0
    open_interest: int = 0
    previous: int | None = None

    def followed_by(self, later: Candle, end_s: int) -> Candle:
        price = self.price
        if later.price is not None:
            price = later.price if price is None else price.followed_by(later.price)
        return Candle(
            end_s, self.bid.followed_by(later.bid), self.ask.followed_by(later.ask), price,
            self.volume + later.volume, self.paid + later.paid, later.open_interest,
            self.previous,
        )  # fmt: skip

    def body(self) -> dict[str, Any]:
        price: dict[str, str] = {} if self.price is None else self.price.body()
        if self.volume:
            price["mean_dollars"] = average(self.paid // 10_000, self.volume)
        if self.previous is not None:
            price["previous_dollars"] = dollars(self.previous)
        return {
            "end_period_ts": self.end_s,
            "yes_bid": self.bid.body(),
            "yes_ask": self.ask.body(),
            "price": price,
            "volume_fp": fp(self.volume),
            "open_interest_fp": fp(self.open_interest),
        }

    def historical_body(self) -> dict[str, Any]:
        """The archive's shape: the same numbers under shorter names."""
        body = self.body()
        price = {key.removesuffix("_dollars"): value for key, value in body["price"].items()}
        whole = dict.fromkeys(("open", "low", "high", "close", "mean", "previous"))
        return {
            "end_period_ts": self.end_s,
            "yes_bid": _short(body["yes_bid"]),
            "yes_ask": _short(body["yes_ask"]),
            "price": whole | price,
            "volume": body["volume_fp"],
            "open_interest": body["open_interest_fp"],
        }


def _short(body: dict[str, str]) -> dict[str, str]:
    return {key.removesuffix("_dollars"): value for key, value in body.items()}


@dataclass(slots=True)
class Candles:
    """The newest `MINUTES_KEPT` minutes in which anything changed."""

    minutes: dict[int, Candle] = field(default_factory=dict)
    _last_price: int | None = None

    def quote(self, ts_ns: int, bid: int, ask: int) -> None:
        candle = self._at(ts_ns, bid, ask)
        candle.bid.see(bid)
        candle.ask.see(ask)

    def trade(self, ts_ns: int, top: tuple[int, int], price: int, size: int, open_: int) -> None:
        """`top` is the best bid and ask before the trade; `open_` the open interest after it."""
        candle = self._at(ts_ns, *top)
        if candle.price is None:
            candle.price = Range(price, price, price, price)
        candle.price.see(price)
        candle.volume += size
        candle.paid += price * size
        candle.open_interest = open_
        self._last_price = price

    def between(self, start_s: int, end_s: int, minutes: int) -> list[Candle]:
        """Candles of `minutes` that end in start..end, oldest first."""
        period = minutes * 60
        joined: dict[int, Candle] = {}
        for candle in self._ordered():
            end = -(-candle.end_s // period) * period
            if start_s <= end <= end_s:
                before = joined.get(end)
                first = replace(candle, end_s=end)
                joined[end] = first if before is None else before.followed_by(candle, end)
        return list(joined.values())

    def _ordered(self) -> Iterable[Candle]:
        return self.minutes.values()

    def _at(self, ts_ns: int, bid: int, ask: int) -> Candle:
        end_s = (ts_ns // _MINUTE_NS + 1) * 60
        candle = self.minutes.get(end_s)
        if candle is None:
            opened = 0 if not self.minutes else next(reversed(self.minutes.values())).open_interest
            candle = Candle(
                end_s, Range(bid, bid, bid, bid), Range(ask, ask, ask, ask),
                open_interest=opened, previous=self._last_price,
            )  # fmt: skip
            self.minutes[end_s] = candle
            if len(self.minutes) > MINUTES_KEPT:
                del self.minutes[next(iter(self.minutes))]
        return candle
