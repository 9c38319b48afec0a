"""Which fees a Kalshi market has: by the venue's own fields, or by series where we know them.

The authority is `fee_type` and `fee_multiplier` of `GET /series/{ticker}`, with event overrides on
top (`published_schedule`, `event_schedule`). The table is for recordings that kept neither.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

from kairos.domain.fees.kalshi import BalancePrecision, KalshiFees
from kairos.domain.fees.schedule import PARTS, Dated, effective_ns, in_force, parts
from kairos.errors import Malformed

_WHAT: Final = "Kalshi fees"
ASSUMED_VERSION: Final = "kalshi-assumed"


class FeeType(StrEnum):
    """The venue's `fee_type`; NONE is ours, for a market that is free by its own rules."""

    QUADRATIC = "quadratic"
    QUADRATIC_WITH_MAKER_FEES = "quadratic_with_maker_fees"
    QUADRATIC_WITH_COMBO_MAKER_FEES = "quadratic_with_combo_maker_fees"
    FLAT = "flat"
    NONE = "none"


class FeeRates(NamedTuple):
    """One published schedule; rates in parts per million."""

    version: str
    taker: int
    maker: int
    combo_maker: int


class SeriesFees(NamedTuple):
    """What a series charges; multiplier in parts per million."""

    fee_type: FeeType
    multiplier: int


# The rates did not change in 2026; the date of the schedule did, and reports name it.
# Before that the same formula is assumed: old tapes are for studying behaviour, not for audits.
HISTORY: Final = (
    Dated(effective_ns(2021, 7, 1), FeeRates(ASSUMED_VERSION, 70_000, 17_500, 35_000)),
    Dated(effective_ns(2025, 7, 1), FeeRates("kalshi-2025-07-01", 70_000, 17_500, 35_000)),
    Dated(effective_ns(2026, 7, 7), FeeRates("kalshi-2026-07-07", 70_000, 17_500, 35_000)),
)

DEFAULT: Final = SeriesFees(FeeType.QUADRATIC, PARTS)

SERIES: Final = {
    "KXBTC15M": DEFAULT,
    "KXBTCD": DEFAULT,
    "KXBTC": DEFAULT,
    "KXBTCY": SeriesFees(FeeType.QUADRATIC, 0),
}
# Families of index series, by the start of the ticker.
FAMILIES: Final = {
    "KXINX": SeriesFees(FeeType.QUADRATIC, PARTS // 2),
    "KXNASDAQ100": SeriesFees(FeeType.QUADRATIC, PARTS // 2),
}


def series_schedule(series: str, ts_ns: int, precision: BalancePrecision) -> KalshiFees:
    """The fees of a series by its ticker (`KXBTC15M`).

    A series outside the table gets what the venue publishes as its default (quadratic, multiplier
    1, makers free) and says so: `assumed` is True. Raises UsageError before the first schedule.
    """
    known = SERIES.get(series) or _family(series)
    return _build(known or DEFAULT, ts_ns, precision, assumed=known is None)


def published_schedule(
    fee_type: str, fee_multiplier: str, ts_ns: int, precision: BalancePrecision
) -> KalshiFees:
    """The fees the venue states for a series; `fee_multiplier` is its decimal text.

    Raises Malformed for a type we do not know, and for `flat`, whose table is not in the API.
    """
    series = SeriesFees(_fee_type(fee_type), parts(fee_multiplier, "fee_multiplier"))
    return _build(series, ts_ns, precision, assumed=False)


def event_schedule(
    series: KalshiFees,
    fee_type_override: str | None,
    fee_multiplier_override: str | None,
    ts_ns: int,
) -> KalshiFees:
    """The fees of an event: the override, or the series' own where it is cleared (both None)."""
    if fee_type_override is None and fee_multiplier_override is None:
        return series
    if fee_type_override is None or fee_multiplier_override is None:
        raise Malformed(
            "half_fee_override",
            "fee_type_override" if fee_type_override is None else "fee_multiplier_override",
            "type and multiplier are overridden together or not at all",
        )
    return published_schedule(fee_type_override, fee_multiplier_override, ts_ns, series.precision)


def _build(
    series: SeriesFees, ts_ns: int, precision: BalancePrecision, *, assumed: bool
) -> KalshiFees:
    published = in_force(HISTORY, ts_ns, _WHAT)
    return KalshiFees(
        version=f"{published.version}:{series.fee_type}:{series.multiplier}",
        taker_rate=_taker_rate(published, series.fee_type) * series.multiplier,
        maker_rate=_maker_rate(published, series.fee_type) * series.multiplier,
        precision=precision,
        assumed=assumed or published.version == ASSUMED_VERSION,
    )


def _taker_rate(published: FeeRates, fee_type: FeeType) -> int:
    return 0 if fee_type is FeeType.NONE else published.taker


def _maker_rate(published: FeeRates, fee_type: FeeType) -> int:
    if fee_type is FeeType.QUADRATIC_WITH_MAKER_FEES:
        return published.maker
    if fee_type is FeeType.QUADRATIC_WITH_COMBO_MAKER_FEES:
        return published.combo_maker
    return 0


def _fee_type(text: str) -> FeeType:
    try:
        fee_type = FeeType(text)
    except ValueError:
        raise Malformed(
            "unknown_fee_type", "fee_type", f"no formula is known for {text!r}"
        ) from None
    if fee_type is FeeType.FLAT:
        raise Malformed("unpriced_fee_type", "fee_type", "flat fees are not part of the API")
    return fee_type


def _family(series: str) -> SeriesFees | None:
    for start, fees in FAMILIES.items():
        if series.startswith(start):
            return fees
    return None
