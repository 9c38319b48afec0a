"""How the engine decided: why it held back, the edge it saw, how good its forecasts were."""

from __future__ import annotations

from collections.abc import Iterator

from cli.report import wording
from cli.report.charts import calibration_chart, edge_chart, edge_label
from cli.report.data import Calibration, CalibrationBin, Forecaster, ReportData
from cli.report.markup import (
    NOTHING,
    Column,
    Figures,
    Html,
    code,
    element,
    paragraph,
    section,
    table,
    text,
)
from cli.report.reasons import explanation
from cli.report.summary import SETTLED_FEW


def reason_section(data: ReportData) -> Html:
    return section("reasons", "Why it did not trade", _reasons(data))


def edge_section(data: ReportData) -> Html:
    return section("edge", "Edge", _edges(data))


def calibration_section(data: ReportData) -> Html:
    return section("calibration", "Calibration", _calibration(data.calibration))


def latency_section(data: ReportData) -> Html:
    return section("latency", "Latency", _latency(data))


def _reasons(data: ReportData) -> Html:
    decisions = data.decisions
    if decisions.evaluations == 0:
        return paragraph("Nothing was evaluated, so no reason was recorded.")
    if not decisions.reasons:
        return paragraph("Every evaluation led to an order.")
    columns = [Column("Reason"), Figures("Evaluations"), Figures("Share"), Column("What it means")]
    return table(
        "Reasons in order of frequency; an evaluation may have several",
        columns,
        (
            [
                code(reason.code),
                text(wording.count(reason.count)),
                _bar(reason.count, decisions.evaluations),
                text(explanation(reason.code)),
            ]
            for reason in decisions.reasons
        ),
    )


def _bar(part: int, whole: int) -> Html:
    """The share in figures, with a bar of that length behind it."""
    length = f"width:{min(100.0, 100 * part / max(whole, 1)):.1f}%"
    drawn = element("span", class_="bar", style=length, aria_hidden="true")
    return element("span", drawn, text(wording.share(part, whole)), class_="share")


def _edges(data: ReportData) -> Html:
    bins = data.edges.bins
    if not any(bin_.evaluated for bin_ in bins):
        return paragraph("No evaluation got as far as an expected value.")
    columns = [Column("Net EV per contract"), Figures("Evaluated"), Figures("Taken")]
    rows = (
        [
            text(edge_label(bin_)),
            text(wording.count(bin_.evaluated)),
            text(wording.count(bin_.taken)),
        ]
        for bin_ in bins
    )
    chart = edge_chart("Expected value after fees, per contract", bins, data.edges.threshold)
    return element("div", chart, table("The same in figures", columns, rows), class_="pair wide")


def _calibration(calibration: Calibration) -> Html:
    if calibration.model.count == 0 and calibration.market.count == 0:
        return paragraph(
            "No market settled during this run, so no forecast can be compared with what happened."
        )
    verdict = paragraph(_comparison(calibration))
    scores = table(
        "Scores; lower is better",
        [Column("Forecaster"), Figures("Forecasts"), Figures("Brier"), Figures("Log loss")],
        [_scores("model", calibration.model), _scores("market", calibration.market)],
    )
    chart = calibration_chart("Said and happened", calibration.model, calibration.market)
    figures = element("div", scores, _bins(calibration), class_="stack")
    pair = element("div", chart, figures, class_="pair")
    return element("div", _sample_size(calibration.settled_markets), verdict, pair)


def _sample_size(settled: int) -> Html:
    if settled >= SETTLED_FEW:
        return NOTHING
    return paragraph(
        f"Sample too small: {wording.counted(settled, 'market')} settled, and fewer than "
        f"{SETTLED_FEW} cannot show whether a model is calibrated. Forecasts of one market "
        "share one outcome, so their number does not help.",
        "warning",
    )


def _comparison(calibration: Calibration) -> str:
    model, market = calibration.model.brier, calibration.market.brier
    settled = wording.counted(calibration.settled_markets, "settled market")
    if model is None or market is None:
        return f"Over {settled} the model and the market could not both be scored."
    if model == market:
        return f"Over {settled} the model and the market forecast equally well (Brier)."
    better, worse = ("model", "market") if model < market else ("market", "model")
    return (
        f"Over {settled} the {better} forecast better than the {worse} "
        f"(Brier {wording.number(min(model, market), 4)} against "
        f"{wording.number(max(model, market), 4)})."
    )


def _scores(name: str, forecaster: Forecaster) -> list[Html]:
    return [
        text(name),
        text(wording.count(forecaster.count)),
        text(wording.number(forecaster.brier, 4)),
        text(wording.number(forecaster.log_loss, 4)),
    ]


def _bins(calibration: Calibration) -> Html:
    columns = [
        Column("Forecast"),
        Figures("Model n"),
        Figures("said"),
        Figures("happened"),
        Figures("Market n"),
        Figures("said"),
        Figures("happened"),
    ]
    return table(
        "Forecasts by size: how many (n), what was said on average, how often it happened",
        columns,
        _bin_rows(calibration),
    )


def _bin_rows(calibration: Calibration) -> Iterator[list[Html]]:
    model = {(bin_.lower, bin_.upper): bin_ for bin_ in calibration.model.bins}
    market = {(bin_.lower, bin_.upper): bin_ for bin_ in calibration.market.bins}
    for lower, upper in sorted(model.keys() | market.keys()):
        sides = (model.get((lower, upper)), market.get((lower, upper)))
        if any(side is not None and side.count for side in sides):
            yield [
                text(f"{lower:g} to {upper:g}"),
                *(cell for side in sides for cell in _bin(side)),
            ]


def _bin(bin_: CalibrationBin | None) -> list[Html]:
    if bin_ is None or bin_.count == 0:
        return [text(wording.EMPTY)] * 3
    return [
        text(wording.count(bin_.count)),
        text(wording.number(bin_.predicted, 3)),
        text(wording.number(bin_.observed, 3)),
    ]


def _latency(data: ReportData) -> Html:
    if not data.latency:
        return paragraph("Latency was not measured in this run.")
    columns = [
        Column("Message"),
        Figures("Measured"),
        Figures("p50 µs"),
        Figures("p90 µs"),
        Figures("p99 µs"),
        Figures("p99.9 µs"),
    ]
    return table(
        "From event to decision, microseconds",
        columns,
        (
            [
                text(row.kind),
                text(wording.count(row.count)),
                *(
                    text(wording.number(value, 1))
                    for value in (row.p50_us, row.p90_us, row.p99_us, row.p999_us)
                ),
            ]
            for row in data.latency
        ),
    )
