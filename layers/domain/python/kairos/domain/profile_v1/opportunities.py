"""Stage 1 of the opportunity engine: which side of which snapshot is worth taking.

Reproduces although it is wrong: the snapshot's EV is trusted even where it disagrees with its own
inputs, and the check that would notice never blocks and is usually blind (D17); absent and
out-of-band asks share a reason; `eligible` means one thing per mode; τ is minutes (D38); a missing
`raw_json` switches the sigma gate off.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from kairos.domain.profile_v1.coercion import Fields, to_float
from kairos.domain.profile_v1.fees import take_ev
from kairos.domain.profile_v1.opportunity_rows import (
    Evaluation,
    Invariant,
    Row,
    block,
    opportunity_row,
)
from kairos.domain.profile_v1.settings import OpportunitySettings

SIDES: Final = ("YES", "NO")
COUNTERS: Final = (
    "snapshots_total",
    "takes",
    "passes",
    "skipped",
    "missing_prob",
    "spot_stale",
    "quote_stale",
    "sigma_not_ready",
    "sigma_points_short",
    "sigma_history_short",
    "missing_yes_ask",
    "missing_no_ask",
    "ev_below_threshold",
    "top_n_cutoff",
    "ev_invariant_failed",
)


@dataclass(frozen=True, slots=True)
class Built:
    """Stage 1's result: takes and passes in the order they were found, and every counter."""

    rows: list[Row]
    counters: dict[str, float]


def build_opportunities(snapshots: Sequence[Fields], settings: OpportunitySettings) -> Built:
    """Judge every snapshot. Rows are passes only if `emit_passes`."""
    counters = dict.fromkeys(COUNTERS, 0) | {"ev_invariant_max_diff": 0.0}
    counters["snapshots_total"] = len(snapshots)
    rows: list[Row] = []
    for snapshot in snapshots:
        if not snapshot.get("market_id") or snapshot.get("asof_ts") is None:
            counters["skipped"] += 1
            continue
        rows.extend(_judge(snapshot, settings, counters))
    if settings.top_n is not None:
        rows = _keep_best(rows, settings, counters)
    counters["takes"] = sum(row["would_trade"] for row in rows)
    counters["passes"] = len(rows) - counters["takes"]
    return Built(rows, counters)


def sort_takes(rows: Iterable[Row]) -> list[Row]:
    """The takes among the rows, best net EV first; equals keep their order."""
    return sorted((row for row in rows if row["would_trade"]), key=lambda row: -row["ev_net"])


def _judge(
    snapshot: Fields, settings: OpportunitySettings, counters: dict[str, float]
) -> list[Row]:
    meta = read_meta(snapshot)
    blocked = _global_reasons(snapshot, meta, settings)
    for reason in blocked:
        counters[reason] += 1
    if blocked:
        whole = Evaluation("YES", ",".join(blocked))
        return [opportunity_row(snapshot, meta, settings, whole, 0)] if settings.emit_passes else []
    sides = [_evaluate(side, snapshot, meta, settings) for side in SIDES]
    for side in sides:
        _count(side, counters)
    if settings.best_side_only:
        return _best_side(sides, snapshot, meta, settings)
    return _both_sides(sides, snapshot, meta, settings)


def _count(side: Evaluation, counters: dict[str, float]) -> None:
    if side.reason is not None:
        counters[side.reason] += 1
    counters["ev_invariant_failed"] += side.invariant.failed
    if side.invariant.diff is not None:
        worst = max(counters["ev_invariant_max_diff"], side.invariant.diff)
        counters["ev_invariant_max_diff"] = worst


def read_meta(snapshot: Fields) -> Fields:
    """The snapshot's `raw_json`, as an object or as text; empty when it is neither."""
    raw = snapshot.get("raw_json")
    if isinstance(raw, str):
        try:
            raw = json.loads(raw)
        except ValueError:
            return {}
    return raw if isinstance(raw, dict) else {}


def _global_reasons(snapshot: Fields, meta: Fields, settings: OpportunitySettings) -> list[str]:
    """Every reason that blocks both sides, in the order the original joins them."""
    reasons = []
    if to_float(snapshot.get("prob_yes")) is None:
        reasons.append("missing_prob")
    if _stale(snapshot.get("spot_age_seconds"), settings.max_spot_age):
        reasons.append("spot_stale")
    if _stale(snapshot.get("quote_age_seconds"), settings.max_quote_age):
        reasons.append("quote_stale")
    return reasons + _sigma_reasons(meta)


