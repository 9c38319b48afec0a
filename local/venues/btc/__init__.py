"""One Bitcoin session that every simulated venue follows: the same price, seed and clock."""

from local.venues.btc.session import BtcSession, BtcSettings

__all__ = ["BtcSession", "BtcSettings"]
