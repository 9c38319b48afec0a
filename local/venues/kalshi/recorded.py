"""A recorded Kalshi session as the flow of a simulated market, so that tests meet real markets.

Reads capture lines (one JSON object each, the venue's frame under `raw`, its receive time in
`recv_ns`) and turns one market's books and trades into levels and prints.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from kairos.domain.instruments import NO_LEG, YES_LEG
from kairos.domain.units import (
    PRICE_PER_DOLLAR,
    price_from_dollars,
    quantity_from_contracts,
)
from kairos.errors import Malformed
from local.venues.core.flow import Level, Print, ReplayFlow
from local.venues.kalshi.exchange import Exchange

_LEGS: Final = {"yes": YES_LEG, "no": NO_LEG}

Levels = dict[tuple[int, int], int]


class _Line(msgspec.Struct):
    """What is read of a capture line; lines of the recorder's own have no frame."""

    recv_ns: int
    raw: dict[str, Any] | None = None


_decoder: Final = msgspec.json.Decoder(_Line)


def replay(exchange: Exchange, ticker: str, lines: Iterable[bytes], shift_ns: int = 0) -> None:
    """Make a recording the flow of a listed market; `shift_ns` moves it in time."""
    flow = ReplayFlow(ticker, steps(lines, ticker, shift_ns), exchange.desk)
    exchange.flows[ticker] = flow


def steps(lines: Iterable[bytes], ticker: str, shift_ns: int = 0) -> Iterator[Level | Print]:
    """Levels and prints of one market in the order they were received.

    Raises Malformed for a line that cannot be read: a recording that is wrong proves nothing.
    """
    resting: Levels = {}
    for line in lines:
        try:
            read = _decoder.decode(line)
        except msgspec.MsgspecError as error:
            raise Malformed("bad_line", "line", str(error)) from error
        if read.raw is None:
            continue
        body = read.raw.get("msg")
        if isinstance(body, dict) and body.get("market_ticker") == ticker:
            yield from _read(read.raw["type"], body, read.recv_ns + shift_ns, resting)


def _read(kind: str, body: dict[str, Any], ts_ns: int, resting: Levels) -> Iterator[Level | Print]:
    if kind == "orderbook_snapshot":
        yield from _snapshot(body, ts_ns, resting)
    elif kind == "orderbook_delta":
        key = (_LEGS[body["side"]], price_from_dollars(body["price_dollars"]))
        resting[key] = resting.get(key, 0) + quantity_from_contracts(body["delta_fp"])
        yield Level(ts_ns, *key, max(0, resting[key]))
    elif kind == "trade":
        yes_price = price_from_dollars(body["yes_price_dollars"])
        leg = _LEGS[body["taker_outcome_side"]]
        price = yes_price if leg == YES_LEG else PRICE_PER_DOLLAR - yes_price
        yield Print(ts_ns, leg, price, quantity_from_contracts(body["count_fp"]))


def _snapshot(body: dict[str, Any], ts_ns: int, resting: Levels) -> Iterator[Level]:
    """A whole book: what it does not list rests no more."""
    stated = {
        (leg, price_from_dollars(price)): quantity_from_contracts(size)
        for side, leg in _LEGS.items()
        for price, size in body.get(f"{side}_dollars_fp", ())
    }
    for key in resting.keys() - stated.keys():
        yield Level(ts_ns, *key, 0)
    for key, quantity in stated.items():
        yield Level(ts_ns, *key, quantity)
    resting.clear()
    resting.update(stated)
