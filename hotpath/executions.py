"""What was executed, read back from a run's orders.jsonl or from a journal, for the tax lots.

A fill's time is the one we heard of it. What was voided is left out, and a fee that was corrected
is the corrected one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import msgspec

from kairos.bootstrap import LineDecoder
from kairos.domain.fill import Fill
from kairos.domain.instruments import Action, Outcome
from kairos.domain.lots import Payout, TimedFill
from kairos.domain.units import PRICE_PER_DOLLAR
from kairos.errors import InputError, KairosError, Malformed
from kairos.messages.commands import SubmitOrder
from kairos.messages.events import (
    Event,
    FeeCharged,
    FillVoided,
    MarketDetermined,
    OrderAdopted,
    OrderFilled,
)
from kairos.messages.journal_lines import event_of

_REPLAY: Final = "Make the run again: kairos replay FILE --out DIR"
_SHELL: Final = b'"src":"shell"'
_SUBMITTED: Final = b'{"src":"engine","type":"SubmitOrder"'
_DETERMINED: Final = b"determined"


class _Ours(NamedTuple):
    market: str
    outcome: Outcome
    action: Action


class _Row(msgspec.Struct, tag_field="event", gc=False):
    ts_ns: Annotated[int, msgspec.Meta(ge=0)]


class _Submitted(_Row, tag="submitted"):
    client_order_id: str
    market: str
    outcome: Outcome
    action: Action


class _Adopted(_Row, tag="adopted"):
    client_order_id: str
    market: str
    outcome: Outcome
    action: Action


class _Filled(_Row, tag="filled"):
    client_order_id: str
    fill_id: str
    price: int
    quantity: int
    fee: int
    notional: int | None = None


class _Voided(_Row, tag="fill_voided"):
    fill_id: str


class _Charged(_Row, tag="fee_charged"):
    fill_id: str
    fee: int


class _Settled(_Row, tag="settled"):
    market: str
    outcome: Outcome


class _Kind(msgspec.Struct, gc=False):
    event: str


_Any = _Submitted | _Adopted | _Filled | _Voided | _Charged | _Settled
_KNOWN: Final = frozenset(
    {"submitted", "adopted", "filled", "fill_voided", "fee_charged", "settled"}
)
_decode_kind = msgspec.json.Decoder(_Kind).decode
_decode_row = msgspec.json.Decoder(_Any).decode


class UnsentOrder(KairosError):
    """A fill of an order that these records never saw leave: something is missing from them."""


class Executions:
    """Collects orders, fills and payouts; `fills` and `payouts` are what counts in the end."""

    def __init__(self) -> None:
        self._orders: dict[str, _Ours] = {}
        self._fills: dict[str, TimedFill] = {}
        self._voided: set[str] = set()
        self._payouts: dict[str, Payout] = {}

    @property
    def fills(self) -> tuple[TimedFill, ...]:
        return tuple(f for name, f in self._fills.items() if name not in self._voided)

    @property
    def payouts(self) -> tuple[Payout, ...]:
        return tuple(self._payouts.values())

    def order(self, name: str, market: str, outcome: Outcome, action: Action) -> None:
        self._orders[name] = _Ours(market, outcome, action)

    def fill(
        self, name: str, ts_ns: int, fill_id: str, price: int, quantity: int, fee: int,
        notional: int | None,
    ) -> None:  # fmt: skip
        """Raises UnsentOrder for a fill of an order that was never seen."""
        ours = self._orders.get(name)
        if ours is None:
            raise UnsentOrder(f"order {name} was filled and was never submitted")
        fill = Fill.priced(fill_id, ours.market, ours.outcome, ours.action, price, quantity, fee)
        booked = fill if notional is None else replace(fill, notional=notional)
        self._fills.setdefault(fill_id, TimedFill(ts_ns, booked))

    def charge(self, fill_id: str, fee: int) -> None:
        known = self._fills.get(fill_id)
        if known is not None:
            self._fills[fill_id] = TimedFill(known.ts_ns, replace(known.fill, fee=fee))

    def void(self, fill_id: str) -> None:
        self._voided.add(fill_id)

    def settle(self, market: str, outcome: Outcome, ts_ns: int) -> None:
        """The first outcome pays; whether a later one differs is not for the lots to say."""
        payout = PRICE_PER_DOLLAR if outcome is Outcome.YES else 0
        self._payouts.setdefault(market, Payout(ts_ns, market, payout))


def from_orders(path: Path) -> Executions:
    """Read orders.jsonl. Raises InputError with the line that cannot be used."""
    found = Executions()
    try:
        text = path.read_bytes()
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})", _REPLAY) from error
    for number, line in enumerate(text.splitlines(), 1):
        try:
            if _decode_kind(line).event in _KNOWN:
                _take_row(found, _decode_row(line))
        except (msgspec.DecodeError, Malformed, UnsentOrder) as error:
            raise InputError(path, str(error), _REPLAY, line=number) from error
    return found


def _take_row(found: Executions, row: _Any) -> None:
    match row:
        case _Submitted() | _Adopted():
            found.order(row.client_order_id, row.market, row.outcome, row.action)
        case _Filled():
            found.fill(
                row.client_order_id, row.ts_ns, row.fill_id, row.price, row.quantity, row.fee,
                row.notional,
            )  # fmt: skip
        case _Voided():
            found.void(row.fill_id)
        case _Charged():
            found.charge(row.fill_id, row.fee)
        case _Settled():
            found.settle(row.market, row.outcome, row.ts_ns)


def from_records(directory: Path, records: Iterable[bytes]) -> Executions:
    """Read the records of a live session's journal.

    Raises InputError for a journal without a single execution: a paper session's are not in it,
    because its replay makes them again.
    """
    found, events = Executions(), 0
    for event in _events(records, LineDecoder()):
        events += isinstance(event, OrderFilled)
        try:
            _take_event(found, event)
        except (Malformed, UnsentOrder) as error:
            raise InputError(directory, str(error), "Verify the journal") from error
    if not events:
        remedy = "For a paper session: kairos replay DIR --out RUN, then kairos lots RUN"
        raise InputError(directory, "holds no executions", remedy)
    return found


def _events(records: Iterable[bytes], decoder: LineDecoder) -> Iterator[Event | SubmitOrder]:
    for record in records:
        if _SHELL in record:
            event = event_of(record)
            if event is not None:
                yield event
                continue
        if record.startswith(_SUBMITTED):
            yield msgspec.json.decode(record, type=_Command).data
        elif _DETERMINED in record:
            parsed = decoder.decode(record)
            yield from parsed if isinstance(parsed, tuple) else (parsed,)


class _Command(msgspec.Struct, gc=False):
    data: SubmitOrder


def _take_event(found: Executions, event: Event | SubmitOrder) -> None:
    match event:
        case SubmitOrder() | OrderAdopted():
            found.order(event.client_order_id, event.market, event.outcome, event.action)
        case OrderFilled():
            found.fill(
                event.client_order_id, event.recv_ns, event.fill_id, event.price, event.quantity,
                event.fee, event.notional,
            )  # fmt: skip
        case FillVoided():
            found.void(event.fill_id)
        case FeeCharged():
            found.charge(event.fill_id, event.fee)
        case MarketDetermined():
            found.settle(event.market, event.outcome, event.recv_ns)
        case _:
            pass
