"""What was bought first is sold first: every gain with what it was made of, as tax forms ask for.

Cash is micro-dollars, quantities 1/1 000 000 contract, times nanoseconds since the epoch, UTC. Each
purchase is a lot; a sale, a pair that nets to a dollar, or a settlement ends the oldest lots first.
Shares are rounded down and the last takes the rest, so that to the micro-dollar

    opening cash + all gains − cost and fees of the open lots == cash

which `Lots.explain` proves. Average cost (the ledger) and FIFO differ in when a profit counts and
agree on the sum.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from kairos.domain.fill import Fill
from kairos.domain.instruments import Action, Outcome
from kairos.domain.units import PRICE_PER_DOLLAR, cash_dollars, contracts
from kairos.errors import Corrupt

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class TimedFill(NamedTuple):
    """A fill and when it happened, by the venue's clock where it says so."""

    ts_ns: int
    fill: Fill


class Payout(NamedTuple):
    """A market's end: what YES paid, in price units."""

    ts_ns: int
    market: str
    yes_payout: int


class How(StrEnum):
    """What ended a lot."""

    SALE = "sale"
    PAIR = "pair"  # the other outcome was bought, and the two made a dollar
    SETTLEMENT = "settlement"


@dataclass(frozen=True, slots=True)
class Lot:
    """Contracts that are held since one purchase."""

    market: str
    outcome: Outcome
    quantity: int
    acquired_ns: int
    cost: int
    fees: int
    fill_id: str


@dataclass(frozen=True, slots=True)
class Disposal:
    """Contracts that were bought once and are gone. `fees` are those of both ends."""

    lot: Lot
    disposed_ns: int
    proceeds: int
    disposal_fees: int
    how: How
    fill_id: str

    @property
    def fees(self) -> int:
        return self.lot.fees + self.disposal_fees

    @property
    def gain(self) -> int:
        return self.proceeds - self.lot.cost - self.fees

    @property
    def is_long_term(self) -> bool:
        """Held for more than a year, counted from the day after the purchase."""
        bought, gone = moment(self.lot.acquired_ns).date(), moment(self.disposed_ns).date()
        leap_day = (bought.month, bought.day) == (2, 29)
        return gone > bought.replace(year=bought.year + 1, day=28 if leap_day else bought.day)


class Lots(NamedTuple):
    """Everything that was disposed of, in order, and what is still held."""

    closed: tuple[Disposal, ...]
    open: tuple[Lot, ...]

    @property
    def gain(self) -> int:
        return sum(disposal.gain for disposal in self.closed)

    @property
    def invested(self) -> int:
        """What the open lots cost, their fees included."""
        return sum(lot.cost + lot.fees for lot in self.open)

    def explain(self, cash_change: int) -> None:
        """Prove that the lots account for all cash that came and went by trading, else Corrupt."""
        explained = self.gain - self.invested
        if explained != cash_change:
            raise Corrupt(
                f"the lots explain a cash change of {cash_dollars(explained)}, "
                f"the books say {cash_dollars(cash_change)}"
            )


def match_lots(fills: Iterable[TimedFill], payouts: Iterable[Payout], *, netting: bool) -> Lots:
    """Match purchases with disposals, oldest first, in order of time.

    Raises Corrupt for a sale of what was never bought, unless netting makes it a purchase.
    """
    matcher = _Matcher(netting=netting)
    steps: list[tuple[int, int, TimedFill | Payout]] = [(f.ts_ns, 0, f) for f in fills]
    steps += [(payout.ts_ns, 1, payout) for payout in payouts]
    for _, _, step in sorted(steps, key=lambda step: step[:2]):
        if isinstance(step, Payout):
            matcher.settle(step)
        else:
            matcher.trade(step)
    return Lots(tuple(matcher.closed), matcher.open_lots())


