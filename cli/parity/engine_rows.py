"""Checks of the rows that run the engine: edges, sigma, whole ticks, opportunities, the runner."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cli.parity.compare import Mismatch, compare, compare_decisions, compare_summary
from cli.parity.fields import (
    integer_or_null,
    need,
    need_flag,
    need_integer,
    need_list,
    need_number,
    need_object,
    need_objects,
    need_text,
    need_tuples,
    number_or_null,
)
from kairos.domain.profile_v1.coercion import to_float
from kairos.domain.profile_v1.contracts import parse_event
from kairos.domain.profile_v1.edges import EdgeInputs, compute_edge, read_asks
from kairos.domain.profile_v1.opportunities import build_opportunities
from kairos.domain.profile_v1.sigma import estimate_sigma
from kairos.domain.profile_v1.state import (
    EdgeSettings,
    LiveState,
    OpportunitySettings,
    OpportunityTick,
    RunnerArgs,
    SigmaSettings,
    run_opportunities,
    tick_edges,
)

Row = Mapping[str, Any]


def check_edge(row: Row) -> Iterator[Mismatch]:
    spot_price = to_float(need(row, "inputs.spot_price"))
    sigma = to_float(need(row, "inputs.sigma_annualized"))
    if spot_price is None or sigma is None:
        yield from compare(need(row, "expected"), None, "expected")
        return
    inputs = EdgeInputs(
        need_integer(row, "inputs.now_ts"),
        need_integer(row, "inputs.spot_ts"),
        spot_price,
        sigma,
        need(row, "contracts"),
    )
    edge = compute_edge(
        need_object(row, "contract"),
        read_asks(need_object(row, "quote")),
        inputs,
        horizon_seconds=integer_or_null(row, "horizon_seconds"),
        selection_horizon_seconds=integer_or_null(row, "selection_horizon_seconds"),
    )
    yield from compare(need(row, "expected"), None if edge is None else edge.row(), "expected")


def check_sigma(row: Row) -> Iterator[Mismatch]:
    settings = _sigma_settings(row)
    state = LiveState(settings.max_spot_points)
    for ts, price in need_tuples(row, "spot_history", int, float):
        state.apply_spot(ts, price)
    now_ts, last_good = need_integer(row, "now_ts"), number_or_null(row, "fallback_sigma")
    was = estimate_sigma(state.spot_history, settings, now_ts, last_good).summary()
    expected = need_object(row, "expected_event_engine")
    yield from compare(expected, was, "expected_event_engine")


def check_pipeline(row: Row) -> Iterator[Mismatch]:
    settings, now_ts = _edge_settings(row), need_integer(row, "params.now_ts")
    state = LiveState(settings.sigma.max_spot_points, settings.product_id)
    state.last_good_sigma = number_or_null(row, "last_good_sigma")
    for envelope in need_objects(row, "events"):
        event = parse_event(envelope, now_ts)
        state.apply_payload(event.event_type, event.ts_event, event.payload)
    tick = tick_edges(state, settings, now_ts)
    summary = need_object(row, "expected_summary")
    yield from compare_summary(summary, tick.summary, "expected_summary")
    snapshots = need_objects(row, "expected_snapshots")
    yield from compare(snapshots, tick.snapshots, "expected_snapshots")


def check_build(row: Row) -> Iterator[Mismatch]:
    built = build_opportunities(need_objects(row, "snapshots"), _opportunity_settings(row))
    yield from compare(need_object(row, "expected.counters"), built.counters, "expected.counters")
    rows = need_objects(row, "expected.rows")
    yield from compare_decisions(rows, built.rows, "expected.rows")


def check_loop(row: Row) -> Iterator[Mismatch]:
    args = _runner_args(row)
    tick = run_opportunities(
        need_objects(row, "snapshots"),
        args,
        set(need_tuples(row, "open_take_keys", str, str)),
        set(need_tuples(row, "recent_take_keys", str, str)),
        row.get("now_ts"),
    )
    expected = dict(need_object(row, "expected"))
    for name in ("take_rows", "pass_rows"):
        if name in expected or "error" not in expected:
            rows = need_objects(row, f"expected.{name}")
            yield from compare_decisions(rows, getattr(tick, name), f"expected.{name}")
            del expected[name]
    was = _loop_summary(tick, need_integer(row, "open_qty_before"))
    yield from compare_summary(expected, was, "expected")
    if tick.error is None or row.get("expected_rows_to_insert") is not None:
        inserted = need_integer(row, "expected_rows_to_insert")
        yield from compare(inserted, tick.rows_to_insert(args), "expected_rows_to_insert")


def _loop_summary(tick: OpportunityTick, open_before: int) -> dict[str, Any]:
    """What the original's loop reports; it counts insertions elsewhere, so here always 0."""
    error = {} if tick.error is None else {"error": tick.error}
    return error | {
        "asof_ts": tick.asof_ts,
        "snapshots": tick.snapshots,
        "takes": len(tick.take_rows),
        "passes": len(tick.pass_rows),
        "inserted": 0,
        "open_positions": open_before + len(tick.take_rows),
        "counters": tick.counters,
    }


