"""What the venue says of our own orders and trades, by REST or the user channel, in our units.

A match is not a settlement: MATCHED, MINED and RETRYING may still fail on the chain, CONFIRMED is
final, FAILED undoes the fill. The fee on a trade record (`fee_rate_bps`) is 0 even where a fee was
taken, so fees come from the market's own schedule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec

from kairos.adapters.polymarket.listings import Listing, Listings
from kairos.adapters.polymarket.rest_schemas import WireMakerOrder, WireOrder, WireTrade
from kairos.adapters.polymarket.times import optional_ns, time_ns
from kairos.domain.instruments import Action, Liquidity, Venue
from kairos.domain.units import (
    PRICE_PER_DOLLAR,
    price_from_dollars,
    quantity_from_contracts,
)
from kairos.errors import Malformed
from kairos.messages.trading import FillState, OrderStatus, VenueFill, VenueOrder

FILL_STATES: Final = {
    "MATCHED": FillState.PENDING,
    "MATCHED_NOT_BROADCASTED": FillState.PENDING,
    "MINED": FillState.PENDING,
    "RETRYING": FillState.PENDING,
    "CONFIRMED": FillState.FINAL,
    "FAILED": FillState.VOID,
}
_ACTIONS: Final = {"BUY": Action.BUY, "SELL": Action.SELL}
_IMMEDIATE: Final = frozenset({"FAK", "FOK", "IOC"})
PONG: Final = b"PONG"


class FeeAsset(StrEnum):
    """What the taker fee of a buy is taken in. Fees of sales are always taken in cash.

    The first exchange took shares (buy 5, hold 4.89). For the present ones the venue's clients add
    the fee to the cash a buy needs, and a fill of August 2026 shows the full size and less cash.
    """

    COLLATERAL = "collateral"
    SHARES = "shares"


@dataclass(frozen=True, slots=True)
class Owner:
    """Who we are on a trade: the API key's id and the wallet that pays."""

    api_key: str
    wallet: str

    def made(self, maker: WireMakerOrder) -> bool:
        """Whether a maker's side of a trade is ours."""
        if maker.owner:
            return maker.owner == self.api_key
        return (maker.maker_address or "").lower() == self.wallet.lower()

    def __repr__(self) -> str:
        return f"Owner({self.wallet}, <redacted>)"


class Reporter:
    """Turns the venue's orders and trades into ours. `client_id` finds our id for a venue's."""

    def __init__(
        self,
        listings: Listings,
        owner: Owner,
        client_id: Callable[[str], str | None],
        fee_asset: FeeAsset,
    ) -> None:
        self._listings = listings
        self._owner = owner
        self._client_id = client_id
        self._fee_asset = fee_asset

    def order(self, wire: WireOrder) -> VenueOrder:
        """Raises Malformed; `unknown_market` when the market has not been looked up."""
        listing = self._listings.require(wire.market)
        quantity = _size(wire.original_size, "original_size")
        filled = _matched(wire)
        status, reason = order_status(wire, quantity, filled)
        return VenueOrder(
            Venue.POLYMARKET, wire.id, self._client_id(wire.id), wire.market,
            listing.outcome(wire.asset_id), _action(wire.side), _price(wire.price), quantity,
            filled, status, reason, optional_ns(wire.created_at, "created_at"),
            optional_ns(wire.expiration, "expiration"), optional_ns(wire.timestamp, "timestamp"),
        )  # fmt: skip

    def fills(self, trade: WireTrade) -> tuple[VenueFill, ...]:
        """Our side or sides of a trade: as taker one fill, as maker one for each of our orders.

        Raises Malformed (`not_ours` when no side is).
        """
        listing = self._listings.require(trade.market)
        state = fill_state(trade.status)
        fills = [
            self._maker_fill(listing, trade, maker, state)
            for maker in trade.maker_orders
            if self._owner.made(maker)
        ]
        if self._took(trade):
            fills.append(self._taker_fill(listing, trade, state))
        if not fills:
            raise Malformed("not_ours", "maker_orders", f"no side of trade {trade.id} is ours")
        return tuple(fills)

    def _took(self, trade: WireTrade) -> bool:
        if trade.trader_side is not None:
            if trade.trader_side not in ("TAKER", "MAKER"):
                raise Malformed("bad_side", "trader_side", f"{trade.trader_side[:20]!r}")
            return trade.trader_side == "TAKER"
        return trade.owner == self._owner.api_key

    def _taker_fill(self, listing: Listing, trade: WireTrade, state: FillState) -> VenueFill:
        action, price = _action(trade.side), _price(trade.price)
        quantity = _positive(trade.size, "size")
        fee = None
        if listing.fees is not None:
            fee = listing.fees.fill_fee(price, quantity, Liquidity.TAKER)
            if action is Action.BUY and self._fee_asset is FeeAsset.SHARES:
                # Cash paid stays price × size: less is bought, and what is withheld is the fee.
                quantity -= withheld_shares(fee, price)
        return self._fill(
            listing, trade, trade.taker_order_id, trade.asset_id, action, price, quantity, fee,
            Liquidity.TAKER, state,
        )  # fmt: skip

    def _maker_fill(
        self, listing: Listing, trade: WireTrade, maker: WireMakerOrder, state: FillState
    ) -> VenueFill:
        return self._fill(
            listing, trade, maker.order_id, maker.asset_id, _maker_action(trade, maker),
            _price(maker.price), _positive(maker.matched_amount, "matched_amount"), 0,
            Liquidity.MAKER, state,
        )  # fmt: skip

    def _fill(
        self, listing: Listing, trade: WireTrade, order_id: str, token: str, action: Action,
        price: int, quantity: int, fee: int | None, liquidity: Liquidity, state: FillState,
    ) -> VenueFill:  # fmt: skip
        return VenueFill(
            Venue.POLYMARKET, f"{trade.id}:{order_id}", order_id, self._client_id(order_id),
            trade.market, listing.outcome(token), action, price, quantity,
            _notional(action, price, quantity), fee, liquidity, state,
            time_ns(trade.match_time, "match_time"),
        )  # fmt: skip


