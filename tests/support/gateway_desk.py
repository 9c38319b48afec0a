"""Gateway, engine and reconciliation at an account of a simulated venue, on that venue's time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from hotpath.engine import EngineSettings
from hotpath.gateway.books import EngineBooks
from hotpath.gateway.live import LiveGateway
from hotpath.gateway.settings import ForeignOrders, GatewaySettings
from kairos.domain.instruments import Action, Outcome
from kairos.domain.ledger import LedgerRules
from kairos.messages.commands import CancelOrder, SubmitOrder, TimeInForce
from kairos.messages.events import BreakResolved, Event, OrderClosed, OrderRejected
from kairos.ports import VenueTrading
from kairos.services.breaks import ReconcileSettings
from kairos.services.opening import Opened, open_account
from kairos.services.reconcile import Reconciliation
from tests.support.engine import new_engine

DOLLAR = CONTRACT = 1_000_000
TICK = 0.02
OPENING = 1_000 * DOLLAR


class VenueTime:
    """The venue's time as our clock. `speed` is its seconds to one of ours while `moving`."""

    def __init__(self, now_ns: Callable[[], int], pass_time: Callable[[float], None]) -> None:
        self.speed = 2.0
        self._now_ns = now_ns
        self._pass = pass_time

    def now_ns(self) -> int:
        return self._now_ns()

    async def sleep(self, seconds: float) -> None:
        until_ns = self.now_ns() + round(seconds * 1e9)
        while self.now_ns() < until_ns:  # noqa: ASYNC110 - the time is a number, not an event
            await asyncio.sleep(TICK / 4)

    @asynccontextmanager
    async def moving(self) -> AsyncIterator[VenueTime]:
        task = asyncio.ensure_future(self._move())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def _move(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            self._pass(TICK * self.speed)


class Desk:
    """One life of ours: a gateway with an engine behind it. `market` is where it trades."""

    def __init__(
        self,
        trading: VenueTrading,
        time: VenueTime,
        market: str,
        compare: ReconcileSettings,
        rules: LedgerRules,
        foreign: ForeignOrders = ForeignOrders.LEAVE,
    ) -> None:
        self.trading, self.time, self.market = trading, time, market
        self.engine = new_engine(EngineSettings(opening_cash=OPENING, ledger=rules))
        self.ledger = self.engine.account.ledger
        self._netting = rules.netting
        self._excludes_resting = compare.cash_excludes_resting
        self.heard: list[Event] = []
        self.gateway = LiveGateway(
            trading, time, self.inbox,
            GatewaySettings(foreign, answer_seconds=60, look_first_seconds=0.5),
            lambda _command, _fill: 0,
        )  # fmt: skip
        books = EngineBooks(self.gateway, self.engine.account)
        self.reconciliation = Reconciliation(trading, time, books, self.inbox, compare)

    def inbox(self, event: Event) -> None:
        self.heard.append(event)
        self.engine.handle(event)
        self.ledger.check()

    def buy(
        self,
        name: str,
        price: int,
        contracts: int,
        how: TimeInForce = TimeInForce.GTC,
        outcome: Outcome = Outcome.YES,
    ) -> SubmitOrder:
        """What was sent, as the journal would have it."""
        order = SubmitOrder(
            self.time.now_ns(), name, self.market, outcome, Action.BUY, price, contracts * CONTRACT,
            how, post_only=False, reduce_only=False,
        )  # fmt: skip
        self.engine.account.submitted(order, self.engine.books.market(self.market))
        self.gateway.submit(order)
        return order

    def cancel(self, name: str) -> None:
        self.gateway.cancel(CancelOrder(self.time.now_ns(), name))

    async def open(self) -> Opened:
        return await open_account(
            self.trading, self.time, self.gateway.foreign, self.inbox, cash=OPENING,
            netting=self._netting, cash_excludes_resting=self._excludes_resting,
        )  # fmt: skip

    def held(self, outcome: Outcome = Outcome.YES) -> int:
        return self.ledger.held(self.market, outcome)

    @property
    def reserved(self) -> int:
        return self.engine.account.reserved

    def words(self, name: str) -> list[str]:
        return [
            type(event).__name__
            for event in self.heard
            if getattr(event, "client_order_id", None) == name
        ]

    def reason(self, name: str) -> str | None:
        ends = [
            event.reason
            for event in self.heard
            if isinstance(event, OrderClosed | OrderRejected) and event.client_order_id == name
        ]
        return ends[-1] if ends else None

    def resolutions(self) -> list[str]:
        return [event.resolution for event in self.heard if isinstance(event, BreakResolved)]

    async def until(self, name: str, word: str) -> None:
        """Wait for a report; at most some seconds of real time."""
        for _ in range(600):
            if word in self.words(name):
                return
            await asyncio.sleep(TICK / 2)
        raise AssertionError(f"{name}: {self.words(name)} without {word}; {self.heard[-3:]}")
