"""One sentence for every reason not to trade and every kind of fill evidence."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

REASONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        # What the pricing needed and did not have.
        "missing_prob": "The model gave no probability for this market.",
        "spot_missing": "No price of the underlying had been seen yet.",
        "spot_stale": "The last price of the underlying was too old to price with.",
        "quote_stale": "The market's last quote was too old to trade against.",
        "missing_quote": "The market had sent no quote yet.",
        "missing_yes_ask": "Nobody offered YES inside the band of prices we accept.",
        "missing_no_ask": "Nobody offered NO inside the band of prices we accept.",
        "missing_both_sides": "Neither YES nor NO could be bought.",
        "missing_contract": "The contract's terms were not known yet.",
        "missing_bounds": "The contract came without the strikes it needs.",
        "missing_settlement_ts": "The contract came without a closing time.",
        "missing_side": "The decision named neither YES nor NO.",
        "invalid_edge": "Pricing this market returned nothing usable.",
        "sigma_not_ready": "Volatility could not be estimated reliably yet.",
        "sigma_points_short": "Too few prices of the underlying to estimate volatility.",
        "sigma_history_short": "Too short a history of the underlying to estimate volatility.",
        "no_edge_snapshots": "There was nothing priced to choose from.",
        "stale_edge_snapshots": "The newest prices of the model were too old.",
        "no_relevant_markets": "No market passed the filters.",
        # The book was not to be trusted.
        "book_resyncing": "The book was being rebuilt after a new connection.",
        "book_gapped": "Messages of the book were missed, so its prices could not be trusted.",
        "book_stale": "Nothing had been heard on the book's channel for too long.",
        "book_crossed": "Bid and ask crossed for a moment: such a book cannot be traded against.",
        "crossed_market": "Both sides together cost less than a dollar: the quote cannot be right.",
        # The trade was not good enough.
        "no_ask": "There was nothing to buy on either side.",
        "price_out_of_band": "The price was too close to 0 or 1 dollar to open at.",
        "entry_price_out_of_band": "The price was too close to 0 or 1 dollar to open at.",
        "spread_too_wide": "Bid and ask were too far apart, or one of them was missing.",
        "depth_too_thin": "Too little was on offer at the price.",
        "ev_below_threshold": "After fees and the safety margin too little was left to gain.",
        "tail_ev_below_threshold": "Close to 0 or 1 dollar more edge is asked for; this was less.",
        "near_expiry": "Too close to the end of the market to open a position.",
        "too_close_to_expiry": "Too close to the end of the market to open a position.",
        "too_far_from_expiry": "The market closes too far in the future to be priced well.",
        "horizon_out_of_range": "The market closes too far in the future to be priced well.",
        "expired_contract": "The market had already closed.",
        "top_n_cutoff": "Other markets had a larger edge at that moment.",
        # What we already had, or were told.
        "position_open": "We already held a position in this market.",
        "position_open_opposite_side": "We already held the other side of this market.",
        "position_limit": "We held as much of this market as is allowed.",
        "max_open_positions": "We held positions in as many markets as is allowed.",
        "take_cap": "As many positions as allowed at one time were being opened already.",
        "order_in_flight": "An order in this market was still unanswered.",
        "cooldown_active": "We had entered this market moments ago.",
        "exposure_limit": "The order would have put more money at risk than is allowed or there.",
        "loss_limit": "The loss at which trading stops had been reached.",
        "kill_switch_active": "Trading was switched off.",
    }
)

EVIDENCE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "book_cross": "enough was on offer at our price or better when the order arrived",
        "trade_through": "others traded at a price worse than ours, so ours must have traded",
        "queue": "trades at our price used up everything that was ahead of us",
        "ticker": "the ticker reported a trade that explains what vanished from our level",
        "level_decrease": "our level shrank, which may have been a trade or a cancellation",
    }
)


def explanation(reason_code: str) -> str:
    """What the reason means, or that the code is all there is to say."""
    return REASONS.get(reason_code, "No explanation is on file for this code.")
