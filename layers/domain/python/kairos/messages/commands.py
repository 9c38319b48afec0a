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

    Columns are arrays of equal length: `take_no` says which side was the better one, `bits` are
    reasons by position in `reason_names`; bids and asks are -1 and EVs infinite for an empty side.
    """

    ts_ns: int
    profile: str
    trigger: str
    spot: float
    sigma: float
    reason_names: tuple[str, ...]
    markets: tuple[str, ...]
    take_no: Any
    bits: Any
    probabilities: Any
    uncertainties: Any
    horizons_ns: Any
    bids: Any
    asks: Any
    evs_yes: Any
    evs_no: Any
    evs_net: Any

    def expand(self) -> Iterator[Decision]:
        """The same as one Decision per market."""
        columns = (
            self.take_no, self.bits, self.probabilities, self.uncertainties, self.horizons_ns,
            self.bids, self.asks, self.evs_yes, self.evs_no, self.evs_net,
        )  # fmt: skip
        rows = zip(self.markets, *(column.tolist() for column in columns), strict=True)
        for market, no, bits, p, doubt, horizon, bid, ask, ev_yes, ev_no, ev in rows:
            side = Outcome.NO if no else Outcome.YES
            why = tuple(name for bit, name in enumerate(self.reason_names) if bits >> bit & 1)
            yield Decision(
                self.ts_ns, market, self.profile, self.trigger, "PASS",
                None if bid < 0 and ask < 0 else side, why, p, doubt, self.spot, self.sigma,
                horizon, None if bid < 0 else bid, None if ask < 0 else ask,
                None if ask < 0 else ev_yes, None if bid < 0 else ev_no,
                None if bid < 0 and ask < 0 else ev, 0,
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


Command = SubmitOrder | CancelOrder | Decision | DecisionSweep | BookStateChanged | MessageRefused
