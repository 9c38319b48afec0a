"""The gates of paper execution, in order, and the book of positions they look at.

Reproduces although it is wrong: a second book beside the runner's, with other limits (D15); it
lives in memory only (D26); nothing is priced again (D13); prices are not checked when absent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kairos.domain.profile_v1.settings import ExecutionSettings


@dataclass(frozen=True, slots=True)
class Position:
    """An open or closed position. Times are UNIX seconds."""

    market_id: str
    side: str
    ts_open: int


@dataclass(frozen=True, slots=True)
class Request:
    """What execution is asked to open, and under which limits."""

    market_id: str
    side: str | None
    now_ts: int
    kill_switch_active: bool
    max_open_positions: int
    cooldown_seconds: int


def gate(
    request: Request, open_positions: Iterable[Position], recently_closed: Iterable[Position]
) -> str | None:
    """The first reason not to open the position; None when it may be opened.

    A position opened exactly `cooldown_seconds` ago still cools down.
    """
    if request.kill_switch_active:
        return "kill_switch_active"
    if request.side not in ("YES", "NO"):
        return "missing_side"
    held = list(open_positions)
    sides = {position.side for position in held if position.market_id == request.market_id}
    if sides:
        return "position_open" if request.side in sides else "position_open_opposite_side"
    if _cooling_down(request, recently_closed):
        return "cooldown_active"
    if 0 < request.max_open_positions <= len(held):
        return "max_open_positions"
    return None


def entry_price_out_of_band(price_cents: float | None, settings: ExecutionSettings) -> bool:
    """The last gate. Both ends of the band are inside it; an absent price passes."""
    if price_cents is None:
        return False
    return not settings.min_entry_cents <= price_cents <= settings.max_entry_cents


def _cooling_down(request: Request, recently_closed: Iterable[Position]) -> bool:
    if request.cooldown_seconds <= 0:
        return False
    oldest = request.now_ts - request.cooldown_seconds
    return any(
        closed.ts_open >= oldest
        for closed in recently_closed
        if (closed.market_id, closed.side) == (request.market_id, request.side)
    )


class PaperBook:
    """Paper execution's own positions: at most one per market, and what closed last per side."""

    def __init__(self, settings: ExecutionSettings) -> None:
        self.settings = settings
        self._open: dict[str, Position] = {}
        self._closed: dict[tuple[str, str], Position] = {}

    def try_open(
        self,
        market_id: str,
        side: str | None,
        price_cents: float | None,
        now_ts: int,
        *,
        kill_switch_active: bool,
    ) -> str | None:
        """Open the position, or say why not."""
        request = Request(
            market_id,
            side,
            now_ts,
            kill_switch_active,
            self.settings.max_open_positions,
            self.settings.cooldown_seconds,
        )
        reason = gate(request, self._open.values(), self._closed.values())
        if reason is None and entry_price_out_of_band(price_cents, self.settings):
            reason = "entry_price_out_of_band"
        if reason is None and side is not None:
            self._open[market_id] = Position(market_id, side, now_ts)
        return reason

    def close(self, market_id: str) -> Position | None:
        """Close a market's position because it settled; None when there was none."""
        position = self._open.pop(market_id, None)
        if position is not None:
            self._closed[position.market_id, position.side] = position
        return position
