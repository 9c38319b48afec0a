"""A simulated Polymarket US: gateway, trading API and both websockets of one origin.

Facts: polymarket-us 2.4.1, docs.polymarket.us (October 2026).
"""

from local.venues.polymarket_us.auth import Credentials, new_credentials
from local.venues.polymarket_us.markets import MarketSpec
from local.venues.polymarket_us.server import PolymarketUsServer, ServerSettings

__all__ = ["Credentials", "MarketSpec", "PolymarketUsServer", "ServerSettings", "new_credentials"]
