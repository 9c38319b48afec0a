"""Gateway, Kalshi adapter and engine over real sockets against the simulated venue, which was
written without them. No stream is connected: what is heard comes from answers and look-ups."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final

import pytest

from hotpath.engine import EngineSettings
from hotpath.gateway.books import EngineBooks
from hotpath.gateway.dead_man import DeadMan, DeadManSettings
from hotpath.gateway.live import LiveGateway
from hotpath.gateway.settings import ForeignOrders, GatewaySettings
from kairos.adapters.http.transport import AiohttpTransport
from kairos.adapters.http.wire import WireTransport
from kairos.bootstrap import (
    KALSHI_DEMO,
    KalshiConfig,
    KalshiKey,
    KalshiTrading,
    kalshi_trading,
    kalshi_transport,
    kalshi_wire,
)
from kairos.domain.instruments import Action, Outcome
from kairos.domain.ledger import LedgerRules
from kairos.domain.refusals import Refusal
from kairos.messages.commands import AmendOrder, CancelOrder, SubmitOrder, TimeInForce
from kairos.messages.events import Event, OrderClosed, OrderRejected
from kairos.services.breaks import ReconcileSettings
from kairos.services.opening import open_account
from kairos.services.reconcile import Reconciliation
from tests.support.engine import new_engine
from tests.support.sim_kalshi import TICKER, Venue, run, venue

DOLLAR = CONTRACT = 1_000_000
SPEED = 20
TICK = 0.02
IOC, FOK, GTC = TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTC
RULES = LedgerRules(netting=True, allow_debt=True, any_order=True)


class FastClock:
    """The venue's time, which somebody else moves; sleeping waits for it."""

    def __init__(self, at: Venue) -> None:
        self._at = at

    def now_ns(self) -> int:
        return self._at.clock.now_ns()

    async def sleep(self, seconds: float) -> None:
        until_ns = self.now_ns() + round(seconds * 1e9)
        while self.now_ns() < until_ns:  # noqa: ASYNC110 - the time is a number, not an event
            await asyncio.sleep(TICK / 4)


class Desk:
    """An engine and its gateway at one Kalshi account."""

    def __init__(self, at: Venue, trading: KalshiTrading) -> None:
        self.at, self.trading, self.clock = at, trading, FastClock(at)
        settings = EngineSettings(opening_cash=1_000 * DOLLAR, ledger=RULES)
        self.engine = new_engine(settings)
        self.heard: list[Event] = []
        self.gateway = LiveGateway(
            trading, self.clock, self.inbox,
            GatewaySettings(ForeignOrders.LEAVE, answer_seconds=20, look_first_seconds=1),
            lambda _command, _fill: 0,
        )  # fmt: skip
        compare = ReconcileSettings(
            cash_excludes_resting=False, cash_tolerance=0, grace_seconds=1.0
        )
        books = EngineBooks(self.gateway, self.engine.account)
        self.reconciliation = Reconciliation(trading, self.clock, books, self.inbox, compare)

    def inbox(self, event: Event) -> None:
        self.heard.append(event)
        self.engine.handle(event)
        self.engine.account.ledger.check()

    def buy(
        self, name: str, price: int, contracts: int, how: TimeInForce = GTC,
        outcome: Outcome = Outcome.YES,
    ) -> None:  # fmt: skip
        order = SubmitOrder(
            self.clock.now_ns(), name, TICKER, outcome, Action.BUY, price, contracts * CONTRACT,
            how, post_only=False, reduce_only=False,
        )  # fmt: skip
        self.engine.account.submitted(order, self.engine.books.market(TICKER))
        self.gateway.submit(order)

    def words(self, name: str) -> list[str]:
        return [
            type(event).__name__
            for event in self.heard
            if getattr(event, "client_order_id", None) == name
        ]

    def reason(self, name: str) -> str | None:
        ends = (
            event.reason
            for event in self.heard
            if isinstance(event, OrderClosed | OrderRejected) and event.client_order_id == name
        )
        return next(ends, None)

    async def until(self, name: str, word: str) -> None:
        """Wait for a report; at most some seconds of real time."""
        for _ in range(400):
            if word in self.words(name):
                return
            await asyncio.sleep(TICK / 2)
        raise AssertionError(f"{name}: {self.words(name)} without {word}")


Transport = AiohttpTransport | WireTransport


async def _usual(config: KalshiConfig) -> AiohttpTransport:
    return kalshi_transport(config)


async def _wire(config: KalshiConfig) -> WireTransport:
    wire = kalshi_wire(config, jitter=lambda: 0.5)
    await wire.open()
    return wire


TRANSPORTS: Final[dict[str, Callable[[KalshiConfig], Awaitable[Transport]]]] = {
    "aiohttp": _usual,
    "wire": _wire,
}
_over = "aiohttp"


