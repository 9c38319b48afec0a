"""Generated sessions speak the venues' formats, fail as announced, and look like recordings."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from statistics import NormalDist, median
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos.adapters.capture.lines import LineDecoder
from kairos.messages.events import InputQuarantined
from local.market_generator import FaultKind, PlannedFault, SessionSettings, describe, generate
from local.market_generator.chance import normal_cdf
from local.market_generator.clock_text import eastern
from local.market_generator.contracts import LINEAR, TAPERED, Grid
from local.market_generator.fair_value import probability
from local.market_generator.samples import SETTINGS as SAMPLE_SETTINGS
from local.market_generator.samples import sample_messages
from tests.support.generated import SESSION, Line, NaiveBooks, lines_of, of_type

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / ".." / "shared" / "samples" / "kalshi" / "asyncapi_examples_2026-10-26.json"


@pytest.fixture(scope="module")
def lines() -> list[Line]:
    return lines_of(SESSION)


@pytest.fixture(scope="module")
def planned() -> dict[FaultKind, PlannedFault]:
    return {fault.kind: fault for fault in describe(SESSION)}


def test_frames_have_the_fields_of_the_published_examples(lines: list[Line]) -> None:
    if not EXAMPLES.exists():
        pytest.skip("needs ../shared/samples/kalshi/asyncapi_examples_2026-10-26.json")
    examples = json.loads(EXAMPLES.read_text(encoding="utf-8"))
    for kind, name, optional in (
        ("orderbook_delta", "orderbookDelta", set()),
        ("orderbook_snapshot", "orderbookSnapshot", {"yes_dollars_fp", "no_dollars_fp"}),
        ("ticker", "ticker", set()),
        ("trade", "trade", set()),
        ("cfbenchmarks_value", "cfbenchmarksValue", {"last_60s_windowed_average_15min"}),
        ("subscribed", "subscribedResponse", set()),
        ("ok", "okResponse", set()),
    ):
        example = examples[name][0]["payload"]
        for line in of_type(lines, "kalshi_ws", kind):
            assert set(line["raw"]) - {"id"} == set(example) - {"id"}, kind
            assert set(line["raw"]["msg"]) <= set(example["msg"]), kind
            assert set(example["msg"]) - set(line["raw"]["msg"]) <= optional, kind
            for field, value in line["raw"]["msg"].items():
                assert type(value) is type(example["msg"][field]), (kind, field)


def test_the_parsers_understand_everything_but_the_invention() -> None:
    decoder, refused = LineDecoder(), []
    for line in generate(SESSION):
        events = decoder.decode(line)
        for event in events if isinstance(events, tuple) else (events,):
            if isinstance(event, InputQuarantined):
                refused.append(event.reason)
    assert refused == ["unknown_type"]


def test_committed_samples_are_what_is_generated_today() -> None:
    for name, messages in sample_messages(SAMPLE_SETTINGS).items():
        file = ROOT / "events" / "venues" / f"{name}.json"
        assert json.loads(file.read_text(encoding="utf-8")) == messages, name


def test_closed_books_are_emptied_and_left(lines: list[Line]) -> None:
    ticker = "KXBTC15M-26NOV181000-00"
    snapshots = [
        line["raw"]["msg"]
        for line in of_type(lines, "kalshi_ws", "orderbook_snapshot")
        if line["raw"]["msg"]["market_ticker"] == ticker
    ]
    assert set(snapshots[-1]) == {"market_ticker", "market_id", "clock"}
    last_quote = [
        line["raw"]["msg"]
        for line in of_type(lines, "kalshi_ws", "ticker")
        if line["raw"]["msg"]["market_ticker"] == ticker
    ][-1]
    assert (last_quote["yes_bid_dollars"], last_quote["yes_ask_dollars"]) == ("0.0000", "1.0000")
    assert last_quote["yes_bid_size_fp"] == last_quote["yes_ask_size_fp"] == "0.00"
    assert ticker not in of_type(lines, "kalshi_ws", "ok")[-1]["raw"]["msg"]["market_tickers"]


def test_a_reconnect_starts_every_subscription_anew(
    lines: list[Line], planned: dict[FaultKind, PlannedFault]
) -> None:
    fault = planned[FaultKind.RECONNECT]
    down = [
        line for line in lines
        if line["src"] == "kalshi_ws" and fault.start_ns + 10**8 < line["recv_ns"] < fault.end_ns
    ]  # fmt: skip
    assert down == []
    replies = of_type(lines, "kalshi_ws", "subscribed")
    first, second = replies[:5], replies[5:]
    assert [line["raw"]["msg"]["channel"] for line in first] != [
        line["raw"]["msg"]["channel"] for line in second
    ]
    assert {line["raw"]["msg"]["sid"] for line in second} == {1, 2, 3, 4, 5}
    after = [line for line in lines if line["recv_ns"] >= second[0]["recv_ns"]]
    snapshots = of_type(after, "kalshi_ws", "orderbook_snapshot")[:8]
    assert [line["raw"]["seq"] for line in snapshots] == list(range(1, 9))


def test_spot_trades_are_contiguous_but_for_the_planned_silence(
    lines: list[Line], planned: dict[FaultKind, PlannedFault]
) -> None:
    matches = of_type(lines, "coinbase_ws", "match") + of_type(lines, "coinbase_ws", "last_match")
    ids = sorted({line["raw"]["trade_id"] for line in matches})
    holes = [after - before for before, after in pairwise(ids) if after > before + 1]
    assert len(holes) == 1
    spot = [line["recv_ns"] for line in lines if line["src"] == "coinbase_ws"]
    quiet = max(after - before for before, after in pairwise(spot))
    assert 11 * 10**9 < quiet < 14 * 10**9
    assert (
        planned[FaultKind.SPOT_SILENCE].end_ns - planned[FaultKind.SPOT_SILENCE].start_ns
        >= 12 * 10**9
    )
    beats = of_type(lines, "coinbase_ws", "heartbeat")
    assert 17 * 60 - 15 <= len(beats) <= 17 * 60


def test_faults_are_announced_in_order_and_in_words() -> None:
    faults = describe(SESSION)
    assert {fault.kind for fault in faults} == set(FaultKind)
    assert [fault.start_ns for fault in faults] == sorted(fault.start_ns for fault in faults)
    assert "reconnect: the Kalshi connection drops" in " ".join(str(fault) for fault in faults)
    only = SessionSettings(seed=5, faults=(FaultKind.RECONNECT,))
    assert [fault.kind for fault in describe(only)] == [FaultKind.RECONNECT]


def test_the_market_looks_like_the_recorded_ones(lines: list[Line]) -> None:
    """Loose bounds around what the recordings show; the point is that none is far off."""
    prefix = "KXBTC15M-26NOV181000"
    books, spreads, levels, moved, deltas = NaiveBooks(), [], [], 0, 0
    for line in lines:
        body = line["raw"].get("msg", {}) if line["src"] == "kalshi_ws" else {}
        if not str(body.get("market_ticker", "")).startswith(prefix):
            continue
        legs = books.books.get(body["market_ticker"])
        best = {leg: max(legs[leg], default=0) for leg in legs} if legs else {}
        books.apply(line)
        if line["type"] == "orderbook_delta" and legs:
            deltas += 1
            moved += best != {leg: max(legs[leg], default=0) for leg in legs}
            if 200 < best["yes"] < 800:
                spreads.append(1000 - best["yes"] - best["no"])
                levels.append(len(legs["yes"]) + len(legs["no"]))
    seconds = 13 * 60 + 55
    assert 0.4 < deltas / seconds / SESSION.deltas_per_second < 2.5
    assert 10 <= median(spreads) <= 20
    assert 90 <= median(levels) <= 270
    assert 0.02 < moved / deltas < 0.15


@given(st.integers(1_230_000_000, 2_500_000_000))
def test_new_yorks_clock_is_computed_as_zone_data_has_it(second: int) -> None:
    try:
        zone = ZoneInfo("America/New_York")
    except ZoneInfoNotFoundError:
        pytest.skip("this machine has no zone data to compare with")
    ours = eastern(second * 10**9)
    theirs = ours.astimezone(zone)
    assert (ours.utcoffset(), ours.tzname()) == (theirs.utcoffset(), theirs.tzname())


@given(st.floats(-8, 8))
def test_the_tabulated_normal_distribution_is_accurate(deviate: float) -> None:
    assert normal_cdf(deviate) == pytest.approx(NormalDist().cdf(deviate), abs=1e-6)


@pytest.mark.parametrize(("grid", "levels"), [(TAPERED, 279), (LINEAR, 99)])
def test_a_level_of_one_leg_faces_its_mirror_on_the_other(grid: Grid, levels: int) -> None:
    assert len(grid.prices) == levels
    assert all(
        price + grid.prices[grid.last - level] == 10_000 for level, price in enumerate(grid.prices)
    )
    for tenth in range(1001):
        level = grid.floor_level[tenth]
        assert level < 0 or grid.prices[level] <= tenth * 10
        assert level == grid.last or grid.prices[level + 1] > tenth * 10


def test_the_last_minute_is_worth_what_is_known_of_it() -> None:
    """Forty values above the strike decide little or much, depending on how far above."""
    undecided = probability(100_000.0, 100_000.0, 20.0, (40, 40 * 100_000.0), 0.5)
    ahead = probability(100_000.0, 100_000.0, 20.0, (40, 40 * 100_030.0), 0.5)
    assert undecided == pytest.approx(0.5, abs=1e-6)
    assert ahead > 0.99
    long_before = probability(100_020.0, 100_000.0, 900.0, (0, 0.0), 0.5)
    just_before = probability(100_020.0, 100_000.0, 61.0, (0, 0.0), 0.5)
    assert 0.5 < long_before < just_before < ahead
