"""Ours against the venue's: which differences there are, and how long each has lasted.

Pure: what both sides say goes in, differences and what to do about them come out. A difference may
be nothing but a message under way, so it is a break only when it is still there, unchanged, after
`grace_seconds` and a second look; what can be mended at once is mended meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Final, NamedTuple

from kairos.domain.instruments import Action, Outcome
from kairos.domain.units import (
    NANOSECONDS_PER_SECOND,
    PRICE_PER_DOLLAR,
    cash_dollars,
    contracts,
    dollars,
)
from kairos.errors import UsageError
from kairos.messages.trading import FillState, VenueFill, VenueOrder

Instrument = tuple[str, Outcome]


class BreakKind(StrEnum):
    """What differs."""

    ORDER_MISSING = "order_missing"  # ours works, and the venue does not list it
    ORDER_DIFFERS = "order_differs"
    ORDER_UNKNOWN = "order_unknown"  # the venue lists an order that we do not know
    FILL_MISSING = "fill_missing"  # the venue executed what we did not book
    FILL_UNKNOWN = "fill_unknown"  # we booked what the venue does not list
    POSITION = "position"
    CASH = "cash"
    VENUE_SILENT = "venue_silent"  # it could not be asked


class Cure(StrEnum):
    """What to do about a difference; also how a break was resolved when it is gone."""

    LOOK_UP = "looked_up"
    TAKE_ORDER = "order_taken"
    TAKE_FILL = "fill_booked"
    WAIT = "waited_out"


class OurOrder(NamedTuple):
    """An order we believe to be at the venue. `certain`: nothing about it is under way."""

    client_order_id: str
    venue_order_id: str | None
    market: str
    outcome: Outcome
    action: Action
    price: int
    quantity: int
    filled: int
    certain: bool


class Ours(NamedTuple):
    """Our books. `booked` says of a fill id whether it counts; `expected` are the ids, with their
    markets, that the venue's list of executions must contain; `ignored` are executions that the
    opening positions contain. `reserved` is cash set aside for open buys, also for those of others
    that are left alone; a part of `cash`."""

    orders: Sequence[OurOrder]
    booked: Callable[[str], bool]
    expected: Mapping[str, str]
    ignored: frozenset[str]
    positions: Mapping[Instrument, int]
    cash: int
    reserved: int


class Theirs(NamedTuple):
    """The venue's books. `fills` reach back as far as ours."""

    orders: Sequence[VenueOrder]
    fills: Sequence[VenueFill]
    positions: Mapping[Instrument, int]
    cash: int


_MAY_BE_ZERO: Final = frozenset({"cash_tolerance", "reserved_fee_percent"})


@dataclass(frozen=True, slots=True)
class ReconcileSettings:
    """`cash_tolerance` is micro-dollars: a venue that states whole cents needs 10 000.
    `cash_excludes_resting`: the venue's balance is what is left after resting orders. Then it may
    also be without what it sets aside for their fees, which nobody tells: at most
    `reserved_fee_percent` of what they cost."""

    cash_excludes_resting: bool
    cash_tolerance: int
    reserved_fee_percent: int = 0
    interval_seconds: float = 60.0
    grace_seconds: float = 5.0
    answer_seconds: float = 20.0
    failures_max: int = 3
    start_up_rounds_max: int = 20
    start_up_interval_seconds: float = 2.0
    window_seconds: float = 3600.0
    breaks_max: int = 10_000

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, bool) and value < (field.name not in _MAY_BE_ZERO):
                raise UsageError(f"reconcile.{field.name} is {value}: use more")


class Difference(NamedTuple):
    """One thing that differs, with the evidence of both sides and what it is about."""

    kind: BreakKind
    about: str
    market: str | None
    ours: str
    theirs: str
    cure: Cure
    subject: str | VenueOrder | VenueFill | None = None
    by: int | None = None  # theirs less ours, where both are amounts

    @property
    def break_id(self) -> str:
        return f"{self.kind}:{self.about}"


def compare(ours: Ours, theirs: Theirs, settings: ReconcileSettings) -> Iterator[Difference]:
    """Every difference there is at this moment, in a fixed order of kinds."""
    yield from _orders(ours, theirs)
    yield from _fills(ours, theirs)
    yield from _positions(ours, theirs)
    yield from _cash(ours, theirs, settings)


def _orders(ours: Ours, theirs: Theirs) -> Iterator[Difference]:
    listed = {order.venue_order_id: order for order in theirs.orders}
    by_name = {order.client_order_id: order for order in theirs.orders if order.client_order_id}
    known = set()
    for mine in ours.orders:
        found = by_name.get(mine.client_order_id)
        if mine.venue_order_id is not None:
            found = listed.get(mine.venue_order_id, found)
        if found is not None:
            known.add(found.venue_order_id)
        if mine.certain:
            yield from _order(mine, found)
    for venue_order_id, order in listed.items():
        if venue_order_id not in known:
            yield Difference(
                BreakKind.ORDER_UNKNOWN, venue_order_id, order.market, "no order", _said(order),
                Cure.TAKE_ORDER, order,
            )  # fmt: skip


def _order(mine: OurOrder, found: VenueOrder | None) -> Iterator[Difference]:
    said = f"{contracts(mine.filled)} of {contracts(mine.quantity)} at {dollars(mine.price)}"
    if found is None:
        yield Difference(
            BreakKind.ORDER_MISSING, mine.client_order_id, mine.market, said, "not listed",
            Cure.LOOK_UP, mine.client_order_id,
        )  # fmt: skip
        return
    theirs = _asked(found.outcome, found.action, found.price)
    sizes = (found.quantity, found.filled)
    if theirs != _asked(mine.outcome, mine.action, mine.price) or sizes != (
        mine.quantity,
        mine.filled,
    ):
        yield Difference(
            BreakKind.ORDER_DIFFERS, mine.client_order_id, mine.market, said, _said(found),
            Cure.TAKE_ORDER, found,
        )  # fmt: skip


