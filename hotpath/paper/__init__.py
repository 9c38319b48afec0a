"""A venue's matching, simulated from recorded or live market data: paper, replay and backtest."""

from hotpath.paper.markets import MarketView
from hotpath.paper.settings import FillModel, PaperSettings
from hotpath.paper.venue import PaperVenue

__all__ = ["FillModel", "MarketView", "PaperSettings", "PaperVenue"]
