"""A simulated Coinbase Exchange feed: ticker, matches and heartbeat of one product."""

from local.venues.coinbase.server import CoinbaseServer

__all__ = ["CoinbaseServer"]
