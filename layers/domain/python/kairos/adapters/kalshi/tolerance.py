"""Frames with fields we have never seen: use what is known, count the rest, unless it may matter.

A venue adds fields without notice and a book must not die of it. But a snapshot leaves an empty
side out, so a field that is new there may be a side under a new name: that one is refused.
"""

from __future__ import annotations

import inspect
from collections import Counter
from typing import Any, Final, get_args, get_type_hints

import msgspec

from kairos.adapters.kalshi.schemas import KalshiFrame
from kairos.errors import Malformed

_NAMES_MAX: Final = 256
_ABSENCE_MEANS_EMPTY: Final = "orderbook_snapshot"


def _strict_fields(kind: object) -> frozenset[str] | None:
    """Field names of a struct that refuses unknown ones; None for anything else."""
    if inspect.isclass(kind) and issubclass(kind, msgspec.Struct):
        return (
            frozenset(kind.__struct_fields__)
            if kind.__struct_config__.forbid_unknown_fields
            else None
        )
    return None


def _known(frame: type[msgspec.Struct]) -> tuple[frozenset[str], frozenset[str] | None]:
    hint = get_type_hints(frame).get("msg")
    return frozenset(frame.__struct_fields__) | {"type"}, _strict_fields(hint)


_KNOWN: Final = {str(frame.__struct_config__.tag): _known(frame) for frame in get_args(KalshiFrame)}


def convert(raw: dict[str, Any], unknown: Counter[str]) -> KalshiFrame:
    """The frame a raw message holds; names no schema has are added to `unknown`.

    Raises Malformed (`unknown_type`, `unknown_field`) and msgspec.ValidationError.
    """
    kind = raw.get("type")
    known = _KNOWN.get(kind) if isinstance(kind, str) else None
    if known is None:
        raise Malformed("unknown_type", "type", f"{kind!r} is no message that we know")
    frame_fields, msg_fields = known
    kept = _without(raw, frame_fields, "", unknown)
    msg = kept.get("msg")
    if msg_fields is not None and isinstance(msg, dict):
        kept["msg"] = _without(msg, msg_fields, "msg.", unknown)
        if kind == _ABSENCE_MEANS_EMPTY and len(kept["msg"]) != len(msg):
            name = min(msg.keys() - msg_fields)
            raise Malformed("unknown_field", f"msg.{name}", "it may be a side of the book")
    frame: KalshiFrame = msgspec.convert(kept, KalshiFrame)
    return frame


def _without(
    fields: dict[str, Any], known: frozenset[str], prefix: str, unknown: Counter[str]
) -> dict[str, Any]:
    for name in sorted(fields.keys() - known):
        label = prefix + name
        if label in unknown or len(unknown) < _NAMES_MAX:
            unknown[label] += 1
    return {name: value for name, value in fields.items() if name in known}
