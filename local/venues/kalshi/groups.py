"""Order groups: a limit on matched contracts in any fifteen seconds, and a kill-switch."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final

from kairos.domain.units import NANOSECONDS_PER_SECOND
from local.venues.kalshi.text import fp

WINDOW_NS: Final = 15 * NANOSECONDS_PER_SECOND
GROUPS_MAX: Final = 1_000


@dataclass(slots=True, eq=False)
class OrderGroup:
    """`limit` in micro-contracts; once triggered it refuses orders until it is reset."""

    group_id: str
    account: str
    exchange_index: int
    limit: int
    is_triggered: bool = False
    orders: set[str] = field(default_factory=set)
    _matched: deque[tuple[int, int]] = field(default_factory=deque)

    def match(self, quantity: int, now_ns: int) -> None:
        self._matched.append((now_ns, quantity))

    def exceeds(self, now_ns: int) -> bool:
        """Whether what matched in the last fifteen seconds has reached the limit."""
        while self._matched and self._matched[0][0] <= now_ns - WINDOW_NS:
            self._matched.popleft()
        return sum(quantity for _, quantity in self._matched) >= self.limit

    def reset(self) -> None:
        self.is_triggered = False
        self._matched.clear()

    def body(self, *, with_orders: bool) -> dict[str, Any]:
        body: dict[str, Any] = {
            "is_auto_cancel_enabled": True,
            "contracts_limit_fp": fp(self.limit),
            "exchange_index": self.exchange_index,
        }
        if with_orders:
            return {**body, "orders": sorted(self.orders)}
        return {"id": self.group_id, **body}
