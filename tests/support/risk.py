"""Limits, intents and a desk for tests that need a risk check."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from hotpath.account import Account
from hotpath.risk import RiskDesk
from hotpath.risk_positions import kalshi_groups
from hotpath.spot import Spot
from kairos.domain.instruments import Action, Outcome
from kairos.domain.risk.intents import Groups, Intent
from kairos.domain.risk.limits import RiskLimits
from kairos.domain.risk.settings import RiskSettings
from kairos.domain.risk.trading_state import TradingState
from kairos.domain.risk.triggers import Signal, TriggerSettings

WIDE: Final = {
    "order_contracts_max": 10_000,
    "order_dollars_max": 10_000,
    "market_dollars_max": 100_000,
    "group_dollars_max": 100_000,
    "correlated_dollars_max": 100_000,
    "venue_dollars_max": 100_000,
    "portfolio_dollars_max": 100_000,
    "portfolio_percent_max": 100,
    "open_positions_max": 1_000,
    "orders_per_second_max": 10_000,
    "orders_per_minute_max": 100_000,
    "loss_hourly_dollars_max": 100_000,
    "loss_daily_dollars_max": 100_000,
    "drawdown_dollars_max": 100_000,
}
CORRELATED: Final = {"KXBTC15M": "BTC", "KXBTCD": "BTC", "KXBTC": "BTC"}
GROUPS: Final = Groups("G", "C", "kalshi")


def limits(**changed: int) -> RiskLimits:
    """Limits that nothing in a test meets, except those that are given."""
    return RiskLimits(**{**WIDE, **changed})


def risk_settings(triggers: TriggerSettings | None = None, **changed: int) -> RiskSettings:
    return RiskSettings(limits(**changed), triggers or TriggerSettings(), (), "test")


def intent(
    name: str, quantity: int, *, price: int = 5_000, market: str = "M", groups: Groups = GROUPS,
    outcome: Outcome = Outcome.YES, action: Action = Action.BUY,
) -> Intent:  # fmt: skip
    """An order of so many whole contracts."""
    return Intent(name, market, groups, outcome, action, price, quantity * 1_000_000)


def desk(
    account: Account,
    spot: Spot | None = None,
    settings: RiskSettings | None = None,
    watched: Iterable[Signal] = (),
    wanted: TradingState = TradingState.ACTIVE,
) -> RiskDesk:
    """A desk that lets everything pass, except what the settings given say."""
    return RiskDesk(
        settings or risk_settings(), account, spot or Spot(), kalshi_groups(CORRELATED),
        netting=True, watched=watched, wanted=wanted, losses=None,
    )  # fmt: skip
