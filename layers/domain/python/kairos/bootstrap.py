"""The only place where adapters meet the rest: who needs one asks here."""

from __future__ import annotations

from kairos.adapters.capture.control import outcomes_line
from kairos.adapters.capture.lines import LineDecoder
from kairos.adapters.kalshi.parsing import Parsed
from kairos.adapters.kalshi.series import SERIES, Series, ranges_of, series_of

__all__ = [
    "SERIES",
    "LineDecoder",
    "Parsed",
    "Series",
    "outcomes_line",
    "ranges_of",
    "series_of",
]
