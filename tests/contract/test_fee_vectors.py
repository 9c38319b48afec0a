"""The fee engine against what the venues publish, digit for digit."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from kairos.domain.fees import kalshi_series, polymarket, polymarket_us
from kairos.domain.fees.kalshi import (
    BalancePrecision,
    FillCharge,
    KalshiFees,
    RoundingAccumulator,
)
from kairos.domain.fees.schedule import effective_ns
from kairos.domain.instruments import Action, Liquidity
from kairos.domain.units import quantity_from_contracts, scaled

VECTORS = Path(__file__).with_name("vectors")
FEES: dict[str, Any] = json.loads((VECTORS / "fees.json").read_text())
NOW_NS = effective_ns(2026, 10, 20)
DIRECT = BalancePrecision.DIRECT_MEMBER


def cash(text: str) -> int:
    return scaled(text, 6, "vector")


def price(text: str) -> int:
    return scaled(text, 4, "vector")


def kalshi(fee_type: str, multiplier: str) -> KalshiFees:
    return kalshi_series.published_schedule(fee_type, multiplier, NOW_NS, DIRECT)


def test_kalshi_table_is_reproduced_in_every_column() -> None:
    quadratic = kalshi("quadratic", "1")
    with_makers = kalshi("quadratic_with_maker_fees", "1")
    index = kalshi("quadratic", "0.5")
    one, hundred = quantity_from_contracts("1"), quantity_from_contracts("100")
    table = FEES["kalshi"]["table"]
    assert len(table) == 21
    for row in table:
        at = price(row["price"])
        assert {
            "price": row["price"],
            "taker_C1": quadratic.order_total(at, one, Liquidity.TAKER),
            "taker_C100": quadratic.order_total(at, hundred, Liquidity.TAKER),
            "trade_fee_C1_centicent": quadratic.fill_fee(at, one, Liquidity.TAKER),
            "maker_M1_C100_centicent": with_makers.fill_fee(at, hundred, Liquidity.MAKER),
            "idx_M05_C100_centicent": index.fill_fee(at, hundred, Liquidity.TAKER),
        } == {key: text if key == "price" else cash(text) for key, text in row.items()}


# What each documented example buys, per fill: price and contracts, and the account's precision.
EXAMPLES = {
    "docs_ex1_buy3_at_0055": ("0.055", "1", BalancePrecision.FCM),
    "docs_ex2_buy_030x3_at_050": ("0.50", "0.30", BalancePrecision.FCM),
    "docs_ex3_003x3_at_03301": ("0.3301", "0.03", BalancePrecision.FCM),
    "direct_member_ex": ("0.3301", "0.03", BalancePrecision.DIRECT_MEMBER),
}


def test_every_documented_example_is_tested() -> None:
    assert set(EXAMPLES) == set(FEES["kalshi"]["fill_accounting_examples"])


@pytest.mark.parametrize("example", EXAMPLES)
def test_kalshi_fill_accounting_is_reproduced_in_every_field(example: str) -> None:
    at, size, precision = EXAMPLES[example]
    revenue = -price(at) * quantity_from_contracts(size) // 10_000
    accumulator = RoundingAccumulator(precision)
    for row in FEES["kalshi"]["fill_accounting_examples"][example]:
        expected = {key: cash(text) for key, text in row.items()}
        assert accumulator.charge(revenue, expected["trade_fee"]) == FillCharge(**expected)


@pytest.mark.parametrize("example", ["docs_ex3_003x3_at_03301", "direct_member_ex"])
def test_kalshi_examples_with_the_formula_s_own_fee_run_end_to_end(example: str) -> None:
    at, size, precision = EXAMPLES[example]
    order = kalshi_series.series_schedule("KXBTC15M", NOW_NS, precision).order_fees()
    for row in FEES["kalshi"]["fill_accounting_examples"][example]:
        expected = FillCharge(**{key: cash(text) for key, text in row.items()})
        charged = order.charge(
            price(at), quantity_from_contracts(size), Liquidity.TAKER, Action.BUY
        )
        assert charged == expected


def test_exact_order_totals_of_the_original_s_fee_table() -> None:
    schedule = kalshi_series.series_schedule("KXBTC", NOW_NS, DIRECT)
    table = json.loads((VECTORS / "btc_fee_exact.json").read_text())
    ours = {
        contracts: {
            cents: schedule.order_total(
                int(cents) * 100, quantity_from_contracts(contracts), Liquidity.TAKER
            )
            for cents in row
        }
        for contracts, row in table.items()
    }
    exact = {n: {cents: cash(text) for cents, text in row.items()} for n, row in table.items()}
    assert sum(len(row) for row in exact.values()) == 215
    assert ours == exact


def float_order_total(cents: int, contracts: int) -> float:
    """The fee as binary floats give it, in the order of operations bots use."""
    share = cents / 100
    return math.ceil(0.07 * contracts * share * (1.0 - share) * 100.0) / 100.0


def test_float_fees_overcharge_in_exactly_the_known_cells_and_ours_in_none() -> None:
    known = json.loads((VECTORS / "btc_fee_float_mismatches.json").read_text())
    schedule = kalshi_series.series_schedule("KXBTC", NOW_NS, DIRECT)
    sizes = (1, 2, 3, 5, 7, 10, 20, 25, 50, 100, 500, 1000)
    overcharged = []
    for contracts in sizes:
        for cents in range(101):
            quantity = quantity_from_contracts(str(contracts))
            ours = schedule.order_total(cents * 100, quantity, Liquidity.TAKER)
            floats = float_order_total(cents, contracts)
            if round(floats * 1_000_000) != ours:
                overcharged.append([cents, contracts, floats, f"{ours / 1_000_000:.2f}"])
                assert round(floats * 1_000_000) == ours + 10_000
    assert len(known) == 17
    assert overcharged == known


@pytest.mark.parametrize("row", FEES["polymarket"]["rows"], ids=lambda row: row["price"])
def test_polymarket_rows(row: dict[str, Any]) -> None:
    rates = {"crypto_0_07": "0.07", "sports_0_05": "0.05", "politics_0_04": "0.04"}
    for column, rate in rates.items():
        schedule = polymarket.market_schedule(
            rate, 1, taker_only=True, rounding=polymarket.OBSERVED_ROUNDING
        )
        quantity = quantity_from_contracts(str(row["shares"]))
        fee = schedule.fill_fee(price(row["price"]), quantity, Liquidity.TAKER)
        assert fee == cash(row[column]), column


@pytest.mark.parametrize("row", FEES["polymarket_us"]["rows"], ids=str)
def test_polymarket_us_rows(row: dict[str, Any]) -> None:
    schedule = polymarket_us.schedule_at(NOW_NS)
    at, quantity = price(row["price"]), quantity_from_contracts(str(row["contracts"]))
    assert schedule.fill_fee(at, quantity, Liquidity.TAKER) == cash(row["taker"])
    assert schedule.fill_fee(at, quantity, Liquidity.MAKER) == -cash(row["maker_rebate"])
