"""Everything that may leave the engine: orders to the gateway, records to the journal."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

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
    `verdict` is TAKE, EXIT, HOLD or PASS. `reasons` is empty exactly when the verdict acts.
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
    """Decisions about many markets at one moment, kept as columns until somebody reads them.

    One entry per market in every column; None stands where a single Decision has None.
    """

    ts_ns: int
    profile: str
    trigger: str
    spot: float | None
    sigma: float | None
    markets: tuple[str, ...]
    sides: tuple[Outcome | None, ...]
    reasons: tuple[tuple[str, ...], ...]
    probabilities: tuple[float, ...]
    uncertainties: tuple[float, ...]
    horizons_ns: tuple[int, ...]
    yes_bids: tuple[int | None, ...]
    yes_asks: tuple[int | None, ...]
    evs_yes: tuple[float | None, ...]
    evs_no: tuple[float | None, ...]
    evs_net: tuple[float | None, ...]

    def expand(self) -> Iterator[Decision]:
        """The same as one PASS Decision per market."""
        columns = zip(
            self.markets, self.sides, self.reasons, self.probabilities, self.uncertainties,
            self.horizons_ns, self.yes_bids, self.yes_asks, self.evs_yes, self.evs_no,
            self.evs_net, strict=True,
        )  # fmt: skip
        for market, side, why, p, doubt, horizon, bid, ask, ev_yes, ev_no, ev in columns:
            yield Decision(
                self.ts_ns, market, self.profile, self.trigger, "PASS", side, why, p, doubt,
                self.spot, self.sigma, horizon, bid, ask, ev_yes, ev_no, ev, 0,
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
