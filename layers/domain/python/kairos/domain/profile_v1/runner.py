"""Stage 2 of the opportunity engine: what the runner blocks among the takes of one tick.

Reproduces although it is wrong: half-received batches are judged, and judged again, so the cap on
takes per tick leaks (D14); a take counts as an open position whether or not it is ever executed
(D15); takes of one tick do not see each other; the near-expiry rule knows three series only.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from kairos.domain.profile_v1.coercion import Fields
from kairos.domain.profile_v1.opportunities import build_opportunities, sort_takes
from kairos.domain.profile_v1.opportunity_rows import Row, block
from kairos.domain.profile_v1.settings import RunnerArgs

TAIL_LOW_CENTS: Final = 10.0
TAIL_HIGH_CENTS: Final = 90.0
TAIL_MIN_EV: Final = 0.06
NEAR_EXPIRY_MINUTES: Final = {"KXBTC15M-": 4.0, "KXBTC-": 10.0, "KXBTCD-": 10.0}

# Reason → the counter it is kept under.
BLOCKS: Final = {
    "tail_ev_below_threshold": "tail_ev_blocked",
    "near_expiry": "near_expiry_blocked",
    "position_open": "open_position_blocked",
    "position_open_opposite_side": "open_opposite_side_blocked",
    "cooldown_active": "cooldown_blocked",
    "take_cap": "take_cap_blocked",
}

Key = tuple[str, str]
"""(market, side)."""


@dataclass(frozen=True, slots=True)
class OpportunityTick:
    """What the runner made of one batch. `error` is set exactly when it judged nothing."""

    error: str | None
    asof_ts: int | None
    snapshots: int
    take_rows: list[Row]
    pass_rows: list[Row]
    counters: dict[str, float]

    def rows_to_insert(self, args: RunnerArgs) -> int:
        """How many rows the runner keeps: passes only when it was asked for them."""
        return len(self.take_rows) + (len(self.pass_rows) if args.emit_passes else 0)


def run_opportunities(
    snapshots: Sequence[Fields],
    args: RunnerArgs,
    open_keys: Collection[Key],
    recent_keys: Collection[Key],
    now: int | None,
) -> OpportunityTick:
    """Judge one batch of snapshots and filter its takes.

    `open_keys` are positions, `recent_keys` takes within the cool-down (`recent_take_keys`), both
    before this batch. `now` is compared with the newest `asof_ts`; None leaves that check out.
    """
    asof_ts = newest_asof(snapshots)
    error = _refusal(snapshots, args, asof_ts, now)
    if error is not None:
        return OpportunityTick(error, asof_ts, len(snapshots), [], [], {})
    built = build_opportunities(snapshots, args.stage_one())
    takes, blocked = _filter_takes(sort_takes(built.rows), args, open_keys, recent_keys)
    passes = [row for row in built.rows if not row["would_trade"]] + blocked
    counters = built.counters | dict.fromkeys(BLOCKS.values(), 0)
    for row in blocked:
        counters[BLOCKS[row["reason_not_eligible"]]] += 1
    counters |= {"takes": len(takes), "passes": len(passes)}
    return OpportunityTick(None, asof_ts, len(snapshots), takes, passes, counters)


def newest_asof(snapshots: Iterable[Fields]) -> int | None:
    """The newest `asof_ts` of a batch; None when there is none."""
    times = [row.get("asof_ts") for row in snapshots]
    return max((moment for moment in times if moment is not None), default=None)


def recent_take_keys(
    takes: Iterable[tuple[str, str, int]], asof_ts: int, cooldown_seconds: int
) -> set[Key]:
    """Markets and sides taken within the cool-down; a take exactly as old still counts."""
    oldest = asof_ts - cooldown_seconds
    return {(market, side) for market, side, ts in takes if ts >= oldest}


def is_near_expiry(market_id: str, tau_minutes: float | None) -> bool:
    """Too close to the end for its series; unknown times and other series never are."""
    if tau_minutes is None:
        return False
    return any(
        market_id.startswith(prefix) and tau_minutes < minutes
        for prefix, minutes in NEAR_EXPIRY_MINUTES.items()
    )


def is_thin_tail(ask_cents: float | None, ev_net: float) -> bool:
    """A cheap or dear contract whose net EV does not pay for its tail."""
    if ask_cents is None or TAIL_LOW_CENTS < ask_cents < TAIL_HIGH_CENTS:
        return False
    return ev_net < TAIL_MIN_EV


def _refusal(
    snapshots: Sequence[Fields], args: RunnerArgs, asof_ts: int | None, now: int | None
) -> str | None:
    if args.live:
        return "live_trading_not_supported"
    if not snapshots:
        return "no_edge_snapshots"
    if asof_ts is None or now is None:
        return None
    return "stale_edge_snapshots" if now - asof_ts > args.max_snapshot_age_seconds else None


def _filter_takes(
    takes: list[Row], args: RunnerArgs, open_keys: Collection[Key], recent_keys: Collection[Key]
) -> tuple[list[Row], list[Row]]:
    """(takes left, passes they became): each filter runs over what the one before it left."""
    blocked: list[Row] = []
    open_markets = {market for market, _ in open_keys}
    recent = recent_keys if args.take_cooldown_seconds > 0 else ()
    for reason_for in (
        _tail,
        _near_expiry,
        lambda row: _position(row, open_keys, open_markets),
        lambda row: "cooldown_active" if _key(row) in recent else None,
    ):
        takes = _apply(reason_for, takes, blocked)
    if args.max_takes_per_tick is not None:
        cap = max(args.max_takes_per_tick, 0)
        blocked += [block(row, "take_cap", eligible=0) for row in takes[cap:]]
        takes = takes[:cap]
    return takes, blocked


def _apply(
    reason_for: Callable[[Row], str | None], takes: list[Row], blocked: list[Row]
) -> list[Row]:
    left = []
    for row in takes:
        reason = reason_for(row)
        if reason is None:
            left.append(row)
        else:
            blocked.append(block(row, reason, eligible=0))
    return left


def _tail(row: Row) -> str | None:
    ask = row[f"best_{row['side'].lower()}_ask"]
    return "tail_ev_below_threshold" if is_thin_tail(ask, row["ev_net"]) else None


def _near_expiry(row: Row) -> str | None:
    return "near_expiry" if is_near_expiry(row["market_id"], row["tau"]) else None


def _position(row: Row, open_keys: Collection[Key], open_markets: set[str]) -> str | None:
    if _key(row) in open_keys:
        return "position_open"
    return "position_open_opposite_side" if row["market_id"] in open_markets else None


def _key(row: Fields) -> Key:
    market: Any = row["market_id"]
    return market, row["side"]
