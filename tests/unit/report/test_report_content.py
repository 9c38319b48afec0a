"""What the report says: the first screen, every section, empty runs, and to every reader."""

from __future__ import annotations

import re
from importlib.resources import files

import msgspec
import pytest

from cli.report.data import (
    DecisionMarker,
    EdgeDistribution,
    FillModelResult,
    ReasonCount,
    ReportData,
    Series,
    Settlement,
    StrikeLine,
)
from cli.report.page import render
from cli.report.reasons import REASONS
from cli.report.summary import SETTLED_FEW, SETTLED_MANY, data_grade, evidence_grade, headline
from hotpath.strategies.reasons import REASONS as STRATEGY_REASONS
from kairos.domain.instruments import Outcome
from tests.support.html_page import Page
from tests.support.report_data import (
    MINUTE,
    START_NS,
    empty_report_data,
    report_data,
    with_result,
)

replace = msgspec.structs.replace
FIRST_PROFILE = """
    missing_prob spot_stale quote_stale sigma_not_ready sigma_points_short sigma_history_short
    missing_yes_ask missing_no_ask ev_below_threshold top_n_cutoff missing_quote
    tail_ev_below_threshold near_expiry position_open position_open_opposite_side
    cooldown_active take_cap kill_switch_active missing_side max_open_positions
    entry_price_out_of_band
"""


def read(data: ReportData) -> str:
    return Page(render(data)).text


# --- the first screen ---------------------------------------------------------------------------


def test_the_headline_says_what_was_earned_after_fees_and_how_sure_that_is() -> None:
    assert headline(report_data(points=50)) == (
        "Kairos evaluated 2 markets 73,102 times and sent 12 orders. 9 fills would have earned "
        "$3.21 after fees (−$1.02 to +$5.10 across fill models)."
    )


def test_a_loss_is_called_a_loss() -> None:
    losing = with_result(report_data(points=50), gross=-2_000_000, net=-3_041_300, fill_range=())
    assert "9 fills would have lost $3.04 after fees." in headline(losing)
    assert "−$3.04" in read(losing)


def test_rebates_are_not_called_fees() -> None:
    data = with_result(report_data(points=50), gross=1_000_000, fees=-50_000, net=1_050_000)
    assert "+$1.00 gross, plus $0.05 of rebates" in read(data)


def test_the_range_names_the_models_by_what_they_earned_not_by_their_names() -> None:
    upside_down = (
        FillModelResult(model="pessimistic", fills=2, net=900_000),
        FillModelResult(model="optimistic", fills=9, net=-400_000),
    )
    text = read(with_result(report_data(points=50), fill_range=upside_down))
    assert "−$0.40 (optimistic) to +$0.90 (pessimistic)" in text


def test_no_order_is_explained_by_the_five_most_frequent_reasons() -> None:
    data = with_result(report_data(points=50), orders=0, fills={}, gross=0, fees=0, net=0)
    text = read(data)
    assert "sent no order." in text
    start = text.index("No order was sent: the five most frequent reasons are:")
    shown = text[start : text.index("What happened")]
    codes = [reason.code for reason in data.decisions.reasons]
    assert [code for code in codes if code in shown] == codes[:5]
    assert REASONS["ev_below_threshold"] in shown


@pytest.mark.parametrize(
    ("reasons", "words"),
    [
        ((), "No order was sent, and no reason was recorded."),
        ((ReasonCount("near_expiry", 2),), "No order was sent: the only reason was:"),
        (
            (ReasonCount("near_expiry", 2), ReasonCount("take_cap", 1)),
            "No order was sent: the reasons are:",
        ),
    ],
)
def test_no_order_reads_well_with_few_reasons(reasons: tuple[ReasonCount, ...], words: str) -> None:
    data = with_result(report_data(points=50), orders=0, fills={}, gross=0, fees=0, net=0)
    data = replace(data, decisions=replace(data.decisions, reasons=reasons))
    assert words in read(data)


def test_orders_without_a_fill_are_told_apart_from_no_orders() -> None:
    data = with_result(report_data(points=50), fills={}, gross=0, fees=0, net=0)
    assert headline(data).endswith("sent 12 orders; none was filled.")
    assert evidence_grade(data).word == "None: nothing was filled"


def settled(data: ReportData, traded: int) -> ReportData:
    row = data.result.settlements[0]
    return with_result(data, settlements=(row,) * traded, fill_range=())


@pytest.mark.parametrize(
    ("traded", "word"),
    [(SETTLED_FEW - 1, "Weak"), (SETTLED_FEW, "Fair"), (SETTLED_MANY, "Good")],
)
def test_evidence_grows_with_settled_markets_we_traded(traded: int, word: str) -> None:
    assert evidence_grade(settled(report_data(points=50), traded)).word == word


