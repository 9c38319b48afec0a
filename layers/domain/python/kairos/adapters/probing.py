"""What every venue's probe needs: the date of an answer, and how an answer fits a schema."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from datetime import UTC
from email.utils import parsedate_to_datetime
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

import msgspec

from kairos.domain.units import NANOSECONDS_PER_SECOND
from kairos.messages.diagnosis import Sample, ServerTime
from kairos.ports import Clock, HttpRequest, HttpTransport

_TIMEOUT_SECONDS: Final = 5.0
_NAMES_MAX: Final = 200


async def server_time(transport: HttpTransport, path: str, clock: Clock) -> ServerTime:
    """Ask for `path` and note the clock around it. Raises VenueError."""
    sent_ns = clock.now_ns()
    response = await transport.send(HttpRequest("GET", path), _TIMEOUT_SECONDS)
    return ServerTime(date_ns(response.headers.get("date")), sent_ns, clock.now_ns())


def date_ns(text: str | None) -> int | None:
    """An HTTP date, None when there is none or it is none."""
    try:
        moment = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * NANOSECONDS_PER_SECOND


def sample(
    what: str, kind: type[msgspec.Struct], rows: Iterable[bytes], seldom: Iterable[str] = ()
) -> Sample:
    """Hold live JSON objects against the schema that reads them; `seldom` are paths of fields that
    the venue leaves out when they do not apply."""
    broken: dict[str, None] = {}
    unread: dict[str, None] = {}
    seen: set[str] = set()
    count = 0
    for row in rows:
        count += 1
        try:
            msgspec.json.decode(row, type=kind)
            found = msgspec.json.decode(row)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            broken[str(error)[:160]] = None
            continue
        for path, is_known in _walk(kind, found, ""):
            if is_known:
                seen.add(path)
            elif len(unread) < _NAMES_MAX:
                unread[path] = None
    absent = [] if not count or broken else [
        path for path in _fields(kind, "") if path not in seen and path not in set(seldom)
    ]  # fmt: skip
    return Sample(what, count, tuple(broken), tuple(absent), tuple(unread))


def _walk(kind: type[msgspec.Struct], value: object, prefix: str) -> Iterator[tuple[str, bool]]:
    """(path, whether the schema names it) of every field of a decoded object."""
    if not isinstance(value, dict):
        return
    known = _by_wire_name(kind)
    for name, inner in value.items():
        path = f"{prefix}{name}"
        if name not in known:
            yield path, False
            continue
        yield path, True
        below = _struct_in(known[name])
        if below is not None:
            for each in inner if isinstance(inner, list) else [inner]:
                yield from _walk(below, each, f"{path}.")


def _fields(kind: type[msgspec.Struct], prefix: str) -> Iterator[str]:
    """The paths of the outermost fields; what is inside may be empty for good reasons."""
    return (f"{prefix}{name}" for name in _by_wire_name(kind))


def _by_wire_name(kind: type[msgspec.Struct]) -> dict[str, Any]:
    hints = get_type_hints(kind)
    pairs = zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True)
    return {wire: hints[field] for field, wire in pairs}


def _struct_in(hint: object) -> type[msgspec.Struct] | None:
    """The struct that a field holds, by itself, in a list, or perhaps."""
    if inspect.isclass(hint) and issubclass(hint, msgspec.Struct):
        return hint
    if get_origin(hint) in (list, tuple, Union, UnionType):
        inner = (_struct_in(each) for each in get_args(hint))
        return next((each for each in inner if each is not None), None)
    return None
