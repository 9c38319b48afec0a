"""The paper gateway: the simulated venue behind the port that the live one has.

Time comes with the commands and events, and reports come out of `PaperVenue.advance`, so that paper
and replay stay the same; whoever runs the session feeds the venue its market data. The simulated
venue amends nothing: an amend is rejected, and the order stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable

from hotpath.paper.venue import PaperVenue
from kairos.domain.refusals import Refusal
from kairos.messages.commands import AmendOrder, CancelOrder, SubmitOrder
from kairos.messages.events import AmendRejected


class PaperGateway:
    """`kairos.ports.OrderGateway` over a `PaperVenue`."""

    def __init__(self, venue: PaperVenue, inbox: Callable[[AmendRejected], None]) -> None:
        self.venue = venue
        self._inbox = inbox

    def submit(self, command: SubmitOrder) -> None:
        self.venue.submit(command)

    def cancel(self, command: CancelOrder) -> None:
        self.venue.cancel(command)

    def amend(self, command: AmendOrder) -> None:
        rejected = AmendRejected(command.ts_ns, command.client_order_id, Refusal.UNSUPPORTED)
        self._inbox(rejected)
