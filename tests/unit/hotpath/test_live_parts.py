"""The parts of a live session that need no socket."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from cli.run_settings import load_settings
from hotpath.assembly import Role, RunSettings
from hotpath.gateway.factory import TradingMode
from hotpath.live.clock import ScaledClock
from hotpath.live.control import ControlFile
from hotpath.live.earlier import earlier_journals, orders_left
from hotpath.live.record import SessionRecord, read_session, session_line
from hotpath.live.settings import ShellSettings
from hotpath.paper.settings import FillModel
from kairos.bootstrap import LineDecoder
from kairos.domain.risk.trading_state import TradingState
from kairos.domain.risk.triggers import Signal
from kairos.errors import InputError, UsageError
from kairos.messages import events
from kairos.messages.journal_lines import event_line
from tests.support.gateway import buy
from tests.support.journal import open_journal

NOW = 1_795_012_595_000_000_000
CHANGED = [
    "latency_ms=80", "strategy.min_ev=0.0301", "strategy.volatility.half_life_seconds=601",
    "risk.limits.order_dollars_max=7", "risk.triggers.shadow_seconds=3",
    "engine.opening_cash=5000000", "fill_model=optimistic",
]  # fmt: skip
ROLE = Role(TradingMode.SHADOW, TradingState.REDUCING, (Signal.STATE_LAG, Signal.RISK_STORE))


def journal_with(directory: Path, *lines: bytes) -> Path:
    with open_journal(directory) as journal:
        for line in lines:
            journal.append(line)
    return directory


def test_a_session_is_read_back_as_it_was(tmp_path: Path) -> None:
    settings = load_settings(None, CHANGED, {})
    record = SessionRecord(ROLE, settings, "1+x")
    found = read_session(journal_with(tmp_path / "j", session_line(NOW, record)))
    assert found == record
    assert load_settings(None, [], {}, settings) == settings
    other = load_settings(None, ["strategy.min_ev=0.5"], {"fill_model": "pessimistic"}, settings)
    assert other.strategy.min_ev == 0.5
    assert other.fill_model is FillModel.PESSIMISTIC
    assert other.risk.limits == settings.risk.limits


def test_the_journal_of_a_run_has_no_session(tmp_path: Path) -> None:
    clock = b'{"recv_ns":%d,"src":"recorder","type":"clock"}' % NOW
    assert read_session(journal_with(tmp_path / "j", clock, b"{}")) is None


def test_a_session_that_is_not_understood_is_an_error_and_no_guess(tmp_path: Path) -> None:
    line = session_line(NOW, SessionRecord(ROLE, RunSettings(), "1+x"))
    broken = line.replace(b'"shadow"', b'"telepathic"')
    assert broken != line
    with pytest.raises(InputError, match="cannot be understood"):
        read_session(journal_with(tmp_path / "j", broken))


@pytest.mark.parametrize(
    "content",
    ["", "ACTIVE", '{"state": "MAYBE", "who": "a", "why": "b"}', '{"state": "ACTIVE"}',
     '{"state": "ACTIVE", "who": "a", "why": "b", "until": "noon"}'],
)  # fmt: skip
def test_a_trading_state_is_whole_or_none(tmp_path: Path, content: str) -> None:
    path = tmp_path / "control.json"
    path.write_text(content, "utf-8")
    with pytest.raises(InputError, match="no trading state"):
        ControlFile(path).read()


def test_a_scaled_clock_keeps_its_pace() -> None:
    async def work() -> tuple[int, int]:
        clock = ScaledClock(NOW, 50.0)
        before = clock.now_ns()
        await clock.sleep(1.0)
        return before, clock.now_ns()

    before, after = asyncio.run(work())
    assert NOW <= before < NOW + 1_000_000_000
    assert 1_000_000_000 <= after - before < 20_000_000_000
    with pytest.raises(UsageError):
        ScaledClock(NOW, 0)


def test_orders_are_looked_for_back_to_the_last_session_that_ended(tmp_path: Path) -> None:
    def submitted(name: str) -> bytes:
        body = msgspec.json.encode(buy(name))
        return b'{"src":"engine","type":"SubmitOrder","data":%b}' % body

    closed = event_line(events.OrderClosed(1, "b", "filled"))
    journal_with(tmp_path / "1" / "journal", submitted("old"))
    journal_with(tmp_path / "2" / "journal", submitted("ended"))
    (tmp_path / "2" / "summary.json").write_text("{}", "utf-8")
    journal_with(tmp_path / "3" / "journal", submitted("a"))
    journal_with(tmp_path / "4" / "journal", submitted("b"), submitted("c"), closed)
    journal_with(tmp_path / "5" / "journal", submitted("mine"))
    left = orders_left(earlier_journals(tmp_path, tmp_path / "5"))
    assert sorted(order.client_order_id for order in left) == ["a", "c"]
    assert orders_left(earlier_journals(tmp_path / "none", tmp_path)) == []


def test_an_event_of_the_shell_is_read_from_its_line() -> None:
    event = events.HealthObserved(NOW, "state_lag", healthy=True, value_ns=7)
    assert LineDecoder().decode(event_line(event)) == (event,)
    bad = event_line(event).replace(b"HealthObserved", b"HealthImagined")
    (quarantined,) = LineDecoder().decode(bad)  # type: ignore[misc]
    assert isinstance(quarantined, events.InputQuarantined)
    assert quarantined.reason == "unknown_type"


def test_lifecycle_of_other_series_is_counted_and_not_learnt() -> None:
    decoder = LineDecoder()
    only = b'{"recv_ns":%d,"src":"recorder","type":"only_series","data":{"series":["KXBTC15M"]}}'
    assert decoder.decode(only % NOW) == ()
    line = (
        b'{"recv_ns":%d,"src":"kalshi_ws","raw":{"type":"market_lifecycle_v2","sid":4,"seq":9,'
        b'"msg":{"market_ticker":"%b","event_type":"activated"}}}'
    )
    theirs, ours = (decoder.decode(line % (NOW, name)) for name in (b"KXNBA-1", b"KXBTC15M-1"))
    assert theirs == (events.ChannelReply(NOW, "kalshi_ws", 4, 9),)
    assert isinstance(ours, tuple)
    assert events.MarketTrading(NOW, "KXBTC15M-1", True) in ours


def test_shell_settings_must_be_positive() -> None:
    with pytest.raises(UsageError, match="flush_seconds"):
        ShellSettings(flush_seconds=0)
