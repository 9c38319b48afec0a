"""What a live session follows, with how many connections, and where its orders go."""

from __future__ import annotations

import asyncio
from pathlib import Path

from cli.live_run import run_live
from hotpath.feeds.live.settings import StreamSettings
from hotpath.gateway.factory import TradingMode
from hotpath.live.clock import paced
from hotpath.live.record import read_session
from hotpath.live.shell import LiveShell
from tests.support.live_session import assert_replays, bounded, plan, venues


def test_new_markets_are_followed_as_they_open_and_left_after_they_closed(tmp_path: Path) -> None:
    async def work() -> None:
        async with venues(120.0) as at:
            seen: list[set[str]] = []

            async def look(shell: LiveShell) -> None:
                feed = shell.feed.connections["kalshi_ws"]
                while True:
                    if not seen or seen[-1] != set(feed.markets):
                        seen.append(set(feed.markets))
                    await asyncio.sleep(0.02)

            series = ("KXBTC15M",)
            await run_live(plan(at, tmp_path / "s", seconds=6.5, probe=look, series=series))
        first, both, second = seen[:3]  # the next is there before the last one closes
        assert len(first) == len(second) == 1
        assert both == first | second

    bounded(work)


def test_shadow_sends_nothing_and_replays(tmp_path: Path) -> None:
    out = tmp_path / "session"

    async def work() -> None:
        async with venues() as at:
            done = await run_live(plan(at, out, mode=TradingMode.SHADOW, seconds=4.5))
            assert at.placed() == 0
        assert done.summary["orders"]["submitted"] > 0
        assert done.summary["orders"]["ended"] == {"shadow": done.summary["orders"]["submitted"]}
        assert done.summary["fills"]["total"] == 0
        assert_replays(done, out / "journal")
        session = read_session(out / "journal")
        assert session is not None
        assert session.role.mode is TradingMode.SHADOW

    bounded(work)


def test_two_connections_carry_one_session(tmp_path: Path) -> None:
    out = tmp_path / "session"

    async def work() -> None:
        async with venues() as at:

            async def pull(shell: LiveShell) -> None:
                await asyncio.sleep(1.5)
                shell.feed.connections["kalshi_ws#a"].restart("a test pulls the plug")

            done = await run_live(plan(at, out, seconds=3.0, lanes=2, probe=pull))
        assert done.summary["live"]["streams"]["kalshi_ws#a.connected"] == 2
        assert done.summary["sequence_gaps"] == 0
        assert done.summary["decisions"]["total"] > 0
        assert_replays(done, out / "journal")

    bounded(work)


def test_settings_of_the_streams_keep_their_meaning_at_the_machines_own_pace() -> None:
    assert paced(StreamSettings(), 1.0) == StreamSettings()
    assert paced(StreamSettings(), 100.0).freeze.silent_s == 75.0
