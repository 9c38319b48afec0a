"""Compare our books with the venue's, at the start and every minute, and say what differs.

What a message was lost about is mended from the venue's own lists: executions are booked, orders
are looked up or adopted. What stays different is a break, and an unresolved break stops new risk.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from kairos.domain.units import NANOSECONDS_PER_SECOND
from kairos.errors import KairosError
from kairos.messages.events import BreakFound, BreakResolved, Event
from kairos.messages.trading import VenueFill, VenueOrder
from kairos.ports import Clock, VenueTrading
from kairos.services.breaks import (
    BreakKind,
    Breaks,
    Cure,
    Difference,
    Ours,
    ReconcileSettings,
    Theirs,
    compare,
)

_SILENT = f"{BreakKind.VENUE_SILENT}:account"


class Books(Protocol):
    """Our side: what we believe, and where the venue's word is taken in, any number of times."""

    def ours(self, since_ns: int) -> Ours: ...

    def take_order(self, order: VenueOrder) -> None: ...

    def take_fill(self, fill: VenueFill) -> None: ...

    def look_up(self, client_order_id: str) -> None: ...


class Report(NamedTuple):
    """One comparison: whether the venue answered, what is broken, and what may still clear up."""

    reachable: bool
    unresolved: tuple[Difference, ...]
    waiting: int
    waited_out: int

    @property
    def agrees(self) -> bool:
        return self.reachable and not self.unresolved and not self.waiting


class Reconciliation:
    """One venue account. `once`, or `run` for as long as it is traded."""

    def __init__(
        self,
        trading: VenueTrading,
        clock: Clock,
        books: Books,
        inbox: Callable[[Event], None],
        settings: ReconcileSettings,
    ) -> None:
        self._trading = trading
        self._clock = clock
        self._books = books
        self._inbox = inbox
        self._settings = settings
        self._breaks = Breaks(settings)
        self._failures = 0

    async def run(self) -> None:
        """Until canceled. Trading goes on meanwhile."""
        while True:
            report = await self.once()
            soon = report.waiting or not report.reachable
            pause = self._settings.grace_seconds if soon else self._settings.interval_seconds
            await self._clock.sleep(min(pause, self._settings.interval_seconds))

    async def start_up(self) -> Report:
        """Compare until both sides agree or what differs is broken for certain; then trade, or not.

        Every difference that is left is among the report's breaks, or counted as waiting.
        """
        report = await self.once()
        for _ in range(self._settings.start_up_rounds_max - 1):
            if report.reachable and not report.waiting:
                return report
            await self._clock.sleep(self._settings.start_up_interval_seconds)
            report = await self.once()
        return report

    async def once(self) -> Report:
        """Ask, compare, mend what can be mended, and tell what is broken or whole again."""
        since_ns = max(self._clock.now_ns() - self._ns(self._settings.window_seconds), 0)
        try:
            theirs = await self._ask(since_ns)
        except (KairosError, TimeoutError) as error:
            return self._unanswered(error)
        self._answered()
        now_ns = self._clock.now_ns()
        ours = self._books.ours(since_ns)
        step = self._breaks.step(compare(ours, theirs, self._settings), now_ns)
        for difference in step.found:
            self._inbox(_found(difference, now_ns))
        for difference in step.resolved:
            self._inbox(BreakResolved(now_ns, difference.break_id, difference.cure, ""))
        for difference in step.mend:
            self._mend(difference)
        self._take_again(ours, theirs)
        return Report(True, self._breaks.unresolved, step.waiting, step.waited_out)

    async def _ask(self, since_ns: int) -> Theirs:
        """Executions are asked for last: what fills meanwhile is seen, not missed."""
        trading = self._trading
        orders = await trading.open_orders()
        positions = await trading.positions()
        balance = await trading.balance()
        fills = await trading.fills(since_ns)
        held = {(each.market, each.outcome): each.quantity for each in positions if each.quantity}
        return Theirs(orders, fills, held, balance.cash)

    def _mend(self, difference: Difference) -> None:
        subject = difference.subject
        if isinstance(subject, VenueOrder):
            self._books.take_order(subject)
        elif isinstance(subject, VenueFill):
            self._books.take_fill(subject)
        elif difference.cure is Cure.LOOK_UP and subject is not None:
            self._books.look_up(subject)

    def _take_again(self, ours: Ours, theirs: Theirs) -> None:
        """Executions we know may have been charged since, or failed to settle."""
        for fill in theirs.fills:
            if ours.booked(fill.fill_id):
                self._books.take_fill(fill)

    def _unanswered(self, error: BaseException) -> Report:
        self._failures += 1
        if self._failures == self._settings.failures_max:
            detail = f"{self._failures} reconciliations in a row got no answer"
            kind = BreakKind.VENUE_SILENT
            now_ns = self._clock.now_ns()
            self._inbox(BreakFound(now_ns, _SILENT, kind, None, detail, str(error)))
        return Report(False, self._breaks.unresolved, 0, 0)

    def _answered(self) -> None:
        if self._failures >= self._settings.failures_max:
            now_ns = self._clock.now_ns()
            self._inbox(BreakResolved(now_ns, _SILENT, "answered", ""))
        self._failures = 0

    @staticmethod
    def _ns(seconds: float) -> int:
        return round(seconds * NANOSECONDS_PER_SECOND)


def _found(difference: Difference, now_ns: int) -> BreakFound:
    return BreakFound(
        now_ns, difference.break_id, difference.kind, difference.market, difference.ours,
        difference.theirs,
    )  # fmt: skip
