"""What a journal says is still to be proved: orders that were sent and have no end in it.

An order is written down before it leaves and its end when it is proved, so whatever stopped the
process, the orders that may rest at the venue are among these.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from kairos.messages.commands import SubmitOrder
from kairos.messages.events import OrderClosed, OrderRejected, OrderUnknown
from kairos.messages.journal_lines import event_of
from kairos.ports import RemembersOrders, VenueTrading

_SUBMITTED: Final = b'"type":"SubmitOrder"'
_SHELL: Final = b'"src":"shell"'


class _Submitted(msgspec.Struct, gc=False):
    src: str
    type: str
    data: SubmitOrder


_decode = msgspec.json.Decoder(_Submitted).decode


def unproved_orders(records: Iterable[bytes]) -> list[SubmitOrder]:
    """The orders of a journal's records, oldest first, that nothing in it brought to an end."""
    sent: dict[str, SubmitOrder] = {}
    ended: set[str] = set()
    for record in records:
        if _SUBMITTED in record:
            command = _command(record)
            if command is not None:
                sent[command.client_order_id] = command
        elif _SHELL in record:
            match event_of(record):
                case OrderRejected(client_order_id=name) | OrderClosed(client_order_id=name):
                    ended.add(name)
                case OrderUnknown(client_order_id=name):
                    ended.discard(name)
                case _:
                    pass
    return [command for name, command in sent.items() if name not in ended]


async def remember(trading: VenueTrading, orders: Iterable[SubmitOrder]) -> None:
    """Tell a venue's connection of orders it did not send itself; before `LiveGateway.restore`, and
    before anything else asks for them. Nothing where the venue keeps our ids.

    Raises VenueError when a venue that has to be asked for it cannot be: then nothing may be sent.
    """
    if isinstance(trading, RemembersOrders):
        for order in orders:
            await trading.remember(order)


def _command(record: bytes) -> SubmitOrder | None:
    """A record that only quotes such text is none of ours."""
    try:
        found = _decode(record)
    except msgspec.DecodeError:
        return None
    return found.data if found.src == "engine" and found.type == "SubmitOrder" else None
