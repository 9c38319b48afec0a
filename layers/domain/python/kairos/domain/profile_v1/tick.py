"""One edge tick over the live state: sigma, selection, one edge per market, and a summary.

Reproduces although it is wrong: a fallback sigma of any age prices markets like an estimate; ages
are frozen here and never looked at again (D13); whole-tick failures pass in silence (D27).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from kairos.domain.profile_v1.coercion import midpoint
from kairos.domain.profile_v1.edges import Asks, EdgeInputs, EdgeRow, compute_edge
from kairos.domain.profile_v1.live_state import LiveState
from kairos.domain.profile_v1.quotes import is_crossed
from kairos.domain.profile_v1.selection import (
    SAMPLE_SIZE,
    Candidate,
    Selection,
    fresh_quote,
    select_markets,
    tradable_sides,
)
from kairos.domain.profile_v1.settings import EXPIRY_TOLERANCE_SECONDS, EdgeSettings
from kairos.domain.profile_v1.sigma import (
    EVIDENCE_FIELDS,
    SigmaEstimate,
    estimate_sigma,
)
from kairos.domain.profile_v1.spot_history import Tick

SNAPSHOT_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class EdgeTick:
    """What a tick found: the original's summary, and a snapshot per priced market.

    `summary["error"]` is there, and is `spot_missing` or `no_relevant_markets`, exactly when the
    tick could not price anything at all.
    """

    summary: dict[str, Any]
    snapshots: list[dict[str, Any]]


@dataclass(slots=True)
class _Pricing:
    """Edges and reasons gathered while going through the selected markets."""

    edges: list[EdgeRow] = field(default_factory=list)
    skip_reasons: Counter[str] = field(default_factory=Counter)
    diagnostics: Counter[str] = field(default_factory=Counter)
    skipped: int = 0

    def skip(self, reason: str) -> None:
        self.skip_reasons[reason] += 1
        self.skipped += 1


def tick_edges(state: LiveState, settings: EdgeSettings, now_ts: int) -> EdgeTick:
    """Price every selected market as of `now_ts`. Remembers sigma in the state when it is good."""
    estimate = estimate_sigma(state.spot_history, settings.sigma, now_ts, state.last_good_sigma)
    if estimate.ok:
        state.last_good_sigma = estimate.sigma
    if state.spot is None:
        return EdgeTick(_nothing_priced("spot_missing", None, estimate), [])
    selection = select_markets(state, settings, state.spot[1], now_ts)
    chosen = selection.summary(settings, state.spot, now_ts)
    if not selection.chosen:
        summary = _nothing_priced("no_relevant_markets", state.spot, estimate)
        summary |= {"selection": chosen, "skip_reasons": selection.skip_reasons()}
        return EdgeTick(summary, [])
    pricing = _price(state, settings, selection, estimate.sigma, now_ts)
    evidence = _sigma_evidence(estimate)
    snapshots = [_snapshot(edge, state.spot[0], evidence) for edge in pricing.edges]
    summary = _summary(selection, pricing, snapshots, state.spot, now_ts)
    return EdgeTick(summary | estimate.summary() | {"selection": chosen}, snapshots)


def _price(
    state: LiveState, settings: EdgeSettings, selection: Selection, sigma: float, now_ts: int
) -> _Pricing:
    pricing = _Pricing()
    if state.spot is None:
        return pricing
    inputs = EdgeInputs(now_ts, state.spot[0], state.spot[1], sigma, settings.contracts)
    for candidate in selection.chosen:
        _price_market(candidate, state, settings, inputs, pricing)
    return pricing


def _price_market(
    candidate: Candidate,
    state: LiveState,
    settings: EdgeSettings,
    inputs: EdgeInputs,
    pricing: _Pricing,
) -> None:
    """Run the per-market checks in order, then price. Adds an edge or a reason to `pricing`."""
    if inputs.now_ts > candidate.close_ts + EXPIRY_TOLERANCE_SECONDS:
        return pricing.skip("expired_contract")
    ticker = candidate.contract.ticker
    quote = fresh_quote(state, ticker, settings, inputs.now_ts)
    if quote is None:
        return pricing.skip("missing_quote")
    if is_crossed(quote.yes_ask, quote.no_ask):
        pricing.diagnostics["crossed_market"] += 1
        return pricing.skip("crossed_market")
    yes_tradable, no_tradable = tradable_sides(quote, settings)
    if not yes_tradable and not no_tradable:
        return pricing.skip("missing_both_sides")
    asks = Asks(
        quote.ts,
        quote.yes_bid,
        quote.yes_ask if yes_tradable else None,
        quote.no_bid,
        quote.no_ask if no_tradable else None,
    )
    if not yes_tradable:
        pricing.skip_reasons["missing_yes_ask"] += 1
    if not no_tradable:
        pricing.skip_reasons["missing_no_ask"] += 1
    edge = _edge(candidate, asks, inputs)
    if edge is None:
        return pricing.skip("invalid_edge")
    return pricing.edges.append(edge)


def _edge(candidate: Candidate, asks: Asks, inputs: EdgeInputs) -> EdgeRow | None:
    contract = {
        "ticker": candidate.contract.ticker,
        "strike_type": candidate.contract.strike_type,
        "lower": candidate.contract.lower,
        "upper": candidate.contract.upper,
        "close_ts": candidate.close_ts,
    }
    shown = max(candidate.close_ts - inputs.now_ts, 0)
    return compute_edge(contract, asks, inputs, selection_horizon_seconds=shown)


def _snapshot(edge: EdgeRow, spot_ts: int, sigma_evidence: dict[str, Any]) -> dict[str, Any]:
    """The row that the opportunity engine reads."""
    asks = edge.asks
    return {
        "asof_ts": edge.ts,
        "market_id": edge.market_id,
        "settlement_ts": edge.settlement_ts,
        "spot_ts": spot_ts,
        "spot_price": edge.spot_price,
        "sigma_annualized": edge.sigma_annualized,
        "prob_yes": edge.prob_yes,
        "horizon_seconds": edge.horizon_seconds,
        "quote_ts": asks.ts,
        "yes_bid": asks.yes_bid,
        "yes_ask": asks.yes_ask,
        "no_bid": asks.no_bid,
        "no_ask": asks.no_ask,
        "yes_mid": midpoint(asks.yes_bid, asks.yes_ask),
        "no_mid": midpoint(asks.no_bid, asks.no_ask),
        "ev_take_yes": edge.ev_take_yes,
        "ev_take_no": edge.ev_take_no,
        "spot_age_seconds": edge.ts - spot_ts,
        "quote_age_seconds": None if asks.ts is None else edge.ts - asks.ts,
        "raw_json": edge.evidence | sigma_evidence,
    }


def _sigma_evidence(estimate: SigmaEstimate) -> dict[str, Any]:
    reported = estimate.summary()
    version = {"snapshot_version": SNAPSHOT_VERSION}
    return version | {name: reported[name] for name in EVIDENCE_FIELDS}


def _nothing_priced(error: str, spot: Tick | None, estimate: SigmaEstimate) -> dict[str, Any]:
    return {
        "error": error,
        "edges_inserted": 0,
        "relevant_total": 0,
        "spot_ts": None if spot is None else spot[0],
        "spot_price": None if spot is None else spot[1],
        **estimate.summary(),
    }


def _summary(
    selection: Selection,
    pricing: _Pricing,
    snapshots: list[dict[str, Any]],
    spot: Tick,
    now_ts: int,
) -> dict[str, Any]:
    """What the original prints about a tick. "Recent quotes" are those of priced markets."""
    relevant = [one.contract.ticker for one in selection.chosen]
    priced = [row["market_id"] for row in snapshots]
    oldest_quote = max((row["quote_age_seconds"] for row in snapshots), default=None)
    return {
        "now_ts": now_ts,
        "spot_ts": spot[0],
        "spot_price": spot[1],
        "edges_inserted": len(snapshots),
        "snapshots_inserted": len(snapshots),
        "snapshots_total": len(snapshots),
        "skipped": pricing.skipped,
        "skip_reasons": dict(pricing.skip_reasons),
        "diagnostics": dict(pricing.diagnostics),
        "relevant_total": len(relevant),
        "relevant_ids_sample": relevant[:SAMPLE_SIZE],
        "relevant_titles_sample": {},
        "relevant_with_recent_quotes": len(priced),
        "quotes_distinct_markets_recent": len(priced),
        "recent_quote_market_ids_sample": priced[:SAMPLE_SIZE],
        "missing_quote_sample": [],
        "latest_quote_ts": max((row["quote_ts"] for row in snapshots), default=None),
        "max_quote_age_seconds": oldest_quote,
        "quote_age_seconds": oldest_quote,
        "max_spot_age_seconds": max((row["spot_age_seconds"] for row in snapshots), default=None),
    }
