"""Every knob of profile v2, with units in the names. None was fitted to a recording in hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Final

from kairos.domain.volatility import VolatilitySettings
from kairos.errors import UsageError

_COSTS: Final = (
    "min_ev", "cost_buffer", "uncertainty_multiplier", "basis_dollars",
    "basis_dollars_with_index", "exit_margin", "exit_confirm_seconds", "cooldown_seconds",
    "spot_move_min_dollars",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class BtcEdgeSettings:
    """What an edge must be worth, what a market must look like, and how much may be at stake."""

    series: tuple[str, ...] = ("KXBTC15M", "KXBTCD", "KXBTC")  # what the spot is the underlying of
    index: str = "BRTI"
    min_ev: float = 0.02  # dollars per contract, after fee, buffer and uncertainty
    cost_buffer: float = 0.005
    uncertainty_multiplier: float = 1.0
    ask_min_cents: int = 5
    ask_max_cents: int = 95
    spread_max_cents: int = 5
    depth_min_contracts: int = 10
    order_contracts: int = 10
    position_max_contracts: int = 50
    exposure_max_dollars: int = 500
    loss_max_dollars: int = 100
    cooldown_seconds: float = 20.0
    seconds_to_close_min: float = 15.0
    seconds_to_close_max: float = 6 * 3600.0
    spot_stale_seconds: float = 10.0
    book_stale_seconds: float = 30.0
    # A smaller move since the last evaluation is worth less than a tenth of a tick, even a minute
    # before the close; moves add up until they are not small.
    spot_move_min_dollars: float = 0.05
    exit_margin: float = 0.02
    exit_confirm_seconds: float = 1.0
    basis_dollars: float = 6.0  # how far the spot proxy may be from the index
    basis_dollars_with_index: float = 1.0  # the same while the index itself is heard
    volatility: VolatilitySettings = field(default_factory=VolatilitySettings)

    def __post_init__(self) -> None:
        """A limit that cannot bind is refused at the start, not found out about later."""
        positive = (
            "depth_min_contracts", "order_contracts", "position_max_contracts",
            "exposure_max_dollars", "loss_max_dollars", "spot_stale_seconds",
            "book_stale_seconds", "spread_max_cents",
        )  # fmt: skip
        for name in positive:
            if not getattr(self, name) > 0:
                raise UsageError(f"strategy.{name} is {getattr(self, name)}: use more than 0")
        for name in _COSTS:
            if not getattr(self, name) >= 0:
                raise UsageError(f"strategy.{name} is {getattr(self, name)}: use 0 or more")
        if not 0 < self.ask_min_cents <= self.ask_max_cents < 100:
            raise UsageError("strategy.ask_min_cents..ask_max_cents must lie inside 1..99")
        if not 0 <= self.seconds_to_close_min < self.seconds_to_close_max:
            raise UsageError("strategy.seconds_to_close_min must be below seconds_to_close_max")

    def flat(self) -> Mapping[str, str]:
        """All of it as text, groups spelled `volatility.floor`."""
        values = asdict(self)
        inner = values.pop("volatility")
        values.update({f"volatility.{name}": value for name, value in inner.items()})
        return {name: str(value) for name, value in values.items()}
