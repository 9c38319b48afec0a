"""The one place where paper, shadow and live part ways."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from hotpath.gateway.live import LiveGateway
from hotpath.gateway.paper import PaperGateway
from hotpath.gateway.settings import GatewaySettings
from hotpath.gateway.shadow import ShadowGateway
from hotpath.gateway.translate import FeeEstimate
from hotpath.paper.venue import PaperVenue
from kairos.errors import UsageError
from kairos.messages.events import Event
from kairos.ports import Clock, JournalWriter, OrderGateway, VenueTrading

T = TypeVar("T")


class TradingMode(StrEnum):
    """PAPER: simulated fills. SHADOW: decisions only. LIVE: money."""

    PAPER = "paper"
    SHADOW = "shadow"
    LIVE = "live"


@dataclass(frozen=True, slots=True)
class GatewayParts:
    """What a gateway may be made of; each mode needs some of it and never falls back to another."""

    inbox: Callable[[Event], None]
    clock: Clock | None = None
    journal: JournalWriter | None = None
    paper: PaperVenue | None = None
    trading: VenueTrading | None = None
    settings: GatewaySettings | None = None
    estimate_fee: FeeEstimate | None = None


def gateway_for(mode: TradingMode, parts: GatewayParts) -> OrderGateway:
    """The gateway of a mode. Raises UsageError when a part it needs is missing."""
    match mode:
        case TradingMode.PAPER:
            return PaperGateway(_need(parts.paper, mode, "a paper venue"), parts.inbox)
        case TradingMode.SHADOW:
            clock = _need(parts.clock, mode, "a clock")
            return ShadowGateway(clock, parts.inbox, parts.journal)
        case TradingMode.LIVE:
            return LiveGateway(
                _need(parts.trading, mode, "a venue account"),
                _need(parts.clock, mode, "a clock"),
                parts.inbox,
                _need(parts.settings, mode, "gateway settings"),
                _need(parts.estimate_fee, mode, "a fee estimate"),
            )


def _need(part: T | None, mode: TradingMode, what: str) -> T:
    if part is None:
        raise UsageError(f"mode {mode} needs {what}: there is none, and no other mode stands in")
    return part
