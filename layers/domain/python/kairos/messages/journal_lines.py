"""Events that no venue frame carries, as journal lines, so that a live session replays from them.

`{"recv_ns":…,"src":"shell","type":"OrderFilled","data":{…}}`; `data` is the event, field by field.
"""

from __future__ import annotations

from typing import Any, Final, get_args

import msgspec

from kairos.errors import Malformed
from kairos.messages.events import (
    AccountReport,
    ControlChanged,
    Event,
    HealthObserved,
    MarketDetermined,
    OrderReport,
)

SOURCE: Final = "shell"
ShellEvent = OrderReport | AccountReport | HealthObserved | ControlChanged | MarketDetermined
_KINDS: Final[dict[str, type[Any]]] = {kind.__name__: kind for kind in get_args(ShellEvent)}
_encode = msgspec.json.Encoder().encode


class _Line(msgspec.Struct, gc=False):
    src: str
    type: str
    data: msgspec.Raw


_decode = msgspec.json.Decoder(_Line).decode


def event_line(event: ShellEvent) -> bytes:
    """The line that a journal keeps of an event."""
    kind = type(event).__name__
    if kind not in _KINDS:
        raise Malformed("unknown_type", "type", f"{kind} is no event of the shell's own")
    line = b'{"recv_ns":%d,"src":"%b","type":"%b","data":%b}'
    return line % (event.recv_ns, SOURCE.encode(), kind.encode(), _encode(event))


def event_of(line: bytes) -> Event | None:
    """The event a line keeps; None for a line that is not the shell's.

    Raises Malformed for a line of the shell's that names no event or does not hold it whole.
    """
    try:
        envelope = _decode(line)
    except msgspec.DecodeError:
        return None
    if envelope.src != SOURCE:
        return None
    kind = _KINDS.get(envelope.type)
    if kind is None:
        raise Malformed("unknown_type", "type", f"{envelope.type} is no event of the shell's own")
    try:
        event: Event = msgspec.json.decode(envelope.data, type=kind)
    except msgspec.ValidationError as error:
        raise Malformed("wrong_type", "data", str(error)) from error
    return event