def _sigma_settings(row: Row) -> SigmaSettings:
    return SigmaSettings(
        lookback_seconds=need_integer(row, "params.lookback_seconds"),
        max_spot_points=need_integer(row, "params.max_spot_points"),
        ewma_lambda=need_number(row, "params.ewma_lambda"),
        min_points=need_integer(row, "params.min_points"),
        min_sigma_lookback_seconds=need_integer(row, "params.min_sigma_lookback_seconds"),
        resample_seconds=need_integer(row, "params.resample_seconds"),
        sigma_default=need_number(row, "params.sigma_default"),
        sigma_max=need_number(row, "params.sigma_max"),
    )


def _edge_settings(row: Row) -> EdgeSettings:
    """`require_quotes` and `contracts` are stated only where they are not the default."""
    params, pinned = need_object(row, "params"), EdgeSettings()
    status = need(row, "params.status")
    quotes, contracts = "params.require_quotes", "params.contracts"
    return EdgeSettings(
        sigma=_sigma_settings(row),
        product_id=need_text(row, "params.product_id"),
        series=tuple(map(str, need_list(row, "params.series"))),
        status=None if status is None else need_text(row, "params.status"),
        pct_band=need_number(row, "params.pct_band"),
        top_n=need_integer(row, "params.top_n"),
        freshness_seconds=need_integer(row, "params.freshness_seconds"),
        max_horizon_seconds=need_integer(row, "params.max_horizon_seconds"),
        min_ask_cents=need_number(row, "params.min_ask_cents"),
        max_ask_cents=need_number(row, "params.max_ask_cents"),
        contracts=need_integer(row, contracts) if "contracts" in params else pinned.contracts,
        require_quotes=need_flag(row, quotes) if "require_quotes" in params else True,
    )


def _opportunity_settings(row: Row) -> OpportunitySettings:
    return OpportunitySettings(
        min_ev=need_number(row, "config.min_ev"),
        cost_buffer=need_number(row, "config.cost_buffer"),
        min_ask_cents=need_number(row, "config.min_ask_cents"),
        max_ask_cents=need_number(row, "config.max_ask_cents"),
        max_spot_age=integer_or_null(row, "config.max_spot_age"),
        max_quote_age=integer_or_null(row, "config.max_quote_age"),
        best_side_only=need_flag(row, "config.best_side_only"),
        emit_passes=need_flag(row, "config.emit_passes"),
        top_n=integer_or_null(row, "config.top_n"),
        model_version=need_integer(row, "config.model_version"),
    )


def _runner_args(row: Row) -> RunnerArgs:
    return RunnerArgs(
        min_ev=need_number(row, "args.min_ev"),
        cost_buffer=need_number(row, "args.cost_buffer"),
        min_ask_cents=need_number(row, "args.min_ask_cents"),
        max_ask_cents=need_number(row, "args.max_ask_cents"),
        max_spot_age=integer_or_null(row, "args.max_spot_age"),
        max_quote_age=integer_or_null(row, "args.max_quote_age"),
        both_sides=need_flag(row, "args.both_sides"),
        emit_passes=need_flag(row, "args.emit_passes"),
        top_n=integer_or_null(row, "args.top_n"),
        max_takes_per_tick=integer_or_null(row, "args.max_takes_per_tick"),
        take_cooldown_seconds=need_integer(row, "args.take_cooldown_seconds"),
        live=need_flag(row, "args.live"),
    )
