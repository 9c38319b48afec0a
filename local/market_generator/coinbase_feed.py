"""Coinbase's exchange feed for BTC-USD: matches, ticker, heartbeats, and one possible silence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from kairos.domain.units import NANOSECONDS_PER_MILLISECOND, NANOSECONDS_PER_SECOND
from local.market_generator.chance import Chance
from local.market_generator.clock_text import SecondText
from local.market_generator.settings import SessionSettings
from local.market_generator.spot_path import SpotPath
from local.market_generator.wire import Line, Link

PRODUCT: Final = "BTC-USD"
CHANNELS: Final = ("ticker", "matches", "heartbeat")

_HEARTBEAT_PHASE_NS: Final = 430 * NANOSECONDS_PER_MILLISECOND
# Resting orders hold the price until the market has moved by this much (relative), then a
# sweep follows it at once.
_STICKINESS: Final = 4.5e-5
# Matches per order of a taker that stays at the touch: mostly one, sometimes many.
_FILLS: Final = (1,) * 17 + (2, 2, 3)
_SWEEP_FILLS: Final = (1, 1, 1, 1, 1, 1, 2, 2, 2, 3, 4, 6, 10, 28)
_MEAN_FILLS: Final = 1.45
# Hundred-millionths of a bitcoin.
_SIZES: Final = (
    1_200, 5_000, 12_431, 30_000, 61_520, 100_000, 184_320, 250_000, 620_000, 1_250_000,
    2_000_000, 6_184_000, 12_500_000, 40_000_000,
)  # fmt: skip


class CoinbaseFeed:
    """Trades follow the session's spot price; identities are contiguous but for the silence."""

    def __init__(
        self, settings: SessionSettings, path: SpotPath, link: Link, chance: Chance
    ) -> None:
        self._settings = settings
        self._path = path
        self._link = link
        self._chance = chance
        self._text = SecondText()
        self._trade_id = 1_017_000_000 + chance.between(0, 900_000)
        self._sequence = 98_000_000_000 + chance.between(0, 900_000_000)
        self._price = int(path.spot[path.step(settings.start_ns)] * 100)
        self._opening = self._price
        self._low = self._high = self._price
        self._volume = 700_000_000_000 + chance.between(0, 90_000_000_000)
        self._last: dict[str, Any] = {}

    def lines(self, silence: tuple[int, int] | None) -> Iterator[Line]:
        """Every line in order of arrival; nothing between the two times of `silence`."""
        now_ns = self._settings.start_ns
        beat_ns = now_ns + _HEARTBEAT_PHASE_NS
        self._trade(now_ns - NANOSECONDS_PER_SECOND)
        self._link.drain()
        self._subscribe(now_ns)
        while now_ns < self._settings.end_ns:
            due_ns = min(beat_ns, now_ns + self._wait(now_ns))
            self._listen(due_ns, silence)
            if due_ns == beat_ns:
                self._heartbeat(due_ns)
                beat_ns += NANOSECONDS_PER_SECOND
            else:
                self._trade(due_ns)
            now_ns = due_ns
            yield from self._link.drain()

    def _listen(self, at_ns: int, silence: tuple[int, int] | None) -> None:
        """Stop hearing when the silence begins; subscribe anew when it is over."""
        if silence is None:
            return
        down = silence[0] <= at_ns < silence[1]
        if self._link.down and not down:
            self._link.down = False
            self._subscribe(at_ns)
        self._link.down = down

    def _wait(self, at_ns: int) -> int:
        """Trading is livelier when the price is."""
        variance = self._path.variance[self._path.second(at_ns)]
        pace = 0.15 + 0.25 * variance + 0.6 * self._path.bustle(at_ns)
        orders_per_second = self._settings.matches_per_second * pace / _MEAN_FILLS
        return 1_000 + self._chance.wait(NANOSECONDS_PER_SECOND / orders_per_second)

    def _subscribe(self, at_ns: int) -> None:
        channels = [{"name": name, "product_ids": [PRODUCT]} for name in CHANNELS]
        self._link.deliver(at_ns, {"type": "subscriptions", "channels": channels})
        self._link.deliver(at_ns, {**self._last, "type": "last_match"})

    def _heartbeat(self, at_ns: int) -> None:
        self._sequence += 1
        self._link.deliver(at_ns, {
            "type": "heartbeat",
            "sequence": self._sequence,
            "last_trade_id": self._trade_id,
            "product_id": PRODUCT,
            "time": self._time(at_ns),
        })  # fmt: skip

    def _trade(self, at_ns: int) -> None:
        """One taker's order: at the touch, or through it when the market has moved away."""
        target = int(self._path.spot[self._path.step(at_ns)] * 100)
        distance = target - self._price
        taker_buys = distance > 0 if distance else self._chance.happens(0.5)
        if abs(distance) > self._price * _STICKINESS:
            fills = self._chance.pick(_SWEEP_FILLS)
        else:
            distance, taker_buys = 0, self._chance.happens(0.5)
            fills = self._chance.pick(_FILLS)
        begin, taker_order = self._price, self._chance.uuid()
        for fill in range(1, fills + 1):
            self._price = begin + distance * fill // fills
            self._match(at_ns, taker_buys, taker_order)
        self._ticker(at_ns, taker_buys)

    def _match(self, at_ns: int, taker_buys: bool, taker_order: str) -> None:
        """`side` is the maker's: a taker who buys meets a seller. The bid is a cent lower."""
        size = 1 + int(self._chance.pick(_SIZES) * self._chance.uniform())
        price = self._price if taker_buys else self._price - 1
        self._trade_id += 1
        self._sequence += self._chance.between(1, 40)
        self._volume += size
        self._low, self._high = min(self._low, price), max(self._high, price)
        self._last = {
            "type": "match",
            "trade_id": self._trade_id,
            "maker_order_id": self._chance.uuid(),
            "taker_order_id": taker_order,
            "side": "sell" if taker_buys else "buy",
            "size": _bitcoin(size),
            "price": _dollars(price),
            "product_id": PRODUCT,
            "sequence": self._sequence,
            "time": self._time(at_ns),
        }
        self._link.deliver(at_ns, self._last)

    def _ticker(self, at_ns: int, taker_buys: bool) -> None:
        """One per taker order, after its last match; `side` is the taker's here."""
        self._link.deliver(at_ns, {
            "type": "ticker",
            "sequence": self._sequence,
            "product_id": PRODUCT,
            "price": self._last["price"],
            "open_24h": _dollars(self._opening),
            "volume_24h": _bitcoin(self._volume),
            "low_24h": _dollars(self._low),
            "high_24h": _dollars(self._high),
            "volume_30d": _bitcoin(self._volume * 29),
            "best_bid": _dollars(self._price - 1),
            "best_bid_size": _bitcoin(self._chance.pick(_SIZES)),
            "best_ask": _dollars(self._price),
            "best_ask_size": _bitcoin(self._chance.pick(_SIZES)),
            "side": "buy" if taker_buys else "sell",
            "time": self._time(at_ns),
            "trade_id": self._trade_id,
            "last_size": self._last["size"],
        })  # fmt: skip

    def _time(self, at_ns: int) -> str:
        return self._text.to_microsecond(at_ns) + "Z"


def _dollars(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def _bitcoin(units: int) -> str:
    return f"{units // 100_000_000}.{units % 100_000_000:08d}"