def _asked(outcome: Outcome, action: Action, price: int) -> tuple[Outcome, int]:
    """What an order asks for, as a purchase: a venue with one book keeps no other form of it."""
    if action is Action.BUY:
        return outcome, price
    return outcome.other, PRICE_PER_DOLLAR - price


def _fills(ours: Ours, theirs: Theirs) -> Iterator[Difference]:
    listed = {fill.fill_id: fill for fill in theirs.fills if fill.fill_id not in ours.ignored}
    for fill_id, fill in listed.items():
        void = fill.state is FillState.VOID
        if ours.booked(fill_id) == void:
            state = "booked" if void else "not booked"
            yield Difference(
                BreakKind.FILL_MISSING, fill_id, fill.market, state, _executed(fill),
                Cure.TAKE_FILL, fill,
            )  # fmt: skip
    for fill_id, market in ours.expected.items():
        if fill_id not in listed:
            yield Difference(
                BreakKind.FILL_UNKNOWN, fill_id, market, "booked", "not listed", Cure.WAIT
            )


def _positions(ours: Ours, theirs: Theirs) -> Iterator[Difference]:
    for market, outcome in sorted({*ours.positions, *theirs.positions}):
        held = _held(ours.positions, (market, outcome))
        said = _held(theirs.positions, (market, outcome))
        if held != said:
            yield Difference(
                BreakKind.POSITION, f"{market}:{outcome}", market, contracts(held),
                contracts(said), Cure.WAIT, by=said - held,
            )  # fmt: skip


def _held(positions: Mapping[Instrument, int], instrument: Instrument) -> int:
    """A complete list of what is held says by silence that nothing is."""
    return positions.get(instrument, 0)


def _cash(ours: Ours, theirs: Theirs, settings: ReconcileSettings) -> Iterator[Difference]:
    resting = ours.reserved if settings.cash_excludes_resting else 0
    expected, by = ours.cash - resting, theirs.cash - (ours.cash - resting)
    fees = resting * settings.reserved_fee_percent // 100
    if not -settings.cash_tolerance - fees <= by <= settings.cash_tolerance:
        yield Difference(
            BreakKind.CASH, "account", None, cash_dollars(expected), cash_dollars(theirs.cash),
            Cure.WAIT, by=by,
        )  # fmt: skip


def _said(order: VenueOrder) -> str:
    return (
        f"{order.action} {order.outcome} {contracts(order.filled)} of "
        f"{contracts(order.quantity)} at {dollars(order.price)}, {order.status}"
    )


def _executed(fill: VenueFill) -> str:
    what = f"{fill.action} {fill.outcome} {contracts(fill.quantity)} at {dollars(fill.price)}"
    return f"{what}, {fill.state}, order {fill.venue_order_id}"


@dataclass(slots=True)
class _Seen:
    difference: Difference
    first_ns: int
    looks: int = 1
    reported: bool = False


class Step(NamedTuple):
    """What one comparison brought: new breaks, breaks that are gone, what to mend, what is young.

    `found` and `mend` may name the same difference; `waiting` differences are no breaks yet.
    """

    found: tuple[Difference, ...]
    resolved: tuple[Difference, ...]
    mend: tuple[Difference, ...]
    waiting: int
    waited_out: int


class Breaks:
    """Remembers differences from look to look, and decides when one is a break."""

    def __init__(self, settings: ReconcileSettings) -> None:
        self._settings = settings
        self._seen: dict[str, _Seen] = {}

    @property
    def unresolved(self) -> tuple[Difference, ...]:
        return tuple(seen.difference for seen in self._seen.values() if seen.reported)

    def step(self, differences: Iterator[Difference], now_ns: int) -> Step:
        """Take the differences of one comparison. Those beyond `breaks_max` count as waiting."""
        current: dict[str, _Seen] = {}
        beyond = 0
        for difference in differences:
            if len(current) >= self._settings.breaks_max:
                beyond += 1
                continue
            current[difference.break_id] = self._look(difference, now_ns)
        gone = [seen for name, seen in self._seen.items() if name not in current]
        self._seen = current
        found = tuple(seen.difference for seen in current.values() if self._is_break(seen, now_ns))
        return Step(
            found,
            tuple(seen.difference for seen in gone if seen.reported),
            tuple(s.difference for s in current.values() if s.difference.cure is not Cure.WAIT),
            sum(not seen.reported for seen in current.values()) + beyond,
            sum(not seen.reported for seen in gone),
        )

    def _look(self, difference: Difference, now_ns: int) -> _Seen:
        """A figure that changes between looks is trading, not a break: its time starts anew."""
        seen = self._seen.get(difference.break_id)
        if seen is None or not (seen.reported or _is_same(seen.difference, difference)):
            return _Seen(difference, now_ns)
        seen.difference = difference
        seen.looks += 1
        return seen

    def _is_break(self, seen: _Seen, now_ns: int) -> bool:
        grace_ns = round(self._settings.grace_seconds * NANOSECONDS_PER_SECOND)
        if seen.reported or seen.looks < 2 or now_ns - seen.first_ns < grace_ns:
            return False
        seen.reported = True
        return True


def _is_same(one: Difference, other: Difference) -> bool:
    """Amounts differ by the same although both move, when something is missing for good."""
    if one.by is not None:
        return one.by == other.by
    return (one.ours, one.theirs) == (other.ours, other.theirs)
