"""The same books in NautilusTrader's BacktestEngine: what a good general engine needs for them.

Its data objects are built outside the clock (it decodes nothing), its strategy does nothing but
read the mid after every change, and it has no spot, no model and no decisions: a favourable bound.
"""

from __future__ import annotations

import importlib.util
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from benchmarks.timing import Work
from benchmarks.workload import Slices
from kairos.bootstrap import LineDecoder
from kairos.domain.instruments import NO_LEG, YES_LEG
from kairos.domain.units import PRICE_PER_DOLLAR, QUANTITY_PER_CONTRACT
from kairos.messages.events import BookDelta, BookSnapshot

NAME = "NautilusTrader BacktestEngine"
MISSING = "NautilusTrader is not installed: `make bench` installs it on Python 3.11"
_VENUE = "KALSHI"
_PRICE_DIGITS = 3
_SIZE_DIGITS = 2


def available() -> bool:
    return importlib.util.find_spec("nautilus_trader") is not None


class Converter:
    """Our events as its data: signed changes become absolute sizes, NO bids become YES asks."""

    def __init__(self) -> None:
        from nautilus_trader.model import data, enums, identifiers, objects

        self._data, self._objects, self._identifiers = data, objects, identifiers
        self._sides = {YES_LEG: enums.OrderSide.BUY, NO_LEG: enums.OrderSide.SELL}
        self._actions = enums.BookAction
        self._snapshot, self._last = enums.RecordFlag.F_SNAPSHOT, enums.RecordFlag.F_LAST
        self._sizes: dict[str, defaultdict[tuple[int, int], int]] = {}
        self.instruments: dict[str, Any] = {}
        self._prices: dict[int, Any] = {}
        self._quantities: dict[int, Any] = {}

    def convert(self, events: Iterable[object]) -> list[Any]:
        out: list[Any] = []
        for event in events:
            if isinstance(event, BookDelta):
                out.append(self._delta(event))
            elif isinstance(event, BookSnapshot):
                out.extend(self._replacement(event))
        return out

    def _delta(self, event: BookDelta) -> object:
        sizes, key = self._sizes[event.market], (event.leg, event.price)
        sizes[key] = size = sizes[key] + event.change
        action = self._actions.UPDATE if size else self._actions.DELETE
        return self._level(event, action, event.leg, event.price, size, int(self._last))

    def _replacement(self, event: BookSnapshot) -> list[Any]:
        sizes = self._sizes[event.market] = defaultdict(int)
        flag = int(self._snapshot)
        instrument = self._instrument(event.market)
        out = [self._data.OrderBookDelta.clear(instrument, 0, event.recv_ns, event.recv_ns)]
        for leg, levels in ((YES_LEG, event.yes), (NO_LEG, event.no)):
            for price, size in levels:
                sizes[leg, price] = size
                out.append(self._level(event, self._actions.ADD, leg, price, size, flag))
        return out

    def _level(
        self,
        event: BookDelta | BookSnapshot,
        action: object,
        leg: int,
        price: int,
        size: int,
        flags: int,
    ) -> object:
        yes_price = PRICE_PER_DOLLAR - price if leg == NO_LEG else price
        order = self._data.BookOrder(
            self._sides[leg], self._price(yes_price), self._quantity(size), yes_price
        )
        return self._data.OrderBookDelta(
            self._instrument(event.market), action, order, flags, event.seq,
            event.recv_ns, event.recv_ns,
        )  # fmt: skip

    def _price(self, price: int) -> object:
        if price not in self._prices:
            value = price / PRICE_PER_DOLLAR
            self._prices[price] = self._objects.Price(value, _PRICE_DIGITS)
        return self._prices[price]

    def _quantity(self, size: int) -> object:
        if size not in self._quantities:
            contracts = size / QUANTITY_PER_CONTRACT
            self._quantities[size] = self._objects.Quantity(contracts, _SIZE_DIGITS)
        return self._quantities[size]

    def _instrument(self, market: str) -> object:
        if market not in self.instruments:
            symbol = market.replace(".", "_")  # a dot would make it a part of something larger
            identifier = self._identifiers.InstrumentId.from_str(f"{symbol}.{_VENUE}")
            self.instruments[market] = identifier
        return self.instruments[market]


def convert(slices: Slices) -> tuple[list[list[Any]], dict[str, Any]]:
    """The book data of every slice, and the instruments by market."""
    decoder, converter = LineDecoder(), Converter()
    data = [
        converter.convert(_events(decoder, (line for chunk in chunks for line in chunk.lines)))
        for chunks in slices
    ]
    return data, converter.instruments


def _events(decoder: LineDecoder, lines: Iterable[bytes]) -> Iterable[object]:
    for line in lines:
        parsed = decoder.decode(line)
        if isinstance(parsed, tuple):
            yield from parsed
        else:
            yield parsed


def work(data: Sequence[list[Any]], instruments: dict[str, Any]) -> Work:
    """Run the slices one after another; handing the data over is not timed, as in its own runs."""
    engine = _engine(instruments)

    def ready(index: int) -> Callable[[], object]:
        engine.clear_data()
        engine.add_data(data[index], validate=False, sort=False)
        return lambda: engine.run(streaming=True)

    return ready


def _engine(instruments: dict[str, Any]) -> Any:  # noqa: ANN401
    from nautilus_trader.backtest.config import BacktestEngineConfig
    from nautilus_trader.backtest.engine import BacktestEngine
    from nautilus_trader.config import LoggingConfig
    from nautilus_trader.model import currencies, enums, identifiers, objects

    logging = LoggingConfig(bypass_logging=True)
    engine = BacktestEngine(BacktestEngineConfig(logging=logging, run_analysis=False))
    engine.add_venue(
        identifiers.Venue(_VENUE),
        enums.OmsType.NETTING,
        enums.AccountType.MARGIN,
        [objects.Money(1_000, currencies.USD)],
        book_type=enums.BookType.L2_MBP,
    )
    for identifier in instruments.values():
        engine.add_instrument(_binary_option(identifier))
    engine.add_strategy(_mid_reader(tuple(instruments.values())))
    return engine


def _binary_option(identifier: Any) -> object:  # noqa: ANN401
    from nautilus_trader.model import currencies, enums, instruments, objects

    return instruments.BinaryOption(
        instrument_id=identifier, raw_symbol=identifier.symbol,
        asset_class=enums.AssetClass.ALTERNATIVE, currency=currencies.USD,
        price_precision=_PRICE_DIGITS, size_precision=_SIZE_DIGITS,
        price_increment=objects.Price(0.001, _PRICE_DIGITS),
        size_increment=objects.Quantity(0.01, _SIZE_DIGITS),
        activation_ns=0, expiration_ns=2**62, ts_event=0, ts_init=0,
    )  # fmt: skip


def _mid_reader(identifiers: Sequence[Any]) -> object:
    from nautilus_trader.model.enums import BookType
    from nautilus_trader.trading.strategy import Strategy

    class MidReader(Strategy):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.mids = 0
            self.last = 0.0

        def on_start(self) -> None:
            for identifier in identifiers:
                self.subscribe_order_book_deltas(identifier, BookType.L2_MBP)

        def on_order_book_deltas(self, deltas: Any) -> None:  # noqa: ANN401
            book = self.cache.order_book(deltas.instrument_id)
            bid, ask = book.best_bid_price(), book.best_ask_price()
            if bid is not None and ask is not None:
                self.last = (float(bid) + float(ask)) / 2
                self.mids += 1

    return MidReader()
