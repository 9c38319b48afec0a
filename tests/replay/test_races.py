"""What went wrong between two messages once, and must not again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli.runner import Job, execute
from hotpath.assembly import RunSettings

START_NS = 1_778_680_000_000_000_000
SECOND = 1_000_000_000
MARKET = "KXBTCD-26MAY1312-T79000"


def line(at: float, src: str, raw: dict[str, Any]) -> str:
    return json.dumps({"recv_ns": START_NS + round(at * SECOND), "src": src, "raw": raw})


def lifecycle(at: float, event_type: str, **fields: Any) -> str:  # noqa: ANN401
    msg = {"market_ticker": MARKET, "event_type": event_type} | fields
    return line(at, "kalshi_ws", {"type": "market_lifecycle_v2", "sid": 9, "msg": msg})


def match(number: int, at: float, price: float) -> str:
    moment = "2026-05-13T13:00:00.000001Z"
    raw = {"type": "match", "product_id": "BTC-USD", "price": f"{price:.2f}", "time": moment}
    return line(at, "coinbase_ws", raw | {"trade_id": number})


def snapshot(at: float, yes: str, no: str) -> str:
    msg = {"market_ticker": MARKET, "yes_dollars_fp": [[yes, "500.00"]],
           "no_dollars_fp": [[no, "500.00"]]}  # fmt: skip
    return line(at, "kalshi_ws", {"type": "orderbook_snapshot", "sid": 2, "seq": 1, "msg": msg})


def summary_of(tmp_path: Path, lines: list[str]) -> dict[str, Any]:
    path = tmp_path / "tape.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return execute(Job([path], RunSettings(), {}, None, quiet=True)).summary


def test_a_close_that_moves_while_the_strike_becomes_unusable_ends_the_pricing(
    tmp_path: Path,
) -> None:
    close = START_NS // SECOND + 60
    lines = [
        lifecycle(0, "created", strike_type="greater", floor_strike=79_000, close_ts=close),
        lifecycle(1, "close_date_updated", strike_type="functional", close_ts=close + 600),
        *(match(number, 2 + number, 80_000 + number % 7) for number in range(300)),
    ]
    told = summary_of(tmp_path, lines)
    assert told["quarantined"] == {"unsupported_strike_type": 1}
    assert told["span_seconds"] == pytest.approx(301)


@pytest.mark.parametrize("determined_after_ms", [60, 120])
def test_a_fill_still_unheard_of_when_the_market_is_determined_is_paid(
    tmp_path: Path, determined_after_ms: int
) -> None:
    close = START_NS // SECOND + 3_600
    lines = [
        lifecycle(0, "created", strike_type="greater", floor_strike=79_000, close_ts=close),
        *(match(number, 1 + number, 80_000 + number % 7) for number in range(208)),
    ]
    lines += [
        snapshot(210, "0.4800", "0.5000"),
        lifecycle(210 + determined_after_ms / 1_000, "determined", result="yes"),
        match(900, 215, 80_001),
    ]
    told = summary_of(tmp_path, lines)
    assert told["fills"]["total"] == 1
    assert told["pnl"]["open_positions"] == []
    assert float(told["pnl"]["net"]) == pytest.approx(5.0 - 0.175, abs=1e-6)


def test_two_swapped_messages_leave_a_book_that_is_not_priced(tmp_path: Path) -> None:
    def delta(at: float, seq: int) -> str:
        msg = {"market_ticker": MARKET, "price_dollars": "0.4000", "delta_fp": "1.00",
               "side": "yes", "ts_ms": 1_778_680_000_000}  # fmt: skip
        return line(at, "kalshi_ws", {"type": "orderbook_delta", "sid": 2, "seq": seq, "msg": msg})

    lines = [snapshot(0, "0.4800", "0.5000")]
    lines += [delta(1 + number / 100, seq) for number, seq in enumerate((2, 4, 3, 5, 6))]
    told = summary_of(tmp_path, lines)
    assert told["sequence_gaps"] >= 1
    assert told["quarantined"]["stale_sequence"] == 1
    assert told["books"][MARKET]["state"] == "gapped"


def test_a_side_spelled_the_interim_way_is_no_empty_side(tmp_path: Path) -> None:
    msg = {"market_ticker": MARKET, "yes": [[48, 300]], "no_dollars": [["0.5000", 146]]}
    raw = {"type": "orderbook_snapshot", "sid": 2, "seq": 1, "msg": msg}
    told = summary_of(tmp_path, [line(0, "kalshi_ws", raw), match(1, 1, 80_000)])
    assert told["books"][MARKET]["best_bid"] == "0.4800"
    assert told["books"][MARKET]["best_ask"] == "0.5000"
