"""What a process that died may have left at the venue, proved before the next one sends anything.

The dead one's journal names its orders without an end. A request that was under way when it died
can reach the venue a while later, so that time is waited out; then each order is asked for by name.
What rests or was filled is in the account that is opened afterwards; nothing else can come.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from hotpath.gateway.recovery import remember, unproved_orders
from hotpath.journal import is_journal, read_records
from kairos.domain.units import NANOSECONDS_PER_SECOND
from kairos.messages.commands import SubmitOrder
from kairos.ports import Clock, VenueTrading

SESSIONS_MAX: Final = 20  # how many sessions are looked through for one that ended well
ENDED: Final = "summary.json"  # written last, when nothing was left open
_log = logging.getLogger("kairos.account")


class Proof(NamedTuple):
    """What became of an order of an earlier session: its status, None where it never arrived."""

    client_order_id: str
    market: str
    status: str | None
    filled: int


def earlier_journals(root: Path, current: Path) -> Iterator[Path]:
    """Journals of sessions below `root` that did not end, newest first, back to one that did."""
    if not root.is_dir():
        return
    sessions = sorted((each for each in root.iterdir() if each.is_dir()), reverse=True)
    for session in [each for each in sessions if each != current][:SESSIONS_MAX]:
        if (session / ENDED).exists():
            return
        journal = session / "journal"
        if journal.is_dir() and is_journal(journal):
            yield journal


def orders_left(journals: Iterator[Path]) -> list[SubmitOrder]:
    """Orders that were sent, and of which no journal says how they ended."""
    found: dict[str, SubmitOrder] = {}
    for journal in journals:
        for order in unproved_orders(read_records(journal, lambda _torn: None)):
            found[order.client_order_id] = order
    return list(found.values())


async def prove(
    trading: VenueTrading, clock: Clock, orders: Sequence[SubmitOrder], settle_seconds: float
) -> list[Proof]:
    """Wait until nothing can be under way any more, then ask. Raises what the venue raises: who
    cannot ask must not trade."""
    if not orders:
        return []
    await remember(trading, orders)
    settled_ns = max(order.ts_ns for order in orders)
    settled_ns += round(settle_seconds * NANOSECONDS_PER_SECOND)
    wait_s = (settled_ns - clock.now_ns()) / NANOSECONDS_PER_SECOND
    if wait_s > 0:
        await clock.sleep(min(wait_s, settle_seconds))
    proofs = []
    for order in orders:
        found = await trading.find(order.client_order_id, order.market)
        status = None if found is None else found.status.value
        proofs.append(
            Proof(order.client_order_id, order.market, status, 0 if found is None else found.filled)
        )
    left = [proof for proof in proofs if proof.status is not None]
    _log.warning("an earlier session left %d orders open; %d arrived", len(proofs), len(left))
    return proofs
