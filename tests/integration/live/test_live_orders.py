"""Real orders at the simulated Kalshi: what the venue says is what we believe, nothing twice."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cli.live_run import run_live
from hotpath.assembly import StrategyOf
from hotpath.gateway.factory import TradingMode
from hotpath.live.shell import LiveShell
from kairos.domain.instruments import Action
from kairos.messages.commands import TimeInForce
from local.venues.kalshi.server import KalshiServer
from tests.support.live_session import ACCOUNT, Venues, assert_replays, bounded, plan, until, venues
from tests.support.quoting import Wish, quoter

IOC, GTC = TimeInForce.IOC, TimeInForce.GTC
SPEED = 4.0


def reports(out: Path, name: str | None = None) -> list[str]:
    lines = [json.loads(line) for line in (out / "orders.jsonl").read_text("utf-8").splitlines()]
    return [line["event"] for line in lines if name is None or line["client_order_id"] == name]


def cash(server: KalshiServer) -> int:
    return server.exchange.members.accounts[ACCOUNT].available()


async def live(
    at: Venues,
    out: Path,
    strategy: StrategyOf,
    probe: Any,  # noqa: ANN401
    seconds: float = 15.0,
) -> Any:  # noqa: ANN401
    asked = plan(
        at, out, mode=TradingMode.LIVE, seconds=seconds, probe=probe, strategy=strategy,
        series=("KXBTC15M",),
    )  # fmt: skip
    return await run_live(asked)


@pytest.mark.parametrize(
    "fault",
    [
        '{"fault":"fail_replies","status":503,"count":1,"path":"*/orders","method":"POST"}',
        '{"fault":"lose_replies","count":1,"path":"*/orders","method":"POST"}',
    ],
    ids=["503", "cut"],
)
@pytest.mark.parametrize("told", [True, False], ids=["told", "untold"])
def test_an_order_that_was_accepted_and_denied_is_found_and_not_sent_again(
    tmp_path: Path, fault: str, told: bool
) -> None:
    """`told`: the private stream says what the answer did not. Otherwise only asking helps."""
    out, buy = tmp_path / "session", Wish(Action.BUY, 3, IOC)

    async def work() -> None:
        async with venues(SPEED) as at:
            at.fault(fault)
            for kind in () if told else ("user_order", "fill"):
                at.fault(f'{{"fault":"skip_frames","kind":"{kind}","count":100}}')

            async def watch(shell: LiveShell) -> None:
                await until(lambda: at.placed(), 8)
                await until(lambda: list(shell.engine.account.ledger.positions()), 8)
                await until(lambda: not shell.open_orders(), 8)
                shell.stop("seen")

            done = await live(at, out, quoter(buy), watch)
            assert at.placed() == 1
            assert cash(at.kalshi) == done.run.engine.account.ledger.cash
        said = reports(out)
        assert said[:2] == ["submitted", "accepted" if told else "unknown"]
        assert said.count("submitted") == 1
        assert said.count("filled") >= 1
        assert said[-1] == "closed"
        assert_replays(done, out / "journal", quoter(buy))

    bounded(work)


def test_a_position_is_bought_and_sold_and_both_sides_agree_to_the_micro_dollar(
    tmp_path: Path,
) -> None:
    out = tmp_path / "session"
    wishes = Wish(Action.BUY, 3, IOC), Wish(Action.SELL, 3, IOC)

    async def work() -> None:
        async with venues(SPEED) as at:

            async def watch(shell: LiveShell) -> None:
                await until(lambda: at.placed() == 2, 12)
                await until(lambda: not shell.open_orders(), 5)
                await asyncio.sleep(0.3)
                shell.stop("seen")

            done = await live(at, out, quoter(*wishes), watch)
            ledger = done.run.engine.account.ledger
            assert not list(ledger.positions())
            assert cash(at.kalshi) == ledger.cash
            assert not done.run.engine.account.reserved
        assert_replays(done, out / "journal", quoter(*wishes))

    bounded(work)


def test_what_rests_is_canceled_when_we_stop(tmp_path: Path) -> None:
    out, rests = tmp_path / "session", Wish(Action.BUY, 3, GTC, away=2_000)

    async def work() -> None:
        async with venues(SPEED) as at:

            async def watch(shell: LiveShell) -> None:
                await until(lambda: at.resting() == 1, 10)
                shell.stop("enough")

            done = await live(at, out, quoter(rests), watch)
            assert at.resting() == 0
        assert done.summary["live"]["orders_open"] == 0
        assert reports(out)[-1] == "closed"
        assert_replays(done, out / "journal", quoter(rests))

    bounded(work)


def test_the_next_session_proves_what_a_dead_one_left(tmp_path: Path) -> None:
    """A journal without an end names its orders; each is asked for before the first new one."""

    async def work() -> None:
        async with venues(SPEED) as at:
            first, second = tmp_path / "1", tmp_path / "2"

            async def die(shell: LiveShell) -> None:
                await until(lambda: at.resting() == 1, 10)
                shell.journal.flush()
                raise RuntimeError("the process dies here")

            config = replace(at.access.config, lifetime_seconds=60)
            at.access = at.access._replace(config=config)
            with pytest.raises(RuntimeError):
                await live(at, first, quoter(Wish(Action.BUY, 3, GTC, away=2_000)), die)

            async def stop(shell: LiveShell) -> None:
                shell.stop("seen")

            await live(at, second, quoter(), stop)
            journal = b"".join(each.read_bytes() for each in (second / "journal").glob("*.jsonl"))
            assert journal.count(b'"type":"proved"') == 1
            assert at.resting() == 0

    bounded(work)
