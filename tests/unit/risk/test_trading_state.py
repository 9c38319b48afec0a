"""The stricter of what people want and what conditions allow holds; HALTED is left by people."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos.domain.risk.trading_state import TradingState, TradingStateMachine

ACTIVE, REDUCING, HALTED = TradingState


@pytest.mark.parametrize(
    ("state", "adding", "reducing"),
    [(ACTIVE, True, True), (REDUCING, False, True), (HALTED, False, False)],
)
def test_what_may_leave_in_each_state(state: TradingState, adding: bool, reducing: bool) -> None:
    machine = TradingStateMachine(state)
    assert machine.permits(reducing=False) is adding
    assert machine.permits(reducing=True) is reducing


def test_a_transition_tells_when_from_what_why_and_on_what_evidence() -> None:
    machine = TradingStateMachine(ACTIVE)
    assert machine.block("no_trade", "spot_age 11.0 s over 10.0 s", 5) == (
        5, ACTIVE, REDUCING, "no_trade", "spot_age 11.0 s over 10.0 s",
    )  # fmt: skip
    assert machine.block("no_trade", "spot_age 11.0 s over 10.0 s", 6) is None
    assert machine.control(HALTED, "ops: drill", 7) == (
        7,
        REDUCING,
        HALTED,
        "control",
        "ops: drill",
    )
    assert machine.control(HALTED, "ops: again", 8) is None
    assert machine.unblock("healthy", "after shadow", 9) == (
        9, HALTED, HALTED, "healthy", "after shadow",
    )  # fmt: skip
    assert machine.unblock("healthy", "after shadow", 9) is None
    assert machine.control(ACTIVE, "ops: done", 10) == (10, HALTED, ACTIVE, "control", "ops: done")


def test_resuming_does_not_overrule_conditions() -> None:
    machine = TradingStateMachine(HALTED)
    machine.block("no_trade", "publish failed", 1)
    machine.control(ACTIVE, "ops: go", 2)
    assert machine.state is REDUCING


STEPS = st.one_of(
    st.sampled_from(list(TradingState)),
    st.tuples(st.sampled_from(["no_trade", "shadow"]), st.sampled_from(["a", "b"])),
    st.none(),
)


@given(st.sampled_from(list(TradingState)), st.lists(STEPS, max_size=40))
def test_only_an_explicit_control_event_leaves_halted(
    first: TradingState, steps: list[TradingState | tuple[str, str] | None]
) -> None:
    machine, blocked, wanted = TradingStateMachine(first), False, first
    for now_ns, step in enumerate(steps):
        before = machine.state
        match step:
            case TradingState():
                machine.control(step, "who: why", now_ns)
                wanted = step
            case None:
                machine.unblock("healthy", "", now_ns)
                blocked = False
            case (reason, evidence):
                machine.block(reason, evidence, now_ns)
                blocked = True
        strictest = max(wanted, REDUCING if blocked else ACTIVE, key=list(TradingState).index)
        assert machine.state is strictest
        if before is HALTED and machine.state is not HALTED:
            assert isinstance(step, TradingState)
