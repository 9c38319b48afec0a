"""Why a market was not traded, in the order the questions are asked. One bit each."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

REASONS: Final = (
    "book_resyncing",
    "book_gapped",
    "book_stale",
    "spot_missing",
    "spot_stale",
    "sigma_not_ready",
    "too_close_to_expiry",
    "too_far_from_expiry",
    "book_crossed",
    "no_ask",
    "price_out_of_band",
    "spread_too_wide",
    "ev_below_threshold",
    "depth_too_thin",
    "position_open",
    "position_limit",
    "order_in_flight",
    "cooldown_active",
    "exposure_limit",
    "loss_limit",
)
(
    BOOK_RESYNCING,
    BOOK_GAPPED,
    BOOK_STALE,
    SPOT_MISSING,
    SPOT_STALE,
    SIGMA_NOT_READY,
    TOO_CLOSE,
    TOO_FAR,
    BOOK_CROSSED,
    NO_ASK,
    PRICE_BAND,
    SPREAD_WIDE,
    EV_LOW,
    DEPTH_THIN,
    POSITION_OPEN,
    POSITION_LIMIT,
    IN_FLIGHT,
    COOLDOWN,
    EXPOSURE,
    LOSS_LIMIT,
) = (1 << bit for bit in range(len(REASONS)))

# With any of these there is no price to speak of.
UNPRICEABLE: Final = (
    BOOK_RESYNCING | BOOK_GAPPED | BOOK_STALE | SPOT_MISSING | SPOT_STALE | SIGMA_NOT_READY
)


@lru_cache(maxsize=4096)
def names(mask: int) -> tuple[str, ...]:
    """The reasons in a mask, in order."""
    return tuple(reason for bit, reason in enumerate(REASONS) if mask >> bit & 1)