def test_a_market_left_before_it_settled_counts_as_traded_and_shows_its_result() -> None:
    idle = report_data(points=50).result.settlements[1]
    data = settled(report_data(points=50), 0)
    data = with_result(data, settlements=(replace(idle, pnl=-123_000),) * SETTLED_FEW)
    assert evidence_grade(data).word == "Fair"
    assert "−$0.123" in read(data)


def test_settled_markets_without_a_position_are_no_evidence() -> None:
    idle = report_data(points=50).result.settlements[1]
    data = with_result(report_data(points=50), settlements=(idle,) * SETTLED_MANY, fill_range=())
    assert evidence_grade(data).word == "Weak"


def test_a_result_whose_sign_depends_on_the_fill_model_is_weak_evidence() -> None:
    data = settled(report_data(points=50), SETTLED_MANY)
    data = with_result(data, fill_range=report_data(points=50).result.fill_range)
    grade = evidence_grade(data)
    assert grade.word == "Weak"
    assert grade.grounds[-1] == "whether it made or lost money depends on the fill model"


def test_generated_prices_are_never_evidence() -> None:
    data = settled(report_data(points=50, origin="generated"), SETTLED_MANY)
    assert evidence_grade(data).word == "None: generated prices"
    assert "SIMULATED, generated prices" in read(data)