def _stale(age: object, limit: int | None) -> bool:
    if limit is None:
        return False
    seconds = to_float(age)
    return seconds is None or seconds > limit


def _sigma_reasons(meta: Fields) -> list[str]:
    if not meta.keys() & {"sigma_ok", "sigma_source", "sigma_reason"}:
        return []
    reasons = []
    if meta.get("sigma_ok") is not True:
        reasons.append("sigma_not_ready")
    if _short(meta.get("sigma_points_used"), meta.get("min_sigma_points")):
        reasons.append("sigma_points_short")
    if _short(meta.get("sigma_lookback_seconds_used"), meta.get("min_sigma_lookback_seconds")):
        reasons.append("sigma_history_short")
    return reasons


def _short(used: object, needed: object) -> bool:
    have, want = to_float(used), to_float(needed)
    return have is not None and want is not None and have < want


def _evaluate(
    side: str, snapshot: Fields, meta: Fields, settings: OpportunitySettings
) -> Evaluation:
    """Price one side. A reason is `missing_*_ask` (nothing priced) or `ev_below_threshold`."""
    name = side.lower()
    ask = to_float(snapshot.get(f"{name}_ask"))
    if ask is None or not settings.min_ask_cents <= ask <= settings.max_ask_cents:
        return Evaluation(side, f"missing_{name}_ask")
    stated = to_float(snapshot.get(f"ev_take_{name}"))
    recomputed = _side_ev(side, snapshot.get("prob_yes"), ask)
    ev_raw = recomputed if stated is None else stated
    if ev_raw is None:
        return Evaluation(side, f"missing_{name}_ask")
    ev_net = ev_raw - max(settings.cost_buffer, 0.0)
    return Evaluation(
        side,
        None if ev_net >= settings.min_ev else "ev_below_threshold",
        ask,
        ev_raw,
        ev_net,
        stated,
        recomputed,
        _invariant(side, stated, meta),
    )


def _side_ev(side: str, prob_yes: object, ask: object) -> float | None:
    """EV of one contract of a side, whatever the snapshot was made for (D9)."""
    probability = to_float(prob_yes)
    if probability is None:
        return None
    return take_ev(probability if side == "YES" else 1.0 - probability, ask, 1)


def _invariant(side: str, stated: float | None, meta: Fields) -> Invariant:
    prob_yes, ask = meta.get("edge_prob_yes"), meta.get(f"edge_{side.lower()}_ask")
    recomputed = _side_ev(side, prob_yes, ask)
    if recomputed is None:
        return Invariant("unavailable", None, None)
    diff = None if stated is None else abs(stated - recomputed)
    return Invariant("edge_inputs", recomputed, diff)


def _best_side(
    sides: list[Evaluation], snapshot: Fields, meta: Fields, settings: OpportunitySettings
) -> list[Row]:
    """At most one row: the side with the highest net EV; equals go to YES."""
    best = sides[0]
    for side in sides[1:]:
        if side.ev_net is not None and (best.ev_net is None or side.ev_net > best.ev_net):
            best = side
    if best.reason is None:
        return [opportunity_row(snapshot, meta, settings, best, 1)]
    if not settings.emit_passes:
        return []
    return [opportunity_row(snapshot, meta, settings, best.without_workings(), 0)]


def _both_sides(
    sides: list[Evaluation], snapshot: Fields, meta: Fields, settings: OpportunitySettings
) -> list[Row]:
    """A row per side; a side that was priced counts as eligible even when it loses."""
    return [
        opportunity_row(snapshot, meta, settings, side, 0 if side.ev_net is None else 1)
        for side in sides
        if side.reason is None or settings.emit_passes
    ]


def _keep_best(
    rows: list[Row], settings: OpportunitySettings, counters: dict[str, float]
) -> list[Row]:
    takes = sort_takes(rows)
    kept, cut = takes[: settings.top_n], takes[settings.top_n :]
    counters["top_n_cutoff"] += len(cut)
    passes = [row for row in rows if not row["would_trade"]]
    if settings.emit_passes:
        passes += [block(row, "top_n_cutoff", eligible=1) for row in cut]
    return kept + passes
