"""Order entry: what the gateway checks before the exchange sees an order, and what it makes of it.

Prices and sizes finer than the market's are cut short in silence, as the venue does.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from typing import Any, Final

from kairos.domain.instruments import Action, Outcome
from kairos.domain.units import CASH_PER_DOLLAR, PRICE_PER_DOLLAR, QUANTITY_PER_CONTRACT
from kairos.errors import VenueRefused
from kairos.messages.commands import TimeInForce
from local.venues.core.orders import Order
from local.venues.polymarket_us import text
from local.venues.polymarket_us.errors import INVALID, NOT_FOUND, PRECONDITION, ApiError
from local.venues.polymarket_us.exchange import Exchange
from local.venues.polymarket_us.markets import Market
from local.venues.polymarket_us.records import INTENTS, OrderRecord, Report
from local.venues.polymarket_us.wire import (
    ClosePosition,
    CreateOrder,
    ModifyOrder,
    Slippage,
)

BATCH_MAX: Final = 20
_TIMES: Final = {
    "TIME_IN_FORCE_DAY": TimeInForce.GTC,
    "TIME_IN_FORCE_GOOD_TILL_CANCEL": TimeInForce.GTC,
    "TIME_IN_FORCE_GOOD_TILL_DATE": TimeInForce.GTD,
    "TIME_IN_FORCE_IMMEDIATE_OR_CANCEL": TimeInForce.IOC,
    "TIME_IN_FORCE_FILL_OR_KILL": TimeInForce.FOK,
}
_BIPS: Final = 10_000


@dataclass(slots=True)
class OrderEntry:
    """Members' requests against the exchange. Raises ApiError; a rejection is no error."""

    exchange: Exchange

    def create(self, account: str, request: CreateOrder) -> tuple[OrderRecord, list[Report]]:
        record = self.record(account, request)
        return record, self.exchange.accept(record)

    def market(self, slug: str) -> Market:
        market = self.exchange.markets.get(slug)
        if market is None:
            raise ApiError(NOT_FOUND, "unknown or invalid market")
        return market

    def record(self, account: str, request: CreateOrder) -> OrderRecord:
        """The order as the exchange would get it."""
        market, intent = self.market(request.market_slug), request.meant()
        outcome, action = INTENTS[intent]
        long = self._long_price(request, market, outcome, action)
        quantity = self._quantity(request, market, text.long_price(long, is_yes=_yes(outcome)))
        self._check_held(account, market, outcome, action, quantity)
        now_ns = self.exchange.clock.now_ns()
        order = Order(
            self.exchange.new_id("CX"), account, outcome, action,
            text.long_price(long, is_yes=_yes(outcome)), quantity, _time_in_force(request),
            now_ns, _good_till(request, now_ns), request.participate_dont_initiate,
        )  # fmt: skip
        return OrderRecord(
            order, account, market, intent, request.type, request.tif,
            market.fees.order_fees(), request.good_till_time, updated_ns=now_ns,
        )  # fmt: skip

    def _long_price(
        self, request: CreateOrder, market: Market, outcome: Outcome, action: Action
    ) -> int:
        if request.type == "ORDER_TYPE_MARKET":
            buys_long = _yes(outcome) is (action is Action.BUY)
            return _market_price(market, buys_long, request.slippage_tolerance)
        if request.price is None:
            raise ApiError(INVALID, "price is required for limit orders")
        long = _cut(request.price.value * PRICE_PER_DOLLAR, market.spec.tick)
        if not 0 < long < PRICE_PER_DOLLAR:
            raise ApiError(INVALID, "invalid price: must be between 0 and 1")
        return long

    def _quantity(self, request: CreateOrder, market: Market, own_price: int) -> int:
        wanted = request.quantity
        if request.type == "ORDER_TYPE_MARKET" and request.cash_order_qty is not None:
            wanted = request.cash_order_qty.value * PRICE_PER_DOLLAR / own_price
        if wanted is None:
            raise ApiError(INVALID, "quantity is required")
        quantity = _cut(wanted * QUANTITY_PER_CONTRACT, market.spec.least)
        if quantity <= 0:
            raise ApiError(INVALID, "invalid quantity: below the minimum trade quantity")
        return quantity

    def _check_held(
        self, account: str, market: Market, outcome: Outcome, action: Action, quantity: int
    ) -> None:
        """Selling is for what is held; going short is buying SHORT."""
        free = self.exchange.members.accounts[account].free(market.slug, outcome)
        if action is Action.SELL and quantity > free:
            raise ApiError(PRECONDITION, "insufficient position to sell")

    # --- change -------------------------------------------------------------------------------

    def cancel(self, account: str, order_id: str) -> None:
        record = self._open(account, order_id)
        self.exchange.cancel(record)

    def modify(self, account: str, order_id: str, request: ModifyOrder) -> None:
        record = self._open(account, order_id)
        market, order = record.market, record.order
        price, quantity = order.price, order.quantity
        if request.price is not None:
            long = _cut(request.price.value * PRICE_PER_DOLLAR, market.spec.tick)
            price = text.long_price(long, is_yes=record.is_yes)
        if request.quantity is not None:
            quantity = _cut(request.quantity * QUANTITY_PER_CONTRACT, market.spec.least)
        if not 0 < price < PRICE_PER_DOLLAR or quantity <= 0:
            raise ApiError(INVALID, "invalid price or quantity")
        try:
            self.exchange.replace(record, price, quantity)
        except VenueRefused as refusal:
            raise ApiError(PRECONDITION, "insufficient buying power") from refusal

    def close(self, account: str, request: ClosePosition) -> tuple[OrderRecord, list[Report]]:
        """Sell all that is held of a market at what there is."""
        market = self.market(request.market_slug)
        net = self.exchange.members.accounts[account].net_position(market.slug)
        if not net:
            raise ApiError(PRECONDITION, "no position to close")
        side = "LONG" if net > 0 else "SHORT"
        order = CreateOrder(
            market_slug=market.slug,
            intent="ORDER_INTENT_SELL_LONG" if side == "LONG" else "ORDER_INTENT_SELL_SHORT",
            type="ORDER_TYPE_MARKET",
            quantity=Decimal(abs(net)) / QUANTITY_PER_CONTRACT,
            tif="TIME_IN_FORCE_IMMEDIATE_OR_CANCEL",
            slippage_tolerance=request.slippage_tolerance,
        )
        return self.create(account, order)

    def preview(self, account: str, request: CreateOrder) -> dict[str, Any]:
        """What would become of an order: its cut price and size, and what it would cost."""
        record = self.record(account, request)
        cost = record.order.price * record.order.quantity // PRICE_PER_DOLLAR
        body = record.body()
        del body["id"], body["state"]
        return {"order": {**body, "cashOrderQty": text.cash(cost)}}

    def _open(self, account: str, order_id: str) -> OrderRecord:
        record = self.exchange.seen(account, order_id)
        if record is None:
            raise ApiError(NOT_FOUND, "order not found")
        if not record.is_open:
            raise ApiError(PRECONDITION, f"order is already {record.state}")
        return record


