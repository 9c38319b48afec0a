"""The live gateway: sends orders, and lets nothing count as their end but proof.

What is proved goes to `inbox` as the engine's events, stamped with our clock; the inbox must queue
them, because some are said while the engine is still releasing the command they answer. A timeout,
a lost connection, a 5xx or an unreadable reply makes an order unknown: its exposure stays reserved
and the venue is asked until it proves what became of it. No order is ever sent twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Final, Never

from hotpath.gateway.foreign import Foreign
from hotpath.gateway.questions import Questions
from hotpath.gateway.registry import Registry, Tracked
from hotpath.gateway.settings import GatewaySettings
from hotpath.gateway.tasks import Tasks, within
from hotpath.gateway.translate import (
    ENDINGS,
    FeeEstimate,
    adoption,
    order_fill,
    report,
    terms_of,
)
from kairos.domain.amends import AmendPlan, amend_plan
from kairos.domain.order_effects import Effect, Terms
from kairos.domain.orders import Need, OrderState
from kairos.domain.refusals import Refusal
from kairos.domain.units import NANOSECONDS_PER_SECOND
from kairos.errors import Corrupt, KairosError, VenueRefused, VenueUnreachable
from kairos.messages.commands import AmendOrder, CancelOrder, SubmitOrder
from kairos.messages.events import BreakFound, BreakResolved, Event, OrderRejected
from kairos.messages.trading import FillState, Placement, VenueFill, VenueOrder
from kairos.ports import Clock, PromptTrading, VenueTrading

# Refusals that are not about the order; after any other the order is looked up.
NOT_NOW: Final = frozenset({Refusal.RATE_LIMITED, Refusal.RESTARTING, Refusal.EXCHANGE_PAUSED})


_NOTHING: Final[Sequence[Effect]] = ()


class LiveGateway:
    """`kairos.ports.OrderGateway` over one venue account. Use it from one event loop."""

    def __init__(
        self,
        trading: VenueTrading,
        clock: Clock,
        inbox: Callable[[Event], None],
        settings: GatewaySettings,
        estimate_fee: FeeEstimate,
    ) -> None:
        self._trading = trading
        self._prompt = trading if isinstance(trading, PromptTrading) else None
        self._clock = clock
        self._inbox = inbox
        self._settings = settings
        self._estimate = estimate_fee
        self._tasks = Tasks()
        self._in_flight: dict[str, tuple[int, asyncio.Task[None]]] = {}
        self._watching = False
        self._stopped: str | None = None
        self._breaks: set[str] = set()
        self.registry = Registry(settings.ended_max)
        self.foreign = Foreign(trading, clock, inbox, settings, self.registry, self._tasks, self)
        self._questions = Questions(
            trading, clock, self.registry, settings, self._take_order, self._take_fill,
            self._take_absence, self.foreign.kept_orders,
        )  # fmt: skip

    # The port

    def submit(self, command: SubmitOrder) -> None:
        """Send an order, unless it was sent before; what cannot be sent is rejected at once."""
        if self.registry.find(command.client_order_id) is not None:
            return
        refusal = self._why_not(command)
        now_ns = self._clock.now_ns()
        if refusal is not None:
            self._inbox(OrderRejected(now_ns, command.client_order_id, refusal))
            return
        tracked = Tracked(command, now_ns, spends_cash=self._trading.buys_spend_cash)
        self.registry.add(tracked)
        tracked.order.sent()
        answer = self._send(tracked)
        task = self._tasks.spawn(
            self._place(tracked, answer), lambda error: self._broke(tracked, error)
        )
        task.add_done_callback(lambda _task: self._not_begun(tracked, answer))
        self._in_flight[command.client_order_id] = (now_ns, task)
        self._watch()

    def cancel(self, command: CancelOrder) -> None:
        """Cancel what is left; while nobody knows the order's id, as soon as it is known."""
        tracked = self.registry.open.get(command.client_order_id)
        if tracked is not None:
            tracked.order.wants_cancel()
            self._go_on(tracked)

    def amend(self, command: AmendOrder) -> None:
        """Change an order; the last wish counts while another change is under way."""
        tracked = self.registry.open.get(command.client_order_id)
        if tracked is not None:
            tracked.amend_wanted = command
            self._go_on(tracked)

    # What the user stream says

    def on_venue_order(self, order: VenueOrder) -> None:
        """Take what the venue says of an order, in any order and any number of times."""
        tracked = self.foreign.owner(order)
        if tracked is not None:
            self._take_order(tracked, order)

    def on_venue_fill(self, fill: VenueFill) -> None:
        """Take an execution, its settlement, its failure or its fee; repeats change nothing."""
        tracked = self.foreign.owner(fill)
        if tracked is not None:
            self._take_fill(tracked, fill)

    # For the shell

    def restore(self, commands: Iterable[SubmitOrder], *, announce: bool) -> None:
        """Orders of ours that a journal shows without an end: ask what became of them.

        `announce`: tell the engine of them first, unless it learnt of them from the journal, too.
        """
        for command in commands:
            spends = self._trading.buys_spend_cash
            tracked = Tracked(command, command.ts_ns, spends_cash=spends)
            tracked.order.sent()
            self.registry.add(tracked)
            if announce:
                self._inbox(adoption(command, self._clock.now_ns(), "", 0, managed=True))
            self._tell(tracked, tracked.order.unknown("restored from the journal"))

    def look_up(self, client_order_id: str) -> None:
        """Ask the venue about an order now, whatever we believe of it."""
        tracked = self.registry.find(client_order_id)
        if tracked is not None and not tracked.busy_looking:
            self._spawn_look(tracked, at_least_once=True)

    def stop_sending(self, reason: str) -> None:
        """From now on new orders are rejected here, unsent; cancels still go."""
        self._stopped = reason

    def resume_sending(self) -> None:
        self._stopped = None

    async def close(self) -> None:
        """Stop all requests. What is in flight becomes unknown, which the inbox hears."""
        await self._tasks.close()

    # Placing

    def _why_not(self, command: SubmitOrder) -> str | None:
        if self._stopped is not None:
            return self._stopped
        if len(self._in_flight) >= self._settings.requests_max:
            return "too_many_requests"
        if len(self.registry) >= self._settings.orders_max:
            return "too_many_orders"
        if not self._trading.has_client_order_ids:
            unclear = self.registry.unidentified(command.market)
            if any(each.order.state is OrderState.UNKNOWN for each in unclear):
                return "market_blocked_by_unknown_order"
        return None

    def _send(self, tracked: Tracked) -> Awaitable[Placement]:
        """Where the venue's adapter can, the order is on the wire when this returns."""
        if self._prompt is None:
            return self._trading.place(tracked.command)
        try:
            answer = self._prompt.place_now(tracked.command)
        except KairosError as error:
            return _failed(error)  # heard where every answer is heard
        except BaseException as error:
            self._tell(tracked, tracked.order.unknown(str(error)))  # it may have left already
            raise
        return self._trading.place(tracked.command) if answer is None else answer

    def _not_begun(self, tracked: Tracked, answer: Awaitable[Placement]) -> None:
        """A task that is canceled before its first step has handled nothing, not even that."""
        if self._in_flight.pop(tracked.client_order_id, None) is None:
            return
        if isinstance(answer, Coroutine):
            answer.close()
        self._tell(tracked, tracked.order.unknown("given up without an answer"))

    async def _place(self, tracked: Tracked, answer: Awaitable[Placement]) -> None:
        order, effects = tracked.order, _NOTHING
        try:
            placement = await answer
        except VenueRefused as error:
            already = error.reason == Refusal.ALREADY_PLACED
            effects = order.unknown(error.reason) if already else order.refused(error.reason)
        except VenueUnreachable as error:
            effects = order.refused(error.reason)
        except KairosError as error:
            effects = order.unknown(str(error))
        except asyncio.CancelledError:
            self._tell(tracked, order.unknown("given up without an answer"))
            raise
        else:
            effects = self._placed(tracked, placement)
        finally:
            self._in_flight.pop(tracked.client_order_id, None)
        self._tell(tracked, effects)

    def _placed(self, tracked: Tracked, placement: Placement) -> Sequence[Effect]:
        ending = ENDINGS[placement.status]
        return tracked.order.seen(placement.venue_order_id, placement.filled, ending)

    def _watch(self) -> None:
        if not self._watching:
            self._watching = True
            self._tasks.spawn(self._give_up_late(), self._report_bug)

    async def _give_up_late(self) -> None:
        """One watch for all requests in flight costs an order nothing on its way out."""
        limit_ns = round(self._settings.answer_seconds * NANOSECONDS_PER_SECOND)
        try:
            while self._in_flight:
                await self._clock.sleep(self._settings.answer_seconds / 4)
                overdue_ns = self._clock.now_ns() - limit_ns
                for sent_ns, task in tuple(self._in_flight.values()):
                    if sent_ns <= overdue_ns:
                        task.cancel()
        finally:
            self._watching = False

    # Taking evidence

    def _take_order(self, tracked: Tracked, seen: VenueOrder) -> None:
        order, ending = tracked.order, ENDINGS[seen.status]
        terms = terms_of(seen, tracked.command)
        effects = list(order.seen(seen.venue_order_id, seen.filled, ending, seen.reason, terms))
        if order.amend_doubt:
            tracked.old_terms_seen += 1
            if ending is not None or tracked.old_terms_seen >= self._settings.absences:
                effects += order.amend_refused("not_applied")
        self._tell(tracked, effects)

    def _take_fill(self, tracked: Tracked, fill: VenueFill) -> None:
        try:
            effects = list(tracked.order.executed(order_fill(fill, tracked.command)))
            if fill.state is FillState.VOID:
                effects += tracked.order.voided(fill.fill_id)
        except Corrupt as problem:
            self._break(f"evidence:{fill.fill_id}", "evidence", tracked, str(problem), str(fill))
            return
        self._tell(tracked, effects)

    def _take_absence(self, tracked: Tracked) -> None:
        named = tracked.order.venue_order_id is not None
        self._tell(tracked, tracked.order.gone("not_found" if named else "never_arrived"))

    def _tell(self, tracked: Tracked, effects: Iterable[Effect]) -> None:
        """Let the engine hear what follows, then do what there is still to do."""
        now_ns = self._clock.now_ns()
        for effect in effects:
            self._inbox(report(effect, tracked.command, now_ns, self._estimate))
        name, order = tracked.order.venue_order_id, tracked.order
        self.registry.file(tracked)
        if name is not None and self.registry.named(tracked, name):
            self.foreign.claim(name)
        if not tracked.may_be_any:
            self.foreign.settled(tracked.command.market)
        if order.state.is_final:
            self._mend(f"order:{tracked.client_order_id}", order.state.value)
        self._go_on(tracked)

    def _go_on(self, tracked: Tracked) -> None:
        """Start the request that the order's state asks for, one of a kind at a time."""
        order = tracked.order
        if order.needs is not Need.NOTHING and not tracked.busy_looking:
            self._spawn_look(tracked, at_least_once=False)
        if order.state.is_final or order.venue_order_id is None:
            return
        if order.cancel_wanted:
            if not tracked.busy_canceling and order.may_rest:
                tracked.busy_canceling = True
                self._tasks.spawn(self._cancel(tracked), lambda error: self._broke(tracked, error))
        elif tracked.amend_wanted is not None and not tracked.busy_amending:
            tracked.busy_amending = True
            self._tasks.spawn(self._amend(tracked), lambda error: self._broke(tracked, error))

    # Asking

    def _spawn_look(self, tracked: Tracked, *, at_least_once: bool) -> None:
        tracked.busy_looking = True
        work = self._look(tracked, at_least_once=at_least_once)
        self._tasks.spawn(work, lambda error: self._broke(tracked, error))

    async def _look(self, tracked: Tracked, *, at_least_once: bool) -> None:
        """Ask, with growing pauses, until the order needs nothing; then it is a break."""
        try:
            for attempt in range(self._settings.looks_max):
                if not at_least_once or attempt:
                    await self._clock.sleep(self._settings.pause(attempt))
                    if tracked.order.needs is Need.NOTHING:
                        return
                await self._ask(tracked)
        finally:
            tracked.busy_looking = False
        if tracked.order.needs is not Need.NOTHING:
            detail = f"{tracked.order.state}, needs {tracked.order.needs}"
            self._break(f"order:{tracked.client_order_id}", "unknown_order", tracked, detail, "")

    async def _ask(self, tracked: Tracked) -> None:
        try:
            await self._questions.ask(tracked)
        except (KairosError, TimeoutError):
            return  # no answer proves nothing; the next question follows after a longer pause

    # Canceling and amending

    async def _cancel(self, tracked: Tracked) -> None:
        order, settings = tracked.order, self._settings
        try:
            for attempt in range(settings.cancels_max):
                name = order.venue_order_id
                if name is None or not order.may_rest:
                    return
                pause = await self._cancel_once(tracked, name) or settings.pause(attempt)
                if order.may_rest:
                    await self._clock.sleep(pause)
        finally:
            tracked.busy_canceling = False
        if order.may_rest:
            detail = f"{settings.cancels_max} cancels were not proved"
            name = f"order:{tracked.client_order_id}"
            self._break(name, "cancel_not_proved", tracked, detail, "")

    async def _cancel_once(self, tracked: Tracked, name: str) -> float | None:
        """Cancels may be repeated. The seconds the venue asked us to wait, if it did."""
        request = self._trading.cancel(name, tracked.command.market)
        try:
            await within(self._clock, self._settings.answer_seconds, request)
        except VenueRefused as error:
            if error.reason not in NOT_NOW:
                await self._ask_order(tracked)
            wait_ns = error.retry_after_ns
            return None if wait_ns is None else wait_ns / NANOSECONDS_PER_SECOND
        except (KairosError, TimeoutError):
            return None
        self._tell(tracked, tracked.order.canceled(name))
        return None

    async def _ask_order(self, tracked: Tracked) -> None:
        try:
            await self._questions.order(tracked)
        except (KairosError, TimeoutError):
            return

    async def _amend(self, tracked: Tracked) -> None:
        try:
            while tracked.amend_wanted is not None and not tracked.order.state.is_final:
                wish, tracked.amend_wanted = tracked.amend_wanted, None
                await self._amend_to(tracked, Terms(wish.price, wish.quantity))
                if tracked.order.amend_doubt:
                    return
        finally:
            tracked.busy_amending = False

    async def _amend_to(self, tracked: Tracked, wanted: Terms) -> None:
        order, name = tracked.order, tracked.order.venue_order_id
        if name is None:
            return
        plan = amend_plan(order.terms, wanted, order.matched)
        order.wants_amend(*wanted)
        if plan is AmendPlan.KEEP:
            self._tell(tracked, order.amended(name))
        elif plan is AmendPlan.CANCEL:
            order.wants_cancel()
            self._tell(tracked, order.amend_refused("nothing_would_rest"))
        elif not self._trading.can_amend:
            self._tell(tracked, order.amend_refused(Refusal.UNSUPPORTED))
        else:
            await self._send_amend(tracked, tracked.at_venue(self._trading.venue, name), wanted)

    async def _send_amend(self, tracked: Tracked, current: VenueOrder, wanted: Terms) -> None:
        """In one request also where the place in the queue is lost: never two orders at once."""
        order, effects = tracked.order, _NOTHING
        request = self._trading.amend(current, wanted.price, wanted.quantity)
        tracked.old_terms_seen = 0
        try:
            placement = await within(self._clock, self._settings.answer_seconds, request)
        except (VenueRefused, VenueUnreachable) as error:
            effects = order.amend_refused(error.reason)
            if isinstance(error, VenueRefused):
                self.look_up(tracked.client_order_id)
        except (KairosError, TimeoutError):
            order.amend_unknown()
        else:
            effects = [*order.amended(placement.venue_order_id), *self._placed(tracked, placement)]
        self._tell(tracked, effects)

    # What does not add up

    def _broke(self, tracked: Tracked, error: BaseException) -> None:
        """A defect of ours: what it was doing is unknown, and somebody has to look."""
        tracked.busy_looking = tracked.busy_canceling = tracked.busy_amending = False
        self._break(f"bug:{type(error).__name__}", "defect", tracked, str(error), "")
        if tracked.order.state is OrderState.SENT:
            self._tell(tracked, tracked.order.unknown(str(error)))

    def _report_bug(self, error: BaseException) -> None:
        self._inbox(
            BreakFound(self._clock.now_ns(), f"bug:{type(error).__name__}", "defect", None,
                       str(error), "")
        )  # fmt: skip

    def _break(self, break_id: str, kind: str, tracked: Tracked, ours: str, theirs: str) -> None:
        if break_id not in self._breaks and len(self._breaks) < self._settings.orders_max:
            self._breaks.add(break_id)
            market = tracked.command.market
            self._inbox(BreakFound(self._clock.now_ns(), break_id, kind, market, ours, theirs))

    def _mend(self, break_id: str, detail: str) -> None:
        if break_id in self._breaks:
            self._breaks.discard(break_id)
            self._inbox(BreakResolved(self._clock.now_ns(), break_id, "looked_up", detail))


async def _failed(error: KairosError) -> Never:
    raise error
