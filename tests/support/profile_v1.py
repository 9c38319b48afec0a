"""Builders for profile v1's inputs: an ordinary one each, to be changed where a test cares."""

from __future__ import annotations

import json
from typing import Any

from kairos.domain.profile_v1.state import LiveState

NOW = 1_771_300_000
CLOSE = NOW + 2400
SPOT = 68_000.0
READY_SIGMA = {
    "sigma_source": "ewma",
    "sigma_ok": True,
    "sigma_reason": None,
    "sigma_points_used": 700,
    "min_sigma_points": 10,
    "sigma_lookback_seconds_used": 3890,
    "min_sigma_lookback_seconds": 3600,
}


def snapshot(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    """A snapshot with P(YES) .6 and asks 50/55, so YES is worth .08 and NO −.17."""
    return {
        "asof_ts": NOW,
        "market_id": "KXBTC-26FEB1712-B68125",
        "settlement_ts": CLOSE,
        "spot_ts": NOW - 2,
        "spot_price": SPOT,
        "sigma_annualized": 0.5,
        "prob_yes": 0.6,
        "prob_yes_raw": 0.6,
        "horizon_seconds": 2400,
        "quote_ts": NOW - 3,
        "yes_bid": 45.0,
        "yes_ask": 50.0,
        "no_bid": 50.0,
        "no_ask": 55.0,
        "yes_mid": 47.5,
        "no_mid": 52.5,
        "ev_take_yes": None,
        "ev_take_no": None,
        "spot_age_seconds": 2,
        "quote_age_seconds": 3,
        "raw_json": json.dumps(READY_SIGMA),
    } | changes


def sigma_meta(**changes: Any) -> str:  # noqa: ANN401
    """The `raw_json` of a snapshot whose sigma is ready unless told otherwise."""
    return json.dumps(READY_SIGMA | changes)


def state_with_spot(max_spot_points: int = 60_000) -> LiveState:
    """A state with a tick every 10 s for 3900 s, moving up and down, the last one at SPOT."""
    state = LiveState(max_spot_points)
    for step in range(391):
        ts = NOW - 3900 + 10 * step
        state.apply_spot(ts, SPOT if step % 2 == 0 else SPOT + 20.0)
    return state


def add_market(
    state: LiveState,
    ticker: str,
    strike: float = SPOT,
    *,
    close_ts: int | None = CLOSE,
    quote_ts: int = NOW - 2,
    yes: tuple[float | None, float | None] = (45.0, 50.0),
    no: tuple[float | None, float | None] = (50.0, 55.0),
) -> None:
    """A threshold market with a quote; sides are (bid, ask)."""
    state.apply_contract(
        ticker, NOW - 100, lower=strike, upper=None, strike_type="greater", close_ts=close_ts
    )
    state.apply_quote(ticker, quote_ts, yes_bid=yes[0], yes_ask=yes[1], no_bid=no[0], no_ask=no[1])
