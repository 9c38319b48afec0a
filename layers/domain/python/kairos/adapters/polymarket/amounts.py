"""Turns price and size into the two integers an order signs, exactly, on the market's own grid.

Rules per tick: py-clob-client-v2 1.2.1 and polymarket-client 0.14.0. The former floors binary
floats and signs 141.69 for 141.7; here everything is an integer. Sizes have two decimals, amounts
are base units of six decimals, prices 1/10 000 dollar.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from kairos.domain.grid import Ranges
from kairos.domain.instruments import Action
from kairos.domain.units import PRICE_PER_DOLLAR
from kairos.errors import Malformed

SIZE_STEP: Final = 10_000  # 0.01 share, or 0.01 dollar, in base units


# Tick (1/10 000 dollar) → the step of amounts in base units, which is the tick's decimals plus two.
AMOUNT_STEP: Final = {
    1_000: 1_000,  # 0.1: amounts of 3 decimals
    100: 100,  # 0.01: 4
    50: 10,  # 0.005: 5
    25: 1,  # 0.0025: 6
    10: 10,  # 0.001: 5
    1: 1,  # 0.0001: 6
}


class Amounts(NamedTuple):
    """What the order gives at most and takes at least, in base units."""

    maker: int
    taker: int


def ranges_of_tick(tick: int) -> Ranges:
    """The market's price grid. Raises Malformed (`unknown_tick`) for a tick with no rules."""
    _step(tick)
    return ((0, PRICE_PER_DOLLAR, tick),)


def on_grid(price: int, tick: int) -> bool:
    """Whether a price may be ordered at: a multiple of the tick, one tick inside 0 and 1."""
    return tick <= price <= PRICE_PER_DOLLAR - tick and price % tick == 0


def tradable(quantity: int) -> int:
    """The part of a quantity the venue can trade: whole hundredths, never more than asked."""
    return quantity - quantity % SIZE_STEP


def limit_amounts(action: Action, price: int, quantity: int, tick: int) -> Amounts:
    """A limit order of `quantity` micro-contracts, which is rounded down to 0.01.

    Raises Malformed (`price_off_grid`, `dust`, `unknown_tick`).
    """
    _check_price(price, tick)
    return exact_amounts(action, price, quantity)


def exact_amounts(action: Action, price: int, quantity: int) -> Amounts:
    """The same without a look at the grid: what an order signed that was sent on an older one."""
    shares = _traded(quantity)
    # Exact: a size of two decimals times a price of the tick's decimals has no more decimals
    # than the tick allows for amounts.
    cash = price * shares // PRICE_PER_DOLLAR
    return Amounts(cash, shares) if action is Action.BUY else Amounts(shares, cash)


def market_amounts(action: Action, price: int, quantity: int, tick: int) -> Amounts:
    """An order that takes what is there (FAK, FOK): the venue wants whole cents of a buyer.

    Buys spend at most price × quantity rounded down to the cent. The venue spends that amount, so
    at better prices than `price` it buys more contracts than `quantity`.
    """
    if action is Action.SELL:
        return limit_amounts(action, price, quantity, tick)
    _traded(quantity)
    return spend_amounts(price * quantity // PRICE_PER_DOLLAR, price, tick)


def spend_amounts(cash: int, price: int, tick: int) -> Amounts:
    """A buy of `cash` micro-dollars' worth at `price` or better; cash is cut to the cent."""
    _check_price(price, tick)
    maker = _traded(cash)
    return Amounts(maker, _shares(maker, price, _step(tick)))


def _shares(cash: int, price: int, step: int) -> int:
    """cash / price as the venue's clients round it: up at four more decimals, then down.

    The first rounding only repairs quotients that floats leave just below a whole step.
    """
    exact = cash * PRICE_PER_DOLLAR * 10_000
    in_fine_steps = -(-exact // (price * step))
    return in_fine_steps // 10_000 * step


def _check_price(price: int, tick: int) -> None:
    _step(tick)
    if not on_grid(price, tick):
        raise Malformed("price_off_grid", "price", f"{price} is not on a grid of {tick}")


def _traded(quantity: int) -> int:
    traded = tradable(quantity)
    if traded <= 0:
        raise Malformed("dust", "quantity", f"{quantity} is less than 0.01")
    return traded


def _step(tick: int) -> int:
    found = AMOUNT_STEP.get(tick)
    if found is None:
        raise Malformed("unknown_tick", "tick_size", f"no rounding is known for a tick of {tick}")
    return found
