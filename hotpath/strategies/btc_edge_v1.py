"""Profile v1 as a strategy: the original's clockwork on top of `kairos.domain.profile_v1`.

Every 10 s it prices all markets from throttled ticker quotes and last trades, then judges the
result. It is here to be compared with; what it does although it is wrong is v1's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from hotpath.market import Market
from hotpath.strategies.base import NOTHING, Commands
from hotpath.strategies.order_ids import order_id
from kairos.domain.instruments import Action, Outcome
from kairos.domain.profile_v1.execution import PaperBook
from kairos.domain.profile_v1.quotes import validate_quote
from kairos.domain.profile_v1.state import (
    EdgeSettings,
    ExecutionSettings,
    LiveState,
    RunnerArgs,
    SigmaSettings,
    recent_take_keys,
    run_opportunities,
    tick_edges,
)
from kairos.domain.units import QUANTITY_PER_CONTRACT
from kairos.messages.commands import Command, Decision, SubmitOrder, TimeInForce
from kairos.messages.events import IndexValue, VenueQuote

_NS: Final = 1_000_000_000
TICK_SECONDS: Final = 10
QUOTE_THROTTLE_SECONDS: Final = 10
MAX_SPOT_POINTS: Final = 60_000  # what the original's own deployment passes
ESTIMATE_AGE_SECONDS: Final = 60
_TAKES_MAX: Final = 10_000


class BtcEdgeV1:
    """The v1 strategy, driven by the timer like the original was by its loop."""

    profile = "v1"

    def __init__(self) -> None:
        self._edge = EdgeSettings(sigma=SigmaSettings(max_spot_points=MAX_SPOT_POINTS))
        self._args = RunnerArgs(emit_passes=True)
        self._state = LiveState(MAX_SPOT_POINTS)
        self._book = PaperBook(ExecutionSettings())
        self._quoted_at: dict[str, int] = {}
        self._open: set[tuple[str, str]] = set()
        self._takes: list[tuple[str, str, int]] = []
        self._estimates: dict[str, tuple[int, float]] = {}
        self._next_tick = 0

    def settings(self) -> Mapping[str, str]:
        parts = {
            "edge": asdict(self._edge),
            "runner": asdict(self._args),
            "execution": asdict(self._book.settings),
        }
        return {
            f"{part}.{name}": str(value)
            for part, settings in parts.items()
            for name, value in settings.items()
        }

    def on_market(self, market: Market, now_ns: int) -> None:
        definition = market.definition
        if definition is None or definition.close_ns is None:
            return
        if market.outcome is not None:
            self._settled(market.market_id)
        self._state.apply_contract(
            market.market_id,
            now_ns // _NS,
            lower=_strike(definition.floor_strike),
            upper=_strike(definition.cap_strike),
            strike_type=_kind(
                definition.strike_type, definition.floor_strike, definition.cap_strike
            ),
            close_ts=definition.close_ns // _NS,
        )

    def _settled(self, market_id: str) -> None:
        self._book.close(market_id)
        self._open = {key for key in self._open if key[0] != market_id}

    def on_spot(self, price: float, now_ns: int) -> Commands:
        self._state.apply_spot(now_ns // _NS, price)
        return NOTHING

    def on_quote(self, event: VenueQuote, market: Market, now_ns: int) -> Commands:
        """Take a quote unless one was taken within the throttle: last changes get lost (D12)."""
        ts = now_ns // _NS
        last = self._quoted_at.get(event.market)
        if last is not None and ts - last < QUOTE_THROTTLE_SECONDS:
            return NOTHING
        bid, ask = event.yes_bid / 100, event.yes_ask / 100
        row = {
            "market_id": event.market, "yes_bid": bid, "yes_ask": ask,
            "no_bid": 100.0 - ask, "no_ask": 100.0 - bid,
        }  # fmt: skip
        if validate_quote(row)[0]:
            self._quoted_at[event.market] = ts
            self._state.apply_quote(
                event.market, ts,
                yes_bid=bid, yes_ask=ask, no_bid=100.0 - ask, no_ask=100.0 - bid,
            )  # fmt: skip
        return NOTHING

    def on_book(self, market: Market, now_ns: int) -> Commands:
        return NOTHING

    def on_state(self, market: Market, now_ns: int) -> Commands:
        return NOTHING

    def on_index(self, event: IndexValue, now_ns: int) -> Commands:
        return NOTHING

    def estimate(self, market: Market, now_ns: int) -> float | None:
        found = self._estimates.get(market.market_id)
        if found is None or now_ns // _NS - found[0] > ESTIMATE_AGE_SECONDS:
            return None
        return found[1]

    def on_timer(self, now_ns: int) -> Commands:
        now_ts = now_ns // _NS
        if now_ts < self._next_tick:
            return NOTHING
        self._next_tick = now_ts - now_ts % TICK_SECONDS + TICK_SECONDS
        tick = tick_edges(self._state, self._edge, now_ts)
        for row in tick.snapshots:
            self._estimates[row["market_id"]] = (now_ts, row["prob_yes"])
        recent = recent_take_keys(self._takes, now_ts, self._args.take_cooldown_seconds)
        decided = run_opportunities(tick.snapshots, self._args, self._open, recent, now_ts)
        commands: list[Command] = []
        for row in [*decided.take_rows, *decided.pass_rows]:
            commands.append(_decision(row, now_ns))
        for row in decided.take_rows:
            commands.extend(self._take(row, now_ns))
        return commands

    def _take(self, row: Mapping[str, Any], now_ns: int) -> Commands:
        """A take is an open position from here on, executed or not (D15)."""
        market_id, side, now_ts = row["market_id"], row["side"], now_ns // _NS
        self._open.add((market_id, side))
        self._takes = [*self._takes[-_TAKES_MAX:], (market_id, side, now_ts)]
        ask = row[f"best_{side.lower()}_ask"]
        if self._book.try_open(market_id, side, ask, now_ts, kill_switch_active=False) is not None:
            return NOTHING
        outcome = Outcome(side)
        order = SubmitOrder(
            now_ns, order_id("v1", market_id, outcome, Action.BUY, now_ns), market_id, outcome,
            Action.BUY, round(ask * 100), QUANTITY_PER_CONTRACT, TimeInForce.IOC,
            post_only=False, reduce_only=False,
        )  # fmt: skip
        return (order,)


def _strike(text: str | None) -> float | None:
    return None if text is None else float(text)


def _kind(strike_type: str | None, floor: str | None, cap: str | None) -> str | None:
    """v1 knows three types; any other is inferred from the strikes there are (D6)."""
    if strike_type in ("between", "less", "greater"):
        return strike_type
    if floor is not None:
        return "greater" if cap is None else "between"
    return None if cap is None else "less"


def _decision(row: Mapping[str, Any], now_ns: int) -> Decision:
    evidence = row["raw_json"]
    reason = row["reason_not_eligible"]
    bid, ask = row["best_yes_bid"], row["best_yes_ask"]
    side = row["side"]
    return Decision(
        now_ns,
        row["market_id"],
        "v1",
        "timer",
        "TAKE" if row["would_trade"] else "PASS",
        None if side is None else Outcome(side),
        () if reason is None else tuple(reason.split(",")),
        row["p_model"],
        None,
        row["spot_price"],
        row["sigma"],
        _horizon(row["tau"]),
        None if bid is None else round(bid * 100),
        None if ask is None else round(ask * 100),
        None,
        None,
        row["ev_net"],
        QUANTITY_PER_CONTRACT if row["would_trade"] and evidence else 0,
    )


def _horizon(tau_minutes: float | None) -> int | None:
    return None if tau_minutes is None else round(tau_minutes * 60 * _NS)
