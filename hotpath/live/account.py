"""A venue account that is traded for real: gateway, private stream, dead-man's net, reconciliation.

It opens before the first order and closes after the last, and tells the shell whatever it learns.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from hotpath.assembly import kalshi_fees
from hotpath.feeds.live.connection import Opener
from hotpath.feeds.live.websocket import open_websocket
from hotpath.gateway.books import EngineBooks
from hotpath.gateway.dead_man import DeadMan, DeadManSettings
from hotpath.gateway.factory import GatewayParts, TradingMode, gateway_for
from hotpath.gateway.live import LiveGateway
from hotpath.gateway.settings import GatewaySettings
from hotpath.gateway.tasks import within
from hotpath.live.earlier import Proof, prove
from hotpath.live.private import PrivateFeed
from hotpath.live.shell import Job, LiveShell
from hotpath.strategies.order_ids import token_of
from kairos.domain.order_effects import OrderFill
from kairos.domain.units import NANOSECONDS_PER_SECOND
from kairos.errors import Corrupt, KairosError
from kairos.messages.commands import CancelOrder, SubmitOrder
from kairos.messages.events import BreakFound
from kairos.messages.trading import Placement, VenueOrder
from kairos.ports import VenueStream, VenueTrading
from kairos.services.breaks import ReconcileSettings
from kairos.services.opening import open_account
from kairos.services.reconcile import Reconciliation, Report

_TRIGGERED: Final = "order_group_triggered"
_STALE_ROUNDS: Final = 3  # a comparison older than so many intervals is none
_CANCEL_S: Final = 3.0  # for orders of an engine that broke
_log = logging.getLogger("kairos.account")


class GroupTrading(VenueTrading, Protocol):
    """A venue account whose orders die with us: each can be renewed, all can be ended at once."""

    @property
    def has_budget(self) -> bool: ...

    async def renew(self, order: VenueOrder, expires_ns: int) -> Placement: ...

    async def close_group(self) -> None: ...


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """`answer_seconds` bounds each request of the end; the rest are the parts' own."""

    gateway: GatewaySettings
    dead_man: DeadManSettings
    reconcile: ReconcileSettings
    answer_seconds: float = 3.0


