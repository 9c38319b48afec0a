"""The paper venue: takes orders and cancels, and answers as the venue would, when it would.

Time comes with the events and commands; there is no clock and no randomness, so the same input
gives the same reports. docs/paper_venue.md says what each fill model over- and understates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from hotpath.paper.admission import malformed, unacceptable
from hotpath.paper.agenda import Agenda
from hotpath.paper.desk import Desk, all_or_nothing
from hotpath.paper.holdings import Holdings
from hotpath.paper.markets import Desks, MarketView
from hotpath.paper.orders import Match, PaperOrder
from hotpath.paper.reasons import Ending, Refusal
from hotpath.paper.registry import Registry
from hotpath.paper.settings import FillModel, PaperSettings
from kairos.domain.book import BinaryBook
from kairos.domain.fees.schedule import FeeSchedule
from kairos.errors import Corrupt
from kairos.messages.commands import CancelOrder, SubmitOrder
from kairos.messages.events import (
    BookDelta,
    BookSnapshot,
    Event,
    MarketDefined,
    MarketDetermined,
    OrderAccepted,
    OrderClosed,
    OrderFilled,
    OrderRejected,
    OrderReport,
    TimedEvent,
    VenueQuote,
    VenueTrade,
)


class PaperVenue:
    """One account at a simulated venue.

    Per event: while `busy`, hand over everything from `advance(event.recv_ns)`, apply the event to
    the books, then `observe(event)`. `busy` is False exactly when nothing is in flight, resting or
    consumed and every report was handed over. `cancels_too_late` counts cancels of orders that the
    venue did not have (any more); nothing is reported for them, because their end is.
    """

    def __init__(
        self,
        settings: PaperSettings,
        markets: MarketView,
        fees: Callable[[str], FeeSchedule],
    ) -> None:
        self.busy = False
        self.cancels_too_late = 0
        self.holdings = Holdings(settings.cash)
        self._settings = settings
        self._fees = fees
        self._agenda = Agenda()
        self._desks = Desks(settings, markets)
        self._orders = Registry(settings.max_open_orders, settings.max_finished_ids)
        self._now_ns = 0
        self._accepted = 0
        self._observers: dict[type[Any], Callable[[Any], None]] = {
            BookDelta: self._on_delta,
            BookSnapshot: self._on_snapshot,
            VenueTrade: self._on_trade,
            VenueQuote: self._on_quote,
            MarketDefined: self._on_defined,
            MarketDetermined: self._on_determined,
        }

    # Driven by the session

    def submit(self, command: SubmitOrder) -> None:
        """Send an order at `command.ts_ns`."""
        order = PaperOrder(command)
        order.refused = self._orders.claim(order)
        desk = self._desks.open(command.market)
        desk.in_flight.append(order)
        if order.refused is None:
            desk.sight(order, self._desks.book(desk))
            if self._settings.fill_model is FillModel.PESSIMISTIC:
                self._after(command.ts_ns, self._settings.latency_ns, partial(self._sight, order))
        self._after(
            command.ts_ns, self._settings.arrival_latency_ns, partial(self._arrive, order, desk)
        )

    def cancel(self, command: CancelOrder) -> None:
        """Send a cancel at `command.ts_ns`."""
        arrive = partial(self._cancel, command.client_order_id)
        self._after(command.ts_ns, self._settings.arrival_latency_ns, arrive)

    def advance(self, now_ns: int) -> Iterable[OrderReport]:
        """What happens up to `now_ns`, as the reports we hear of by then, in order.

        Iterate over all of it: steps are taken as it is iterated, so that a command sent in answer
        to a report still arrives in its turn. Like the engine's, time never goes back: a message
        with an earlier receive time comes now.
        """
        if self._agenda.next_ns > now_ns and self._desks.next_close_ns > now_ns:
            if now_ns > self._now_ns:
                self._now_ns = now_ns
            return ()
        return self._advance(now_ns)

    def ignores(self, event: TimedEvent) -> bool:
        """Whether neither `advance` nor `observe` could do anything about an event; cheap.

        Nothing is due by then, and what it may change is no level that an order or a fill of ours
        depends on.
        """
        desks = self._desks
        if not self._agenda.next_ns > event.recv_ns < desks.next_close_ns:
            return False
        if type(event) is not BookDelta:
            return type(event) not in self._observers
        desk = desks.by_market.get(event.market)
        if desk is None:
            return True
        if desk.in_flight or desk.legs[0] or desk.legs[1]:
            return False  # any change may matter to an order; otherwise only consumed levels count
        return event.price << 1 | event.leg not in desk.consumed

    def observe(self, event: Event) -> None:
        """Draw the consequences of an event that the engine has just applied to its books."""
        observer = self._observers.get(type(event))
        if observer is not None:
            observer(event)

    @property
    def reply_ns(self) -> int:
        """The longest from sending an order to hearing the last of it, if it does not rest."""
        return self._settings.arrival_latency_ns + 2 * self._settings.report_latency_ns

    def credit(self, cash: int) -> None:
        """Pay in micro-dollars that come from elsewhere: settlements, deposits."""
        if self.holdings.cash is not None:
            self.holdings.cash += cash

    # Time

    def _advance(self, until_ns: int) -> Iterator[OrderReport]:
        agenda, desks = self._agenda, self._desks
        while min(agenda.next_ns, desks.next_close_ns) <= until_ns:
            if desks.next_close_ns <= agenda.next_ns:
                self._now_ns = max(self._now_ns, desks.next_close_ns)
                for desk in desks.closing(self._now_ns):
                    self._close_market(desk)
                continue
            self._now_ns = max(self._now_ns, agenda.next_ns)
            report = agenda.pop()()
            if report is not None:
                yield report
        self._now_ns = max(self._now_ns, until_ns)
        self._rest_if_done()

    def _after(self, sent_ns: int, latency_ns: int, step: Callable[[], None]) -> None:
        self._agenda.add(max(sent_ns, self._now_ns) + latency_ns, step)
        self.busy = True

    def _report(self, report: OrderReport) -> None:
        self._agenda.add(report.recv_ns, lambda: report)

    def _rest_if_done(self) -> None:
        self.busy = bool(self._agenda) or bool(self._desks.by_market)

    @property
    def _heard_ns(self) -> int:
        return self._now_ns + self._settings.report_latency_ns

    # Orders arriving

    def _sight(self, order: PaperOrder) -> None:
        desk = self._desks.open(order.command.market)
        desk.sight(order, self._desks.book(desk))

    def _arrive(self, order: PaperOrder, desk: Desk) -> None:
        desk.in_flight.remove(order)
        book = self._desks.book(desk)
        refusal = self._refusal(order, desk, book)
        if book is None or refusal is not None:
            self._refuse(order, refusal or Refusal.MARKET_UNKNOWN)
        else:
            self._accept(order)
            self._match(order, desk, book)
        self._leave_if_idle(desk)

    def _refusal(self, order: PaperOrder, desk: Desk, book: BinaryBook | None) -> Refusal | None:
        if order.refused is not None:
            return order.refused
        if book is None:
            return Refusal.MARKET_UNKNOWN
        if self._desks.is_closed(desk.market, self._now_ns):
            return Refusal.MARKET_CLOSED
        wrong = malformed(order.command, book.grid, self._settings.minimum_quantity)
        if wrong is not None:
            return wrong
        return unacceptable(order, desk, book, self.holdings, self._fees(desk.market))

    def _refuse(self, order: PaperOrder, refusal: Refusal) -> None:
        client_order_id = order.command.client_order_id
        if order.refused is None:
            self._orders.finish(client_order_id)
        self._report(OrderRejected(self._heard_ns, client_order_id, refusal.value))

    def _accept(self, order: PaperOrder) -> None:
        self._accepted += 1
        order.venue_order_id = f"paper-{self._settings.fill_model}-{self._accepted}"
        order.fees = self._fees(order.command.market).order_fees()
        self._report(
            OrderAccepted(self._heard_ns, order.command.client_order_id, order.venue_order_id)
        )

    def _match(self, order: PaperOrder, desk: Desk, book: BinaryBook) -> None:
        known = desk.knows(order, book)
        if known:
            wanted = order.remaining
            if order.command.reduce_only:
                wanted = min(wanted, self.holdings.reducible(order))
            self._fill(desk, desk.take(order, book, wanted))
        if order.remaining:
            self._dispose(order, desk, book, known=known)

    def _dispose(self, order: PaperOrder, desk: Desk, book: BinaryBook, *, known: bool) -> None:
        """What becomes of the part that found nothing to match."""
        if not known and not order.may_rest:
            self._close(order, Ending.BOOK_UNKNOWN)
        elif all_or_nothing(order):
            self._close(order, Ending.FOK_UNFILLED)
        elif desk.crosses_own(order):
            self._close(order, Ending.SELF_TRADE)
        elif not order.may_rest:
            self._close(order, Ending.IOC_REMAINDER)
        else:
            self.holdings.reserve(order, desk.resting_beside(order))
            desk.rest(order, book)

    # Orders ending

    def _cancel(self, client_order_id: str) -> None:
        order = self._orders.find(client_order_id)
        if order is None or not order.resting:
            self.cancels_too_late += 1
            return
        desk = self._desks.open(order.command.market)
        desk.leave(order)
        self._close(order, Ending.CANCELED)
        self._leave_if_idle(desk)

    def _close(self, order: PaperOrder, ending: Ending) -> None:
        self.holdings.release(order)
        self._orders.finish(order.command.client_order_id)
        self._report(OrderClosed(self._heard_ns, order.command.client_order_id, ending.value))

    def _close_market(self, desk: Desk) -> None:
        """Nothing trades any more. Orders still in flight will find the market closed."""
        for order in (*desk.legs[0], *desk.legs[1]):
            desk.leave(order)
            self._close(order, Ending.MARKET_CLOSED)
        desk.consumed.clear()
        self._desks.closed(desk)
        self._leave_if_idle(desk)

    def _leave_if_idle(self, desk: Desk) -> None:
        self._desks.leave_if_idle(desk)
        self._rest_if_done()

    # Market data

    def _on_delta(self, event: BookDelta) -> None:
        desk = self._desks.by_market.get(event.market)
        if desk is not None:
            book = self._desks.book(desk)
            if book is not None:
                self._follow(desk, event.recv_ns, desk.on_delta(event, book))

    def _on_snapshot(self, event: BookSnapshot) -> None:
        desk = self._desks.by_market.get(event.market)
        if desk is not None:
            book = self._desks.book(desk)
            if book is not None:
                self._follow(desk, event.recv_ns, desk.on_snapshot(book))

    def _on_trade(self, event: VenueTrade) -> None:
        desk = self._desks.by_market.get(event.market)
        if desk is not None:
            self._follow(desk, event.recv_ns, desk.on_trade(event, self._desks.book(desk)))

    def _on_quote(self, event: VenueQuote) -> None:
        desk = self._desks.by_market.get(event.market)
        if desk is not None:
            self._follow(desk, event.recv_ns, desk.on_quote(event))

    def _on_defined(self, event: MarketDefined) -> None:
        desk = self._desks.by_market.get(event.market)
        if desk is not None:
            self._desks.reschedule(desk)

    def _on_determined(self, event: MarketDetermined) -> None:
        desk = self._desks.by_market.get(event.market)
        if desk is not None:
            self._now_ns = max(self._now_ns, event.recv_ns)
            self._close_market(desk)

    def _follow(self, desk: Desk, now_ns: int, matches: Sequence[Match]) -> None:
        if now_ns > self._now_ns:
            self._now_ns = now_ns
        if matches:
            self._fill(desk, matches)
        elif desk.legs[0] or desk.legs[1]:
            return
        if desk.idle:
            self._leave_if_idle(desk)

    # Fills

    def _fill(self, desk: Desk, matches: Sequence[Match]) -> None:
        for match in matches:
            self._book(match)
        for order in {id(match.order): match.order for match in matches}.values():
            if not order.remaining:
                if order.resting:
                    desk.leave(order)
                self._close(order, Ending.FILLED)

    def _book(self, match: Match) -> None:
        order, command = match.order, match.order.command
        if order.fees is None:
            raise Corrupt(f"order {command.client_order_id} filled before it was accepted")
        fee = order.fees.fill(match.price, match.quantity, match.liquidity, command.action)
        self.holdings.fill(match, fee)
        self.holdings.sweep(lambda market: self._desks.is_closed(market, self._now_ns))
        order.filled += match.quantity
        order.fills += 1
        self._report(
            OrderFilled(
                self._heard_ns,
                command.client_order_id,
                f"{order.venue_order_id}-{order.fills}",
                match.price,
                match.quantity,
                fee,
                match.liquidity,
                match.evidence.value,
            )
        )
