"""The first screen: what happened, what it earned, how far to trust that, what was wrong."""

from __future__ import annotations

from typing import Final, NamedTuple

from cli.report import wording
from cli.report.data import FillModelResult, OpenPosition, ReportData
from cli.report.markup import NOTHING, Html, bullets, element, join, paragraph, section, text
from cli.report.reasons import explanation

# Fewer settled markets than this say nothing about a strategy; ten times as many may.
SETTLED_FEW: Final = 30
SETTLED_MANY: Final = 300
# A book trusted for less than this share of the time is no basis for a result.
LIVE_SHARE_POOR: Final = 0.8
LIVE_SHARE_GOOD: Final = 0.95
QUARANTINE_SHARE_POOR: Final = 0.01
REASONS_SHOWN: Final = 5


class Grade(NamedTuple):
    """A word for the reader, a tone for the eye, and what they rest on."""

    word: str
    tone: str
    grounds: list[str]


def first_screen(data: ReportData) -> Html:
    return section(
        "summary",
        "Summary",
        paragraph(headline(data), "headline"),
        _why_silent(data),
        element(
            "div", _happened(data), _earned(data), _evidence(data), _data(data), class_="cards"
        ),
    )


def headline(data: ReportData) -> str:
    decisions, result = data.decisions, data.result
    evaluated = (
        f"Kairos evaluated {wording.counted(decisions.markets, 'market')} "
        f"{wording.counted(decisions.evaluations, 'time')}"
    )
    if data.header.messages == 0:
        return "The input held no message, so there was nothing to evaluate."
    if decisions.evaluations == 0:
        messages = wording.counted(data.header.messages, "message")
        return f"No market was evaluated: {messages} gave nothing to price."
    if result.orders == 0:
        return f"{evaluated} and sent no order."
    sent = f"{evaluated} and sent {wording.counted(result.orders, 'order')}"
    if data.fills == 0:
        return f"{sent}; none was filled."
    fills = wording.counted(data.fills, "fill")
    return f"{sent}. {fills} would have {_outcome(result.net)}{_bounds(result.fill_range)}."


def _outcome(net: int) -> str:
    if net == 0:
        return "come out even after fees"
    amount = wording.unsigned(wording.cents(net))
    return f"{'earned' if net > 0 else 'lost'} {amount} after fees"


def _bounds(results: tuple[FillModelResult, ...]) -> str:
    if len(results) < 2:
        return ""
    nets = [result.net for result in results]
    low, high = wording.cents(min(nets)), wording.cents(max(nets))
    return f" ({low} to {high} across fill models)"


def _why_silent(data: ReportData) -> Html:
    if data.result.orders:
        return NOTHING
    if not data.decisions.reasons:
        return paragraph("No order was sent, and no reason was recorded.")
    shown = data.decisions.reasons[:REASONS_SHOWN]
    lead = {1: "the only reason was", 5: "the five most frequent reasons are"}.get(
        len(shown), "the reasons are"
    )
    items = [
        f"{reason.code}, {wording.counted(reason.count, 'time')}: {explanation(reason.code)}"
        for reason in shown
    ]
    return element("div", paragraph(f"No order was sent: {lead}:"), bullets(items), class_="silent")


def _card(title: str, figure: str, tone: str, *children: Html) -> Html:
    return element(
        "div",
        element("h3", text(title)),
        element("p", text(figure), class_=f"figure {tone}"),
        *children,
        class_="card",
    )


def _happened(data: ReportData) -> Html:
    header = data.header
    verdicts = ", ".join(
        f"{name} {wording.count(number)}" for name, number in data.decisions.verdicts.items()
    )
    lines = [
        f"Evaluations by verdict: {verdicts or 'none'}",
        f"{wording.counted(header.messages, 'message')} in "
        f"{wording.duration(header.end_ns - header.start_ns)} of market time",
        f"{wording.counted(len(data.result.settlements), 'market')} settled, "
        f"{wording.counted(len(data.result.open_positions), 'position')} still open",
    ]
    orders = wording.counted(data.result.orders, "order")
    fills = wording.counted(data.fills, "fill")
    return _card("What happened", f"{orders}, {fills}", "", bullets(lines))


def _earned(data: ReportData) -> Html:
    result = data.result
    tone = "gain" if result.net > 0 else "loss" if result.net < 0 else ""
    fees = wording.unsigned(wording.cash(result.fees))
    sums = f"{wording.cash(result.gross)} gross, " + (
        f"less {fees} of fees" if result.fees >= 0 else f"plus {fees} of rebates"
    )
    return _card(
        "Net of fees",
        wording.cents(result.net),
        tone,
        paragraph(sums),
        _still_open(result.open_positions),
        _fill_range(result.fill_range),
    )


