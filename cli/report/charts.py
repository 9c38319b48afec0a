"""Hands figures to the page's script: the data as JSON, and in words for whoever cannot see it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import msgspec

from cli.report import wording
from cli.report.data import (
    CalibrationBin,
    DecisionMarker,
    EdgeBin,
    Forecaster,
    Series,
    StrikeLine,
)
from cli.report.markup import NOTHING, Html, element, join, paragraph, plain, text
from kairos.domain.instruments import Outcome
from kairos.domain.units import CASH_PER_DOLLAR, NANOSECONDS_PER_MILLISECOND, PRICE_PER_DOLLAR

_SHAPES: Final = {"TAKE YES": "▲", "TAKE NO": "▼", "EXIT YES": "■", "EXIT NO": "■"}
_HOLLOW: Final = {"▲": "△", "▼": "▽", "■": "□"}


class _Line(msgspec.Struct):
    """`steps` are milliseconds between points; `values` are dollars, None where unknown."""

    name: str
    start: int
    steps: list[int]
    values: list[float | None]


class _Marker(msgspec.Struct):
    at: int
    value: float
    shape: str
    label: str


class _Level(msgspec.Struct):
    value: float
    start: int
    end: int
    label: str


class _LineChart(msgspec.Struct, tag="lines", tag_field="kind"):
    digits: int
    lines: list[_Line]
    markers: list[_Marker]
    levels: list[_Level]


class _Panel(msgspec.Struct):
    name: str
    values: list[int]


class _BarChart(msgspec.Struct, tag="bars", tag_field="kind"):
    """`labels` name the bars; `threshold` is a position counted in bars from the left."""

    labels: list[str]
    ticks: list[str]
    threshold: float | None
    panels: list[_Panel]


class _Dots(msgspec.Struct):
    name: str
    points: list[tuple[float, float, int]]


class _CalibrationChart(msgspec.Struct, tag="calibration", tag_field="kind"):
    groups: list[_Dots]


def line_chart(
    title: str,
    series: Sequence[Series],
    digits: int,
    decisions: Sequence[DecisionMarker] = (),
    strikes: Sequence[StrikeLine] = (),
) -> Html:
    """Lines over time. `digits` is how many decimals of a dollar a value has."""
    drawn = [line for line in series if line.points]
    if not drawn:
        return element("figure", _caption(title), paragraph("Nothing was recorded for this chart."))
    spec = _LineChart(
        digits=digits,
        lines=[_line(line, digits) for line in drawn],
        markers=[_marker(decision) for decision in decisions],
        levels=[_level(strike) for strike in strikes],
    )
    legend = join([*_line_keys(drawn), *_marker_keys(spec.markers), *_level_key(spec.levels)])
    return _figure(title, legend, spec, [_in_words(line, digits) for line in drawn])


def edge_chart(title: str, bins: Sequence[EdgeBin], threshold: float | None) -> Html:
    """How often each net EV occurred, and below it how often it was taken."""
    spec = _BarChart(
        labels=[edge_label(bin_) for bin_ in bins],
        ticks=["" if bin_.lower is None else _edge(bin_.lower) for bin_ in bins],
        threshold=None if threshold is None else _position(bins, threshold),
        panels=[
            _Panel("evaluated", [bin_.evaluated for bin_ in bins]),
            _Panel("taken", [bin_.taken for bin_ in bins]),
        ],
    )
    words = [f"{panel.name}: {wording.count(sum(panel.values))}" for panel in spec.panels]
    if threshold is not None:
        words.append(f"dashed line: the least net EV for a TAKE, {_edge(threshold)}")
    return _figure(title, NOTHING, spec, words)


def calibration_chart(title: str, model: Forecaster, market: Forecaster) -> Html:
    """Said against happened: on the diagonal, what was called 70 % happened 70 % of the time."""
    spec = _CalibrationChart([_dots("model", model.bins), _dots("market", market.bins)])
    legend = join([_key("●", "model", "dot-0"), _key("◆", "market", "dot-1")])
    return _figure(title, legend, spec, ["on the dashed diagonal a forecast is calibrated"])


def edge_label(bin_: EdgeBin) -> str:
    if bin_.lower is None:
        return "any" if bin_.upper is None else f"below {_edge(bin_.upper)}"
    if bin_.upper is None:
        return f"{_edge(bin_.lower)} and more"
    return f"{_edge(bin_.lower)} to {_edge(bin_.upper)}"


def _edge(value: float) -> str:
    amount = wording.number(abs(value), 4).rstrip("0").ljust(4, "0")
    return f"{wording.MINUS}${amount}" if value < 0 else f"${amount}"


def _position(bins: Sequence[EdgeBin], threshold: float) -> float | None:
    for position, bin_ in enumerate(bins):
        if bin_.upper is not None and threshold >= bin_.upper:
            continue
        if bin_.lower is None or bin_.upper is None or threshold <= bin_.lower:
            return float(position)
        return position + (threshold - bin_.lower) / (bin_.upper - bin_.lower)
    return None


def _dots(name: str, bins: Sequence[CalibrationBin]) -> _Dots:
    return _Dots(
        name,
        [
            (round(bin_.predicted, 4), round(bin_.observed, 4), bin_.count)
            for bin_ in bins
            if bin_.predicted is not None and bin_.observed is not None
        ],
    )


def _line(series: Series, digits: int) -> _Line:
    times = [ts_ns // NANOSECONDS_PER_MILLISECOND for ts_ns, _ in series.points]
    return _Line(
        name=plain(series.name),
        start=times[0],
        steps=[after - before for before, after in pairwise(times)],
        values=[_in_dollars(series, value, digits) for _, value in series.points],
    )


def _in_dollars(series: Series, value: float | None, digits: int) -> float | None:
    if value is None:
        return None
    return round(value / CASH_PER_DOLLAR if series.unit == "micro-dollars" else value, digits)


def _marker(decision: DecisionMarker) -> _Marker:
    """NO is drawn where it lies on the YES axis, and named at the price we would have paid."""
    kind = f"{decision.verdict} {decision.side}"
    price = decision.price / PRICE_PER_DOLLAR
    return _Marker(
        at=decision.ts_ns // NANOSECONDS_PER_MILLISECOND,
        value=round(price if decision.side is Outcome.YES else 1 - price, 4),
        shape=_SHAPES[kind] if decision.filled else _HOLLOW[_SHAPES[kind]],
        label=f"{kind} at ${price:.4f}, {'filled' if decision.filled else 'not filled'}",
    )


def _level(strike: StrikeLine) -> _Level:
    return _Level(
        value=strike.price,
        start=strike.start_ns // NANOSECONDS_PER_MILLISECOND,
        end=strike.end_ns // NANOSECONDS_PER_MILLISECOND,
        label=plain(strike.market),
    )


def _in_words(series: Series, digits: int) -> str:
    values = [
        known
        for _, value in series.points
        if (known := _in_dollars(series, value, digits)) is not None
    ]
    if not values:
        return f"{series.name}: never known"
    named = (
        ("first", values[0]),
        ("last", values[-1]),
        ("low", min(values)),
        ("high", max(values)),
    )
    figures = ", ".join(f"{name} {_dollars(value, digits)}" for name, value in named)
    return f"{series.name}: {figures} ({wording.counted(len(series.points), 'point')})"


def _dollars(value: float, digits: int) -> str:
    sign = wording.MINUS if value < 0 else ""
    whole, _, fraction = f"{abs(value):,.{digits}f}".partition(".")
    return f"{sign}${whole}.{fraction.rstrip('0').ljust(2, '0')}"


def _line_keys(series: Sequence[Series]) -> list[Html]:
    return [_key("", line.name, f"line-{position}") for position, line in enumerate(series)]


def _marker_keys(markers: Sequence[_Marker]) -> list[Html]:
    names = {shape: name for name, shape in _SHAPES.items()} | {"■": "EXIT"}
    filled = [shape for shape in names if any(marker.shape == shape for marker in markers)]
    keys = [_key(shape, f"{names[shape]}, filled", "mark") for shape in filled]
    for shape, hollow in _HOLLOW.items():
        if any(marker.shape == hollow for marker in markers):
            keys.append(_key(hollow, f"{names[shape]}, not filled", "mark"))
    return keys


def _level_key(levels: Sequence[_Level]) -> list[Html]:
    return [_key("", "strike, while its market was open", "level")] if levels else []


def _key(shape: str, name: str, class_: str) -> Html:
    symbol = element("span", text(shape), class_=f"symbol {class_}", aria_hidden="true")
    return element("span", symbol, text(name), class_="key")


def _caption(title: str, legend: Html = NOTHING) -> Html:
    keys = element("span", legend, class_="legend") if legend else NOTHING
    return element("figcaption", element("span", text(title), class_="title"), keys)


def _figure(title: str, legend: Html, spec: msgspec.Struct, words: Sequence[str]) -> Html:
    return element(
        "figure",
        _caption(title, legend),
        element("div", class_="plot", tabindex="0", role="img", aria_label=title),
        paragraph("; ".join(words) + ".", "words-for"),
        _json(spec),
        class_="chart",
    )


def _json(spec: msgspec.Struct) -> Html:
    """JSON that cannot end the element it stands in, whatever the names in it say."""
    written = msgspec.json.encode(spec).decode()
    for character in "<>&":
        written = written.replace(character, f"\\u{ord(character):04x}")
    return Html(f'<script type="application/json">{written}</script>')
