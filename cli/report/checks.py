"""Refuses data that would draw a wrong picture: a report that does not add up is not made."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

import msgspec

from cli.report.data import POINTS_MAX, MarketQuality, ReportData, ReportRefused, Result, Series


def check(data: ReportData) -> None:
    """Raise ReportRefused, naming the field, when `data` breaks a type, a bound or a sum."""
    try:
        msgspec.convert(msgspec.to_builtins(data), type=ReportData)
    except msgspec.ValidationError as error:
        raise ReportRefused(f"report data: {error}") from error
    if data.header.end_ns < data.header.start_ns:
        raise ReportRefused("report data: header: the span ends before it starts")
    _check_result(data.result)
    for series in every_series(data):
        _check_series(series)
    for chart in data.markets:
        _check_size(f"decisions of {chart.market}", len(chart.decisions))
    for market in data.quality.markets:
        _check_times(market)


def every_series(data: ReportData) -> Iterator[Series]:
    """All lines of the report, in the order in which they are drawn."""
    yield data.equity
    for chart in data.markets:
        yield chart.mid
        yield chart.fair
    for spot in data.spot:
        yield spot.spot


def _check_result(result: Result) -> None:
    if result.gross - result.fees != result.net:
        raise ReportRefused(
            f"report data: result: gross {result.gross} less fees {result.fees} "
            f"is not net {result.net}"
        )
    for row in result.settlements:
        if (row.held is None) != (row.quantity == 0):
            raise ReportRefused(
                f"report data: settlement of {row.market}: a position has both an outcome "
                f"and a quantity, was {row.held} and {row.quantity}"
            )


def _check_series(series: Series) -> None:
    _check_size(f"series {series.name!r}", len(series.points))
    newest = None
    for ts_ns, value in series.points:
        if newest is not None and ts_ns < newest:
            raise ReportRefused(f"series {series.name!r}: time runs backwards at {ts_ns}")
        if value is not None and not isfinite(value):
            raise ReportRefused(f"series {series.name!r}: {value} at {ts_ns}; unknown is None")
        newest = ts_ns


def _check_size(what: str, count: int) -> None:
    if count > POINTS_MAX:
        raise ReportRefused(
            f"{what}: {count} points, the limit is {POINTS_MAX}. Pass them through "
            "cli.report.thinning first"
        )


def _check_times(market: MarketQuality) -> None:
    if market.not_live_ns > market.observed_ns:
        raise ReportRefused(
            f"quality of {market.market}: not live for {market.not_live_ns} ns "
            f"out of only {market.observed_ns} ns observed"
        )