def test_data_is_graded_by_what_was_wrong_with_it() -> None:
    data = report_data(points=50)
    assert data_grade(data).word == "Usable, with holes"
    whole = [replace(row, observed_ns=row.open_ns, not_live_ns=0) for row in data.quality.markets]
    clean = replace(data.quality, markets=tuple(whole), quarantine=(), clock=(), connections=())
    assert data_grade(replace(data, quality=clean)).word == "Clean"
    half = tuple(replace(row, not_live_ns=row.open_ns // 2) for row in whole)
    assert data_grade(replace(data, quality=replace(clean, markets=half))).word == "Poor"
    assert data_grade(empty_report_data()).word == "No market data"


# --- sections -------------------------------------------------------------------------------------


def test_an_empty_run_reads_well_in_every_section() -> None:
    text = read(empty_report_data())
    for sentence in (
        "The input held no message, so there was nothing to evaluate.",
        "No order was sent, and no reason was recorded.",
        "Nothing was recorded for this chart.",
        "No market settled during this run, so nothing was paid out.",
        "No position was open when the run ended.",
        "No market had a price to draw.",
        "No price of an underlying was seen.",
        "Nothing was evaluated, so no reason was recorded.",
        "No evaluation got as far as an expected value.",
        "Latency was not measured in this run.",
        "No message was quarantined.",
        "No clock anomaly was found.",
        "No book was built.",
    ):
        assert sentence in text, sentence
    assert "None" not in text.replace("None: nothing was filled", "")
    assert "nan" not in text.split()


def test_an_unknown_reason_shows_its_code() -> None:
    text = read(report_data(points=50))
    assert "a_code_from_tomorrow" in text
    assert "No explanation is on file for this code." in text


def test_every_reason_a_profile_can_give_is_explained_in_a_sentence() -> None:
    codes = [*re.findall(r"\w+", FIRST_PROFILE), *STRATEGY_REASONS]
    assert [code for code in codes if code not in REASONS] == []
    assert all(sentence.endswith(".") for sentence in REASONS.values())


@pytest.mark.parametrize(("markets", "warned"), [(SETTLED_FEW - 1, True), (SETTLED_FEW, False)])
def test_too_small_a_sample_is_said_plainly(markets: int, warned: bool) -> None:
    data = report_data(points=50)
    calibration = replace(data.calibration, settled_markets=markets)
    text = read(replace(data, calibration=calibration))
    assert ("Sample too small: 29 markets settled" in text) is warned
    assert ("Sample too small" in text) is warned


def test_the_better_forecaster_is_named() -> None:
    text = read(report_data(points=50))
    assert "the market forecast better than the model (Brier 0.1795 against 0.1812)" in text


def test_quarantined_messages_lead_to_the_line_of_the_file() -> None:
    text = read(report_data(points=50))
    assert "captures/kxbtc15m_l2_20260513T1522Z.jsonl.gz:5121" in text
    assert "price_dollars: '0.56e1' is not a plain decimal" in text


def test_hashes_and_settings_are_shown_for_whoever_repeats_the_run() -> None:
    data = report_data(points=50)
    text = read(data)
    assert data.header.decisions_sha256 in text
    assert all(book.sha256 in text for book in data.books)
    assert "cooldown_s" in text


def charts(data: ReportData) -> list[dict[str, object]]:
    blocks = re.findall(r'<script type="application/json">(.*?)</script>', render(data), re.S)
    return [msgspec.json.decode(block) for block in blocks]


def test_a_decision_for_no_is_drawn_where_it_lies_on_the_yes_axis() -> None:
    data = report_data(points=50)
    decision = DecisionMarker(
        ts_ns=START_NS, verdict="TAKE", side=Outcome.NO, price=4_400, filled=False
    )
    chart = replace(data.markets[0], decisions=(decision,))
    drawn = charts(replace(data, markets=(chart,)))[1]
    assert drawn["markers"] == [
        {
            "at": START_NS // 1_000_000,
            "value": 0.56,
            "shape": "▽",
            "label": "TAKE NO at $0.4400, not filled",
        }
    ]


def test_charts_get_dollars_and_steps_of_milliseconds_and_keep_holes() -> None:
    points = ((START_NS, 0), (START_NS + 1_999_999, None), (START_NS + 5_000_000, 1_234_567))
    data = replace(report_data(points=50), equity=Series("equity", "micro-dollars", points))
    assert charts(data)[0]["lines"] == [
        {
            "name": "equity",
            "start": START_NS // 1_000_000,
            "steps": [1, 4],
            "values": [0.0, None, 1.234567],
        }
    ]


@pytest.mark.parametrize(
    ("threshold", "position"),
    [(0.03, 24.0), (0.035, 24.5), (-0.5, 0.0), (0.2, 31.0), (None, None)],
)
def test_the_threshold_is_drawn_at_its_place_among_the_bars(
    threshold: float | None, position: float | None
) -> None:
    data = report_data(points=50)
    [bars] = [
        chart
        for chart in charts(replace(data, edges=EdgeDistribution(threshold, data.edges.bins)))
        if chart["kind"] == "bars"
    ]
    assert bars["threshold"] == pytest.approx(position)


def test_a_strike_is_drawn_only_while_its_market_was_open() -> None:
    data = report_data(points=50)
    strike = StrikeLine(market="M", price=104_000.0, start_ns=START_NS, end_ns=START_NS + MINUTE)
    drawn = charts(replace(data, spot=(replace(data.spot[0], strikes=(strike,)),)))
    [levels] = [chart["levels"] for chart in drawn if chart.get("levels")]
    start = START_NS // 1_000_000
    assert levels == [{"value": 104_000.0, "start": start, "end": start + 60_000, "label": "M"}]


def test_a_position_in_a_settled_market_is_shown_with_its_outcome_and_pnl() -> None:
    row = Settlement(
        market="M",
        strike="up",
        outcome=Outcome.NO,
        source="venue",
        held=Outcome.YES,
        quantity=2_500_000,
        pnl=-1_275_000,
    )
    text = read(with_result(report_data(points=50), settlements=(row,)))
    assert "2.50 YES" in text
    assert "−$1.275" in text


def test_open_positions_are_valued_at_the_last_bid_and_kept_out_of_the_result() -> None:
    data = report_data(points=50)
    text = read(data)
    assert "Realised only: 1 position that cost $1.72 is still open" in text
    assert "$0.4100" in text
    assert "$1.64" in text
    unbid = replace(data.result.open_positions[0], mark=None)
    text = read(with_result(data, open_positions=(unbid, unbid)))
    assert "2 positions that cost $3.44 are still open" in text
    assert "nobody bid" in text
    assert "$1.64" not in text


# --- for every reader ---


def test_tables_have_captions_and_headings_for_rows_and_columns() -> None:
    page = Page(render(report_data(points=50)))
    assert len(page.named("caption")) == len(page.named("table")) > 10
    assert {heading.get("scope") for heading in page.named("th")} == {"row", "col"}
    assert len(page.named("h1")) == 1
    assert len(page.named("h2")) == len(page.named("section"))


def luminance(colour: str) -> float:
    channels = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("front", "back"),
    [
        *((front, back) for front in ("text", "quiet") for back in ("page", "panel", "head")),
        *((front, "panel") for front in ("accent", "second", "gain", "loss", "warn", "mark")),
        ("warn", "warn-back"),
        ("text", "band"),
    ],
)
def test_colours_contrast_enough_to_read(scheme: int, front: str, back: str) -> None:
    style = files("cli.report").joinpath("page.css").read_text(encoding="utf-8")
    block = re.findall(r":root \{(.*?)\}", style, re.S)[scheme]
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block))
    brighter, darker = sorted((luminance(colours[front]), luminance(colours[back])), reverse=True)
    assert (brighter + 0.05) / (darker + 0.05) >= 4.5
