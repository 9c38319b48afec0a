"""The connections of a session on Kalshi: books and lifecycle, the settlement index, the spot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from hotpath.feeds.live.feed import Plan
from hotpath.feeds.live.merge import LANE_MARK
from kairos.bootstrap import (
    COINBASE_URL,
    KALSHI_MARKET_CHANNELS,
    CoinbaseStream,
    KalshiAccess,
    KalshiStream,
)
from kairos.errors import UsageError

SPOT_PRODUCT: Final = "BTC-USD"
INDEX: Final = "BRTI"
LANES_MAX: Final = 4
_CHANNELS: Final = (*KALSHI_MARKET_CHANNELS, "cfbenchmarks_value")
_BOOKS: Final = "kalshi_ws"


def book_conns(lanes: int) -> tuple[str, ...]:
    """Names of the connections that carry books; with more than one they are merged."""
    if not 1 <= lanes <= LANES_MAX:
        raise UsageError(f"{lanes} connections: use 1 to {LANES_MAX}")
    if lanes == 1:
        return (_BOOKS,)
    return tuple(f"{_BOOKS}{LANE_MARK}{chr(ord('a') + lane)}" for lane in range(lanes))


def kalshi_plans(access: KalshiAccess, lanes: int = 1, spot_url: str = COINBASE_URL) -> list[Plan]:
    """Markets are added later, by whoever knows which there are."""
    url, key = access.config.stream_url, access.key
    books = [
        Plan(conn, KalshiStream(url, key, _CHANNELS, index_ids=(INDEX,)), ())
        for conn in book_conns(lanes)
    ]
    return [*books, Plan("coinbase_ws", CoinbaseStream(spot_url), (SPOT_PRODUCT,))]


def only_series_line(recv_ns: int, series: Sequence[str]) -> bytes:
    """The lifecycle channel tells of every market there is; we learn of these only."""
    data = {"series": list(series)}
    line = {"recv_ns": recv_ns, "src": "recorder", "type": "only_series", "data": data}
    return msgspec.json.encode(line)
