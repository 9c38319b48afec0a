"""Order entry: everything Kalshi checks before an order may touch a book, in its order."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from kairos.domain.instruments import Action, Outcome
from kairos.domain.refusals import Refusal
from kairos.domain.units import NANOSECONDS_PER_SECOND
from kairos.errors import VenueRefused
from kairos.messages.commands import TimeInForce
from local.venues.core.matching import refused
from local.venues.core.orders import Ending, Order, Reduced, SelfTrade, Side
from local.venues.kalshi.checks import (
    expiry_ns,
    filled_at_once,
    group_limit,
    own_price,
    price_and_count,
    reduction,
)
from local.venues.kalshi.errors import ApiError, from_refusal
from local.venues.kalshi.exchange import Exchange
from local.venues.kalshi.groups import GROUPS_MAX, OrderGroup
from local.venues.kalshi.markets import Market, Status
from local.venues.kalshi.records import FillRecord, OrderRecord
from local.venues.kalshi.text import fp, ms
from local.venues.kalshi.wire import (
    AmendOrder,
    CancelItem,
    CreateGroup,
    CreateOrder,
    DecreaseOrder,
    GroupLimit,
    check_required,
)

_CLIENT_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_DEFAULT_INDEX: Final = 0
_ROUTE: Final = -1


@dataclass(slots=True)
class OrderEntry:
    """Member requests against the exchange. `cancel_all_tail_s` is how long a cancel-all may still
    catch orders placed after it; the venue says up to a minute."""

    exchange: Exchange
    new_id: Callable[[], str] = field(default=lambda: str(uuid.uuid4()))
    cancel_all_tail_s: float = 0.0
    _caught_until: dict[str, int] = field(default_factory=dict)

    # --- create -------------------------------------------------------------------------------

    def create(self, account: str, request: CreateOrder) -> dict[str, Any]:
        """The reply to a new order. Raises ApiError."""
        exchange = self.exchange
        check_required(request)
        exchange.trading.check()
        market = self._routed(request.ticker, request.exchange_index)
        if not market.is_trading:
            raise from_refusal(refused(Refusal.MARKET_CLOSED, market.status.value))
        record = self._record(account, market, request)
        self._check_client_id(account, request.client_order_id)
        group = self._group(account, request.order_group_id, market)
        already = len(exchange.fills.get(account, ()))
        self._submit(market, record, group, request.reduce_only)
        if record.order.ending is Ending.KILLED:
            raise from_refusal(refused(Refusal.NOT_FILLED, ""))
        self._catch(account, record)
        return self._placed(record, exchange.fills.get(account, [])[already:])

    def _record(self, account: str, market: Market, request: CreateOrder) -> OrderRecord:
        now_ns = self.exchange.clock.now_ns()
        order = self._order(account, market, request, now_ns)
        return OrderRecord(
            order, account, market.ticker, market.spec.exchange_index, request.client_order_id,
            self.exchange.schedule(market.ticker).order_fees(), request.order_group_id or None,
            request.cancel_order_on_pause, request.subaccount, order.quantity, now_ns,
        )  # fmt: skip

    def _order(self, account: str, market: Market, request: CreateOrder, now_ns: int) -> Order:
        yes_price, quantity = price_and_count(market, request.price, request.count)
        tif = TimeInForce(request.time_in_force or "")
        if request.reduce_only and tif is not TimeInForce.IOC:
            raise ApiError(400, "invalid_order", "invalid order", "reduce_only needs IOC")
        if request.post_only and tif is not TimeInForce.GTC:
            raise ApiError(400, "invalid_order", "invalid order", "post_only needs GTC")
        expires_ns = expiry_ns(request.expiration_time, tif, now_ns)
        outcome = Outcome.YES if request.side == Side.BID.value else Outcome.NO
        return Order(
            self.new_id(), account, outcome, Action.BUY, own_price(outcome, yes_price), quantity,
            TimeInForce.GTD if expires_ns else tif, now_ns, expires_ns, request.post_only,
            SelfTrade(request.self_trade_prevention_type or ""),
        )  # fmt: skip

    def _check_client_id(self, account: str, client_id: str) -> None:
        if not client_id:
            return
        if not _CLIENT_ID.fullmatch(client_id):
            raise ApiError(400, "invalid_parameters", "invalid parameters", "client_order_id")
        if (account, client_id) in self.exchange.client_ids:
            raise from_refusal(refused(Refusal.ALREADY_PLACED, client_id))

    def _group(self, account: str, group_id: str, market: Market) -> OrderGroup | None:
        if not group_id:
            return None
        group = self.group(account, group_id)
        if group.exchange_index != market.spec.exchange_index:
            raise ApiError(400, "invalid_order", "invalid order", "order group on another index")
        if group.is_triggered:
            raise from_refusal(refused(Refusal.GROUP_TRIGGERED, group_id))
        return group

    def _submit(
        self, market: Market, record: OrderRecord, group: OrderGroup | None, reduce_only: bool
    ) -> None:
        """Reserve, match, account for it; nothing is left behind when it is refused."""
        exchange, order = self.exchange, record.order
        now_ns = order.created_ns
        account = exchange.members.accounts[record.account]
        reducible = None
        if reduce_only:
            reducible = account.reducible(market.ticker, order.outcome, order.action)
            if not reducible:
                raise from_refusal(refused(Refusal.REDUCE_ONLY, "no position"))
        if order.post_only and market.book.would_cross(order.side, order.yes_price):
            raise from_refusal(refused(Refusal.POST_ONLY_CROSSED, ""))
        exchange.keep(record)
        try:
            account.reserve(order, market.ticker, exchange.fee_of(market.ticker))
            events = market.book.submit(order, now_ns, reducible)
        except VenueRefused as refusal:
            account.release(order.order_id)
            exchange.forget(record)
            raise from_refusal(refusal) from refusal
        if group is not None and order.ending is None:
            group.orders.add(order.order_id)
        exchange.apply(market.ticker, events)
        exchange.note_expiry(record)

    def _catch(self, account: str, record: OrderRecord) -> None:
        """A cancel-all a moment ago may still take this one with it."""
        if record.order.created_ns < self._caught_until.get(account, 0):
            self.exchange.end_order(
                record.order.order_id, Ending.CANCELED, self.exchange.clock.now_ns()
            )

    def _placed(self, record: OrderRecord, fills: list[FillRecord]) -> dict[str, Any]:
        mine = [fill for fill in fills if fill.record is record]
        reply = {
            "order_id": record.order.order_id,
            "client_order_id": record.client_order_id,
            **filled_at_once(mine),
            "remaining_count": fp(record.order.remaining),
            "ts_ms": ms(record.updated_ns),
        }
        if not record.client_order_id:
            del reply["client_order_id"]
        return reply

    # --- change -------------------------------------------------------------------------------

    def amend(self, account: str, order_id: str, request: AmendOrder) -> dict[str, Any]:
        """Price, whole size or expiry of a resting order. Raises ApiError."""
        exchange = self.exchange
        exchange.trading.check()
        market = self._routed(request.ticker, request.exchange_index)
        record = self._resting(account, order_id, market)
        if record.order.side.value != request.side:
            raise ApiError(400, "invalid_order", "invalid order", "side cannot be amended")
        if request.client_order_id and request.client_order_id != record.client_order_id:
            raise ApiError(400, "invalid_order", "invalid order", "client_order_id differs")
        yes_price, quantity = price_and_count(market, request.price, request.count)
        if record.order.post_only and market.book.would_cross(record.order.side, yes_price):
            raise from_refusal(refused(Refusal.POST_ONLY_CROSSED, ""))
        now_ns = exchange.clock.now_ns()
        self._amend_expiry(record, request.expiration_time, now_ns)
        already = len(exchange.fills.get(account, ()))
        self._amend_book(market, record, yes_price, quantity, now_ns)
        self._rename(record, request.updated_client_order_id)
        if exchange.listener is not None:
            exchange.listener.order_changed(record)
        fills = exchange.fills.get(account, [])[already:]
        return self._placed(record, fills)

    def _amend_expiry(self, record: OrderRecord, expiration: int | None, now_ns: int) -> None:
        if expiration is None:
            return
        book = self.exchange.markets[record.ticker].book
        expires_ns = expiry_ns(expiration, TimeInForce.GTC, now_ns) if expiration else None
        book.set_expiry(record.order.order_id, expires_ns)
        self.exchange.note_expiry(record)

    def _amend_book(
        self, market: Market, record: OrderRecord, yes_price: int, quantity: int, now_ns: int
    ) -> None:
        exchange, order = self.exchange, record.order
        account = exchange.members.accounts[record.account]
        price = own_price(order.outcome, yes_price)
        left = max(0, quantity - order.filled)
        record.updated_ns, record.reason = now_ns, "Amend"
        try:
            if left:
                fee_of = exchange.fee_of(market.ticker)
                account.change_reservation(order, market.ticker, fee_of, price, left)
            events = market.book.amend(order.order_id, price, quantity, now_ns)
        except VenueRefused as refusal:
            raise from_refusal(refusal) from refusal
        record.initial = max(record.initial, quantity)
        # The reservation is right already; a reduction would be taken off it twice.
        exchange.apply(market.ticker, [e for e in events if not isinstance(e, Reduced)])

    def _rename(self, record: OrderRecord, client_id: str) -> None:
        if client_id and client_id != record.client_order_id:
            self._check_client_id(record.account, client_id)
            record.client_order_id = client_id
            self.exchange.client_ids[(record.account, client_id)] = record.order.order_id

    def decrease(self, account: str, order_id: str, request: DecreaseOrder) -> dict[str, Any]:
        """Make a resting order smaller; it keeps its place. Raises ApiError."""
        self.exchange.trading.check()
        market = self._located(request.exchange_index, request.market_ticker, order_id)
        record = self._resting(account, order_id, market)
        if (request.reduce_by is None) is (request.reduce_to is None):
            detail = "exactly one of reduce_by and reduce_to"
            raise ApiError(400, "invalid_parameters", "invalid parameters", detail)
        by = reduction(request, record.order.remaining)
        now_ns = self.exchange.clock.now_ns()
        if by > 0:
            self.exchange.apply(record.ticker, market.book.decrease(order_id, by, now_ns))
        return {
            "order_id": order_id,
            "client_order_id": record.client_order_id,
            "remaining_count": fp(record.order.remaining),
            "ts_ms": ms(now_ns),
        }

    # --- cancel -------------------------------------------------------------------------------

    def cancel(self, account: str, item: CancelItem) -> dict[str, Any]:
        """Raises ApiError: 404 too for an order that lives on another index than was asked."""
        self.exchange.trading.check(only_cancels=True)
        market = self._located(item.exchange_index, item.market_ticker, item.order_id)
        record = self._resting(account, item.order_id, market)
        now_ns = self.exchange.clock.now_ns()
        left = self.exchange.end_order(item.order_id, Ending.CANCELED, now_ns)
        return {
            "order_id": item.order_id,
            "client_order_id": record.client_order_id,
            "reduced_by": fp(left),
            "ts_ms": ms(now_ns),
        }

    def cancel_all(self, account: str) -> int:
        """Everything the member has resting on any index; how many orders that was."""
        self.exchange.trading.check(only_cancels=True)
        tail_ns = int(self.cancel_all_tail_s * NANOSECONDS_PER_SECOND)
        self._caught_until[account] = self.exchange.clock.now_ns() + tail_ns
        return self.exchange.end_where(
            lambda r: r.account == account and self.exchange.markets[r.ticker].is_trading,
            Ending.CANCELED,
        )

    # --- groups -------------------------------------------------------------------------------

    def group(self, account: str, group_id: str) -> OrderGroup:
        group = self.exchange.groups.get(group_id)
        if group is None or group.account != account:
            raise ApiError(404, "not_found", "order group not found")
        return group

    def create_group(self, account: str, request: CreateGroup) -> OrderGroup:
        if len(self.exchange.groups) >= GROUPS_MAX:
            raise ApiError(400, "invalid_parameters", "too many order groups")
        limit = group_limit(request.contracts_limit, request.contracts_limit_fp)
        group = OrderGroup(self.new_id(), account, request.exchange_index, limit)
        self.exchange.groups[group.group_id] = group
        self._tell(group, "created")
        return group

    def set_limit(self, group: OrderGroup, request: GroupLimit) -> None:
        group.limit = group_limit(request.contracts_limit, request.contracts_limit_fp)
        self._tell(group, "limit_updated")
        if not group.is_triggered and group.exceeds(self.exchange.clock.now_ns()):
            self.exchange.trigger(group)

    def reset_group(self, group: OrderGroup) -> None:
        group.reset()
        self._tell(group, "reset")

    def delete_group(self, group: OrderGroup) -> None:
        now_ns = self.exchange.clock.now_ns()
        for order_id in sorted(group.orders):
            self.exchange.end_order(order_id, Ending.CANCELED, now_ns)
        del self.exchange.groups[group.group_id]
        self._tell(group, "deleted")

    def _tell(self, group: OrderGroup, event: str) -> None:
        if self.exchange.listener is not None:
            self.exchange.listener.group_changed(group, event, self.exchange.clock.now_ns())

    # --- routing ------------------------------------------------------------------------------

    def _routed(self, ticker: str, index: int) -> Market:
        """By ticker; an index that is given has to be the market's own."""
        market = self.exchange.market(ticker)
        if index not in (_ROUTE, market.spec.exchange_index):
            raise ApiError(404, "market_not_found", "market not found on this exchange index")
        return market

    def _located(self, index: int | None, ticker: str, order_id: str) -> Market:
        """Where to look for an order: its ticker's index, the one given, or the default index."""
        if index in (None, _ROUTE) and ticker:
            index = self.exchange.market(ticker).spec.exchange_index
        elif index == _ROUTE:
            raise ApiError(400, "missing_parameters", "missing parameters", "market_ticker")
        record = self.exchange.records.get(order_id)
        if record is None or record.exchange_index != (_DEFAULT_INDEX if index is None else index):
            raise ApiError(404, "not_found", "order not found")
        return self.exchange.market(record.ticker)

    def _resting(self, account: str, order_id: str, market: Market) -> OrderRecord:
        record = self.exchange.records.get(order_id)
        if record is None or record.account != account or record.ticker != market.ticker:
            raise ApiError(404, "not_found", "order not found")
        if market.status not in (Status.ACTIVE, Status.INACTIVE):
            raise from_refusal(refused(Refusal.MARKET_CLOSED, market.status.value))
        if record.order.ending is not None:
            raise ApiError(404, "not_found", "order is not resting", record.status)
        return record
