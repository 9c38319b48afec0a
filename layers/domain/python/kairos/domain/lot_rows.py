"""Disposals as the rows of a tax-lot file: dollars and contracts as text, times in ISO 8601."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from kairos.domain.lots import Disposal, Lots, moment
from kairos.domain.units import cash_dollars, contracts

COLUMNS: Final = (
    "venue", "market", "outcome", "quantity", "acquired_at", "disposed_at", "proceeds",
    "cost_basis", "fees", "gain", "term", "how", "acquired_fill", "disposed_fill",
)  # fmt: skip
# A spreadsheet takes text that begins with one of these for a formula.
_FORMULA: Final = ("=", "+", "-", "@")


def rows(lots: Lots, venue: str) -> Iterator[tuple[str, ...]]:
    """One row per disposal, in `COLUMNS`. `gain` is proceeds − cost_basis − fees."""
    return (_row(disposal, venue) for disposal in lots.closed)


def _row(disposal: Disposal, venue: str) -> tuple[str, ...]:
    lot = disposal.lot
    return (
        venue,
        _text(lot.market),
        lot.outcome.value,
        contracts(lot.quantity),
        moment(lot.acquired_ns).isoformat(),
        moment(disposal.disposed_ns).isoformat(),
        cash_dollars(disposal.proceeds),
        cash_dollars(lot.cost),
        cash_dollars(disposal.fees),
        cash_dollars(disposal.gain),
        "long" if disposal.is_long_term else "short",
        disposal.how.value,
        _text(lot.fill_id),
        _text(disposal.fill_id),
    )


def _text(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
