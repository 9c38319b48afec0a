"""When the quarter-hour contracts of a session are listed, trade, close and settle."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Final, Protocol

from kairos.domain.instruments import Outcome
from kairos.domain.units import NANOSECONDS_PER_SECOND
from local.market_generator.contracts import QUARTER_HOUR, Contract
from local.venues.btc.session import BtcSession

_LISTED_BEFORE_NS: Final = 45 * NANOSECONDS_PER_SECOND
_SETTLED_AFTER_NS: Final = 5 * NANOSECONDS_PER_SECOND


class Host(Protocol):
    """A venue that lists the contracts, each in its own way."""

    def list_contract(self, contract: Contract) -> None: ...

    def open_contract(self, contract: Contract, now_ns: int) -> None: ...

    def close_contract(self, contract: Contract) -> None: ...

    def settle_contract(self, contract: Contract, outcome: Outcome) -> None: ...


class Agenda:
    """Takes the steps that are due, in order; what began before the session is taken late."""

    def __init__(self, session: BtcSession, host: Host) -> None:
        self._session = session
        self._host = host
        self._due: list[tuple[int, int, Callable[[int], None]]] = []
        for contract in session.contracts.values():
            if contract.series is QUARTER_HOUR:
                self._plan(contract)

    def _plan(self, contract: Contract) -> None:
        host = self._host
        outcome, _ = self._session.outcome(contract)
        steps: list[tuple[int, Callable[[int], None]]] = [
            (contract.open_ns - _LISTED_BEFORE_NS, lambda _now: host.list_contract(contract)),
            (contract.open_ns, lambda now_ns: host.open_contract(contract, now_ns)),
            (contract.close_ns, lambda _now: host.close_contract(contract)),
            (
                contract.close_ns + _SETTLED_AFTER_NS,
                lambda _now: host.settle_contract(contract, outcome),
            ),
        ]
        for at_ns, step in steps:
            heapq.heappush(self._due, (at_ns, len(self._due), step))

    def advance(self, now_ns: int) -> None:
        while self._due and self._due[0][0] <= now_ns:
            _, _, step = heapq.heappop(self._due)
            step(now_ns)