@pytest.fixture(autouse=True, params=TRANSPORTS)
def over(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test is held over both transports."""
    monkeypatch.setitem(globals(), "_over", request.param)


@asynccontextmanager
async def desk() -> AsyncIterator[Desk]:
    async with venue() as at:
        config = replace(
            KALSHI_DEMO, rest_origin=at.server.base_url.removesuffix("/trade-api/v2"),
            tier="prestige", timeout_seconds=2.0,
        )  # fmt: skip
        transport = await TRANSPORTS[_over](config)
        member = at.alice.credentials
        key = KalshiKey.from_pem(member.key_id, member.private_key_pem)

        def over(group: str) -> KalshiTrading:
            return kalshi_trading(
                config, key, FastClock(at), transport, order_group_id=group, jitter=lambda: 0.5,
                exchange_index=2,
            )  # fmt: skip

        async def move() -> None:
            while True:
                await asyncio.sleep(TICK)
                at.pass_time(TICK * SPEED)

        moving = asyncio.ensure_future(move())
        try:
            group = await over("").groups.create(1_000_000_000_000)
            traded = Desk(at, over(group))
            yield traded
            await traded.gateway.close()
        finally:
            moving.cancel()
            await asyncio.wait({moving})
            await transport.close()


def test_a_day_of_lost_answers_ends_in_the_venue_s_books() -> None:
    async def scenario() -> None:
        async with desk() as us:
            at = us.at
            await at.bob.placed("ask", "0.6000", "6.00")
            await at.fault(fault="lose_replies", count=1, path="*/orders", method="POST")
            us.buy("lost", 6_000, 4, IOC)
            await us.until("lost", "OrderClosed")
            us.buy("killed", 6_000, 50, FOK)
            await us.until("killed", "OrderRejected")
            await at.fault(fault="fail", status=500, count=1, path="*/orders", method="POST")
            us.buy("failed", 3_000, 1)
            await us.until("failed", "OrderUnknown")
            assert us.engine.account.reserved >= 300_000
            await us.until("failed", "OrderRejected")
            assert us.words("lost")[:2] == ["OrderUnknown", "OrderAccepted"]
            assert us.reason("failed") == "never_arrived"
            assert us.reason("killed") == Refusal.NOT_FILLED
            report = await us.reconciliation.once()
            assert report.agrees, report
            assert us.engine.account.ledger.held(TICKER, Outcome.YES) == 4 * CONTRACT
            assert us.engine.account.reserved == 0

    run(scenario)


def test_an_order_rests_is_made_smaller_fills_in_part_and_is_canceled() -> None:
    async def scenario() -> None:
        async with desk() as us:
            us.buy("c1", 4_000, 10, outcome=Outcome.NO)
            await us.until("c1", "OrderAccepted")
            amend = AmendOrder(us.clock.now_ns(), "c1", 4_000, 6 * CONTRACT)
            us.engine.account.amending(amend)
            us.gateway.amend(amend)
            await us.until("c1", "OrderAmended")
            assert us.engine.account.reserved == 2_400_000
            await us.at.bob.placed("bid", "0.6000", "2.00", time_in_force="immediate_or_cancel")
            us.gateway.cancel(CancelOrder(us.clock.now_ns(), "c1"))
            await us.until("c1", "OrderClosed")
            assert (await us.reconciliation.once()).agrees
            assert us.engine.account.ledger.held(TICKER, Outcome.NO) == 2 * CONTRACT
            assert us.engine.account.reserved == 0

    run(scenario)


def test_a_resting_order_lives_while_we_do_and_no_longer() -> None:
    async def scenario() -> None:
        async with desk() as us:
            us.buy("c1", 2_000, 1)
            await us.until("c1", "OrderAccepted")
            guard = DeadMan(
                us.trading, us.clock, us.gateway, us.inbox, DeadManSettings(),
                us.trading.orders.renew,
            )  # fmt: skip
            beating = asyncio.ensure_future(guard.run())
            await us.clock.sleep(40)
            assert len(await us.trading.open_orders()) == 1
            assert guard.failures == 0
            beating.cancel()
            await asyncio.wait({beating})
            await us.clock.sleep(17)
            assert await us.trading.open_orders() == []

    run(scenario)


def test_the_next_life_takes_the_account_over_as_it_is() -> None:
    async def scenario() -> None:
        async with desk() as us:
            await us.at.bob.placed("ask", "0.6000", "6.00")
            us.buy("filled", 6_000, 6, IOC)
            await us.until("filled", "OrderClosed")
            us.buy("rests", 2_000, 5)
            await us.until("rests", "OrderAccepted")
            await us.gateway.close()

            after = Desk(us.at, us.trading)
            opened = await open_account(
                us.trading, after.clock, after.gateway.foreign, after.inbox,
                cash=1_000 * DOLLAR, netting=True,
            )  # fmt: skip
            assert (opened.positions, opened.orders, opened.unexplained) == (1, 1, ())
            assert after.engine.account.ledger.cost(TICKER) == 3_600_000
            assert (await after.reconciliation.once()).agrees
            await after.gateway.close()

    run(scenario)
