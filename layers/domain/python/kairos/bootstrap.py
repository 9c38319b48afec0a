"""The only place where adapters meet the rest: who needs one asks here."""

from __future__ import annotations

from kairos.adapters.capture.control import outcomes_line
from kairos.adapters.capture.lines import LineDecoder
from kairos.adapters.kalshi import private as kalshi_private
from kairos.adapters.kalshi.auth import KalshiKey, PreparedHeaders
from kairos.adapters.kalshi.build import kalshi_catalogue, kalshi_trading, kalshi_transport
from kairos.adapters.kalshi.catalogue import KalshiCatalogue
from kairos.adapters.kalshi.config import DEMO as KALSHI_DEMO
from kairos.adapters.kalshi.config import PRODUCTION as KALSHI_PRODUCTION
from kairos.adapters.kalshi.config import STREAM_PATH as KALSHI_STREAM_PATH
from kairos.adapters.kalshi.config import KalshiConfig
from kairos.adapters.kalshi.parsing import Parsed
from kairos.adapters.kalshi.rest import KalshiTrading
from kairos.adapters.kalshi.series import SERIES, Series, ranges_of, series_of
from kairos.adapters.kalshi.stream import KalshiCommands

__all__ = [
    "KALSHI_DEMO",
    "KALSHI_PRODUCTION",
    "KALSHI_STREAM_PATH",
    "SERIES",
    "KalshiCatalogue",
    "KalshiCommands",
    "KalshiConfig",
    "KalshiKey",
    "KalshiTrading",
    "LineDecoder",
    "Parsed",
    "PreparedHeaders",
    "Series",
    "kalshi_catalogue",
    "kalshi_private",
    "kalshi_trading",
    "kalshi_transport",
    "outcomes_line",
    "ranges_of",
    "series_of",
]
