"""Profile v2 of the BTC edge: fair value of the settlement average against the book, net."""

from hotpath.strategies.btc_edge.settings import BtcEdgeSettings
from hotpath.strategies.btc_edge.strategy import BtcEdge

__all__ = ["BtcEdge", "BtcEdgeSettings"]
