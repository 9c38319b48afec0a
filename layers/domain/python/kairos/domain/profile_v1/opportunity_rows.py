"""The record of one judged side, as the opportunity engine of profile v1 writes it.

Reproduces although it is wrong: `tau` is minutes while its documentation says years (D38); passes
found in best-side mode are recorded without the workings of their EV, under a default that claims
its inputs were checked (D17).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from kairos.domain.profile_v1.coercion import Fields, midpoint, to_float
from kairos.domain.profile_v1.settings import OpportunitySettings
from kairos.domain.profile_v1.sigma import EVIDENCE_FIELDS

EV_TOLERANCE: Final = 1e-6
_SIDES: Final = ("yes_bid", "yes_ask", "no_bid", "no_ask")
_SNAPSHOT_EVIDENCE: Final = (
    "asof_ts",
    "spot_ts",
    "quote_ts",
    "spot_age_seconds",
    "quote_age_seconds",
    "prob_yes",
    "prob_yes_raw",
)

Row = dict[str, Any]
"""An opportunity row as the original writes it."""


@dataclass(frozen=True, slots=True)
class Invariant:
    """Whether the snapshot's EV follows from the inputs it claims to be made from."""

    basis: str
    recomputed: float | None
    diff: float | None

    @property
    def failed(self) -> bool:
        return self.diff is not None and self.diff > EV_TOLERANCE


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One side of one snapshot. EVs are dollars; `reason` is why it may not be taken."""

    side: str
    reason: str | None
    price_cents: float | None = None
    ev_raw: float | None = None
    ev_net: float | None = None
    ev_snapshot: float | None = None
    ev_recomputed: float | None = None
    # What rows say of sides whose EV was never checked.
    invariant: Invariant = Invariant("edge_inputs", None, None)

    def without_workings(self) -> Evaluation:
        """Best-side passes are recorded without how their EV came about."""
        bare = Evaluation(self.side, self.reason, self.price_cents)
        return replace(bare, ev_raw=self.ev_raw, ev_net=self.ev_net)


def opportunity_row(
    snapshot: Fields,
    meta: Fields,
    settings: OpportunitySettings,
    side: Evaluation,
    eligible: int,
) -> Row:
    horizon = to_float(snapshot.get("horizon_seconds"))
    quote = {name: to_float(snapshot.get(name)) for name in _SIDES}
    bid, ask = quote[f"{side.side.lower()}_bid"], quote[f"{side.side.lower()}_ask"]
    return {
        "ts_eval": snapshot.get("asof_ts"),
        "market_id": snapshot.get("market_id"),
        "settlement_ts": snapshot.get("settlement_ts"),
        "strike": None,
        "spot_price": to_float(snapshot.get("spot_price")),
        "sigma": to_float(snapshot.get("sigma_annualized")),
        "tau": None if horizon is None else horizon / 60.0,
        "p_model": to_float(snapshot.get("prob_yes")),
        "p_market": _market_probability(snapshot),
        **{f"best_{name}": price for name, price in quote.items()},
        "spread": None if bid is None or ask is None else ask - bid,
        "eligible": eligible,
        "reason_not_eligible": side.reason,
        "would_trade": 1 if side.reason is None else 0,
        "side": side.side,
        "ev_raw": side.ev_raw,
        "ev_net": side.ev_net,
        "cost_buffer": settings.cost_buffer,
        "raw_json": _evidence(snapshot, meta, settings, side),
    }


def _evidence(
    snapshot: Fields, meta: Fields, settings: OpportunitySettings, side: Evaluation
) -> dict[str, Any]:
    return {
        **{name: snapshot.get(name) for name in _SNAPSHOT_EVIDENCE},
        **{name: meta.get(name) for name in EVIDENCE_FIELDS},
        "price_used_cents": side.price_cents,
        "decision": "TAKE" if side.reason is None else "PASS",
        "decision_reason": side.reason,
        "model_version": settings.model_version,
        "ev_snapshot": side.ev_snapshot,
        "ev_recomputed": side.ev_recomputed,
        "ev_recomputed_invariant": side.invariant.recomputed,
        "ev_invariant_failed": side.invariant.failed,
        "ev_invariant_diff": side.invariant.diff,
        "ev_invariant_basis": side.invariant.basis,
        "cost_buffer": settings.cost_buffer,
        "ev_net": side.ev_net,
    }


def _market_probability(snapshot: Fields) -> float | None:
    """The market's own P(YES): from mids if the snapshot has one, else from bids and asks."""
    numbers = {name: to_float(snapshot.get(name)) for name in ("yes_mid", "no_mid", *_SIDES)}
    quoted_yes = midpoint(numbers["yes_bid"], numbers["yes_ask"])
    quoted_no = midpoint(numbers["no_bid"], numbers["no_ask"])
    for yes_cents, no_cents in ((numbers["yes_mid"], numbers["no_mid"]), (quoted_yes, quoted_no)):
        if yes_cents is not None:
            return yes_cents / 100.0
        if no_cents is not None:
            return 1.0 - no_cents / 100.0
    return None


def block(row: Row, reason: str, *, eligible: int) -> Row:
    """The take as the pass it becomes for `reason`."""
    evidence = row["raw_json"] | {"decision": "PASS", "decision_reason": reason}
    return row | {
        "would_trade": 0,
        "eligible": eligible,
        "reason_not_eligible": reason,
        "raw_json": evidence,
    }