class LiveAccount:
    """Give it a shell whose role is LIVE, `await open(…)`, then add its `jobs` to the shell."""

    def __init__(
        self,
        shell: LiveShell,
        trading: GroupTrading,
        stream: VenueStream,
        settings: AccountSettings,
        uniform: Callable[[], float],
        opener: Opener = open_websocket,
    ) -> None:
        self._shell = shell
        self._trading = trading
        self._settings = settings
        clock = shell.clock
        self.gateway = _live_gateway(shell, trading, settings.gateway)
        shell.session.gateway = self.gateway
        self.private = PrivateFeed(
            stream, clock, uniform, shell.settings.streams, shell.journal, opener, self.gateway,
            self._compare_soon, self._group_ended,
        )  # fmt: skip
        self.dead_man = DeadMan(
            trading, clock, self.gateway, shell.say, settings.dead_man, trading.renew
        )
        books = EngineBooks(self.gateway, shell.engine.account)
        self.reconciliation = Reconciliation(trading, clock, books, shell.say, settings.reconcile)
        shell.on_hang_up(self.private.feed.stop)
        shell.on_close(self.close)
        self._soon = asyncio.Event()
        self._compared_ns = 0

    # Before the first order

    async def open(self, earlier: Sequence[SubmitOrder], *, cash: int, netting: bool) -> Report:
        """Prove what an earlier session left, take the account over, compare. Raises VenueError
        when the venue cannot be asked: then nothing may be sent."""
        gateway = self._settings.gateway
        for proof in await prove(self._trading, self._shell.clock, earlier, gateway.settle_seconds):
            self._note(proof)
        await self._clear_away()
        opened = await open_account(
            self._trading, self._shell.clock, self.gateway.foreign, self._shell.say, cash=cash,
            netting=netting,
            cash_excludes_resting=self._settings.reconcile.cash_excludes_resting,
        )  # fmt: skip
        _log.info("took over %d positions and %d orders", opened.positions, opened.orders)
        report = await self.reconciliation.start_up()
        self._told(report)
        return report

    async def _clear_away(self) -> None:
        """What earlier sessions of ours still have there was decided on what is no longer known."""
        for order in await self._trading.open_orders():
            if order.client_order_id is not None and token_of(order.client_order_id) is not None:
                await self._trading.cancel(order.venue_order_id, order.market)

    def _note(self, proof: Proof) -> None:
        line = {"src": "kairos", "type": "proved", "data": proof._asdict()}
        self._shell.journal.append(msgspec.json.encode(line))

    # Jobs of the shell

    def jobs(self) -> Sequence[Job]:
        return (self.private.feed.run, self.dead_man.run, self._compare)

    async def _compare(self) -> None:
        """Every interval, and at once after something may have been missed."""
        settings = self._settings.reconcile
        pause = settings.interval_seconds
        while True:
            await self._pause(pause)
            self._soon.clear()
            report = await self.reconciliation.once()
            self._told(report)
            again = report.waiting or not report.reachable
            pause = settings.grace_seconds if again else settings.interval_seconds

    async def _pause(self, seconds: float) -> None:
        slept = asyncio.ensure_future(self._shell.clock.sleep(seconds))
        called = asyncio.ensure_future(self._soon.wait())
        try:
            await asyncio.wait({slept, called}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            slept.cancel()
            called.cancel()

    def _told(self, report: Report) -> None:
        if report.reachable:
            self._compared_ns = self._shell.clock.now_ns()

    def _compare_soon(self) -> None:
        self._soon.set()

    def _group_ended(self, group: str) -> None:
        """The venue canceled everything of ours because too much filled at once: a person looks."""
        self.gateway.stop_sending(_TRIGGERED)
        now_ns = self._shell.clock.now_ns()
        self._shell.say(BreakFound(now_ns, f"group:{group}", _TRIGGERED, None, "", group))

    # What the health watch asks

    def has_budget(self) -> bool:
        return self._trading.has_budget

    def is_reconciled(self) -> bool:
        oldest_s = self._settings.reconcile.interval_seconds * _STALE_ROUNDS
        age_ns = self._shell.clock.now_ns() - self._compared_ns
        return age_ns <= oldest_s * NANOSECONDS_PER_SECOND

    # After the last order

    async def close(self) -> None:
        """Cancel what still rests, whatever became of the engine; then give up what is in flight.

        What cannot be canceled ends by itself within the dead-man's lifetime.
        """
        self.gateway.stop_sending("stopped")
        now_ns = self._shell.clock.now_ns()
        for tracked in self.gateway.registry:
            if tracked.managed:
                self.gateway.cancel(CancelOrder(now_ns, tracked.client_order_id))
        await self._until_canceled()
        try:
            await within(
                self._shell.clock, self._settings.answer_seconds, self._trading.close_group()
            )
        except (KairosError, TimeoutError) as error:
            _log.warning("the order group could not be closed: %s", error)
        await self.gateway.close()

    async def _until_canceled(self) -> None:
        until_ns = self._shell.clock.now_ns() + round(_CANCEL_S * NANOSECONDS_PER_SECOND)
        while (  # noqa: ASYNC110 - it ends with the last answer, and soon
            any(each.managed for each in self.gateway.registry)
            and self._shell.clock.now_ns() < until_ns
        ):
            await asyncio.sleep(0.02)


def _live_gateway(
    shell: LiveShell, trading: VenueTrading, settings: GatewaySettings
) -> LiveGateway:
    def estimate(command: SubmitOrder, fill: OrderFill) -> int:
        schedule = kalshi_fees(command.market, shell.clock.now_ns())
        return schedule.order_fees().fill(fill.price, fill.quantity, fill.liquidity, command.action)

    parts = GatewayParts(
        shell.say, clock=shell.clock, trading=trading, settings=settings, estimate_fee=estimate
    )
    gateway = gateway_for(TradingMode.LIVE, parts)
    if not isinstance(gateway, LiveGateway):
        raise Corrupt("the gateway of mode live is not a live one")
    return gateway
