"""What a report is made of: the whole input of the page, validated before anything is drawn.

Times are integer nanoseconds since the epoch, UTC. Cash is micro-dollars, contract prices are
1/10 000 dollar, quantities are 1/1 000 000 contract (`kairos.domain.units`). Shares, rates and
totals that follow from other fields are computed by the page, so that they cannot disagree.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from kairos.domain.instruments import Outcome
from kairos.errors import KairosError

POINTS_MAX: Final = 5_000
QUARANTINE_SAMPLES_MAX: Final = 5

Count = Annotated[int, msgspec.Meta(ge=0)]
Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]
Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]
# None means that the value is unknown from this time on: the line breaks instead of guessing.
Point = tuple[int, float | None]
FillModel = Literal["pessimistic", "realistic", "optimistic"]


class ReportRefused(KairosError):
    """The report would be wrong or too large, so it is not made."""


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of every part: unknown fields are errors, nothing changes after it is built."""


class Header(Part, frozen=True, kw_only=True):
    """What was run. `origin` says whether the prices were recorded or made up by us."""

    title: str
    origin: Literal["recorded", "generated"]
    profile: str
    fill_model: str
    files: tuple[str, ...]
    start_ns: int
    end_ns: int
    seed: int | None
    code_version: str
    decisions_sha256: Sha256
    settings: dict[str, str]
    wall_seconds: Annotated[float, msgspec.Meta(ge=0)]
    messages: Count


class FillModelResult(Part, frozen=True, kw_only=True):
    """The same run under one fill model. `net` is micro-dollars after fees."""

    model: FillModel
    fills: Count
    net: int


class Settlement(Part, frozen=True, kw_only=True):
    """A market that settled. `held` is None exactly when `quantity` is 0.

    `pnl` is all the market brought after fees, also by what was sold before it settled.
    """

    market: str
    strike: str
    outcome: Outcome
    source: str
    held: Outcome | None
    quantity: Count
    pnl: int


class OpenPosition(Part, frozen=True, kw_only=True):
    """Held when the run ended. `cost` is before fees; `mark` is the last bid, None without one."""

    market: str
    held: Outcome
    quantity: Count
    cost: int
    mark: int | None


class Result(Part, frozen=True, kw_only=True):
    """Micro-dollars: `gross` - `fees` = `net`. `fills` counts fills by kind of evidence.

    `gross` is realised: positions still open are in it only through the fees paid for them.
    `fill_range` is empty when the run was made under one fill model only.
    """

    gross: int
    fees: int
    net: int
    orders: Count
    fills: dict[str, Count]
    fill_range: tuple[FillModelResult, ...]
    settlements: tuple[Settlement, ...]
    open_positions: tuple[OpenPosition, ...]


class Series(Part, frozen=True):
    """One line of a chart: at most POINTS_MAX points in order of time."""

    name: str
    unit: Literal["micro-dollars", "dollars"]
    points: tuple[Point, ...]


class DecisionMarker(Part, frozen=True, kw_only=True):
    """An order we decided on. `price` is in the units of `side`, 1/10 000 dollar."""

    ts_ns: int
    verdict: Literal["TAKE", "EXIT"]
    side: Outcome
    price: Annotated[int, msgspec.Meta(ge=0, le=10_000)]
    filled: bool


class MarketChart(Part, frozen=True, kw_only=True):
    """A market's mid price and our fair value, both in dollars per YES contract."""

    market: str
    mid: Series
    fair: Series
    decisions: tuple[DecisionMarker, ...]


class StrikeLine(Part, frozen=True, kw_only=True):
    """A strike in dollars, drawn from when its market opened until it closed."""

    market: str
    price: float
    start_ns: int
    end_ns: int


class SpotChart(Part, frozen=True):
    """The underlying and the strikes that were in play."""

    spot: Series
    strikes: tuple[StrikeLine, ...]


