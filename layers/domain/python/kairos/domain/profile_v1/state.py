"""The surface a strategy drives: feed a `LiveState`, tick it, judge what the tick found.

    state = LiveState(max_spot_points=60_000)
    state.apply_spot(ts, price)                      # and quotes, lifecycle, contracts
    tick = tick_edges(state, EdgeSettings(), now_ts)
    decided = run_opportunities(tick.snapshots, RunnerArgs(), open_keys, recent_keys, now_ts)

Reproduces although it is wrong: whatever the modules behind these names say they do.
"""

from __future__ import annotations

from kairos.domain.profile_v1.live_state import Contract, LiveState, Market, Quote
from kairos.domain.profile_v1.runner import (
    OpportunityTick,
    recent_take_keys,
    run_opportunities,
)
from kairos.domain.profile_v1.settings import (
    EdgeSettings,
    ExecutionSettings,
    OpportunitySettings,
    RunnerArgs,
    SigmaSettings,
)
from kairos.domain.profile_v1.tick import EdgeTick, tick_edges

__all__ = [
    "Contract",
    "EdgeSettings",
    "EdgeTick",
    "ExecutionSettings",
    "LiveState",
    "Market",
    "OpportunitySettings",
    "OpportunityTick",
    "Quote",
    "RunnerArgs",
    "SigmaSettings",
    "recent_take_keys",
    "run_opportunities",
    "tick_edges",
]
