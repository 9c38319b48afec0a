"""A finished run as the report wants it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from cli.report.data import (
    QUARANTINE_SAMPLES_MAX,
    BookHash,
    Calibration,
    CalibrationBin,
    ClockAnomaly,
    ConnectionQuality,
    DataQuality,
    DecisionMarker,
    Decisions,
    EdgeBin,
    EdgeDistribution,
    FillModelResult,
    Forecaster,
    Header,
    LatencyRow,
    MarketChart,
    MarketQuality,
    MessageCount,
    OpenPosition,
    Quarantine,
    QuarantineSample,
    ReasonCount,
    ReportData,
    Result,
    Series,
    Settlement,
    SpotChart,
    StrikeLine,
)
from cli.report.page import points_per_series
from cli.report.thinning import SeriesThinner, thin
from cli.run_charts import EDGE_BOUNDS, MarketLines
from cli.runner import Finished
from hotpath.run_record import RunRecord, Settled
from kairos.domain import scoring
from kairos.domain.instruments import Outcome

_NS: Final = 1_000_000_000


def report_data(
    finished: Finished,
    others: Sequence[Finished],
    *,
    title: str,
    generated: bool,
    seed: int | None,
) -> ReportData:
    """Everything the page shows, of the main run and the range that all fill models span."""
    charts, summary = finished.charts, finished.summary
    limit = points_per_series(2 + 2 * len(charts.markets))
    return ReportData(
        header=_header(summary, title, generated=generated, seed=seed),
        result=_result(finished, others),
        decisions=_decisions(summary, finished.record),
        equity=_series("equity", "micro-dollars", charts.equity, limit),
        markets=tuple(_market(name, lines, limit) for name, lines in charts.markets.items()),
        spot=_spot(finished, limit),
        edges=_edges(finished),
        calibration=_calibration(finished),
        latency=_latency(finished),
        quality=_quality(finished),
        books=tuple(BookHash(name, book["sha256"]) for name, book in summary["books"].items()),
    )


def _header(summary: Mapping[str, Any], title: str, *, generated: bool, seed: int | None) -> Header:
    return Header(
        title=title,
        origin="generated" if generated else "recorded",
        profile=summary["profile"],
        fill_model=summary["fill_model"],
        files=tuple(summary["files"]),
        start_ns=summary["start_ns"],
        end_ns=summary["end_ns"],
        seed=seed,
        code_version=summary["code_version"],
        decisions_sha256=summary["decisions_sha256"],
        settings=dict(summary["settings"]),
        wall_seconds=summary["wall_seconds"],
        messages=summary["messages"],
    )


def _result(finished: Finished, others: Sequence[Finished]) -> Result:
    ledger = finished.run.engine.account.ledger
    outcome = ledger.result
    runs = [finished, *others] if others else []
    order = ("pessimistic", "realistic", "optimistic")
    runs.sort(key=lambda run: order.index(run.summary["fill_model"]))
    return Result(
        gross=outcome.realised,
        fees=outcome.fees,
        net=outcome.net,
        orders=finished.record.submitted,
        fills=dict(finished.record.fills),
        fill_range=tuple(
            FillModelResult(
                model=run.summary["fill_model"],
                fills=sum(run.record.fills.values()),
                net=run.run.engine.account.ledger.result.net,
            )
            for run in runs
        ),
        settlements=tuple(_settlement(each, finished) for each in finished.record.settlements),
        open_positions=_open_positions(finished),
    )


def _settlement(settled: Settled, finished: Finished) -> Settlement:
    definition = finished.run.engine.markets[settled.market].definition
    strike = (definition.floor_strike or definition.cap_strike) if definition else None
    held = Outcome.YES if settled.yes_held else Outcome.NO if settled.no_held else None
    return Settlement(
        market=settled.market,
        strike=strike or "unknown",
        outcome=settled.outcome,
        source=settled.source,
        held=held,
        quantity=settled.yes_held or settled.no_held,
        pnl=settled.net,
    )


def _open_positions(finished: Finished) -> tuple[OpenPosition, ...]:
    engine = finished.run.engine
    rows = []
    for position in engine.account.ledger.positions():
        book = engine.markets[position.market].book
        rows.append(
            OpenPosition(
                market=position.market,
                held=position.outcome,
                quantity=position.quantity,
                cost=position.cost,
                mark=book.yes_bid if position.outcome is Outcome.YES else book.no_bid,
            )
        )
    return tuple(rows)


def _decisions(summary: Mapping[str, Any], record: RunRecord) -> Decisions:
    return Decisions(
        evaluations=summary["decisions"]["total"],
        markets=len(record.evaluated_markets),
        verdicts=dict(summary["decisions"]["by_outcome"]),
        reasons=tuple(
            ReasonCount(code, count) for code, count in summary["decisions"]["by_reason"].items()
        ),
    )


def _series(name: str, unit: Any, points: SeriesThinner, limit: int) -> Series:  # noqa: ANN401
    return Series(name, unit, thin(points.points(), limit))


def _market(name: str, lines: MarketLines, limit: int) -> MarketChart:
    return MarketChart(
        market=name,
        mid=_series("market mid", "dollars", lines.mid, limit),
        fair=_series("fair value", "dollars", lines.fair, limit),
        decisions=tuple(
            DecisionMarker(
                ts_ns=marker.ts_ns,
                verdict="TAKE" if marker.verdict == "TAKE" else "EXIT",
                side=marker.side,
                price=marker.price,
                filled=marker.filled,
            )
            for marker in lines.markers
        ),
    )


def _spot(finished: Finished, limit: int) -> tuple[SpotChart, ...]:
    charts = finished.charts
    points = _series("spot", "dollars", charts.spot, limit)
    if not points.points:
        return ()
    strikes = tuple(
        StrikeLine(
            market=name, price=float(lines.strike), start_ns=lines.open_ns, end_ns=lines.close_ns
        )
        for name, lines in charts.markets.items()
        if lines.strike is not None and lines.close_ns > lines.open_ns
    )
    return (SpotChart(points, strikes),)


def _edges(finished: Finished) -> EdgeDistribution:
    charts = finished.charts
    lower = (None, *EDGE_BOUNDS)
    upper = (*EDGE_BOUNDS, None)
    bins = tuple(
        EdgeBin(lower=low, upper=high, evaluated=evaluated, taken=taken)
        for low, high, evaluated, taken in zip(
            lower, upper, charts.evaluated, charts.taken, strict=True
        )
    )
    threshold = finished.summary["settings"].get("strategy.min_ev")
    return EdgeDistribution(None if threshold is None else float(threshold), bins)


def _calibration(finished: Finished) -> Calibration:
    scores = finished.summary["scores"]
    model, market = scoring.Calibration(), scoring.Calibration()
    for name, opinions in finished.record.opinions.items():
        outcome = finished.run.engine.markets[name].outcome
        if outcome is not None:
            model.resolve(opinions.model_bins, outcome)
            market.resolve(opinions.market_bins, outcome)
    return Calibration(
        scores["settled_markets"],
        _forecaster(scores["evaluations"], scores["model"], model),
        _forecaster(scores["evaluations"], scores["market"], market),
    )


def _forecaster(
    count: int, score: Mapping[str, float | None], table: scoring.Calibration
) -> Forecaster:
    return Forecaster(
        count=count,
        brier=score["brier"],
        log_loss=score["log_loss"],
        bins=tuple(
            CalibrationBin(
                lower=each.low,
                upper=each.high,
                count=each.evaluations,
                predicted=each.mean_probability,
                observed=each.yes_rate,
            )
            for each in table.bins()
        ),
    )


def _latency(finished: Finished) -> tuple[LatencyRow, ...]:
    return tuple(
        LatencyRow(
            kind=kind, count=row["count"], p50_us=row["p50_us"], p90_us=row["p90_us"],
            p99_us=row["p99_us"], p999_us=row["p999_us"],
        )
        for kind, row in finished.summary["latency"].items()
    )  # fmt: skip


def _quality(finished: Finished) -> DataQuality:
    summary = finished.summary
    return DataQuality(
        messages=tuple(
            MessageCount(source, kind, count)
            for source, kinds in summary["messages_by_type"].items()
            for kind, count in kinds.items()
        ),
        quarantine=tuple(
            Quarantine(
                reason,
                count,
                tuple(
                    QuarantineSample(
                        each["file"], each["line"], f"{each['field']}: {each['detail']}"
                    )
                    for each in summary["quarantine_samples"][reason][:QUARANTINE_SAMPLES_MAX]
                ),
            )
            for reason, count in summary["quarantined"].items()
        ),
        connections=tuple(
            ConnectionQuality(connection=name, gaps=row["sequence_gaps"], resyncs=row["resyncs"])
            for name, row in summary["connections"].items()
        ),
        markets=tuple(
            MarketQuality(
                market=name,
                open_ns=row["observed_seconds"] * _NS,
                observed_ns=row["observed_seconds"] * _NS,
                not_live_ns=(row["observed_seconds"] - row["live_seconds"]) * _NS,
            )
            for name, row in summary["coverage"].items()
        ),
        clock=_clock(summary["clock"]),
    )


def _clock(clock: Mapping[str, int]) -> tuple[ClockAnomaly, ...]:
    details = {
        "went_back": "receive time earlier than the message before; engine time was held",
        "jumps_refused": "a lone receive time far ahead of its neighbours; it was not believed",
    }
    return tuple(ClockAnomaly(k, clock[k], text) for k, text in details.items() if clock[k])
