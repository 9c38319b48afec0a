"""Generated sessions: repeatable, consistent with themselves, and in the venues' own formats."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import mean

import pytest

from kairos.errors import UsageError
from local.market_generator import (
    FaultKind,
    PlannedFault,
    SessionSettings,
    describe,
    generate,
    write_session,
)
from tests.support.generated import (
    SESSION,
    Line,
    NaiveBooks,
    hundredths,
    lines_of,
    of_type,
    tenths_of_cents,
)

ROOT = Path(__file__).resolve().parents[2]
SMALL = SessionSettings(seed=1, minutes=4, deltas_per_second=5.0, matches_per_second=2.0)
BOOK_MESSAGES = {"orderbook_snapshot", "orderbook_delta", "ok"}
NUMBERED = BOOK_MESSAGES | {"trade", "cfbenchmarks_value", "market_lifecycle_v2", "market_notice"}


@pytest.fixture(scope="module")
def lines() -> list[Line]:
    return lines_of(SESSION)


@pytest.fixture(scope="module")
def planned() -> dict[FaultKind, PlannedFault]:
    return {fault.kind: fault for fault in describe(SESSION)}


def digest(settings: SessionSettings) -> str:
    total = hashlib.sha256()
    for line in generate(settings):
        total.update(line + b"\n")
    return total.hexdigest()


# --- repeatable -----------------------------------------------------------------------------------


def test_two_processes_generate_the_same_bytes() -> None:
    program = (
        "from tests.unit.test_market_generator import SMALL, digest; import sys;"
        "sys.stdout.write(digest(SMALL))"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": hash_seed, "TZ": zone},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo"))
    }
    assert digests == {digest(SMALL)}


def test_every_machine_generates_these_bytes() -> None:
    """Written down on one machine, checked on all. Changes with the generator, on purpose only."""
    assert digest(SMALL) == ("68bd273192cac48dfcb9d25590c4f909895dbc8fd338dd7bfcb3cffd52c1f584")


def test_another_seed_is_another_session() -> None:
    assert digest(SMALL) != digest(replace(SMALL, seed=2))


def test_faults_do_not_change_the_market_itself(lines: list[Line]) -> None:
    settings = replace(SESSION, faults=False)
    calm = lines_of(settings)
    assert describe(settings) == ()
    assert index_values(lines).items() <= index_values(calm).items()
    assert set(changes(lines)) <= set(changes(calm)) | {("0.5035", "100.00")}
    numbers = [line["raw"]["seq"] for line in calm if line["type"] in BOOK_MESSAGES]
    assert numbers == list(range(1, len(numbers) + 1))


def changes(lines: list[Line]) -> list[tuple[str, str]]:
    """Price and change of every book message; what a fault hides is missing, nothing is new."""
    bodies = [line["raw"]["msg"] for line in of_type(lines, "kalshi_ws", "orderbook_delta")]
    return [(body["price_dollars"], body["delta_fp"]) for body in bodies]


def test_a_file_holds_the_session_whatever_it_is_called(tmp_path: Path) -> None:
    plain, packed, again = (tmp_path / name for name in ("a.jsonl", "b.jsonl.gz", "c.jsonl.gz"))
    counts = {write_session(SMALL, path) for path in (plain, packed, again)}
    content = b"".join(line + b"\n" for line in generate(SMALL))
    assert plain.read_bytes() == content
    assert gzip.decompress(packed.read_bytes()) == content
    assert packed.read_bytes() == again.read_bytes()
    assert counts == {content.count(b"\n")}
    assert sorted(tmp_path.iterdir()) == [plain, packed, again]


@pytest.mark.parametrize(
    ("field", "attempt"),
    [
        ("minutes", lambda: SessionSettings(seed=1, minutes=3)),
        ("start_ns", lambda: SessionSettings(seed=1, start_ns=1)),
        ("annual_volatility", lambda: SessionSettings(seed=1, annual_volatility=0.0)),
        ("deltas_per_second", lambda: SessionSettings(seed=1, deltas_per_second=0.0)),
    ],
)
def test_impossible_settings_are_refused_by_name(
    field: str, attempt: Callable[[], SessionSettings]
) -> None:
    with pytest.raises(UsageError, match=field):
        attempt()


# --- numbering, order, books ----------------------------------------------------------------------


def test_receive_times_never_go_back_and_trail_venue_times(lines: list[Line]) -> None:
    times = [line["recv_ns"] for line in lines]
    assert times == sorted(times)
    lags = [
        line["recv_ns"] / 1e6 - line["raw"]["msg"]["ts_ms"]
        for line in of_type(lines, "kalshi_ws", "orderbook_delta")
    ]
    assert min(lags) >= 20
    assert max(lags) <= 82
    assert all(line["recv_ts"].endswith("+00:00") for line in lines)


def test_numbers_are_contiguous_but_for_the_planned_gap(
    lines: list[Line], planned: dict[FaultKind, PlannedFault]
) -> None:
    last: dict[int, int] = {}
    gaps = []
    for line in lines:
        if line["type"] == "ws_connected":
            last = {}
        elif line["src"] == "kalshi_ws" and line["type"] in NUMBERED:
            sid, seq = line["raw"]["sid"], line["raw"]["seq"]
            if seq != last.get(sid, 0) + 1:
                gaps.append((line["type"], seq - last.get(sid, 0), line["recv_ns"]))
            last[sid] = seq
        elif line["src"] == "kalshi_ws":
            assert "seq" not in line["raw"]
    [(kind, step, recv_ns)] = gaps
    gap = planned[FaultKind.SEQUENCE_GAP]
    assert (kind, step) == ("orderbook_delta", 2)
    assert gap.start_ns <= recv_ns <= gap.end_ns + 10**9


def test_rebuilt_books_never_go_negative_and_rarely_cross(lines: list[Line]) -> None:
    books = NaiveBooks()
    last_seq = 0
    for line in lines:
        if line["src"] != "kalshi_ws":
            continue
        if line["type"] in BOOK_MESSAGES:
            if line["raw"]["seq"] not in (1, last_seq + 1):
                books.broken |= set(books.books)
            last_seq = line["raw"]["seq"]
        books.apply(line)
    assert books.deltas > 10_000
    assert books.negative == []
    assert books.crossed < 0.001 * books.deltas
    assert books.broken == set()


def test_a_snapshot_says_what_the_changes_before_it_said(lines: list[Line]) -> None:
    """Snapshots after the reconnect aside, each must equal the book rebuilt without it."""
    books, checked = NaiveBooks(), 0
    for line in lines:
        if line["type"] == "ws_connected" or line["src"] != "kalshi_ws":
            books = NaiveBooks() if line["type"] == "ws_connected" else books
            continue
        if line["type"] == "orderbook_snapshot" and "id" not in line["raw"]:
            before = books.books.get(line["raw"]["msg"]["market_ticker"])
            books.apply(line)
            if before is not None:
                assert books.books[line["raw"]["msg"]["market_ticker"]] == before
                checked += 1
        else:
            books.apply(line)
    assert checked >= 8  # the empty books after the close


def test_trades_come_with_the_decrease_of_the_level_they_took(lines: list[Line]) -> None:
    trades, lost, previous = 0, 0, lines[0]
    for line in lines:
        if line["src"] != "kalshi_ws":
            continue
        if line["type"] == "trade":
            trades += 1
            lost += not _matches(line["raw"]["msg"], previous["raw"].get("msg", {}))
        previous = line
    assert trades > 300
    assert lost <= 1  # the one change that the planned gap swallowed may have been a trade's


def _matches(trade: Line, delta: Line) -> bool:
    maker = "no" if trade["taker_outcome_side"] == "yes" else "yes"
    return (
        delta.get("side") == maker
        and delta["market_ticker"] == trade["market_ticker"]
        and delta["ts_ms"] == trade["ts_ms"]
        and delta["price_dollars"] == trade[f"{maker}_price_dollars"]
        and hundredths(delta["delta_fp"]) == -hundredths(trade["count_fp"])
    )


def test_every_change_lies_on_the_grid_but_the_planned_one(
    lines: list[Line], planned: dict[FaultKind, PlannedFault]
) -> None:
    off_grid = [
        line
        for line in of_type(lines, "kalshi_ws", "orderbook_delta")
        if not _on_grid(line["raw"]["msg"])
    ]
    [line] = off_grid
    assert line["raw"]["msg"]["price_dollars"] == "0.5035"
    assert line["recv_ns"] > planned[FaultKind.MALFORMED].start_ns
    assert any(
        later["raw"]["msg"]["market_ticker"] == line["raw"]["msg"]["market_ticker"]
        and 0 < later["recv_ns"] - line["recv_ns"] < 10**9
        for later in of_type(lines, "kalshi_ws", "orderbook_snapshot")
    )


def _on_grid(body: Line) -> bool:
    price = tenths_of_cents(body["price_dollars"])
    fine = body["market_ticker"].startswith("KXBTC15M") and (price < 100 or price > 900)
    return price % (1 if fine else 10) == 0 and 0 < price < 1000


# --- settlement -----------------------------------------------------------------------------------


def index_values(lines: list[Line]) -> dict[int, int]:
    """Index in cents by venue second."""
    values = {}
    for line in of_type(lines, "kalshi_ws", "cfbenchmarks_value"):
        data = json.loads(line["raw"]["msg"]["data"])
        values[data["time"] // 1000] = hundredths(data["value"])
    return values


def average_before(values: dict[int, int], second: int) -> float:
    return round(mean(values[each] for each in range(second - 59, second + 1)) / 100, 2)


def lifecycle(lines: list[Line], kind: str) -> list[Line]:
    bodies = [line["raw"]["msg"] for line in of_type(lines, "kalshi_ws", "market_lifecycle_v2")]
    return [body for body in bodies if body["event_type"] == kind]


def test_results_follow_from_the_index_and_the_strikes(lines: list[Line]) -> None:
    values = index_values(lines)
    strikes = {
        line["market_ticker"]: line["data"]["strike"]
        for line in of_type(lines, "recorder", "watch_market")
    }
    closes = {body["market_ticker"]: body["close_ts"] for body in lifecycle(lines, "created")}
    results = lifecycle(lines, "determined")
    assert len(results) == 8  # one quarter hour and seven rungs
    for body in results:
        average = average_before(values, closes[body["market_ticker"]])
        strict = body["market_ticker"].startswith("KXBTCD")
        strike = strikes[body["market_ticker"]]
        expected = average > strike if strict else average >= strike
        assert body["result"] == ("yes" if expected else "no")
        assert body["settlement_value"] == ("1.0000" if expected else "0.0000")
    assert {body["result"] for body in results} == {"yes", "no"}
    assert len(lifecycle(lines, "settled")) == len(lifecycle(lines, "deactivated")) == 8


def test_a_quarter_hour_strike_is_announced_at_its_opening(lines: list[Line]) -> None:
    values = index_values(lines)
    [created] = [
        body
        for body in lifecycle(lines, "created")
        if body["market_ticker"] == "KXBTC15M-26NOV181015-15"
    ]
    [known] = [
        body
        for body in lifecycle(lines, "metadata_updated")
        if body["market_ticker"] == "KXBTC15M-26NOV181015-15"
    ]
    assert "floor_strike" not in created["additional_metadata"]
    assert known["strike_type"] == "greater_or_equal"
    assert known["floor_strike"] == average_before(values, created["open_ts"])


def test_the_venue_computes_the_averages_it_sends(lines: list[Line]) -> None:
    values, seen = index_values(lines), 0
    for line in of_type(lines, "kalshi_ws", "cfbenchmarks_value"):
        body = line["raw"]["msg"]
        second = json.loads(body["data"])["time"] // 1000
        window = [values[each] for each in range(second - 60, second) if each in values]
        if len(window) == 60:
            assert float(body["avg_60s_data"]["value"]) == pytest.approx(mean(window) / 100)
        into_quarter = (second - 1) % 900 + 1
        last_minute = body.get("last_60s_windowed_average_15min")
        assert (last_minute is not None) == (into_quarter > 840)
        if last_minute is not None:
            assert last_minute["window_size"] == into_quarter - 840
            seen += 1
    assert seen == 60
