"""What a live session doubts when something is wrong with a stream, and what it goes on trading."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from cli.live_run import run_live
from hotpath.journal import read_records
from hotpath.live.shell import LiveShell
from tests.support.live_session import assert_replays, bounded, plan, venues


def said(journal: Path, kind: str) -> list[dict[str, Any]]:
    """What the engine said of a kind, in order."""
    head = f'{{"src":"engine","type":"{kind}"'.encode()
    records = read_records(journal, lambda _torn: None)
    return [json.loads(record)["data"] for record in records if record.startswith(head)]


def test_an_unreadable_change_is_doubted_in_its_market_alone(tmp_path: Path) -> None:
    out = tmp_path / "session"

    async def work() -> None:
        async with venues() as at:

            async def break_one(_shell: LiveShell) -> None:
                await asyncio.sleep(2.0)
                at.fault(
                    '{"fault":"drift","change":"retype","field":"delta_fp","count":1,'
                    '"kind":"orderbook_delta"}'
                )

            done = await run_live(plan(at, out, seconds=4.0, probe=break_one))
        assert done.summary["quarantined"].keys() <= {"wrong_type", "delta_while_gapped"}
        assert done.summary["quarantined"]["wrong_type"] == 1
        gapped = [each for each in said(out / "journal", "BookStateChanged")
                  if each["state"] == "gapped"]  # fmt: skip
        assert len(gapped) == 1
        market, at_ns = gapped[0]["market"], gapped[0]["ts_ns"]
        states = [e for e in said(out / "journal", "BookStateChanged") if e["ts_ns"] >= at_ns]
        again = next(e for e in states if e["state"] == "live")
        assert again["market"] == market
        assert {e["market"] for e in states if e["ts_ns"] <= again["ts_ns"]} == {market}
        later = [e for e in said(out / "journal", "Decision") if e["ts_ns"] > again["ts_ns"]]
        assert {market} < {each["market"] for each in later}
        assert_replays(done, out / "journal")

    bounded(work)


def test_a_connection_that_froze_is_replaced_and_trading_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "session"

    async def work() -> None:
        async with venues() as at:

            async def freeze(_shell: LiveShell) -> None:
                await asyncio.sleep(1.5)
                at.fault('{"fault":"freeze","conn":"kalshi-1"}')

            done = await run_live(plan(at, out, seconds=6.5, probe=freeze))
        streams = done.summary["live"]["streams"]
        assert streams["kalshi_ws.frozen"] == 1
        assert streams["kalshi_ws.connected"] == 2
        assert streams["coinbase_ws.connected"] == 1
        back = [e for e in said(out / "journal", "BookStateChanged") if e["state"] == "live"]
        decided = [e["ts_ns"] for e in said(out / "journal", "Decision") if e["trigger"] == "book"]
        assert max(decided) > max(each["ts_ns"] for each in back)
        assert_replays(done, out / "journal")

    bounded(work)
