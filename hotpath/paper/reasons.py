"""The stable words of the paper venue: why it refused, why an order ended, why a fill is so."""

from __future__ import annotations

from enum import StrEnum


class Refusal(StrEnum):
    """Why the venue does not take an order."""

    DUPLICATE_CLIENT_ORDER_ID = "duplicate_client_order_id"
    TOO_MANY_ORDERS = "too_many_orders"
    MARKET_UNKNOWN = "market_unknown"
    MARKET_CLOSED = "market_closed"
    BAD_QUANTITY = "bad_quantity"
    PRICE_OFF_GRID = "price_off_grid"
    REDUCE_ONLY_WITHOUT_IOC = "reduce_only_without_ioc"
    INSUFFICIENT_POSITION = "insufficient_position"
    POST_ONLY_WOULD_CROSS = "post_only_would_cross"
    INSUFFICIENT_BALANCE = "insufficient_balance"


class Ending(StrEnum):
    """Why nothing more will happen to an order the venue took."""

    FILLED = "filled"
    CANCELED = "canceled"
    IOC_REMAINDER = "immediate_or_cancel_remainder"
    FOK_UNFILLED = "fill_or_kill_unfilled"
    SELF_TRADE = "self_trade"
    BOOK_UNKNOWN = "book_unknown"
    MARKET_CLOSED = "market_closed"


class Evidence(StrEnum):
    """What in the market data makes a fill believable, strongest first."""

    BOOK_CROSS = "book_cross"  # displayed contracts at our price or better
    TRADE_THROUGH = "trade_through"  # a public trade at a price worse than ours
    QUEUE = "queue"  # public trades at our price used up what was ahead of us
    TICKER = "ticker"  # the ticker's last trade explains a decrease that was displayed
    LEVEL_DECREASE = "level_decrease"  # a decrease that may have been a trade; optimistic only
