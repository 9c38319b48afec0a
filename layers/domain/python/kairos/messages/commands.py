"""Everything that may leave the engine: orders to the gateway, records to the journal."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import msgspec

from kairos.domain.instruments import Action, Outcome


class TimeInForce(StrEnum):
    """How long an order may rest."""

    GTC = "good_till_canceled"
    IOC = "immediate_or_cancel"
    FOK = "fill_or_kill"
    GTD = "good_till_date"


class SubmitOrder(msgspec.Struct, gc=False, frozen=True):
    """Send an order. `price` is the limit in the outcome's own units."""

    ts_ns: int
    client_order_id: str
    market: str
    outcome: Outcome
    action: Action
    price: int
    quantity: int
    time_in_force: TimeInForce
    post_only: bool
    reduce_only: bool
    expires_ns: int | None = None


class AmendOrder(msgspec.Struct, gc=False, frozen=True):
    """Change price or size of a resting order; `quantity` is filled plus what shall rest."""

    ts_ns: int
    client_order_id: str
    price: int
    quantity: int


class CancelOrder(msgspec.Struct, gc=False, frozen=True):
    """Cancel what is left of an order."""

    ts_ns: int
    client_order_id: str


class Decision(msgspec.Struct, gc=False, frozen=True):
    """One evaluated market: what we knew, what we concluded, and every reason in order.

    Prices are 1/10 000 dollar or None for an empty side; EVs are dollars per contract after fees.
    `verdict` is TAKE, EXIT or PASS. `reasons` is empty exactly when the verdict acts.
    """

    ts_ns: int
    market: str
    profile: str
    trigger: str
    verdict: str
    side: Outcome | None
    reasons: tuple[str, ...]
    probability: float | None
    uncertainty: float | None
    spot: float | None
    sigma: float | None
    horizon_ns: int | None
    yes_bid: int | None
    yes_ask: int | None
    ev_yes: float | None
    ev_no: float | None
    ev_net: float | None
    quantity: int


class DecisionSweep(msgspec.Struct, gc=False, frozen=True):
    """PASS decisions about many markets at one moment, as columns until somebody reads them.

    Columns are arrays with one entry per market. Bids and asks are -1 and EVs infinite for an empty
    side. `haircut` is (cost per unit of uncertainty, fixed cost); `yes_bits` and `no_bits` are what
    the quote itself speaks against either side, as positions in `reason_names`.
    """

    ts_ns: int
    profile: str
    trigger: str
    spot: float
    sigma: float
    min_ev: float
    haircut: tuple[float, float]
    reason_names: tuple[str, ...]
    ev_low_bit: int
    markets: tuple[str, ...]
    closes_ns: Any
    horizon_bits: Any
    probabilities: Any
    uncertainties: Any
    bids: Any
    asks: Any
    evs_yes: Any
    evs_no: Any
    yes_bits: Any
    no_bits: Any

    def expand(self) -> Iterator[Decision]:
        """The same as one Decision per market."""
        columns = (
            self.closes_ns, self.horizon_bits, self.probabilities, self.uncertainties, self.bids,
            self.asks, self.evs_yes, self.evs_no, self.yes_bits, self.no_bits,
        )  # fmt: skip
        rows = zip(self.markets, *(column.tolist() for column in columns), strict=True)
        return (self._decision(*row) for row in rows)

    def _decision(
        self, market: str, close_ns: int, bits: int, p: float, doubt: float, bid: int, ask: int,
        ev_yes: float, ev_no: float, yes_bits: int, no_bits: int,
    ) -> Decision:  # fmt: skip
        side, ev = (Outcome.NO, ev_no) if ev_no > ev_yes else (Outcome.YES, ev_yes)
        bits |= no_bits if side is Outcome.NO else yes_bits
        empty = bid < 0 and ask < 0
        net = ev - (self.haircut[0] * doubt + self.haircut[1])
        if not empty and net < self.min_ev:
            bits |= self.ev_low_bit
        return Decision(
            self.ts_ns, market, self.profile, self.trigger, "PASS", None if empty else side,
            tuple(name for bit, name in enumerate(self.reason_names) if bits >> bit & 1),
            p, doubt, self.spot, self.sigma, close_ns - self.ts_ns,
            None if bid < 0 else bid, None if ask < 0 else ask,
            None if ask < 0 else ev_yes, None if bid < 0 else ev_no, None if empty else net, 0,
        )  # fmt: skip


class BookStateChanged(msgspec.Struct, gc=False, frozen=True):
    """A market's book became live, stale, gapped or resyncing, and why."""

    ts_ns: int
    market: str
    state: str
    reason: str


class MessageRefused(msgspec.Struct, gc=False, frozen=True):
    """A readable message that the books cannot take; counted like any quarantined message."""

    ts_ns: int
    market: str | None
    reason: str
    detail: str


class OrderDenied(msgspec.Struct, gc=False, frozen=True):
    """An order or amendment that our own risk check did not let out, with every reason in order.

    Nobody else hears of it: the account has not seen it and the venue never will.
    """

    ts_ns: int
    client_order_id: str
    market: str
    reasons: tuple[str, ...]


class TradingStateChanged(msgspec.Struct, gc=False, frozen=True):
    """What may leave from here on (ACTIVE, REDUCING, HALTED), or a new reason for it."""

    ts_ns: int
    state: str
    reason: str
    evidence: str


class RiskBreached(msgspec.Struct, gc=False, frozen=True):
    """A limit was exceeded in fact, not just asked to be. Cancels of what rests come before it.

    `limit` is a `kairos.domain.risk.limits.Limit`, `scope` where it was met; `value` and `most` are
    micro-dollars for limits of dollars, else the limit's own unit.
    """

    ts_ns: int
    limit: str
    scope: str
    value: int
    most: int


Command = (
    SubmitOrder
    | AmendOrder
    | CancelOrder
    | Decision
    | DecisionSweep
    | BookStateChanged
    | MessageRefused
    | OrderDenied
    | TradingStateChanged
    | RiskBreached
)
