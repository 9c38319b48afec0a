"""A simulated Kalshi: REST and websocket of October 2026 (OpenAPI 3.34.0, AsyncAPI 2026-10-26)."""

from local.venues.kalshi.auth import Credentials, new_credentials
from local.venues.kalshi.exchange import Exchange
from local.venues.kalshi.markets import MarketSpec
from local.venues.kalshi.server import KalshiServer

__all__ = ["Credentials", "Exchange", "KalshiServer", "MarketSpec", "new_credentials"]
