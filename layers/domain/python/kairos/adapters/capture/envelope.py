"""The envelope of a captured line, field by field, for lines that the fast way cannot take."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final

import msgspec

from kairos.adapters.coinbase.parsing import nanoseconds
from kairos.domain.units import NANOSECONDS_PER_MILLISECOND
from kairos.errors import Malformed

# 2015-01-01 … 2100-01-01: a receive time outside this is no time at all.
RECV_NS_MIN: Final = 1_420_070_400_000_000_000
RECV_NS_MAX: Final = 4_102_444_800_000_000_000

_MISSING = re.compile(r"missing required field `([^`]*)`")
_UNKNOWN = re.compile(r"contains unknown field `([^`]*)`")
_TAG = re.compile(r"Invalid value '?\"?([^'\"]*)'?\"? - at `\$\.?[a-z.]*type`")
_PATH = re.compile(r" - at `\$\.?([^`]*)`")
_decode_any = msgspec.json.Decoder().decode


def object_of(line: bytes) -> dict[str, Any]:
    """Raises Malformed when the line is no JSON object."""
    try:
        value = _decode_any(line)
    except msgspec.DecodeError as error:
        raise Malformed("not_json", "line", str(error)) from error
    except UnicodeDecodeError as error:
        raise Malformed("not_json", "line", "is not UTF-8") from error
    if not isinstance(value, dict):
        raise Malformed("not_an_object", "line", f"is a JSON {type(value).__name__}")
    return value


def raw_of(fields: dict[str, Any]) -> dict[str, Any]:
    """The venue's message: an object, or verbatim text that holds one. Raises Malformed."""
    raw = fields.get("raw")
    if raw is None and isinstance(fields.get("raw_text"), str):
        raw = fields["raw"] = object_of(fields["raw_text"].encode())
    if not isinstance(raw, dict):
        raise Malformed("missing_field", "raw", "no venue message on the line")
    return raw


def text_of(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if value is None:
        raise Malformed("missing_field", name, "is absent")
    if not isinstance(value, str):
        raise Malformed("wrong_type", name, f"is {type(value).__name__}, not text")
    return value


def kind_of(fields: dict[str, Any]) -> str:
    """What a line is counted as."""
    raw = fields.get("raw")
    inner = raw.get("type") or raw.get("event_type") if isinstance(raw, dict) else None
    return str(inner or fields.get("type") or "untyped")


def recv_ns_of(fields: dict[str, Any]) -> int:
    """Receive time; where the recorder kept none, the venue's time has to do. Raises Malformed."""
    recv_ns = fields.get("recv_ns")
    for name in ("recv_ts_ms", "venue_ts_ms"):
        if recv_ns is None and isinstance(fields.get(name), int):
            recv_ns = fields[name] * NANOSECONDS_PER_MILLISECOND
    if recv_ns is None and isinstance(fields.get("venue_ts"), str):
        recv_ns = _from_iso(fields["venue_ts"])
    if recv_ns is None:
        raise Malformed("missing_field", "recv_ns", "neither receive nor venue time is present")
    if type(recv_ns) is not int:
        raise Malformed("wrong_type", "recv_ns", f"is {type(recv_ns).__name__}, not an integer")
    if not is_time(recv_ns):
        raise Malformed("time_out_of_range", "recv_ns", f"{recv_ns} is no time since 2015")
    return recv_ns


def is_time(value: object) -> bool:
    """Whether it can have been a receive time."""
    return type(value) is int and RECV_NS_MIN <= value <= RECV_NS_MAX


def integer_of(value: object) -> int | None:
    return value if type(value) is int else None


def market_of(msg: dict[str, Any]) -> str | None:
    market = msg.get("market_ticker")
    return market if isinstance(market, str) else None


def _from_iso(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Malformed("bad_time", "venue_ts", str(error)) from error
    if moment.tzinfo is None:
        raise Malformed("bad_time", "venue_ts", f"{text!r} does not say its zone")
    return nanoseconds(moment)


def from_validation(error: msgspec.ValidationError) -> Malformed:
    """What a schema did not find, in our words."""
    text = str(error)
    path = _PATH.search(text)
    where = path[1] if path else ""
    if missing := _MISSING.search(text):
        return Malformed("missing_field", f"{where}.{missing[1]}".lstrip("."), text)
    if unknown := _UNKNOWN.search(text):
        return Malformed("unknown_field", f"{where}.{unknown[1]}".lstrip("."), text)
    if _TAG.search(text):
        return Malformed("unknown_type", "type", text)
    return Malformed("wrong_type", where or "line", text)
