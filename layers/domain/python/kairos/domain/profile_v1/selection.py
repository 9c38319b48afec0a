"""Which markets an edge tick prices: filters in a fixed order, then the nearest to spot.

Reproduces although it is wrong: the band is no cap. With few markets inside it far ones are
priced too, with many inside it all of them are, however many `top_n` says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from kairos.domain.profile_v1.live_state import Contract, LiveState, Quote
from kairos.domain.profile_v1.probability import STRIKE_TYPES
from kairos.domain.profile_v1.quotes import is_tradable
from kairos.domain.profile_v1.settings import EXPIRY_TOLERANCE_SECONDS, EdgeSettings
from kairos.domain.profile_v1.spot_history import Tick
from kairos.domain.profile_v1.strikes import in_series

SAMPLE_SIZE: Final = 5

# Filter → how a tick that priced nothing reports it, in the order the filters run.
EXCLUSIONS: Final = {
    "excluded_missing_bounds": "missing_bounds",
    "excluded_missing_close_ts": "missing_settlement_ts",
    "excluded_expired": "expired_contract",
    "excluded_horizon_out_of_range": "horizon_out_of_range",
    "excluded_missing_recent_quote": "missing_quote",
    "excluded_untradable": "missing_both_sides",
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A market that survived the filters. Distance is in percent of spot."""

    contract: Contract
    close_ts: int
    distance_pct: float


@dataclass(frozen=True, slots=True)
class Selection:
    """The markets to price, nearest first, and how they were chosen.

    `excluded` counts what each filter removed; `candidates_seen` counts known strike types.
    """

    chosen: tuple[Candidate, ...]
    method: str
    candidates_seen: int
    excluded: dict[str, int]

    def skip_reasons(self) -> dict[str, int]:
        """The exclusions under the names that a tick reports."""
        return {EXCLUSIONS[name]: count for name, count in self.excluded.items() if count}

    def summary(self, settings: EdgeSettings, spot: Tick, now_ts: int) -> dict[str, Any]:
        """The fields the original reports about a selection."""
        return {
            "method": self.method,
            "pct_band": settings.pct_band,
            "top_n": settings.top_n,
            "candidate_count_total": self.candidates_seen,
            **self.excluded,
            "selected_count": len(self.chosen),
            "spot_ts": spot[0],
            "now_ts": now_ts,
            "selection_samples": [_sample(one, now_ts) for one in self.chosen[:SAMPLE_SIZE]],
            "series": list(settings.series),
            "status": settings.status,
            "require_quotes": settings.require_quotes,
        }


def select_markets(
    state: LiveState, settings: EdgeSettings, spot_price: float, now_ts: int
) -> Selection:
    """Filter what the state knows, order it by distance and ticker, and cut it."""
    excluded = dict.fromkeys(EXCLUSIONS, 0)
    seen = 0
    kept: list[Candidate] = []
    for contract in _relevant(state, settings):
        seen += 1
        close_ts = state.close_time(contract)
        exclusion = _exclusion(contract, close_ts, state, settings, now_ts)
        if exclusion is not None:
            excluded[exclusion] += 1
        elif close_ts is not None:
            kept.append(Candidate(contract, close_ts, _distance(contract, spot_price)))
    kept.sort(key=lambda one: (one.distance_pct, one.contract.ticker))
    method, chosen = _cut(kept, settings)
    return Selection(tuple(chosen), method, seen, excluded)


def _relevant(state: LiveState, settings: EdgeSettings) -> Iterator[Contract]:
    for contract in state.open_contracts(settings.status):
        known_type = contract.strike_type in STRIKE_TYPES
        if known_type and in_series(contract.ticker, settings.series):
            yield contract


def _exclusion(
    contract: Contract,
    close_ts: int | None,
    state: LiveState,
    settings: EdgeSettings,
    now_ts: int,
) -> str | None:
    """The first filter that removes the market."""
    if _reference(contract) is None:
        return "excluded_missing_bounds"
    if close_ts is None:
        return "excluded_missing_close_ts"
    if close_ts < now_ts - EXPIRY_TOLERANCE_SECONDS:
        return "excluded_expired"
    if close_ts > now_ts + settings.max_horizon_seconds + settings.grace_seconds:
        return "excluded_horizon_out_of_range"
    if not settings.require_quotes:
        return None
    quote = fresh_quote(state, contract.ticker, settings, now_ts)
    if quote is None:
        return "excluded_missing_recent_quote"
    return None if any(tradable_sides(quote, settings)) else "excluded_untradable"


def fresh_quote(state: LiveState, ticker: str, settings: EdgeSettings, now_ts: int) -> Quote | None:
    """The market's quote unless it is older than the freshness limit; just as old is fresh."""
    quote = state.quotes.get(ticker)
    if quote is None or quote.ts < now_ts - settings.freshness_seconds:
        return None
    return quote


def tradable_sides(quote: Quote, settings: EdgeSettings) -> tuple[bool, bool]:
    """Whether (YES, NO) can be priced."""
    low, high = settings.min_ask_cents, settings.max_ask_cents
    return (
        is_tradable(quote.yes_ask, quote.yes_bid, low, high),
        is_tradable(quote.no_ask, quote.no_bid, low, high),
    )


def _reference(contract: Contract) -> float | None:
    """The strike that distance is measured to; None when the bounds the type needs are missing."""
    lower, upper = contract.lower, contract.upper
    if contract.strike_type == "less":
        return upper
    if contract.strike_type == "greater":
        return lower
    if lower is None or upper is None or not upper > lower:
        return None
    return (lower + upper) / 2.0


def _distance(contract: Contract, spot_price: float) -> float:
    reference = _reference(contract)
    if reference is None or spot_price == 0:
        return float("inf")
    return abs(reference - spot_price) / spot_price * 100.0


def _cut(ordered: list[Candidate], settings: EdgeSettings) -> tuple[str, list[Candidate]]:
    in_band = [one for one in ordered if one.distance_pct <= settings.pct_band]
    if settings.top_n > 0 and len(in_band) < min(settings.top_n, len(ordered)):
        return "top_n", ordered[: settings.top_n]
    return "pct_band", in_band


def _sample(candidate: Candidate, now_ts: int) -> dict[str, Any]:
    return {
        "ticker": candidate.contract.ticker,
        "close_ts": candidate.close_ts,
        "distance_pct": candidate.distance_pct,
        "horizon_seconds": candidate.close_ts - now_ts,
    }
