"""A live gateway between an engine and a fake venue, with time in the test's hands."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from hotpath.engine import Engine, EngineSettings
from hotpath.gateway.live import LiveGateway
from hotpath.gateway.settings import ForeignOrders, GatewaySettings
from kairos.domain.instruments import Action, Outcome
from kairos.domain.ledger import LedgerRules
from kairos.messages.commands import AmendOrder, CancelOrder, SubmitOrder, TimeInForce
from kairos.messages.events import (
    BreakFound,
    BreakResolved,
    Event,
    OrderClosed,
    OrderRejected,
)
from kairos.messages.trading import VenueFill, VenueOrder
from tests.support.engine import new_engine
from tests.support.fake_venue import FakeVenue, Fault
from tests.support.virtual_clock import VirtualClock

CONTRACT = DOLLAR = 1_000_000
MARKET = "KXBTC15M-TEST"
OPENING = 1_000 * DOLLAR
RULES = LedgerRules(netting=False, allow_debt=True, any_order=True)
ESTIMATED_FEE = 20_000


def buy(
    name: str = "c1",
    contracts: int = 10,
    price: int = 5_000,
    *,
    market: str = MARKET,
    outcome: Outcome = Outcome.YES,
    action: Action = Action.BUY,
    tif: TimeInForce = TimeInForce.GTC,
) -> SubmitOrder:
    return SubmitOrder(
        0, name, market, outcome, action, price, contracts * CONTRACT, tif, post_only=False,
        reduce_only=False,
    )  # fmt: skip


class Desk:
    """Engine, gateway and venue. What the stream says is delivered at once, or kept for `deliver`.

    After every step the exposure that the engine counts covers all that the venue could still do.
    """

    def __init__(
        self,
        *,
        foreign: ForeignOrders = ForeignOrders.ADOPT,
        client_ids: bool = True,
        stream_at_once: bool = True,
        after: Desk | None = None,
    ) -> None:
        """`after`: the next life at the same venue, with what the last engine knew."""
        self.clock: VirtualClock = after.clock if after else VirtualClock()
        self.venue: FakeVenue = (
            after.venue if after
            else FakeVenue(self.clock, OPENING, has_client_order_ids=client_ids)
        )  # fmt: skip
        self.venue.stream = self._heard
        settings = EngineSettings(opening_cash=OPENING, ledger=RULES)
        self.engine: Engine = after.engine if after else new_engine(settings)
        self.heard: list[Event] = []
        self.stream: list[VenueOrder | VenueFill] = []
        self._at_once = stream_at_once
        self.gateway = LiveGateway(
            self.venue, self.clock, self._inbox, GatewaySettings(foreign),
            lambda _command, _fill: ESTIMATED_FEE,
        )  # fmt: skip

    # What the engine does

    def submit(self, command: SubmitOrder) -> None:
        self.engine.account.submitted(command, self.engine.books.market(command.market))
        self.gateway.submit(command)

    def cancel(self, name: str = "c1") -> None:
        self.gateway.cancel(CancelOrder(self.clock.now_ns(), name))

    def amend(self, name: str, price: int, contracts: int) -> None:
        command = AmendOrder(self.clock.now_ns(), name, price, contracts * CONTRACT)
        self.engine.account.amending(command)
        self.gateway.amend(command)

    # What the stream does

    def _heard(self, message: VenueOrder | VenueFill) -> None:
        if self._at_once:
            self.hear(message)
        else:
            self.stream.append(message)

    def hear(self, message: VenueOrder | VenueFill) -> None:
        if isinstance(message, VenueOrder):
            self.gateway.on_venue_order(message)
        else:
            self.gateway.on_venue_fill(message)

    def _inbox(self, event: Event) -> None:
        self.heard.append(event)
        self.engine.handle(event)
        self.engine.account.ledger.check()

    async def wait(self, seconds: float = 0.0) -> None:
        await self.clock.advance(seconds)

    def fault(self, call: str, *faults: Fault) -> None:
        self.venue.faults.setdefault(call, deque()).extend(faults)

    # What came of it

    def words(self, name: str | None = None) -> list[str]:
        """The reports about one order, or all, by their names; repeats of breaks left out."""
        return [
            type(event).__name__
            for event in self.heard
            if name is None or getattr(event, "client_order_id", None) == name
        ]

    def reason(self, name: str = "c1") -> str:
        return next(
            event.reason
            for event in reversed(self.heard)
            if isinstance(event, OrderClosed | OrderRejected) and event.client_order_id == name
        )

    def breaks(self) -> list[str]:
        """Kinds of the breaks that are not resolved."""
        open_ones: dict[str, str] = {}
        for event in self.heard:
            if isinstance(event, BreakFound):
                open_ones[event.break_id] = event.kind
            elif isinstance(event, BreakResolved):
                open_ones.pop(event.break_id, None)
        return list(open_ones.values())

    def held(self, outcome: Outcome = Outcome.YES, market: str = MARKET) -> int:
        return self.engine.account.ledger.held(market, outcome)

    def check_exposure(self) -> None:
        """All that may rest or has executed at the venue is reserved or booked."""
        account = self.engine.account
        for rest in list(self.venue._orders.values()):
            order, name = rest.order, rest.sent.client_order_id
            opened = account.orders.get(name) or account.orders.get(f"ext-{order.venue_order_id}")
            booked = {fill.fill_id for fill in account.ledger.fills()}
            unbooked = sum(
                fill.quantity for fill in self.venue.executions(name)
                if fill.fill_id not in booked and not account.ledger.knows(fill.fill_id)
            )  # fmt: skip
            resting = 0 if order.status.is_final else order.quantity - order.filled
            if opened is None:
                assert not resting, f"{name} rests and nobody counts it"
                assert not unbooked, f"{name} filled and nobody booked it"
            elif order.action is Action.BUY and opened.managed:
                assert opened.reserved >= order.price * (resting + unbooked) // 10_000, name

    def check_settled(self) -> None:
        """Everything arrived: our books are the venue's books."""
        self.check_exposure()
        account = self.engine.account
        account.ledger.check()
        ours = {(p.market, p.outcome): p.quantity for p in account.ledger.positions()}
        assert ours == dict(self.venue.held())
        assert account.ledger.cash == self.venue.cash
        assert account.ledger.reserved == account.reserved
        if not any(not r.order.status.is_final for r in self.venue._orders.values()):
            assert (account.reserved, account.orders) == (0, {})


def play(script: Callable[[Desk], Coroutine[Any, Any, None]], **options: Any) -> Desk:  # noqa: ANN401
    """Run a script on a fresh desk and stop the gateway."""

    async def run() -> Desk:
        desk = Desk(**options)
        try:
            await script(desk)
        finally:
            await desk.gateway.close()
        return desk

    return asyncio.run(run())
