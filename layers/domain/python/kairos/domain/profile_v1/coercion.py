"""The loose reading of numbers that profile v1's results depend on.

Reproduces although it is wrong: text and booleans pass as numbers (`"52"` is 52 cents, True is 1),
where the engine proper refuses a message that is not exactly what it should be.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from math import isfinite
from typing import Any

Fields = Mapping[str, Any]
"""One decoded JSON object whose values have not been judged yet."""


def to_float(value: Any) -> float | None:  # noqa: ANN401
    """What `float()` makes of it; None where that fails. NaN and infinities pass."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def to_int(value: Any) -> int | None:  # noqa: ANN401
    """The whole part of a finite number or of numeric text; None for anything else."""
    number = to_float(value)
    if number is None or not isfinite(number):
        return None
    return value if isinstance(value, int) else int(number)


def parse_timestamp(value: Any) -> int | None:  # noqa: ANN401
    """UNIX seconds from a number, digits, or ISO-8601 text (naive text is UTC)."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return to_int(value)
    text = str(value).strip()
    if text.isdecimal():
        return int(text)
    return _parse_iso(text)


def _parse_iso(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return int(aware.timestamp())


def truthy_timestamp(*candidates: Any) -> int | None:  # noqa: ANN401
    """The first candidate that is neither null nor zero: a time of 0 counts as missing."""
    for candidate in candidates:
        moment = to_int(candidate)
        if moment:
            return moment
    return None


def midpoint(bid: float | None, ask: float | None) -> float | None:
    """Cents halfway between bid and ask; None unless both exist."""
    if bid is None or ask is None:
        return None
    return (bid + ask) / 2.0