def check_batch(count: int) -> None:
    if not 1 <= count <= BATCH_MAX:
        raise ApiError(INVALID, f"a batch must hold 1 to {BATCH_MAX} orders")


def _market_price(market: Market, buys_long: bool, slippage: Slippage | None) -> int:
    """The worst LONG price a market order may pay: anything, unless it says."""
    tick = market.spec.tick
    if slippage is None:
        return PRICE_PER_DOLLAR - tick if buys_long else tick
    now = _cut(slippage.current_price.value * PRICE_PER_DOLLAR, tick)
    away = slippage.ticks * tick or now * slippage.bips // _BIPS
    worst = now + away if buys_long else now - away
    return min(PRICE_PER_DOLLAR - tick, max(tick, worst - worst % tick))


def _time_in_force(request: CreateOrder) -> TimeInForce:
    if request.type == "ORDER_TYPE_MARKET" and request.tif != "TIME_IN_FORCE_FILL_OR_KILL":
        return TimeInForce.IOC
    tif = _TIMES[request.tif]
    if request.participate_dont_initiate and tif in (TimeInForce.IOC, TimeInForce.FOK):
        raise ApiError(INVALID, "participateDontInitiate orders must be able to rest")
    return tif


def _good_till(request: CreateOrder, now_ns: int) -> int | None:
    if request.tif != "TIME_IN_FORCE_GOOD_TILL_DATE":
        return None
    try:
        at_ns = text.moment_ns(request.good_till_time)
    except ValueError as error:
        raise ApiError(INVALID, "invalid goodTillTime") from error
    if at_ns <= now_ns:
        raise ApiError(INVALID, "goodTillTime is in the past")
    return at_ns


def _cut(value: Decimal, step: int) -> int:
    """Down to a multiple of the step. Raises ApiError for what is no sensible number."""
    if not value.is_finite() or abs(value) > 10 * QUANTITY_PER_CONTRACT * CASH_PER_DOLLAR:
        raise ApiError(INVALID, "invalid number")
    whole = int(value.to_integral_value(ROUND_FLOOR))
    return whole - whole % step


def _yes(outcome: Outcome) -> bool:
    return outcome is Outcome.YES
