"""Seeded trading sessions in the venues' own formats, because recordings may not be shipped.

`generate(SessionSettings(seed=7))` yields capture lines; `describe` lists their planned faults.
"""

from local.market_generator.faults import PlannedFault
from local.market_generator.session import describe, generate, write_session
from local.market_generator.settings import FaultKind, SessionSettings

__all__ = [
    "FaultKind",
    "PlannedFault",
    "SessionSettings",
    "describe",
    "generate",
    "write_session",
]
