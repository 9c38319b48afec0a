"""Which asks may be traded against, and which quotes may be published.

Reproduces although it is wrong: asks of exactly 0 and 100 count as tradable whatever the band;
nothing looks at size, depth or spread (D10), or at the other side of the spread (D19).
"""

from __future__ import annotations

from kairos.domain.profile_v1.coercion import Fields, to_float


def is_tradable(
    ask: float | None, bid: float | None, min_ask_cents: float, max_ask_cents: float
) -> bool:
    """Whether a side's ask can be priced: on the boundary, or in band over a bid not above it."""
    if ask is None or not 0.0 <= ask <= 100.0:
        return False
    if ask in (0.0, 100.0):
        return True
    if not min_ask_cents <= ask <= max_ask_cents:
        return False
    return bid is not None and ask - bid >= 0


def is_crossed(yes_ask: float | None, no_ask: float | None) -> bool:
    """Both asks are prices and together cost less than the dollar they pay."""
    if yes_ask is None or no_ask is None:
        return False
    return 0.0 <= yes_ask <= 100.0 and 0.0 <= no_ask <= 100.0 and yes_ask + no_ask < 100.0


def validate_quote(row: Fields) -> tuple[bool, str | None]:
    """(publishable, first code that forbids it). Bids may equal asks; missing fields are fine."""
    market_id = row.get("market_id")
    if not isinstance(market_id, str) or not market_id.strip():
        return False, "missing_market_id"
    if _exceeds(row.get("yes_bid"), row.get("yes_ask")):
        return False, "yes_bid_gt_yes_ask"
    if _exceeds(row.get("no_bid"), row.get("no_ask")):
        return False, "no_bid_gt_no_ask"
    p_mid = to_float(row.get("p_mid"))
    if p_mid is not None and not 0.0 <= p_mid <= 1.0:
        return False, "p_mid_out_of_bounds"
    return True, None


def _exceeds(bid: object, ask: object) -> bool:
    low, high = to_float(bid), to_float(ask)
    return low is not None and high is not None and low > high
