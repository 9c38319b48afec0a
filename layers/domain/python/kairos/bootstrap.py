"""The only place where adapters meet the rest: who needs one asks here."""

from __future__ import annotations

from kairos.adapters.capture.control import outcomes_line
from kairos.adapters.capture.lines import LineDecoder
from kairos.adapters.coinbase.stream import URL as COINBASE_URL
from kairos.adapters.coinbase.stream import CoinbaseStream
from kairos.adapters.kalshi import private as kalshi_private
from kairos.adapters.kalshi.access import KalshiAccess, kalshi_access
from kairos.adapters.kalshi.auth import KalshiKey, PreparedHeaders
from kairos.adapters.kalshi.build import (
    kalshi_account,
    kalshi_catalogue,
    kalshi_trading,
    kalshi_transport,
    kalshi_wire,
)
from kairos.adapters.kalshi.catalogue import KalshiCatalogue
from kairos.adapters.kalshi.config import DEMO as KALSHI_DEMO
from kairos.adapters.kalshi.config import PRODUCTION as KALSHI_PRODUCTION
from kairos.adapters.kalshi.config import STREAM_PATH as KALSHI_STREAM_PATH
from kairos.adapters.kalshi.config import KalshiConfig
from kairos.adapters.kalshi.parsing import Parsed
from kairos.adapters.kalshi.rest import KalshiTrading
from kairos.adapters.kalshi.series import SERIES, Series, ranges_of, series_of
from kairos.adapters.kalshi.stream import KalshiCommands
from kairos.adapters.kalshi.venue_stream import MARKET_CHANNELS as KALSHI_MARKET_CHANNELS
from kairos.adapters.kalshi.venue_stream import KalshiPrivateStream, KalshiStream
from kairos.adapters.polymarket import stream as polymarket_stream
from kairos.adapters.polymarket.auth import ApiCredentials as PolymarketCredentials
from kairos.adapters.polymarket.catalogue import PolymarketCatalogue
from kairos.adapters.polymarket.config import Hosts as PolymarketHosts
from kairos.adapters.polymarket.config import Limits as PolymarketLimits
from kairos.adapters.polymarket.connect import (
    PolymarketConnection,
    PolymarketSettings,
)
from kairos.adapters.polymarket.connect import public_catalogue as polymarket_catalogue
from kairos.adapters.polymarket.eip712 import SignatureType, SigningKey
from kairos.adapters.polymarket.listings import Listing as PolymarketListing
from kairos.adapters.polymarket.parsing import MarketParser as PolymarketMarketParser
from kairos.adapters.polymarket.parsing import listing_frame as polymarket_listing_frame
from kairos.adapters.polymarket.rest import PolymarketTrading
from kairos.adapters.polymarket.user import FeeAsset
from kairos.adapters.polymarket.user import UserParser as PolymarketUserParser
from kairos.adapters.polymarket_us.auth import Credentials as PolymarketUsCredentials
from kairos.adapters.polymarket_us.build import PolymarketUsConnection
from kairos.adapters.polymarket_us.config import Settings as PolymarketUsSettings
from kairos.adapters.polymarket_us.lookup import IntentLog
from kairos.adapters.polymarket_us.parsing import MarketStream as PolymarketUsMarketParser
from kairos.adapters.polymarket_us.private import PrivateStream as PolymarketUsPrivateParser
from kairos.adapters.polymarket_us.stream import MarketsStream as PolymarketUsMarketsStream
from kairos.adapters.polymarket_us.stream import (
    PrivateStreamOfAccount as PolymarketUsPrivateStream,
)
from kairos.adapters.probes import VARIABLES as VENUE_VARIABLES
from kairos.adapters.probes import Opened, Variable, open_probe
from kairos.adapters.probes import missing as missing_variables
from kairos.adapters.probes import with_defaults as with_default_variables

__all__ = [
    "COINBASE_URL",
    "KALSHI_DEMO",
    "KALSHI_MARKET_CHANNELS",
    "KALSHI_PRODUCTION",
    "KALSHI_STREAM_PATH",
    "SERIES",
    "VENUE_VARIABLES",
    "CoinbaseStream",
    "FeeAsset",
    "IntentLog",
    "KalshiAccess",
    "KalshiCatalogue",
    "KalshiCommands",
    "KalshiConfig",
    "KalshiKey",
    "KalshiPrivateStream",
    "KalshiStream",
    "KalshiTrading",
    "LineDecoder",
    "Opened",
    "Parsed",
    "PolymarketCatalogue",
    "PolymarketConnection",
    "PolymarketCredentials",
    "PolymarketHosts",
    "PolymarketLimits",
    "PolymarketListing",
    "PolymarketMarketParser",
    "PolymarketSettings",
    "PolymarketTrading",
    "PolymarketUsConnection",
    "PolymarketUsCredentials",
    "PolymarketUsMarketParser",
    "PolymarketUsMarketsStream",
    "PolymarketUsPrivateParser",
    "PolymarketUsPrivateStream",
    "PolymarketUsSettings",
    "PolymarketUserParser",
    "PreparedHeaders",
    "Series",
    "SignatureType",
    "SigningKey",
    "Variable",
    "kalshi_access",
    "kalshi_account",
    "kalshi_catalogue",
    "kalshi_private",
    "kalshi_trading",
    "kalshi_transport",
    "kalshi_wire",
    "missing_variables",
    "open_probe",
    "outcomes_line",
    "polymarket_catalogue",
    "polymarket_listing_frame",
    "polymarket_stream",
    "ranges_of",
    "series_of",
    "with_default_variables",
]
