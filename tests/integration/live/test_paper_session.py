"""A paper session over sockets, from the catalogue to the report, with faults in it; its replay."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
from pathlib import Path

import pytest

from cli.live_run import run_live
from hotpath.journal import verify
from hotpath.live.control import ControlFile
from hotpath.live.shell import LiveShell
from kairos.errors import InputError
from tests.support.live_session import assert_replays, bounded, plan, until, venues


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_a_session_with_faults_trades_and_its_journal_replays_to_the_same_decisions(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out = tmp_path / "session"

    async def work() -> None:
        async with venues() as at:

            async def misbehave(shell: LiveShell) -> None:
                await asyncio.sleep(3.5)
                at.fault('{"fault":"skip_frames","count":1,"kind":"orderbook_delta"}')
                await asyncio.sleep(1.5)
                at.fault('{"fault":"disconnect"}')
                await asyncio.sleep(0.75)
                at.fault('{"fault":"disconnect"}', "coinbase")

            done = await run_live(plan(at, out, seconds=9.5, probe=misbehave))
        summary = done.summary
        assert summary["sequence_gaps"] >= 1
        assert summary["connections"]["kalshi_ws"]["epochs"] >= 3
        assert summary["live"]["stopped_by"] == "the time was up"
        assert summary["live"]["orders_open"] == 0
        assert summary["decisions"]["total"] > 1_000
        assert summary["orders"]["submitted"] > 0
        assert summary["fills"]["total"] > 0
        assert verify(out / "journal").ok
        assert_replays(done, out / "journal")
        settled = {each["market"] for each in summary["settlements"]}
        assert any(market.startswith("KXBTC15M") for market in settled)

    with caplog.at_level(logging.WARNING, "kairos"):
        bounded(work)
    said = [record.getMessage().partition(":")[0] for record in caplog.records]
    for venue in ("kalshi_ws", "coinbase_ws"):
        assert sum(each.startswith(f"{venue} is lost") for each in said) == 1
        assert sum(each.startswith(f"{venue} is back") for each in said) == 1


def test_sigterm_ends_a_session_in_order(tmp_path: Path) -> None:
    out = tmp_path / "session"

    async def work() -> None:
        async with venues() as at:

            async def interrupt(_shell: LiveShell) -> None:
                await asyncio.sleep(1.5)
                os.kill(os.getpid(), signal.SIGTERM)

            done = await run_live(plan(at, out, seconds=None, probe=interrupt))
        assert done.summary["live"]["stopped_by"] == "SIGTERM"
        assert done.summary["risk"]["states"][-1]["state"] == "HALTED"
        assert_replays(done, out / "journal")

    bounded(work)


def test_the_control_file_halts_a_session_and_a_missing_one_stops_new_risk(tmp_path: Path) -> None:
    out, control = tmp_path / "session", tmp_path / "control.json"
    control.write_text('{"state": "ACTIVE", "who": "ada", "why": "a test"}', "utf-8")

    async def work() -> None:
        async with venues() as at:

            async def decide(shell: LiveShell) -> None:
                desk = shell.engine.risk
                await until(lambda: desk.state == "ACTIVE")
                control.write_text('{"state": "HALTED", "who": "bob", "why": "lunch"}', "utf-8")
                await until(lambda: desk.state == "HALTED")
                control.write_text('{"state": "ACTIVE", "who": "bob", "why": "back"}', "utf-8")
                await until(lambda: desk.state == "ACTIVE")
                control.unlink()
                await until(lambda: desk.state == "REDUCING")
                shell.stop("seen")

            file = ControlFile(control)
            done = await run_live(plan(at, out, seconds=15, probe=decide, control=file))
        states = done.summary["risk"]["states"]
        assert any(each["evidence"] == "bob: lunch" for each in states)
        assert any("risk_store" in each["evidence"] for each in states)
        assert done.summary["live"]["stopped_by"] == "seen"
        assert_replays(done, out / "journal")

    bounded(work)


def test_without_a_trading_state_nothing_starts(tmp_path: Path) -> None:
    async def work() -> None:
        async with venues() as at:
            with pytest.raises(InputError, match="trading state cannot be read"):
                await run_live(plan(at, tmp_path / "s", control=ControlFile(tmp_path / "none")))

    bounded(work)
