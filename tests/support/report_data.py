"""Made-up runs for the report's tests: an ordinary one, an empty one, one at every limit."""

from __future__ import annotations

import math
from random import Random
from typing import Final

import msgspec

from cli.report.data import (
    POINTS_MAX,
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
    Point,
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
from kairos.domain.instruments import Outcome

START_NS: Final = 1_778_685_721_250_000_000  # 2026-05-13 15:22:01.250 UTC
SECOND: Final = 1_000_000_000
MINUTE: Final = 60 * SECOND
MARKETS: Final = ("KXBTC15M-26MAY131130-30", "KXBTC15M-26MAY131145-45")


def report_data(points: int = 1_200, markets: int = 2, origin: str = "recorded") -> ReportData:
    """A run as most runs are: some fills, a small sample, a few holes in the data."""
    names = [*MARKETS, *(f"KXBTC15M-26MAY14{n:04d}-00" for n in range(markets - 2))][:markets]
    return ReportData(
        header=_header(origin, seed=7 if origin == "generated" else None),
        result=_result(),
        decisions=_decisions(),
        equity=Series("equity", "micro-dollars", _equity(points)),
        markets=tuple(_market(name, points, seed) for seed, name in enumerate(names)),
        spot=(_spot(points),),
        edges=_edges(),
        calibration=_calibration(),
        latency=(_latency("book_delta", 69_265, 9.1), _latency("spot_trade", 7_693, 31.5)),
        quality=_quality(),
        books=tuple(BookHash(name, f"{n + 10:064x}") for n, name in enumerate(names)),
    )


def empty_report_data() -> ReportData:
    """A run over a file in which there was nothing to trade."""
    nothing = Forecaster(count=0, brier=None, log_loss=None, bins=())
    return ReportData(
        header=_header("recorded", seed=None, messages=0, settings={}),
        result=Result(
            gross=0,
            fees=0,
            net=0,
            orders=0,
            fills={},
            fill_range=(),
            settlements=(),
            open_positions=(),
        ),
        decisions=Decisions(evaluations=0, markets=0, verdicts={}, reasons=()),
        equity=Series("equity", "micro-dollars", ()),
        markets=(),
        spot=(),
        edges=EdgeDistribution(None, ()),
        calibration=Calibration(0, nothing, nothing),
        latency=(),
        quality=DataQuality(messages=(), quarantine=(), connections=(), markets=(), clock=()),
        books=(),
    )


def maximal_report_data() -> ReportData:
    """Twelve series of as many points as a series may have."""
    return report_data(points=POINTS_MAX, markets=5)


def with_result(data: ReportData, **changes: object) -> ReportData:
    return msgspec.structs.replace(data, result=msgspec.structs.replace(data.result, **changes))


def _header(
    origin: str,
    seed: int | None,
    messages: int = 77_635,
    settings: dict[str, str] | None = None,
) -> Header:
    generated = origin == "generated"
    return Header(
        title="Demo: 30 generated minutes" if generated else "Replay of KXBTC15M, 13 May 2026",
        origin="generated" if generated else "recorded",
        profile="v1",
        fill_model="realistic",
        files=("captures/kxbtc15m_l2_20260513T1522Z.jsonl.gz",),
        start_ns=START_NS,
        end_ns=START_NS + 30 * MINUTE,
        seed=seed,
        code_version="0.1.0 (05d49fc)",
        decisions_sha256=f"{0xC0FFEE:064x}",
        settings={"min_ev": "0.03", "cost_buffer": "0.01", "cooldown_s": "120"}
        if settings is None
        else settings,
        wall_seconds=1.84,
        messages=messages,
    )


def _result() -> Result:
    return Result(
        gross=4_250_000,
        fees=1_041_300,
        net=3_208_700,
        orders=12,
        fills={"book_cross": 6, "trade_through": 2, "queue": 1},
        fill_range=(
            FillModelResult(model="pessimistic", fills=6, net=-1_020_000),
            FillModelResult(model="realistic", fills=9, net=3_208_700),
            FillModelResult(model="optimistic", fills=12, net=5_104_500),
        ),
        settlements=(
            Settlement(
                market=MARKETS[0],
                strike="≥ $104,123.45",
                outcome=Outcome.YES,
                source="venue",
                held=Outcome.YES,
                quantity=5_000_000,
                pnl=3_350_000,
            ),
            Settlement(
                market=MARKETS[1],
                strike="≥ $104,160.10",
                outcome=Outcome.NO,
                source="venue",
                held=None,
                quantity=0,
                pnl=0,
            ),
        ),
        open_positions=(
            OpenPosition(
                market=MARKETS[1], held=Outcome.NO, quantity=4_000_000, cost=1_720_000, mark=4_100
            ),
        ),
    )


def _decisions() -> Decisions:
    return Decisions(
        evaluations=73_102,
        markets=2,
        verdicts={"TAKE": 10, "EXIT": 2, "HOLD": 311, "PASS": 72_779},
        reasons=(
            ReasonCount("ev_below_threshold", 61_040),
            ReasonCount("sigma_not_ready", 8_112),
            ReasonCount("near_expiry", 3_380),
            ReasonCount("quote_stale", 1_204),
            ReasonCount("cooldown_active", 740),
            ReasonCount("a_code_from_tomorrow", 3),
        ),
    )


def _equity(points: int) -> tuple[Point, ...]:
    random = Random(5)
    step = 30 * MINUTE // points
    level, walked = 0, []
    for n in range(points - 1):
        level += random.choice((0, 0, 0, 0, 10_000, -10_000, 25_000, -20_000))
        walked.append((START_NS + n * step, level))
    return (*walked, (START_NS + points * step, 3_208_700))


def _market(name: str, points: int, seed: int) -> MarketChart:
    random = Random(seed)
    step = 15 * MINUTE // points
    begin = START_NS + (seed % 2) * 15 * MINUTE
    mid: list[Point] = []
    fair: list[Point] = []
    drift = 0.0
    for n in range(points):
        drift += random.gauss(0, 2.0 / math.sqrt(points))
        value = 1 / (1 + math.exp(-drift * (1 + n / points)))
        ts_ns = begin + n * step
        hole = 0.55 < n / points < 0.6
        mid.append((ts_ns, None if hole else round(value, 2)))
        fair.append((ts_ns, min(max(value + random.gauss(0, 0.012), 0.0), 1.0)))
    return MarketChart(
        market=name,
        mid=Series("mid", "dollars", tuple(mid)),
        fair=Series("fair value", "dollars", tuple(fair)),
        decisions=_markers(mid, seed),
    )


def _markers(mid: list[Point], seed: int) -> tuple[DecisionMarker, ...]:
    markers = []
    for n, verdict in enumerate(("TAKE", "TAKE", "TAKE", "EXIT")):
        ts_ns, value = mid[len(mid) * (n + 1) // 6]
        side = Outcome.YES if n % 2 == 0 else Outcome.NO
        yes = int(10_000 * (value if value is not None else 0.5))
        markers.append(
            DecisionMarker(
                ts_ns=ts_ns,
                verdict="TAKE" if verdict == "TAKE" else "EXIT",
                side=side,
                price=yes if side is Outcome.YES else 10_000 - yes,
                filled=(n + seed) % 3 != 1,
            )
        )
    return tuple(markers)


def _spot(points: int) -> SpotChart:
    random = Random(11)
    price, walked = 104_100.0, []
    for n in range(points):
        price += random.gauss(0, 90 / math.sqrt(points))
        walked.append((START_NS + n * (30 * MINUTE // points), round(price, 2)))
    return SpotChart(
        Series("BTC-USD", "dollars", tuple(walked)),
        (
            StrikeLine(
                market=MARKETS[0],
                price=104_123.45,
                start_ns=START_NS,
                end_ns=START_NS + 15 * MINUTE,
            ),
            StrikeLine(
                market=MARKETS[1],
                price=104_160.10,
                start_ns=START_NS + 15 * MINUTE,
                end_ns=START_NS + 30 * MINUTE,
            ),
        ),
    )


def _edges() -> EdgeDistribution:
    bins = [EdgeBin(lower=None, upper=-0.2, evaluated=120, taken=0)]
    for n in range(-20, 10):
        evaluated = int(9_000 * math.exp(-((n + 4) ** 2) / 30))
        taken = 4 if n == 3 else 5 if n == 4 else 1 if n == 6 else 0
        bins.append(
            EdgeBin(lower=n / 100, upper=(n + 1) / 100, evaluated=evaluated + taken, taken=taken)
        )
    bins.append(EdgeBin(lower=0.1, upper=None, evaluated=2, taken=0))
    return EdgeDistribution(0.03, tuple(bins))


def _calibration() -> Calibration:
    return Calibration(
        2,
        _forecaster(brier=0.1812, log_loss=0.5432, bend=0.08),
        _forecaster(brier=0.1795, log_loss=0.5388, bend=-0.03),
    )


def _forecaster(brier: float, log_loss: float, bend: float) -> Forecaster:
    bins = []
    for n in range(10):
        middle = (n + 0.5) / 10
        empty = n == 3
        bins.append(
            CalibrationBin(
                lower=n / 10,
                upper=(n + 1) / 10,
                count=0 if empty else 400 + 900 * abs(n - 5),
                predicted=None if empty else middle,
                observed=None if empty else min(max(middle + bend * math.sin(6.28 * middle), 0), 1),
            )
        )
    return Forecaster(count=73_102, brier=brier, log_loss=log_loss, bins=tuple(bins))


def _latency(kind: str, count: int, p50_us: float) -> LatencyRow:
    return LatencyRow(
        kind=kind,
        count=count,
        p50_us=p50_us,
        p90_us=1.5 * p50_us,
        p99_us=4 * p50_us,
        p999_us=12 * p50_us,
    )


def _quality() -> DataQuality:
    file = "captures/kxbtc15m_l2_20260513T1522Z.jsonl.gz"
    return DataQuality(
        messages=(
            MessageCount("kalshi_ws", "orderbook_delta", 69_265),
            MessageCount("coinbase_ws", "match", 7_693),
            MessageCount("kalshi_ws", "ticker", 677),
        ),
        quarantine=(
            Quarantine(
                "bad_number",
                3,
                (
                    QuarantineSample(file, 5_121, "price_dollars: '0.56e1' is not a plain decimal"),
                    QuarantineSample(file, 9_002, "delta_fp: 'None' is not a plain decimal"),
                ),
            ),
        ),
        connections=(
            ConnectionQuality(connection="kalshi_ws#1", gaps=1, resyncs=1),
            ConnectionQuality(connection="kalshi_ws#2", gaps=0, resyncs=0),
        ),
        markets=(
            MarketQuality(
                market=MARKETS[0],
                open_ns=15 * MINUTE,
                observed_ns=14 * MINUTE + 31 * SECOND,
                not_live_ns=41 * SECOND,
            ),
            MarketQuality(
                market=MARKETS[1],
                open_ns=15 * MINUTE,
                observed_ns=14 * MINUTE + 22 * SECOND,
                not_live_ns=0,
            ),
        ),
        clock=(ClockAnomaly("received_before_sent", 17, "worst by 96.0 ms on kalshi_ws#1"),),
    )
