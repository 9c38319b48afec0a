"""The figures of a run say what the books and the ledger say, and nothing they do not know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hotpath.feeds.capture_files import Damage
from hotpath.run_record import RunRecord
from hotpath.summary import RunFacts, summarise
from kairos.domain.instruments import Action, Liquidity, Outcome
from kairos.messages.commands import SubmitOrder, TimeInForce
from kairos.messages.events import OrderFilled
from tests.support import tape
from tests.support.engine import Replay
from tests.support.tape import CONN, MARKET, OTHER

FACTS = RunFacts(("f",), "v2", "realistic", 2.0, {"b": "2", "a": "1"}, "0", "hash")
CONTRACT = 1_000_000


def summary_of(replay: Replay) -> dict[str, Any]:
    return summarise(
        FACTS, replay.session, replay.engine, RunRecord(None),
        replay.decoder.counts, replay.decoder.unknown_fields,
    )  # fmt: skip


def opened() -> Replay:
    return Replay().feed(
        tape.line(tape.subscribed()),
        tape.line(tape.snapshot(1, [("0.4400", "13.00")], [("0.0010", "20.00")])),
        tape.line(tape.snapshot(2, None, [("0.5300", "20.00")], market=OTHER)),
    )


def test_books_are_dollars_with_four_decimals_or_null() -> None:
    books = summary_of(opened())["books"]
    assert (books[MARKET]["best_bid"], books[MARKET]["best_ask"]) == ("0.4400", "0.9990")
    assert (books[OTHER]["best_bid"], books[OTHER]["best_ask"]) == (None, "0.4700")
    assert books[MARKET]["state"] == "live"


def test_gaps_are_counted_in_all_and_by_connection() -> None:
    replay = opened().feed(
        tape.line(tape.delta(5, "0.4500", "1.00")),
        tape.line(tape.snapshot(6, None, None)),
        tape.line(tape.snapshot(1, None, None, market="B"), conn="conn-b"),
        tape.line(tape.delta(9, "0.4500", "1.00", market="B"), conn="conn-b"),
    )
    told = summary_of(replay)
    assert told["sequence_gaps"] == 2
    assert told["connections"] == {
        CONN: {"epochs": 0, "sequence_gaps": 1, "resyncs": 1},
        "conn-b": {"epochs": 0, "sequence_gaps": 1, "resyncs": 0},
    }
    assert told["books"][OTHER]["state"] == "gapped"


def test_messages_are_counted_by_source_and_type() -> None:
    told = summary_of(opened().feed(b"garbage"))
    assert told["messages"] == 4
    assert told["messages_by_type"] == {
        "kalshi_ws": {"orderbook_snapshot": 2, "subscribed": 1}, "unreadable": {"quarantined": 1},
    }  # fmt: skip
    assert told["quarantined"] == {"not_json": 1}
    assert told["messages_per_second"] == 2.0


def test_damage_of_a_file_is_among_the_quarantined() -> None:
    replay = opened()
    replay.session.quarantine.add_damage(Damage(Path("f"), 9, "ends in the middle", "fetch again"))
    assert summary_of(replay)["quarantine_samples"]["damaged_file"][0]["line"] == 9


def test_a_session_without_messages_has_no_times() -> None:
    told = summary_of(Replay())
    assert (told["start_ns"], told["end_ns"], told["span_seconds"]) == (None, None, 0.0)
    assert told["scores"]["model"] == {"brier": None, "log_loss": None}


def holding(replay: Replay) -> Replay:
    """Ten YES bought at 40 cents."""
    engine = replay.engine
    order = SubmitOrder(
        engine.now_ns, "o", MARKET, Outcome.YES, Action.BUY, 4_000, 10 * CONTRACT,
        TimeInForce.IOC, post_only=False, reduce_only=False,
    )  # fmt: skip
    engine.account.submitted(order, engine.markets[MARKET])
    engine.handle(
        OrderFilled(engine.now_ns, "o", "f", 4_000, 10 * CONTRACT, 0, Liquidity.TAKER, "depth")
    )
    return replay


def test_what_is_held_is_valued_at_the_bid_of_a_live_book() -> None:
    pnl = summary_of(holding(opened()))["pnl"]
    assert pnl["unrealised"] == "0.400000"
    assert pnl["open_positions"] == [
        {"market": MARKET, "outcome": "YES", "contracts": "10.00", "cost": "4.000000"}
    ]


@pytest.mark.parametrize(
    "line",
    [
        tape.line(tape.delta(9, "0.4400", "1.00")),  # a gap
        tape.recorder("ws_connected"),
        tape.line(tape.delta(3, "0.4400", "many")),
    ],
)
def test_nothing_is_valued_at_the_bid_of_a_book_that_is_not_live(line: bytes) -> None:
    pnl = summary_of(holding(opened()).feed(line))["pnl"]
    assert pnl["unrealised"] == "0.000000"
    assert len(pnl["open_positions"]) == 1
