"""What the account holds: positions, cash and trades, as Polymarket US states them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

from kairos.adapters.polymarket_us import amounts
from kairos.adapters.polymarket_us.orders import long_price, meaning_of, positive
from kairos.adapters.polymarket_us.schemas import (
    Amount,
    Balance,
    OwnExecution,
    OwnTrade,
    Position,
)
from kairos.domain.instruments import Liquidity, Outcome, Venue
from kairos.domain.units import notional, quantity_from_contracts
from kairos.errors import Malformed
from kairos.messages.trading import FillState, VenueBalance, VenueFill, VenuePosition

_DOLLARS: Final = "USD"
# A trade on the exchange stands from the match on (NEW, later CLEARED) unless it is busted. The
# others are on their way through clearing.
_TRADE_STATES: Final = {
    "TRADE_STATE_NEW": FillState.FINAL,
    "TRADE_STATE_CLEARED": FillState.FINAL,
    "TRADE_STATE_INFLIGHT": FillState.PENDING,
    "TRADE_STATE_PENDING_RISK": FillState.PENDING,
    "TRADE_STATE_PENDING_CLEARED": FillState.PENDING,
    "TRADE_STATE_BUSTED": FillState.VOID,
    "TRADE_STATE_REJECTED": FillState.VOID,
}


def net_position(position: Position) -> int:
    """Micro-contracts: positive YES, negative NO. The exact field wins over the rounded one."""
    exact = position.net_position_decimal
    if exact:
        return quantity_from_contracts(_normal(exact), "netPositionDecimal")
    if position.net_position is None:
        raise Malformed("missing_field", "netPosition", "the position has no size")
    return quantity_from_contracts(amounts.plain(position.net_position, "netPosition"))


def held(market: str, net: int) -> VenuePosition | None:
    """None for a position of nothing."""
    if net == 0:
        return None
    outcome = Outcome.YES if net > 0 else Outcome.NO
    return VenuePosition(Venue.POLYMARKET_US, market, outcome, abs(net))


def balance_of(balances: Sequence[Balance]) -> VenueBalance:
    """Buying power in dollars. Raises Malformed where it cannot be told which that is."""
    dollars = [each for each in balances if each.currency == _DOLLARS]
    chosen = dollars or [each for each in balances if not each.currency]
    if len(chosen) != 1:
        raise Malformed("missing_field", "balances", f"{len(chosen)} balances in {_DOLLARS}")
    cash = amounts.micro_dollars(chosen[0].buying_power, "buyingPower")
    return VenueBalance(Venue.POLYMARKET_US, cash)


def own_execution(trade: OwnTrade) -> OwnExecution:
    """Our side of a trade; the other side's order is hidden from us."""
    ours = trade.aggressor_execution if trade.is_aggressor else trade.passive_execution
    if ours is None:
        raise Malformed("missing_field", "trade", f"{trade.id} does not say which side is ours")
    return ours


def own_order_id(trade: OwnTrade) -> str:
    order = own_execution(trade).order
    if order is None or not order.id:
        raise Malformed("missing_field", "trade.order", f"{trade.id} does not name our order")
    return order.id


def fill_of_trade(trade: OwnTrade, client_order_id: str | None) -> VenueFill:
    """Raises Malformed for a trade whose direction, price or size is not told."""
    ours = own_execution(trade)
    order_id = own_order_id(trade)
    intent = ours.order.intent if ours.order is not None else None
    outcome, action = meaning_of(intent or "")
    price = long_price(outcome, amounts.price(_present(ours.last_px), "lastPx"))
    if ours.last_shares is None:
        raise Malformed("missing_field", "lastShares", f"trade {trade.id} has no size")
    quantity = positive(amounts.quantity(ours.last_shares, "lastShares"), "lastShares")
    fee = ours.commission_notional_collected
    return VenueFill(
        Venue.POLYMARKET_US, ours.trade_id or trade.id, order_id, client_order_id,
        trade.market_slug, outcome, action, price, quantity, notional(price, quantity),
        None if fee is None else amounts.cash(fee, "commissionNotionalCollected"),
        Liquidity.TAKER if trade.is_aggressor else Liquidity.MAKER, trade_state(trade.state),
        amounts.nanoseconds(ours.transact_time or trade.create_time, "transactTime"),
    )  # fmt: skip


def trade_state(state: str) -> FillState:
    found = _TRADE_STATES.get(state)
    if found is None:
        raise Malformed("bad_state", "state", f"{state[:40]!r} is no trade state that we know")
    return found


def unique_trades(trades: Iterable[OwnTrade]) -> list[OwnTrade]:
    """Pages shift while they are read: a trade seen twice is one, as it was seen first (newest)."""
    seen: dict[str, OwnTrade] = {}
    for each in trades:
        seen.setdefault(each.id, each)
    return list(seen.values())


def _present(amount: Amount | None) -> Amount:
    if amount is None:
        raise Malformed("missing_field", "lastPx", "a trade without a price")
    return amount


def _normal(text: str) -> str:
    """Decimal text without zeros that only fill up (`"-4.0000000"`)."""
    try:
        return amounts.plain(Decimal(text), "netPositionDecimal")
    except InvalidOperation as error:
        raise Malformed("bad_number", "netPositionDecimal", f"{text[:40]!r}") from error
