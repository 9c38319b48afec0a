"""What the run did to money: equity, fill models, settlements, and each market's price."""

from __future__ import annotations

from cli.report import wording
from cli.report.charts import line_chart
from cli.report.data import FillModelResult, MarketChart, OpenPosition, ReportData, Settlement
from cli.report.markup import Column, Figures, Html, element, join, paragraph, section, table, text
from cli.report.reasons import EVIDENCE
from kairos.domain.units import contracts, dollars, notional


def result_section(data: ReportData) -> Html:
    return section(
        "result",
        "Result",
        paragraph(
            "Point at a chart to read it, or step through it with the arrow keys; drag across "
            "it to zoom in, double-click or Escape to see the whole span again."
        ),
        line_chart("Equity after fees", [data.equity], digits=6),
        element("div", _fill_models(data), _fills(data), class_="pair"),
    )


def settlement_section(data: ReportData) -> Html:
    return section("settlements", "Settlements", _settlements(data), _open_positions(data))


def market_section(data: ReportData) -> Html:
    if not data.markets:
        return section("markets", "Markets", paragraph("No market had a price to draw."))
    charts = join(_market(chart) for chart in data.markets)
    lead = paragraph(
        "Price of YES in dollars: the middle of the book, and what the model thought it was worth. "
        "A decision for NO is drawn at one dollar less its price. Lines break where unknown."
    )
    return section("markets", "Markets", lead, element("div", charts, class_="grid"))


def spot_section(data: ReportData) -> Html:
    if not data.spot:
        return section("spot", "Underlying", paragraph("No price of an underlying was seen."))
    charts = (
        line_chart(chart.spot.name, [chart.spot], digits=2, strikes=chart.strikes)
        for chart in data.spot
    )
    return section("spot", "Underlying", *charts)


def _market(chart: MarketChart) -> Html:
    return line_chart(chart.market, [chart.mid, chart.fair], digits=4, decisions=chart.decisions)


def _fill_models(data: ReportData) -> Html:
    if not data.result.fill_range:
        return paragraph(f"Run under the {data.header.fill_model} fill model only.")
    columns = [Column("Fill model"), Figures("Fills"), Figures("Net of fees")]
    return table(
        "Same decisions, three beliefs about fills",
        columns,
        (_fill_model(row, data.header.fill_model) for row in data.result.fill_range),
    )


def _fill_model(row: FillModelResult, ours: str) -> list[Html]:
    name = f"{row.model} (this report)" if row.model == ours else row.model
    return [text(name), text(wording.count(row.fills)), _money(row.net)]


def _fills(data: ReportData) -> Html:
    if data.fills == 0:
        return paragraph("Nothing was filled, so there is no fill evidence to weigh.")
    columns = [Column("Evidence"), Figures("Fills"), Figures("Share"), Column("What it means")]
    return table(
        "Why each simulated fill counts as one",
        columns,
        (
            [
                text(kind),
                text(wording.count(number)),
                text(wording.share(number, data.fills)),
                text(EVIDENCE.get(kind, "no explanation on file")),
            ]
            for kind, number in data.result.fills.items()
        ),
    )


def _settlements(data: ReportData) -> Html:
    rows = data.result.settlements
    if not rows:
        return paragraph("No market settled during this run, so nothing was paid out.")
    columns = [
        Column("Market"),
        Column("Strike"),
        Column("Outcome"),
        Column("Source"),
        Figures("Held to the end"),
        Figures("Net of fees"),
    ]
    return table("Settled markets", columns, (_settlement(row) for row in rows))


def _settlement(row: Settlement) -> list[Html]:
    held = "none" if row.held is None else f"{contracts(row.quantity)} {row.held}"
    traded = row.held is not None or row.pnl != 0
    paid = _money(row.pnl) if traded else text(wording.EMPTY)
    words = (row.market, row.strike, row.outcome.value, row.source, held)
    return [*map(text, words), paid]


def _open_positions(data: ReportData) -> Html:
    rows = data.result.open_positions
    if not rows:
        return paragraph("No position was open when the run ended.")
    columns = [
        Column("Market"),
        Figures("Position"),
        Figures("Cost before fees"),
        Figures("Last bid"),
        Figures("Worth at last bid"),
    ]
    return table("Still open when the run ended", columns, (_open_position(row) for row in rows))


def _open_position(row: OpenPosition) -> list[Html]:
    cost = wording.unsigned(wording.cash(row.cost))
    bid, worth = "nobody bid", "unknown"
    if row.mark is not None:
        bid = f"${dollars(row.mark)}"
        worth = wording.unsigned(wording.cash(notional(row.mark, row.quantity)))
    return [
        text(word)
        for word in (row.market, f"{contracts(row.quantity)} {row.held}", cost, bid, worth)
    ]


def _money(amount: int) -> Html:
    tone = "gain" if amount > 0 else "loss" if amount < 0 else "even"
    return element("span", text(wording.cash(amount)), class_=tone)