class EdgeBin(Part, frozen=True, kw_only=True):
    """Evaluations whose net EV fell in [lower, upper) dollars per contract; None is open-ended."""

    lower: float | None
    upper: float | None
    evaluated: Count
    taken: Count


class EdgeDistribution(Part, frozen=True):
    """Net EV of everything evaluated; `threshold` is what a TAKE needed, None if it varied."""

    threshold: float | None
    bins: tuple[EdgeBin, ...]


class CalibrationBin(Part, frozen=True, kw_only=True):
    """Forecasts in [lower, upper). `predicted` and `observed` are None when there were none."""

    lower: Fraction
    upper: Fraction
    count: Count
    predicted: Fraction | None
    observed: Fraction | None


class Forecaster(Part, frozen=True, kw_only=True):
    """How one source of probabilities did; scores are None when nothing could be scored."""

    count: Count
    brier: float | None
    log_loss: float | None
    bins: tuple[CalibrationBin, ...]


class Calibration(Part, frozen=True):
    """Model against market over the same evaluations of `settled_markets` settled markets."""

    settled_markets: Count
    model: Forecaster
    market: Forecaster


class LatencyRow(Part, frozen=True, kw_only=True):
    """Event received to decision made, microseconds, for one kind of message."""

    kind: str
    count: Count
    p50_us: float
    p90_us: float
    p99_us: float
    p999_us: float


class ReasonCount(Part, frozen=True):
    """How many evaluations gave this reason for not acting."""

    code: str
    count: Count


class Decisions(Part, frozen=True, kw_only=True):
    """Every evaluation by verdict, and why most of them did nothing."""

    evaluations: Count
    markets: Count
    verdicts: dict[str, Count]
    reasons: tuple[ReasonCount, ...]


class MessageCount(Part, frozen=True):
    """Messages of one type from one source."""

    source: str
    type: str
    count: Count


class QuarantineSample(Part, frozen=True):
    """Where to look: the file, the line in it, and what was wrong there."""

    file: str
    line: int
    detail: str


class Quarantine(Part, frozen=True):
    """Messages that could not be trusted, with the first few of them."""

    reason: str
    count: Count
    samples: Annotated[
        tuple[QuarantineSample, ...], msgspec.Meta(max_length=QUARANTINE_SAMPLES_MAX)
    ]


class ConnectionQuality(Part, frozen=True, kw_only=True):
    """Sequence numbers missed on a connection, and how often its books were rebuilt."""

    connection: str
    gaps: Count
    resyncs: Count


class MarketQuality(Part, frozen=True, kw_only=True):
    """`open_ns` the market was open in the span, `observed_ns` we had a book of it,
    `not_live_ns` of that we did not trust the book."""

    market: str
    open_ns: Count
    observed_ns: Count
    not_live_ns: Count


class ClockAnomaly(Part, frozen=True):
    """Something impossible about time stamps, e.g. received before the venue sent it."""

    kind: str
    count: Count
    detail: str


class DataQuality(Part, frozen=True, kw_only=True):
    """What was wrong with the input."""

    messages: tuple[MessageCount, ...]
    quarantine: tuple[Quarantine, ...]
    connections: tuple[ConnectionQuality, ...]
    markets: tuple[MarketQuality, ...]
    clock: tuple[ClockAnomaly, ...]


class BookHash(Part, frozen=True):
    """SHA-256 of a market's book as it stood at the end."""

    market: str
    sha256: Sha256


class ReportData(Part, frozen=True, kw_only=True):
    """Everything the page shows. `latency` is empty when it was not measured."""

    header: Header
    result: Result
    decisions: Decisions
    equity: Series
    markets: tuple[MarketChart, ...]
    spot: tuple[SpotChart, ...]
    edges: EdgeDistribution
    calibration: Calibration
    latency: tuple[LatencyRow, ...]
    quality: DataQuality
    books: tuple[BookHash, ...]

    @property
    def fills(self) -> int:
        return sum(self.result.fills.values())
