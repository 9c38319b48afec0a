"""A simulated Polymarket: CLOB, Gamma, data API, website check and both websockets of one origin.

Facts: py-clob-client-v2 1.2.1, polymarket-client 0.14.0, docs.polymarket.com (October 2026).
"""

from local.venues.polymarket.keys import Wallet, new_wallet
from local.venues.polymarket.markets import MarketSpec
from local.venues.polymarket.server import PolymarketServer, ServerSettings

__all__ = ["MarketSpec", "PolymarketServer", "ServerSettings", "Wallet", "new_wallet"]