def _still_open(positions: tuple[OpenPosition, ...]) -> Html:
    if not positions:
        return NOTHING
    cost = wording.unsigned(wording.cents(sum(position.cost for position in positions)))
    are = "is" if len(positions) == 1 else "are"
    return paragraph(
        f"Realised only: {wording.counted(len(positions), 'position')} that cost {cost} {are} "
        "still open"
    )


def _fill_range(results: tuple[FillModelResult, ...]) -> Html:
    if len(results) < 2:
        return paragraph("Only one fill model was run, so there is no range to show.")
    low = min(results, key=lambda result: result.net)
    high = max(results, key=lambda result: result.net)
    words = (
        f"{wording.cents(low.net)} ({low.model}) to {wording.cents(high.net)} ({high.model}), "
        "depending on which orders one believes were filled"
    )
    return join([_range_bar(results, low.net, high.net), paragraph(words)])


def _range_bar(results: tuple[FillModelResult, ...], low: int, high: int) -> Html:
    """The range on a scale that always includes zero, so that a sign change can be seen."""
    start, end = min(low, 0), max(high, 0)
    width = max(end - start, 1)

    def at(value: int) -> str:
        return f"{100 * (value - start) / width:.2f}%"

    band = f"left:{at(low)};width:{100 * (high - low) / width:.2f}%"
    dots = (
        element("span", class_=f"dot {result.model}", style=f"left:{at(result.net)}")
        for result in results
    )
    zero = element("span", element("span", text("$0")), class_="zero", style=f"left:{at(0)}")
    return element(
        "div",
        zero,
        element("span", class_="band", style=band),
        *dots,
        class_="range",
        aria_hidden="true",
    )


def _evidence(data: ReportData) -> Html:
    grade = evidence_grade(data)
    return _card("Evidence", grade.word, grade.tone, bullets(grade.grounds))


def evidence_grade(data: ReportData) -> Grade:
    """How much the result says about the next session; the weakest ground decides."""
    grounds = [_fill_mix(data)] if data.fills else []
    traded = sum(1 for row in data.result.settlements if row.quantity or row.pnl)
    grounds.append(f"{wording.counted(traded, 'settled market')} that we traded")
    if data.header.origin == "generated":
        grounds.insert(0, "the prices were generated, so the result says nothing about earnings")
        return Grade("None: generated prices", "poor", grounds)
    if data.fills == 0:
        return Grade("None: nothing was filled", "poor", grounds)
    doubts = _doubts(traded, [result.net for result in data.result.fill_range])
    if doubts:
        return Grade("Weak", "poor", grounds + doubts)
    return Grade("Fair" if traded < SETTLED_MANY else "Good", "", grounds)


def _doubts(traded: int, nets: list[int]) -> list[str]:
    doubts = []
    if nets and min(nets) < 0 < max(nets):
        doubts.append("whether it made or lost money depends on the fill model")
    if traded < SETTLED_FEW:
        doubts.append(f"luck explains as much as skill in fewer than {SETTLED_FEW} markets")
    return doubts


def _fill_mix(data: ReportData) -> str:
    parts = [
        f"{kind} {wording.share(number, data.fills)}"
        for kind, number in data.result.fills.items()
        if number
    ]
    return f"simulated fills by evidence: {', '.join(parts)}"


def _data(data: ReportData) -> Html:
    grade = data_grade(data)
    return _card("Data", grade.word, grade.tone, bullets(grade.grounds))


def data_grade(data: ReportData) -> Grade:
    """What was wrong with the input, and whether a result can stand on it."""
    quality, messages = data.quality, data.header.messages
    quarantined = sum(row.count for row in quality.quarantine)
    gaps = sum(row.gaps for row in quality.connections)
    anomalies = sum(row.count for row in quality.clock)
    live = sum(row.observed_ns - row.not_live_ns for row in quality.markets)
    opened = sum(row.open_ns for row in quality.markets)
    if messages == 0 or not quality.markets:
        return Grade("No market data", "poor", ["no market's book was seen in this run"])
    grounds = [
        f"books known and trusted for {wording.share(live, opened)} of the time markets were open",
        f"{wording.counted(quarantined, 'message')} quarantined"
        + (f" ({wording.share(quarantined, messages)})" if quarantined else ""),
        f"{wording.counted(gaps, 'sequence gap')}, {_resyncs(data)}",
        f"{wording.counted(anomalies, 'clock anomaly', 'clock anomalies')}",
    ]
    if live < LIVE_SHARE_POOR * opened or quarantined > QUARANTINE_SHARE_POOR * messages:
        return Grade("Poor", "poor", grounds)
    if quarantined or gaps or anomalies or live < LIVE_SHARE_GOOD * opened:
        return Grade("Usable, with holes", "", grounds)
    return Grade("Clean", "", grounds)


def _resyncs(data: ReportData) -> str:
    return wording.counted(sum(row.resyncs for row in data.quality.connections), "resync")
