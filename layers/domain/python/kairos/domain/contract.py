"""What a threshold or range contract pays on, with strict and inclusive strikes kept apart.

The settlement value is rounded to cents before it is compared (KXBTC15M: `round_digits: "2"`), so
"above 72 749.99" means a rounded value of at least 72 750.00, which an unrounded value reaches at
72 749.995. `lower` and `upper` hold those real boundaries: YES iff lower <= value < upper.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from kairos.domain.instruments import Outcome
from kairos.domain.units import scaled
from kairos.errors import Malformed

_MICRO: Final = 1_000_000
_CENT: Final = 10_000  # in micro-dollars
_HALF_CENT: Final = 5_000

# strike_type → which bounds it has, and how far from the strike the real boundary lies.
_LOWER: Final = {"greater": _HALF_CENT, "greater_or_equal": -_HALF_CENT, "between": -_HALF_CENT}
_UPPER: Final = {"less": -_HALF_CENT, "less_or_equal": _HALF_CENT, "between": _HALF_CENT}


@dataclass(frozen=True, slots=True)
class Contract:
    """A binary contract on an underlying. Exact bounds in micro-dollars, None when open-ended;
    `lower` and `upper` are the same in dollars, infinite when open-ended, for the model."""

    market: str
    strike_type: str
    lower_micro: int | None
    upper_micro: int | None
    close_ns: int
    lower: float
    upper: float

    def outcome(self, settlement: str) -> Outcome:
        """The side that an official settlement value (decimal dollars) pays."""
        value = scaled(settlement, 6, "settlement_value")
        cents = (value + _HALF_CENT) // _CENT * _CENT
        above = self.lower_micro is None or cents >= self.lower_micro
        below = self.upper_micro is None or cents < self.upper_micro
        return Outcome.YES if above and below else Outcome.NO


def contract(
    market: str, strike_type: str, floor: str | None, cap: str | None, close_ns: int
) -> Contract:
    """Build a contract from the venue's own words.

    Raises Malformed: `unsupported_strike_type`, `missing_field`, `bad_strike`.
    """
    if strike_type not in _LOWER and strike_type not in _UPPER:
        raise Malformed("unsupported_strike_type", "strike_type", f"{strike_type!r}")
    lower = _bound(strike_type, _LOWER, floor, "floor_strike")
    upper = _bound(strike_type, _UPPER, cap, "cap_strike")
    if lower is not None and upper is not None and lower >= upper:
        raise Malformed("bad_strike", "cap_strike", f"{floor}..{cap} is empty")
    return Contract(
        market,
        strike_type,
        lower,
        upper,
        close_ns,
        -math.inf if lower is None else lower / _MICRO,
        math.inf if upper is None else upper / _MICRO,
    )


def _bound(strike_type: str, table: dict[str, int], text: str | None, field: str) -> int | None:
    if strike_type not in table:
        return None
    if text is None:
        raise Malformed("missing_field", field, f"a {strike_type} contract needs it")
    strike = scaled(text, 6, field)
    if strike <= 0:
        raise Malformed("bad_strike", field, f"{text} is not positive")
    if strike % _CENT:
        raise Malformed("bad_strike", field, f"{text} is finer than the cents that settle")
    return strike + table[strike_type]
