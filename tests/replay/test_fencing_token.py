"""Every order of a session carries its fencing token in the id, entries and exits alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from hotpath.assembly import Role, RunSettings, assemble
from hotpath.feeds.capture_files import Chunk
from hotpath.gateway.factory import TradingMode
from hotpath.run_record import RunRecord
from hotpath.strategies.order_ids import token_of
from tests.replay.test_races import START_NS, lifecycle, match, snapshot

SECOND = 1_000_000_000


@pytest.mark.parametrize("token", [0, 7, 1_795_000_000_123])
def test_every_order_id_carries_the_token(token: int, tmp_path: Path) -> None:
    close = START_NS // SECOND + 3_600
    lines = [
        lifecycle(0, "created", strike_type="greater", floor_strike=79_000, close_ts=close),
        *(match(number, 1 + number, 80_000 + number % 7) for number in range(208)),
        snapshot(210, "0.4800", "0.5000"),
        match(900, 215, 80_001),
    ]
    record = RunRecord(tmp_path)
    run = assemble(RunSettings(), record, {}, role=Role(TradingMode.PAPER, token=token))
    run.session.feed(Chunk(Path("tape"), 1, [line.encode() for line in lines], 0))
    run.session.finish()
    record.close()
    orders = (tmp_path / "orders.jsonl").read_text(encoding="utf-8")
    assert '"client_order_id":"kr-' in orders
    ids = {part.split('"')[0] for part in orders.split('"client_order_id":"')[1:]}
    assert {token_of(each) for each in ids} == {token}
