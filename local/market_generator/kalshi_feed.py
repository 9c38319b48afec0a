"""A Kalshi connection through a whole session: listings, books, settlements, and its faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import accumulate
from operator import itemgetter
from typing import Final

from kairos.domain.units import NANOSECONDS_PER_MILLISECOND, NANOSECONDS_PER_SECOND
from local.market_generator import kalshi_frames as frames
from local.market_generator.agenda import Agenda, Errand
from local.market_generator.chance import Chance
from local.market_generator.clock_text import second_text
from local.market_generator.contracts import HOURLY, QUARTER_HOUR, Contract
from local.market_generator.faults import RECOVERY_NS, PlannedFault
from local.market_generator.kalshi_tape import CHANNELS, INDEX_VALUES, LIFECYCLE, KalshiTape
from local.market_generator.order_flow import OrderFlow
from local.market_generator.settings import FaultKind, SessionSettings
from local.market_generator.spot_path import SpotPath
from local.market_generator.wire import Line

ContractErrand = Callable[[Contract, int], None]

_MS: Final = NANOSECONDS_PER_MILLISECOND
_PULSE_NS: Final = 1_000 * _MS
_TICKER_PHASE_NS: Final = 245 * _MS
_INDEX_DELAY_NS: Final = 65 * _MS
_CANCEL_AFTER_NS: Final = 560 * _MS
_DEACTIVATE_AFTER_NS: Final = 600 * _MS
_DETERMINE_AFTER_NS: Final = 1_300 * _MS
_EMPTY_BOOK_AFTER_NS: Final = 6_200 * _MS
_UNSUBSCRIBE_AFTER_NS: Final = 9_000 * _MS
_LIST_BEFORE_NS: Final = 45 * NANOSECONDS_PER_SECOND
# The recorder polls for the next market, so it joins a little after the opening.
_JOIN_AFTER_NS: Final = 2_700 * _MS
# Activity relative to the quarter-hour market, and what is left of it once all is decided.
_ACTIVITY: Final = {QUARTER_HOUR.ticker: (1.0, 0.1), HOURLY.ticker: (0.085, 0.3)}
# Quiet spells pull the mean below the rate asked for by this much.
_LULL: Final = 0.67
_WAIT_MAX_NS: Final = NANOSECONDS_PER_SECOND // 4
_BATCH: Final = 64


class KalshiFeed:
    """Lets every market trade in turn and keeps the appointments of the venue and the recorder."""

    def __init__(
        self,
        settings: SessionSettings,
        path: SpotPath,
        contracts: tuple[Contract, ...],
        tape: KalshiTape,
        chance: Chance,
    ) -> None:
        self._settings = settings
        self._path = path
        self._contracts = contracts
        self._tape = tape
        self._link = tape.link
        self._chance = chance
        self._agenda = Agenda()
        self._flows: dict[str, OrderFlow] = {}
        self._cumulative: list[tuple[float, OrderFlow]] = []
        self._rate_per_ns = 0.0
        self._command = len(CHANNELS)

    def lines(self, planned: tuple[PlannedFault, ...]) -> Iterator[Line]:
        """Every line of the connection, in order of arrival."""
        self._enter_appointments(planned)
        agenda, tape = self._agenda, self._tape
        now_ns, end_ns = self._settings.start_ns, self._settings.end_ns
        while now_ns < end_ns:
            if agenda.next_ns <= now_ns:
                agenda.run_next()
                continue
            before = tape.deltas
            done_ns = self._act(now_ns)
            now_ns = max(done_ns, now_ns + self._wait(tape.deltas - before))
            if len(self._link.lines) >= _BATCH:
                yield from self._link.drain()
        yield from self._link.drain()

    def _act(self, now_ns: int) -> int:
        """One market, picked by activity, does one thing; returns when it was done."""
        if self._cumulative:
            draw = self._chance.uniform() * self._cumulative[-1][0]
            for bound, flow in self._cumulative:
                if draw < bound:
                    return flow.act(now_ns)
        return now_ns

    def _wait(self, deltas: int) -> int:
        """Pay for the changes just made, so that their rate holds whatever causes them."""
        if self._rate_per_ns <= 0:
            return _PULSE_NS
        return min(_WAIT_MAX_NS, 1_000 + self._chance.wait(max(deltas, 0.2) / self._rate_per_ns))

    def _enter_appointments(self, planned: tuple[PlannedFault, ...]) -> None:
        start_ns = self._settings.start_ns
        self._agenda.at(start_ns, self._first_connection)
        for contract in self._contracts:
            self._enter_contract(contract)
        for fault in planned:
            self._enter_fault(fault)
        self._agenda.every(start_ns + _PULSE_NS, _PULSE_NS, self._pulse)
        second = NANOSECONDS_PER_SECOND
        self._agenda.every(start_ns + second + _INDEX_DELAY_NS, second, self._print_index)
        self._agenda.every(start_ns + second + _TICKER_PHASE_NS, second, self._print_tickers)

    def _enter_contract(self, contract: Contract) -> None:
        if contract.open_ns > self._settings.start_ns:
            self._later(contract, contract.open_ns - _LIST_BEFORE_NS, self._list)
            self._later(contract, contract.open_ns, self._open)
            self._later(contract, contract.open_ns + _JOIN_AFTER_NS, self._join)
        self._later(contract, contract.close_ns + _CANCEL_AFTER_NS, self._cancel_all)
        self._later(contract, contract.close_ns + _DEACTIVATE_AFTER_NS, self._deactivate)
        self._later(contract, contract.close_ns + _DETERMINE_AFTER_NS, self._determine)
        settle_ns = contract.close_ns + contract.series.settlement_delay_ns
        self._later(contract, settle_ns, self._settle)
        self._later(contract, contract.close_ns + _EMPTY_BOOK_AFTER_NS, self._send_book)
        self._later(contract, contract.close_ns + _UNSUBSCRIBE_AFTER_NS, self._leave)

    def _later(self, contract: Contract, due_ns: int, errand: ContractErrand) -> None:
        """Not before the session begins: what was due earlier is made up for at its start."""
        self._agenda.at(max(due_ns, self._settings.start_ns), partial(errand, contract))

    # --- the recorder -------------------------------------------------------------------------

    def _first_connection(self, at_ns: int) -> None:
        """Connect, hear about every market that is open already, and receive their books."""
        opened = [c for c in self._contracts if c.open_ns <= at_ns]
        for contract in opened:
            self._watch(contract, at_ns)
        self._note_connected(at_ns)
        self._tape.connect(at_ns)
        for contract in opened:
            self._list(contract, at_ns)
            self._open(contract, at_ns)
        for contract in opened:
            self._start_trading(contract, at_ns)
            self._send_book(contract, at_ns)

    def _watch(self, contract: Contract, at_ns: int) -> None:
        self._link.note(at_ns, "watch_market", contract.ticker, {
            "close_time": f"{second_text(contract.close_ns // NANOSECONDS_PER_SECOND)}Z",
            "market_ticker": contract.ticker,
            "status": "active",
            "strike": frames.strike_number(contract),
        })  # fmt: skip

    def _note_connected(self, at_ns: int) -> None:
        front = self._front(at_ns).ticker
        self._link.note(at_ns, "ws_connected", front, {"market_ticker": front})

    def _front(self, at_ns: int) -> Contract:
        """The contract that closes next, a quarter-hour one if there is any."""
        ahead = [c for c in self._contracts if c.close_ns > at_ns] or list(self._contracts)
        return min(ahead, key=lambda c: (c.series is not QUARTER_HOUR, c.close_ns))

    def _join(self, contract: Contract, at_ns: int) -> None:
        """The recorder finds the new market, adds it to the subscription, gets its book."""
        if contract.series is QUARTER_HOUR:
            self._note_rotation(contract, at_ns)
        self._watch(contract, at_ns)
        self._start_trading(contract, at_ns)
        self._reply_with_list(at_ns)
        self._send_book(contract, at_ns)

    def _note_rotation(self, contract: Contract, at_ns: int) -> None:
        past = [c for c in self._contracts if c.close_ns == contract.open_ns]
        for previous in past[:1]:
            self._link.note(at_ns, "market_rotated", previous.ticker, {
                "active_market_ticker": contract.ticker,
                "previous_market_ticker": previous.ticker,
            })  # fmt: skip

    def _leave(self, contract: Contract, at_ns: int) -> None:
        flow = self._flows.pop(contract.ticker, None)
        if flow is not None:
            flow.book.watched = False
            self._reply_with_list(at_ns)

    def _reply_with_list(self, at_ns: int) -> None:
        self._tape.market_list(at_ns, self._next_command(), sorted(self._flows))

    def _next_command(self) -> int:
        self._command += 1
        return self._command

    # --- the venue ----------------------------------------------------------------------------

    def _announce(self, at_ns: int, body: frames.Frame) -> None:
        self._tape.numbered(LIFECYCLE, at_ns, LIFECYCLE, body)

    def _list(self, contract: Contract, at_ns: int) -> None:
        self._announce(at_ns, frames.created(contract))

    def _open(self, contract: Contract, at_ns: int) -> None:
        self._announce(at_ns, frames.activated(contract))
        if not contract.series.strike_known_at_listing:
            self._announce(at_ns, frames.strike_announced(contract))

    def _start_trading(self, contract: Contract, at_ns: int) -> None:
        flow = OrderFlow(
            contract, self._path, self._settings.annual_volatility, self._tape, self._chance
        )
        flow.open(at_ns)
        flow.book.watched = True
        self._flows[contract.ticker] = flow

    def _send_book(self, contract: Contract, at_ns: int) -> None:
        flow = self._flows.get(contract.ticker)
        if flow is not None:
            self._tape.snapshot(flow.book, at_ns)

    def _cancel_all(self, contract: Contract, at_ns: int) -> None:
        flow = self._flows.get(contract.ticker)
        if flow is not None:
            flow.close(at_ns)

    def _deactivate(self, contract: Contract, at_ns: int) -> None:
        self._announce(at_ns, frames.deactivated(contract))

    def _determine(self, contract: Contract, at_ns: int) -> None:
        average = self._path.minute_average_cents(contract.close_ns)
        self._announce(at_ns, frames.determined(contract, contract.settles_yes(average), at_ns))

    def _settle(self, contract: Contract, at_ns: int) -> None:
        self._announce(at_ns, frames.settled(contract, at_ns))

    def _print_index(self, at_ns: int) -> None:
        source_ns = at_ns - _INDEX_DELAY_NS
        received_ns = at_ns - 20 * _MS
        body = frames.index_value(self._path, source_ns, received_ns)
        self._tape.numbered(INDEX_VALUES, at_ns, INDEX_VALUES, body)

    def _print_tickers(self, at_ns: int) -> None:
        """Once a second, every book that changed since it was last printed."""
        for flow in self._flows.values():
            if flow.book.changed_ns > flow.book.ticker_ns:
                flow.book.ticker_ns = flow.book.changed_ns
                self._tape.ticker(flow.book, at_ns)

    # --- activity -----------------------------------------------------------------------------

    def _pulse(self, at_ns: int) -> None:
        """Set how busy each market is: more when the index moves, little once all is decided."""
        moving = self._path.bustle(at_ns)
        shares = [
            (self._share(flow, at_ns) * moving, flow)
            for flow in self._flows.values()
            if flow.contract.close_ns > at_ns
        ]
        # The busiest first, because that is where the search for one usually ends.
        shares.sort(key=itemgetter(0), reverse=True)
        bounds = list(accumulate(share for share, _ in shares))
        self._cumulative = [(bound, flow) for bound, (_, flow) in zip(bounds, shares, strict=True)]
        usual = self._settings.deltas_per_second / _LULL
        self._rate_per_ns = (bounds[-1] if bounds else 0.0) * usual / NANOSECONDS_PER_SECOND

    def _share(self, flow: OrderFlow, at_ns: int) -> float:
        fair = flow.fair(at_ns)
        open_question = min(1.0, fair * (1 - fair) / 0.09)
        share, least = _ACTIVITY[flow.contract.series.ticker]
        return share * (least + (1 - least) * open_question)

    # --- faults -------------------------------------------------------------------------------

    def _enter_fault(self, fault: PlannedFault) -> None:
        begin: dict[FaultKind, Errand] = {
            FaultKind.MALFORMED: self._send_malformed,
            FaultKind.SEQUENCE_GAP: self._lose_delta,
            FaultKind.RECONNECT: self._disconnect,
            FaultKind.UNKNOWN_TYPE: self._send_unknown,
        }
        end: dict[FaultKind, Errand] = {
            FaultKind.MALFORMED: self._send_front_book,
            FaultKind.SEQUENCE_GAP: self._send_all_books,
            FaultKind.RECONNECT: self._connect_again,
        }
        if fault.kind in begin:
            self._agenda.at(fault.start_ns, begin[fault.kind])
        if fault.kind in end:
            self._agenda.at(fault.end_ns, end[fault.kind])

    def _send_malformed(self, at_ns: int) -> None:
        flow = self._flows.get(self._front(at_ns).ticker)
        if flow is not None:
            self._tape.off_grid_delta(flow.book, at_ns)

    def _send_front_book(self, at_ns: int) -> None:
        flow = self._flows.get(self._front(at_ns).ticker)
        if flow is not None:
            self._tape.snapshot(flow.book, at_ns, self._next_command())

    def _lose_delta(self, at_ns: int) -> None:
        self._tape.lose_next_delta = True

    def _send_all_books(self, at_ns: int) -> None:
        """The answer to noticing a gap; a quiet market may not have lost anything yet."""
        if self._tape.lose_next_delta:
            self._agenda.at(at_ns + RECOVERY_NS, self._send_all_books)
            return
        command = self._next_command()
        for flow in self._flows.values():
            self._tape.snapshot(flow.book, at_ns, command)

    def _disconnect(self, at_ns: int) -> None:
        self._link.down = True

    def _connect_again(self, at_ns: int) -> None:
        self._link.down = False
        self._note_connected(at_ns)
        self._tape.connect(at_ns)
        for flow in self._flows.values():
            self._tape.snapshot(flow.book, at_ns)

    def _send_unknown(self, at_ns: int) -> None:
        self._tape.numbered(LIFECYCLE, at_ns, "market_notice", {"text": "not for you"})
