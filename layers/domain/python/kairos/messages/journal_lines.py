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
    return None if envelope.src != SOURCE else _event(envelope.type, envelope.data)


def event_from(kind: str, data: object) -> Event:
    """The event that a line keeps whose JSON has been read already. Raises Malformed."""
    try:
        event: Event = msgspec.convert(data, _kind(kind))
    except msgspec.ValidationError as error:
        raise Malformed("wrong_type", "data", str(error)) from error
    return event


def _event(kind: str, data: msgspec.Raw) -> Event:
    try:
        event: Event = msgspec.json.decode(data, type=_kind(kind))
    except msgspec.ValidationError as error:
        raise Malformed("wrong_type", "data", str(error)) from error
    return event


def _kind(name: str) -> type[Any]:
    kind = _KINDS.get(name)
    if kind is None:
        raise Malformed("unknown_type", "type", f"{name} is no event of the shell's own")
    return kind
