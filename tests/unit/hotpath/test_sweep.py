"""A sweep of columns concludes what the scalar evaluation concludes, market by market."""

from __future__ import annotations

import math
import random

import pytest

from hotpath.account import Account
from hotpath.assembly import kalshi_fees
from hotpath.engine import Engine, EngineSettings
from hotpath.spot import Spot
from hotpath.strategies.btc_edge import BtcEdge, BtcEdgeSettings, strategy
from kairos.bootstrap import ranges_of
from kairos.messages.commands import Command, Decision, DecisionSweep, SubmitOrder
from kairos.messages.events import (
    BookSnapshot,
    ChannelReply,
    MarketDefined,
    OrderClosed,
    SpotTrade,
)
from tests.support.risk import desk

START_NS = 1_778_700_000 * 10**9
SECOND = 10**9
SPOT = 80_000.0


def decisions_of(commands: list[Command]) -> list[Decision]:
    rows: list[Decision] = []
    for command in commands:
        if isinstance(command, DecisionSweep):
            rows += command.expand()
        elif isinstance(command, Decision):
            rows.append(command)
    return sorted(rows, key=lambda row: row.market)


def ladder(count: int, seed: int) -> tuple[Engine, int]:
    """An engine with a ladder of thresholds and ranges over two closes, one book left empty."""
    settings, spot, chance = EngineSettings(), Spot(), random.Random(seed)
    account = Account(settings.ledger, settings.opening_cash)
    strategy = BtcEdge(BtcEdgeSettings(), account, spot, kalshi_fees)
    engine = Engine(strategy, settings, account, spot, desk(account), ranges_of)
    for number in range(count):
        strike = SPOT + (number - count / 2) * 25
        name = f"KXBTCD-26MAY1317-T{strike:.2f}"
        kind = "between" if number % 3 == 0 else "greater"
        close_ns = START_NS + (1_500 + number % 2 * 900) * SECOND
        engine.handle(
            MarketDefined(
                START_NS, name, kind, f"{strike:.2f}", f"{strike + 100:.2f}", close_ns, None
            )
        )
        sd = SPOT * 0.45 * math.sqrt(1_500 / 31_536_000)
        cents = round(100 * 0.5 * math.erfc((strike - SPOT) / sd / math.sqrt(2)))
        bid = min(max(cents - 1 + chance.randint(-4, 4), 1), 97) * 100
        yes = () if number == 1 else ((bid, 30_000_000),)
        no = () if number in (1, 2) else ((10_000 - bid - 200, 30_000_000),)
        engine.handle(BookSnapshot(START_NS, "k", 2, number + 1, name, yes, no, None))
    return engine, count + 1


def played(count: int, seed: int) -> list[Decision]:
    engine, seq = ladder(count, seed)
    chance, price, rows = random.Random(seed), SPOT, []
    for step in range(1_600):
        now_ns = START_NS + step * SECOND
        engine.handle(ChannelReply(now_ns, "k", 2, seq + step))
        price += chance.gauss(0, 4)
        trade = SpotTrade(now_ns, "s", "BTC-USD", round(price, 2), step + 1, now_ns)
        commands = list(engine.handle(trade))
        rows += decisions_of(commands)
        for command in commands:
            if isinstance(command, SubmitOrder):
                engine.handle(OrderClosed(now_ns, command.client_order_id, "unfilled"))
    return rows


@pytest.mark.parametrize(("count", "seed"), [(14, 1), (40, 2)])
def test_columns_and_single_evaluations_agree(
    count: int, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept = played(count, seed)
    monkeypatch.setattr(strategy, "SWEEP_MIN", 10**9)
    single = played(count, seed)
    assert len(swept) == len(single) > 10_000
    assert any(row.verdict == "TAKE" for row in single)
    for one, other in zip(swept, single, strict=True):
        exact = ("ts_ns", "market", "verdict", "side", "reasons", "horizon_ns", "yes_bid",
                 "yes_ask", "quantity", "spot", "sigma")  # fmt: skip
        for name in exact:
            assert getattr(one, name) == getattr(other, name), (name, one, other)
        for name in ("probability", "uncertainty", "ev_yes", "ev_no", "ev_net"):
            left, right = getattr(one, name), getattr(other, name)
            assert left == pytest.approx(right, abs=1e-12), (name, one, other)
