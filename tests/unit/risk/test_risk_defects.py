"""One test for each defect of the studied systems that concerns risk; here is what replaces it."""

from __future__ import annotations

import pytest

from cli.run_settings import load_settings
from hotpath.assembly import assemble
from hotpath.paper.starter import starter_values
from kairos.domain.instruments import Action, Outcome
from kairos.domain.risk.limits import limits_from
from kairos.domain.risk.trading_state import TradingState
from kairos.domain.risk.triggers import Phase, Signal, Triggers, TriggerSettings
from kairos.errors import UsageError
from kairos.messages.commands import OrderDenied, RiskBreached, SubmitOrder
from kairos.messages.events import ControlChanged, OrderClosed, OrderUnknown, TimerFired
from tests.support.engine import Heard
from tests.support.risk_floor import QUICK, Floor, canceled

SECOND = 1_000_000_000


def test_settings_that_were_ignored_are_refused() -> None:
    """MAX_DAILY_LOSS_PCT and its like could be set and did nothing: false safety."""
    with pytest.raises(UsageError, match="max_daily_loss_pct"):
        load_settings(None, ["risk.limits.max_daily_loss_pct=5"], {})


@pytest.mark.parametrize("limit", ["order_contracts_max", "open_positions_max"])
def test_settings_that_were_ignored_reach_the_desk(limit: str) -> None:
    """What is set is what the engine of a run denies by."""
    run = assemble(load_settings(None, [f"risk.limits.{limit}=1"], {}), Heard(), {})
    assert run.settings[f"risk.limits.{limit}"] == "1"
    floor = Floor(QUICK, (), TradingState.ACTIVE, 1_000, **{limit: 1})
    orders = [floor.order(1), floor.order(2, market="KXBTCD-26NOV1810-T81000")]
    assert [type(said) for said in floor.want(*orders)] == [SubmitOrder, OrderDenied]


def test_a_missing_limit_was_treated_as_unlimited() -> None:
    limits = dict(starter_values()["limits"])
    del limits["loss_daily_dollars_max"]
    with pytest.raises(UsageError, match="loss_daily_dollars_max is missing"):
        limits_from(limits, "here")


def test_a_limit_of_a_million_positions_was_none() -> None:
    """The live unit allowed 1,000,000 positions; a huge number is refused like no number."""
    values = {**starter_values()["limits"], "open_positions_max": 10**12}
    with pytest.raises(UsageError, match="open_positions_max"):
        limits_from(values, "here")


def test_the_daily_loss_left_out_what_was_only_lost_on_paper() -> None:
    floor = Floor(loss_hourly_dollars_max=6, loss_daily_dollars_max=6)
    floor.hold(100)
    floor.book("KXBTCD-26NOV1810-T80000", 4_000, 5_100)
    said = floor.take_stock()
    assert [each.limit for each in said if isinstance(each, RiskBreached)] == [
        "loss_hourly", "loss_daily",
    ]  # fmt: skip
    assert floor.account.ledger.result.net == 0, "nothing is realised"


def test_the_loss_meter_left_out_fees() -> None:
    floor = Floor(loss_hourly_dollars_max=6)
    name = floor.rest(100)
    said = floor.fill(name, 100, price=4_900, fee=6_000_000)
    assert [each.limit for each in said if isinstance(each, RiskBreached)] == ["loss_hourly"]


def test_the_loss_meter_counted_nothing_but_fees() -> None:
    floor = Floor(loss_hourly_dollars_max=6)
    name = floor.rest(100, price=6_000)
    assert any(isinstance(each, RiskBreached) for each in floor.fill(name, 100, price=6_000))


def test_a_daily_loss_never_ended_because_nobody_reset_it() -> None:
    floor = Floor(loss_hourly_dollars_max=1, loss_daily_dollars_max=1)
    floor.hold(100)
    floor.book("KXBTCD-26NOV1810-T80000", 4_500, 5_100)
    floor.hear(TimerFired(floor.now_ns))
    assert floor.denied(floor.order(1)) == ("losses",)
    day = 24 * 3_600 * SECOND
    floor.now_ns = (floor.now_ns // day + 1) * day
    floor.hear(TimerFired(floor.now_ns))
    floor.now_ns += 361 * SECOND
    floor.hear(TimerFired(floor.now_ns))
    assert floor.desk.state is TradingState.ACTIVE


def test_a_limit_per_market_was_not_checked_for_the_first_trade() -> None:
    floor = Floor(order_dollars_max=1, market_dollars_max=1)
    assert floor.denied(floor.order(10)) == ("order_dollars", "market_dollars")


def test_buckets_of_one_hour_were_many_bets() -> None:
    floor = Floor(order_dollars_max=5, market_dollars_max=5, group_dollars_max=5)
    floor.rest(10)
    assert floor.denied(floor.order(1, market="KXBTCD-26NOV1810-T81000")) == ("group_dollars",)


def test_a_take_that_did_not_execute_blocked_its_market_for_good() -> None:
    """D15 and its opposite: what did not leave or has ended is reserved for by nobody."""
    floor = Floor(order_dollars_max=5, market_dollars_max=5)
    floor.denied(floor.order(11))
    name = floor.rest(10)
    floor.hear(OrderClosed(floor.now_ns, name, "canceled"))
    floor.rest(10)


def test_an_error_counted_as_nothing_filled() -> None:
    """An order that was accepted and timed out became a position that nobody saw."""
    floor = Floor(order_dollars_max=5, market_dollars_max=5)
    floor.hear(OrderUnknown(floor.now_ns, floor.rest(10), "timeout"))
    assert floor.denied(floor.order(1)) == ("market_dollars",)


def test_a_kill_switch_blocked_entries_and_left_orders_resting() -> None:
    floor = Floor()
    names = [floor.rest(1), floor.rest(1)]
    event = ControlChanged(floor.now_ns, TradingState.HALTED, "ops", "kill switch")
    assert canceled(floor.hear(event)) == names


def test_a_breaker_cooled_down_and_armed_itself_again() -> None:
    floor = Floor()
    floor.hear(ControlChanged(floor.now_ns, TradingState.HALTED, "ops", "kill switch"))
    floor.now_ns += 10**18
    floor.hear(TimerFired(floor.now_ns))
    assert floor.desk.state is TradingState.HALTED


def test_a_stop_left_positions_stranded() -> None:
    floor = Floor(loss_hourly_dollars_max=1, order_contracts_max=100, orders_per_second_max=1)
    floor.hold(100)
    floor.book("KXBTCD-26NOV1810-T80000", 4_500, 5_100)
    exits = [floor.order(50, action=Action.SELL), floor.order(50, outcome=Outcome.NO)]
    assert [each for each in floor.want(*exits) if isinstance(each, SubmitOrder)] == exits


def test_services_that_stopped_reporting_were_taken_to_be_well() -> None:
    triggers = Triggers(TriggerSettings(start_healthy_seconds_min=0), [Signal.RISK_STORE])
    triggers.observe(Signal.RISK_STORE, None, 0, healthy=True)
    assert triggers.advance(0) is Phase.TRADING
    assert triggers.advance(61 * SECOND) is Phase.NO_TRADE


def test_rounding_up_to_a_minimum_went_past_the_cap() -> None:
    """A cap of 2 dollars spent 4.75: what leaves is what was asked about, to the contract."""
    floor = Floor(order_dollars_max=2)
    order = floor.order(4)
    assert floor.want(order) == [order]
    assert floor.denied(floor.order(5)) == ("order_dollars",)
