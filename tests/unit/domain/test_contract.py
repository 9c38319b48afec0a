"""What a contract pays on: strict and inclusive strikes differ by one cent of settlement."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos.domain.contract import Contract, contract
from kairos.domain.instruments import Outcome
from kairos.errors import Malformed

YES, NO = Outcome.YES, Outcome.NO


def made(strike_type: str, floor: str | None = None, cap: str | None = None) -> Contract:
    return contract("A", strike_type, floor, cap, 0)


@pytest.mark.parametrize(
    ("strike_type", "floor", "cap", "settlement", "outcome"),
    [
        # strictly above 72 749.99
        ("greater", "72749.99", None, "72749.99", NO),
        ("greater", "72749.99", None, "72750.00", YES),
        ("greater", "72749.99", None, "72749.98", NO),
        ("greater", "72749.99", None, "72749.994999", NO),
        ("greater", "72749.99", None, "72749.995", YES),
        # at least
        ("greater_or_equal", "72749.99", None, "72749.99", YES),
        ("greater_or_equal", "72749.99", None, "72749.98", NO),
        ("greater_or_equal", "72749.99", None, "72749.985", YES),
        ("greater_or_equal", "72749.99", None, "72749.984999", NO),
        # strictly below, at most
        ("less", None, "52200", "52200", NO),
        ("less", None, "52200", "52199.99", YES),
        ("less", None, "52200", "52199.995", NO),
        ("less_or_equal", None, "52200", "52200.00", YES),
        ("less_or_equal", None, "52200", "52200.01", NO),
        ("less_or_equal", None, "52200", "52200.004", YES),
        # between, both ends included
        ("between", "52200", "52299.99", "52200", YES),
        ("between", "52200", "52299.99", "52199.99", NO),
        ("between", "52200", "52299.99", "52299.99", YES),
        ("between", "52200", "52299.99", "52299.994", YES),
        ("between", "52200", "52299.99", "52299.995", NO),
        ("between", "52200", "52299.99", "52300", NO),
    ],
)
def test_the_outcome_at_every_boundary(
    strike_type: str, floor: str | None, cap: str | None, settlement: str, outcome: Outcome
) -> None:
    assert made(strike_type, floor, cap).outcome(settlement) is outcome


CENTS = st.integers(5_000_000, 9_000_000)
COMPARE = {
    "greater": lambda value, floor, cap: value > floor,
    "greater_or_equal": lambda value, floor, cap: value >= floor,
    "less": lambda value, floor, cap: value < cap,
    "less_or_equal": lambda value, floor, cap: value <= cap,
    "between": lambda value, floor, cap: floor <= value <= cap,
}


@given(
    st.sampled_from(sorted(COMPARE)), CENTS, st.integers(1, 20_000), st.integers(-30_000, 30_000)
)
def test_outcomes_are_the_words_of_the_rule_on_the_rounded_value(
    strike_type: str, floor_cents: int, width: int, offset_tenths: int
) -> None:
    floor, cap = Decimal(floor_cents) / 100, Decimal(floor_cents + width) / 100
    value = floor + Decimal(offset_tenths) / 1000
    rounded = value.quantize(Decimal("0.01"), ROUND_HALF_UP)
    expected = YES if COMPARE[strike_type](rounded, floor, cap) else NO
    built = made(strike_type, str(floor), str(cap))
    assert built.outcome(str(value)) is expected
    # The bounds that the model prices between say the same of the unrounded value.
    assert (built.lower <= float(value) < built.upper) == (expected is YES)


def test_ladder_neighbours_never_both_pay_and_never_both_fail() -> None:
    low = made("between", "52200", "52299.99")
    high = made("between", "52300", "52399.99")
    tail = made("greater", "52399.99")
    for cents in range(5_220_000, 5_250_000, 7):
        value = f"{cents // 100}.{cents % 100:02d}"
        paying = [each.outcome(value) for each in (low, high, tail)].count(YES)
        assert paying == 1


def test_open_ends_are_infinite() -> None:
    assert made("greater", "1").upper == math.inf
    assert made("less", None, "1").lower == -math.inf


@pytest.mark.parametrize(
    ("strike_type", "floor", "cap", "reason"),
    [
        ("functional", "1", "2", "unsupported_strike_type"),
        ("structured", None, None, "unsupported_strike_type"),
        ("", "1", None, "unsupported_strike_type"),
        ("greater", None, "1", "missing_field"),
        ("less", "1", None, "missing_field"),
        ("between", "1", None, "missing_field"),
        ("greater", "TBD", None, "bad_number"),
        ("greater", "1e5", None, "bad_number"),
        ("greater", "-5", None, "bad_strike"),
        ("greater", "0", None, "bad_strike"),
        ("greater_or_equal", "72749.993", None, "bad_strike"),
        ("between", "52300", "52200", "bad_strike"),
    ],
)
def test_a_contract_that_cannot_be_judged_is_not_built(
    strike_type: str, floor: str | None, cap: str | None, reason: str
) -> None:
    with pytest.raises(Malformed) as refused:
        made(strike_type, floor, cap)
    assert refused.value.reason == reason


@pytest.mark.parametrize("settlement", ["", "TBD", "1e5", "72749.9912345"])
def test_a_settlement_value_that_is_no_number_settles_nothing(settlement: str) -> None:
    with pytest.raises(Malformed):
        made("greater", "72749.99").outcome(settlement)