def moment(ts_ns: int) -> datetime:
    """The UTC time, to the microsecond."""
    return _EPOCH + timedelta(microseconds=ts_ns // 1_000)


class _Matcher:
    def __init__(self, *, netting: bool) -> None:
        self._netting = netting
        self._held: defaultdict[tuple[str, Outcome], deque[Lot]] = defaultdict(deque)
        self.closed: list[Disposal] = []

    def open_lots(self) -> tuple[Lot, ...]:
        return tuple(lot for lots in self._held.values() for lot in lots)

    def trade(self, step: TimedFill) -> None:
        if step.fill.action is Action.BUY:
            self._buy(step.ts_ns, step.fill)
        else:
            self._sell(step.ts_ns, step.fill)

    def settle(self, payout: Payout) -> None:
        for outcome in Outcome:
            lots = self._held[payout.market, outcome]
            quantity = sum(lot.quantity for lot in lots)
            price = payout.yes_payout
            each = price if outcome is Outcome.YES else PRICE_PER_DOLLAR - price
            paid = quantity * each // PRICE_PER_DOLLAR
            self._dispose(lots, quantity, paid, 0, payout.ts_ns, How.SETTLEMENT, "")

    def _buy(self, ts_ns: int, fill: Fill) -> None:
        """Under netting what meets the other outcome sells that for a dollar less this price."""
        other = self._held[fill.market, fill.outcome.other]
        paired = min(fill.quantity, sum(lot.quantity for lot in other)) if self._netting else 0
        cost, fee = _share(fill.notional, fill, paired), _share(fill.fee, fill, paired)
        self._dispose(other, paired, paired - cost, fee, ts_ns, How.PAIR, fill.fill_id)
        if paired < fill.quantity:
            rest = fill.quantity - paired
            self._open(ts_ns, fill, fill.outcome, rest, fill.notional - cost, fill.fee - fee)

    def _sell(self, ts_ns: int, fill: Fill) -> None:
        lots = self._held[fill.market, fill.outcome]
        sold = min(fill.quantity, sum(lot.quantity for lot in lots))
        excess = fill.quantity - sold
        if excess and not self._netting:
            raise Corrupt(
                f"fill {fill.fill_id} sells {contracts(fill.quantity)} of {fill.market} "
                f"{fill.outcome}, of which {contracts(sold)} was bought"
            )
        proceeds, fee = _share(fill.notional, fill, sold), _share(fill.fee, fill, sold)
        self._dispose(lots, sold, proceeds, fee, ts_ns, How.SALE, fill.fill_id)
        if excess:
            cost = excess - (fill.notional - proceeds)
            self._open(ts_ns, fill, fill.outcome.other, excess, cost, fill.fee - fee)

    def _open(
        self, ts_ns: int, fill: Fill, outcome: Outcome, quantity: int, cost: int, fees: int
    ) -> None:
        lot = Lot(fill.market, outcome, quantity, ts_ns, cost, fees, fill.fill_id)
        self._held[fill.market, outcome].append(lot)

    def _dispose(
        self, lots: deque[Lot], quantity: int, proceeds: int, fees: int, ts_ns: int, how: How,
        fill_id: str,
    ) -> None:  # fmt: skip
        """Take `quantity` from the oldest lots; each gets its share of the proceeds and fees."""
        while quantity:
            lot = lots.popleft()
            taken = min(lot.quantity, quantity)
            part, rest = _split(lot, taken)
            if rest is not None:
                lots.appendleft(rest)
            brought, charged = proceeds * taken // quantity, fees * taken // quantity
            self.closed.append(Disposal(part, ts_ns, brought, charged, how, fill_id))
            quantity, proceeds, fees = quantity - taken, proceeds - brought, fees - charged


def _share(amount: int, fill: Fill, quantity: int) -> int:
    return amount * quantity // fill.quantity


def _split(lot: Lot, quantity: int) -> tuple[Lot, Lot | None]:
    if quantity == lot.quantity:
        return lot, None
    cost, fees = lot.cost * quantity // lot.quantity, lot.fees * quantity // lot.quantity
    part = replace(lot, quantity=quantity, cost=cost, fees=fees)
    left = lot.quantity - quantity
    return part, replace(lot, quantity=left, cost=lot.cost - cost, fees=lot.fees - fees)
