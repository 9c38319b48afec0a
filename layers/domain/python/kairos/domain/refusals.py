"""Why a venue did not do what was asked: one name for each cause, whatever the venue calls it.

Each name comes with what a person can do about it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Refusal(StrEnum):
    """A proved refusal. Its value is what reports, logs and metrics show."""

    WRONG_KEY = "wrong_key"
    EXPIRED_KEY = "expired_key"
    CLOCK_SKEW = "clock_skew"
    MISSING_SCOPE = "missing_scope"
    REGION_BLOCKED = "region_blocked"
    INSUFFICIENT_BALANCE = "insufficient_balance"
    MARKET_CLOSED = "market_closed"
    EXCHANGE_PAUSED = "exchange_paused"
    RESTARTING = "restarting"
    PRICE_OFF_GRID = "price_off_grid"
    SIZE_BELOW_MINIMUM = "size_below_minimum"
    DUST = "dust"
    POST_ONLY_CROSSED = "post_only_crossed"
    REDUCE_ONLY = "reduce_only"
    SELF_TRADE = "self_trade"
    NOT_FILLED = "not_filled"
    ALREADY_PLACED = "already_placed"
    GROUP_TRIGGERED = "group_triggered"
    NOT_FOUND = "not_found"
    RATE_LIMITED = "rate_limited"
    INVALID_REQUEST = "invalid_request"
    UNSUPPORTED = "unsupported"


REMEDIES: Final[dict[Refusal, str]] = {
    Refusal.WRONG_KEY: "Check the key id and that the private key belongs to it",
    Refusal.EXPIRED_KEY: "Make a new API key at the venue and put it in the secret",
    Refusal.CLOCK_SKEW: "Set this machine's clock (NTP); signatures are only valid for seconds",
    Refusal.MISSING_SCOPE: "Give the API key the scope that trading needs",
    Refusal.REGION_BLOCKED: "Trading is not allowed from this location; do not route around it",
    Refusal.INSUFFICIENT_BALANCE: "Deposit, or lower the order size",
    Refusal.MARKET_CLOSED: "The market does not trade any more; nothing rests there",
    Refusal.EXCHANGE_PAUSED: "Wait until the venue trades again; cancels may still work",
    Refusal.RESTARTING: "The venue restarts; wait until it answers again",
    Refusal.PRICE_OFF_GRID: "Use a price on the market's own grid (price ranges, tick size)",
    Refusal.SIZE_BELOW_MINIMUM: "Use at least the market's minimum size",
    Refusal.DUST: "The rest is smaller than the venue can trade; hold it to settlement",
    Refusal.POST_ONLY_CROSSED: "The book moved; price it again",
    Refusal.REDUCE_ONLY: "There is no position left that the order could reduce",
    Refusal.SELF_TRADE: "Cancel the own order on the other side first",
    Refusal.NOT_FILLED: "Nothing was for sale at the price; price it again",
    Refusal.ALREADY_PLACED: "The venue has an order with this id; look it up, never send it again",
    Refusal.GROUP_TRIGGERED: "Reset the order group once you know why it was triggered",
    Refusal.NOT_FOUND: "The venue does not know it: it has ended, or it never arrived",
    Refusal.RATE_LIMITED: "Wait; cancels have a reserve of their own",
    Refusal.INVALID_REQUEST: "This is a defect of the adapter: report it with the detail",
    Refusal.UNSUPPORTED: "The venue cannot do this",
}
