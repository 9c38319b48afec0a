"""Triggers enter at once or after their hold; leaving takes five healthy minutes and a shadow."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos.domain.risk.triggers import Phase, Signal, Triggers, TriggerSettings

SECOND = 1_000_000_000
START = 1_795_012_265 * SECOND
NOW = TriggerSettings(start_healthy_seconds_min=0)
AGES = {
    Signal.SPOT_AGE: (10, 0), Signal.QUOTE_AGE: (30, 0), Signal.SNAPSHOT_AGE: (60, 0),
    Signal.STATE_LAG: (10, 30), Signal.PERSISTENCE_LAG: (30, 60),
}  # fmt: skip
VERDICTS = [
    Signal.PUBLISH, Signal.RISK_STORE, Signal.REST_BUDGET, Signal.RECONCILIATION, Signal.BREAKS,
    Signal.LOSSES, Signal.EXPOSURE,
]  # fmt: skip


class Watch:
    """One signal, observed once a second."""

    def __init__(self, signal: Signal, settings: TriggerSettings = NOW) -> None:
        self.signal = signal
        self.triggers = Triggers(settings, [signal])
        self.second = 0

    def at(self, second: int, value: int | None = 0, *, healthy: bool = True) -> Phase:
        now_ns = START + second * SECOND
        self.triggers.observe(self.signal, value, now_ns, healthy=healthy)
        return self.triggers.advance(now_ns)

    def healthy(self, first: int, last: int) -> Phase:
        good = 100 if self.signal is Signal.QUOTE_COVERAGE else 0
        for second in range(first, last):
            self.at(second, good)
        return self.at(last, good)


@pytest.mark.parametrize(("signal", "bound"), [(s, b) for s, (b, hold) in AGES.items() if not hold])
def test_an_age_over_its_bound_stops_at_once(signal: Signal, bound: int) -> None:
    watch = Watch(signal)
    assert watch.at(0) is Phase.TRADING
    assert watch.at(1, bound * SECOND) is Phase.TRADING, "at the bound is not over it"
    assert watch.at(2, bound * SECOND + 1) is Phase.NO_TRADE
    assert watch.triggers.reasons() == (signal.value,)
    assert watch.triggers.evidence() == f"{signal} {bound}.0 s over {bound}.0 s"


@pytest.mark.parametrize(
    ("signal", "bound", "hold"), [(s, b, hold) for s, (b, hold) in AGES.items() if hold]
)
def test_a_lag_must_last_for_its_hold(signal: Signal, bound: int, hold: int) -> None:
    watch = Watch(signal)
    watch.at(0)
    for second in range(1, hold + 1):
        assert watch.at(second, bound * SECOND + 1) is Phase.TRADING
    assert watch.at(hold + 1, bound * SECOND + 1) is Phase.NO_TRADE


def test_one_good_reading_begins_the_hold_anew() -> None:
    watch = Watch(Signal.STATE_LAG)
    watch.at(0)
    for second in range(1, 30):
        watch.at(second, 11 * SECOND)
    watch.at(30, 10 * SECOND)
    for second in range(31, 61):
        assert watch.at(second, 11 * SECOND) is Phase.TRADING
    assert watch.at(61, 11 * SECOND) is Phase.NO_TRADE


def test_coverage_under_four_fifths_for_a_minute_stops() -> None:
    watch = Watch(Signal.QUOTE_COVERAGE)
    watch.at(0, 100)
    for second in range(1, 61):
        assert watch.at(second, 79) is Phase.TRADING
    assert watch.at(61, 79) is Phase.NO_TRADE
    assert watch.triggers.evidence() == "quote_coverage 79% under 80%"


def test_coverage_of_four_fifths_is_enough() -> None:
    watch = Watch(Signal.QUOTE_COVERAGE)
    assert {watch.at(second, 80) for second in range(200)} == {Phase.TRADING}


@pytest.mark.parametrize("signal", VERDICTS)
def test_a_failure_stops_at_once(signal: Signal) -> None:
    watch = Watch(signal)
    assert watch.at(0, None) is Phase.TRADING
    assert watch.at(1, None, healthy=False) is Phase.NO_TRADE
    assert watch.triggers.evidence() == f"{signal} failed"


@pytest.mark.parametrize("signal", [*AGES, Signal.QUOTE_COVERAGE])
def test_a_value_that_is_missing_is_not_a_good_one(signal: Signal) -> None:
    watch = Watch(signal)
    assert watch.at(0, None) is Phase.STARTING
    assert f"{signal} unknown" in watch.triggers.evidence()


@pytest.mark.parametrize("signal", [Signal.PUBLISH, Signal.PERSISTENCE_LAG])
def test_silence_of_who_reports_is_a_bad_signal(signal: Signal) -> None:
    watch = Watch(signal, TriggerSettings(start_healthy_seconds_min=0, report_age_seconds_max=60))
    watch.at(0)
    assert watch.triggers.advance(START + 60 * SECOND) is Phase.TRADING
    after = watch.triggers.advance(START + 60 * SECOND + 1)
    held = watch.triggers.advance(START + 121 * SECOND)
    assert (after, held) == (
        (Phase.NO_TRADE, Phase.NO_TRADE) if signal is Signal.PUBLISH
        else (Phase.TRADING, Phase.NO_TRADE)
    )  # fmt: skip
    assert "unheard for 60.0 s" in watch.triggers.evidence()


# Starting


def test_nothing_trades_before_every_watched_signal_was_heard() -> None:
    triggers = Triggers(NOW, [Signal.SPOT_AGE, Signal.RISK_STORE])
    triggers.observe(Signal.SPOT_AGE, 0, START, healthy=True)
    assert triggers.advance(START) is Phase.STARTING
    assert triggers.reasons() == ("starting",)
    triggers.observe(Signal.RISK_STORE, None, START, healthy=True)
    assert triggers.advance(START) is Phase.TRADING


def test_a_new_process_waits_for_five_healthy_minutes_unless_told_otherwise() -> None:
    watch = Watch(Signal.SPOT_AGE, TriggerSettings())
    assert watch.healthy(0, 299) is Phase.STARTING
    assert watch.at(300, 11 * SECOND) is Phase.STARTING
    assert watch.healthy(301, 600) is Phase.STARTING
    assert watch.at(601) is Phase.TRADING


def test_with_nothing_watched_there_is_nothing_to_wait_for() -> None:
    assert Triggers(TriggerSettings(), []).phase is Phase.TRADING


def test_a_signal_nobody_watched_counts_from_the_first_time_it_is_heard() -> None:
    triggers = Triggers(NOW, [])
    triggers.observe(Signal.REST_BUDGET, None, START, healthy=False)
    assert triggers.advance(START) is Phase.NO_TRADE


# Hysteresis


def test_trading_comes_back_after_five_minutes_and_through_shadow() -> None:
    watch = Watch(Signal.SPOT_AGE)
    watch.at(0)
    watch.at(1, 11 * SECOND)
    assert watch.healthy(2, 301) is Phase.NO_TRADE
    assert watch.triggers.reasons() == ("recovering",)
    assert watch.at(302) is Phase.SHADOW
    assert watch.triggers.reasons() == ("shadow",)
    assert watch.healthy(303, 361) is Phase.SHADOW
    assert watch.at(362) is Phase.TRADING
    assert watch.triggers.reasons() == ()


@pytest.mark.parametrize("second", [150, 301, 330, 361])
def test_anything_bad_on_the_way_back_begins_the_five_minutes_anew(second: int) -> None:
    """Even what would not stop trading by itself, because its hold is not over."""
    triggers = Triggers(NOW, [Signal.SPOT_AGE])

    def at(moment: int, lag: int = 0) -> Phase:
        now_ns = START + moment * SECOND
        age = 11 * SECOND if moment == 1 else 0
        triggers.observe(Signal.SPOT_AGE, age, now_ns, healthy=True)
        triggers.observe(Signal.STATE_LAG, lag, now_ns, healthy=True)
        return triggers.advance(now_ns)

    for moment in range(second):
        at(moment)
    assert at(second, 11 * SECOND) is Phase.NO_TRADE
    for moment in range(second + 1, second + 301):
        assert at(moment) is Phase.NO_TRADE
    assert at(second + 301) is Phase.SHADOW
    assert at(second + 361) is Phase.TRADING


def test_a_lag_that_does_not_last_stops_nothing_while_trading() -> None:
    watch = Watch(Signal.PERSISTENCE_LAG)
    for second in range(0, 3_000, 60):
        watch.healthy(second, second + 1)
        for bad in range(second + 2, second + 60):
            assert watch.at(bad, 31 * SECOND) is Phase.TRADING


SECONDS = st.lists(
    st.tuples(
        st.sampled_from([Signal.SPOT_AGE, Signal.STATE_LAG, Signal.PUBLISH]), st.booleans()
    ),
    max_size=6,
)  # fmt: skip


@given(st.lists(SECONDS, min_size=1, max_size=400))
def test_trading_never_resumes_before_everything_was_healthy_for_long_enough(
    readings: list[list[tuple[Signal, bool]]],
) -> None:
    settings = TriggerSettings(
        start_healthy_seconds_min=0, healthy_seconds_min=20, shadow_seconds=5,
        state_lag_hold_seconds=3,
    )  # fmt: skip
    triggers = Triggers(settings, [Signal.SPOT_AGE])
    bad: dict[Signal, int] = {}  # since when, as an independent account of it
    last_bad, stopped, phase = -1, False, Phase.STARTING
    for second, news in enumerate(readings):
        now_ns = START + second * SECOND
        triggers.observe(Signal.SPOT_AGE, 0 if Signal.SPOT_AGE not in bad else 10**12, now_ns,
                         healthy=True)  # fmt: skip
        for signal, good in news:
            triggers.observe(signal, 0 if good else 10**12, now_ns, healthy=good)
            if good:
                bad.pop(signal, None)
            else:
                bad.setdefault(signal, second)
        before, phase = phase, triggers.advance(now_ns)
        if bad:
            last_bad = second
        held = {s for s, since in bad.items() if s is not Signal.STATE_LAG or second - since >= 3}
        if before is Phase.TRADING:
            assert (phase is Phase.NO_TRADE) == bool(held), "at once, and for nothing less"
            stopped = stopped or bool(held)
        elif phase is Phase.TRADING and stopped:
            assert before is Phase.SHADOW
            assert second - last_bad >= 20 + 5
        if phase is Phase.SHADOW:
            assert not bad
            assert second - last_bad >= 20