def order_status(wire: WireOrder, quantity: int, filled: int) -> tuple[OrderStatus, str]:
    """Our status and the venue's own word for it. Raises Malformed for a status we do not know."""
    said = wire.status.removeprefix("ORDER_STATUS_")
    word = said.upper()
    if word == "LIVE":
        return OrderStatus.RESTING, said
    if word == "MATCHED":
        return _of_matched(wire, quantity, filled), said
    if word in ("DELAYED", "UNMATCHED"):
        return OrderStatus.PENDING, said
    if word == "CANCELED_EXPIRED_ORDER":
        return OrderStatus.EXPIRED, said
    # The rest of the word is the venue's reason, sometimes a whole sentence.
    if word == "INVALID" or word == "CANCELED" or word.startswith("CANCELED_"):
        return OrderStatus.CANCELED, said
    raise Malformed("unknown_status", "status", f"{wire.status[:60]!r}")


def _of_matched(wire: WireOrder, quantity: int, filled: int) -> OrderStatus:
    if filled >= quantity:
        return OrderStatus.FILLED
    # What a fill-and-kill order did not get is gone; of another order the rest may yet rest.
    return OrderStatus.CANCELED if wire.order_type in _IMMEDIATE else OrderStatus.PENDING


def fill_state(status: str) -> FillState:
    """Raises Malformed for a status we do not know: it may mean that the fill is undone."""
    state = FILL_STATES.get(status.removeprefix("TRADE_STATUS_"))
    if state is None:
        raise Malformed("unknown_status", "status", f"{status[:40]!r}")
    return state


def withheld_shares(fee: int, price: int) -> int:
    """Micro-contracts that a fee of `fee` micro-dollars is worth at `price`, rounded up."""
    return -(-fee * PRICE_PER_DOLLAR // price) if price else 0


def _matched(wire: WireOrder) -> int:
    # A killed FOK order comes with an empty text. It fills whole or not at all.
    if wire.size_matched == "" and wire.order_type == "FOK" and wire.status.startswith("CANCELED"):
        return 0
    return _size(wire.size_matched, "size_matched")


def _maker_action(trade: WireTrade, maker: WireMakerOrder) -> Action:
    """Makers of the same token are on the other side; of the other token on the same: two buys
    of YES and NO are matched by minting a pair."""
    if maker.side is not None:
        return _action(maker.side)
    taker = _action(trade.side)
    if maker.asset_id != trade.asset_id:
        return taker
    return Action.SELL if taker is Action.BUY else Action.BUY


def _action(side: str) -> Action:
    action = _ACTIONS.get(side.upper())
    if action is None:
        raise Malformed("bad_side", "side", f"{side[:20]!r} is neither BUY nor SELL")
    return action


def _price(text: str) -> int:
    return price_from_dollars(text, "price")


def _size(text: str, field: str) -> int:
    quantity = quantity_from_contracts(text, field)
    if quantity < 0:
        raise Malformed("bad_size", field, f"{text!r} is negative")
    return quantity


def _positive(text: str, field: str) -> int:
    quantity = _size(text, field)
    if not quantity:
        raise Malformed("bad_size", field, "a fill of nothing")
    return quantity


def _notional(action: Action, price: int, quantity: int) -> int:
    """The venue states none: price × size, what is finer than a micro-dollar against us."""
    exact = price * quantity
    return -(-exact // PRICE_PER_DOLLAR) if action is Action.BUY else exact // PRICE_PER_DOLLAR


class _OrderFrame(WireOrder, tag="order", tag_field="event_type"):
    """An order on the user channel."""


class _TradeFrame(WireTrade, tag="trade", tag_field="event_type"):
    """A trade on the user channel."""


_Frame = _OrderFrame | _TradeFrame
_decode_frames = msgspec.json.Decoder(list[_Frame] | _Frame).decode


class UserParser:
    """Frames of the user channel become reports. What cannot be read raises Malformed: whoever
    reads it then asks the venue for orders and trades, because something of ours has changed."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter

    def parse(self, frame: bytes) -> tuple[VenueOrder | VenueFill, ...]:
        if frame == PONG:
            return ()
        try:
            decoded = _decode_frames(frame)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Malformed("unreadable_frame", "frame", str(error)[:200]) from error
        frames = decoded if isinstance(decoded, list) else [decoded]
        return tuple(report for each in frames for report in self._reports(each))

    def _reports(self, frame: _Frame) -> tuple[VenueOrder | VenueFill, ...]:
        if isinstance(frame, _TradeFrame):
            return self._reporter.fills(frame)
        return (self._reporter.order(frame),)
