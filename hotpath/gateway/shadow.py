"""The shadow gateway: everything but sending. It writes down what would have left.

An order's exposure is given back at once by an `OrderClosed` with reason `shadow`: it was sent
nowhere, so nothing of it can fill and nothing may stay reserved for it. There is no `OrderAccepted`
and no fill, because no venue spoke.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from kairos.messages.commands import AmendOrder, CancelOrder, SubmitOrder
from kairos.messages.events import Event, OrderClosed
from kairos.ports import Clock, JournalWriter

SHADOW = "shadow"
_encode = msgspec.json.Encoder().encode


class ShadowGateway:
    """`kairos.ports.OrderGateway`; the inbox must queue, as with every gateway."""

    def __init__(
        self, clock: Clock, inbox: Callable[[Event], None], journal: JournalWriter | None
    ) -> None:
        self._clock = clock
        self._inbox = inbox
        self._journal = journal

    def submit(self, command: SubmitOrder) -> None:
        self._write_down(command)
        self._inbox(OrderClosed(self._clock.now_ns(), command.client_order_id, SHADOW))

    def cancel(self, command: CancelOrder) -> None:
        """Nothing rests, so there is nothing that a cancel would change."""
        self._write_down(command)

    def amend(self, command: AmendOrder) -> None:
        self._write_down(command)

    def _write_down(self, command: SubmitOrder | CancelOrder | AmendOrder) -> None:
        if self._journal is not None:
            name = type(command).__name__.encode()
            line = b'{"src":"kairos","type":"shadow_%b","data":%b}' % (name, _encode(command))
            self._journal.append(line)
